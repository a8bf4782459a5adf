# SPDX-License-Identifier: GPL-2.0-or-later
"""
The daemon on the host of the test's Docker engine, as on a machine that ran Dockside's: two JSON
files, a socket, and containers on the networks that it makes.

    box --- ds-work 10.77.201.0/24, ds-open 10.77.202.0/24 --- host's NAT --- internet
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import time

from . import image, linejson, zone
from .case import Fail, eventually, expect
from .commands import PYTHON
from .engine import HOME, Engine

DIRECTORY, RUN = f"{HOME}/dockside", "/run/dockside"
SOCKET, LOG = f"{RUN}/firewall.sock", f"{HOME}/dockside/log"
READY = re.compile(r"daemon ready: (\d+) networks?")
START_S = 10
STOP_S = 5

WORK, OPEN, BARE = "ds-work", "ds-open", "ds-bare"
SUBNETS = {WORK: "10.77.201.0/24", OPEN: "10.77.202.0/24", BARE: "10.77.203.0/24"}
CONTROLLER_IP, CONTROLLER_MAC = "10.77.201.200", "02:42:c0:ff:ee:01"  # not the MAC that Docker makes of it
POLICED_IP = "10.77.202.200"

ALLOWED, SHARED, DENIED = "good.example", "shared-a.example", "evil.example"
WEB = zone.v4(10)  # good.example's address
DATABASE = zone.v4(54)
FORBIDDEN = zone.v4(66)  # evil.example's address, which no rule names
REDIRECTED_PORT = 3306

NETWORK_CONFIG = f"""{{
  "networks": [
    {{ "name": "{WORK}", "subnet": "{SUBNETS[WORK]}", "gateway_ip": "10.77.201.1",
      "dockside_ip": "{CONTROLLER_IP}", "dockside_mac": "{CONTROLLER_MAC}",  // both of them
      "owner": "ops", "comment": "work" }},
    {{ "name": "{OPEN}", "subnet": "{SUBNETS[OPEN]}", "dockside_ip": "{POLICED_IP}",
      "dockside_egress": "policed", "comment": "open" }},
    {{ "name": "{BARE}", "subnet": "{SUBNETS[BARE]}" }}
  ]
}}
"""

FIREWALL_CONFIG = f"""{{
  "ipsets": {{
    "web": ["{ALLOWED}", "{SHARED}"],  // names
    "tuned": {{ "hostnames": ["db.example"], "refresh_interval": 30, "stale_ttl": 600,
               "dns_queries": 2, "max_entries": 100 }}
  }},
  "reviewed": "yes",
  "networks": {{
    "{WORK}": {{
      "egress": [
        {{ "proto": "tcp", "ports": [80, 443], "to": "ipset", "ipset": "web",
          "comment": "the \\"web\\"" }},
        {{ "proto": "tcp", "ports": [{zone.PORT_DB}], "to": "ipset", "ipset": "tuned" }},
        {{ "proto": "udp", "ports": [123], "to": "host", "host": "ntp.example" }},
        {{ "proto": "tcp", "ports": [{zone.PORT_ECHO}], "to": "ip", "ip": "{zone.v4(70)}" }},
        {{ "proto": "icmp", "type": "echo-request", "comment": "ping" }},
        {{ "action": "drop", "to": "all" }}
      ],
      "nat": [ {{ "match_dport": {REDIRECTED_PORT}, "to_ip": "{DATABASE}",
                 "to_port": {zone.PORT_DB}, "comment": "the database" }} ]
    }},
    "{OPEN}": {{
      "egress": [
        {{ "action": "drop", "to": "cidr", "cidr": "{FORBIDDEN}/32", "comment": "never" }},
        {{ "proto": "tcp", "ports": [80, 443] }},
        {{ "action": "drop", "to": "all" }}
      ]
    }}
  }}
}}
"""

# The same with a word that is none, and where that is.
MISTAKEN = FIREWALL_CONFIG.replace('"to": "ipset"', '"to": "ipsat"', 1)
MISTAKEN_AT = f"firewall-config.json:{MISTAKEN[:MISTAKEN.index('ipsat')].count(chr(10)) + 1}:"

# What the daemon itself may send.
RESOLVING = [(over, server, 53) for over in ("udp", "tcp") for server in (zone.DNS4, zone.DNS6)]
# What a container on ds-work may.
WORK_ALLOWS = RESOLVING + [("tcp", zone.ADDRESSES[name][0], port) for name in (ALLOWED, SHARED)
                           for port in (80, 443)] + [
    ("tcp", DATABASE, zone.PORT_DB), ("udp", zone.v4(123), 123), ("tcp", zone.v4(70), zone.PORT_ECHO)]

TCP = """
import socket, sys, time
start = time.monotonic()
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)
took = time.monotonic() - start
s.sendall(sys.argv[3].encode() + b"\\n")
print(s.recv(100), "after %.3f" % took)
"""

UDP = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
s.sendto(sys.argv[3].encode(), (sys.argv[1], int(sys.argv[2])))
print(s.recv(100))
"""

# A neighbour: says back what it is told, over TCP.
ECHO = """
import socket, threading
def serve(c):
    while data := c.recv(4096):
        c.sendall(data)
s = socket.create_server(("", 9000), backlog=64)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""
ECHO_PORT = 9000


def python(code, *words):
    return ["python3", "-ISc", code, *map(str, words)]


def tcp(address, port, tok):
    return python(TCP, address, port, tok)


def udp(address, port, tok):
    return python(UDP, address, port, tok)


def web(host, tok, address=None):
    """With an address nobody is asked for the name."""
    known = ["--resolve", f"{host}:443:{address}"] if address else []
    return ["curl", "-sS", "-f", "-m", "4", *known, f"https://{host}/{tok}"]


class Dockside:
    """One daemon at a time; containers by name. Nothing is there until it is asked for."""

    def __init__(self, bed):
        self.bed = bed
        self.process = None
        self.standard = False  # runs with the files above, and no case has changed them
        self.containers = set()
        self.has_first = False
        os.makedirs(DIRECTORY, exist_ok=True)
        os.makedirs(RUN, exist_ok=True)
        self._engine_at_its_usual_place()

    @staticmethod
    def _engine_at_its_usual_place():
        """Dockside's command line cannot name it."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink("/run/docker.sock")
        os.symlink(f"{HOME}/docker.sock", "/run/docker.sock")

    # Files

    def path(self, name):
        return f"{DIRECTORY}/{name}"

    def write(self, name, text):
        """Replaces a file, as an editor does."""
        self.standard = False
        text = text if isinstance(text, str) else json.dumps(text)
        with open(self.path(name + ".new"), "w") as f:
            f.write(text)
        os.rename(self.path(name + ".new"), self.path(name))
        return self.path(name)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def write_files(self, networks=NETWORK_CONFIG, firewall=FIREWALL_CONFIG):
        self.write("network-config.json", networks)
        self.write("firewall-config.json", firewall)

    def files(self):
        return ["--network-config", self.path("network-config.json"),
                "--firewall-config", self.path("firewall-config.json")]

    # The program

    def environment(self, more=None):
        # The names are looked up at the internet's own server, whatever the host's file says.
        return {**Engine.environment(), **(more or {})}

    def command(self, *words):
        return ["nsenter", "--net=/run/netns/host", self.bed.world.program, *map(str, words)]

    def run(self, *words, env=None, timeout=20, stdin=""):
        """One run of the program, on the host and as root, to its end."""
        return self.bed.run(self.command(*words), {"env": self.environment(env), "timeout": timeout,
                                                   "stdin": stdin})

    def start(self, *words, env=None):
        """A daemon with these words, as soon as its rules are loaded."""
        self.stop()
        self.standard = False
        with open(LOG, "w") as log:
            self.process = subprocess.Popen(self.command(*words), env=self.environment(env),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(lambda: self.is_ready() or self.process.poll() is not None,
                   f"the daemon is not ready\n{self.log()}", START_S)
        expect(self.process.poll() is None, "the daemon ended", self.log())
        return self

    def start_files(self, *more, env=None):
        """With the two files as they are now."""
        return self.start("daemon", *self.files(), "--socket", SOCKET, "--docker",
                          f"{HOME}/docker.sock", *more, env=env)

    def up(self):
        """The daemon with the files above."""
        if self.standard and self.is_alive():
            return self
        self.write_files()
        self.start_files()
        self.await_networks(*SUBNETS)
        self.await_names()
        self.standard = True
        return self

    def await_networks(self, *names):
        """They are made once the rules are loaded; that is not waited for."""
        def there():
            return all(map(self.bed.engine.network, names))
        eventually(there, f"networks are missing: {names}\n{self.log()}", START_S)

    def await_names(self):
        """They are looked up once the daemon is ready; every name of the files above has addresses."""
        def known():
            return all(name["addresses"] for name in self.must("status")["names"])
        eventually(known, f"names are not looked up\n{self.log()}", START_S)

    def policy(self, text, *more):
        """The daemon with a policy in our own words."""
        return self.start("daemon", "--policy", self.write("policy.yaml", text), "--control", SOCKET,
                          "--docker", f"{HOME}/docker.sock", *more)

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def is_ready(self):
        return READY.search(self.log()) is not None

    @staticmethod
    def log():
        try:
            with open(LOG) as f:
                return f.read()[-6000:]
        except FileNotFoundError:
            return ""

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """The rules stay."""
        if not self.process:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired as e:
            self.process.kill()
            self.process.wait()
            self.process = None
            raise Fail(f"the daemon did not end\n{self.log()}") from e
        self.process = None
        return status

    def end(self):
        """Everything away, also after a case that failed."""
        for name in list(self.containers):
            self.remove(name)
        with contextlib.suppress(Fail):
            self.stop(signal.SIGKILL)
        self.standard = False
        if self.bed.world.program:
            self.run("teardown")

    # The socket

    def ask(self, action, **fields):
        return linejson.ask(SOCKET, {"action": action, **fields})

    def must(self, action, **fields):
        """The reply to what has to succeed."""
        self.standard = self.standard and action in ("status", "refresh", "reconcile", "reload")
        reply = self.ask(action, **fields)
        expect(reply.get("status") == "ok", f"{action}: {reply}", self.log())
        return reply

    def refused(self, action, **fields):
        """The message of what must not succeed."""
        reply = self.ask(action, **fields)
        expect(reply.get("status") == "error" and reply.get("message"), f"{action}: {reply}")
        return reply["message"]

    def ask_as(self, uid, action, **fields):
        """As another user, of root's group, which the socket is open to."""
        request = json.dumps({"action": action, **fields})
        result = self.bed.run(["setpriv", f"--reuid={uid}", "--regid=0", "--clear-groups", "env",
                               f"--chdir={self.bed.world.tmp}", PYTHON, "-m", "lib.linejson", SOCKET,
                               request])
        expect(result.status == 0, "the client failed", result)
        return json.loads(result.out)

    # Containers

    def box(self, name, network, *options, command=("sleep", "infinity")):
        """A container that stays; returns the function that runs commands in it."""
        self.remove(name)
        self.containers.add(name)
        engine = self.bed.engine
        if options:  # words of docker run
            volumes = [f"--volume={volume}" for volume in image.VOLUMES]
            engine.docker("run", "--detach", "--name", name, "--network", network, *volumes,
                          *options, image.AGENT, *command)
        else:
            engine.start_container(name, network, image.AGENT, command, image.VOLUMES)
        return self.bed.inside(name)

    def words_in(self, name, command):
        return [*self.bed.engine.enter(name), *command]

    def standing(self, name, network, *options, command=("sleep", "infinity")):
        """The same box for every case that asks; `end` removes it."""
        if name not in self.containers:
            self.box(name, network, *options, command=command)
        return self.bed.inside(name)

    def remove(self, name):
        self.containers.discard(name)
        self.bed.engine.remove(name)

    @contextlib.contextmanager
    def guest(self, name, network, *options, command=("sleep", "infinity")):
        """A box for one case."""
        try:
            yield self.box(name, network, *options, command=command)
        finally:
            self.remove(name)

    def worker(self):
        return self.standing("worker", WORK)

    def controller(self):
        return self.standing("controller", WORK, "--ip", CONTROLLER_IP, "--mac-address",
                             CONTROLLER_MAC)

    def neighbour(self):
        """The address of one on ds-work that listens."""
        self.standing("neighbour", WORK, command=python(ECHO))
        return self.address("neighbour", WORK)

    def need_first(self):
        """The image of first.c."""
        if not self.has_first:
            image.first(self.bed.engine)
            self.has_first = True

    def address(self, name, network, key="IPAddress"):
        return self.bed.engine.inspect(name)["NetworkSettings"]["Networks"][network][key]

    def without_networks(self, *names):
        """They have to be made again."""
        for name in names:
            self.bed.engine.remove_network(name)

    # What is in the kernel

    def host(self, *command):
        return self.bed.run(["nsenter", "--net=/run/netns/host", *command])

    def rules(self):
        """Ours, as the kernel lists them."""
        return "".join(self.host("nft", "list", "table", family, "sallyport").out
                       for family in ("inet", "bridge"))

    def frozen_rules(self):
        """The same to compare: without what time and traffic do to them."""
        text = "".join(self.host("nft", "-s", "list", "table", family, "sallyport").out
                       for family in ("inet", "bridge"))
        text = re.sub(r"packets \d+ bytes \d+| (timeout|expires) \w+|elements = \{|[{},]", "", text)
        return "\n".join(sorted(line.strip() for line in text.splitlines()))

    def foreign_rules(self):
        """All others, without counters, with handles."""
        text = self.host("nft", "-a", "list", "ruleset").out
        tables = re.split(r"(?m)^(?=table )", text)
        others = [table for table in tables if not re.match(r"table \w+ sallyport\b", table)]
        return re.sub(r"packets \d+ bytes \d+", "packets - bytes -", "".join(others))


def await_seconds(condition, why, limit):
    """How long it took until the condition held."""
    start = time.monotonic()
    eventually(condition, why, limit, pause=0.02)
    return time.monotonic() - start
