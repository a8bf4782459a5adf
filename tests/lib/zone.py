# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is who on the small internet: addresses, names, ports. Nothing here does anything."""

HOST4, HOST6 = "198.51.100.1", "2001:db8:1::1"
ROUTER4, ROUTER6 = "198.51.100.254", "2001:db8:1::fe"

NET4, NET6 = "203.0.113.0/24", "2001:db8:113::/48"

# Also answered for on the internet side, so that a probe that gets out is seen arriving.
STRAY4 = ("169.254.169.254", "100.100.100.200", "10.99.0.0/16", "172.30.99.0/24",
          "192.168.99.0/24", "100.64.99.0/24", "198.18.0.0/15", "240.0.0.0/8")
STRAY6 = ("fd77:99::/32", "fd73:616c:6c79::/64", "64:ff9b::/96", "2002::/16", "2001:0:99::/48",
          "fd00:ec2::254/128")


def v4(n):
    return f"203.0.113.{n}"


def v6(n):
    return f"2001:db8:113::{n}"


def both(n):
    return [v4(n), v6(n)]


DNS4, DNS6 = v4(53), v6(53)
DNS_SILENT = v4(40)  # a resolver that never answers
DNS_OTHER = v4(88)  # a public resolver that nobody configured

# Addresses with a behaviour instead of servers: closed, unreachable, lost.
REFUSED4, REFUSED6 = v4(41), v6(41)
UNREACHABLE4 = v4(42)
SILENT4, SILENT6 = v4(43), v6(43)

# name: addresses. TTL 60.
ADDRESSES = {
    "good.example": both(10),
    "www.good.example": both(10),
    "v4.example": [v4(11)],
    "v6.example": [v6(16)],
    "fallback.example": [v4(12), SILENT6],
    "fallback-refused.example": [v4(12), REFUSED6],
    "dead4.example": [SILENT4, v6(12)],
    "many.example": [SILENT4, REFUSED4, v4(12)],
    "ssh.example": both(22),
    "db.example": both(54),
    "tcp.example": both(70),
    "shared-a.example": both(20),
    "shared-b.example": both(20),
    "ntp.example": both(123),
    "ntp2.example": both(124),
    "evil.example": both(66),
    "good.example.evil.example": both(66),
    "notgood.example": both(66),
    "refused.example": [REFUSED4],
    "unreachable.example": [UNREACHABLE4],
    "silent.example": [SILENT4],
    "mirror.example": both(13),
    # Names that steer to where no name may lead.
    "loop4.example": ["127.0.0.1"],
    "loop6.example": ["::1"],
    "zero.example": ["0.0.0.0"],
    "private.example": ["10.99.0.1"],
    "private172.example": ["172.30.99.1"],
    "private192.example": ["192.168.99.1"],
    "cgnat.example": ["100.64.99.1"],
    "metadata.example": ["169.254.169.254"],
    "metadata-cn.example": ["100.100.100.200"],
    "metadata6.example": ["fd00:ec2::254"],
    "ula.example": ["fd77:99::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::a63:1"],
    "sixtofour.example": ["2002:a63:1::1"],
    "teredo.example": ["2001:0:99::1"],
    "pool.example": ["198.18.0.5"],
    "pool6.example": ["fd73:616c:6c79::5"],
    "multicast.example": ["224.0.0.251"],
    "reserved.example": ["240.0.0.1"],
    "mixed.example": ["169.254.169.254", v4(10)],
    "hostaddr.example": [HOST4],
}

# Names below *.wild.example exist, each at this address.
WILD = ("wild.example", both(30))

CNAMES = {
    "alias.example": "hop1.example",
    "hop1.example": "hop2.cdn.example",
    "hop2.cdn.example": "good.example",
    "loop-a.example": "loop-b.example",
    "loop-b.example": "loop-a.example",
    "alias-private.example": "private.example",
}

# The answer to these carries, besides the right records, ones that nobody asked for.
POISONED = {"poisoned.example": [v4(13)]}
POISON = ("evil.example", v4(10))  # "evil.example is at good's address", and reverse
POISON_SELF = ("good.example", v4(66))

# name: what the server does instead of answering properly.
BEHAVIOUR = {
    "tc.example": ("truncate", both(10)),
    "big.example": ("big", [v4(n) for n in range(128, 158)]),
    "servfail.example": ("servfail", []),
    "noanswer.example": ("silent", []),
    "wrongid.example": ("wrongid", [v4(10)]),
    "wrongname.example": ("wrongname", [v4(10)]),
    "garbage.example": ("garbage", []),
    "late.example": ("late", [v4(10)]),
    "rotate.example": ("rotate", [v4(n) for n in (10, 11, 12, 13)]),
    "rebind.example": ("rebind", [v4(10), "10.99.0.1"]),
    "empty.example": ("empty", []),
    "once.example": ("once", [v4(10)]),
}

SITES = sorted(
    {n for n, a in ADDRESSES.items() if set(a) & {v4(n) for n in range(256)} or "v6" in n}
    | {"alias.example", "poisoned.example", "tc.example", "rotate.example", "rebind.example",
       "mixed.example", "*.wild.example", "big.example", "wrongid.example", "late.example",
       "once.example"}
)

# TCP services on every address of the internet, see servers.py.
PORT_SSH, PORT_DB = 22, 5432
PORT_SINK, PORT_SOURCE, PORT_HANGUP, PORT_STALL, PORT_FLOOD, PORT_RESET = range(7001, 7007)
PORT_ECHO = 7007
PORT_HTTP_ALT = 8080
TCP_PORTS = (22, 53, 80, 443, 5432, 7001, 7002, 7003, 7004, 7005, 7006, 7007, 8080)

PORT_CATCH_ALL = 9999  # whatever else is sent lands here
SYNC4, PORT_SYNC = v4(9), 9  # see wire.py

# What listens in the host's own namespace.
PORT_LOOPBACK = 15432  # 127.0.0.1 and ::1
PORT_LOOPBACK_HTTP = 18080  # 127.0.0.1
PORT_WILDCARD = 18081  # 0.0.0.0 and ::
PORT_LOOPBACK_UDP = 15353  # 127.0.0.1
ABSTRACT = "sallyport-test"
