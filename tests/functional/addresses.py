# SPDX-License-Identifier: GPL-2.0-or-later
"""By address: refused unless a rule names it; the host's loopback only by its own name."""

from lib import zone
from lib.case import Cases, arrives
from lib.commands import curl, probe

CASES = Cases()

ECHO = zone.PORT_DB
HOST_NAME = "host.sallyport.internal"


def to(address, port=ECHO, kind="tcp"):
    return probe(kind, address, port, "{tok}")


for what, rule, command in (
    ("IPv4 address", f"{zone.v4(54)}:{ECHO}", to(zone.v4(54))),
    ("IPv4 prefix", f"203.0.113.0/25:{ECHO}", to(zone.v4(54))),
    ("IPv6 address", f"[{zone.v6(54)}]:{ECHO}", to(zone.v6(54))),
    ("IPv6 prefix", f"[2001:db8:113::/48]:{ECHO}", to(zone.v6(54))),
    ("every protocol and port", f"any/{zone.v4(66)}", to(zone.v4(66), 999)),
    ("UDP", f"udp/{zone.v4(123)}:123", to(zone.v4(123), 123, "udp")),
    ("UDP, IPv6", f"udp/[{zone.v6(123)}]:123", to(zone.v6(123), 123, "udp")),
    ("UDP, every protocol", f"any/{zone.v4(123)}", to(zone.v4(123), 123, "udp")),
    ("http", f"{zone.v4(10)}:80", curl(f"http://{zone.v4(10)}/{{tok}}")),
    ("http on another port", f"{zone.v4(10)}:8080", curl(f"http://{zone.v4(10)}:8080/{{tok}}")),
    ("https", f"{zone.v4(10)}:443", curl(f"https://{zone.v4(10)}/{{tok}}", "-k")),
    ("https, IPv6", f"[{zone.v6(10)}]:443", curl(f"https://[{zone.v6(10)}]/{{tok}}", "-k")),
    ("any port 22", "any:22", probe("banner", zone.v4(22), 22, "{tok}")),
    ("private address", "10.99.0.0/16:5432", to("10.99.0.1")),
    ("metadata address", "169.254.169.254:5432", to("169.254.169.254")),
):
    CASES.reach(what, ["--allow", rule], command)

CASES.reach("private address by name with a rule for the range",
            ["--allow", "private.example:5432", "--allow", "10.99.0.0/16:5432"],
            probe("tcp", "private.example", ECHO, "{tok}"))

for what, flags, command in (
    ("IPv4, nothing allowed", [], to(zone.v4(66))),
    ("IPv6, nothing allowed", [], to(zone.v6(66))),
    ("IPv4, a name allowed", ["--allow", "good.example:*"], to(zone.v4(66))),
    ("address of an allowed name", ["--allow", "good.example:*"], to(zone.v4(10))),
    ("address of an allowed name, IPv6", ["--allow", "good.example:*"], to(zone.v6(10))),
    ("neighbour of an allowed address", ["--allow", f"{zone.v4(54)}:*"], to(zone.v4(55))),
    ("just outside a prefix", ["--allow", "203.0.113.0/26:*"], to(zone.v4(66))),
    ("allowed address, other port", ["--allow", f"{zone.v4(66)}:80"], to(zone.v4(66), 81)),
    ("allowed address, other protocol", ["--allow", f"{zone.v4(66)}:999"],
     to(zone.v4(66), 999, "udp")),
    ("denied address in an allowed prefix",
     ["--deny", zone.v4(66), "--allow", "203.0.113.0/24:*"], to(zone.v4(66))),
    ("UDP, nothing allowed", [], to(zone.v4(66), 999, "udp")),
    ("UDP, IPv6, nothing allowed", [], to(zone.v6(66), 999, "udp")),
    ("metadata address", ["--allow", "*:*"], to("169.254.169.254", ECHO)),
    ("any does not open private ranges", ["--allow", "any:*"], to("10.99.0.1")),
    ("this machine's own address", ["--allow", "good.example:*"],
     to(zone.HOST4, zone.PORT_WILDCARD)),
    ("this machine's own address, IPv6", ["--allow", "good.example"],
     to(zone.HOST6, zone.PORT_WILDCARD)),
    ("this machine's own address, UDP", [], to(zone.HOST4, zone.PORT_WILDCARD, "udp")),
    ("this machine's loopback", ["--allow", "any:*"], to("127.0.0.1", zone.PORT_LOOPBACK)),
    ("this machine's loopback, IPv6", ["--allow", "any:*"], to("::1", zone.PORT_LOOPBACK)),
):
    CASES.deny(what, flags, command)

CASES.deny("a name with a private address", ["--allow", "private.example:5432"],
           probe("tcp", "private.example", ECHO, "{tok}"), allowed=[("udp", zone.DNS4, 53)])


@CASES.case("host:PORT opens that port of the host's loopback", control=lambda t: _control(t))
def _host_port(t):
    command = probe("tcp", HOST_NAME, zone.PORT_LOOPBACK, "{tok}")
    arrives(t, t.jail("--allow", f"host:{zone.PORT_LOOPBACK}"), command, "echo tok")


def _control(t):
    arrives(t, t.plain(), to("127.0.0.1", zone.PORT_LOOPBACK), "echo tok")


for what, flags, port in (
    ("host:PORT opens no other port", ["--allow", f"host:{zone.PORT_LOOPBACK}"],
     zone.PORT_LOOPBACK_HTTP),
    ("host is not part of any", ["--allow", "any:*"], zone.PORT_LOOPBACK),
    ("host is not part of *", ["--allow", "*:*"], zone.PORT_LOOPBACK),
    ("host is not allowed unasked", ["--allow", "good.example"], zone.PORT_LOOPBACK),
):
    CASES.deny(what, flags, probe("tcp", HOST_NAME, port, "{tok}"), control=False)

CASES.deny("host:PORT does not open 127.0.0.1 itself", ["--allow", f"host:{zone.PORT_LOOPBACK}"],
           to("127.0.0.1", zone.PORT_LOOPBACK))
