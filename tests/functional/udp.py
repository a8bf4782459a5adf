# SPDX-License-Identifier: GPL-2.0-or-later
"""UDP rules, and what is told to a program whose datagrams are not wanted."""

from lib import zone
from lib.case import Cases, expect_eq, expect_in, stays_in
from lib.commands import probe, python

CASES = Cases()

NTP = ["--allow", "udp/ntp.example:123"]
UPSTREAM = ("udp", zone.DNS4, 53)

CASES.reach("by name", NTP, probe("udp", "ntp.example", 123, "{tok}"), "echo tok")
CASES.reach("by name, every port", ["--allow", "udp/ntp.example"],
            probe("udp", "ntp.example", 123, "{tok}"), "echo tok")
CASES.deny("other port", NTP, probe("udp", "ntp.example", 443, "{tok}"), [UPSTREAM], control=False)
CASES.deny("other name", NTP, probe("udp", "ntp2.example", 123, "{tok}"))
CASES.deny("the name's real address", NTP, probe("udp", zone.v4(123), 123, "{tok}"))
CASES.deny("QUIC to an allowed name", ["--allow", "good.example"],
           probe("udp", "good.example", 443, "{tok}"), [UPSTREAM])
CASES.deny("QUIC, IPv6 address", ["--allow", "good.example"],
           probe("udp", zone.v6(10), 443, "{tok}"))
CASES.reach("QUIC where a rule says so", ["--allow", "udp/good.example:443"],
            probe("udp", "good.example", 443, "{tok}"), "echo tok")

REFUSED = """
import socket, sys
for family in (socket.AF_INET, socket.AF_INET6):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(4)
        s.connect(socket.getaddrinfo('good.example', 123, family)[0][4])
        s.send(sys.argv[1].encode())
        try:
            s.recv(999)
        except ConnectionRefusedError:
            print('refused', family.name)
"""


@CASES.case("another name's UDP port: both families are told by ICMP")
def _refused(t):
    # The port is open to ntp.example, so the rules let it reach the gate, which knows the name.
    result = stays_in(t, t.jail("--allow", "good.example", *NTP), python(REFUSED, "{tok}"),
                      [UPSTREAM], 1)
    expect_eq(result.out, "refused AF_INET\nrefused AF_INET6\n", "what the program saw", result)


TWO_CLIENTS = """
import socket, sys
clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for n, s in enumerate(clients):
    s.settimeout(4)
    s.connect(('ntp.example', 123))
for turn in range(3):
    for n, s in enumerate(clients):
        s.send(f'{sys.argv[1]} client {n} turn {turn}'.encode())
    for n, s in reversed(list(enumerate(clients))):
        assert s.recv(999) == f'echo {sys.argv[1]} client {n} turn {turn}'.encode(), n
print('each got its own')
"""
CASES.reach("two clients at a time", NTP, python(TWO_CLIENTS, "{tok}"), "each got its own")

UNCONNECTED = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(4)
servers = [(socket.gethostbyname(n), 123) for n in ('ntp.example', 'ntp2.example')]
for server in servers:
    s.sendto(sys.argv[1].encode(), server)
from_whom = {s.recvfrom(999)[1] for _ in servers}
assert from_whom == set(servers), (from_whom, servers)
print('each from where it was sent')
"""
CASES.reach("one socket, two servers: replies come from the address asked",
            [*NTP, "--allow", "udp/ntp2.example:123"], python(UNCONNECTED, "{tok}"), "each from")

BIG = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(4)
s.connect(('ntp.example', 123))
for size in (0, 1, 1472, 1473, 9000, 60000):
    text = (sys.argv[1].encode() + b'x' * size)[:size] if size else b''
    s.send(text)
    assert s.recv(65536) == b'echo ' + text, size
s.send(sys.argv[1].encode())
s.recv(99)
print('all sizes')
"""
CASES.reach("empty, big and fragmented datagrams", NTP, python(BIG, "{tok}"), "all sizes")

MANY = """
import socket, sys
name = socket.gethostbyname('ntp.example')
for burst in range(5):
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(120)]
    for i, s in enumerate(clients):
        s.settimeout(3)
        s.connect((name, 123))
        s.send(f'{sys.argv[1]} {burst} {i}'.encode())
    for i, s in enumerate(clients):
        assert s.recv(99) == f'echo {sys.argv[1]} {burst} {i}'.encode(), (burst, i)
print('all answered')
"""
CASES.reach("bursts of new clients: each is answered, and only with its own", NTP,
            python(MANY, "{tok}"), "all answered")


@CASES.case("a rejected datagram is told by ICMP, with the port")
def _(t):
    result = stays_in(t, t.jail("--allow", "good.example"),
                      probe("udp", zone.v4(66), 999, "{tok}"))
    expect_in("ECONNREFUSED", result.out, "what the socket was told", result)
