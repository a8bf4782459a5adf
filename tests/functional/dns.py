# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS: judged before anything is forwarded, by any transport, to whatever server it is sent."""

import ipaddress
import re

from lib import zone
from lib.case import Cases, arrives, expect, expect_eq, expect_in, quickly
from lib.commands import curl, dig, probe, python

CASES = Cases()

POOLS = (ipaddress.ip_network("198.18.0.0/15"), ipaddress.ip_network("fd73:616c:6c79::/64"))
GOOD = ["--allow", "good.example"]
SERVERS = (("the configured server", ()), ("any server", (f"@{zone.DNS_OTHER}",)),
           ("any server, IPv6", (f"@{zone.v6(88)}",)), ("a server of the jail", ("@127.0.0.53",)),
           ("an address that nobody has", ("@9.9.9.9",)))


def answers(result, rtype="A"):
    return re.findall(rf"^\S+\s+\d+\s+IN\s+{rtype}\s+(\S+)", result.out, re.M)


def rcode(result):
    found = re.search(r"status: (\w+)", result.out)
    return found[1] if found else None


def is_virtual(address):
    return any(ipaddress.ip_address(address) in pool for pool in POOLS)


def ask(t, flags, *words):
    marks = t.marks()
    result = t.jail(*flags)(dig(*words))
    expect_eq(result.status, 0, "dig's exit status", result)
    return result, [q["name"].lower() for q in t.asked(marks)], t.leaks(
        marks, [("udp", zone.DNS4, 53), ("tcp", zone.DNS4, 53)])


for where, server in SERVERS:
    for how, words in (("UDP", ()), ("TCP", ("+tcp",))):
        @CASES.case(f"allowed name, {how}, to {where}")
        def _allowed(t, server=server, words=words):
            result, asked, leaks = ask(t, GOOD, *server, *words, "good.example")
            expect_eq(rcode(result), "NOERROR", "rcode", result)
            expect_eq(len(answers(result)), 1, "number of answers", result)
            expect(is_virtual(answers(result)[0]), "the address is not virtual", result)
            expect(set(asked) <= {"good.example"}, f"upstream was asked {asked}", result)
            expect(not leaks, f"packets left: {leaks}", result)

        @CASES.case(f"denied name, {how}, to {where}")
        def _denied(t, server=server, words=words):
            tok = t.token()
            result, asked, leaks = ask(t, GOOD, *server, *words, f"{tok}.evil.example")
            expect_eq(rcode(result), "NXDOMAIN", "rcode", result)
            expect(not asked, f"upstream was asked {asked}", result)
            expect(not leaks, f"packets left: {leaks}", result)

for qtype in ("TXT", "MX", "NS", "SOA", "SRV", "HTTPS", "SVCB", "PTR", "NULL", "ANY", "CNAME",
              "TYPE65280"):
    @CASES.case(f"other query type {qtype} of an allowed name")
    def _qtype(t, qtype=qtype):
        result, asked, _ = ask(t, GOOD, "+notcp", "good.example", qtype)
        expect_in(rcode(result), ("NOERROR", "NOTIMP", "REFUSED"), "rcode", result)
        expect_in("ANSWER: 0", result.out, "answers", result)
        expect(not asked, f"upstream was asked {asked}", result)

    @CASES.case(f"other query type {qtype} of a denied name")
    def _qtype_denied(t, qtype=qtype):
        result, asked, _ = ask(t, GOOD, "+notcp", "evil.example", qtype)
        expect_in("ANSWER: 0", result.out, "answers", result)
        expect(not asked, f"upstream was asked {asked}", result)


@CASES.case("AAAA of an allowed name")
def _aaaa(t):
    result, _, _ = ask(t, GOOD, "good.example", "AAAA")
    expect_eq(len(answers(result, "AAAA")), 1, "number of answers", result)
    expect(is_virtual(answers(result, "AAAA")[0]), "the address is not virtual", result)


@CASES.case("query class CHAOS and opcodes are not forwarded")
def _chaos(t):
    for words in (("CH", "TXT", "version.bind"), ("+opcode=status", "good.example"),
                  ("+opcode=update", "good.example"), ("+opcode=notify", "good.example")):
        result, asked, _ = ask(t, GOOD, *words)
        expect(not asked, f"upstream was asked {asked}", result)
        expect_in("ANSWER: 0", result.out, "answers", result)


@CASES.case("zone transfer")
def _axfr(t):
    marks = t.marks()
    t.jail(*GOOD)(dig("good.example", "AXFR"))
    expect(not t.asked(marks, type="AXFR"), "AXFR went upstream")


@CASES.case("the name of a denied wildcard's apex, and a name below an exact one")
def _edges(t):
    for flags, name in ((["--allow", "*.wild.example"], "wild.example"),
                        (["--allow", "wild.example"], "a.wild.example"),
                        (["--allow", "good.example"], "example"), (["--allow", "good.example"],
                                                                   ".")):
        result, asked, _ = ask(t, flags, name)
        expect_in(rcode(result), ("NXDOMAIN", "REFUSED", "NOERROR"), "rcode", result)
        expect_in("ANSWER: 0", result.out, "answers", result)
        expect(not asked, f"upstream was asked {asked}", result)


@CASES.case("what a name is made of")
def _bytes(t):
    """Escapes, blanks and controls never reach upstream, nor count as another name."""
    for name in (r"good.example\000.evil.example", r"good\.example", r"evil\@good.example",
                 r"good.example\032", r"\103ood.example\010", "good_.example", "x.-good.example"):
        result, asked, _ = ask(t, GOOD, name)
        expect(not asked, f"{name}: upstream was asked {asked}", result)
        expect_in("ANSWER: 0", result.out, "answers", result)


# --- Upstream's answers.
@CASES.case("one good address among forbidden ones")
def _mixed(t):
    marks = t.marks()
    result = arrives(t, t.jail("--allow", "mixed.example:80"), curl("http://mixed.example/{tok}"))
    leaks = t.leaks(marks, [("udp", zone.DNS4, 53), ("tcp", zone.v4(10), 80)])
    expect(not leaks, f"packets left: {leaks}", result)


@CASES.case("rebinding between two questions")
def _second_answer(t):
    """The first answer is public, the second private; TTL 1."""
    marks = t.marks()
    script = python("""
import socket, time
for _ in range(3):
    try:
        socket.create_connection(('rebind.example', 5432), 3).close()
        print('connected')
    except OSError as e:
        print(e)
    time.sleep(1.5)
""")
    result = t.jail("--allow", "rebind.example:5432")(script)
    leaks = t.leaks(marks, [("udp", zone.DNS4, 53), ("tcp", zone.v4(10), 5432)])
    expect(not leaks, f"packets left: {leaks}", result)


@CASES.case("records that nobody asked for are not used")
def _poison(t):
    marks = t.marks()
    script = ["bash", "-c", "curl -sS --max-time 4 http://poisoned.example/; "
              "curl -sS --max-time 4 http://good.example/"]
    result = t.jail("--allow", "poisoned.example:80", "--allow", "good.example:80")(script)
    expect_eq(re.findall(r"site=(\S+)", result.out), ["poisoned.example", "good.example"], "pages",
              result)
    leaks = t.leaks(marks, [("udp", zone.DNS4, 53), ("tcp", zone.v4(13), 80),
                            *(("tcp", a, 80) for a in zone.both(10))])
    expect(not leaks, f"packets left: {leaks}", result)


for kind in ("wrongid", "wrongname"):
    @CASES.case(f"forged answers are not used: {kind}")
    def _forged(t, host=f"{kind}.example"):
        marks = t.marks()
        result = arrives(t, t.jail("--allow", f"{host}:80"), curl(f"http://{host}/{{tok}}"))
        leaks = t.leaks(marks, [("udp", zone.DNS4, 53), ("tcp", zone.DNS4, 53),
                                ("tcp", zone.v4(10), 80)])
        expect(not leaks, f"packets left: {leaks}", result)


CASES.reach("answer that was cut (TC) is asked for over TCP", ["--allow", "tc.example"],
            curl("https://tc.example/{tok}"), "site=tc.example")
CASES.reach("alias", ["--allow", "alias.example"], curl("https://alias.example/{tok}"),
            "site=alias")


@CASES.case("thirty addresses")
def _big(t):
    result, _, _ = ask(t, ["--allow", "big.example"], "big.example")
    expect_eq(rcode(result), "NOERROR", "rcode", result)
    expect_eq(len(answers(result)), 1, "number of answers", result)


for name, limit in (("servfail.example", 1), ("garbage.example", 8), ("noanswer.example", 8),
                    ("loop-a.example", 1), ("empty.example", 1), ("absent.example", 1)):
    @CASES.case(f"bounded time for {name}")
    def _bounded(t, name=name, limit=limit):
        result = quickly(lambda: t.jail("--allow", name)(["dig", "+tries=1", "+time=10", name]),
                         limit)
        expect_eq(result.status, 0, "dig's exit status", result)
        expect_in(rcode(result), ("SERVFAIL", "NXDOMAIN", "NOERROR"), "rcode", result)
        expect_in("ANSWER: 0", result.out, "answers", result)


@CASES.case("absent name is NXDOMAIN, empty name is not")
def _absent(t):
    flags = ["--allow", "absent.example", "--allow", "empty.example"]
    expect_eq(rcode(ask(t, flags, "absent.example")[0]), "NXDOMAIN", "absent.example")
    expect_eq(rcode(ask(t, flags, "empty.example")[0]), "NOERROR", "empty.example")


# --- How upstream is asked.
@CASES.case("ports and ids of questions are not predictable")
def _random(t):
    marks = t.marks()
    names = [f"n{i}.wild.example" for i in range(60)]
    script = "; ".join(f"dig +short +tries=1 {n}" for n in names)
    t.jail("--allow", "*.wild.example")(["bash", "-c", script])
    asked = t.asked(marks)
    for what in ("sport", "id"):
        values = [q[what] for q in asked]
        expect(len(set(values)) > 50, f"{len(set(values))} different {what}s of {len(values)}")
        steps = {b - a for a, b in zip(values, values[1:])}
        expect(len(steps) > 40, f"{what}s follow one another: {values}")


@CASES.case("an answer is asked for once within its TTL")
def _cache(t):
    marks = t.marks()
    t.jail("--allow", "v4.example")(["bash", "-c", "for i in 1 2 3 4 5; do dig v4.example; done"])
    n = len(t.asked(marks, type="A"))
    expect_eq(n, 1, "questions upstream")


@CASES.case("the address stays the same while upstream's rotates")
def _stable(t):
    script = "for i in 1 2 3; do dig +short rotate.example; sleep 1.2; done | sort | uniq -c"
    result = t.jail("--allow", "rotate.example")(["bash", "-c", script])
    expect(re.match(r"^\s*3 198\.1[89]\.\d+\.\d+\n$", result.out), "not one address", result)


@CASES.case("two names have two addresses")
def _distinct(t):
    result = t.jail("--allow", "shared-a.example", "--allow", "shared-b.example")(
        dig("+short", "shared-a.example", "shared-b.example"))
    expect_eq(len(set(result.out.split())), 2, "addresses", result)


@CASES.case("the TTL that a client sees is bounded")
def _ttl(t):
    result, _, _ = ask(t, GOOD, "good.example")
    ttl = int(re.search(r"^good\S+\s+(\d+)", result.out, re.M)[1])
    expect(0 < ttl <= 3600, f"TTL {ttl}", result)


@CASES.case("resolvers: getaddrinfo, EDNS, 0x20, long names")
def _clients(t):
    run = t.jail(*GOOD, "--allow", "*.wild.example")
    expect_eq(run(probe("addresses", "good.example")).status, 0, "getaddrinfo")
    for words in (("+edns=0", "+bufsize=4096", "good.example"), ("+noedns", "good.example"),
                  ("+cookie", "good.example"), ("+dnssec", "good.example"), ("+nsid",
                                                                             "good.example"),
                  ("+subnet=1.2.3.0/24", "good.example"), ("gOoD.eXaMpLe",),
                  (".".join(["a" * 63] * 3) + ".wild.example",)):
        result = run(dig(*words))
        expect_eq(rcode(result), "NOERROR", f"rcode of {words}", result)
        expect_eq(len(answers(result)), 1, f"answers to {words}", result)


@CASES.case("what EDNS options a program sends stays here")
def _edns(t):
    """Client subnet, cookies and padding are channels too."""
    marks = t.marks()
    t.jail(*GOOD)(dig("+ednsopt=65001:746f6b2d303132333435363738396162", "good.example"))
    expect(t.asked(marks), "upstream was not asked at all")
    expect(not t.seen(marks, "tok-0123456789ab"), "an EDNS option was forwarded")


# --- Upstream servers.
@CASES.case("--dns with a port, twice, the first dead")
def _second_server(t):
    for dead in (zone.DNS_SILENT, zone.REFUSED4):
        flags = ["--dns", dead, "--dns", f"{zone.DNS4}:53", "--allow", "v4.example"]
        result = t.jail(*flags)(["dig", "+tries=1", "+time=10", "v4.example"])
        expect_eq(len(answers(result)), 1, f"answers with {dead} first", result)
        expect(result.seconds < 5, f"took {result.seconds:.2f} s", result)


@CASES.case("--dns over IPv6")
def _v6_server(t):
    marks = t.marks()
    result = t.jail("--dns", zone.DNS6, *GOOD)(dig("good.example"))
    expect_eq(len(answers(result)), 1, "answers", result)
    expect_eq({q["server"] for q in t.asked(marks)}, {zone.DNS6}, "servers asked")


@CASES.case("upstream down: an error in bounded time, other connections go on")
def _down(t):
    script = python("""
import socket, threading, time
def slow():
    start = time.monotonic()
    try:
        socket.getaddrinfo('good.example', 1)
    except OSError:
        pass
    print('resolver gave up', time.monotonic() - start < 12)
asking = threading.Thread(target=slow)
asking.start()
s = socket.create_connection(('%s', 7007), 4)
for i in range(20):
    start = time.monotonic()
    s.sendall(b'x')
    assert s.recv(1) == b'x'
    assert time.monotonic() - start < 0.5
print('others went on')
asking.join()
""" % zone.v4(70))
    result = t.jail("--dns", zone.DNS_SILENT, *GOOD, "--allow", f"{zone.v4(70)}:7007")(script)
    expect_in("others went on", result.out, "output", result)
    expect_in("resolver gave up True", result.out, "output", result)


@CASES.case("slow answers do not hold up fast ones")
def _late(t):
    script = ["bash", "-c", "dig +short late.example >late & "
              "s=$(date +%s%N); dig +short v4.example; e=$(date +%s%N); "
              "echo took $(((e - s) / 1000000)); wait; cat late"]
    result = t.jail("--allow", "late.example", "--allow", "v4.example")(script)
    took = int(re.search(r"took (\d+)", result.out)[1])
    expect(took < 1500, f"the fast one took {took} ms", result)
    expect_eq(len(re.findall(r"^198\.1[89]\.", result.out, re.M)), 2, "answers", result)
