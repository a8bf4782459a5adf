# SPDX-License-Identifier: GPL-2.0-or-later
"""
The daemon and containers on the networks that it makes: from the first packet on, whatever the
engine does with them. What counts is what arrived on the internet's end of the cable.
"""

import re

from lib import dockside, image, zone
from lib.case import Case, Cases, Fail, eventually, expect, expect_eq, expect_in, token
from lib.dockside import (ALLOWED, BARE, CONTROLLER_IP, CONTROLLER_MAC, DATABASE, DENIED, ECHO_PORT,
                          FORBIDDEN, OPEN, POLICED_IP, REDIRECTED_PORT, RESOLVING, SHARED, SUBNETS,
                          WEB, WORK, await_seconds, tcp, udp, web)

CASES = Cases()
SECONDS = 54
FAST_US = 1_000_000
FIRSTS = 6  # containers that send from their first instruction on
FLOOD_MS = 300

# An ICMP timestamp request (type 13).
TIMESTAMP = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
body = struct.pack("!BBHHHIII", 13, 0, 0, 1, 1, 0, 0, 0)
total = sum(struct.unpack("!10H", body))
total = (total & 0xffff) + (total >> 16)
s.sendto(body[:2] + struct.pack("!H", ~total & 0xffff) + body[4:], (sys.argv[1], 0))
"""


def stays_in(t, run, probe, allowed=RESOLVING):
    """Nothing of the probe arrives anywhere, and it knows."""
    tok, marks = token(), t.marks()
    result = run(probe(tok))
    expect(result.status not in (126, 127), "the probe was not run", result)
    leaks = t.leaks(marks, allowed)
    expect(not leaks, f"packets left: {leaks}", result)
    expect(not t.seen(marks, tok), f"{tok} arrived", result)
    expect(result.status != 0, "the probe believes that it worked", result)
    return result


def gets_out(t, run, probe):
    tok, marks = token(), t.marks()
    result = run(probe(tok))
    expect_eq(result.status, 0, "exit status", result, t.dockside.log())
    eventually(lambda: t.seen(marks, tok), f"{tok} never arrived\n{result}")
    return result


def _deny(name, probe, who="worker", control=True):
    def check(t):
        stays_in(t, getattr(t.dockside.up(), who)(), probe)
    CASES.append(Case(f"denied: {name}", check,
                      (lambda t: gets_out(t, t.box(), probe)) if control else None))


def _allow(name, probe, who="worker"):
    CASES.append(Case(f"allowed: {name}",
                      lambda t: gets_out(t, getattr(t.dockside.up(), who)(), probe),
                      lambda t: gets_out(t, t.box(), probe)))


# The networks


def _driver(network):
    return network["Options"]


@CASES.case("the networks of the file are made as Dockside makes them")
def _(t):
    d = t.dockside
    d.end()
    d.without_networks(WORK, OPEN, BARE)
    d.up()
    for name, subnet in SUBNETS.items():
        network = t.engine.inspect(name)
        expect_eq(network["IPAM"]["Config"][0]["Subnet"], subnet, f"subnet of {name}")
        expect_eq(network["IPAM"]["Config"][0]["Gateway"], subnet.replace("0/24", "1"), "gateway")
        wanted = {"com.docker.network.bridge.name": name,
                  "com.docker.network.bridge.enable_icc": "true",
                  "com.docker.network.bridge.enable_ip_masquerade": "true",
                  "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
                  "com.docker.network.driver.mtu": "1500"}
        expect_eq({key: _driver(network).get(key) for key in wanted}, wanted, f"options of {name}")


# The first packet


def _run_first(t, network, name, ms=FLOOD_MS):
    words = ["docker", "run", "--rm", "--name", name, "--network", network, image.FIRST]
    return t.popen([*words, t.tok, str(ms), FORBIDDEN, WEB, "443"], env=t.engine.environment(),
                   text=True)


def _first_ones(t, network, n):
    """What n containers said that were started at once."""
    t.dockside.need_first()
    t.tok = token()
    started = [_run_first(t, network, f"first-{i}") for i in range(n)]
    return [(*process.communicate(timeout=30), process.returncode) for process in started]


@CASES.case("the control of the next: where nothing is denied they all arrive")
def _(t):
    marks = t.marks()
    (out, err, status), = _first_ones(t, "street", 1)
    arrived = {(p["proto"], p["dport"]) for p in t.wire_since(marks) if p["dst"] == FORBIDDEN}
    expect_eq(status, 0, "exit status", out, err)
    expect({("udp", 31337), ("tcp", 31337), (1, 0)} <= arrived, f"arrived: {arrived}")
    frames = [p for p in t.wire_since(marks) if p["dst"] == FORBIDDEN and p["sport"] == 9]
    expect(frames, "no frame of its own making arrived")


@CASES.case("a container whose first instructions send: none arrives, what is allowed does at once")
def _(t):
    t.dockside.up()
    marks = t.marks()
    said = _first_ones(t, OPEN, FIRSTS)
    leaks = t.leaks(marks, [*RESOLVING, ("tcp", WEB, 443)])
    expect(not leaks, f"{len(leaks)} packets left: {leaks[:5]}", said, t.dockside.log())
    for out, err, status in said:
        took = re.search(r"connected (\d+)", out)
        expect(took and status == 0, "what is allowed was not reached", out, err)
        expect(int(took[1]) < FAST_US, f"the first connection took {took[1]} µs")


# What a rule says


_allow("a name of a set", lambda tok: web(ALLOWED, tok))
_allow("the other name of the set", lambda tok: web(SHARED, tok))
_allow("a set with settings of its own", lambda tok: tcp(DATABASE, zone.PORT_DB, tok))
_allow("a host, UDP", lambda tok: udp(zone.v4(123), 123, tok))
_allow("an address", lambda tok: tcp(zone.v4(70), zone.PORT_ECHO, tok))


@CASES.case("allowed: ping, and no other kind of ICMP")
def _(t):
    run, marks = t.dockside.up().worker(), t.marks()
    result = run(["ping", "-c", "1", "-W", "2", FORBIDDEN])
    expect_eq(result.status, 0, "exit status", result)
    run(dockside.python(TIMESTAMP, FORBIDDEN))
    kinds = {p["type"] for p in t.wire_since(marks) if p["proto"] == 1}
    expect_eq(kinds, {8}, "types of ICMP that left")


_deny("a name that no rule has", lambda tok: web(DENIED, tok, FORBIDDEN))
_deny("a port that no rule has", lambda tok: tcp(WEB, zone.PORT_DB, tok))
_deny("a datagram to a port of a TCP rule", lambda tok: udp(WEB, 443, tok))
_deny("an address beside the one that is allowed", lambda tok: tcp(zone.v4(71), zone.PORT_ECHO, tok))
_deny("the metadata service", lambda tok: tcp("169.254.169.254", 80, f"GET /{tok} HTTP/1.0\r\n\r\n"))
_deny("another resolver", lambda tok: ["nslookup", f"{tok}.{DENIED}", zone.DNS_OTHER],
      control=False)


@CASES.case("what is denied fails at once")
def _(t):
    run = t.dockside.up().worker()
    for _ in range(3):
        result = run(tcp(FORBIDDEN, 443, token()))
        if result.seconds < 1:
            return
    raise Fail(f"three times slow\n{result}")


@CASES.case("open network: any address on the web's ports, but not what the first rule denies")
def _(t):
    run = t.dockside.up().standing("open", OPEN)
    gets_out(t, run, lambda tok: web("mirror.example", tok, zone.v4(13)))
    stays_in(t, run, lambda tok: web(DENIED, tok, FORBIDDEN))
    stays_in(t, run, lambda tok: tcp(DATABASE, zone.PORT_DB, tok))


@CASES.case("a network without a rule and without a controller is made and not confined")
def _(t):
    run = t.dockside.up().standing("bare", BARE)
    gets_out(t, run, lambda tok: web(DENIED, tok, FORBIDDEN))


@CASES.case("nat: another destination, whatever address was asked")
def _(t):
    marks, tok = t.marks(), token()
    result = t.dockside.up().worker()(tcp(zone.v4(99), REDIRECTED_PORT, tok))
    expect_eq(result.status, 0, "exit status", result)
    lines = t.world.internet.since(marks[1], event="line", tokens=[tok])
    expect(lines and lines[0]["port"] == zone.PORT_DB, f"where it arrived: {lines}", result)
    went = {p["dst"] for p in t.wire_since(marks) if p["proto"] == "tcp"}
    expect_eq(went, {DATABASE}, "addresses that were reached")


# The host and the neighbours


@CASES.case("neither the gateway nor another address of the host is reached")
def _(t):
    run = t.dockside.up().worker()
    for address in ("10.77.201.1", "10.77.202.1", zone.HOST4):
        for probe in (tcp, udp):
            stays_in(t, run, lambda tok: probe(address, zone.PORT_WILDCARD, tok))  # noqa: B023


@CASES.case("the control of it: on a network that is not confined the host answers")
def _(t):
    run = t.dockside.up().standing("bare", BARE)
    gets_out(t, run, lambda tok: tcp("10.77.203.1", zone.PORT_WILDCARD, tok))


def _talks(run, address, tok=None):
    tok = tok or token()
    result = run(tcp(address, ECHO_PORT, tok))
    return tok in result.out, result


@CASES.case("container to container: denied on both networks, and across")
def _(t):
    d = t.dockside.up()
    across = d.standing("open", OPEN)
    neighbour = d.neighbour()
    for run in (d.worker(), across):
        talks, result = _talks(run, neighbour)
        expect(not talks, "the neighbour answered", result)
    expect(d.worker()(["ping", "-c", "1", "-W", "1", neighbour]).status != 0, "ping was answered")


@CASES.case("the control of it: on a network that is not confined they talk")
def _(t):
    d = t.dockside.up()
    run = d.standing("bare", BARE)
    with d.guest("listens", BARE, command=dockside.python(dockside.ECHO)):
        address = d.address("listens", BARE)
        eventually(lambda: _talks(run, address)[0], "no answer", timeout=5)


@CASES.case("the controller: to every container and to the internet, by its MAC and its address")
def _(t):
    d = t.dockside.up()
    neighbour = d.neighbour()
    run = d.controller()
    talks, result = _talks(run, neighbour)
    expect(talks, "the neighbour did not answer the controller", result)
    gets_out(t, run, lambda tok: web(DENIED, tok, FORBIDDEN))


@CASES.case("a controller that is policed: to every container, to the internet by the rules")
def _(t):
    d = t.dockside.up()
    d.standing("open-listens", OPEN, command=dockside.python(dockside.ECHO))
    with d.guest("policed", OPEN, "--ip", POLICED_IP) as run:
        talks, result = _talks(run, d.address("open-listens", OPEN))
        expect(talks, "the neighbour did not answer the controller", result)
        stays_in(t, run, lambda tok: tcp(DATABASE, zone.PORT_DB, tok))


@CASES.case("the controller's address without its MAC, its MAC without its address")
def _(t):
    d = t.dockside.up()
    d.remove("controller")
    for name, option in (("half-ip", ("--ip", CONTROLLER_IP)),
                         ("half-mac", ("--mac-address", CONTROLLER_MAC))):
        with d.guest(name, WORK, *option) as run:
            stays_in(t, run, lambda tok: web(DENIED, tok, FORBIDDEN))


@CASES.case("a container that takes the controller's MAC and address for its own")
def _(t):
    d = t.dockside.up()
    d.controller()
    with d.guest("thief", WORK, "--cap-add=NET_ADMIN") as run:
        script = (f"busybox ip link set eth0 down; busybox ip link set eth0 address {CONTROLLER_MAC};"
                  f"busybox ip addr add {CONTROLLER_IP}/24 dev eth0; busybox ip link set eth0 up;"
                  f"busybox ip route add default via 10.77.201.1 src {CONTROLLER_IP};"
                  "exec \"$@\"")
        stays_in(t, run, lambda tok: ["sh", "-c", script, "sh", *web(DENIED, tok, FORBIDDEN)])


# Names


def _lookup(name):
    return ["python3", "-ISc", "import socket, sys; print(socket.gethostbyname(sys.argv[1]))", name]


ASK = """version: 1
policies:
  ask:
    rules:
      - allow: ["{name}"]
subjects:
  - network: ds-ask
    policy: ask
    subnet: 10.77.207.0/24
"""


@CASES.case("DNS by the gateway: an allowed name is answered, another not even looked up")
def _(t):
    d = t.dockside
    d.without_networks("ds-ask")
    d.policy(ASK.format(name=ALLOWED))
    d.await_networks("ds-ask")
    with d.guest("asks", "ds-ask", "--dns", "10.77.207.1") as run:
        result = run(_lookup(ALLOWED))
        expect_in(WEB, result.out, "answer", result, t.dockside.log())
        marks, tok = t.marks(), token()
        result = run(_lookup(f"{tok}.{DENIED}"))
        expect(result.status != 0, "an answer", result)
        expect(not t.seen(marks, tok), f"the question left: {t.asked(marks)}")
    t.engine.docker("network", "rm", "ds-ask")


# IPv6

SIX = """version: 1
policies:
  six:
    rules:
      - allow: ["{web}:443", "udp/[{web6}]:443"]
subjects:
  - network: ds-six
    policy: six
    subnet: [10.77.206.0/24, "fd77:206::/64"]
"""


@CASES.case("a network with IPv6: made, confined in both families")
def _(t):
    d = t.dockside
    d.without_networks("ds-six")
    d.policy(SIX.format(web=WEB, web6=zone.v6(10)))
    d.await_networks("ds-six")
    subnets = {config["Subnet"] for config in t.engine.inspect("ds-six")["IPAM"]["Config"]}
    expect_eq(subnets, {"10.77.206.0/24", "fd77:206::/64"}, "subnets")
    t.route6("fd77:206::/64")
    with d.guest("six", "ds-six") as run:
        # The bridge's own address is tentative until a second after its first port is up.
        eventually(lambda: run(udp(zone.v6(10), 443, token())).status == 0, "no way out by IPv6", 6)
        gets_out(t, run, lambda tok: udp(zone.v6(10), 443, tok))
        gets_out(t, run, lambda tok: web(ALLOWED, tok, WEB))
        stays_in(t, run, lambda tok: udp(zone.v6(66), 443, tok))
        stays_in(t, run, lambda tok: tcp(zone.v6(10), 443, f"GET /{tok} HTTP/1.0\r\n\r\n"))
        stays_in(t, run, lambda tok: tcp("fd77:206::1", zone.PORT_WILDCARD, tok))
        stays_in(t, run, lambda tok: web(DENIED, tok, FORBIDDEN))
    t.engine.docker("network", "rm", "ds-six")


# What the engine does with containers


@CASES.case("a container on two networks: each packet by the network it leaves through")
def _(t):
    d = t.dockside.up()
    neighbour = d.neighbour()
    d.standing("open-listens", OPEN, command=dockside.python(dockside.ECHO))
    with d.guest("both", WORK) as run:
        t.engine.docker("network", "connect", OPEN, "both")
        gets_out(t, run, lambda tok: web(ALLOWED, tok, WEB))
        for address in (neighbour, d.address("open-listens", OPEN)):
            talks, result = _talks(run, address)
            expect(not talks, "a neighbour answered", result)
        stays_in(t, run, lambda tok: web(DENIED, tok, FORBIDDEN))
        t.engine.docker("network", "disconnect", WORK, "both")
        gets_out(t, run, lambda tok: web("mirror.example", tok, zone.v4(13)))
        stays_in(t, run, lambda tok: tcp(DATABASE, zone.PORT_DB, tok))
        t.engine.docker("network", "connect", WORK, "both")
        t.engine.docker("network", "disconnect", OPEN, "both")
        gets_out(t, run, lambda tok: tcp(DATABASE, zone.PORT_DB, tok))
        stays_in(t, run, lambda tok: web("mirror.example", tok, zone.v4(13)))


@CASES.case("after docker restart and docker rename the same holds")
def _(t):
    d = t.dockside.up()
    with d.guest("again", WORK) as run:
        gets_out(t, run, lambda tok: web(ALLOWED, tok, WEB))
        t.engine.docker("restart", "--time=0", "again")
        run = t.inside("again")
        took = await_seconds(lambda: run(web(ALLOWED, token(), WEB)).status == 0,
                             f"not reached after a restart\n{d.log()}", 5)
        expect(took < 2, f"reached after {took:.1f} s only")
        stays_in(t, t.executing("again"), lambda tok: web(DENIED, tok, FORBIDDEN))
        t.engine.docker("rename", "again", "renamed")
        d.containers.add("renamed")
        try:
            renamed = t.executing("renamed")
            gets_out(t, renamed, lambda tok: web(ALLOWED, tok, WEB))
            stays_in(t, renamed, lambda tok: web(DENIED, tok, FORBIDDEN))
        finally:
            d.remove("renamed")


@CASES.case("docker exec as root with rights over the container's own network opens nothing")
def _(t):
    with t.dockside.up().guest("strong", WORK, "--cap-add=NET_ADMIN"):
        run = t.executing("strong")
        more = "ip route add 203.0.113.64/26 dev eth0; ip addr add 10.77.201.99/24 dev eth0; exec \"$@\""
        stays_in(t, run, lambda tok: ["sh", "-c", more, "sh", *web(DENIED, tok, FORBIDDEN)])


def _serves(d):
    """A container on ds-work that outside knows as port 18443 of the host."""
    d.standing("serves", WORK, "--publish", f"18443:{ECHO_PORT}",
               command=dockside.python(dockside.ECHO))


@CASES.case("a published port is still reached from outside, and answers")
def _(t):
    d = t.dockside.up()
    _serves(d)

    def outside():
        return t.run(["nsenter", "--net=/run/netns/internet", *tcp(zone.HOST4, 18443, "hello")])
    eventually(lambda: "hello" in outside().out, f"no answer\n{d.log()}", timeout=5)


@CASES.case("the host's published port is no way to a neighbour")
def _(t):
    d = t.dockside.up()
    _serves(d)
    for address in (zone.HOST4, "10.77.201.1"):
        result = d.worker()(tcp(address, 18443, "hello"))
        expect("hello" not in result.out, "the neighbour answered", result)
