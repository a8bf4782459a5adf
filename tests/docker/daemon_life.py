# SPDX-License-Identifier: GPL-2.0-or-later
"""
The daemon and the engine over time: either ends and comes back while containers send; networks are
removed, differ, or appear late.
"""

import contextlib
import json
import os
import signal
import socket
import time

from lib import dockside, zone
from lib.case import Cases, eventually, expect, expect_eq, expect_in, token
from lib.dockside import (ALLOWED, DENIED, FIREWALL_CONFIG, FORBIDDEN, NETWORK_CONFIG, OPEN, RESOLVING,
                          SUBNETS, WEB, WORK, WORK_ALLOWS, udp, web)
from lib.engine import HOME

CASES = Cases()
SECONDS = 22

# Sends to what is denied, datagrams and a SYN every few milliseconds, until its input has a line;
# prints how often it did.
FLOOD = """
import select, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
n, target, text = 0, sys.argv[1], sys.argv[2].encode()
print("begun", flush=True)
while not select.select([sys.stdin], [], [], 0.005)[0]:
    for port in (31337, 443):
        try:
            s.sendto(text, (target, port))
        except OSError:
            pass
    c = socket.socket()
    c.setblocking(False)
    c.connect_ex((target, 443))
    c.close()
    n += 1
print(n)
"""


@contextlib.contextmanager
def flooding(t, name, allowed):
    """While a container sends what is denied: nothing of it may arrive."""
    tok, marks = token(), t.marks()
    flood = t.popen(t.dockside.words_in(name, dockside.python(FLOOD, FORBIDDEN, tok)), text=True)
    expect_eq(flood.stdout.readline(), "begun\n", "what the flood says")
    try:
        yield
    finally:
        out, err = flood.communicate("\n", timeout=10)
    expect(int(out or 0) > 3, f"hardly anything was sent: {out}{err}")
    leaks = t.leaks(marks, allowed)
    expect(not leaks, f"{len(leaks)} packets left: {leaks[:5]}", t.dockside.log())
    expect(not t.seen(marks, tok), f"{tok} arrived")


def _reaches(run, host=ALLOWED, address=WEB):
    return run(web(host, token(), address)).status == 0


def _holds(t, run):
    """What is allowed passes, what is denied does not."""
    result = run(web(ALLOWED, token(), WEB))
    expect_eq(result.status, 0, "exit status of what is allowed", result, t.dockside.log())
    tok, marks = token(), t.marks()
    result = run(web(DENIED, tok, FORBIDDEN))
    expect(result.status != 0 and not t.leaks(marks, RESOLVING), "the denied host", result)


# The engine goes and comes back


@CASES.case("dockerd ends and starts again while a container sends")
def _(t):
    d = t.dockside.up()
    run = d.worker()
    with flooding(t, "worker", WORK_ALLOWS):
        t.engine.stop()
        time.sleep(0.2)
        t.engine.start()
        time.sleep(0.2)
    _holds(t, run)
    with d.guest("new", WORK) as new:
        _holds(t, new)


@CASES.case("dockerd is killed and starts again while a container sends")
def _(t):
    run = t.dockside.up().worker()
    with flooding(t, "worker", WORK_ALLOWS):
        t.engine.stop(signal.SIGKILL)
        t.engine.start()
    _holds(t, run)


# The daemon goes and comes back


@CASES.case("the daemon ends: the rules stay, for new containers as well; it starts again at once")
def _(t):
    d = t.dockside.up()
    run = d.worker()
    with flooding(t, "worker", WORK_ALLOWS):
        expect_eq(d.stop(signal.SIGTERM), 0, "exit status")
        _holds(t, run)
        with d.guest("meanwhile", WORK) as meanwhile:
            result = meanwhile(web(DENIED, token(), FORBIDDEN))
            expect(result.status not in (0, 126, 127), "a denied host", result)
        d.up()
    _holds(t, run)


@CASES.case("the daemon is killed while a container sends, and started again")
def _(t):
    d = t.dockside.up()
    run = d.worker()
    with flooding(t, "worker", WORK_ALLOWS):
        d.stop(signal.SIGKILL)
        time.sleep(0.2)
        d.up()
        time.sleep(0.2)
    _holds(t, run)


@CASES.case("reloads while a container sends and new ones start")
def _(t):
    d = t.dockside.up()
    d.worker()
    try:
        with flooding(t, "worker", WORK_ALLOWS):
            for i in range(10):
                d.write("firewall-config.json", FIREWALL_CONFIG.replace('"never"', f'"never {i}"'))
                d.must("reload")
                if i % 5 == 0:
                    with d.guest("new", WORK) as new:
                        expect(_reaches(new), "what is allowed is not reached", d.log())
    finally:
        d.end()


# Networks that are different, late, or gone


@CASES.case("a network that exists with another subnet is reported, and confined")
def _(t):
    d = t.dockside
    d.end()
    d.without_networks(WORK)
    t.engine.docker("network", "create", "--subnet=10.77.211.0/24", "--opt",
                    f"com.docker.network.bridge.name={WORK}", WORK)
    try:
        d.write_files()
        d.start_files()
        said = json.dumps(d.must("status"))
        expect_in("10.77.211.0/24", said, "status")
        expect_in(SUBNETS[WORK], said, "status")
        with d.guest("differs", WORK) as run:
            _holds(t, run)
    finally:
        d.end()
        d.without_networks(WORK)


@CASES.case("RESET=1 makes the networks anew, at the start only")
def _(t):
    d = t.dockside
    d.end()
    d.write_files()
    d.start_files()
    d.await_networks(OPEN)

    def found():
        return (t.engine.network(OPEN) or {}).get("Id", "")
    before = found()
    d.start("dockside", "--daemon", *d.files(), "--socket", dockside.SOCKET, env={"RESET": "1"})
    eventually(lambda: found() not in ("", before), f"it was not made anew\n{d.log()}", timeout=10)
    made_anew = found()
    d.must("reload")
    time.sleep(0.5)
    expect_eq(found(), made_anew, "the network after a reload")
    d.end()


def _config_with(name, subnet):
    networks = json.loads(NETWORK_CONFIG.replace("// both of them", ""))
    networks["networks"] = [{"name": name, "subnet": subnet}]
    return networks, {"networks": {name: {"egress": [
        {"proto": "tcp", "ports": [443], "to": "ip", "ip": WEB}, {"action": "drop", "to": "all"}]}}}


@CASES.case("started without an engine: loaded by the bridge's name, and the engine may come later")
def _(t):
    d = t.dockside
    d.end()
    late = f"{HOME}/late.sock"
    name = "ds-late"
    d.write_files(*_config_with(name, "10.77.212.0/24"))
    d.start("daemon", *d.files(), "--socket", dockside.SOCKET, "--docker", late)
    try:
        t.engine.docker("network", "create", "--subnet=10.77.212.0/24", "--opt",
                        f"com.docker.network.bridge.name={name}", name)
        with d.guest("early", name) as run:
            _holds(t, run)
        t.engine.docker("network", "rm", name)
        os.link(f"{HOME}/docker.sock", late)
        eventually(lambda: t.engine.network(name),
                   f"the engine was not asked for the network\n{d.log()}", timeout=15)
        with d.guest("later", name) as run:
            _holds(t, run)
    finally:
        d.end()
        d.without_networks(name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(late)


@CASES.case("an engine that takes the call and says nothing delays nobody")
def _(t):
    d = t.dockside
    d.end()
    mute = f"{HOME}/mute.sock"
    d.write_files()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.bind(mute)
        s.listen()
        start = time.monotonic()
        d.start("daemon", *d.files(), "--socket", dockside.SOCKET, "--docker", mute)
        expect(time.monotonic() - start < 3, "not ready until it answered")
        d.must("status")
        d.must("reload")
        _holds(t, d.worker())
    os.unlink(mute)
    d.end()


@CASES.case("a network removed from the policy stays denied until its containers leave")
def _(t):
    d = t.dockside.up()
    run = d.standing("left", OPEN)
    expect(_reaches(run), "what is allowed is not reached", d.log())
    with flooding(t, "left", RESOLVING):
        d.must("remove-network", name=OPEN)
        result = run(web(ALLOWED, token(), WEB))
        expect(result.status not in (0, 126, 127), "what was allowed still is", result)
    expect_in(OPEN, d.rules(), "rules, while a container is there")
    d.remove("left")
    d.remove("open")
    d.remove("open-listens")
    eventually(lambda: f'"{OPEN}"' not in d.rules(), "the rules stay when nobody is there any more",
               timeout=5, pause=0.1)
    d.end()


@CASES.case("a rule that is taken away ends the connections that it allowed, within a second")
def _(t):
    d = t.dockside.up()
    d.worker()
    keep = t.popen(d.words_in("worker", dockside.python(KEEP, zone.v4(70), zone.PORT_ECHO)),
                   text=True)
    expect_eq(keep.stdout.readline(), "open\n", "the connection")
    without = FIREWALL_CONFIG.replace(f'"ports": [{zone.PORT_ECHO}]', '"ports": [1]')
    d.write("firewall-config.json", without)
    d.must("reload")
    time.sleep(1)
    tok, marks = token(), t.marks()
    out, _ = keep.communicate(tok + "\n", timeout=15)
    expect(not t.seen(marks, tok) and tok not in out, f"it still carries: {out}")
    d.end()


KEEP = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
print("open", flush=True)
try:
    s.sendall(sys.stdin.readline().encode())
    print(s.recv(100))
except OSError as e:
    print("over", e)
"""


@CASES.case("UDP flows that are no longer allowed end with the reload, too")
def _(t):
    d = t.dockside.up()
    run = d.worker()
    tok = token()
    expect(tok in run(udp(zone.v4(123), 123, tok)).out, "what is allowed is not reached", d.log())
    d.write("firewall-config.json", FIREWALL_CONFIG.replace('"ports": [123]', '"ports": [124]'))
    d.must("reload")
    tok, marks = token(), t.marks()
    run(udp(zone.v4(123), 123, tok))
    expect(not t.seen(marks, tok), f"{tok} arrived")
    d.end()
