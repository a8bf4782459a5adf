# SPDX-License-Identifier: GPL-2.0-or-later
"""Nonsense from the jail: a clear denial in bounded time, and everybody else goes on."""

from lib import zone
from lib.case import Cases, expect, expect_eq, expect_in
from lib.commands import python

CASES = Cases()

GOOD = ["--allow", "good.example", "--allow", "good.example:80", "--allow", "tcp.example:7007"]
UPSTREAM = [("udp", zone.DNS4, 53), ("tcp", zone.DNS4, 53)]

# The last lines of every script below: the gate still serves.
STILL_WELL = """
s = socket.create_connection(('tcp.example', 7007), 4)
s.sendall(b'well')
assert s.recv(9) == b'well'
print('still well')
"""

HEAD = """
import os, random, socket, struct, sys, time
random.seed(1)
def to(port, data, wait=2.0, host='good.example'):
    s = socket.create_connection((host, port), 4)
    s.settimeout(wait)
    got = b''
    try:
        s.sendall(data)
        while part := s.recv(65536):
            got += part
    except OSError as e:
        got = got or type(e).__name__.encode()
    return got
"""

HTTP = HEAD + r"""
good = b'Host: good.example\r\n\r\n'
for what, head in {
    'control bytes': b'GET /\x00 HTTP/1.1\r\n' + good,
    'no version': b'GET /\r\n' + good,
    'wrong version': b'GET / HTTP/3.9\r\n' + good,
    'bare LF': b'GET / HTTP/1.1\nHost: good.example\n\n',
    'bare CR': b'GET / HTTP/1.1\rHost: good.example\r\r',
    'folded field': b'GET / HTTP/1.1\r\nX: a\r\n b\r\n' + good,
    'blank before colon': b'GET / HTTP/1.1\r\nHost : good.example\r\n\r\n',
    'no colon': b'GET / HTTP/1.1\r\nHost good.example\r\n\r\n',
    'NUL in Host': b'GET / HTTP/1.1\r\nHost: good.example\0.evil\r\n\r\n',
    'binary': bytes(range(256)) * 4 + b'\r\n\r\n',
    'huge head': b'GET / HTTP/1.1\r\nX: ' + b'x' * 200000 + b'\r\n' + good,
    'many fields': b'GET / HTTP/1.1\r\n' + b'A: b\r\n' * 5000 + good,
    'CL twice': b'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n' + good + b'ab',
    'CL and TE': b'POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n' + good
                 + b'0\r\n\r\n',
    'bad CL': b'POST / HTTP/1.1\r\nContent-Length: +5\r\n' + good + b'hello',
    'TE twice': b'POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n' + good + b'0\r\n\r\n',
    'TE unknown': b'POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n' + good + b'0\r\n\r\n',
    'HTTP/2 preface': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
}.items():
    start = time.monotonic()
    reply = to(80, head)
    line = reply.split(b'\r\n')[0]
    print(what, line[:60], flush=True)
    assert b' 200 ' not in line, what
    assert time.monotonic() - start < 1.5, what
""" + STILL_WELL

TLS = HEAD + r"""
for what, data in {
    'random': random.randbytes(600),
    'record of length 0': b'\x16\x03\x01\0\0' * 50,
    'record too long': b'\x16\x03\x01\xff\xff' + bytes(70000),
    'alert first': b'\x15\x03\x01\0\x02\x02\x28',
    'application data first': b'\x17\x03\x03\0\x05hello',
    'SSLv2': bytes([0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10]) + bytes(40),
    'ServerHello': b'\x16\x03\x01\0\x30\x02\0\0\x2c\x03\x03' + bytes(42),
    'lengths that lie': b'\x16\x03\x01\0\x30\x01\0\xff\xff\x03\x03' + b'\xff' * 42,
    'handshake of 16 MiB': b'\x16\x03\x01\x40\0\x01\xff\xff\xff' + bytes(16380),
    'version 0': b'\x16\0\0\0\x30\x01\0\0\x2c\x03\x03' + bytes(42),
}.items():
    start = time.monotonic()
    reply = to(443, data)
    print(what, reply[:8], flush=True)
    assert reply[:1] != b'\x16', what
    if what not in ('handshake of 16 MiB',):
        assert time.monotonic() - start < 1.5, what
""" + STILL_WELL

DNS = HEAD + r"""
def name(*labels):
    return b''.join(bytes([len(l)]) + l for l in labels) + b'\0'
ok = name(b'good', b'example')
def head(qd=1, an=0, ns=0, ar=0, flags=0x100):
    return struct.pack('!6H', 0x1234, flags, qd, an, ns, ar)
messages = {
    'empty': b'', 'one byte': b'x', 'header only': head(), 'half a header': head()[:7],
    'no question': head(0), 'two questions': head(2) + (ok + b'\0\1\0\1') * 2,
    'loop': head() + b'\xc0\x0c\0\1\0\1', 'pointer ahead': head() + b'\xc0\xff\0\1\0\1',
    'pointer to itself': head() + b'\x01a\xc0\x0e\0\1\0\1',
    'label 64': head() + b'\x40' + b'a' * 64 + b'\0\0\1\0\1',
    'name 300': head() + (b'\x3f' + b'a' * 63) * 5 + b'\0\0\1\0\1',
    'cut question': head() + ok + b'\0', 'a response': head(flags=0x8180) + ok + b'\0\1\0\1',
    'counts that lie': head(1, 65535, 65535, 65535) + ok + b'\0\1\0\1',
    'OPT twice': head(ar=2) + ok + b'\0\1\0\1' + b'\0\0\x29\x10\0\0\0\0\0\0\0' * 2,
    'OPT that lies': head(ar=1) + ok + b'\0\1\0\1' + b'\0\0\x29\x10\0\0\0\0\0\xff\xff',
    'trailing bytes': head() + ok + b'\0\1\0\1' + b'trailing',
    'zero bytes in a label': head() + name(b'go\0d', b'example') + b'\0\1\0\1',
    'class 0': head() + ok + b'\0\1\0\0', 'opcode 15': head(flags=0x7900) + ok + b'\0\1\0\1',
    '60 kB': head() + ok + b'\0\1\0\1' + bytes(60000),
}
messages.update({f'random {i}': random.randbytes(random.randrange(12, 300)) for i in range(200)})
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(('203.0.113.53', 53))
for what, m in messages.items():
    s.send(m)
t = socket.create_connection(('203.0.113.53', 53), 4)
for what, m in messages.items():
    try:
        t.sendall(struct.pack('!H', len(m)) + m)
    except OSError:
        t = socket.create_connection(('203.0.113.53', 53), 4)
for what, stream in {'length 0': b'\0\0' * 100, 'cut': b'\xff\xff' + bytes(100)}.items():
    c = socket.create_connection(('203.0.113.53', 53), 4)
    c.sendall(stream)
    c.close()
time.sleep(0.2)
assert socket.gethostbyname('good.example')
""" + STILL_WELL

UDP = HEAD + r"""
for family, host in ((socket.AF_INET, '203.0.113.123'), (socket.AF_INET6, '2001:db8:113::123')):
    s = socket.socket(family, socket.SOCK_DGRAM)
    for i in range(3000):
        try:
            port = random.randrange(1, 65536)
            s.sendto(random.randbytes(random.randrange(0, 1400)), (host, port))
        except OSError:
            pass
""" + STILL_WELL

for what, script in (("HTTP heads", HTTP), ("ClientHellos", TLS), ("DNS messages", DNS),
                     ("datagrams to anywhere", UDP)):
    @CASES.case(f"malformed {what}")
    def _malformed(t, script=script):
        marks = t.marks()
        result = t.jail(*GOOD, "--allow", "udp/ntp.example:123", timeout=40)(python(script))
        expect_in("still well", result.out, "output", result)
        leaks = t.leaks(marks, [*UPSTREAM, *(("tcp", a, zone.PORT_ECHO) for a in zone.both(70))])
        expect(not leaks, f"packets left: {leaks}", result)

TRICKLE = HEAD + r"""
import threading
data = {80: b'GET / HTTP/1.1\r\nHost: good.example\r\nX: %s\r\n' % (b'y' * 100),
        443: b'\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03' + bytes(200)}[int(sys.argv[1])]
s = socket.create_connection(('good.example', int(sys.argv[1])), 4)
start = time.monotonic()
def others():
    for i in range(30):
        c = socket.create_connection(('tcp.example', 7007), 4)
        c.sendall(b'x')
        before = time.monotonic()
        assert c.recv(1) == b'x'
        assert time.monotonic() - before < 0.5
        time.sleep(0.1)
    print('others went on', flush=True)
threading.Thread(target=others).start()
try:
    for byte in data:
        s.send(bytes([byte]))
        time.sleep(0.25)
        s.setblocking(False)
        try:
            reply = s.recv(100)
            break
        except BlockingIOError:
            s.setblocking(True)
except OSError as e:
    reply = type(e).__name__
print('ended', time.monotonic() - start < 14, reply[:40], flush=True)
"""

SILENT = HEAD + r"""
start = time.monotonic()
print(to(443, b'', wait=20)[:1], 'ended', time.monotonic() - start < 14)
print('others went on')
"""


@CASES.case("clients that trickle or say nothing: ended by the clock, not by the byte")
def _trickle(t):
    """All at a time: each takes the whole deadline."""
    jails = [t.popen(t.words(GOOD, python(script, port)), text=True)
             for script, port in ((TRICKLE, 80), (TRICKLE, 443), (SILENT, 443))]
    for jail in jails:
        out, err = jail.communicate(timeout=30)
        expect_in("ended True", out, "output", out, err)
        expect_in("others went on", out, "output", out, err)


@CASES.case("a command that cannot be executed")
def _not_executable(t):
    for command, status in ((["/etc/passwd"], 126), (["/nonexistent/x"], 127),
                            (["no-such-command-here"], 127), (["/"], 126)):
        result = t.jail()(command)
        expect_eq(result.status, status, f"exit status of {command}", result)
        expect_in(command[0], result.err, "the message", result)


@CASES.case("mistakes on the command line")
def _usage(t):
    for flags, said in ((["--allow", "http://good.example/"], "good.example"),
                        (["--allow", "*foo.com"], "*.foo.com"), (["--allow", "1.2.3.4"],
                                                                 "any/1.2.3.4"),
                        (["--allow", "good.example:0"], "0"), (["--allow", "x:99999"], "65535"),
                        (["--allow", "group/nosuch"], "nosuch"), (["--dns", "nonsense"],
                                                                  "nonsense"),
                        (["--policy", "/nonexistent.yaml"], "/nonexistent.yaml"),
                        (["--alow", "x"], "alow"), (["--keep-fd", "zwei"], "zwei"),
                        (["--keep-fd", "77"], "77")):
        result = t.jail(*flags)(["true"])
        expect(result.status in (2, 125), f"{flags}: exit status {result.status}", result)
        expect_in(said, result.err, f"the message for {flags}", result)


@CASES.case("no command at all")
def _no_command(t):
    result = t.run(t.enter() + [t.world.program, "run", "--allow", "good.example"])
    expect_eq(result.status, 2, "exit status", result)
