# SPDX-License-Identifier: GPL-2.0-or-later
"""What the agent reaches when it asks nobody: the networks' part of the work."""

from lib import zone
from lib.case import Case, Cases, Skip, eventually, expect, expect_eq, token
from lib.sidecar import ALLOWED, DENIED, GATE_TRAFFIC, LOOPBACK, PROXY

CASES = Cases()
SECONDS = 15
TOGETHER = "sidecar"

TCP = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.5)
s.sendall(sys.argv[3].encode() + b"\\n")
print(s.recv(100))
"""

LOOKUP = """
import socket, sys
print(socket.getaddrinfo(sys.argv[1], 443))
"""

UDP = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(1.5)
s.sendto(sys.argv[3].encode(), (sys.argv[1], int(sys.argv[2])))
print(s.recv(100))
"""

# A question written by hand: for the token below a name, over TCP or UDP.
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
    s.settimeout(1.5)
    s.sendto(question, (server, 53))
print(len(s.recv(512)))
"""


def _python(code, *words):
    return ["python3", "-ISc", code, *map(str, words)]


def _stays_in(t, run, probe):
    tok, marks = token(), t.marks()
    result = run(probe(tok))
    leaks = t.leaks(marks, GATE_TRAFFIC)
    expect(not leaks, f"packets left: {leaks}", result)
    expect(not t.seen(marks, tok), f"{tok} arrived", result)
    expect(result.status not in (126, 127), "the probe was not run", result)
    return result


def _gets_out(t, run, probe):
    tok, marks = token(), t.marks()
    result = run(probe(tok))
    eventually(lambda: t.seen(marks, tok), f"{tok} never arrived\n{result}")


def _contain(name, probe, control=True):
    CASES.append(Case(name, lambda t: _stays_in(t, t.unaware(), probe),
                      (lambda t: _gets_out(t, t.box(), probe)) if control else None))


@CASES.case("the resolver is the host's loopback, where an engine is tempted to ask it")
def _(t):
    """Else the cases about DNS show nothing."""
    with open("/etc/resolv.conf") as f:
        expect_eq(f.read().split(), ["nameserver", LOOPBACK], "the engine's resolver")
    result = t.box()(_python(LOOKUP, ALLOWED))
    expect(zone.ADDRESSES[ALLOWED][0] in result.out, "the box cannot resolve", result)


_contain("a connection to an address", lambda tok: _python(TCP, zone.v4(54), zone.PORT_DB, tok))
_contain("a connection to a port that nobody thinks of",
         lambda tok: _python(TCP, zone.v4(66), 31337, tok))
_contain("a datagram", lambda tok: _python(UDP, zone.v4(123), 123, tok))
_contain("QUIC's port", lambda tok: _python(UDP, zone.v4(10), 443, tok))
_contain("the metadata service",
         lambda tok: _python(TCP, "169.254.169.254", 80, f"GET /{tok} HTTP/1.0\r\n\r\n"))
_contain("a datagram over IPv6", lambda tok: _python(UDP, zone.v6(123), 123, tok), control=False)
_contain("ping", lambda tok: ["ping", "-c", "1", "-W", "1", zone.v4(10)], control=False)
_contain("DNS: the container's own resolver", lambda tok: _python(LOOKUP, f"{tok}.{DENIED}"))
_contain("DNS: below a name that is allowed", lambda tok: _python(LOOKUP, f"{tok}.{ALLOWED}"))
for _over in ("udp", "tcp"):
    _contain(f"DNS: Docker's server, over {_over}",
             lambda tok, over=_over: _python(DNS, "127.0.0.11", over, f"{tok}.{DENIED}"))
    _contain(f"DNS: the internet's server, over {_over}",
             lambda tok, over=_over: _python(DNS, zone.DNS4, over, f"{tok}.{DENIED}"))


def _inner_network(t):
    """Another internal network, without what the compose file adds; and a box on it."""
    _leave_inner_network(t)
    t.engine.docker("network", "create", "--internal", "yard")
    return t.other_box("yard-box", "yard")


def _leave_inner_network(t):
    t.engine.remove("yard-box")
    t.engine.remove_network("yard")


def _gateway(t, network):
    return t.engine.inspect(network)["IPAM"]["Config"][0].get("Gateway")


def _host_hears(t, run, address):
    tok, marks = token(), t.marks()
    result = run(_python(TCP, address, zone.PORT_WILDCARD, tok))
    return t.seen(marks, tok), result


@CASES.case("an internal network alone: the host hears its neighbour, its resolver is asked for it")
def _(t):
    """What two lines of the compose file are for; Debian 12's engine needs both."""
    run = _inner_network(t)
    tok, marks = token(), t.marks()
    run(_python(LOOKUP, f"{tok}.{DENIED}"))
    asked = t.seen(marks, tok)
    heard, _ = _host_hears(t, run, _gateway(t, "yard"))
    _leave_inner_network(t)
    if not (asked and heard):
        raise Skip(f"this engine does better: asked {asked}, heard {heard}")


@CASES.case("the host has no address on the agent's network")
def _(t):
    t.up()
    network = t.engine.inspect("sidecar_inside")
    expect_eq(network["Internal"], True, "internal")
    host = t.run(["nsenter", "--net=/run/netns/host", "ip", "-4", "-brief", "address", "show",
                  f"br-{network['Id'][:12]}"])
    expect(host.status == 0 and "/" not in host.out, "the bridge has an address", host)


@CASES.case("no service of the host hears the agent, whatever address it listens on")
def _(t):
    run = t.unaware()
    networks = ("sidecar_inside", "sidecar_outside", "street")
    gateways = {_gateway(t, network) for network in networks}
    gateways |= {t.address("agent").rpartition(".")[0] + ".1", zone.HOST4}
    for address in sorted(filter(None, gateways)):
        heard, result = _host_hears(t, run, address)
        expect(not heard, f"a service of the host at {address} heard the agent", result)


@CASES.case("the control of it: a service of the host hears the box")
def _(t):
    for address in (_gateway(t, "street"), zone.HOST4):
        heard, result = _host_hears(t, t.box(), address)
        expect(heard, f"not at {address}", result)


@CASES.case("the agent is on one network, and the gate publishes nothing")
def _(t):
    inside, outside = "sidecar_inside", "sidecar_outside"
    for service, networks in (("agent", [inside]), ("gate", [inside, outside])):
        seen = sorted(t.inspect(service)["NetworkSettings"]["Networks"])
        expect_eq(seen, networks, f"networks of {service}")
        expect(not t.inspect(service)["HostConfig"]["PortBindings"], f"{service} publishes a port")


@CASES.case("the gate's other address is out of reach")
def _(t):
    result = t.unaware()(_python(TCP, t.address("gate", "outside"), 8888, "GET / HTTP/1.0\r\n\r\n"))
    expect(result.status not in (0, 126, 127), "the agent reached it", result)


@CASES.case("who else joins the outer network may not use the gate")
def _(t):
    t.up()
    run = t.other_box("passer-by", "sidecar_outside")
    here = run(["curl", "-sS", "-m", "2", "-x", f"http://{t.address('gate', 'outside')}:8888",
                f"https://{ALLOWED}/{token()}"])
    t.engine.remove("passer-by")
    expect(here.status in (7, 28), "the gate answered", here)


def _pivot(name, where):
    """`where(t)` gives the URL that must not be fetched for the agent by the gate."""
    def check(t):
        run, tok, marks = t.unaware(), token(), t.marks()
        for words in ((), ("--proxytunnel",)):
            result = run(["curl", "-sS", "-m", "5", *words, "-x", PROXY, "-o", "/dev/null",
                          "-w", "%{http_code} %{http_connect}", f"{where(t)}/{tok}"])
            expect("403" in result.out, "not refused", result)
        expect(not t.seen(marks, tok), f"{tok} arrived")
        expect(not t.leaks(marks, GATE_TRAFFIC), "packets left")
    CASES.append(Case(f"the gate does not lead to {name}", check))


_pivot("itself", lambda t: "http://127.0.0.1:8888")
_pivot("itself by name", lambda t: "http://gate:8888")
_pivot("its own other address", lambda t: f"http://{t.address('gate', 'outside')}:8888")
_pivot("the agent", lambda t: f"http://{t.address('agent')}:443")
_pivot("the host", lambda t: f"http://{_gateway(t, 'sidecar_outside')}:{zone.PORT_WILDCARD}")
_pivot("the metadata service", lambda t: "http://169.254.169.254")
_pivot("Docker's DNS server", lambda t: "http://127.0.0.11:53")
