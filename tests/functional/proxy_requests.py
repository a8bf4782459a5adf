# SPDX-License-Identifier: GPL-2.0-or-later
"""
Requests that two programs could read in two ways: every one of them is refused with a status of
its own, the connection is closed, what stands behind it is never read as a request, and nothing
of it reaches the network.
"""

from lib import zone
from lib.case import Cases, expect, expect_eq, expect_in
from lib.proxy import proxy, shout

CASES = Cases()

GOOD = ["--allow", "good.example:80,443", "--connect-ports", "80,443"]
UPSTREAM = [("udp", zone.DNS4, 53)]

# What would arrive if the bytes behind a refused request were read as one.
SMUGGLED = "GET http://good.example/{tok} HTTP/1.1\r\nHost: good.example\r\n\r\n"


def get(*fields, target="http://good.example/", method="GET", version="HTTP/1.1",
        host="good.example", end="\r\n\r\n"):
    lines = [f"{method} {target} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    return "\r\n".join([*lines, *fields]) + end


def connect(target, host=None, *fields):
    return get(*fields, target=target, method="CONNECT", host=host or target)


# Every row: what is odd about it, the bytes, the status of the refusal.
ROWS = [
    # Where the message ends: RFC 9112 6.
    ("Content-Length twice", get("Content-Length: 5", "Content-Length: 5"), 400),
    ("Content-Length twice, different", get("Content-Length: 5", "Content-Length: 6"), 400),
    ("a list of Content-Lengths", get("Content-Length: 5, 5"), 400),
    ("Content-Length and Transfer-Encoding", get("Content-Length: 5",
                                                  "Transfer-Encoding: chunked"), 400),
    ("Transfer-Encoding and Content-Length", get("Transfer-Encoding: chunked",
                                                  "Content-Length: 5"), 400),
    ("Transfer-Encoding twice", get("Transfer-Encoding: chunked",
                                     "Transfer-Encoding: chunked"), 400),
    ("Transfer-Encoding: gzip, chunked", get("Transfer-Encoding: gzip, chunked"), 501),
    ("Transfer-Encoding: chunked, identity", get("Transfer-Encoding: chunked, identity"), 501),
    ("Transfer-Encoding: xchunked", get("Transfer-Encoding: xchunked"), 501),
    ("Transfer-Encoding: Chunked", get("Transfer-Encoding: Chunked"), 501),
    ("Transfer-Encoding with a tab before the colon", get("Transfer-Encoding\t: chunked"), 400),
    ("Transfer-Encoding in HTTP/1.0", get("Transfer-Encoding: chunked", version="HTTP/1.0"), 400),
    ("a negative Content-Length", get("Content-Length: -1"), 400),
    ("Content-Length with a plus", get("Content-Length: +5"), 400),
    ("Content-Length in hexadecimal", get("Content-Length: 0x5"), 400),
    ("Content-Length with a leading zero", get("Content-Length: 05"), 400),
    ("Content-Length over 2^63", get("Content-Length: 9223372036854775808"), 400),
    ("an empty Content-Length", get("Content-Length:"), 400),
    ("CONNECT with a body", connect("good.example:443", None, "Content-Length: 5"), 400),
    ("CONNECT in chunks", connect("good.example:443", None, "Transfer-Encoding: chunked"), 400),
    # Lines: RFC 9112 2.2, 5.
    ("LF without CR", get().replace("\r\n", "\n"), 400),
    ("LF without CR in one field", get("X: 1\nY: 2"), 400),
    ("CR without LF", get("X: 1\rY: 2"), 400),
    ("a folded field", get("X: 1\r\n Transfer-Encoding: chunked"), 400),
    ("a folded first field", "GET http://good.example/ HTTP/1.1\r\n Host: good.example\r\n\r\n", 400),
    ("a blank before the colon", get("Transfer-Encoding : chunked"), 400),
    ("a field without a colon", get("Nonsense"), 400),
    ("a field without a name", get(": value"), 400),
    ("a NUL in a field", get("X: a\0b"), 400),
    ("a control byte in a field's name", get("X\x01: a"), 400),
    ("an empty line before the request", "\r\n" + get(), 400),
    ("a blank before the request", " " + get(), 400),
    ("two blanks in the request line", get().replace("GET ", "GET  ", 1), 400),
    ("a tab in the request line", get().replace("GET ", "GET\t", 1), 400),
    ("a word too many in the request line", get(target="http://good.example/ x"), 400),
    ("HTTP/0.9", "GET http://good.example/\r\n\r\n", 400),
    ("HTTP/2.0", get(version="HTTP/2.0"), 505),
    ("HTTP/1.2", get(version="HTTP/1.2"), 505),
    ("http/1.1", get(version="http/1.1"), 400),
    ("HTTP/1.1 with a blank behind it", get(version="HTTP/1.1 "), 400),
    ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    # Whose name it is: RFC 9112 3.2, RFC 9110 7.2.
    ("no Host", get(host=None), 400),
    ("an empty Host", get(host=""), 400),
    ("Host twice", get("Host: good.example"), 400),
    ("Host of another", get(host="evil.example"), 400),
    ("a target of another", get(target="http://evil.example/"), 400),
    ("Host with another port", get(host="good.example:8080"), 400),
    ("Host with user information", get(host="good.example@evil.example"), 400),
    ("Host that is a list", get(host="good.example, evil.example"), 400),
    ("CONNECT with Host of another", connect("good.example:443", "evil.example:443"), 400),
    ("CONNECT with Host on another port", connect("good.example:443", "good.example:80"), 400),
    ("CONNECT without a port", connect("good.example"), 400),
    ("CONNECT with an empty port", connect("good.example:"), 400),
    ("CONNECT with port 0", connect("good.example:0"), 400),
    ("CONNECT with port 65979, which is 443 in 16 bits", connect("good.example:65979"), 400),
    ("CONNECT with a path", connect("good.example:443/"), 400),
    ("CONNECT with a scheme", connect("https://good.example:443"), 400),
    ("CONNECT to two", connect("good.example:443,evil.example:443"), 400),
    ("Connection that names Host", get("Connection: close, Host"), 400),
    ("Connection that names Content-Length", get("Connection: Content-Length",
                                                 "Content-Length: 5"), 400),
    ("Connection that names 65 fields", get("Connection: " + ",".join("a" * 65)), 400),
    ("two Upgrades", get("Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c"), 400),
    # What is not for a proxy, or not for this one.
    ("a path", get(target="/"), 400),
    ("an asterisk", get(target="*", method="OPTIONS"), 400),
    ("plain http to port 443", get(target="http://good.example:443/",
                                   host="good.example:443"), 403),
    ("https without a tunnel", get(target="https://good.example/"), 400),
    ("ftp", get(target="ftp://good.example/"), 400),
    ("gopher", get(target="gopher://good.example/"), 400),
    ("file", get(target="file:///etc/passwd"), 400),
    ("urn", get(target="urn:good.example"), 400),
    ("a target without slashes", get(target="http:good.example/"), 400),
    ("a target with one slash", get(target="http:/good.example/"), 400),
    ("a target with three slashes", get(target="http:///good.example/"), 400),
    ("a target with a backslash", get(target="http:\\\\good.example/"), 400),
    ("a target with a query for a host", get(target="http://good.example?.evil.example/"), 400),
    ("a fragment in the target", get(target="http://good.example/#evil.example"), 400),
    ("user information in the target", get(target="http://good.example@evil.example/",
                                           host="evil.example"), 400),
    ("TRACE", get(method="TRACE"), 501),
    ("Max-Forwards", get("Max-Forwards: 0", method="OPTIONS"), 501),
    ("Expect of something else", get("Expect: 200-ok"), 417),
    ("a method that is none", get(method="G@T"), 400),
    ("CONNECT in lower case", get(method="connect", target="good.example:443",
                                  host="good.example:443"), 400),
    # As long as it likes.
    ("129 fields", get(*[f"X{i}: y" for i in range(128)]), 431),
    ("a head of 33 KiB", get("X: " + "y" * 33000), 431),
]
assert len({row[0] for row in ROWS}) == len(ROWS) >= 60


@CASES.case("the same connections, with nothing odd about them, are served")
def _control(t):
    with proxy(t, *GOOD):
        end, reply = shout(t, get("Connection: close"))
        expect_in("HTTP/1.1 200", reply, "the answer")
        expect_eq(end, "closed", "the connection")
        _, reply = shout(t, connect("good.example:443"), timeout=0.5)
        expect_in("HTTP/1.1 200 Connection established", reply, "the answer")


for what, text, status in ROWS:
    @CASES.case(what)
    def _row(t, text=text, status=status):
        tok, marks = t.token(), t.marks()
        with proxy(t, *GOOD):
            end, reply = shout(t, text + SMUGGLED.replace("{tok}", tok))
        expect_eq(reply.split(" ")[1:2], [str(status)], "status", reply)
        expect_eq(reply.count("HTTP/1.1 "), 1, "answers", reply)
        expect(end != "open", "the connection was left open")
        leaks = t.leaks(marks)
        expect(not leaks, f"packets left: {leaks}")
        expect(not t.seen(marks, tok), "what stood behind it arrived")


@CASES.case("bytes behind a refused CONNECT are not read as a request")
def _behind(t):
    tok, marks = t.token(), t.marks()
    with proxy(t, *GOOD):
        _, reply = shout(t, connect("evil.example:443") + SMUGGLED.replace("{tok}", tok))
    expect_eq(reply.count("HTTP/1.1 "), 1, "answers", reply)
    expect_in("HTTP/1.1 403", reply, "the answer")
    expect(not t.leaks(marks), "packets left")


@CASES.case("a body that looks like a request is a body")
def _body(t):
    inner = "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    marks = t.marks()
    with proxy(t, *GOOD) as p:
        _, reply = shout(t, get(f"Content-Length: {len(inner)}", "Connection: close",
                                method="POST") + inner)
        expect_in("HTTP/1.1 200", reply, "the answer")
        expect_eq(p.events(verdict="deny"), [], "denials")
    expect_eq(len(t.world.internet.since(marks[1], event="http")), 1, "requests that arrived")


for what, chunks in (
    ("a chunk extension", "5;x=y\r\nhello\r\n0\r\n\r\n"),
    ("a chunk size with a plus", "+5\r\nhello\r\n0\r\n\r\n"),
    ("a chunk size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
    ("a chunk that is longer than it says", "3\r\nhello\r\n0\r\n\r\n"),
    ("a chunk that ends in LF", "5\nhello\r\n0\r\n\r\n"),
    ("a chunk size of 17 digits", "00000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("a trailer that is Host", "5\r\nhello\r\n0\r\nHost: evil.example\r\n\r\n"),
):
    @CASES.case(f"a body in chunks: {what}")
    def _chunks(t, chunks=chunks):
        tok, marks = t.token(), t.marks()
        with proxy(t, *GOOD):
            end, reply = shout(t, get("Transfer-Encoding: chunked", method="POST") + chunks +
                               SMUGGLED.replace("{tok}", tok))
        expect("HTTP/1.1 200" not in reply, "it was served", reply)
        expect(end != "open", "the connection was left open")
        expect(not t.seen(marks, tok), "what stood behind it arrived")


# --- Slow and silent clients.
@CASES.case("a request that never ends is ended, and others are served meanwhile")
def _slow(t):
    with proxy(t, *GOOD) as p:
        slow = t.popen(t.enter() + ["/usr/bin/python3", "-ISc", """
import socket, time
s = [socket.create_connection(('127.0.0.1', 8888)) for _ in range(200)]
for c in s: c.sendall(b'GET http://good.example/ HTTP/1.1\\r\\n')
print('there', flush=True)
s[0].settimeout(15)
start = time.monotonic()
for i in range(14):
    try: s[0].sendall(b'X: y\\r\\n')
    except OSError: break
    time.sleep(1)
print(s[0].recv(100).split(b' ')[1].decode(), round(time.monotonic() - start), flush=True)
"""], text=True)
        expect_eq(slow.stdout.readline().strip(), "there", "the slow clients")
        _, reply = shout(t, get("Connection: close"))
        expect_in("HTTP/1.1 200", reply, "the answer to another client")
        status, seconds = slow.communicate(timeout=20)[0].split()
        expect_eq(status, "408", "the answer to the slow one")
        expect(9 <= int(seconds) <= 14, f"it took {seconds} s")
        expect_eq(p.process.poll(), None, "the proxy")
