# SPDX-License-Identifier: GPL-2.0-or-later
"""
What listens on the host of bridgeworld.py and in its sandboxes: `python3 -m lib.bridged LOG`.

One process, whose sockets belong to many namespaces. TCP answers lines, UDP echoes; both log what
arrived, with the namespace in `where`.
"""

import asyncio
import contextlib
import socket
import struct
import sys

from . import syscalls
from .events import Writer
from .services import Tcp, UdpEcho

HOST_TCP = (22, 2375, 6443, 7007, 8080, 9090)
HOST_UDP = (67, 547, 999, 1900, 4789, 5353, 5355, 7007)
SANDBOX_TCP, SANDBOX_UDP = (80, 7007), (443, 999, 7007)
GROUPS4 = ("224.0.0.251", "224.0.0.252", "239.255.255.250")
GROUPS6 = ("ff02::fb", "ff02::1:3", "ff02::1:2", "ff05::1:3")
SANDBOXES = ("sb1", "sb2", "sb3", "ot1", "un1", "un2", "un3")
BRIDGES = ("brt", "brx", "bru")
IP_MULTICAST_ALL, IPV6_MULTICAST_ALL = 49, 29


def listener(netns, kind, port):
    """On every address of both families."""
    sock = syscalls.socket_in(f"/run/netns/{netns}", socket.AF_INET6, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", port))
    return sock


def join_groups():
    """As the host's own mDNS, LLMNR, SSDP and DHCP servers would, on every bridge. The sockets."""
    with syscalls.inside_netns("/run/netns/host"):
        index = {name: socket.if_nametoindex(name) for name in BRIDGES}
        four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    for i in index.values():
        for group in GROUPS4:
            request = struct.pack("=4s4si", socket.inet_aton(group), bytes(4), i)
            four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        for group in GROUPS6:
            request = struct.pack("=16si", socket.inet_pton(socket.AF_INET6, group), i)
            with contextlib.suppress(OSError):
                six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
    return four, six


class At:
    """The services of one namespace."""

    def __init__(self, log, where):
        self.where = where
        self._log = log

    def log(self, event, **fields):
        self._log(event, where=self.where, **fields)

    async def start(self, tcp, udp):
        services = Tcp(self.log)
        loop = asyncio.get_running_loop()
        for port in tcp:
            handler = services._logged(port, Tcp.echo_lines)
            await asyncio.start_server(handler, sock=listener(self.where, socket.SOCK_STREAM, port))
        for port in udp:
            await loop.create_datagram_endpoint(
                lambda p=port: UdpEcho(self.log, p),
                sock=listener(self.where, socket.SOCK_DGRAM, port))


async def main(path):
    log = Writer(path)
    groups = join_groups()
    await At(log, "host").start(HOST_TCP, HOST_UDP)
    for name in SANDBOXES:
        await At(log, name).start(SANDBOX_TCP, SANDBOX_UDP)
    print("ready", flush=True)
    await asyncio.Event().wait()
    del groups


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
