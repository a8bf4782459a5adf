# SPDX-License-Identifier: GPL-2.0-or-later
"""What rules of each kind do to a network: order, ICMP, hosts, redirects, limits, controllers, audit."""

import errno
import socket
import struct
import time

import probes as p
from lib import frames as f, zone
from lib.case import eventually, expect, expect_eq
from lib.confined import NetCases, Outcome, arrives, policy, stay_in, stays_in

CASES = NetCases()
BOTH4 = ((p.EVIL4, p.GOOD4), (p.EVIL6, p.GOOD6))


def open_to(t, *probes, box=None):
    for probe in probes:
        arrives(t, box or t.sb1, probe)


def closed_to(t, *probes, box=None, fast=1.0):
    if fast is None:
        stay_in(t, box or t.sb1, *probes)
        return
    for probe in probes:
        stays_in(t, box or t.sb1, probe, fast=fast)


# --- E-85: nothing is not everything.
for what, rules in (("no rule", ""), ("only a deny", "- deny: [203.0.113.0/24]")):
    @CASES.case(f"E-85 {what}: nothing is open")
    def _empty(t, rules=rules):
        t.under(policy(rules))
        for evil, good in BOTH4:
            closed_to(t, p.tcp(good, 7007), p.udp(good, 7007), p.tcp(evil, 80))
            closed_to(t, p.ping(good), fast=None)


@CASES.case("E-85 an empty file and broken ones: refused, or nobody is named in them")
def _no_policy(t):
    t.stop()
    for text in ("", " \n", "version: 1\n", "version: 1\npolicies: [", "\0", "version: 2\n"):
        result = t.command("apply", "--no-docker", "--policy", t.write(text))
        expect(result.status in (0, 2), f"apply with {text!r}", result)
        expect(result.status == 0 or result.err.strip(), f"silent about {text!r}")
    t.stop()


# --- The order of rules, across segments.
ORDER = """
- allow: ["203.0.113.66:7101", "[2001:db8:113::66]:7101"]
- deny: ["203.0.113.66:7101-7103", "[2001:db8:113::66]:7101-7103"]
- allow: ["203.0.113.66:7102-7104", "[2001:db8:113::66]:7102-7104"]
- deny: [203.0.113.0/25, "2001:db8:113::/112"]
- allow: ["any:*", "udp/any"]
"""


@CASES.case("the first rule that matches decides, over five segments")
def _order(t):
    t.under(policy(ORDER))
    for evil, good in BOTH4:
        open_to(t, p.tcp(evil, 7101), p.tcp(evil, 7104))
        closed_to(t, p.tcp(evil, 7102), p.tcp(evil, 7103), p.tcp(evil, 7105), p.tcp(good, 80),
                  p.udp(evil, 7101))
    for address in ("203.0.113.200", "2001:db8:113:1::1"):
        open_to(t, p.tcp(address, 5000), p.udp(address, 5000))


@CASES.case("any opens the internet, and none of the ranges that no name opens")
def _any(t):
    t.under(policy('- allow: ["any:*", "udp/any"]'))
    for evil, _ in BOTH4:
        open_to(t, p.tcp(evil, 80), p.udp(evil, 999))
    for address in ("169.254.169.254", "10.99.0.1", "172.30.99.1", "192.168.99.1", "100.64.99.1",
                    "100.100.100.200", "198.18.0.5", "240.0.0.1", "fd00:ec2::254", "fd77:99::1",
                    "64:ff9b::cb00:7142", "2002:cb00:7142::1", "2001:0:99::1",
                    "10.77.8.2", "fd77:8::2", p.gateway4, p.gateway6, zone.HOST4, zone.HOST6):
        closed_to(t, p.tcp(address, 7007), p.udp(address, 7007))
    closed_to(t, p.tcp(p.peer4, 80), p.udp(p.peer6, 999), fast=None)
    closed_to(t, p.protocol(p.EVIL4, 47), p.ping(p.EVIL4), fast=None)


@CASES.case("a prefix in an allow rule opens a private range, for any as well")
def _private(t):
    t.under(policy('- allow: ["10.99.0.0/24:7007", "[fd77:99::/64]:7007", "any:80"]'))
    open_to(t, p.tcp("10.99.0.1", 7007), p.tcp("fd77:99::1", 7007), p.tcp(p.EVIL4, 80))
    closed_to(t, p.tcp("10.99.0.1", 80), p.tcp("10.99.1.1", 7007), p.tcp("fd77:99::1", 80),
              p.tcp(p.EVIL4, 7007))


@CASES.case("protocols and types of ICMP that a rule names, to whom it names")
def _protocols(t):
    t.under(policy(f'- allow: ["icmp/{p.GOOD4}", "icmpv6/{p.GOOD6}", "gre/{p.GOOD4}"]\n'
                   '- allow: ["udp/203.0.113.123", "47/[2001:db8:113::10]"]'))
    open_to(t, p.ping(p.GOOD4), p.ping(p.GOOD6), p.protocol(p.GOOD4, 47), p.protocol(p.GOOD6, 47),
            p.udp("203.0.113.123", 123), p.udp("203.0.113.123", 4000))
    closed_to(t, p.ping(p.EVIL4), p.ping(p.EVIL6), p.protocol(p.EVIL4, 47),
              p.protocol(p.GOOD4, 50), p.protocol(p.GOOD4, 4), fast=None)
    closed_to(t, p.tcp(p.GOOD4, 80), p.udp(p.GOOD4, 7007))


@CASES.case("a type of ICMP opens no other")
def _types(t):
    t.under(policy('- allow: ["icmp/echo-request", "icmpv6/echo-request"]'))
    open_to(t, p.ping(p.EVIL4), p.ping(p.EVIL6))
    closed_to(t, p.ping(p.EVIL4, of=13), p.ping(p.EVIL4, of=5), p.ping(p.EVIL4, of=0),
              p.ping(p.EVIL6, of=129), p.ping(p.EVIL6, of=139), fast=None)


@CASES.case("host:PORT opens that port at the bridge's own addresses, and no other")
def _host(t):
    t.under(policy("- allow: [host:2375, udp/host:999]"))
    for gateway in (p.gateway4, p.gateway6):
        open_to(t, p.tcp(gateway, 2375), p.udp(gateway, 999))
        closed_to(t, p.tcp(gateway, 22), p.tcp(gateway, 8080), p.udp(gateway, 1900),
                  p.udp(gateway, 2375))
    for other in (zone.HOST4, zone.HOST6, "10.77.4.1", "fd77:4::1"):
        closed_to(t, p.tcp(other, 2375), p.udp(other, 999))
    closed_to(t, p.tcp(p.EVIL4, 2375))


@CASES.case("an address or any never opens the host")
def _not_host(t):
    t.under(policy(f'- allow: ["{zone.HOST4}:*", "10.77.0.1:*", "any:*"]'))
    closed_to(t, p.tcp(p.gateway4, 22), p.tcp(p.gateway6, 22), p.tcp("10.77.4.1", 2375))


# --- redirect
REDIRECT = """
- deny: ["203.0.113.66:3306"]
- redirect: ["[2001:db8:113::/64]:3306"]
  to: "[2001:db8:113::54]:5432"
- redirect: ["any:3306", "any:3307"]
  to: 203.0.113.54:5432
- allow: ["203.0.113.10:80"]
"""


def ends_at(address, port):
    """Where a connection to it ends: the address that the server saw itself under."""
    def probe(t, box, tok):
        mark = t.world.internet.mark()
        p.tcp(address, port)(t, box, tok)
        found = []

        def there():
            found[:] = [e for e in t.world.internet.since(mark, event="accept")
                        if e["source"] in (box.v4, box.v6)]
            return found
        eventually(there, f"no connection for {address}:{port}")
        return found[0]["address"], found[0]["port"]
    return probe


@CASES.case("a redirect leads where it says, and only what it names")
def _redirect(t):
    t.under(policy(REDIRECT))
    for address, port in ((p.GOOD4, 3306), (p.GOOD4, 3307), ("203.0.113.200", 3306),
                          ("198.51.100.7", 3306)):
        outcome = Outcome(t, t.sb1, ends_at(address, port), t.token())
        expect(outcome.error is None, f"{address}:{port}: {outcome}")
        expect_eq(outcome.value, ("203.0.113.54", 5432), f"{address}:{port} ends at")
    closed_to(t, p.tcp(p.EVIL4, 3306), p.tcp(p.GOOD4, 5432), p.tcp("203.0.113.54", 5432),
              p.udp(p.GOOD4, 3306), p.tcp(p.GOOD4, 443))
    open_to(t, p.tcp(p.GOOD4, 80))
    outcome = arrives(t, t.sb1, ends_at(p.GOOD6, 3306))
    expect_eq(outcome.value, ("2001:db8:113::54", 5432), "IPv6 ends at")


@CASES.case("a redirect of the network's own addresses does not reach a neighbour or the host")
def _redirect_local(t):
    t.under(policy('- redirect: ["any:22"]\n  to: 203.0.113.54:5432'))
    closed_to(t, p.tcp(p.gateway4, 2375))
    closed_to(t, p.tcp(p.peer4, 80), fast=None)
    for address in (p.gateway4, zone.HOST4):
        marks, tok = t.marks(), t.token()
        try:
            p.tcp(address, 22)(t, t.sb1, tok)
        except OSError:
            pass
        expect("services" not in t.seen(marks, tok), "the host's own port 22 was reached")


@CASES.case("a redirect to host:PORT reaches the host there and nowhere else")
def _redirect_host(t):
    t.under(policy('- redirect: ["203.0.113.66:3306"]\n  to: host:2375'))
    open_to(t, p.tcp(p.EVIL4, 3306))
    marks, tok = t.marks(), t.token()
    p.tcp(p.EVIL4, 3306)(t, t.sb1, tok)
    expect_eq(t.seen(marks, tok), ["services"], "it arrived at")
    closed_to(t, p.tcp(p.gateway4, 22), p.tcp(p.EVIL4, 80))


# --- The controller.
CONTROLLER = """
controller: {{mac: "02:42:0a:4d:00:04", ip: 10.77.0.4, egress: {egress}}}
"""


def controlled(egress, lines='- allow: ["203.0.113.10:7007"]'):
    return policy(lines, CONTROLLER.format(egress=egress))


@CASES.case("an exempt controller goes anywhere; the others do not")
def _exempt(t):
    t.under(controlled("exempt"))
    open_to(t, p.tcp(p.EVIL4, 80), p.udp(p.EVIL4, 999), box=t.sb3)
    closed_to(t, p.tcp(p.EVIL4, 80), p.udp(p.EVIL4, 999))
    open_to(t, p.tcp(p.GOOD4, 7007))


@CASES.case("a policed controller is held to the policy")
def _policed(t):
    t.under(controlled("policed"))
    open_to(t, p.tcp(p.GOOD4, 7007), box=t.sb3)
    closed_to(t, p.tcp(p.EVIL4, 80), p.udp(p.EVIL4, 999), p.tcp(p.EVIL6, 80), box=t.sb3)


for egress in ("exempt", "policed"):
    @CASES.case(f"E-06 E-07 nobody becomes the {egress} controller")
    def _forged(t, egress=egress):
        t.under(controlled(egress))
        mac, ip = t.sb3.mac, t.sb3.v4
        for src_mac, source in ((mac, ip), (mac, t.sb1.v4), (t.sb1.mac, ip)):
            for to, port in ((p.EVIL4, 999), (p.GOOD4, 7007)):
                closed_to(t, p.datagram(to, port, source=lambda _, s=source: s,
                                        src_mac=lambda _, m=src_mac: m), fast=None)
            closed_to(t, p.datagram(p.peer4, source=lambda _, s=source: s,
                                    src_mac=lambda _, m=src_mac: m,
                                    dst_mac=lambda b: b.peer.mac), fast=None)
            closed_to(t, p.segment(p.peer4, 80, f.SYN, source=lambda _, s=source: s,
                                   src_mac=lambda _, m=src_mac: m), fast=None)
        closed_to(t, p.raw_frame(lambda b, tok: f.ether(f.BROADCAST, b.mac, f.ARP, f.arp(
            2, b.mac, ip, b.peer.mac, b.peer.v4) + tok)), fast=None)

    @CASES.case(f"the {egress} controller reaches its containers; they do not reach it or each other")
    def _lateral(t, egress=egress):
        t.under(controlled(egress))
        open_to(t, p.tcp(t.sb2.v4, 80), p.tcp(t.sb2.v4, 7007), box=t.sb3)
        closed_to(t, p.tcp(t.sb3.v4, 80), p.tcp(t.sb2.v4, 80), p.udp(t.sb3.v4, 999),
                  p.udp(t.sb2.v4, 999), fast=None)

    @CASES.case(f"the {egress} controller's answers come back, and open nothing")
    def _answers(t, egress=egress):
        t.under(controlled(egress))
        with t.sb3.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(3)
            s.connect((t.sb1.v4, 7007))
            s.sendall(b"hello\n")
            expect_eq(s.recv(99), b"echo hello\n", "the answer")


@CASES.case("a controller that has another MAC than the policy says is nobody")
def _other_mac(t):
    t.under(policy('- allow: ["203.0.113.10:7007"]',
                   'controller: {mac: "02:42:0a:4d:00:99", ip: 10.77.0.4, egress: exempt}'))
    closed_to(t, p.datagram(p.EVIL4), p.datagram(p.EVIL4, src_mac=lambda b: "02:42:0a:4d:00:99"),
              box=t.sb3, fast=None)
    closed_to(t, p.tcp(p.EVIL4, 80), p.tcp(t.sb1.v4, 80), box=t.sb3, fast=None)


# --- audit
@CASES.case("mode: audit lets through and tells")
def _audit(t):
    daemon = t.under(policy('- allow: ["203.0.113.10:7007"]', settings="mode: audit"))
    mark = daemon.log.mark()
    for probe in (p.tcp(p.EVIL4, 80), p.udp(p.EVIL6, 999), p.tcp(p.EVIL6, 80), p.ping(p.EVIL4)):
        open_to(t, probe)
    event = daemon.wait_event(mark, lambda e: e["dst"] == p.EVIL4 and e["port"] == 80)
    expect_eq(event["verdict"], "audit", "verdict", event)
    daemon.wait_event(mark, lambda e: e["dst"] == p.EVIL6 and e["port"] == 999)


@CASES.case("mode: audit does not let through what is forged")
def _audit_forged(t):
    t.under(policy('- allow: ["203.0.113.10:7007"]', settings="mode: audit"))
    closed_to(t, p.datagram(p.EVIL4, source=p.peer4), p.datagram(
        p.EVIL4, src_mac=lambda b: b.net.mac(1)), p.raw_frame(
            lambda b, tok: f.ether(b.peer.mac, b.mac, f.LOCAL, tok)), fast=None)


# --- limits
@CASES.case("limits: connections")
def _connections(t):
    t.under(policy('- allow: ["203.0.113.10:7007"]', settings="limits: {connections: 5}"))
    held, refused = [], None
    try:
        for _ in range(12):
            s = t.sb1.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.settimeout(1)
            held.append(s)
            try:
                s.connect((p.GOOD4, 7007))
            except OSError as e:
                refused = e
                break
        expect(refused is not None, "twelve connections are open")
        expect(4 <= len(held) - 1 <= 6, f"{len(held) - 1} connections are open")
    finally:
        for s in held:
            s.close()


@CASES.case("limits: rate")
def _rate(t):
    t.under(policy('- allow: ["203.0.113.10:7001"]', settings="limits: {rate: 8mbit}"))
    with t.sb1.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(20)
        s.connect((p.GOOD4, 7001))
        start = time.monotonic()
        s.sendall(bytes(2 << 20))
        s.shutdown(socket.SHUT_WR)
        s.recv(200)
        seconds = time.monotonic() - start
    expect(seconds > 0.8, f"2 MiB took {seconds:.2f} s at 8 Mbit/s")


# --- Refusals are told at once.
@CASES.case("a refusal is a reset or ICMP administratively prohibited, within a second")
def _refusals(t):
    t.under(CASES.policy)
    for evil, _ in BOTH4:
        outcome = stays_in(t, t.sb1, p.tcp(evil, 80))
        expect_eq(outcome.error.errno, errno.ECONNREFUSED, f"TCP to {evil}")
        outcome = stays_in(t, t.sb1, p.udp(evil, 999))
        wanted = errno.EACCES if ":" in evil else errno.EHOSTUNREACH
        expect_eq(outcome.error.errno, wanted, f"UDP to {evil}")
    with t.sb1.inside():
        icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with icmp:
        icmp.settimeout(2)
        p.datagram(p.EVIL4)(t, t.sb1, t.token())
        message = icmp.recv(999)[20:]
        expect_eq((message[0], message[1]), (3, 13), "type and code of ICMP")


@CASES.case("ICMP errors about flows that are open get out")
def _errors(t):
    t.under(CASES.policy)
    mark = t.world.wire.mark()
    for address in (p.GOOD4, p.GOOD6):
        # Nobody listens any more: the echo is answered by port unreachable.
        p.datagram(address, 7007)(t, t.sb1, t.token())
    eventually(lambda: {1, 58} <= {e["proto"] for e in t.world.wire.since(mark)
                                   if e.get("type") in (1, 3)}, "port unreachable does not get out")


@CASES.case("an ICMP error that belongs to no flow does not pass")
def _forged_errors(t):
    t.under(CASES.policy)
    for to, kind in ((p.EVIL4, 3), (p.GOOD4, 3), (p.EVIL4, 11), (p.EVIL4, 12)):
        inner = f.ip4(to, t.sb1.v4, 17, f.udp(to, t.sb1.v4, 5, 6, b""))

        def probe(t, box, tok, to=to, kind=kind, inner=inner):
            packet = f.ip4(box.v4, to, 1, f.icmp(box.v4, to, kind, 1,
                                                 struct.pack("!I", 0) + inner + tok.encode()))
            f.send(box, f.ether(box.net.mac(1), box.mac, f.IP4, packet))
        stays_in(t, t.sb1, probe, fast=None)
    for to in (p.EVIL6, p.GOOD6):
        inner = f.ip6(to, t.sb1.v6, 17, f.udp(to, t.sb1.v6, 5, 6, b""))

        def probe6(t, box, tok, to=to, inner=inner):
            packet = f.ip6(box.v6, to, 58, f.icmp(box.v6, to, 1, 1,
                                                  struct.pack("!I", 0) + inner + tok.encode()))
            f.send(box, f.ether(box.net.mac(1), box.mac, f.IP6, packet))
        stays_in(t, t.sb1, probe6, fast=None)


@CASES.case("many rules: the last of 3,000 is as good as the first, and what is behind is closed")
def _many(t):
    lines = "\n".join(f'- allow: ["198.51.{100 + i // 250}.{i % 250 + 1}:80"]'
                      if i % 2 else f'- allow: ["203.0.113.66:{10000 + i}"]' for i in range(3000))
    t.under(policy(lines))
    open_to(t, p.tcp(p.EVIL4, 10000), p.tcp(p.EVIL4, 12998))
    closed_to(t, p.tcp(p.EVIL4, 10001), p.tcp(p.EVIL4, 13000), p.tcp(p.EVIL6, 10000))
