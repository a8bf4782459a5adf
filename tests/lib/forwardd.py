# SPDX-License-Identifier: GPL-2.0-or-later
"""
A resolver on the host's loopback, as many a host has: hands every question to another server and
brings the answer back. `python3 -m lib.forwardd ADDRESS SERVER`
"""

import asyncio
import sys


class _Question(asyncio.DatagramProtocol):
    """One question on its way; ends with the answer."""

    def __init__(self, answer):
        self.answer = answer

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, _):
        self.answer(data)
        self.transport.close()

    def error_received(self, _):
        self.transport.close()


class _Resolver(asyncio.DatagramProtocol):
    def __init__(self, server):
        self.server = server

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, source):
        asyncio.ensure_future(self._ask(data, lambda answer: self.transport.sendto(answer, source)))

    async def _ask(self, data, answer):
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Question(answer),
                                                           remote_addr=(self.server, 53))
        transport.sendto(data)
        await asyncio.sleep(5)
        transport.close()


async def _stream(inside, server):
    """Over TCP: both directions, as they come."""
    outside = await asyncio.open_connection(server, 53)

    async def carry(reader, writer):
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    await asyncio.gather(carry(inside[0], outside[1]), carry(outside[0], inside[1]),
                         return_exceptions=True)


async def main(address, server):
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: _Resolver(server), local_addr=(address, 53))
    await asyncio.start_server(lambda *inside: _stream(inside, server), address, 53)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
