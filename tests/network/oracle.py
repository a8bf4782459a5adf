# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests' own test: without a daemon all of this gets out of the same sandbox, and is noticed."""

import probes as p
from lib import frames as f, zone
from lib.case import Fail, expect
from lib.confined import NetCases, stays_in

CASES = NetCases()

for what, probe in (
    ("TCP", p.tcp(p.EVIL4, 80)), ("TCP, IPv6", p.tcp(p.EVIL6, 80)),
    ("UDP", p.udp(p.EVIL4, 999)), ("UDP, IPv6", p.udp(p.EVIL6, 999)),
    ("echo request", p.ping(p.EVIL4)), ("GRE", p.protocol(p.EVIL4, 47)),
    ("a forged address", p.datagram(p.EVIL4, source=p.peer4)),
    ("a forged address, IPv6", p.datagram(p.EVIL6, source=p.peer6)),
    ("the gateway's MAC", p.datagram(p.EVIL4, src_mac=lambda b: b.net.mac(1))),
    ("fragments", p.fragments(p.EVIL4)), ("fragments, IPv6", p.fragments(p.EVIL6)),
    ("IP options", p.options4(p.EVIL4, bytes([7, 7, 4, 0, 0, 0, 0]))),
    ("the gateway's service", p.tcp(p.gateway4, 22)),
    ("the gateway's service, IPv6", p.udp(p.gateway6, 999)),
    ("the host's other address", p.tcp(zone.HOST4, 2375)),
    ("mDNS", p.multicast("224.0.0.251", 5353)),
    ("a neighbour", p.tcp(p.peer4, 80)), ("a neighbour, IPv6", p.udp(p.peer6, 999)),
    ("a neighbour through the gateway", p.datagram(p.peer4)),
    ("another network", p.tcp("10.77.4.2", 80)),
    ("an ethertype of nobody", p.raw_frame(
        lambda b, tok: f.ether(b.peer.mac, b.mac, f.LOCAL, tok.ljust(60, b".")))),
    ("a tagged frame", p.datagram(p.peer4, dst_mac=lambda b: b.peer.mac, tags=((f.VLAN, 5),))),
    ("ARP", p.raw_frame(lambda b, tok: f.ether(b.peer.mac, b.mac, f.ARP, f.arp(
        2, b.mac, b.v4, b.peer.mac, b.peer.v4) + tok))),
    ("a question", p.question(zone.DNS4)), ("a question over TCP", p.question(zone.DNS6, "tcp")),
):
    @CASES.case(f"a leak is noticed: {what}")
    def _leak(t, probe=probe):
        if t.daemon or t.running:
            t.stop()
        try:
            stays_in(t, t.sb1, probe, fast=None)
        except Fail as e:
            expect("packets left" in str(e) or "arrived" in str(e), f"for another reason: {e}")
            return
        raise Fail("it was not noticed")
