# SPDX-License-Identifier: GPL-2.0-or-later
"""What a relayed connection keeps of a real one: every byte, its end, its errors, its pressure."""

import os
import re
import time

from lib import pattern, zone
from lib.bubble import TMP
from lib.case import Cases, eventually, expect, expect_eq, expect_in, quickly
from lib.commands import curl, probe, python
from lib.jail import gates

CASES = Cases()

BULK = 200_000_000
TCP = ["--allow", "tcp.example:7000-7100"]
SHA = pattern.sha256(BULK)

DOWNLOAD = """
import hashlib, socket, sys
s = socket.create_connection(('tcp.example', 7002), 10)
s.sendall(sys.argv[1].encode() + b'\\n')
digest, size = hashlib.sha256(), 0
while block := s.recv(1 << 18):
    digest.update(block)
    size += len(block)
print(size, digest.hexdigest())
"""

UPLOAD = """
import socket, sys
sys.path.insert(0, sys.argv[2])
from lib import pattern
s = socket.create_connection(('tcp.example', 7001), 10)
for block in pattern.blocks(int(sys.argv[1])):
    s.sendall(block)
s.shutdown(socket.SHUT_WR)
print(s.makefile().readline().strip())
"""


def bulk(what, command, flags=TCP, wanted=f"{BULK} {SHA}"):
    def control(t):
        expect_in(wanted, t.plain(timeout=40)(command).out, "digest")

    @CASES.case(what)
    def check(t):
        result = t.jail(*flags, timeout=40)(command)
        expect_in(wanted, result.out, "digest", result)
    CASES[-1].control = control


bulk("200 MB down", python(DOWNLOAD, BULK))
bulk("200 MB up, then half-close, then the answer", python(UPLOAD, BULK, TMP))
bulk("200 MB of https", ["bash", "-c", f"curl -sS https://good.example/bytes/{BULK} | sha256sum"],
     ["--allow", "good.example"], SHA)
bulk("200 MB of http", ["bash", "-c", f"curl -sS http://good.example/bytes/{BULK} | sha256sum"],
     ["--allow", "good.example:80"], SHA)

POST = """
import http.client, sys
sys.path.insert(0, sys.argv[1])
from lib import pattern
c = http.client.HTTPConnection('good.example', 80, timeout=10)
for size in (10, 20_000_000, 0, 300_000):
    c.request('POST', '/sha256', body=pattern.blocks(size), headers={'Content-Length': str(size)})
    assert c.getresponse().read().decode() == pattern.sha256(size), size
print('all right')
"""
bulk("http bodies on one connection", python(POST, TMP), ["--allow", "good.example:80"], "all right")


DUPLEX = """
import socket, threading
s = socket.create_connection(('tcp.example', 7007), 10)
sent = bytes(range(256)) * 4096
def write():
    for _ in range(20):
        s.sendall(sent)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=write).start()
got = 0
while block := s.recv(1 << 18):
    assert block[0] == got % 256
    got += len(block)
print(got == 20 * len(sent))
"""
bulk("both ways at once", python(DUPLEX), wanted="True")


@CASES.case("the server closes first")
def _hangup(t):
    result = quickly(lambda: t.jail(*TCP)(probe("raw", "tcp.example", zone.PORT_HANGUP, "")))
    expect_eq(result.out, "bye\n", "what came before the end", result)


@CASES.case("the server resets")
def _reset(t):
    result = quickly(lambda: t.jail(*TCP)(probe("tcp", "tcp.example", zone.PORT_RESET, "x")))
    expect(re.search("ECONNRESET|EPIPE|ECONNABORTED", result.out), "no reset", result)


for what, name, said in (("refused", "refused.example", "ECONNREFUSED|ECONNRESET"),
                         ("unreachable", "unreachable.example", "EHOSTUNREACH|ECONNRESET|ENETUN")):
    @CASES.case(f"upstream {what} is told at once")
    def _dead(t, name=name, said=said):
        result = quickly(lambda: t.jail("--allow", f"{name}:7007")(probe("tcp", name, 7007, "x")))
        expect(re.search(said, result.out), "no such error", result)

    @CASES.case(f"upstream {what}, http: a 502 that says so")
    def _dead_http(t, name=name):
        result = t.jail("--allow", f"{name}:80")(["curl", "-sS", "-i", f"http://{name}/"])
        expect_in("HTTP/1.1 502", result.out, "the answer", result)
        expect_in(name, result.out.partition("\n\n")[2], "the body", result)


@CASES.case("the next address is tried when one is lost or refused")
def _many(t):
    result = quickly(lambda: t.jail("--allow", "many.example:7003")(
        probe("raw", "many.example", 7003, "")), 2)
    expect_eq(result.out, "bye\n", "output", result)


SLOW_READER = """
import socket, time
s = socket.create_connection(('tcp.example', 7005), 5)
time.sleep(1.5)
print(len(s.recv(1 << 16)) > 0, flush=True)
time.sleep(0.5)
"""
SLOW_SERVER = """
import socket, time
s = socket.create_connection(('tcp.example', 7004), 5)
s.settimeout(1.5)
sent = 0
try:
    while True:
        sent += s.send(bytes(1 << 18))
except TimeoutError:
    print(sent < 64 << 20, flush=True)
"""


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


for what, code in (("a slow reader", SLOW_READER), ("a server that does not read", SLOW_SERVER)):
    @CASES.case(f"{what} does not make the gate grow")
    def _pressure(t, code=code):
        process = t.popen(t.words(TCP, python(code)), text=True)
        eventually(gates, "no gate")
        largest, deadline = 0, time.monotonic() + 8
        while process.poll() is None and time.monotonic() < deadline:
            for pid in gates():
                try:
                    largest = max(largest, rss_kib(pid))
                except (OSError, TypeError):
                    pass  # it has just ended
            time.sleep(0.05)
        out, err = process.communicate(timeout=5)
        expect_in("True", out, "output", err)
        expect(largest < 16384, f"the gate took {largest} KiB")


@CASES.case("many small connections, one after the other")
def _churn(t):
    code = """
import socket
for i in range(500):
    s = socket.create_connection((socket.gethostbyname('tcp.example'), 7007), 4)
    s.sendall(b'%d' % i)
    assert s.recv(99) == b'%d' % i
    s.close()
print('done')
"""
    result = t.jail(*TCP)(python(code))
    expect_in("done", result.out, "output", result)
    expect(result.seconds < 5, f"took {result.seconds:.2f} s", result)


IDLE = """
import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
address = socket.gethostbyname('tcp.example')
idle = []
for i in range(2000):
    s = socket.create_connection((address, 7007), 4)
    idle.append(s)
start = time.monotonic()
for s in idle[::100]:
    s.sendall(b'x')
for s in idle[::100]:
    assert s.recv(1) == b'x'
fresh = socket.create_connection((address, 7007), 4)
fresh.sendall(b'y')
assert fresh.recv(1) == b'y'
print('all alive in %.2f s' % (time.monotonic() - start), time.monotonic() - start < 3)
"""


@CASES.case("2,000 idle connections, and others go on")
def _idle(t):
    result = t.jail(*TCP, timeout=30)(python(IDLE))
    expect_in("True", result.out, "output", result)


@CASES.case("a connection to a server of the jail's own loopback is its own business")
def _own_loopback(t):
    code = """
import socket
for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'),
                        (socket.AF_INET, '127.8.8.8')):
    server = socket.create_server((address, 0), family=family)
    client = socket.create_connection(server.getsockname()[:2], 2)
    peer, _ = server.accept()
    peer.sendall(b'hello')
    assert client.recv(9) == b'hello'
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(('127.0.0.1', 0))
udp.sendto(b'me', udp.getsockname())
assert udp.recv(9) == b'me'
print('own loopback')
"""
    result = t.jail()(python(code))
    expect_in("own loopback", result.out, "output", result)


@CASES.case("redirect: the proxy answers what the server answers, and follows nothing")
def _redirect(t):
    result = t.jail("--allow", "good.example:80")(
        ["curl", "-sS", "-i", "http://good.example/redirect/evil.example"])
    expect_in("302 Found", result.out, "status", result)
    result = t.jail("--allow", "good.example:80")(
        curl("http://good.example/redirect/evil.example", "-L"))
    expect(result.status in (6, 22), "the redirect was followed", result)


@CASES.case("a gate that is killed takes the network with it, not the command")
def _killed(t):
    code = """
import os, socket, sys, time
s = socket.create_connection(('tcp.example', 7007), 4)
print('up', flush=True)
sys.stdin.readline()
for target in (('tcp.example', 7007), ('203.0.113.70', 7007)):
    try:
        socket.create_connection(target, 2)
        print('still connected', flush=True)
    except OSError as e:
        print('closed', flush=True)
try:
    s.settimeout(2)
    print('old', len(s.recv(1)), flush=True)
except OSError as e:
    print('old closed', flush=True)
"""
    process = t.popen(t.words(TCP, python(code)), text=True)
    try:
        expect_eq(process.stdout.readline(), "up\n", "first line")
        for pid in gates():
            os.kill(pid, 9)
        out, err = process.communicate("go\n", timeout=10)
        expect("still connected" not in out, "it went on without a gate", out, err)
        expect_in("sallyport", err, "what the user is told")
    except Exception:
        process.kill()
        raise
