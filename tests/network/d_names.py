# SPDX-License-Identifier: GPL-2.0-or-later
"""E-43 to E-51: rules with names: whose addresses are open, since when, for how long."""

import contextlib
import time

import probes as p
from lib import zone
from lib.case import eventually, expect, expect_eq, expect_in
from lib.confined import NetCases, arrives, policy, stays_in

CASES = NetCases()
SECONDS = 40


def opens(t, address, port, probe=p.tcp, timeout=3.0):
    """Soon, that is: when the name's answer is in the kernel."""
    def there():
        try:
            probe(address, port)(t, t.sb1, t.token())
            return True
        except OSError:
            return False
    eventually(there, f"{address}:{port} does not open", timeout)
    arrives(t, t.sb1, probe(address, port))


def closed(t, *probes):
    for probe in probes:
        stays_in(t, t.sb1, probe)


@contextlib.contextmanager
def dead_dns(t):
    """Nothing that is asked gets an answer."""
    t.world.nft("internet", """table inet dead {
        chain pre { type filter hook prerouting priority -250; udp dport 53 drop; tcp dport 53 drop
        }
    }""")
    try:
        yield
    finally:
        t.world.nft("internet", "delete table inet dead")


@CASES.case("a name opens its addresses at its ports, in both families, and no others")
def _name(t):
    t.under(policy('- allow: [good.example, "tcp.example:7007", "udp/ntp.example:123"]'))
    for n, port, probe in ((10, 443, p.tcp), (70, 7007, p.tcp), (123, 123, p.udp)):
        for address in zone.both(n):
            opens(t, address, port, probe)
    for evil, good in ((p.EVIL4, p.GOOD4), (p.EVIL6, p.GOOD6)):
        closed(t, p.tcp(evil, 443), p.tcp(good, 80), p.tcp(good, 7007), p.udp(good, 443),
               p.udp(good, 123))
    closed(t, p.tcp(zone.v4(70), 443), p.tcp(zone.v4(123), 123), p.udp(zone.v4(124), 123))


@CASES.case("a name with a range of ports, with every port, and with a protocol without ports")
def _shapes(t):
    t.under(policy('- allow: ["tcp.example:7000-7010", "db.example:*", "icmp/ssh.example"]'))
    opens(t, zone.v4(70), 7007)
    opens(t, zone.v6(70), 7000)
    opens(t, zone.v4(54), 9000)
    opens(t, zone.v6(54), 1)
    arrives(t, t.sb1, p.ping(zone.v4(22)))
    closed(t, p.tcp(zone.v4(70), 7011), p.tcp(zone.v4(22), 22), p.udp(zone.v4(54), 9000))


@CASES.case("an alias, two names with one address, and names that are both allowed and denied")
def _several(t):
    t.under(policy('- deny: [shared-b.example]\n'
                   '- allow: ["alias.example:80", "v4.example:7007", "shared-a.example:80"]'))
    opens(t, p.GOOD4, 80)
    opens(t, zone.v4(11), 7007)
    # shared-a and shared-b have one address: a packet does not tell which is meant; the deny stands first.
    eventually(lambda: not _connects(t, zone.v4(20), 80), "what a deny names is open")
    closed(t, p.tcp(zone.v4(20), 80))


def _connects(t, address, port):
    try:
        p.tcp(address, port)(t, t.sb1, t.token())
        return True
    except OSError:
        return False


FORBIDDEN = ("loop4.example", "loop6.example", "zero.example", "private.example",
             "private172.example", "private192.example", "cgnat.example", "metadata.example",
             "metadata-cn.example", "metadata6.example", "ula.example", "mapped.example",
             "nat64.example", "sixtofour.example", "teredo.example", "pool.example",
             "multicast.example", "reserved.example", "mixed.example", "rebind.example")
FORBIDDEN_AT = ("10.99.0.1", "172.30.99.1", "192.168.99.1", "100.64.99.1", "169.254.169.254",
                "100.100.100.200", "fd00:ec2::254", "fd77:99::1", "64:ff9b::a63:1", "2002:a63:1::1",
                "2001:0:99::1", "198.18.0.5", "240.0.0.1")


@CASES.case("E-46 a name never opens an address of a forbidden range, whatever its server says")
def _forbidden(t):
    t.under(policy("- allow: [" + ", ".join(f'"{name}:*"' for name in FORBIDDEN) + "]"))
    opens(t, p.GOOD4, 7007)  # of mixed.example
    time.sleep(0.5)
    closed(t, *(p.tcp(address, 7007) for address in FORBIDDEN_AT))
    listed = t.nft("list", "table", "inet", "sallyport").out
    for address in FORBIDDEN_AT:
        lines = [line for line in listed.splitlines() if address in line and "example" in line]
        expect(not lines, f"{address} is in a set", *lines)


@CASES.case("a name whose address a prefix of an allow rule covers does open it")
def _covered(t):
    t.under(policy('- allow: ["private.example:7007", "10.99.0.0/24:80"]'))
    opens(t, "10.99.0.1", 80)
    closed(t, p.tcp("10.99.1.1", 80))


@CASES.case("E-48 E-49 only what was asked for is learned from an answer")
def _poison(t):
    t.under(policy('- allow: ["poisoned.example:80", "wrongid.example:81", "wrongname.example:82", '
                   '"tc.example:83"]'))
    opens(t, zone.v4(13), 80)
    opens(t, zone.v4(10), 83)
    for port in (80, 81, 82, 83):
        closed(t, p.tcp(p.EVIL4, port))
    closed(t, p.tcp(zone.v4(10), 80))


@CASES.case("names that do not resolve hold nothing up, and open nothing")
def _unresolvable(t):
    start = time.monotonic()
    daemon = t.start(policy('- allow: ["noanswer.example:80", "servfail.example:80", '
                            '"nosuch.example:80", "garbage.example:80", "empty.example:80", '
                            '"good.example:80"]'))
    expect(time.monotonic() - start < 5, "the daemon waited for names")
    opens(t, p.GOOD4, 80)
    closed(t, p.tcp(p.EVIL4, 80))
    reply = daemon.ask("status")
    expect_eq(reply["status"], "ok", "status", reply)


@CASES.case("a redirect to a name leads to its address; what is redirected is denied before")
def _redirect(t):
    t.under(policy('- redirect: ["203.0.113.200:3306"]\n  to: "db.example:5432"'))
    opens(t, "203.0.113.200", 3306)
    mark = t.world.internet.mark()
    p.tcp("203.0.113.200", 3306)(t, t.sb1, t.token())
    event = t.world.internet.wait(mark, event="accept")[0]
    expect_eq((event["address"], event["port"]), (zone.v4(54), 5432), "it ends at")


@CASES.case("E-50 a rotating name: new addresses open, the old ones stay for their time")
def _rotation(t):
    t.start(policy('- allow: ["a1.rotate.example:80"]'))
    pool = [zone.v4(n) for n in (10, 11, 12, 13)]
    eventually(lambda: any(_connects(t, a, 80) for a in pool), "no address is open", 3)
    deadline = time.monotonic() + 13
    while time.monotonic() < deadline and sum(_connects(t, a, 80) for a in pool) < 2:
        time.sleep(0.3)
    expect(sum(_connects(t, a, 80) for a in pool) >= 2, "no second address after two TTLs")
    closed(t, p.tcp(p.EVIL4, 80), p.tcp(zone.v4(20), 80))


@CASES.case("a name that is gone, and one that no server answers for, keep their addresses")
def _kept(t):
    daemon = t.start(policy('- allow: ["b1.once.example:80", "good.example:81"]'))
    opens(t, zone.v4(10), 80)
    opens(t, zone.v4(10), 81)
    marks = t.marks()
    daemon.ask("refresh")
    t.world.internet.wait(marks[1], timeout=3, event="dns", name="b1.once.example")
    time.sleep(0.3)
    arrives(t, t.sb1, p.tcp(zone.v4(10), 80))
    with dead_dns(t):
        daemon.ask("refresh")
        for _ in range(4):
            time.sleep(0.5)
            arrives(t, t.sb1, p.tcp(zone.v4(10), 81))
        # A reload in the meantime forgets nothing.
        t.rewrite(policy('- allow: ["b1.once.example:80", "good.example:81", "203.0.113.70:7007"]'))
        expect_eq(daemon.ask("reload")["status"], "ok", "reload")
        arrives(t, t.sb1, p.tcp(zone.v4(10), 81))
        arrives(t, t.sb1, p.tcp(zone.v4(70), 7007))


DOCKSIDE = {"networks": [{"name": "brt", "subnet": "10.77.0.0/24", "gateway_ip": "10.77.0.1"}]}


def dockside(hostnames, **tuning):
    rules = [{"proto": "tcp", "ports": [80, 7007], "to": "ipset", "ipset": "set1"},
             {"action": "drop"}]
    return {"ipsets": {"set1": {"hostnames": hostnames, **tuning}},
            "networks": {"brt": {"egress": rules, "nat": []}}}


@CASES.case("E-51 an address goes when its time is over, and not while no answer comes")
def _grace(t):
    networks = {"networks": [{**DOCKSIDE["networks"][0], "name": "brt"}]}
    t.under_dockside(networks, dockside(["c1.rotate.example"], stale_ttl=2, refresh_interval=1))
    pool = [zone.v4(n) for n in (10, 11, 12, 13)]
    eventually(lambda: any(_connects(t, a, 80) for a in pool), "no address is open", 3)
    with dead_dns(t):
        time.sleep(1.2)  # what was asked before is answered or lost
        there = [a for a in pool if _connects(t, a, 80)]
        expect(there, "all addresses are gone within the grace")
        time.sleep(4)
        for address in there[-1:]:
            arrives(t, t.sb1, p.tcp(address, 80))
    eventually(lambda: not all(_connects(t, a, 80) for a in pool), "addresses never go", 10, 0.3)
    closed(t, p.tcp(p.EVIL4, 80))


@CASES.case("a name of /etc/hosts is known without a question")
def _hosts(t):
    with open("/etc/hosts") as f:
        before = f.read()
    from lib import syscalls
    path = t.write(before + f"\n{zone.v4(13)} inhosts.example\n{zone.v6(13)} inhosts.example\n",
                   "hosts")
    syscalls.mount(path, "/etc/hosts", None, syscalls.MS_BIND)
    try:
        mark = t.world.internet.mark()
        t.start(policy('- allow: ["inhosts.example:80"]'))
        opens(t, zone.v4(13), 80)
        opens(t, zone.v6(13), 80)
        asked = t.world.internet.since(mark, event="dns", name="inhosts.example")
        expect(not asked, f"asked: {asked}")
    finally:
        t.run(["umount", "/etc/hosts"])


# --- E-43, E-44: resolvers other than the gate.
for server in (zone.DNS4, zone.DNS6, zone.DNS_OTHER, p.EVIL4):
    for over in ("udp", "tcp"):
        CASES.deny(f"E-43 a resolver at {server}, {over}", p.question(server, over),
                   control=server != p.EVIL4)


@CASES.case("E-39 E-40 a question to the gateway never gets an unlisted name out")
def _gateway(t):
    t.under(policy('- allow: ["good.example:443"]'))
    for gateway in (p.gateway4, p.gateway6):
        for over in ("udp", "tcp"):
            marks, tok = t.marks(), t.token()
            try:
                p.question(gateway, over)(t, t.sb1, tok)
            except OSError:
                pass
            time.sleep(0.05)
            expect(not t.seen(marks, tok), f"{tok} arrived at {t.seen(marks, tok)}")


@CASES.case("the elements of a name say which rule and which name they come from")
def _comments(t):
    t.under(policy('- allow: ["203.0.113.70:7007"]\n  comment: the echo\n'
                   '- allow: ["good.example:443"]'))
    opens(t, p.GOOD4, 443)
    listed = t.nft("list", "table", "inet", "sallyport").out
    expect_in("agent:2 good.example", listed, "the learned element's comment")
    expect_in("agent:1 the echo", listed, "the rule's comment")
