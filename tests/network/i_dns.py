# SPDX-License-Identifier: GPL-2.0-or-later
"""
E-39 to E-42, E-45: what containers are answered when they ask for names. The daemon's gate answers in the place
of whatever server they ask, by the names of their policy, and with what the kernel lets pass.
"""

import contextlib
import os
import re
import signal
import struct
import time

import probes as p
from lib import dnsmsg, zone
from lib.bridgeworld import O
from lib.case import Fail, eventually, expect, expect_eq, expect_in, token
from lib.confined import BASE, NetCases, arrives, policy, stays_in

CASES = NetCases()
SECONDS = 40

RULES = '- allow: ["good.example:80", "tcp.example:7000-7010", "v4.example:*"]\n' \
        '- allow: ["alias.example:81", "udp/ntp.example:123", "nosuch.example:80"]\n' \
        '- allow: ["private.example:80"]'
NAMED = policy(RULES)

# Name: the port that is open at its addresses, and what they are.
OPEN = {"good.example": (80, zone.both(10)), "tcp.example": (7007, zone.both(70)),
        "v4.example": (9000, [zone.v4(11)]), "alias.example": (81, zone.both(10))}

SERVERS = {"the gateway": (p.gateway4, p.gateway6), "the configured server": (zone.DNS4, zone.DNS6),
           "a public server": (zone.DNS_OTHER,), "no server": (zone.SILENT4, p.EVIL4, zone.SILENT6)}


def exchange(box, message, server, over, timeout=3.0):
    """The reply's bytes."""
    to = server(box) if callable(server) else server
    kind = p.socket.SOCK_DGRAM if over == "udp" else p.socket.SOCK_STREAM
    with box.socket(p.socket.AF_INET6 if ":" in to else p.socket.AF_INET, kind) as s:
        s.settimeout(timeout)
        s.connect((to, 53))
        if over == "udp":
            s.send(message)
            return s.recv(65535)
        s.sendall(struct.pack("!H", len(message)) + message)
        data = b""
        while len(data) < 2 or len(data) < 2 + struct.unpack_from("!H", data)[0]:
            part = s.recv(65535)
            if not part:
                raise Fail(f"the stream ended after {len(data)} bytes")
            data += part
        return data[2:]


def ask(box, name, qtype=dnsmsg.A, server=p.gateway4, over="udp"):
    """(rcode, sorted addresses)"""
    reply = dnsmsg.parse(exchange(box, dnsmsg.query(7, name, qtype), server, over))
    expect_eq(reply["id"], 7, "the id")
    return reply["rcode"], sorted(value for _, kind, value, _ in reply["answers"] if kind == qtype)


def known(box, name, qtype=dnsmsg.A, timeout=3.0, **how):
    """The same, when the name is known: until then it is SERVFAIL."""
    last = []

    def there():
        last[:] = ask(box, name, qtype, **how)
        return last[0] != dnsmsg.SERVFAIL
    eventually(there, f"{name} does not resolve", timeout)
    return tuple(last)


def asked(t, mark, name):
    """What of the name has arrived at a server."""
    return [e for e in t.world.internet.since(mark, event="dns") if e["name"].lower().endswith(name)]


def dead(box, server, over):
    """A question gets no answer at all: the error."""
    try:
        reply = exchange(box, dnsmsg.query(7, "good.example"), server, over, 0.7)
    except OSError as e:
        return e
    raise Fail(f"answered: {dnsmsg.parse(reply)}")


for what, servers in SERVERS.items():
    for over in ("udp", "tcp"):
        @CASES.case(f"E-42 {what} is asked, {over}: names of rules are answered, others are not")
        def _servers(t, servers=servers, over=over):
            t.under(NAMED)
            known(t.sb1, "good.example")
            for server in servers:
                for qtype, address in ((dnsmsg.A, p.GOOD4), (dnsmsg.AAAA, p.GOOD6)):
                    expect_eq(ask(t.sb1, "good.example", qtype, server, over),
                              (dnsmsg.NOERROR, [address]), f"{server}, type {qtype}")
                name, mark = f"{token()}.evil.example", t.world.internet.mark()
                expect_eq(ask(t.sb1, name, dnsmsg.A, server, over), (dnsmsg.NXDOMAIN, []),
                          f"{server}: a denied name")
                time.sleep(0.05)
                expect(not asked(t, mark, name), f"{server}: {name} was asked for", asked(t, mark, name))


@CASES.case("E-39 no denied name reaches a server: labels, types, case, and what a rule's name is part of")
def _denied(t):
    t.under(NAMED)
    known(t.sb1, "good.example")
    mark = t.world.internet.mark()
    for name in ("evil.example", "www.good.example", "notgood.example", "example", "GOOD.example.evil.example",
                 "good.example.evil.example", "x" * 63 + ".evil.example"):
        for qtype in (dnsmsg.A, dnsmsg.AAAA, dnsmsg.TXT, dnsmsg.MX, dnsmsg.HTTPS, dnsmsg.ANY):
            rcode, found = ask(t.sb1, name, qtype)
            expect(rcode in (dnsmsg.NXDOMAIN, dnsmsg.REFUSED) and not found, f"{name} {qtype}: {rcode}")
    time.sleep(0.1)
    for name in ("evil.example", "www.good.example", "notgood.example"):
        expect(not asked(t, mark, name), f"{name} was asked for", asked(t, mark, name))


@CASES.case("E-40 other types of an allowed name carry nothing in or out")
def _types(t):
    t.under(NAMED)
    known(t.sb1, "good.example")
    mark = t.world.internet.mark()
    for qtype in (dnsmsg.TXT, dnsmsg.MX, dnsmsg.HTTPS, dnsmsg.ANY, dnsmsg.NS, dnsmsg.SRV):
        expect_eq(ask(t.sb1, "good.example", qtype)[1], [], f"type {qtype}")
    time.sleep(0.1)
    expect(not [e for e in asked(t, mark, "good.example") if e["type"] not in ("A", "AAAA")],
           "another type was asked for")


@CASES.case("what is answered is what can be connected to, at once, and nothing else is")
def _exact(t):
    for _ in range(3):
        t.start(NAMED)
        for name, (port, addresses) in OPEN.items():
            found = []
            for qtype in (dnsmsg.A, dnsmsg.AAAA):
                rcode, some = known(t.sb1, name, qtype)
                expect_eq(rcode, dnsmsg.NOERROR, name)
                for address in some:  # no later than this moment
                    p.tcp(address, port)(t, t.sb1, t.token())
                found += some
            expect_eq(sorted(found), sorted(addresses), name)
    for name, (port, addresses) in OPEN.items():
        for address in addresses:
            arrives(t, t.sb1, p.tcp(address, port))
    stays_in(t, t.sb1, p.tcp(p.GOOD4, 7007))


@CASES.case("a rotating name: each address is open when it is answered")
def _rotating(t):
    t.start(policy('- allow: ["d1.rotate.example:80"]'))
    known(t.sb1, "d1.rotate.example")
    seen, deadline = set(), time.monotonic() + 9
    while time.monotonic() < deadline:
        for address in ask(t.sb1, "d1.rotate.example")[1]:
            if address not in seen:
                p.tcp(address, 80)(t, t.sb1, t.token())
            seen.add(address)
        time.sleep(0.02)
    expect(len(seen) > 1, f"it does not rotate: {seen}")
    expect(seen <= {zone.v4(n) for n in (10, 11, 12, 13)}, f"answered with {seen}")


@CASES.case("names without addresses: no such name, and one that leads only where no name may")
def _empty(t):
    t.under(NAMED)
    expect_eq(known(t.sb1, "nosuch.example"), (dnsmsg.NXDOMAIN, []), "no such name")
    expect_eq(known(t.sb1, "private.example"), (dnsmsg.NOERROR, []), "a private address")
    stays_in(t, t.sb1, p.tcp("10.99.0.1", 80))


@CASES.case("E-45 dns: off: a question is refused at once, at whichever server")
def _off(t):
    t.under(policy('- allow: ["good.example:80", "203.0.113.70:7007"]', settings="dns: off"))
    arrives(t, t.sb1, p.tcp("203.0.113.70", 7007))
    for server in (p.gateway4, p.gateway6, zone.DNS4, zone.DNS6, zone.DNS_OTHER):
        for over in ("udp", "tcp"):
            stays_in(t, t.sb1, p.question(server, over))
            error = dead(t.sb1, server, over)
            expect(not isinstance(error, TimeoutError), f"{server}, {over}: not refused")


@CASES.case("rules for port 53 lead questions where they say, and nowhere else")
def _explicit(t):
    t.under(policy('- allow: ["good.example:80", "udp/203.0.113.53:53", "udp/[2001:db8:113::53]:53"]'))
    for server in (zone.DNS4, zone.DNS6):
        name, mark = f"{token()}.evil.example", t.world.internet.mark()
        expect_eq(ask(t.sb1, name, server=server)[0], dnsmsg.NXDOMAIN, server)
        events = asked(t, mark, name)
        expect_eq([e["source"] for e in events], [t.sb1.own(server)], f"who asked {server}")
        expect_eq(ask(t.sb1, "evil.example", dnsmsg.A, server)[1], [p.EVIL4], server)
        stays_in(t, t.sb1, p.question(server, "tcp"))
    for server in (p.gateway4, zone.DNS_OTHER):
        stays_in(t, t.sb1, p.question(server))
    # Names of rules lead to their addresses all the same.
    eventually(lambda: _connects(t, p.GOOD4, 80), "good.example does not open")


def _connects(t, address, port, box=None):
    try:
        p.tcp(address, port)(t, box or t.sb1, t.token())
        return True
    except OSError:
        return False


def two(first, second):
    """Both networks, each under its own policy."""
    return (f"version: 1\npolicies:\n  agent:\n    rules:\n      - {first}\n  other:\n    rules:\n"
            f"      - {second}\n") + BASE[BASE.index("subjects:"):]


@CASES.case("each network is answered by its own policy")
def _two(t):
    t.under(two('allow: ["good.example:80"]', 'allow: ["v4.example:80", "tcp.example:80"]'))
    ot1 = t.world.box["ot1"]
    for box, name, other in ((t.sb1, "good.example", "v4.example"), (ot1, "v4.example", "good.example")):
        for over in ("udp", "tcp"):
            expect_eq(known(box, name, over=over)[0], dnsmsg.NOERROR, f"{box.name}, {name}, {over}")
            expect_eq(ask(box, other, over=over), (dnsmsg.NXDOMAIN, []), f"{box.name}, {other}")
            # The other network's address of the gateway makes no difference.
            expect_eq(ask(t.sb1, "v4.example", server=O.gateway4, over=over)[0], dnsmsg.NXDOMAIN, over)


def gate_port(t):
    listed = t.nft("list", "table", "inet", "sallyport").out
    found = re.findall(r"redirect to :(\d+)", listed)
    expect(found and len(set(found)) == 1, "no redirect to the gate", listed)
    return int(found[0])


@CASES.case("a network without names, and one that no policy has, get nothing from the gate")
def _others(t):
    t.under(two('allow: ["good.example:80"]', 'allow: ["203.0.113.11:80"]'))
    known(t.sb1, "good.example")
    port, un1 = gate_port(t), t.un1
    for over in ("udp", "tcp"):
        dead(t.world.box["ot1"], p.gateway4, over)
    for gateway in (p.gateway4, p.gateway6):
        with un1.socket(p.socket.AF_INET6 if ":" in gateway(un1) else p.socket.AF_INET,
                        p.socket.SOCK_DGRAM) as s:
            s.settimeout(0.5)
            s.connect((gateway(un1), port))
            s.send(dnsmsg.query(7, "good.example"))
            with contextlib.suppress(OSError):
                raise Fail(f"un1 is answered: {s.recv(999)}")
    expect_eq(ask(t.sb1, "good.example")[1], [p.GOOD4], "sb1")


@CASES.case("a reload: a new name is answered, one that has left is not, and comes back")
def _reload(t):
    daemon = t.start(policy('- allow: ["good.example:80"]'))
    expect_eq(known(t.sb1, "good.example")[1], [p.GOOD4], "good")
    for _ in range(2):
        t.rewrite(policy('- allow: ["tcp.example:7007"]'))
        expect_eq(daemon.ask("reload")["status"], "ok", "reload")
        expect_eq(ask(t.sb1, "good.example"), (dnsmsg.NXDOMAIN, []), "the old name")
        address = known(t.sb1, "tcp.example")[1]
        expect_eq(address, [zone.v4(70)], "the new name")
        p.tcp(address[0], 7007)(t, t.sb1, t.token())
        t.rewrite(policy('- allow: ["good.example:80"]'))
        expect_eq(daemon.ask("reload")["status"], "ok", "reload")
        for address in known(t.sb1, "good.example")[1]:
            p.tcp(address, 80)(t, t.sb1, t.token())
    t.rewrite(policy('- allow: ["203.0.113.70:7007"]'))
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    dead(t.sb1, p.gateway4, "udp")
    expect("redirect to" not in t.nft("list", "table", "inet", "sallyport").out, "still captured")


@CASES.case("an address that an earlier rule denies is not answered, and is when that rule has gone")
def _kept_out(t):
    names = '- allow: ["good.example:80"]'
    daemon = t.start(policy(f'- deny: ["203.0.113.8/29"]\n{names}'))
    eventually(lambda: ask(t.sb1, "good.example")[0] == dnsmsg.NOERROR, "it is not known")
    for _ in range(2):
        expect_eq(ask(t.sb1, "good.example"), (dnsmsg.NOERROR, []), "IPv4, which is denied")
        expect_eq(ask(t.sb1, "good.example", dnsmsg.AAAA)[1], [p.GOOD6], "IPv6")
        t.rewrite(policy(names))
        expect_eq(daemon.ask("reload")["status"], "ok", "reload")
        eventually(lambda: ask(t.sb1, "good.example")[1] == [p.GOOD4], "IPv4 is not answered")
        p.tcp(p.GOOD4, 80)(t, t.sb1, t.token())
        t.rewrite(policy(f'- deny: ["203.0.113.8/29"]\n{names}'))
        expect_eq(daemon.ask("reload")["status"], "ok", "reload")
        eventually(lambda: ask(t.sb1, "good.example") == (dnsmsg.NOERROR, []), "IPv4 is answered")


@CASES.case("on audit an address that an earlier rule denies is answered")
def _audited(t):
    t.start(policy('- deny: ["203.0.113.8/29"]\n- allow: ["good.example:80"]',
                   settings="mode: audit"))
    for address in known(t.sb1, "good.example")[1]:
        p.tcp(address, 80)(t, t.sb1, t.token())


@CASES.case("rules that are added and torn down: what is answered follows")
def _added(t):
    daemon = t.start(policy('- allow: ["good.example:80"]'))
    known(t.sb1, "good.example")
    expect_eq(daemon.ask("allow", destination="tcp.example:7007")["status"], "ok", "allow")
    for address in known(t.sb1, "tcp.example")[1]:
        p.tcp(address, 7007)(t, t.sb1, t.token())
    expect_eq(daemon.ask("deny", destination="good.example")["status"], "ok", "deny")
    expect_eq(ask(t.sb1, "good.example"), (dnsmsg.NXDOMAIN, []), "a name that is denied now")
    expect_eq(daemon.ask("teardown")["status"], "ok", "teardown")
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    for address in known(t.sb1, "tcp.example")[1]:
        p.tcp(address, 7007)(t, t.sb1, t.token())


@CASES.case("the gate is killed: names resolve again within a second, connections go on")
def _killed(t):
    daemon = t.start(NAMED)
    known(t.sb1, "good.example")
    known(t.sb1, "tcp.example")
    for _ in range(3):
        with t.sb1.socket(p.socket.AF_INET, p.socket.SOCK_STREAM) as s:
            s.settimeout(3)
            s.connect((zone.v4(70), 7007))
            s.sendall(b"before\n")
            expect_eq(s.recv(99), b"before\n", "the echo")
            gates = [pid for name, pid in daemon.children().items() if "gate" in name]
            expect_eq(len(gates), 1, "gates", daemon.children())
            os.kill(gates[0], signal.SIGKILL)
            start = time.monotonic()
            s.sendall(b"after\n")
            expect_eq(s.recv(99), b"after\n", "the echo")
            expect(_connects(t, p.GOOD4, 80), "nothing new can be connected to")
            eventually(lambda: _resolves(t.sb1, "good.example"), "it does not resolve", 3)
            expect(time.monotonic() - start < 1.0, f"after {time.monotonic() - start:.2f} s")
            for name, (_, addresses) in OPEN.items():
                wanted = [a for a in addresses if ":" not in a]
                expect_eq(known(t.sb1, name, timeout=1.0)[1], wanted, name)


def _resolves(box, name):
    try:
        reply = dnsmsg.parse(exchange(box, dnsmsg.query(7, name), p.gateway4, "udp", 0.1))
        return reply["rcode"] == dnsmsg.NOERROR and reply["answers"]
    except OSError:
        return False


@CASES.case("a denied name is told, with network, policy and rule")
def _event(t):
    daemon = t.under(policy('- deny: ["ads.example"]\n- allow: ["good.example:80"]'))
    known(t.sb1, "good.example")
    for name, rule in (("ads.example", "agent:1"), ("evil.example", None)):
        mark = daemon.log.mark()
        ask(t.sb1, name)
        event = daemon.wait_event(mark, lambda e, n=name: e.get("name") == n)
        expect_eq((event["subject"], event["policy"], event["rule"], event["verdict"], event["layer"]),
                  ("network:ds-test", "agent", rule, "deny", "dns"), name, event)


@CASES.case("mode: audit answers any name, and tells what would be denied")
def _audit(t):
    daemon = t.under(policy('- allow: ["good.example:80"]', settings="mode: audit"))
    known(t.sb1, "good.example")
    mark = daemon.log.mark()
    expect_eq(known(t.sb1, "evil.example")[1], [p.EVIL4], "a name of no rule")
    event = daemon.wait_event(mark, lambda e: e.get("name") == "evil.example")
    expect_eq(event["verdict"], "audit", "verdict", event)


NETWORKS = {"networks": [{"name": "brT", "subnet": "10.77.0.0/24", "gateway_ip": "10.77.0.1"}]}


def dockside(hostnames, *rules, **tuning):
    egress = [*rules, {"proto": "tcp", "ports": [80], "to": "ipset", "ipset": "set1"},
              {"action": "drop"}]
    return {"ipsets": {"set1": {"hostnames": hostnames, **tuning}},
            "networks": {"brT": {"egress": egress, "nat": []}}}


@CASES.case("Dockside's rules say where DNS goes, as they always did: it is not captured")
def _dockside(t):
    daemon = t.under_dockside(NETWORKS, dockside(["good.example"]))
    eventually(lambda: daemon.ask("status")["names"][0]["addresses"], "it does not resolve", 3)
    listed = t.nft("list", "table", "inet", "sallyport").out
    expect_in("good.example", listed, "the set")
    expect("redirect to" not in listed and "DNS" not in listed, "captured", listed)


def questions(t, name, seconds):
    """How often its address is asked for meanwhile."""
    mark = t.world.internet.mark()
    time.sleep(seconds)
    return len([e for e in asked(t, mark, name) if e["type"] == "A"])


@CASES.case("Dockside's tunings: how often names are asked for, by set and by environment")
def _tunings(t):
    def under(name, environment=None, **tuning):
        daemon = t.under_dockside(NETWORKS, dockside([name], **tuning), **(environment or {}))
        eventually(lambda: daemon.ask("status")["names"][0]["last_attempt_age"] is not None,
                   f"{name} is not asked for", 3)
        return daemon

    under("tcp.example", refresh_interval=1, dns_queries=3)
    expect(questions(t, "tcp.example", 3.3) >= 6, "three questions a second were to be asked")
    under("tcp.example", {"IPSET_REFRESH_INTERVAL": "1", "IPSET_REFRESH_JITTER_PCT": "0"})
    n = questions(t, "tcp.example", 3.5)
    expect(2 <= n <= 5, f"{n} questions in 3.5 s")
    under("tcp.example")
    time.sleep(0.5)
    expect_eq(questions(t, "tcp.example", 2.5), 0, "questions within an interval of a minute")


@CASES.case("Dockside's max_entries: as many addresses as a set may have for a name")
def _entries(t):
    t.under_dockside(NETWORKS, dockside(["big.example"], max_entries=4))
    eventually(lambda: t.daemon.ask("status")["names"][0]["addresses"], "it does not resolve", 3)
    expect_eq(len(t.daemon.ask("status")["names"][0]["addresses"]), 4, "addresses")
    expect_in("big.example", t.nft("list", "table", "inet", "sallyport").out, "the set")
