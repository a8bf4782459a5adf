# SPDX-License-Identifier: GPL-2.0-or-later
"""E-01 to E-27: ignoring the proxy, and sockets that miss a hook."""

import socket
import struct

from lib import zone
from lib.case import Cases, Skip, expect
from lib.commands import attempt, curl, probe, shell

CASES = Cases()

GOOD = ["--allow", "good.example", "--allow", "udp/ntp.example:123"]
EVIL = (("IPv4", zone.v4(66)), ("IPv6", zone.v6(66)))
UPSTREAM = [("udp", zone.DNS4, 53)]
AS_ROOT = {"root": True}

# --- E-01: nothing depends on proxy variables.
for what, url in (("name", "http://evil.example/{tok}"), ("IPv4", f"http://{zone.v4(66)}/{{tok}}"),
                  ("IPv6", f"http://[{zone.v6(66)}]/{{tok}}"), ("https",
                                                                "https://evil.example/{tok}")):
    CASES.deny(f"E-01 no proxy variables, {what}", GOOD, curl(url, "--noproxy", "*"))
    CASES.deny(f"E-01 proxy variables that lead elsewhere, {what}", GOOD, curl(url), env={
        "http_proxy": f"http://{zone.v4(66)}:3128", "https_proxy": f"http://{zone.v4(66)}:3128"},
        control=False)

# --- E-02: every port, not only 80 and 443.
for family, address in EVIL:
    for port in (22, 853, 2375, 5432, 6443, 8081, 65535):
        CASES.deny(f"E-02 TCP {port}, {family}", GOOD, attempt("tcp", address, port, "{tok}"))
    for port in (80, 443):
        CASES.contain(f"E-02 TCP {port}, {family}", GOOD, attempt("tcp", address, port, "{tok}"),
                      control=False)
    for port in (1, 67, 123, 443, 853, 4789, 51820):
        CASES.deny(f"E-02 UDP {port}, {family}", GOOD, attempt("udp", address, port, "{tok}"))

# --- E-03: rules inside the jail are not the jail's to change.
for what, root in (("user", False), ("root", True)):
    for how, script in (
        ("nft flush ruleset", "nft flush ruleset"),
        ("nft in a new user namespace", "unshare -Ur nft flush ruleset"),
        ("nft in a new user and net namespace", "unshare -Urn nft flush ruleset"),
        ("nft after setns to our own user namespace", "nsenter -U -t $$ nft flush ruleset"),
        ("ip rule and route",
         "ip rule flush; ip route flush table local; ip -6 route flush table local"),
        ("ip link", "ip link set lo down; ip link add d type dummy; ip link set d up"),
        ("ip address", f"ip addr add {zone.HOST4}/24 dev lo"),
        ("sysctl",
         "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/conf/lo/rp_filter"),
    ):
        CASES.deny(f"E-03 {how}, as {what}", GOOD, shell(
            f"{script} >/dev/null 2>&1; exec 3<>/dev/tcp/{zone.v4(66)}/999; echo {{tok}} >&3"),
            root=root, control=False)

# --- E-04, E-05, E-08, E-09, E-16, E-26: below TCP and UDP.
BELOW = [(f"E-16 IP protocol {n}, {family}", attempt("raw", address, n, "{tok}"))
         for n in (1, 4, 41, 47, 50, 51, 97, 132, 253) for family, address in EVIL]
BELOW += [
    ("E-04 own IPv4 header", attempt("raw_header", zone.v4(66), "{tok}")),
    ("E-04 own IPv4 header, to an allowed address", attempt("raw_header", zone.v4(10), "{tok}")),
    ("E-04 TCP segment of no connection", attempt("raw_reset", zone.v4(66), "{tok}")),
    ("E-04 TCP segment of no connection, IPv6", attempt("raw_reset", zone.v6(66), "{tok}")),
    ("E-05 packet socket", attempt("packet", zone.v4(66), "{tok}")),
    ("E-09 ICMP payload", attempt("raw", zone.v4(66), 1, "{tok}")),
    ("E-26 lone fragment", attempt("raw_fragment", zone.v4(10), "{tok}")),
]
for what, command in BELOW:
    CASES.contain(f"{what}, as user", GOOD, command)
    CASES.contain(f"{what}, as root", GOOD, command, control=False, root=True)
    CASES.contain(f"{what}, in a new user namespace", GOOD, ["unshare", "-Ur", *command],
                  control=False)
CASES.contain("E-05 ethernet frame, as root", GOOD, attempt("ethernet", "{tok}"), root=True)
CASES.contain("E-08 ping socket", GOOD, attempt("ping", zone.v4(66), "{tok}"))
CASES.contain("E-08 ping socket, IPv6", GOOD, attempt("ping", zone.v6(66), "{tok}"))
CASES.contain("E-08 ping socket, as root", GOOD, attempt("ping", zone.v4(66), "{tok}"),
              control=False, root=True)

# --- E-13, E-14: the same connections made in other ways.
for family, address in EVIL:
    for what, name, port in (
        ("E-13 io_uring, TCP", "uring", 999), ("E-13 io_uring, UDP", "uring_udp", 999),
        ("E-14 fast open by sendto", "fast_open", 999),
        ("E-14 fast open by connect", "fast_open_connect", 999),
        ("MPTCP", "mptcp", 999), ("SMC", "smc", 999), ("E-16 SCTP", "sctp", 999),
        ("E-16 DCCP", "dccp", 999), ("E-16 UDP-Lite", "udplite", 999),
        ("UDP without connect", "udp_unconnected", 999),
    ):
        CASES.contain(f"{what}, {family}", GOOD, attempt(name, address, port, "{tok}"))

# --- E-17: encapsulation in what is allowed stays where it is allowed; elsewhere it is denied.
for port in (4789, 6081, 8472, 51820, 500, 4500, 1194, 1701):
    CASES.deny(f"E-17 tunnel port {port}", GOOD, attempt("udp", zone.v4(66), port, "{tok}"),
               control=port == 4789)

# --- E-18: no namespace holds AF_VSOCK.
@CASES.case("E-18 AF_VSOCK")
def _vsock(t):
    if t.plain()(attempt("vsock")).status:
        raise Skip("this kernel has no AF_VSOCK")
    result = t.jail(*GOOD)(attempt("vsock"))
    expect(result.status != 0, "a socket of a family that reaches past namespaces was made", result)


# --- E-22: namespaces made inside.
for what, words in (("user and net", ["unshare", "-Urn"]), ("user", ["unshare", "-Ur"]),
                    ("user, mount and pid", ["unshare", "-Urmpf"])):
    CASES.contain(f"E-22 from a new {what} namespace", GOOD,
                  [*words, *attempt("udp", zone.v4(66), 999, "{tok}")], control=False)
    CASES.contain(f"E-22 from a new {what} namespace, TCP over IPv6", GOOD,
                  [*words, *attempt("tcp", zone.v6(66), 999, "{tok}")], control=False)

# --- E-27: routing chosen by the sender.
LSRR = bytes([131, 7, 4]) + socket.inet_aton(zone.HOST4) + b"\0"
RH0 = struct.pack("BBBB4x", 0, 2, 0, 1) + socket.inet_pton(socket.AF_INET6, zone.ROUTER6)
for what, name, level, number, value, host in (
    ("E-27 loose source route, TCP", "option", socket.IPPROTO_IP, socket.IP_OPTIONS, LSRR,
     zone.v4(66)),
    ("E-27 loose source route, UDP", "option_udp", socket.IPPROTO_IP, socket.IP_OPTIONS, LSRR,
     zone.v4(66)),
    ("E-27 routing header", "option_udp", socket.IPPROTO_IPV6, socket.IPV6_RTHDR, RH0, zone.v6(66)),
):
    CASES.contain(what, GOOD, attempt(name, level, number, value.hex(), host, 999, "{tok}"),
                  control=False)

# --- Socket options that steer, each on TCP and UDP.
INT = struct.Struct("i")
for what, level, number, value in (
    ("a mark", socket.SOL_SOCKET, 36, INT.pack(0x5A11)),
    ("a device", socket.SOL_SOCKET, 25, b"eth0\0"),
    ("the loopback device", socket.SOL_SOCKET, 25, b"lo\0"),
    ("no routing", socket.SOL_SOCKET, 5, INT.pack(1)),
    ("transparency", socket.IPPROTO_IP, 19, INT.pack(1)),
    ("free binding", socket.IPPROTO_IP, 15, INT.pack(1)),
    ("low delay and priority", socket.IPPROTO_IP, 1, INT.pack(0x10)),
    ("TTL 1", socket.IPPROTO_IP, 2, INT.pack(1)),
    ("a router alert", socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([148, 4, 0, 0])),
):
    for name in ("option", "option_udp"):
        command = attempt(name, level, number, value.hex(), zone.v4(66), 999, "{tok}")
        CASES.contain(f"socket option: {what}, {name}", GOOD, command, control=False)
        CASES.contain(f"socket option: {what}, {name}, new user namespace", GOOD,
                      ["unshare", "-Ur", *command], control=False)

PKTINFO = struct.pack("i4s4s", 1, socket.inet_aton(zone.HOST4), bytes(4))
CASES.contain("control message: source address and interface", GOOD, attempt(
    "ancillary", socket.IPPROTO_IP, 8, PKTINFO.hex(), zone.v4(66), 999, "{tok}"),
    control=False)
CASES.contain("control message: mark", GOOD, attempt(
    "ancillary", socket.SOL_SOCKET, 36, INT.pack(0x5A11).hex(), zone.v4(66), 999, "{tok}"),
    control=False)

# --- Sources that look like somebody else. In a jail every address is local.
for source in (zone.v4(10), zone.v4(53), zone.v4(66), zone.HOST4, "127.0.0.1", "198.18.0.1"):
    for name in ("tcp_from", "udp_from"):
        CASES.contain(f"from {source}, {name}", GOOD,
                      attempt(name, source, 0, zone.v4(66), 999, "{tok}"), control=False)
for port in (53, 123, 443, 1024, 65535):
    CASES.contain(f"from port {port}", GOOD,
                  attempt("udp_from", "0.0.0.0", port, zone.v4(66), 999, "{tok}"), control=False)
CASES.contain("from port 53, as root", GOOD,
              attempt("udp_from", "0.0.0.0", 53, zone.v4(66), 999,
                      "{tok}"), control=False, root=True)
CASES.contain("from an allowed server's port and address", GOOD,
              attempt("udp_from", zone.v4(123), 1123, zone.v4(66), 123, "{tok}"), control=False)

# --- What the test net itself is made of.
CASES.contain("to the router", GOOD, probe("tcp", zone.ROUTER4, 999, "{tok}"))
CASES.contain("to the router, IPv6", GOOD, probe("udp", zone.ROUTER6, 999, "{tok}"))
