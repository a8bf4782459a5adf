# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways out that came to mind after all others: packets that look like answers, and hops that run out."""

import socket
import struct

import probes as p
from lib import frames as f
from lib.case import expect
from lib.confined import NetCases, stays_in

CASES = NetCases()


def _sent(build):
    """A packet made of (source, destination, token), to the gateway's MAC."""
    def to(address):
        def probe(t, box, tok):
            own = box.own(address)
            p._frame(box, build(own, address, tok.encode()), address)
        return probe
    return to


answer_of_dns = _sent(lambda own, to, tok: f.ip(own, to, 17, f.udp(own, to, 53, 40000, tok)))
echo_reply = _sent(lambda own, to, tok: f.ip(own, to, 1, f.icmp(own, to, 0, 0, b"\0\7\0\1" + tok)))
timestamp = _sent(lambda own, to, tok: f.ip(own, to, 1, f.icmp(own, to, 13, 0, b"\0\7\0\1" + tok)))
syn_with_data = _sent(lambda own, to, tok: f.ip(own, to, 6, f.tcp(own, to, 40001, 80, 2, tok)))
syn_ack = _sent(lambda own, to, tok: f.ip(own, to, 6, f.tcp(own, to, 80, 40002, 0x12, tok)))
no_flags = _sent(lambda own, to, tok: f.ip(own, to, 6, f.tcp(own, to, 40004, 80, 0, tok)))
all_flags = _sent(lambda own, to, tok: f.ip(own, to, 6, f.tcp(own, to, 40005, 80, 0x3F, tok)))
from_port_0 = _sent(lambda own, to, tok: f.ip(own, to, 17, f.udp(own, to, 0, 0, tok)))
hops_end = _sent(lambda own, to, tok: f.ip4(own, to, 17, f.udp(own, to, 40003, 999, tok), ttl=2))

for what, probe, addresses in (
        ("a datagram that looks like an answer of DNS", answer_of_dns, (p.EVIL4, p.EVIL6)),
        ("an echo reply that nobody asked for", echo_reply, (p.EVIL4,)),
        ("a question for the time by ICMP", timestamp, (p.EVIL4,)),
        ("data in a SYN", syn_with_data, (p.EVIL4, p.EVIL6)),
        ("a SYN with ACK", syn_ack, (p.EVIL4, p.EVIL6)),
        ("a segment without a flag", no_flags, (p.EVIL4, p.EVIL6)),
        ("a segment with every flag", all_flags, (p.EVIL4, p.EVIL6)),
        ("a datagram from port 0 to port 0", from_port_0, (p.EVIL4, p.EVIL6)),
        ("a datagram whose hops end there", hops_end, (p.EVIL4,))):
    for address in addresses:
        CASES.contain(f"E-16 {what}, {'IPv6' if ':' in address else 'IPv4'}", probe(address))


def hop_by_hop(own, to, tok):
    return f.ip6(own, to, 0, f.destination_options(17, f.udp(own, to, 40006, 999, tok)))


def authenticated(own, to, tok):
    head = struct.pack("!BBHII", 17, 4, 0, 7, 1) + bytes(12)  # RFC 4302, 24 bytes
    return f.ip6(own, to, 51, head + f.udp(own, to, 40007, 999, tok))


def no_next_header(own, to, tok):
    return f.ip6(own, to, 59, tok)


for what, build in (("a hop-by-hop header in front of another port", hop_by_hop),
                    ("an authentication header in front of another port", authenticated),
                    ("nothing behind the head, but bytes", no_next_header)):
    for address in (p.GOOD6, p.EVIL6):
        CASES.contain(f"E-16 {what}, to {address}", _sent(build)(address))


@CASES.case("an ICMP error that quotes a flow that is open goes to nobody but its other end")
def _quoted(t):
    t.under(CASES.policy)
    for good, evil, kinds in ((p.GOOD4, p.EVIL4, (3, 11, 12)), (p.GOOD6, p.EVIL6, (1, 2, 3, 4))):
        family = socket.AF_INET6 if ":" in good else socket.AF_INET
        with t.sb1.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(3)
            s.connect((good, 7007))
            s.sendall(b"before")
            expect(s.recv(99), "no answer")
            for kind in kinds:
                stays_in(t, t.sb1, quoting(good, evil, s.getsockname()[1], kind), fast=None)


def quoting(good, evil, port, kind):
    def probe(t, box, tok):
        own = box.own(evil)
        inner = f.ip(good, own, 17, f.udp(good, own, 7007, port, tok.encode()))
        error = f.icmp(own, evil, kind, 0, bytes(4) + inner)
        p._frame(box, f.ip(own, evil, 58 if ":" in evil else 1, error), evil)
    return probe
