# SPDX-License-Identifier: GPL-2.0-or-later
"""
An invented container engine: the few paths of the Engine API that the daemon asks for, on a Unix
socket, with networks and containers that exist in its answers alone.

    with FakeEngine(path) as engine:
        engine.add_network("net", "10.77.1.0/24", bridge="net0")
        engine.connect("net", "box", "10.77.1.2")

What it would say can be replaced: engine.answers["/networks"] = b"nonsense", or a function of the
handler that writes to the socket itself.
"""

import contextlib
import hashlib
import http.server
import ipaddress
import json
import os
import re
import socketserver
import threading
import time
import urllib.parse

VERSION = "1.41"


def _id_of(*words):
    return hashlib.sha256(" ".join(words).encode()).hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"

    def _serve(self):
        engine = self.server.engine
        url = urllib.parse.urlsplit(self.path)
        path = re.sub(r"^/v[0-9.]+(?=/)", "", url.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        engine.requests.append((self.command, self.path, body))
        answer = engine.answers.get(path)
        if callable(answer):
            answer(self)
            self.close_connection = True
        elif answer is not None:
            self.reply(200, answer)
        else:
            engine.serve(self, path, body)

    do_GET = do_POST = do_DELETE = _serve

    def reply(self, status, content=b"", headers=()):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        with contextlib.suppress(OSError):  # who asked may have gone
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if status != 204:
                self.wfile.write(data)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        """A client that goes away is no news."""


class FakeEngine:
    def __init__(self, path, podman=False, version=VERSION):
        self.path = path
        self.podman = podman
        self.version = version
        self.networks = {}  # name: as the API tells it
        self.requests = []  # (method, path, body)
        self.answers = {}  # path without its version: what is said instead
        self.events_ended = threading.Event()
        self._lock = threading.Lock()
        self._streams = []
        self._server = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # Its life

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._server = _Server(self.path, _Handler)
        self._server.engine = self
        self.events_ended.clear()
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        """As an engine that ends: streams are closed, the socket is gone."""
        if not self._server:
            return
        self.events_ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    # What is told

    def serve(self, handler, path, body):
        words = [urllib.parse.unquote(word) for word in path.strip("/").split("/")]
        if words == ["_ping"]:
            headers = [("Api-Version", self.version)]
            if self.podman:
                headers.append(("Libpod-Api-Version", "4.3.1"))
            return handler.reply(200, b"OK", headers)
        if words == ["events"]:
            return self._stream(handler)
        if words == ["networks"]:
            with self._lock:
                return handler.reply(200, [dict(n, Containers={}) for n in self.networks.values()])
        if words == ["networks", "create"]:
            return self._create(handler, json.loads(body))
        if words[0] == "networks" and len(words) == 2:
            return self._one(handler, words[1])
        return handler.reply(404, {"message": "page not found"})

    def _one(self, handler, key):
        with self._lock:
            found = [n for n in self.networks.values() if key in (n["Name"], n["Id"])]
        if not found:
            handler.reply(404, {"message": f"network {key} not found"})
        elif handler.command == "DELETE":
            self.remove_network(found[0]["Name"])
            handler.reply(204)
        else:
            handler.reply(200, found[0])

    def _create(self, handler, asked):
        if asked["Name"] in self.networks:
            return handler.reply(409, {"message":
                                       f"network with name {asked['Name']} already exists"})
        config = asked.get("IPAM", {}).get("Config") or []
        self._add(asked["Name"], asked["Driver"], config, asked.get("Options") or {},
                  asked.get("Internal", False))
        return handler.reply(201, {"Id": self.networks[asked["Name"]]["Id"], "Warning": ""})

    def _stream(self, handler):
        """Events, for as long as both ends live."""
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        with self._lock:
            self._streams.append(handler.wfile)
        self.events_ended.wait()
        handler.close_connection = True

    def send_event(self, data):
        """Bytes, to everybody who listens."""
        with self._lock:
            for stream in list(self._streams):
                try:
                    stream.write(b"%x\r\n%s\r\n" % (len(data), data))
                    stream.flush()
                except (OSError, ValueError):
                    self._streams.remove(stream)

    def event(self, kind, action, key, **attributes):
        now = time.time()
        self.send_event(json.dumps({
            "Type": kind, "Action": action, "Actor": {"ID": key, "Attributes": attributes},
            "scope": "local", "time": int(now), "timeNano": int(now * 1e9)}).encode() + b"\n")

    # What happens

    def _add(self, name, driver, config, options, internal):
        network = {"Name": name, "Id": _id_of(name, str(time.monotonic_ns())), "Scope": "local",
                   "Driver": driver, "EnableIPv6": any(":" in c["Subnet"] for c in config),
                   "IPAM": {"Driver": "default", "Options": None, "Config": config},
                   "Internal": internal, "Containers": {}, "Labels": {},
                   "Options": {} if self.podman else options}
        with self._lock:
            self.networks[name] = network
        self.event("network", "create", network["Id"], name=name, type=driver)

    def add_network(self, name, *subnets, bridge=None, driver="bridge", internal=False):
        """Each subnet's gateway is its first address. Without a bridge: named after the id."""
        config = [{"Subnet": s, "Gateway": str(ipaddress.ip_network(s)[1])} for s in subnets]
        options = {"com.docker.network.bridge.name": bridge} if bridge else {}
        self._add(name, driver, config, options, internal)

    def remove_network(self, name):
        with self._lock:
            network = self.networks.pop(name)
        self.event("network", "remove" if self.podman else "destroy", network["Id"], name=name)

    def connect(self, network, container, *addresses, mac="02:42:0a:4d:00:02"):
        """Each address with its length or without."""
        key = _id_of(container)
        v4 = [a for a in addresses if ":" not in a]
        v6 = [a for a in addresses if ":" in a]
        with self._lock:
            n = self.networks[network]
            n["Containers"] = {**n["Containers"], key: {
                "Name": container, "EndpointID": _id_of(network, container), "MacAddress": mac,
                "IPv4Address": v4[0] if v4 else "", "IPv6Address": v6[0] if v6 else ""}}
        self.event("network", "connect", n["Id"], container=key, name=network)
        self.event("container", "start", key, name=container)

    def disconnect(self, network, container):
        key = _id_of(container)
        with self._lock:
            n = self.networks[network]
            n["Containers"] = {k: v for k, v in n["Containers"].items() if k != key}
        self.event("network", "disconnect", n["Id"], container=key, name=network)
        self.event("container", "died" if self.podman else "die", key, name=container)

    def rename(self, container, name):
        """The id stays."""
        key = _id_of(container)
        with self._lock:
            for n in self.networks.values():
                if key in n["Containers"]:
                    n["Containers"] = {**n["Containers"],
                                       key: {**n["Containers"][key], "Name": name}}
        self.event("container", "rename", key, name=name, oldName=f"/{container}")
