# SPDX-License-Identifier: GPL-2.0-or-later
"""
Clients that do everything that may be done to a connection, at every moment, while the policy
changes under them. The gate outlives it, and keeps nothing of what has ended.
"""

import json
import os
import time

from lib import tlsmsg, zone
from lib.case import Cases, eventually, expect, expect_eq
from lib.proxy import proxy, write

CASES = Cases()

SEED = 7
TRAFFIC_S = 4

# Runs where the proxy is: sockets in all states, and one step of one of them at a time.
CLIENT = """
import json, random, select, socket, struct, sys, time
seed, seconds, hello, ports = json.loads(sys.argv[1])
rnd = random.Random(seed)
hello = bytes.fromhex(hello)
names = ('good.example', 'tcp.example', 'www.good.example', 'a.wild.example', 'evil.example',
         'refused.example', 'empty.example', 'host.sallyport.internal')

def request():
    name, port = rnd.choice(names), rnd.choice(ports)
    where = f'{name}:{port}'
    fields = rnd.choice(('', 'Connection: close\\r\\n', 'Accept: application/json\\r\\n',
                         'Connection: Upgrade\\r\\nUpgrade: websocket\\r\\n'))
    kind = rnd.randrange(6)
    if kind == 0:
        return (f'CONNECT {where} HTTP/1.1\\r\\nHost: {where}\\r\\n{fields}\\r\\n'.encode()
                + rnd.choice((b'', hello, hello[:40], b'ping\\n', b'100000\\n')))
    if kind == 1:
        return (bytes([5, 1, 0, 5, 1, 0, 3, len(name)]) + name.encode() + port.to_bytes(2, 'big')
                + rnd.choice((b'', hello, b'ping\\n')))
    path = rnd.choice(('/', '/close', '/bytes/300000', '/redirect/evil.example'))
    get = (f'{rnd.choice(("GET", "HEAD"))} http://{where}{path} HTTP/1.{rnd.choice("0111")}\\r\\n'
           f'Host: {where}\\r\\n{fields}\\r\\n').encode()
    if kind == 2:
        return get * rnd.randrange(1, 4)
    if kind == 3:
        return (f'POST http://{where}/ HTTP/1.1\\r\\nHost: {where}\\r\\n{fields}'
                f'Content-Length: 1000\\r\\n\\r\\n').encode() + b'x' * rnd.choice((0, 999, 1000, 1001))
    if kind == 4:
        return (f'POST http://{where}/ HTTP/1.1\\r\\nHost: {where}\\r\\n'
                f'Transfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n').encode() + rnd.choice(
                    (b'', b'0\\r\\n\\r\\n', b'0\\r\\n\\r\\n' + get, b'5;x\\r\\n'))
    return rnd.randbytes(rnd.randrange(1, 300))

def step(s, what):
    if what < 5:
        data = request()
        s.send(data[:rnd.choice((1, 7, 30, len(data), len(data), len(data)))])
    elif what < 9:
        s.recv(rnd.choice((1, 1000, 65536)))
    elif what == 9:
        s.shutdown(socket.SHUT_WR)
    else:
        if what == 10:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        s.close()
        return False
    return True

sockets, steps, end = [], 0, time.monotonic() + seconds
while time.monotonic() < end:
    if len(sockets) < 60:
        s = socket.create_connection(('127.0.0.1', 8888))
        s.setblocking(False)
        sockets.append(s)
    s = rnd.choice(sockets)
    try:
        lives = step(s, rnd.randrange(12))
    except BlockingIOError:
        lives = True
    except OSError:
        s.close()
        lives = False
    if not lives:
        sockets.remove(s)
    steps += 1
print(steps)
"""


def state(t):
    result = t.plain()([t.world.program, "status", "--json", "--socket", f"{t.world.work}/control"])
    return json.loads(result.out)


def lists():
    port = zone.PORT_ECHO
    yield f"good.example:80,443,{port}\n*.wild.example:80,443,{port}\nrefused.example:*\n"
    yield f"tcp.example:*\ngood.example:80\nwww.good.example:443\nhost:{zone.PORT_LOOPBACK_HTTP}\n"
    yield "good.example:*\nempty.example:*\n"


@CASES.case("clients do all that can be done while the policy changes: nothing of it is left")
def _stress(t):
    ports = [80, 443, zone.PORT_ECHO, zone.PORT_SOURCE, zone.PORT_RESET, zone.PORT_HANGUP,
             zone.PORT_LOOPBACK_HTTP]
    texts = list(lists())
    path = write(t, "list", texts[0])
    flags = ("--baseline", path, "--connect-ports", ",".join(map(str, ports)), "--quiet",
             "--control", f"{t.world.work}/control")
    with proxy(t, *flags) as p:
        gate = p.gate()
        files = len(os.listdir(f"/proc/{gate}/fd"))
        options = [SEED, TRAFFIC_S, tlsmsg.client_hello("good.example").hex(), ports]
        client = t.popen(t.enter() + ["/usr/bin/python3", "-ISc", CLIENT, json.dumps(options)],
                         text=True)
        for i in range(8 * TRAFFIC_S):
            time.sleep(0.1)
            write(t, "list", texts[i % len(texts)])
            p.reload()
        out, err = client.communicate(timeout=10)
        expect(out and int(out) > 500, "the clients did little", out, err)
        eventually(lambda: state(t)["connections"] == 0, "connections are left", timeout=5.0)
        expect_eq([p.gate(), state(t)["restarts"]], [gate, 0], "the gate and its deaths")
        left = len(os.listdir(f"/proc/{gate}/fd")) - files
        expect(left <= 2 * 64 + 4, f"{left} descriptors are left, more than the pipes kept for reuse")
