# SPDX-License-Identifier: GPL-2.0-or-later
"""By name: what is allowed is reached with any protocol and either family, the rest is not."""

from lib import zone
from lib.case import Cases
from lib.commands import curl, probe, shell

CASES = Cases()


def allow(*destinations):
    return [word for d in destinations for word in ("--allow", d)]


for what, flags, command, says in (
    ("https", allow("good.example"), curl("https://good.example/{tok}"),
     "site=good.example sni=good.example"),
    ("http", allow("good.example:80"), curl("http://good.example/{tok}"), "site=good.example"),
    ("http on another port", allow("good.example:8080"), curl("http://good.example:8080/{tok}"),
     "site=good"),
    ("ssh, the server speaks first", allow("ssh.example:22"),
     probe("banner", "ssh.example", 22, "{tok}"), "SSH-2.0"),
    ("database, the client speaks first", allow("db.example:5432"),
     probe("tcp", "db.example", 5432, "{tok}"), "echo tok"),
    ("name with IPv4 only", allow("v4.example"), curl("https://v4.example/{tok}"),
     "from=198.51.100.1"),
    ("name with IPv6 only", allow("v6.example"), curl("https://v6.example/{tok}"),
     "from=2001:db8:1::1"),
    ("program that wants IPv4", allow("good.example"), curl("https://good.example/{tok}", "-4"),
     "site=good"),
    ("program that wants IPv6", allow("good.example"), curl("https://good.example/{tok}", "-6"),
     "site=good"),
    ("program that ignores proxy variables", allow("good.example"),
     curl("https://good.example/{tok}", "--noproxy", "*"), "site=good"),
    ("program without a resolver of its own", allow("ssh.example:22"),
     shell("exec 3<>/dev/tcp/ssh.example/22; echo {tok} >&3; head -n2 <&3"), "SSH-2.0"),
    ("wildcard, one level", allow("*.wild.example"), curl("https://a.wild.example/{tok}"),
     "site=a.wild.example"),
    ("wildcard, three levels", allow("*.wild.example:80"), curl("http://a.b.c.wild.example/{tok}"),
     "site=a.b.c.wild"),
    ("any name, one port", allow("*:5432"), probe("tcp", "db.example", 5432, "{tok}"), "echo tok"),
    ("upper case", allow("GOOD.Example"), curl("https://good.example/{tok}"), "site=good"),
    ("program writes upper case", allow("good.example"), curl("https://GOOD.Example/{tok}"),
     "site="),
    ("program writes a trailing dot", allow("good.example:80"), curl("http://good.example./{tok}"),
     "site="),
    ("rule with a trailing dot", allow("good.example."), curl("https://good.example/{tok}"),
     "site=good"),
    ("alias", allow("alias.example"), curl("https://alias.example/{tok}"), "site=alias.example"),
    ("port list", allow("good.example:80,443,8080"), curl("http://good.example:8080/{tok}"),
     "site=good"),
    ("port range", allow("db.example:5000-6000"), probe("tcp", "db.example", 5432, "{tok}"),
     "echo tok"),
    ("every port", allow("db.example:*"), probe("tcp", "db.example", 5432, "{tok}"), "echo tok"),
    ("any", allow("any:80"), curl("http://evil.example/{tok}"), "site=evil.example"),
    ("first address dead, second good", allow("fallback.example"),
     curl("https://fallback.example/{tok}"), "from=198.51.100.1"),
    ("IPv4 dead, IPv6 good", allow("dead4.example:80"), curl("http://dead4.example/{tok}"),
     "from=2001:db8:1::1"),
    ("IPv6 refused, IPv4 good", allow("fallback-refused.example:80"),
     curl("http://fallback-refused.example/{tok}"), "from=198"),
):
    CASES.reach(what, flags, command, says)

# (what, flags, probe): the probe arrives from outside and must not from the jail.
ALLOWED_GOOD = [("tcp", zone.v4(10), 443), ("tcp", zone.v6(10), 443)]
UPSTREAM = [("udp", zone.DNS4, 53)]

for what, flags, command in (
    ("nothing allowed, https", [], curl("https://good.example/{tok}")),
    ("nothing allowed, http", [], curl("http://good.example/{tok}")),
    ("nothing allowed, ssh", [], probe("banner", "ssh.example", 22, "{tok}")),
    ("another name, https", allow("good.example"), curl("https://evil.example/{tok}")),
    ("another name, http", allow("good.example:80"), curl("http://evil.example/{tok}")),
    ("another name, IPv6 only", allow("good.example"), curl("https://v6.example/{tok}")),
    ("another name, database", allow("good.example"), probe("tcp", "db.example", 5432, "{tok}")),
    ("below an exact name", allow("wild.example"), curl("http://a.wild.example/{tok}")),
    ("name that only ends like it", allow("good.example:80"), curl("http://notgood.example/{tok}")),
    ("name that begins like it", allow("good.example:80"),
     curl("http://good.example.evil.example/{tok}")),
    ("denied before allowed", ["--deny", "evil.example", "--allow", "*:443"],
     curl("https://evil.example/{tok}")),
):
    CASES.deny(what, flags, command)

for what, flags, command in (
    ("right name, other port", allow("good.example"), probe("tcp", "good.example", 5432, "{tok}")),
    ("right name, plain http", allow("good.example"), curl("http://good.example/{tok}")),
    ("right name, other protocol", allow("ssh.example:22"),
     probe("udp", "ssh.example", 22, "{tok}")),
    ("right name, port denied first", ["--deny", "db.example:5432", "--allow", "db.example:*"],
     probe("tcp", "db.example", 5432, "{tok}")),
):
    CASES.deny(what, flags, command, allowed=UPSTREAM)

CASES.deny("apex of a wildcard", allow("*.wild.example:80"), curl("http://wild.example/{tok}"),
           control=False)
