# SPDX-License-Identifier: GPL-2.0-or-later
"""What the status says is so, and what it costs to ask."""

import json
import os
import signal

from j_inside import inject
from l_gate import RESTORED_S, gate_of, passes, put_right
from lib.bridgeworld import batch
from lib.case import eventually, expect, expect_eq, expect_in
from lib.confined import NetCases, policy

CASES = NetCases()
SECONDS = 30

OPEN = '- allow: ["203.0.113.10:7007"]'
CONTROLLER = 'controller: {{{}ip: 10.77.0.4, egress: exempt}}'


def status(t):
    """(exit status, the reply, what is printed for people)"""
    plain, full = t.ours("status"), t.ours("status", "--json")
    expect_eq(plain.status, full.status, "exit status with --json", full)
    return plain.status, json.loads(full.out), plain.out


@CASES.case("E-06 a controller that is known by its address alone is warned of, where no engine is asked")
def _controller(t):
    for mac, warned in (("", 1), ('mac: "02:42:0a:4d:00:04", ', 0)):
        t.start(policy(OPEN, CONTROLLER.format(mac)))
        code, reply, out = status(t)
        expect_eq(code, 0, "exit status")
        expect_eq(len(reply["warnings"]), warned, "warnings", reply["warnings"])
        expect("warning: network ds-test" in out if warned else "warning" not in out, out)


def sockets(pid):
    """{(bus, groups): descriptor} of its netlink sockets."""
    with open(f"/proc/{pid}/net/netlink") as f:
        lines = [line.split() for line in f.readlines()[1:]]
    of = {f"socket:[{line[9]}]": (int(line[1]), int(line[3], 16)) for line in lines}
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{fd}")
        if target in of:
            found[of[target]] = int(fd)
    return found


DUP2 = 33
MONITORS = (("the tables", (12, 0x40), "tables"), ("the bridges", (0, 0x111), "containers"))

for what, socket_of, word in MONITORS:
    @CASES.case(f"F-03 the notifications about {what} are gone: status tells, exits with 4, and they come back")
    def _deaf(t, socket_of=socket_of, word=word):
        daemon = t.start(policy(OPEN), "--no-owner")
        expect_eq(status(t)[0], 0, "exit status before")
        fd = sockets(daemon.pid)[socket_of]
        inject(t, daemon.pid, DUP2, (0, fd))
        plain = t.ours("status")
        expect_eq(plain.status, 4, "exit status", plain)
        expect_in("DEGRADED", plain.out, "what is printed")
        expect_in(word, plain.out, "what is printed")
        eventually(lambda: t.ours("status").status == 0, "it does not come back")
        expect_in(socket_of, sockets(daemon.pid), "its sockets")
        expect(put_right(t) < RESTORED_S, "a repair took long")
        batch("host", f"link set {t.sb3.port} nomaster\nlink set {t.sb3.port} master brt\n")
        eventually(lambda: passes(t, t.sb3, 7007), "the port does not open", 1.0)


@CASES.case("F-03 the gate hangs, and dies: status tells and exits with 4 until it is there again")
def _gate(t):
    daemon = t.start(policy(OPEN + '\n- allow: ["good.example:80"]'))
    gate = gate_of(daemon)
    os.kill(gate, signal.SIGSTOP)
    expect_eq(daemon.ask("allow", destination="tcp.example:80")["status"], "ok", "allow")
    eventually(lambda: t.ours("status").status == 4, "it is not told")
    expect_in("the gate does not answer", t.ours("status").out, "what is printed")
    expect_eq(daemon.ask("status")["enforcing"], True, "enforcing")
    os.kill(gate, signal.SIGKILL)
    eventually(lambda: t.ours("status").status == 0, "it does not come back")
    expect(gate_of(daemon) != gate, "it is the same")


LOOK = """
import json, socket, sys, time
replies, n, until = [], 0, time.monotonic() + 2
while time.monotonic() < until:
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(b'{"action": "status"}\\n')
    replies.append(json.loads(s.makefile().readline())["enforcing"])
print(len(replies), all(replies))
"""


@CASES.case("F-14 another user who asks for the status all the time has the kernel read once a second")
def _cheap(t):
    daemon = t.start(policy(OPEN), "--no-owner")
    os.chmod(daemon.control, 0o666)
    before = cpu(daemon.pid)
    result = t.plain()(["/usr/bin/python3", "-ISc", LOOK, daemon.control])
    spent = cpu(daemon.pid) - before
    n, good = result.out.split()
    expect_eq(good, "True", "what they say", result)
    expect(int(n) > 200, f"only {n} replies")
    expect(spent < 0.1, f"{n} of them took the enforcer {spent:.2f} s")


def cpu(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@CASES.case("ten thousand names: there is a status, and it begins with those that nobody answers")
def _many_names(t):
    names = ", ".join(f"n{i}.nowhere.example" for i in range(9999))
    daemon = t.start(policy(f"- allow: [good.example, {names}]"))
    reply = daemon.ask("status")
    expect_eq(reply["status"], "ok", "status")
    expect_eq(len(reply["names"]) + reply["names_left_out"], 10000, "names")
    expect(reply["names_left_out"] > 0 and len(reply["names"]) > 1000, len(reply["names"]))
    expect_eq(t.ours("status").status, 0, "exit status")
