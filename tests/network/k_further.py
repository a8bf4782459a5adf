# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways out that came to mind after all others: packets that look like answers, and hops that run out."""

import probes as p
from lib import frames as f
from lib.confined import NetCases

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
