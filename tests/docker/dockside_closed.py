# SPDX-License-Identifier: GPL-2.0-or-later
"""
Where the original let something through or said what was not so. Each name says what it did; the
check shows that it is not so here.
"""

import copy
import json

from lib import dockside, zone
from lib.case import Case, Cases, eventually, expect, expect_eq, expect_in, token
from lib.dockside import (ALLOWED, CONTROLLER_MAC, DENIED, ECHO_PORT, FORBIDDEN, WEB, tcp, udp, web)

CASES = Cases()
SECONDS = 25
NAME, SUBNET, GATEWAY = "ds-closed", "10.77.220.0/24", "10.77.220.1"
LATER = "10.77.220.200"  # of a controller


def files(egress, nat=(), ipsets=None, **network):
    return ({"networks": [{"name": NAME, "subnet": SUBNET, **network}]},
            {"ipsets": ipsets or {}, "networks": {NAME: {"egress": list(egress), "nat": list(nat)}}})


ALLOW_WEB = {"proto": "tcp", "ports": [443], "to": "ip", "ip": WEB}
DROP_ALL = {"action": "drop", "to": "all"}


def started(t, networks, firewall):
    d = t.dockside
    d.write_files(networks, firewall)
    if not d.is_alive():
        d.start_files()
    else:
        d.must("reload")
    d.await_networks(*(n["name"] for n in networks["networks"]))
    return d


def inmate(t):
    """The container on the network that most cases ask; `end` removes it."""
    return t.dockside.standing("inmate", NAME)


def closed(name, did):
    """did: what the original did."""
    def add(check):
        def run(t):
            try:
                check(t)
            finally:
                t.dockside.standard = False
        CASES.append(Case(f"{name} (the original: {did})", run))
        return check
    return add


def _arrives(t, run, probe):
    tok, marks = token(), t.marks()
    result = run(probe(tok))
    return t.seen(marks, tok), result


# A rule whose selector does not fit


MISFITS = {
    "allow with a cidr and no `to`": {"proto": "tcp", "ports": [443], "cidr": f"{WEB}/32"},
    "allow with an ip and no `to`": {"proto": "tcp", "ports": [443], "ip": WEB},
    "allow with an ipset and no `to`": {"proto": "tcp", "ports": [443], "ipset": "web"},
    "allow to cidr with the key missing": {"proto": "tcp", "ports": [443], "to": "cidr"},
    "allow to ip with the key missing": {"proto": "tcp", "ports": [443], "to": "ip"},
    "allow to a host with an address": {"proto": "tcp", "ports": [443], "to": "host", "ip": WEB},
    "allow to cidr with the other's key": {"proto": "tcp", "ports": [443], "to": "cidr", "ip": WEB},
    "an unknown `to`": {"proto": "tcp", "ports": [443], "to": "everything"},
}


def _misfit(what, rule):
    def check(t):
        d = t.dockside
        before = d.frozen_rules()
        d.write_files(*files([rule, DROP_ALL], ipsets={"web": [ALLOWED]}))
        d.standard = False
        result = d.run("dockside", *d.files())
        expect_eq(result.status, 2, "exit status", result)
        expect_in("firewall-config.json", result.err, "what it says", result)
        expect_eq(d.frozen_rules(), before, "rules")
    closed(f"{what}: an error", "any destination, or what was not written")(check)


for WHAT, RULE in MISFITS.items():
    _misfit(WHAT, RULE)


@closed("an allow rule that opens nothing, as it has ports and no protocol, is told",
        "left it out, with a line in its log")
def _(t):
    t.dockside.stop()  # it is told at the start
    d = started(t, *files([{"ports": [443]}, ALLOW_WEB]))
    expect_in("egress[0]", d.log(), "what it says")
    run = inmate(t)
    arrived, result = _arrives(t, run, lambda tok: web("mirror.example", tok, zone.v4(13)))
    expect(not arrived, "it opened something", result)


@closed("a rule of a set that is not defined: an error", "met when the rules were loaded")
def _(t):
    d = t.dockside
    d.write_files(*files([{"proto": "tcp", "ports": [443], "to": "ipset", "ipset": "absent"}]))
    result = d.run("dockside", *d.files())
    expect_eq(result.status, 2, "exit status", result)
    expect_in("absent", result.err, "what it says", result)


@closed("a network without a subnet: an error that says so", "ended with a KeyError")
def _(t):
    d = t.dockside
    d.write_files({"networks": [{"name": NAME}]}, {})
    result = d.run("dockside", *d.files())
    expect_eq(result.status, 2, "exit status", result)
    expect_in("subnet", result.err, "what it says", result)


# Names that do not resolve


@closed("a drop rule whose host does not resolve is reported, and nothing is open instead",
        "left the rule out, with a warning")
def _(t):
    d = started(t, *files([{"action": "drop", "to": "host", "host": "servfail.example"},
                           {"proto": "tcp", "ports": [443]}]))
    expect_in("servfail.example", json.dumps(d.must("status")), "status")


@closed("a drop rule keeps the addresses that its host had", "left the rule out at the next apply")
def _(t):
    d = started(t, *files([{"action": "drop", "to": "host", "host": "once.example"},
                           {"proto": "tcp", "ports": [443]}, DROP_ALL]))
    run = inmate(t)
    arrived, result = _arrives(t, run, lambda tok: web("once.example", tok, WEB))
    expect(not arrived, "the dropped host is reached", result)
    d.must("refresh")
    d.must("reload")
    arrived, result = _arrives(t, run, lambda tok: web("once.example", tok, WEB))
    expect(not arrived, "it is reached when its name has gone", result)
    expect_in("once.example", json.dumps(d.must("status")), "status")


@closed("a host with several addresses: all of them are allowed", "the first address only")
def _(t):
    d = started(t, *files([{"proto": "tcp", "ports": [443], "to": "host", "host": "many.example"},
                           DROP_ALL]))
    marks = t.marks()
    run = inmate(t)
    for address in zone.ADDRESSES["many.example"]:
        run(["curl", "-sk", "-m", "1", f"https://{address}/"])
    went = {p["dst"] for p in t.wire_since(marks) if p["proto"] == "tcp" and p["dport"] == 443}
    expect_eq(went, set(zone.ADDRESSES["many.example"]), "addresses that packets arrived at")


# The end of the rules


@closed("a network with an allow rule and no drop at the end: denied", "allowed by default")
def _(t):
    d = started(t, *files([ALLOW_WEB]))
    run = inmate(t)
    arrived, result = _arrives(t, run, lambda tok: web(ALLOWED, tok, WEB))
    expect(arrived, "what is allowed", result, d.log())
    for probe in (lambda tok: web(DENIED, tok, FORBIDDEN),
                  lambda tok: udp(zone.v4(123), 123, tok)):
        arrived, result = _arrives(t, run, probe)
        expect(not arrived, "what no rule allows arrived", result)


@closed("a network that has a controller and no rule: denied", "an empty chain, so allowed")
def _(t):
    d = started(t, {"networks": [{"name": NAME, "subnet": SUBNET, "dockside_ip": LATER}]}, {})
    run = inmate(t)
    arrived, result = _arrives(t, run, lambda tok: web(DENIED, tok, FORBIDDEN))
    expect(not arrived, "it arrived", result)


@closed("a drop without `to: all`'s end concerns datagrams and other protocols, too",
        "the next rules of the host")
def _(t):
    d = started(t, *files([ALLOW_WEB, {"proto": "icmp"}]))
    run = inmate(t)
    marks = t.marks()
    run(dockside.python(SCTP, WEB))
    expect(not [p for p in t.wire_since(marks) if p["proto"] == "sctp"], "SCTP left")


SCTP = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
s.sendto(b"\\0\\x09\\x01\\xbb" + bytes(12), (sys.argv[1], 0))
"""


@closed("ICMP to one address: to that one", "to any: the destination was left out")
def _(t):
    d = started(t, *files([{"proto": "icmp", "to": "ip", "ip": WEB}, DROP_ALL]))
    run = inmate(t)
    expect_eq(run(["ping", "-c", "1", "-W", "2", WEB]).status, 0, "ping of the address")
    expect(run(["ping", "-c", "1", "-W", "1", FORBIDDEN]).status != 0, "ping of another")


# The controller


CONTROLLER = {"dockside_ip": LATER, "dockside_mac": CONTROLLER_MAC}


@closed("exempt by address and MAC: one of them is not enough", "either of them was enough")
def _(t):
    d = started(t, *files([ALLOW_WEB, DROP_ALL], **CONTROLLER))
    for name, options, reaches in (
            ("only-ip", ["--ip", LATER], False),
            ("only-mac", ["--mac-address", CONTROLLER_MAC], False),
            ("both", ["--ip", LATER, "--mac-address", CONTROLLER_MAC], True)):
        with d.guest(name, NAME, *options) as run:
            arrived, result = _arrives(t, run, lambda tok: web(DENIED, tok, FORBIDDEN))
            expect_eq(arrived, reaches, f"{name}: arrived", result)


# A frame with the controller's MAC and address as its source, to a neighbour's MAC.
FORGE = """
import socket, struct, sys
text, target, mac, source = sys.argv[1].encode(), sys.argv[2], sys.argv[3], sys.argv[4]
gateway = bytes.fromhex([l.split()[3] for l in open("/proc/net/arp") if ":" in l][0].replace(":", ""))
udp = struct.pack("!4H", 9, 31337, 8 + len(text), 0) + text
head = struct.pack("!BBHHHBBH4s4s", 69, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(source),
                   socket.inet_aton(target))
total = sum(struct.unpack("!10H", head))
total = (total & 0xffff) + (total >> 16)
head = head[:10] + struct.pack("!H", ~total & 0xffff) + head[12:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for _ in range(3):
    s.send(gateway + bytes.fromhex(mac.replace(":", "")) + b"\\x08\\0" + head + udp)
"""


@closed("frames with the controller's MAC and address from another container's port",
        "no port was looked at")
def _(t):
    d = started(t, *files([ALLOW_WEB, DROP_ALL], **CONTROLLER))
    with d.guest("master", NAME, "--ip", LATER, "--mac-address", CONTROLLER_MAC) as master, \
            d.guest("forger", NAME) as run:
        arrived, result = _arrives(t, master, lambda tok: [
            "sh", "-c", f"ping -c1 -W1 {GATEWAY}; exec \"$@\"", "sh",
            *dockside.python(FORGE, tok, FORBIDDEN, CONTROLLER_MAC, LATER)])
        expect(arrived, "the control: the controller's own frame does not arrive", result)
        run(web(ALLOWED, token(), WEB))  # so that its neighbour table knows the gateway
        arrived, result = _arrives(t, run, lambda tok: dockside.python(
            FORGE, tok, FORBIDDEN, CONTROLLER_MAC, LATER))
        expect_eq(result.status, 0, "the probe", result)
        expect(not arrived, "the forged frame arrived", result)


# What is said


@closed("reload tells that it failed", "answered ok, the error was in the log only")
def _(t):
    d = started(t, *files([ALLOW_WEB]))
    d.write("firewall-config.json", {"networks": {NAME: {"egress": [{"proto": "quic"}]}}})
    expect_in("quic", d.refused("reload"), "message")
    expect(d.is_alive(), "the daemon ended")


@closed("an existing network with another subnet is told", "never compared")
def _(t):
    d = t.dockside
    d.end()
    d.without_networks(NAME)
    t.engine.docker("network", "create", "--subnet=10.77.221.0/24", "--opt",
                    f"com.docker.network.bridge.name={NAME}", NAME)
    try:
        d = started(t, *files([ALLOW_WEB]))
        said = json.dumps(d.must("status"))
        expect_in("10.77.221.0/24", said, "status")
        expect_in(SUBNET, said, "status")
    finally:
        d.end()
        d.without_networks(NAME)


@closed("reconcile finds what is left over of ours", "found no chain, ever")
def _(t):
    """A chain, a set and a base chain that nobody of us made, in a table that is not owned by now."""
    d = started(t, *files([ALLOW_WEB]))
    d.stop()
    for words in (("chain", "stray"), ("set", "stray-set", "{ type ipv4_addr; }")):
        d.host("nft", "add", words[0], "inet", "sallyport", *words[1:])
    expect_in("stray", d.rules(), "the control: it was put there")
    d.start_files()
    if "stray" in d.rules():
        said = d.must("reconcile")
        expect_in("stray", json.dumps(said["removed_chains"] + said["removed_ipsets"]), "removed")
    expect("stray" not in d.rules(), "it is still there", d.rules())


@closed("a removed network with containers: they stay denied", "they became free")
def _(t):
    d = started(t, *files([ALLOW_WEB]))
    run = inmate(t)
    d.must("remove-network", name=NAME)
    for probe in (lambda tok: web(DENIED, tok, FORBIDDEN), lambda tok: web(ALLOWED, tok, WEB)):
        arrived, result = _arrives(t, run, probe)
        expect(not arrived, "it arrived", result)


# The kernel's limits

LONG = "ds-quite-a-long-name"  # its bridge's name has more than 15 bytes
LONG_SET = "a-name-of-a-set-that-is-longer-than-any-kernel-likes"
MANY = list(range(7000, 7040))  # ports in one rule


@closed("long names and many ports in one rule", "passed the check, failed when the rules were loaded")
def _(t):
    d = t.dockside
    d.end()
    d.without_networks(LONG)
    d.write_files({"networks": [{"name": LONG, "subnet": "10.77.222.0/24"}]},
                  {"ipsets": {LONG_SET: [ALLOWED]}, "networks": {LONG: {"egress": [
                      {"proto": "tcp", "ports": [443], "to": "ipset", "ipset": LONG_SET},
                      {"proto": "tcp", "ports": MANY, "to": "ip", "ip": zone.v4(70)}, DROP_ALL]}}})
    try:
        d.start_files()
        d.await_networks(LONG)
        bridge = t.engine.inspect(LONG)["Options"]["com.docker.network.bridge.name"]
        expect(len(bridge) <= 15, f"the bridge is called {bridge}")
        with d.guest("long", LONG) as run:
            arrived, result = _arrives(t, run, lambda tok: web(ALLOWED, tok, WEB))
            expect(arrived, "what is allowed", result, d.log())
            arrived, result = _arrives(t, run, lambda tok: tcp(zone.v4(70), zone.PORT_ECHO, tok))
            expect(result.status == 0, "one of many ports", result)
            arrived, result = _arrives(t, run, lambda tok: tcp(zone.v4(70), 7040, tok))
            expect(not arrived, "the port after them", result)
            arrived, result = _arrives(t, run, lambda tok: web(DENIED, tok, FORBIDDEN))
            expect(not arrived, "what is denied", result)
    finally:
        d.end()
        d.without_networks(LONG)


# What was not covered


@closed("the host itself, by the gateway and by its other addresses", "nothing looked at it")
def _(t):
    d = started(t, *files([ALLOW_WEB]))
    run = inmate(t)
    for address in (GATEWAY, zone.HOST4):
        for probe in (tcp, udp):
            arrived, result = _arrives(t, run, lambda tok: probe(address, zone.PORT_WILDCARD,
                                                                 tok))  # noqa: B023
            expect(not arrived, f"the host heard it at {address}", result)


@closed("DNS over TCP and UDP to the host and to any resolver", "INPUT was not looked at")
def _(t):
    d = started(t, *files([ALLOW_WEB]))
    run = inmate(t)
    for server in (zone.DNS4, zone.DNS_OTHER, GATEWAY):
        for over in ("udp", "tcp"):
            arrived, result = _arrives(t, run, lambda tok: dockside.python(
                DNS, server, over, f"{tok}.{DENIED}"))  # noqa: B023
            expect(not arrived, f"the question left, {over} to {server}", result)


DNS = """
import socket, struct, sys
server, over, name = sys.argv[1:4]
labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
question = struct.pack("!6H", 77, 256, 1, 0, 0, 0) + labels + b"\\0\\0\\1\\0\\1"
if over == "tcp":
    s = socket.create_connection((server, 53), 1.5)
    s.sendall(struct.pack("!H", len(question)) + question)
else:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    s.sendto(question, (server, 53))
print(len(s.recv(512)))
"""


@closed("traffic inside one bridge: datagrams, echo requests, other ethertypes, not only new TCP",
        "NEW connections by conntrack, if br_netfilter was there")
def _(t):
    d = started(t, *files([ALLOW_WEB]))
    run = inmate(t)
    with d.guest("listens", NAME, command=dockside.python(HEAR)):
        address = d.address("listens", NAME)
        run(web(ALLOWED, token(), WEB))
        run(dockside.python(SPEAK, address, d.address("listens", NAME, "MacAddress")))
        heard = t.engine.docker("logs", "listens")
        expect_eq(heard, "", "what the neighbour heard")
        result = run(tcp(address, ECHO_PORT, "x"))
        expect(result.status != 0, "TCP", result)


HEAR = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
while True:
    data, where = s.recvfrom(2000)
    if b"marked" in data and where[2] != 4:
        print(data[12:14].hex(), flush=True)
"""

SPEAK = """
import socket, sys, time
address, mac = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", ""))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
e = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
p = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
p.bind(("eth0", 0))
own = p.getsockname()[4]
for _ in range(3):
    for s, to in ((u, 9001), (e, 0)):
        try:
            s.sendto(b"\\x08\\0\\0\\0\\0\\0\\0\\1marked", (address, to))
        except OSError:
            pass
    for kind in (b"\\x88\\xb5", b"\\x81\\0\\0\\1\\x08\\0", b"\\x86\\xdd"):
        p.send(mac + own + kind + b"marked" + bytes(60))
    time.sleep(0.05)
"""


@closed("IPv6 from a container of an IPv4 network", "no IPv6 rule at all")
def _(t):
    """The network has IPv6 after all: somebody made it with both before the daemon came."""
    d = t.dockside
    d.end()
    d.without_networks(NAME)
    t.engine.docker("network", "create", f"--subnet={SUBNET}", "--ipv6", "--subnet=fd77:220::/64",
                    "--opt", f"com.docker.network.bridge.name={NAME}", NAME)
    t.route6("fd77:220::/64")
    try:
        with d.guest("six", NAME) as run:
            eventually(lambda: _arrives(t, run, lambda tok: udp(zone.v6(123), 123, tok))[0],
                       "the control: without the daemon it does not arrive", timeout=8)
            started(t, *files([ALLOW_WEB]))
            for probe in (lambda tok: udp(zone.v6(123), 123, tok),
                          lambda tok: tcp(zone.v6(10), 443, tok),
                          lambda tok: tcp("fd77:220::1", zone.PORT_WILDCARD, tok)):
                arrived, result = _arrives(t, run, probe)
                expect(not arrived, "it arrived", result)
    finally:
        d.end()
        d.without_networks(NAME)


@closed("saving keeps comments of networks and nat rules, and unknown keys", "lost them")
def _(t):
    networks, firewall = files([ALLOW_WEB], nat=[{"match_dport": 25, "to_ip": WEB, "to_port": 443,
                                                  "comment": "why"}])
    networks["networks"][0].update(comment="a network", owner="ops")
    d = started(t, networks, firewall)
    d.must("set-ipset", name="one", hostnames=[ALLOWED])
    kept = json.loads(d.read("network-config.json"))
    expect_eq(kept, networks, "the networks' file")
    wanted = copy.deepcopy(firewall)
    wanted["ipsets"]["one"] = [ALLOWED]
    expect_eq(json.loads(d.read("firewall-config.json")), wanted, "the rules' file")
    d.end()
    d.without_networks(NAME)

