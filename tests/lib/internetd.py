# SPDX-License-Identifier: GPL-2.0-or-later
"""All servers of one side, in one process: `python3 -m lib.internetd internet|host LOG DIR`."""

import asyncio
import os
import resource
import socket
import sys

from . import zone
from .dnsd import Server as DnsServer
from .events import Writer
from .services import INTERNET, Tcp, start_udp, tokens, udp_socket
from .webd import Web


async def internet(log, directory):
    await Web(log, directory).start()
    await Tcp(log).start(INTERNET)
    await DnsServer(log).start(udp_socket)
    for port in (123, 443):
        hosts = [zone.both(n) for n in (123, 124, 10, 66)]
        await start_udp(log, [a for pair in hosts for a in pair], port)
    await start_udp(log, ["0.0.0.0", "::"], zone.PORT_CATCH_ALL)


async def host(log, directory):
    """What runs on the machine itself: nothing of it is the jail's business unless allowed."""
    tcp = Tcp(log)
    for address in ("127.0.0.1", "::1"):
        await tcp.start({zone.PORT_LOOPBACK: Tcp.echo_lines}, address)
    await tcp.start({zone.PORT_WILDCARD: Tcp.echo_lines})
    await Web(log, directory).start("127.0.0.1", plain=(zone.PORT_LOOPBACK_HTTP,), tls=())
    await start_udp(log, ["127.0.0.1"], zone.PORT_LOOPBACK_UDP)
    await start_udp(log, ["0.0.0.0"], zone.PORT_WILDCARD)
    for path in (line.strip() for line in open(f"{directory}/unix-sockets")):
        await _unix(log, path)
    await _unix(log, "\0" + zone.ABSTRACT)


async def _unix(log, path):
    """One message in, one out. Strangers (glibc asks a real nscd socket) are hung up on."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(path)
    if not path.startswith("\0"):
        os.chmod(path, 0o666)

    async def serve(reader, writer):
        found = tokens(await reader.read(4096))
        log("unix", path=path.replace("\0", "@"), tokens=found)
        writer.write(b"hello\n" if found else b"")
        writer.close()

    await asyncio.start_unix_server(serve, sock=sock)


async def main(role, log, directory):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    await {"internet": internet, "host": host}[role](Writer(log), directory)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
