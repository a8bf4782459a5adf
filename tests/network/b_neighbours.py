# SPDX-License-Identifier: GPL-2.0-or-later
"""E-28 to E-39 and E-89: neighbours, the host itself, what is below IP, other ways in and out."""

import errno
import socket
import subprocess
import time

import probes as p
from lib import bridgeworld, frames as f, zone
from lib.bridgeworld import batch, has_bridge_netfilter
from lib.case import Skip, eventually, expect, expect_eq
from lib.confined import FAST_S, NetCases, arrives, policy, setting, stay_in, stays_in

CASES = NetCases()
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM

# --- E-29, E-36: the host's own services, at every address of its own.
HOST = (
    ("the gateway", p.gateway4), ("the gateway, IPv6", p.gateway6),
    ("the host's other address", zone.HOST4), ("the host's other address, IPv6", zone.HOST6),
    ("another bridge's address", "10.77.4.1"), ("another bridge's address, IPv6", "fd77:4::1"),
)
for what, address in HOST:
    for port in (22, 2375, 6443, 7007, 8080):
        CASES.deny(f"E-36 {what}, TCP {port}", p.tcp(address, port))
    for port in (999, 1900, 5353, 7007):
        CASES.deny(f"E-36 {what}, UDP {port}", p.udp(address, port))
    CASES.contain(f"E-36 {what}, echo request", p.ping(address), control=False)
for port in (22, 7007):
    # The kernel finds no way for a reset to one of its own fe80:: addresses' peers.
    CASES.contain(f"E-29 the bridge's fe80:: address, TCP {port}", p.link_local(port, TCP))
    CASES.deny(f"E-29 the bridge's fe80:: address, UDP {port}",
               p.link_local(999 if port == 22 else port, UDP))

# --- E-30: an IPv4 destination in other forms.
CASES.deny("E-30 v4-mapped, TCP", p.mapped(p.EVIL4, 80, TCP))
CASES.deny("E-30 v4-mapped, UDP", p.mapped(p.EVIL4, 999, UDP))
for form, address in (("NAT64", "64:ff9b::cb00:710a"), ("6to4", "2002:cb00:710a::1"),
                      ("Teredo", "2001:0:99::1"), ("unique local", "fd77:99::1"),
                      ("metadata over IPv6", "fd00:ec2::254"), ("metadata", "169.254.169.254"),
                      ("private", "10.99.0.1"), ("carrier", "100.64.99.1")):
    CASES.deny(f"E-30 {form}, TCP", p.tcp(address, 7007))
    CASES.deny(f"E-30 {form}, UDP", p.udp(address, 7007))
for form, address in (("v4-mapped", f"::ffff:{p.GOOD4}"), ("v4-compatible", f"::{p.GOOD4}")):
    CASES.contain(f"E-30 {form} on the wire", p.datagram(address, 7007), control=False)


# --- E-35: everybody and groups.
def counted(name, address, port, control=True):
    """Multicast that the host listens to, as mDNS and the like do."""
    CASES.contain(f"E-35 {name}", p.multicast(address, port), control=control)


counted("mDNS", "224.0.0.251", 5353)
counted("LLMNR", "224.0.0.252", 5355)
counted("SSDP", "239.255.255.250", 1900)
counted("broadcast, DHCP", "255.255.255.255", 67)
counted("broadcast of the network", "10.77.0.255", 999, control=False)
counted("mDNS, IPv6", "ff02::fb", 5353)
counted("LLMNR, IPv6", "ff02::1:3", 5355)
counted("DHCPv6", "ff02::1:2", 547)
counted("all nodes", "ff02::1", 999)
counted("all routers", "ff02::2", 999)
counted("a group of the site", "ff05::1:3", 547)

# --- E-33: to another sandbox of the network.
for family, peer in (("IPv4", p.peer4), ("IPv6", p.peer6)):
    CASES.deny_lateral(f"E-33 {family}, TCP", p.tcp(peer, 80))
    CASES.deny_lateral(f"E-33 {family}, UDP", p.udp(peer, 999))
    CASES.contain(f"E-33 {family}, echo request", p.ping(peer))
    CASES.contain(f"E-33 {family}, SYN+ACK", p.segment(peer, 80, f.SYN | f.ACK))
    # To the neighbour's address through the gateway's MAC: a routed hairpin.
    CASES.contain(f"E-33 {family}, through the gateway", p.datagram(peer))
    CASES.contain(f"E-33 {family}, TCP through the gateway", p.segment(peer, 80, f.SYN))
    for number in (1, 4, 41, 47, 50, 58, 132, 253):
        CASES.contain(f"E-33 {family}, protocol {number}",
                      p.protocol(peer, number, dst_mac=lambda b: b.peer.mac),
                      control=number not in (1, 58))
    for what, mac in (("its MAC", lambda b: b.peer.mac), ("everybody's MAC", lambda b: f.BROADCAST),
                      ("a multicast MAC", lambda b: "01:00:5e:00:00:fb"),
                      ("a MAC of nobody, which is flooded", lambda b: "02:42:0a:4d:77:77")):
        CASES.contain(f"E-33 {family}, a frame to {what}", p.datagram(peer, dst_mac=mac))
        for tags in (((f.VLAN, 5),), ((f.VLAN, 0),), ((f.QINQ, 5),), ((f.QINQ, 5), (f.VLAN, 6))):
            name = " ".join(f"{kind:04x}/{vlan}" for kind, vlan in tags)
            CASES.contain(f"E-33 {family}, a frame to {what}, tagged {name}",
                          p.datagram(peer, dst_mac=mac, tags=tags))
ETHERTYPES = (0x88B5, 0x0000, 0x0027, 0x0805, 0x0842, 0x6003, 0x8035, 0x809B, 0x8137, 0x8847,
              0x8863, 0x8864, 0x888E, 0x88CC, 0x88E5, 0x88F7, 0x8906, 0x9000, 0xFFFF)
for kind in ETHERTYPES:
    for what, mac in (("its MAC", lambda b: b.peer.mac), ("everybody's MAC", lambda b: f.BROADCAST)):
        CASES.contain(f"E-33 ethertype {kind:04x} to {what}", p.raw_frame(
            lambda b, tok, k=kind, m=mac: f.ether(m(b), b.mac, k, tok.ljust(60, b"."))))
CASES.contain("E-33 spanning tree, LLC", p.raw_frame(
    lambda b, tok: f.ether("01:80:c2:00:00:00", b.mac, 60, b"\x42\x42\x03" + tok.ljust(60, b"."))),
    control=False)

for value in (0, 1):
    @CASES.case(f"E-33 with bridge-nf-call-iptables={value}")
    def _bridge_nf(t, value=value):
        if not has_bridge_netfilter():
            raise Skip("this kernel has no br_netfilter")
        t.under(CASES.policy)
        with setting("net.bridge.bridge-nf-call-iptables", value), \
                setting("net.bridge.bridge-nf-call-ip6tables", value), \
                setting("net.bridge.bridge-nf-call-arptables", value):
            for peer in (p.peer4, p.peer6):
                stay_in(t, t.sb1, p.udp(peer, 999), p.tcp(peer, 80), p.datagram(peer),
                        p.datagram(peer, dst_mac=lambda b: b.peer.mac, tags=((f.VLAN, 5),)))
            stays_in(t, t.sb1, p.raw_frame(
                lambda b, tok: f.ether(b.peer.mac, b.mac, f.LOCAL, tok.ljust(60, b"."))), fast=None)
            arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
            arrives(t, t.sb1, p.udp(p.GOOD6, 7007))


# --- Groups of a link (IEEE 802.1Q, table 8-1): the bridge forwards nothing to them, and hands it to the host as what
# came by the port itself, to some of them past all hooks of its own.
for last in (0x00, 0x01, 0x03, 0x0D, 0x0E, 0x0F):
    def group(box, last=last):
        return f"01:80:c2:00:00:{last:02x}"
    for what, address in (("the gateway", p.gateway4), ("the gateway, IPv6", p.gateway6),
                          ("the host's other address", zone.HOST4),
                          ("another bridge's address, IPv6", "fd77:4::1")):
        CASES.contain(f"E-36 {what}, in a frame to {group(None)}",
                      p.datagram(address, 999, dst_mac=group), control=False)


@CASES.case("E-32 a frame to a group of the link moves no neighbour's MAC to another port")
def _moved(t):
    t.under(CASES.policy)
    for last in (0x00, 0x03, 0x0E):
        arrives(t, t.sb2, p.udp(p.GOOD4, 7007))
        for kind in (f.LOCAL, 0x88CC, f.IP4):
            f.send(t.sb1, f.ether(f"01:80:c2:00:00:{last:02x}", t.sb2.mac, kind, b"x" * 46))
        time.sleep(0.02)
        out = t.run(["nsenter", "--net=/run/netns/host", "bridge", "fdb", "show", "dev",
                     t.sb1.port]).out
        expect(t.sb2.mac not in out, f"{last:02x}: at {t.sb1.port}: {out}")


# --- To other networks of the host.
for what, four, six in (("managed", "10.77.4.2", "fd77:4::2"),
                        ("not managed", "10.77.8.2", "fd77:8::2")):
    for family, address in (("IPv4", four), ("IPv6", six)):
        CASES.deny(f"E-33 a sandbox of another network, {what}, {family}, TCP",
                   p.tcp(address, 80), control=False)
        CASES.deny(f"E-33 a sandbox of another network, {what}, {family}, UDP",
                   p.udp(address, 999), control=False)


# --- What the host sends into a network arrives, and its answers come back.
@CASES.case("the host reaches its sandboxes")
def _from_host(t):
    t.under(CASES.policy)
    for address in (t.sb1.v4, t.sb1.v6):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for kind, port in ((TCP, 80), (UDP, 999)):
            with bridgeworld.syscalls.socket_in("/run/netns/host", family, kind) as s:
                s.settimeout(3)
                s.connect((address, port))
                s.send(b"hello\n")
                expect(b"echo" in s.recv(99), f"no answer of {address}")


# --- E-31: router advertisements, DHCP servers, redirects.
def ra(dst, mac):
    def build(box, tok):
        own = bridgeworld.link_local(box.mac)
        return f.ether(mac(box), box.mac, f.IP6,
                       f.ip6(own, dst(box), 58, f.router_advertisement(own, dst(box), box.mac,
                                                                       tail=tok), hops=255))
    return build


EVERYBODY = (lambda b: f.ALL_NODES, lambda b: f.ALL_NODES_MAC)
NEIGHBOUR = (p.peer6, lambda b: b.peer.mac)
HOST_ALONE = (lambda b: b.net.link_local, lambda b: b.net.mac(1))
for what, dst in (("everybody", EVERYBODY), ("a neighbour", NEIGHBOUR)):
    CASES.contain(f"E-31 a router advertisement to {what}", p.raw_frame(ra(*dst)))
    CASES.contain(f"E-31 a redirect to {what}", p.raw_frame(
        lambda b, tok, d=dst: f.ether(d[1](b), b.mac, f.IP6, f.ip6(
            bridgeworld.link_local(b.mac), d[0](b), 58,
            f.redirect6(bridgeworld.link_local(b.mac), d[0](b), b.v6, p.GOOD6, tok), hops=255))))


@CASES.case("E-31 a router advertisement changes no route of the host")
def _host_ra(t):
    t.under(CASES.policy)
    with setting("net.ipv6.conf.brt.accept_ra", 2):
        for dst in (EVERYBODY, HOST_ALONE):
            f.send(t.sb1, ra(*dst)(t.sb1, b"x"))
        time.sleep(0.05)
        out = t.run(["nsenter", "--net=/run/netns/host", "ip", "-6", "route"]).out
    expect("bad" not in out, f"the host's routes: {out}")


for what, sport, dport, four in (("DHCP", 67, 68, True), ("DHCPv6", 547, 546, False)):
    CASES.contain(f"E-31 a {what} server's answer", p.raw_frame(
        lambda b, tok, s=sport, d=dport, four=four: f.ether(
            b.peer.mac, b.mac, f.IP4 if four else f.IP6,
            f.ip(b.v4 if four else b.v6, b.peer.v4 if four else b.peer.v6, 17,
                 f.udp(b.v4 if four else b.v6, b.peer.v4 if four else b.peer.v6, s, d, tok)))))


# --- E-32: whose address it is.
def claim4(operation, address, target, mac=None, sender_mac=None, vlan=()):
    """ARP that says `address` is ours, with the token behind it."""
    def build(box, tok):
        packet = f.arp(operation, sender_mac(box) if sender_mac else box.mac, address(box),
                       box.peer.mac, target(box))
        return f.ether(mac(box) if mac else f.BROADCAST, box.mac, f.ARP, packet + tok, vlan)
    return build


def claim6(address, dst, mac):
    def build(box, tok):
        own = bridgeworld.link_local(box.mac)
        return f.ether(mac(box), box.mac, f.IP6, f.ip6(
            own, dst(box), 58, f.neighbour_advertisement(own, dst(box), address(box), box.mac, tok),
            hops=255))
    return build


def healed(probe):
    """What a control believed of it is forgotten afterwards."""
    def run(t, box, tok):
        probe(t, box, tok)
        box.peer.forget_neighbours()
        subprocess.run(["nsenter", "--net=/run/netns/host", "ip", "neigh", "flush", "dev",
                        box.net.bridge], capture_output=True, timeout=10)
    return run


for operation, word in ((1, "request"), (2, "reply")):
    for what, address in (("the gateway", p.gateway4), ("a neighbour", p.peer4),
                          ("an unused address", lambda b: b.net.v4(77)),
                          ("an address of the internet", lambda b: p.GOOD4)):
        CASES.contain(f"E-32 an ARP {word} as {what}",
                      healed(p.raw_frame(claim4(operation, address, p.peer4))))
        CASES.contain(f"E-32 an ARP {word} as {what}, gratuitous",
                      healed(p.raw_frame(claim4(operation, address, address))))
        CASES.contain(f"E-32 an ARP {word} as {what}, to one neighbour",
                      healed(p.raw_frame(claim4(operation, address, p.peer4,
                                                lambda b: b.peer.mac))))
    CASES.contain(f"E-32 an ARP {word} with another MAC inside", healed(p.raw_frame(
        claim4(operation, lambda b: b.v4, p.peer4, sender_mac=lambda b: "02:42:0a:4d:99:99"))))
    CASES.contain(f"E-32 an ARP {word}, tagged", healed(p.raw_frame(
        claim4(operation, p.gateway4, p.peer4, vlan=((f.VLAN, 0),)))))
for what, address in (("the gateway", p.gateway6), ("a neighbour", p.peer6),
                      ("the gateway's fe80::", lambda b: b.net.link_local),
                      ("an unused address", lambda b: b.net.v6(77))):
    CASES.contain(f"E-32 a neighbour advertisement as {what}, to everybody",
                  healed(p.raw_frame(claim6(address, *EVERYBODY))))
    CASES.contain(f"E-32 a neighbour advertisement as {what}, to one neighbour",
                  healed(p.raw_frame(claim6(address, *NEIGHBOUR))))


@CASES.case("E-32 the host's own neighbour table is not poisoned")
def _poison(t):
    t.under(CASES.policy)
    arrives(t, t.sb2, p.tcp(p.GOOD4, 7007))
    arrives(t, t.sb2, p.tcp(p.GOOD6, 7007))
    for operation in (1, 2):
        for mac in (None, lambda b: b.net.mac(1)):
            f.send(t.sb1, claim4(operation, p.peer4, p.gateway4, mac)(t.sb1, b""))
    f.send(t.sb1, claim6(p.peer6, *HOST_ALONE)(t.sb1, b""))
    time.sleep(0.02)
    out = t.run(["nsenter", "--net=/run/netns/host", "ip", "neigh", "show", "dev", "brt"]).out
    for line in out.splitlines():
        if line.startswith((t.sb2.v4 + " ", t.sb2.v6 + " ")):
            expect(t.sb1.mac not in line, f"poisoned: {line}")


# --- E-37: what the host publishes.
@CASES.case("E-37 a published port of the host leads nowhere that the policy does not")
def _published(t):
    t.under(CASES.policy)
    t.world.nft("host", f"""table inet published {{ chain pre {{
        type nat hook prerouting priority dstnat;
        tcp dport 18090 dnat ip to {t.sb2.v4}:80
        udp dport 18090 dnat ip to {t.sb2.v4}:999
        tcp dport 18091 dnat ip to {p.EVIL4}:80
        tcp dport 18092 redirect to :22
        udp dport 18092 redirect to :999
        tcp dport 18093 dnat ip to 10.77.4.2:80
    }}
    }}""")
    try:
        for address in (t.sb1.net.gateway4, zone.HOST4):
            for port in (18090, 18091, 18092, 18093):
                stays_in(t, t.sb1, p.tcp(address, port))
            # An ICMP error about a translated datagram that was never let through is not translated
            # back: the sender does not know it for its own.
            for port in (18090, 18092):
                stays_in(t, t.sb1, p.udp(address, port), fast=None if port == 18090 else FAST_S)
        arrives(t, t.un1, p.tcp(zone.HOST4, 18092))
        arrives(t, t.un1, p.tcp(zone.HOST4, 18090))
    finally:
        t.world.nft("host", "delete table inet published")


@CASES.case("a published port of a sandbox is reached from the internet, and answers")
def _inbound(t):
    t.under(CASES.policy)
    t.world.nft("host", f"""table inet published {{ chain pre {{
        type nat hook prerouting priority dstnat; iifname eth0 tcp dport 18090 dnat ip to {t.sb2.v4}:80
    }}
    }}""")
    try:
        with bridgeworld.syscalls.socket_in("/run/netns/internet", socket.AF_INET, TCP) as s:
            s.settimeout(3)
            s.connect((zone.HOST4, 18090))
            s.send(b"hello\n")
            expect(b"echo" in s.recv(99), "no answer")
            s.shutdown(socket.SHUT_WR)
            expect(s.recv(99) == b"", "no end")  # nothing of it is to come when it is translated no more
    finally:
        t.world.nft("host", "delete table inet published")


# --- E-89: another port, another interface, somebody new.
@CASES.case("E-89 a second cable with another MAC and address of the same sandbox")
def _second(t):
    t.under(CASES.policy)
    batch("host", "link add vsb1b type veth peer name eth1 address 02:42:0a:4d:00:63 netns sb1\n"
                  "link set vsb1b master brt\nlink set vsb1b up\n")
    try:
        batch("sb1", "link set eth1 up\n")
        marks, tok = t.marks(), t.token().encode()
        for own, to in ((t.sb1.v4, p.GOOD4), (t.sb2.v4, p.GOOD4), (t.sb1.net.gateway4, p.GOOD4),
                        (t.sb1.v6, p.GOOD6), (t.sb2.v6, p.GOOD6)):
            packet = f.ip(own, to, 17, f.udp(own, to, 4000, 7007, tok))
            kind = f.IP6 if ":" in to else f.IP4
            for mac in ("02:42:0a:4d:00:63", t.sb1.mac, t.sb2.mac, t.sb1.net.mac(1)):
                f.send(t.sb1, f.ether(t.sb1.net.mac(1), mac, kind, packet), "eth1")
        time.sleep(0.05)
        expect(not t.seen(marks, tok.decode()), "it got out by the second cable")
    finally:
        batch("host", "link del vsb1b\n")


@CASES.case("E-89 a sandbox that comes later is confined like the others, and reaches what they do")
def _later(t):
    t.under(CASES.policy)
    box = bridgeworld.Sandbox("later", bridgeworld.T, 50, t.sb2)
    with plugged(t, box):
        eventually(lambda: reaches(t, box), "it reaches nothing", 3.0)
        for address in (p.EVIL4, p.EVIL6):
            stays_in(t, box, p.tcp(address, 80))
            stays_in(t, box, p.udp(address, 999))
        stays_in(t, box, p.datagram(p.GOOD4, 7007, source=p.peer4), fast=None)
        stays_in(t, box, p.tcp(p.peer4, 80), fast=None)


def reaches(t, box, address=p.GOOD4):
    try:
        p.tcp(address, 7007)(t, box, t.token())
        return True
    except OSError:
        return False


class plugged:
    """A sandbox with its namespace for the time of a block."""

    def __init__(self, t, box):
        self.box = box

    def __enter__(self):
        bridgeworld._ip("netns", "add", self.box.name)
        ours, theirs = self.box.plug()
        batch("host", ours)
        batch(self.box.name, theirs)
        batch("host", f"link set {self.box.port} up")
        return self.box

    def __exit__(self, *_):
        batch("host", f"link del {self.box.port}")
        bridgeworld._ip("netns", "del", self.box.name)


@CASES.case("E-89 a port that leaves the bridge and comes back is as it was")
def _moved(t):
    t.under(CASES.policy)
    batch("host", f"link set {t.sb1.port} nomaster\nlink set {t.sb1.port} master brt\n")
    eventually(lambda: reaches(t, t.sb1), "it reaches nothing any more", 3.0)
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    stays_in(t, t.sb1, p.datagram(p.GOOD4, 7007, source=p.peer4), fast=None)


@CASES.case("E-89 a port moved from another bridge has the rights of where it is")
def _other_bridge(t):
    t.under(CASES.policy)
    box = t.world.box["un3"]
    batch("host", f"link set {box.port} master brt\n")
    try:
        time.sleep(0.1)
        for to in (p.EVIL4, p.GOOD4):
            stays_in(t, box, p.datagram(to, 7007, source=lambda b: t.sb1.v4), fast=None)
            stays_in(t, box, p.datagram(to, 7007, source=lambda b: t.sb1.v4,
                                        src_mac=lambda b: t.sb1.mac), fast=None)
    finally:
        batch("host", f"link set {box.port} master bru\n")
    arrives(t, box, p.udp(p.EVIL4, 999))


@CASES.case("E-89 a sandbox that renames its interface and takes another address gains nothing")
def _renamed(t):
    t.under(CASES.policy)
    batch("sb1", f"addr add {t.sb1.net.v4(77)}/24 dev eth0\n")
    try:
        time.sleep(0.15)
        stays_in(t, t.sb1, p.datagram(p.GOOD4, 7007, source=lambda b: b.net.v4(77)), fast=None)
    finally:
        batch("sb1", f"addr del {t.sb1.net.v4(77)}/24 dev eth0\n")


# --- lateral: allow
@CASES.case("lateral: allow opens the way to the neighbours, and no other")
def _lateral(t):
    t.under(policy('- allow: ["203.0.113.10:7007", "[2001:db8:113::10]:7007"]', "lateral: allow"))
    for peer in (p.peer4, p.peer6):
        for probe in (p.tcp(peer, 80), p.udp(peer, 999), p.datagram(peer)):
            arrives(t, t.sb1, probe)
    for probe in (p.tcp(p.EVIL4, 80), p.tcp(p.EVIL6, 80), p.tcp(p.gateway4, 22),
                  p.udp(p.gateway6, 999)):
        stays_in(t, t.sb1, probe)
    for probe in (p.datagram(p.peer4, source=p.gateway4, dst_mac=lambda b: b.peer.mac),
                  p.datagram(p.peer4, dst_mac=lambda b: b.peer.mac, src_mac=lambda b: b.net.mac(1)),
                  p.datagram(p.peer4, dst_mac=lambda b: b.peer.mac, tags=((f.VLAN, 5),)),
                  p.raw_frame(lambda b, tok: f.ether(b.peer.mac, b.mac, f.LOCAL, tok)),
                  p.raw_frame(claim4(2, p.gateway4, p.peer4)),
                  p.raw_frame(ra(*EVERYBODY))):
        stays_in(t, t.sb1, probe, fast=None)


@CASES.case("a refusal by a neighbour's port is told at once, in both families")
def _at_once(t):
    t.under(CASES.policy)
    if not t.world.bridge_rejects:
        raise Skip("this kernel cannot reject in the bridge family (CONFIG_NFT_BRIDGE_REJECT)")
    for peer in (p.peer4, p.peer6):
        outcome = stays_in(t, t.sb1, p.tcp(peer, 80))
        expect_eq(outcome.error and outcome.error.errno, errno.ECONNREFUSED, "TCP")
        outcome = stays_in(t, t.sb1, p.udp(peer, 999))
        expect(outcome.error and outcome.error.errno in (errno.EHOSTUNREACH, errno.EACCES,
                                                         errno.ECONNREFUSED), f"UDP: {outcome}")
