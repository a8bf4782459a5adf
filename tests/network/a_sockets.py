# SPDX-License-Identifier: GPL-2.0-or-later
"""E-01 to E-27: sockets and packets of every kind, out of a confined network."""

import socket
import struct
import subprocess

import probes as p
from lib import frames as f
from lib.case import eventually, expect
from lib.confined import NetCases, arrives, stays_in

CASES = NetCases()

BOTH = (("IPv4", p.EVIL4, p.GOOD4), ("IPv6", p.EVIL6, p.GOOD6))

# --- What the policy opens is open: else the denials below would mean little.
for family, _, good in BOTH:
    CASES.reach(f"open: {family}, TCP", p.tcp(good, 7007))
    CASES.reach(f"open: {family}, a port of a range", p.tcp(good, 7123))
    CASES.reach(f"open: {family}, UDP", p.udp(good, 7007))
    CASES.reach(f"open: {family}, reassembled fragments", p.fragments(good, 7007))
    CASES.reach(f"open: {family}, TCP Fast Open", p.fast_open(good, 7007))

# --- E-01, E-02: straight to it, to any port.
for family, evil, good in BOTH:
    for port in (80, 443, 22, 53, 853, 5432, 8080, 65535):
        CASES.deny(f"E-01 {family}, TCP {port}", p.tcp(evil, port))
        CASES.deny(f"E-01 {family}, UDP {port}", p.udp(evil, port))
    for port in (443, 22, 7000, 7008, 7099, 7200, 79, 81):
        CASES.deny(f"E-02 {family}, another TCP port of the good site: {port}", p.tcp(good, port))
    for port in (53, 80, 443, 7006, 7008):
        CASES.deny(f"E-02 {family}, another UDP port of the good site: {port}", p.udp(good, port))
for family, other in (("IPv4", "203.0.113.11"), ("IPv6", "2001:db8:113::11")):
    CASES.deny(f"E-02 {family}, what a deny names, TCP", p.tcp(other, 80))
    CASES.deny(f"E-02 {family}, what a deny names, UDP", p.udp(other, 7007))
    CASES.deny(f"E-02 {family}, what only another network's policy opens", p.tcp(other, 80))


@CASES.case("E-02 each network has its own policy")
def _each(t):
    t.under(CASES.policy)
    other = t.world.box["ot1"]
    for address in ("203.0.113.11", "2001:db8:113::11"):
        arrives(t, other, p.tcp(address, 80))
    for address in (p.GOOD4, p.GOOD6):
        stays_in(t, other, p.tcp(address, 7007), fast=1.0)


# --- E-03: rules and routes of the sandbox's own.
@CASES.case("E-03 what root does in its own namespace does not matter")
def _inside(t):
    t.under(CASES.policy)
    enter = t.sb1.enter()
    script = """
        nft add table inet x
        nft 'add chain inet x o { type nat hook output priority -100; }'
        nft add rule inet x o ip daddr 203.0.113.66 dnat ip to 203.0.113.10:7007
        nft flush ruleset
        ip addr add 10.77.0.99/24 dev eth0
        ip link add link eth0 name mv0 type macvlan mode bridge
        ip addr add 10.77.0.98/24 dev mv0
        ip link set mv0 up
    """
    undo = "ip addr del 10.77.0.99/24 dev eth0; ip link del mv0"
    try:
        subprocess.run([*enter, "sh", "-c", script], capture_output=True, timeout=10)
        for source in ("10.77.0.99", "10.77.0.98"):
            stays_in(t, t.sb1, p.datagram(p.EVIL4, source=lambda _, s=source: s), fast=None)
            stays_in(t, t.sb1, p.datagram(p.GOOD4, 7007, source=lambda _, s=source: s), fast=None)
        stays_in(t, t.sb1, p.tcp(p.EVIL4, 80), fast=None)
    finally:
        subprocess.run([*enter, "sh", "-c", undo], capture_output=True, timeout=10)


# --- E-04, E-05: raw sockets and frames, with our own identity.
for family, evil, good in BOTH:
    CASES.contain(f"E-05 {family}, a frame by hand", p.datagram(evil))
    CASES.contain(f"E-05 {family}, a frame by hand, TCP SYN", p.segment(evil, 80, f.SYN))
    for name, flags in (("ACK", f.ACK), ("FIN", f.FIN), ("RST", f.RST), ("SYN+ACK", f.SYN | f.ACK),
                        ("no flags", 0), ("all flags", 0x3F)):
        CASES.contain(f"E-04 {family}, TCP with {name}", p.segment(evil, 80, flags))
        CASES.contain(f"E-04 {family}, TCP with {name}, to an open port",
                      p.segment(good, 7007, flags))

# --- E-06, E-07: somebody else's MAC or address.
IDENTITIES = (
    ("the gateway's MAC", None, lambda box: box.net.mac(1)),
    ("a neighbour's MAC", None, lambda box: box.peer.mac),
    ("a MAC of nobody", None, lambda box: "02:42:0a:4d:99:99"),
    ("a multicast MAC", None, lambda box: "03:42:0a:4d:99:99"),
)
for what, _, mac in IDENTITIES:
    for family, evil, good in BOTH:
        CASES.contain(f"E-06 {what}, {family}", p.datagram(evil, src_mac=mac),
                      control="multicast" not in what)
        CASES.contain(f"E-06 {what}, {family}, to an open port",
                      p.datagram(good, 7007, src_mac=mac), control="multicast" not in what)
SOURCES = (
    ("a neighbour's address", p.peer4, p.peer6),
    ("an unused address of the network", lambda b: b.net.v4(77), lambda b: b.net.v6(77)),
    ("an address of another network", lambda b: "10.77.4.2", lambda b: "fd77:4::2"),
    ("an address of the internet", lambda b: "203.0.113.99", lambda b: "2001:db8:113::99"),
)
for what, four, six in SOURCES:
    for family, evil, good, source in (("IPv4", p.EVIL4, p.GOOD4, four),
                                       ("IPv6", p.EVIL6, p.GOOD6, six)):
        # The internet's end would take some of these for its own and log them all the same.
        CASES.contain(f"E-07 {what}, {family}", p.datagram(evil, source=source))
        CASES.contain(f"E-07 {what}, {family}, to an open port",
                      p.datagram(good, 7007, source=source))
for what, four, six in (("the gateway's address", p.gateway4, p.gateway6),
                        ("loopback", lambda b: "127.0.0.1", lambda b: "::1"),
                        ("no address", lambda b: "0.0.0.0", lambda b: "::"),
                        ("broadcast", lambda b: "255.255.255.255", lambda b: "ff02::1")):
    for family, good, source in (("IPv4", p.GOOD4, four), ("IPv6", p.GOOD6, six)):
        # A kernel drops most of these as martians by itself.
        CASES.contain(f"E-07 {what}, {family}, to an open port",
                      p.datagram(good, 7007, source=source), control=False)
CASES.contain("E-07 a neighbour's MAC and address, IPv4",
              p.datagram(p.GOOD4, 7007, source=p.peer4, src_mac=lambda b: b.peer.mac))
CASES.contain("E-07 a neighbour's MAC and address, IPv6",
              p.datagram(p.GOOD6, 7007, source=p.peer6, src_mac=lambda b: b.peer.mac))


@CASES.case("E-06 a neighbour whose MAC was forged is still reached")
def _still(t):
    t.under(CASES.policy)
    p.datagram(p.GOOD4, 7007, src_mac=lambda b: b.peer.mac)(t, t.sb1, t.token())
    t.world.sniffers["sb2"].mark(speak=False)
    arrives(t, t.sb2, p.tcp(p.GOOD4, 7007))


# --- E-08, E-09: ICMP is opened by rules only.
for family, evil, good in BOTH:
    CASES.contain(f"E-09 {family}, an echo request", p.ping(evil))
    CASES.contain(f"E-09 {family}, an echo request to the good site", p.ping(good))
    CASES.contain(f"E-09 {family}, a big echo request", p.ping(good, 1300))
for kind in (0, 3, 5, 8, 9, 10, 11, 13, 15, 17, 42):
    CASES.contain(f"E-09 ICMP type {kind}", p.ping(p.GOOD4, of=kind), control=kind == 8)
for kind in (1, 2, 3, 4, 100, 128, 129, 139, 144, 151):
    CASES.contain(f"E-09 ICMPv6 type {kind}", p.ping(p.GOOD6, of=kind), control=kind == 128)

# --- E-14: data in the SYN.
for family, evil, _ in BOTH:
    CASES.deny(f"E-14 {family}, TCP Fast Open", p.fast_open(evil, 7007))
    CASES.deny(f"E-14 {family}, MPTCP", p.tcp(evil, 80, proto=262))

# --- E-16: protocols that nobody listed, even to the good site.
PROTOCOLS = (2, 4, 33, 41, 46, 47, 50, 51, 89, 94, 97, 103, 108, 112, 115, 132, 136, 253, 255)
for number in PROTOCOLS:
    CASES.contain(f"E-16 IPv4, protocol {number}", p.protocol(p.GOOD4, number),
                  control=number not in (255,))
    CASES.contain(f"E-16 IPv6, protocol {number}", p.protocol(p.GOOD6, number),
                  control=number not in (51,))


# --- E-17: packets in packets.
def _vxlan(inner, box, to):
    frame = f.ether(box.net.mac(1), box.mac, f.IP4, inner)
    return f.udp(box.own(to), to, 4000, 4789, struct.pack("!II", 0x08000000, 7 << 8) + frame)


TUNNELS = (
    ("IPIP", 4, lambda inner, box, to: inner),
    ("GRE", 47, lambda inner, box, to: struct.pack("!HH", 0, 0x0800) + inner),
    ("ESP", 50, lambda inner, box, to: struct.pack("!II", 1, 1) + inner),
    ("VXLAN", 17, _vxlan),
)
for what, number, wrap in TUNNELS:
    for family, _, good in BOTH:
        CASES.contain(f"E-17 {what} to the good site, {family}", p.tunnel(good, number, wrap))


@CASES.case("E-17 a tunnel's end on the host unwraps nothing")
def _decapsulate(t):
    t.under(CASES.policy)
    host = ["nsenter", "--net=/run/netns/host", "ip", "link"]
    made = (("vx7", ["type", "vxlan", "id", "7", "dstport", "4789", "dev", "brt"]),
            ("gre7", ["type", "gretap", "local", "10.77.0.1", "remote", "10.77.0.2"]))
    try:
        for name, words in made:
            subprocess.run([*host, "add", name, *words], check=False, capture_output=True)
            subprocess.run([*host, "set", name, "up"], check=False, capture_output=True)
        for what, number, wrap in TUNNELS:
            stays_in(t, t.sb1, p.tunnel(p.gateway4, number, wrap), fast=None)
    finally:
        for name, _ in made:
            subprocess.run([*host, "del", name], check=False, capture_output=True)


# --- E-24: no helper opens a port because of what is said.
@CASES.case("E-24 a helper's expectation opens nothing")
def _helper(t):
    t.under(CASES.policy)
    rules = """table inet helpers {
        ct helper ftp { type "ftp" protocol tcp }
        chain pre { type filter hook prerouting priority -200; tcp dport 7007 ct helper set "ftp" }
    }"""
    try:
        t.world.nft("host", rules)
    except RuntimeError:
        rules = None  # no such helper in this kernel
    with t.sb1.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(3)
        s.connect((p.GOOD4, 7007))
        s.sendall(b"PORT 10,77,0,2,31,144\r\n")
        s.recv(99)
        stays_in(t, t.sb1, p.segment(p.GOOD4, 20, f.SYN), fast=None)
        stays_in(t, t.sb1, p.tcp(p.GOOD4, 20), fast=None)
    if rules:
        t.world.nft("host", "delete table inet helpers")


# --- E-26: fragments.
for family, evil, good in BOTH:
    CASES.contain(f"E-26 {family}, fragments", p.fragments(evil))
    CASES.contain(f"E-26 {family}, fragments to another port", p.fragments(good))
    CASES.contain(f"E-26 {family}, a tiny first fragment", p.fragments(good, first=8))
    CASES.contain(f"E-26 {family}, a lone fragment", p.fragments(good, 7007, lone=True),
                  control=False)


@CASES.case("E-26 overlapping fragments never arrive at the other port")
def _overlap(t):
    t.under(CASES.policy)
    for address in (p.GOOD4, p.GOOD6):
        marks = t.marks()
        p.overlap(address)(t, t.sb1, t.token())
        # The rest of a datagram, which is fragmented again, has no port.
        bad = [e for e in t.leaks(marks) if e["proto"] == "udp" and e["dport"] not in (0, 7007)]
        expect(not bad, f"arrived: {bad}")


# --- E-27: options of IP, routing headers, redirects.
def lsrr(box):
    return bytes([131, 7, 4]) + f.packed(box.net.gateway4)


def ssrr(box):
    return bytes([137, 7, 4]) + f.packed(box.net.gateway4)


for what, raw, control in (("record route", bytes([7, 7, 4, 0, 0, 0, 0]), True),
                           ("timestamp", bytes([68, 8, 5, 0]) + bytes(4), True),
                           ("router alert", bytes([148, 4, 0, 0]), True),
                           ("nothing but padding", bytes([1, 1, 1, 0]), True),
                           ("an unknown option", bytes([0x9E, 4, 0, 0]), True),
                           ("loose source route", lsrr, False), ("strict source route", ssrr, False)):
    CASES.contain(f"E-27 {what}", p.options4(p.EVIL4, raw), control=control)
    CASES.contain(f"E-27 {what}, to an open port", p.options4(p.GOOD4, raw, 7007), control=control)


def routing(kind, left):
    return lambda proto, payload, box: (43, f.routing_header(kind, left, p.EVIL6, proto, payload))


for kind, left in ((0, 0), (0, 1), (2, 0), (2, 1), (4, 0), (4, 1), (253, 0)):
    CASES.contain(f"E-27 routing header of type {kind}, {left} left, to an open port",
                  p.extension(p.GOOD6, routing(kind, left), 7007), control=left == 0)
CASES.contain("E-27 destination options in front of another port",
              p.extension(p.GOOD6, lambda proto, payload, box:
                          (60, f.destination_options(proto, payload)), 999))
CASES.contain("E-27 eight headers in front of another port",
              p.extension(p.GOOD6, lambda proto, payload, box:
                          (60, f.destination_options(60, f.destination_options(
                              60, f.destination_options(proto, payload)))), 999))


def answers(s):
    try:
        s.sendall(b"after")
        return bool(s.recv(99))
    except OSError:  # an ICMP error about the packet that was denied
        return False


for what, to, family, build in (
        ("record route", p.GOOD4, socket.AF_INET,
         lambda sport: p.options4(p.GOOD4, bytes([7, 7, 4, 0, 0, 0, 0]), 7007, sport)),
        ("loose source route", p.GOOD4, socket.AF_INET,
         lambda sport: p.options4(p.GOOD4, lsrr, 7007, sport)),
        ("routing header of type 0", p.GOOD6, socket.AF_INET6,
         lambda sport: p.extension(p.GOOD6, routing(0, 0), 7007, sport))):
    @CASES.case(f"E-27 {what} in a flow that is established")
    def _in_flow(t, to=to, family=family, build=build):
        t.under(CASES.policy)
        with t.sb1.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(3)
            s.connect((to, 7007))
            s.sendall(b"before")
            expect(s.recv(99), "no answer")
            stays_in(t, t.sb1, build(s.getsockname()[1]), fast=None)
            eventually(lambda: answers(s), "the flow has ended")


@CASES.case("E-27 an ICMP redirect changes no route of the host")
def _redirect(t):
    t.under(CASES.policy)
    inner = f.ip4(p.EVIL4, t.sb1.v4, 17, f.udp(p.EVIL4, t.sb1.v4, 1, 1, b"x"))
    for build in (f.ip4(t.sb1.v4, t.sb1.net.gateway4, 1,
                        f.redirect4(t.sb1.v4, t.sb1.net.gateway4, t.sb1.v4, inner)),
                  f.ip6(f.packed and t.sb1.v6, t.sb1.net.gateway6, 58,
                        f.redirect6(t.sb1.v6, t.sb1.net.gateway6, t.sb1.v6, p.EVIL6), hops=255)):
        kind = f.IP6 if build[0] >> 4 == 6 else f.IP4
        f.send(t.sb1, f.ether(t.sb1.net.mac(1), t.sb1.mac, kind, build))
    for words in (["route", "get", p.EVIL4], ["-6", "route", "get", p.EVIL6]):
        out = t.run(["nsenter", "--net=/run/netns/host", "ip", *words]).out
        expect("brt" not in out, f"the host's route: {out}")


# --- E-64: QUIC.
for family, _, good in BOTH:
    CASES.deny(f"E-64 {family}, UDP 443 of the good site", p.udp(good, 443))
