# SPDX-License-Identifier: GPL-2.0-or-later
"""What whoever owned one of the daemon's processes could do: each is entered, and has to make the calls."""

import errno
import signal

import probes as p
from lib.case import Fail, eventually, expect, expect_eq
from lib.confined import BASE, NetCases, arrives, stays_in
from lib.daemon import ENTER

CASES = NetCases()

DEAD = f"killed {int(signal.SIGSYS)}"
EPERM = f"errno {errno.EPERM}"
EACCES = f"errno {errno.EACCES}"
GATE, CONTROL = "gate", "control"

# What nothing in there needs ends the process; what has a use is refused where it is none of its own.
ALWAYS = {"netlink": DEAD, "packet": DEAD, "ptrace": DEAD, "bpf": DEAD, "exec": DEAD, "fork": DEAD,
          "mount": DEAD, "unshare": DEAD, "setuid": DEAD, "kill": DEAD, "module": DEAD}
EXPECTED = {
    GATE: {**ALWAYS, "open": DEAD, "create": DEAD},
    CONTROL: {**ALWAYS, "open": EACCES, "create": EACCES, "internet": DEAD},
}
ENFORCER = {"ptrace": EPERM, "bpf": EPERM, "mount": EPERM, "unshare": EPERM, "module": EPERM}


def pid_of(daemon, role):
    """By its command line: names of processes are cut."""
    for pid in daemon.children().values():
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            if f.read().split(b"\0")[1:2] == [f"-{role}".encode()]:
                return pid
    raise Fail(f"there is no {role}")


def inject(t, pid, call):
    result = t.run([*ENTER, t.world.tool("inject"), str(pid), call])
    expect_eq(result.status, 0, f"inject {call}", result)
    return result.out.strip()


def goes_on(t, daemon, role, before):
    """Another one has taken its place, and all is as it was."""
    def there():
        try:
            return pid_of(daemon, role) != before
        except (Fail, OSError):
            return False
    eventually(there, f"{role} is not started again", 5)
    eventually(lambda: daemon.ask("status").get("enforcing"), "it does not enforce", 5)


for role, expected in EXPECTED.items():
    for call, outcome in expected.items():
        @CASES.case(f"{role} is entered: {call}")
        def _enter(t, role=role, call=call, outcome=outcome):
            daemon = t.under(BASE)
            pid = pid_of(daemon, role)
            expect_eq(inject(t, pid, "getpid"), f"returned {pid}", "a harmless call")
            expect_eq(inject(t, pid, call), outcome, call)
            if outcome == DEAD:
                goes_on(t, daemon, role, pid)
            else:
                expect_eq(pid_of(daemon, role), pid, "it goes on")
            arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
            stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))


for call, outcome in ENFORCER.items():
    @CASES.case(f"the enforcer is entered: {call}")
    def _enforcer(t, call=call, outcome=outcome):
        daemon = t.under(BASE)
        expect_eq(inject(t, daemon.pid, call), outcome, call)
        expect(daemon.alive(), "it goes on")


@CASES.case("capabilities, users and no_new_privs of the daemon's processes")
def _status(t):
    daemon = t.under(BASE)
    seen = {}
    for name, pid in {"enforcer": daemon.pid, GATE: pid_of(daemon, GATE),
                      CONTROL: pid_of(daemon, CONTROL)}.items():
        with open(f"/proc/{pid}/status") as f:
            seen[name] = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    for name in (GATE, CONTROL):
        for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
            expect_eq(int(seen[name][kind], 16), 0, f"{kind} of {name}")
    expect_eq(seen[GATE]["Uid"].split()[0], "65534", "the gate's user")
    # NET_BROADCAST 11, NET_ADMIN 12, KILL 5, SETGID 6, SETUID 7, SETPCAP 8
    expect_eq(int(seen["enforcer"]["CapPrm"], 16), 0b1100111100000, "the enforcer's capabilities")
    for name in seen:
        expect_eq(seen[name]["NoNewPrivs"].strip(), "1", f"no_new_privs of {name}")
        expect_eq(seen[name]["Seccomp"].strip(), "2", f"seccomp of {name}")
