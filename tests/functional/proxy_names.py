# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and addresses at the proxy: one canonical form, and only where a rule has it."""

from lib import tlsmsg, zone
from lib.case import Cases, eventually, expect, expect_eq, expect_in
from lib.commands import curl, dig, tls
from lib.proxy import PORT, proxy, shout, variables, write

CASES = Cases()

UPSTREAM = [("udp", zone.DNS4, 53)]
GOOD = ["--allow", "good.example:80,443", "--allow", "*.wild.example"]


def connect(target):
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"


def status_of(reply):
    return reply.split(" ")[1] if reply.startswith("HTTP/1.1 ") else None


# --- The same name in other clothes is the same name.
for what, name in (("upper case", "GOOD.Example"), ("a trailing dot", "good.example."),
                   ("below a wildcard", "a.b.wild.example")):
    @CASES.case(f"allowed: {what}")
    def _same(t, name=name):
        with proxy(t, *GOOD):
            _, reply = shout(t, connect(f"{name}:443"), timeout=0.5)
            expect_eq(status_of(reply), "200", "status", reply)

# --- What only looks like it is refused before anybody is asked.
ODD = [
    # Two parsers see two names.
    ("a NUL", "evil.example\0.good.example", "400"),
    ("a NUL at the end", "good.example\0", "400"),
    ("%00", "evil.example%00.good.example", "400"),
    ("an escaped dot", "good%2eexample", "400"),
    ("#", "evil.example#.good.example", "400"),
    ("@", "good.example@evil.example", "400"),
    ("?", "evil.example?.good.example", "400"),
    ("/", "evil.example/.good.example", "400"),
    ("a backslash", "evil.example\\.good.example", "400"),
    ("a blank", "evil.example good.example", "400"),
    ("a tab", "evil.example\tgood.example", "400"),
    ("an empty label", "good..example", "400"),
    ("two trailing dots", "good.example..", "400"),
    ("a leading dot", ".good.example", "400"),
    ("a label of 64 bytes", "a" * 64 + ".wild.example", "400"),
    ("a name of 254 bytes", ".".join(["a" * 49] * 5) + ".exam", "400"),
    ("a wildcard", "*.wild.example", "400"),
    ("an underscore in front of nothing", "-.wild.example", "400"),
    ("UTF-8", "g\u00f6\u00f6d.example".encode().decode("latin-1"), "400"),
    ("full-width letters", "\uff47ood.example".encode().decode("latin-1"), "400"),
    ("an ideographic full stop", "good\u3002example".encode().decode("latin-1"), "400"),
    # Over-matching.
    ("a suffix without a dot", "notgood.example", "403"),
    ("the name with something behind it", "good.example.evil.example", "403"),
    ("the name with another letter for the dot", "goodxexample", "403"),
    ("the apex of a wildcard", "wild.example", "403"),
    ("a letter before the wildcard's apex", "xwild.example", "403"),
    # Addresses that a resolver of the C library would take: E-65.
    ("one number", "2130706433", "400"),
    ("one number in hexadecimal", "0x7f000001", "400"),
    ("one number in octal", "017700000001", "400"),
    ("two numbers", "127.1", "400"),
    ("three numbers", "127.0.1", "400"),
    ("a leading zero", "0177.0.0.1", "400"),
    ("a part in hexadecimal", "0x7f.0.0.1", "400"),
    ("five numbers", "127.0.0.1.1", "400"),
    ("a number too large", "127.0.0.256", "400"),
    ("zero", "0", "400"),
    ("digits of another script", "\u0661\u0662\u0667.0.0.1".encode().decode("latin-1"), "400"),
    ("IPv6 without brackets", "::1", "400"),
    ("IPv6 with a zone", "[fe80::1%eth0]", "400"),
    ("IPv6 that is not in its shortest form", "[2001:db8:0:0:0:0:0:1]", "400"),
    ("IPv6 with leading zeros", "[2001:0db8::1]", "400"),
    ("IPv4 in brackets", "[127.0.0.1]", "400"),
    ("IPvFuture", "[v1.x]", "400"),
    # The same, in canonical form: no rule has them.
    ("a public address", "203.0.113.66", "403"),
    ("a public IPv6 address", "[2001:db8:113::66]", "403"),
]
for what, host, status in ODD:
    @CASES.case(f"refused: {what}")
    def _odd(t, host=host, status=status):
        marks = t.marks()
        with proxy(t, *GOOD):
            for text in (connect(f"{host}:443"),
                         f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n"):
                end, reply = shout(t, text)
                expect_eq(status_of(reply), status, "status", repr(text), reply)
                expect(end != "open", "the connection was left open")
        leaks = t.leaks(marks)
        expect(not leaks, f"packets left: {leaks}")


def socks(host, port=443, kind=3):
    data = bytes([5, 1, 0, 5, 1, 0, kind])
    data += bytes([len(host)]) + host if kind == 3 else host
    return data + port.to_bytes(2, "big")


for what, data, code in (
    ("the name", socks(b"good.example"), 0),
    ("a NUL in the name", socks(b"evil.example\0.good.example"), 1),
    ("the name with a port", socks(b"good.example:443"), 1),
    ("IPv6 in the place of a name", socks(b"::1"), 1),
    ("IPv6 in brackets in the place of a name", socks(b"[::1]"), 2),
    ("an octal address in the place of a name", socks(b"0177.0.0.1"), 1),
    ("another name", socks(b"evil.example"), 2),
    ("an address", socks(bytes([203, 0, 113, 66]), kind=1), 2),
    ("loopback", socks(bytes([127, 0, 0, 1]), kind=1), 2),
    ("loopback, mapped", socks(bytes(10) + b"\xff\xff\x7f\0\0\1", kind=4), 2),
    ("port 0", socks(b"good.example", 0), 1),
    ("another port", socks(b"good.example", 22), 2),
    ("BIND", b"\5\1\0\5\2\0\1\0\0\0\0\0\x50", 7),
    ("UDP ASSOCIATE", b"\5\1\0\5\3\0\1\0\0\0\0\0\x50", 7),
    ("an address of unknown type", b"\5\1\0\5\1\0\2\0\0\0\0\0\x50", 8),
):
    @CASES.case(f"SOCKS: {what}")
    def _socks(t, data=data, code=code):
        marks = t.marks()
        with proxy(t, *GOOD):
            _, reply = shout(t, data, timeout=0.5)
        expect_eq(reply[:2], "\5\0", "the method", repr(reply))
        expect_eq(ord(reply[3]), code, "the reply", repr(reply))
        if code:
            expect(not t.leaks(marks), "packets left")


@CASES.case("SOCKS: only methods that are not ours, and SOCKS4")
def _socks_methods(t):
    with proxy(t, *GOOD):
        expect_eq(shout(t, b"\5\1\1")[1], "\5\xff", "GSSAPI")
        expect_eq(shout(t, b"\4\1\1\xbb\xcb\0\x71\x42\0")[1].split(" ")[1:2], ["400"], "SOCKS4")


# --- Names that steer to where no name may lead, and the ranges themselves: E-46, E-66.
STEERING = ("loop4", "loop6", "zero", "private", "private172", "private192", "cgnat", "metadata",
            "metadata-cn", "metadata6", "ula", "mapped", "nat64", "sixtofour", "teredo", "pool",
            "pool6", "multicast", "reserved", "hostaddr")
for name in STEERING:
    @CASES.case(f"an allowed name that resolves to {name}")
    def _steer(t, name=f"{name}.example"):
        marks = t.marks()
        with proxy(t, "--allow", f"{name}:80,443"):
            _, reply = shout(t, connect(f"{name}:443"))
            expect_eq(status_of(reply), "403", "status", reply)
            expect("--allow" in reply or name in ("loop4.example", "loop6.example",
                                                  "mapped.example", "zero.example"), reply)
        leaks = t.leaks(marks, UPSTREAM)
        expect(not leaks, f"packets left: {leaks}")


@CASES.case("an allowed name with a good and a forbidden address: only the good one is dialled")
def _mixed(t):
    marks = t.marks()
    with proxy(t, "--allow", "mixed.example"):
        _, reply = shout(t, connect("mixed.example:443"), timeout=0.5)
        expect_eq(status_of(reply), "200", "status", reply)
    leaks = t.leaks(marks, UPSTREAM + [("tcp", zone.v4(10), 443)])
    expect(not leaks, f"packets left: {leaks}")


for address in ("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.99.0.1", "169.254.169.254",
                "100.64.99.1", "192.168.99.1", "172.30.99.1", "224.0.0.251", "240.0.0.1",
                "[::1]", "[::ffff:127.0.0.1]", "[fd77:99::1]", "[64:ff9b::7f00:1]",
                "[2002:7f00:1::]", "[fe80::1]"):
    @CASES.case(f"CONNECT to {address}, with every name allowed")
    def _range(t, address=address):
        marks = t.marks()
        with proxy(t, "--allow", "*:443", "--allow", "any:443"):
            _, reply = shout(t, connect(f"{address}:443"))
            expect(status_of(reply) in ("403", "400"), "status", reply)
        leaks = t.leaks(marks)
        expect(not leaks, f"packets left: {leaks}")


@CASES.case("an address passes where a rule lists it, and only there")
def _listed(t):
    with proxy(t, "--allow", f"{zone.v4(10)}:443"):
        _, reply = shout(t, connect(f"{zone.v4(10)}:443"), timeout=0.5)
        expect_eq(status_of(reply), "200", "status", reply)
        _, reply = shout(t, connect(f"{zone.v4(66)}:443"))
        expect_eq(status_of(reply), "403", "status", reply)


# --- Nothing of the machine's own, least of all the proxy itself: E-75.
for what, rules, text in (
        ("nothing", [], "127.0.0.1:4443"), ("any", ["any:4443"], "127.0.0.1:4443"),
        ("its range", ["127.0.0.0/8:4443"], "127.0.0.1:4443"), ("IPv6", [], "[::1]:4443")):
    @CASES.case(f"the refusal for a loopback address says host:PORT, where rules open {what}")
    def _host_remedy(t, rules=rules, text=text):
        with proxy(t, "--connect-ports", "443,4443", *(w for r in rules for w in ("--allow", r))):
            _, reply = shout(t, connect(text))
            expect_eq(status_of(reply), "403", "status", reply)
            expect_in("host:4443", reply, "the refusal")
            expect_in("host.sallyport.internal", reply, "the refusal")


@CASES.case("the host's loopback by its own name, where a rule says so")
def _host(t):
    flags = ["--allow", f"host:{zone.PORT_LOOPBACK}", "--connect-ports", f"443,{zone.PORT_LOOPBACK}"]
    with proxy(t, *flags):
        name = f"host.sallyport.internal:{zone.PORT_LOOPBACK}"
        _, reply = shout(t, connect(name) + "tok-1\n", timeout=0.5)
        expect_in("echo tok-1", reply, "the answer")
    with proxy(t, "--allow", "*:443", "--connect-ports", f"443,{zone.PORT_LOOPBACK}"):
        expect_eq(status_of(shout(t, connect(name))[1]), "403", "without the rule")


for what, address in (("", zone.HOST4), (", in IPv6", f"[::ffff:{zone.HOST4}]")):
    @CASES.case(f"a range does not open the host's own address in it{what}")
    def _own(t, address=address):
        port = zone.PORT_WILDCARD
        with proxy(t, "--allow", f"198.51.100.0/24:{port}", "--connect-ports", str(port)):
            _, reply = shout(t, connect(f"{address}:{port}"), timeout=0.5)
            expect_eq(status_of(reply), "403", "status", reply)


for name, port, allowed in (
    ("hostaddr.example", zone.PORT_WILDCARD, f"{zone.HOST4}:{zone.PORT_WILDCARD}"),
    ("loop4.example", zone.PORT_LOOPBACK, f"127.0.0.0/8:{zone.PORT_LOOPBACK}"),
):
    @CASES.case(f"a redirect to {name} does not lead to the host's own address")
    def _redirected(t, name=name, port=port, allowed=allowed):
        text = ("version: 1\npolicies:\n  p:\n    rules:\n"
                f"      - redirect: good.example:80\n        to: {name}:{port}\n"
                f"      - allow: [\"{allowed}\"]\n")
        with proxy(t, "--policy", write(t, "p.yaml", text), "--connect-ports", "80"):
            _, reply = shout(t, connect("good.example:80"), timeout=0.5)
            expect_eq(status_of(reply), "403", "status", reply)


for what, listen, target, rules in (
    ("by loopback", f"127.0.0.1:{PORT}", f"host.sallyport.internal:{PORT}", [f"host:{PORT}"]),
    ("by loopback, where it listens in IPv6", f"[::ffff:127.0.0.1]:{PORT}",
     f"host.sallyport.internal:{PORT}", [f"host:{PORT}"]),
    ("by its address", f"0.0.0.0:{PORT}", f"{zone.HOST4}:{PORT}", [f"{zone.HOST4}:{PORT}"]),
    ("by a name", f"0.0.0.0:{PORT}", f"hostaddr.example:{PORT}",
     [f"hostaddr.example:{PORT}", f"{zone.HOST4}:{PORT}"]),
):
    @CASES.case(f"the proxy does not dial itself, {what}, whatever the rules say")
    def _itself(t, listen=listen, target=target, rules=rules):
        flags = [word for rule in rules for word in ("--allow", rule)]
        with proxy(t, *flags, "--connect-ports", str(PORT), listen=(listen,)) as p:
            _, reply = shout(t, connect(target))
            expect_eq(status_of(reply), "403", "status", reply)
            expect_in("where the proxy itself is spoken to", reply, "the answer")
            eventually(lambda: p.events(verdict="deny"), "no event")


# --- What is said in the tunnel: E-59, E-61, E-63.
def say_in_tunnel(t, data, port=443, timeout=0.7):
    """The reply behind the 200, to these bytes."""
    text = connect(f"good.example:{port}").encode() + data
    end, reply = shout(t, text, timeout=timeout)
    return end, reply.partition("\r\n\r\n")[2], reply


TUNNELS = (
    ("the same name", tlsmsg.client_hello("good.example"), True),
    ("the same name in upper case", tlsmsg.client_hello("GOOD.example"), True),
    ("the same name, in records of 16 bytes",
     tlsmsg.in_records(tlsmsg.client_hello("good.example"), 16), True),
    ("another name", tlsmsg.client_hello("evil.example"), False),
    ("another allowed name", tlsmsg.client_hello("a.wild.example"), False),
    ("a name below it", tlsmsg.client_hello("www.good.example"), False),
    ("no name", tlsmsg.client_hello(None), False),
    ("two names", tlsmsg.with_names(tlsmsg.client_hello("good.example"), b"good.example",
                                    b"evil.example"), False),
    ("ECH", tlsmsg.with_ech(tlsmsg.client_hello("good.example")), False),
    ("plain HTTP", b"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n", False),
    ("SSH", b"SSH-2.0-x\r\n", False),
    ("SSL 2", b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + bytes(37), False),
)
for what, data, good in TUNNELS:
    @CASES.case(f"in a tunnel to port 443: {what}")
    def _tunnel(t, data=data, good=good):
        mark = t.world.internet.mark()
        with proxy(t, *GOOD, "--allow", "www.good.example") as p:
            end, said, reply = say_in_tunnel(t, data)
            expect_eq(status_of(reply), "200", "status", reply)
            if good:
                expect_eq(said[:1], "\x16", "the server's answer", repr(said))
                return
            expect_eq(said[:1], "\x15", "the alert", repr(said))
            expect(end != "open", "the tunnel was left open")
            eventually(lambda: p.events(verdict="deny", name="good.example"), "no event")
        expect(not t.world.internet.since(mark, event="http"), "it was served")


@CASES.case("a tunnel to port 443 in which nothing is said is closed in time")
def _silent(t):
    with proxy(t, *GOOD) as p:
        _, said, _ = say_in_tunnel(t, b"", timeout=13)
        expect_eq(said[:1], "\x15", "the alert", repr(said))
        eventually(lambda: any("no whole ClientHello" in e["reason"] for e in p.events()), "no event")


@CASES.case("in a tunnel to port 80: the same Host, and nothing else, in every request")
def _tunnel_http(t):
    one = "GET /{1} HTTP/1.1\r\nHost: {0}\r\n\r\n"
    with proxy(t, *GOOD, "--connect-ports", "80,443"):
        _, said, _ = say_in_tunnel(t, (one * 2).format("good.example", "x").encode(), 80)
        expect_eq(said.count("200 OK"), 2, "answers", said)
        marks = t.marks()
        _, said, _ = say_in_tunnel(
            t, (one.format("good.example", "x") + one.format("evil.example", "x")).encode(), 80)
        seen = t.world.internet.since(marks[1], event="http")
        expect_eq([e["host"] for e in seen if e["host"] == "evil.example"], [], "what arrived")


@CASES.case("in a tunnel to another port: raw bytes pass, a server that speaks first is heard, and "
            "TLS has to be for the same name")
def _tunnel_other(t):
    flags = ["--allow", "ssh.example:22", "--allow", "good.example:8443",
             "--connect-ports", "22,8443"]
    with proxy(t, *flags) as p:
        _, reply = shout(t, connect("ssh.example:22") + "tok-2\n", timeout=0.7)
        expect_in("SSH-2.0-testnet", reply, "the banner")
        expect_in("echo tok-2", reply, "the echo")
        text = connect("ssh.example:22").encode() + tlsmsg.client_hello("evil.example")
        _, reply = shout(t, text, timeout=0.7)
        eventually(lambda: any("SNI says evil.example" in e["reason"]
                               for e in p.events(verdict="deny")), f"no event: {reply}")


@CASES.case("a second name on one address: CONNECT and SNI of the one, not of the other")
def _fronting(t):
    env = variables()
    with proxy(t, "--allow", "shared-a.example"):
        good = t.plain(env=env)(curl("https://shared-a.example/"))
        expect_in("site=shared-a", good.out, "the allowed one", good)
        marks = t.marks()
        bad = t.plain(env=env)(curl("https://shared-b.example/", "--connect-to",
                                    "shared-b.example:443:shared-a.example:443"))
        expect(bad.status != 0, "it was served", bad)
        expect(not t.world.internet.since(marks[1], event="http"), "it arrived", bad)


# --- Questions are a way out, too: E-40, E-41.
@CASES.case("a denied name is asked for at no server")
def _questions(t):
    marks = t.marks()
    with proxy(t, *GOOD):
        for kind in ("CONNECT secret.evil.example:443", "GET http://secret.evil.example/"):
            shout(t, f"{kind} HTTP/1.1\r\nHost: secret.evil.example\r\n\r\n")
    expect_eq(t.asked(marks), [], "questions")


@CASES.case("names below a wildcard are budgeted")
def _budget(t):
    with proxy(t, *GOOD) as p:
        code = """
import socket
last = b''
for i in range(1005):
    s = socket.create_connection(('127.0.0.1', 8888), 3)
    s.sendall(b'CONNECT n%d.wild.example:443 HTTP/1.1\\r\\nHost: n%d.wild.example\\r\\n\\r\\n' % (i, i))
    last = s.recv(4096)
    s.close()
print(last.decode())
"""
        result = t.plain(timeout=60)(["/usr/bin/python3", "-ISc", code])
        expect_in("too many different names under wildcards", result.out, "the last answer",
                  result)
        expect_in("n0.wild.example", str(p.events(verdict="allow")[:1]), "the first")
