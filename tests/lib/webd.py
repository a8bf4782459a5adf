# SPDX-License-Identifier: GPL-2.0-or-later
"""
The internet's web server, plain and TLS. Every request is logged; the page says who served what:

    site=good.example sni=good.example path=/ from=198.51.100.1

Paths: /bytes/N (N bytes of body), /sha256 (POST: digest of the body), /redirect/HOST, /close,
/head (the request head as it arrived), /silence and /reset (no answer), /files/PATH (a file below
www/ of the directory given; its index.html if PATH ends in a slash); anything else is the page above.
"""

import asyncio
import hashlib
import os
import socket
import ssl
import struct

from . import pattern, zone
from .wire import TOKEN

HEAD_MAX = 65536


class Web:
    def __init__(self, log, directory):
        self.log = log
        self.www = os.path.join(directory, "www")
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(f"{directory}/site.pem", f"{directory}/site.key")
        self.tls.sni_callback = lambda tls, name, _: setattr(tls, "asked_for", name)

    async def start(self, host=None, plain=(80, zone.PORT_HTTP_ALT), tls=(443,)):
        for port in plain:
            await asyncio.start_server(self._serve, host, port, limit=HEAD_MAX, backlog=1024)
        for port in tls:
            await asyncio.start_server(self._serve, host, port, limit=HEAD_MAX, backlog=1024,
                                       ssl=self.tls)

    async def _serve(self, reader, writer):
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, fields = _split(head)
        sni = getattr(writer.get_extra_info("ssl_object"), "asked_for", None)
        peer, local = (writer.get_extra_info(k) for k in ("peername", "sockname"))
        host = fields.get("host", "")
        self.log("http", method=method, path=path, host=host, sni=sni, tls=self._is_tls(writer),
                 source=peer[0], address=local[0], port=local[1],
                 tokens=sorted(t.decode() for t in TOKEN.findall(head)))
        page = f"site={host} sni={sni} path={path} from={peer[0]}\n".encode()
        if path.startswith("/bytes/"):
            await _send_pattern(writer, int(path.split("/")[2]))
            return True
        if path == "/reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                       struct.pack("ii", 1, 0))
        if path in ("/silence", "/reset"):
            return False
        if path.startswith("/redirect/"):
            _respond(writer, "302 Found", b"", f"Location: http://{path.split('/')[2]}/")
        elif path == "/sha256":
            digest = await _digest(reader, int(fields["content-length"]))
            _respond(writer, "200 OK", digest.encode())
        elif path.startswith("/files/"):
            self._send_file(writer, path.partition("?")[0][len("/files/"):])
        elif path == "/head":
            _respond(writer, "200 OK", head)
        else:
            if "content-length" in fields:
                await reader.readexactly(int(fields["content-length"]))
            _respond(writer, "200 OK", page)
        await writer.drain()
        return path != "/close" and fields.get("connection", "").lower() != "close"

    def _send_file(self, writer, name):
        path = os.path.join(self.www, name)
        try:
            with open(path + "index.html" if path.endswith("/") else path, "rb") as f:
                body = f.read()
        except OSError:
            _respond(writer, "404 Not Found", b"")
            return
        kind = "text/html" if path.endswith("/") else "application/octet-stream"
        _respond(writer, "200 OK", body, f"Content-Type: {kind}")

    @staticmethod
    def _is_tls(writer):
        return writer.get_extra_info("ssl_object") is not None


def _split(head):
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ") + ["", ""]
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), value.strip())
    return words[0], words[1], fields


def _respond(writer, status, body, *more):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *more, "", ""]
    writer.write("\r\n".join(lines).encode() + body)


async def _send_pattern(writer, size):
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
    for block in pattern.blocks(size):
        writer.write(block)
        await writer.drain()


async def _digest(reader, size):
    digest = hashlib.sha256()
    while size:
        block = await reader.read(min(size, 1 << 18))
        if not block:
            raise asyncio.IncompleteReadError(b"", size)
        digest.update(block)
        size -= len(block)
    return digest.hexdigest()
