# SPDX-License-Identifier: GPL-2.0-or-later
"""Saying one name and meaning another: SNI and Host have to be the name that was asked for."""

from lib import tlsmsg, zone
from lib.bubble import TMP
from lib.case import Cases, arrives, expect, expect_in, fill, quickly, stays_in, token
from lib.commands import curl, probe, python, tls

CASES = Cases()

UPSTREAM = [("udp", zone.DNS4, 53)]
GOOD = ["--allow", "good.example"]
GOOD80 = ["--allow", "good.example:80"]
SHARED = ["--allow", "shared-a.example", "--allow", "shared-a.example:80"]
BOTH = [*SHARED, "--allow", "shared-b.example", "--allow", "shared-b.example:80"]


def http(connect, *lines, end="\\r\\n\\r\\n", body=""):
    """Exactly these lines to port 80 of `connect`."""
    return probe("raw", connect, 80, "\\r\\n".join(lines) + end + body)


def get(connect, host, *more):
    return http(connect, "GET /{tok} HTTP/1.1", f"Host: {host}", "Connection: close", *more)


# --- Two names on one address, of which one is allowed.
CASES.reach("the allowed one, https", SHARED, curl("https://shared-a.example/{tok}"),
            "site=shared-a")
CASES.reach("the allowed one, http", SHARED, curl("http://shared-a.example/{tok}"), "site=shared-a")
for what, command in (
    ("the other one, https", curl("https://shared-b.example/{tok}")),
    ("the other one, http", curl("http://shared-b.example/{tok}")),
):
    CASES.deny(what, SHARED, command)
for what, command in (
    ("the other one's SNI on the allowed one's address",
     tls("shared-a.example", "shared-b.example")),
    ("the other one's Host on the allowed one's address",
     get("shared-a.example", "shared-b.example")),
):
    CASES.deny(what, SHARED, command, UPSTREAM)

# --- Both allowed: still each only by its own name.
CASES.deny("an allowed name's SNI on another allowed name's address", BOTH,
           tls("shared-a.example", "shared-b.example"), UPSTREAM)
CASES.deny("an allowed name's Host on another allowed name's address", BOTH,
           get("shared-a.example", "shared-b.example"), UPSTREAM)

# --- TLS.
CASES.reach("SNI in upper case", GOOD, tls("good.example", "GOOD.Example"), "site=")
for what, command in (
    ("SNI of a denied name", tls("good.example", "evil.example")),
    ("SNI below the name", tls("good.example", "www.good.example")),
    ("SNI that only begins like it", tls("good.example", "good.example.evil.example")),
    ("no SNI", tls("good.example", "-", "good.example")),
    ("plain http on 443", probe("raw", "good.example", 443,
                                "GET /{tok} HTTP/1.1\\r\\nHost: good.example\\r\\n\\r\\n")),
    ("something else on 443", probe("raw", "good.example", 443, "{tok} SSH-2.0\\r\\n")),
):
    CASES.deny(what, GOOD, command, UPSTREAM, control="plain" not in what and "else" not in what)

# --- HTTP.
for what, command in (
    ("Host with the port", get("good.example", "good.example:80")),
    ("Host in upper case", get("good.example", "GOOD.example")),
    ("Host with a trailing dot", get("good.example", "good.example.")),
    ("Host with blanks around it", get("good.example", "  good.example  ")),
    ("absolute form that agrees", http("good.example", "GET http://good.example/{tok} HTTP/1.1",
                                       "Host: good.example", "Connection: close")),
    ("a body", http("good.example", "POST /{tok} HTTP/1.1", "Host: good.example",
                    "Content-Length: 5", "Connection: close", body="hello")),
):
    CASES.reach(what, GOOD80, command, "HTTP/1.1 200")
for what, command in (
    ("Host of a denied name", get("good.example", "evil.example")),
    ("Host that is an address", get("good.example", zone.v4(10))),
    ("Host with another port", get("good.example", "good.example:8080")),
    ("Host with user information", get("good.example", "good.example@evil.example")),
    ("two Hosts, good first", get("good.example", "good.example", "Host: evil.example")),
    ("two Hosts, good last", get("good.example", "evil.example", "Host: good.example")),
    ("no Host", http("good.example", "GET /{tok} HTTP/1.1", "Connection: close")),
    ("empty Host", get("good.example", "")),
    ("absolute form that does not agree", http("good.example",
                                               "GET http://evil.example/{tok} HTTP/1.1",
                                               "Host: good.example", "Connection: close")),
    ("CONNECT", http("good.example", "CONNECT evil.example:443 HTTP/1.1", "X: {tok}",
                     "Host: good.example")),
    ("CONNECT to itself", http("good.example", "CONNECT good.example:443 HTTP/1.1", "X: {tok}",
                               "Host: good.example:443")),
    ("TLS on 80", tls("good.example", "good.example", port=80)),
):
    CASES.case(what)(lambda t, c=command: _not_served(t, c))


def _not_served(t, command):
    """Refused in words or by closing; raw clients read a 4xx and end well."""
    tok, marks = token(), t.marks()
    result = quickly(lambda: t.jail(*GOOD80)(fill(command, tok)))
    leaks = t.leaks(marks, UPSTREAM)
    expect(not leaks, f"packets left: {leaks}", result)
    expect("HTTP/1.1 200" not in result.out, "it was served", result)


TWO_REQUESTS = """
import socket, sys
tok, first, second, pipelined = sys.argv[1:]
def head(host, path):
    return f'GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n'.encode()
data = b''
def reply(s):
    global data
    while b'\\n' not in data.partition(b'\\r\\n\\r\\n')[2]:
        part = s.recv(4096)
        if not part:
            break
        data += part
    line, _, rest = data.partition(b'\\r\\n')
    data = rest.partition(b'\\r\\n\\r\\n')[2].partition(b'\\n')[2]
    return line.decode()
s = socket.create_connection(('good.example', 80), 4)
if pipelined == 'yes':
    s.sendall(head(first, '/first') + head(second, '/' + tok))
else:
    s.sendall(head(first, '/first'))
print(reply(s))
try:
    if pipelined != 'yes':
        s.sendall(head(second, '/' + tok))
    print(reply(s))
except OSError as e:
    print(e)
sys.exit(0 if second == first else 3)
"""


def two_requests(second, pipelined):
    return python(TWO_REQUESTS, "{tok}", "good.example", second, pipelined)


for what, pipelined in (("second request", "no"), ("pipelined request", "yes")):
    CASES.reach(f"{what} with the same Host", GOOD80, two_requests("good.example", pipelined))

    @CASES.case(f"{what} with another Host")
    def _second(t, pipelined=pipelined):
        allowed = UPSTREAM + [("tcp", a, 80) for a in zone.both(10)]
        result = stays_in(t, t.jail(*GOOD80), two_requests("evil.example", pipelined), allowed)
        if pipelined == "no":
            expect_in("HTTP/1.1 200", result.out, "the first request", result)


@CASES.case("a second request with a body that looks like a request")
def _body(t):
    """The guard follows Content-Length: what is inside a body is not taken for a request."""
    inner = "GET /inner HTTP/1.1\\r\\nHost: evil.example\\r\\n\\r\\n"
    size = len(inner.encode().decode("unicode_escape"))
    command = http("good.example", "POST /{tok} HTTP/1.1", "Host: good.example",
                   f"Content-Length: {size}", "Connection: close", body=inner)
    arrives(t, t.jail(*GOOD80), command, "HTTP/1.1 200")


# --- ClientHellos made by hand.
SEND = """
import socket, sys
data = open(sys.argv[1], 'rb').read()
s = socket.create_connection(('good.example', 443), 4)
step = int(sys.argv[2])
for i in range(0, len(data), step):
    s.sendall(data[i:i + step])
reply = s.recv(4096)
print({0x16: 'handshake', 0x15: 'alert %d' % (reply[6] if len(reply) > 6 else -1)}.get(
    reply[0] if reply else 0, repr(reply[:40])))
"""


def hello(t, record, flags=GOOD, step=100000, run=None):
    path = f"{TMP}/scratch/hello"
    with open(path, "wb") as f:
        f.write(record)
    marks = t.marks()
    result = (run or t.jail(*flags))(python(SEND, path, step))
    return result, t.leaks(marks, UPSTREAM)


def good_hello():
    return tlsmsg.client_hello("good.example")


def accepted(what, make, step=100000, flags=GOOD):
    @CASES.case(what, control=lambda t: expect_in(
        "handshake", hello(t, make(), step=step, run=t.plain())[0].out, "the server's reply"))
    def _(t):
        result, _ = hello(t, make(), flags, step)
        expect_in("handshake", result.out, "the server's reply", result)


def alerted(what, make, flags=GOOD):
    @CASES.case(what)
    def _(t):
        result, leaks = hello(t, make(), flags)
        expect(not leaks, f"packets left: {leaks}", result)
        expect_in("alert", result.out, "what the client was told", result)


accepted("ClientHello", good_hello)
accepted("ClientHello in two records", lambda: tlsmsg.in_records(good_hello(), 200))
accepted("ClientHello in records of 16 bytes", lambda: tlsmsg.in_records(good_hello(), 16))
accepted("ClientHello byte by byte", good_hello, step=1)
accepted("ClientHello of 14 KiB", lambda: tlsmsg.with_extension(good_hello(), 0x5A5A, bytes(14000)))
alerted("SNI of a denied name in a second record", lambda: tlsmsg.in_records(
    tlsmsg.client_hello("evil.example"), 64))
alerted("two names in SNI", lambda: tlsmsg.with_names(good_hello(), b"good.example",
                                                      b"evil.example"))
alerted("two SNI extensions", lambda: tlsmsg.with_extension(
    good_hello(), tlsmsg.SERVER_NAME, tlsmsg.server_names(b"evil.example")))
alerted("SNI with a NUL", lambda: tlsmsg.with_names(good_hello(), b"good.example\0.evil.example"))
alerted("SNI of a denied name, ECH besides", lambda: tlsmsg.with_ech(
    tlsmsg.client_hello("evil.example")))
alerted("ECH", lambda: tlsmsg.with_ech(good_hello()))
