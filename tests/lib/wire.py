# SPDX-License-Identifier: GPL-2.0-or-later
"""
The oracle: every packet that arrives on the internet's end of the host's cable.

Run as a program it logs them. TCP is logged once per connection (its SYN, or a stray segment of
none) and whenever a segment carries a token; everything else packet by packet. Only what IPv6 and
ARP need to find neighbours is left out.
"""

import contextlib
import ipaddress
import re
import socket
import struct
import sys

from . import zone
from .events import Reader, Writer

TOKEN = re.compile(rb"tok-[0-9a-f]{12}")
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, ETH_P_ARP = 0x0003, 0x0800, 0x86DD, 0x0806
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
NEIGHBOUR_TYPES = {133, 134, 135, 136, 137, 143}
PORT_PROTOS = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp", 132: "sctp", 33: "dccp",
               136: "udplite"}
TCP_SYN, TCP_RST = 0x02, 0x04


def _ipv4(data):
    head = (data[0] & 15) * 4
    return data[9], data[12:16], data[16:20], data[head:]


def _ipv6(data):
    proto, rest = data[6], data[40:]
    if proto == 0 and len(rest) >= 8:  # hop-by-hop options, as MLD has
        proto, rest = rest[0], rest[8 + rest[1] * 8:]
    return proto, data[8:24], data[24:40], rest


def parse(ethertype, data):
    """A packet as the fields of a log entry, or None when it is not worth one."""
    tokens = sorted({t.decode() for t in TOKEN.findall(data)})
    if ethertype == ETH_P_ARP and not tokens:
        return None
    if ethertype not in (ETH_P_IP, ETH_P_IPV6):
        return {"proto": f"ethertype {ethertype:04x}", "dst": "", "dport": 0, "tokens": tokens}
    proto, src, dst, rest = (_ipv4 if ethertype == ETH_P_IP else _ipv6)(data)
    entry = {"proto": PORT_PROTOS.get(proto, proto), "src": str(ipaddress.ip_address(src)),
             "dst": str(ipaddress.ip_address(dst)), "sport": 0, "dport": 0, "tokens": tokens}
    if proto in PORT_PROTOS and len(rest) >= 4:
        entry["sport"], entry["dport"] = struct.unpack("!HH", rest[:4])
    if proto == socket.IPPROTO_TCP and len(rest) >= 14:
        entry["flags"] = rest[13]
    if proto == socket.IPPROTO_ICMP and rest:
        entry["type"] = rest[0]
    if proto == socket.IPPROTO_ICMPV6 and rest:
        entry["type"] = rest[0]
        if rest[0] in NEIGHBOUR_TYPES and not tokens:
            return None
    return entry


def _tcp_is_news(entry, known):
    """Segments of a connection whose SYN is logged say nothing new, unless one has a token."""
    if entry["proto"] != "tcp":
        return True
    key = (entry["src"], entry["sport"], entry["dst"], entry["dport"])
    flags = entry.get("flags", 0)
    if flags & TCP_SYN:
        known.add(key)
        return True
    if flags & TCP_RST and not entry["tokens"]:
        return False
    return bool(entry["tokens"]) or key not in known


def capture(interface, log):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    with contextlib.suppress(PermissionError):  # only real root may
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    sock.bind((interface, ETH_P_ALL))
    known = set()
    print("ready", flush=True)
    while True:
        data, source = sock.recvfrom(2048)
        if source[2] == PACKET_OUTGOING:
            continue
        try:
            entry = parse(source[1], data)
        except (IndexError, ValueError, struct.error):
            entry = {"proto": "broken", "dst": "", "dport": 0, "tokens": []}
        if entry and _tcp_is_news(entry, known):
            log("packet", **entry)


class Wire:
    """What the cases see of it."""

    def __init__(self, path, sync_socket):
        self.log = Reader(path)
        self.sync_socket = sync_socket
        self.n_syncs = 0

    def mark(self):
        self._sync()
        return self.log.mark()

    def since(self, mark, **match):
        self._sync()
        return [p for p in self.log.since(mark, **match) if p.get("dport") != zone.PORT_SYNC]

    def leaks(self, mark, allowed=()):
        """
        Packets since mark that no rule allows. `allowed` are (proto, address, port), None for any.
        ICMP errors are the host kernel's own answers and count only when they carry a token.
        """
        return [p for p in self.since(mark) if not _allowed(p, allowed) and not _is_error(p)]

    def _sync(self):
        """Returns when everything sent up to now is in the log."""
        self.n_syncs += 1
        token = f"tok-{self.n_syncs:012x}"
        mark = self.log.mark()
        for _ in range(5):
            self.sync_socket.sendto(token.encode(), (zone.SYNC4, zone.PORT_SYNC))
            if self.log.wait(mark, timeout=1.0, dport=zone.PORT_SYNC, tokens=[token]):
                return
        raise RuntimeError("the packet log of the test internet does not answer")


def _allowed(packet, allowed):
    return any((proto is None or proto == packet["proto"])
               and (address is None or address == packet["dst"])
               and (port is None or port == packet["dport"])
               for proto, address, port in allowed)


def _is_error(packet):
    errors = {socket.IPPROTO_ICMP: (3, 11), socket.IPPROTO_ICMPV6: (1, 2, 3, 4)}
    return packet.get("type") in errors.get(packet["proto"], ()) and not packet["tokens"]


if __name__ == "__main__":
    capture(sys.argv[1], Writer(sys.argv[2]))
