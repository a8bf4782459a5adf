# SPDX-License-Identifier: GPL-2.0-or-later
"""The other servers of the internet: small TCP and UDP services; zone.py has their ports."""

import asyncio
import hashlib
import socket
import struct

from . import pattern, zone
from .wire import TOKEN

SO_ORIGINAL_DST = 80
IPV6_FREEBIND = 78
SSH_BANNER = b"SSH-2.0-testnet\r\n"


def tokens(data):
    return sorted({t.decode() for t in TOKEN.findall(data)})


class Tcp:
    """A service is a coroutine taking (reader, writer); the connection is closed after it."""

    def __init__(self, log):
        self.log = log

    async def start(self, services, host=None):
        for port, serve in services.items():
            await asyncio.start_server(self._logged(port, serve), host, port, backlog=4096)

    def _logged(self, port, serve):
        async def handle(reader, writer):
            peer, local = (writer.get_extra_info(k) for k in ("peername", "sockname"))
            self.log("accept", port=port, source=peer[0], sport=peer[1], address=local[0])
            try:
                await serve(self, reader, writer)
            except (asyncio.IncompleteReadError, OSError, ValueError):
                pass
            finally:
                writer.close()
        return handle

    async def echo_lines(self, reader, writer):
        """A database-like protocol: the client speaks first, lines are answered."""
        while line := await reader.readline():
            self.log("line", port=writer.get_extra_info("sockname")[1], tokens=tokens(line))
            writer.write(b"echo " + line)
            await writer.drain()

    async def ssh(self, reader, writer):
        """The server speaks first; then as echo_lines."""
        writer.write(SSH_BANNER)
        await self.echo_lines(reader, writer)

    async def echo(self, reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def sink(self, reader, writer):
        """Reads to the end of the client's side, then says what it read."""
        digest, size = hashlib.sha256(), 0
        while block := await reader.read(1 << 18):
            digest.update(block)
            size += len(block)
        writer.write(f"{size} {digest.hexdigest()}\n".encode())
        await writer.drain()

    async def source(self, reader, writer):
        """Reads a number, sends so many bytes, then closes."""
        for block in pattern.blocks(int(await reader.readline())):
            writer.write(block)
            await writer.drain()

    async def hangup(self, _, writer):
        """The server closes first."""
        writer.write(b"bye\n")
        await writer.drain()

    async def stall(self, _, writer):
        """Accepts and never reads."""
        writer.transport.pause_reading()
        await asyncio.sleep(60)

    async def flood(self, _, writer):
        """Sends as fast as the client lets it."""
        for block in pattern.blocks(1 << 34):
            writer.write(block)
            await writer.drain()

    async def reset(self, _, writer):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def catch_all(self, reader, writer):
        """Whatever is sent to a port that nobody else serves."""
        sock = writer.get_extra_info("socket")
        self.log("stray", port=_original_port(sock))
        data = await reader.read(65536)
        self.log("stray-data", tokens=tokens(data))
        writer.write(b"you should not be here\n")


INTERNET = {
    zone.PORT_SSH: Tcp.ssh, zone.PORT_DB: Tcp.echo_lines, zone.PORT_SINK: Tcp.sink,
    zone.PORT_SOURCE: Tcp.source, zone.PORT_HANGUP: Tcp.hangup, zone.PORT_STALL: Tcp.stall,
    zone.PORT_FLOOD: Tcp.flood, zone.PORT_RESET: Tcp.reset, zone.PORT_ECHO: Tcp.echo,
    zone.PORT_CATCH_ALL: Tcp.catch_all,
}


def _original_port(sock):
    level = socket.IPPROTO_IP if sock.family == socket.AF_INET else socket.IPPROTO_IPV6
    try:
        return struct.unpack_from("!H", sock.getsockopt(level, SO_ORIGINAL_DST, 28), 2)[0]
    except OSError:
        return sock.getsockname()[1]


def udp_socket(address, port):
    """Bound to one address, also to one that is only routed here, so that replies come from it."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    if ":" in address:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    return sock


class UdpEcho(asyncio.DatagramProtocol):
    """Answers `echo ` and the datagram; logs it."""

    def __init__(self, log, port):
        self.log, self.port = log, port

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, source):
        self.log("datagram", port=self.port, source=source[0], sport=source[1], size=len(data),
                 tokens=tokens(data))
        self.transport.sendto(b"echo " + data[:65000], source)


async def start_udp(log, addresses, port):
    loop = asyncio.get_running_loop()
    for address in addresses:
        await loop.create_datagram_endpoint(lambda: UdpEcho(log, port),
                                            sock=udp_socket(address, port))
