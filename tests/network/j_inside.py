# SPDX-License-Identifier: GPL-2.0-or-later
"""What somebody who owned a process of the daemon could ask the kernel for: its own code, injected."""

import errno
import os
import signal
import time

from lib.case import Skip, eventually, expect, expect_eq
from lib.confined import BASE, NetCases

CASES = NetCases()
KILLED = f"killed {int(signal.SIGSYS)}"
AT_FDCWD = -100

# Numbers of x86-64, which inject.c is for. What each process answers: None, it dies of it.
CALLS = (
    # what, number, arguments, gate, control, enforcer ("": not asked, it may)
    ("opens a file", 257, (AT_FDCWD, ":/etc/hostname", 0), None, -errno.EACCES, ""),
    ("opens a file of root's", 257, (AT_FDCWD, ":/root", 0), None, -errno.EACCES, ""),
    ("makes a file", 257, (AT_FDCWD, ":/tmp/sallyport-owned", 0o101, 0o600), None, -errno.EACCES, ""),
    ("executes a program", 59, (":/bin/true", 0, 0), None, None, ""),
    ("executes one by its descriptor", 322, (0, ":", 0, 0, 0x1000), None, None, ""),
    ("forks", 57, (), None, None, ""),
    ("opens a netlink socket", 41, (16, 3, 12), None, None, ""),
    ("opens a packet socket", 41, (17, 3, 0), None, None, -errno.EPERM),
    ("opens a raw socket", 41, (2, 3, 1), -errno.EPERM, None, -errno.EPERM),
    ("traces its parent", 101, (16, os.getppid(), 0, 0), None, None, -errno.EPERM),
    ("reads another's memory", 310, (1, 0, 0, 0, 0, 0), None, None, -errno.EPERM),
    ("loads a program of bpf", 321, (5, 0, 0), None, None, -errno.EPERM),
    ("makes namespaces", 272, (0x10000000,), None, None, -errno.EPERM),
    ("enters namespaces", 308, (0, 0), None, None, -errno.EPERM),
    ("mounts", 165, (":a", ":/", ":tmpfs", 0, 0), None, None, -errno.EPERM),
    ("changes its root", 161, (":/",), None, None, -errno.EPERM),
    ("loads a module", 175, (0, 0, 0), None, None, -errno.EPERM),
    ("sets up an io_uring", 425, (1, 0), None, None, -errno.EPERM),
    ("takes a descriptor of another", 438, (0, 0, 0), None, None, -errno.EPERM),
    ("becomes another user", 105, (1000,), None, None, ""),
    ("makes executable memory", 9, (0, 4096, 7, 0x22, -1, 0), None, None, ""),
    ("ends another process", 62, (os.getpid(), 0), None, None, ""),
)


def process(daemon, role):
    if role == "enforcer":
        return daemon.pid
    return next((pid for name, pid in daemon.children().items()
                 if ("gate" in name) == (role == "gate")), None)


def inject(t, pid, number, words):
    command = [t.world.tool("inject"), str(pid), str(number), *map(str, words)]
    for _ in range(50):
        result = t.run(command)
        if result.status != 2 or "no system call" not in result.err:
            break
        time.sleep(0.1)  # it was running
    if result.status == 3:
        raise Skip("only for x86-64")
    expect_eq(result.status, 0, "inject", result)
    return result.out.strip()


@CASES.case("E-84 what is injected is what the kernel is asked")
def _injected(t):
    daemon = t.under(BASE)
    for role in ("gate", "control", "enforcer"):
        eventually(lambda: process(daemon, role), f"no {role}", 3)
        pid = process(daemon, role)
        expect_eq(inject(t, pid, 39, ()), str(pid), f"the {role}'s getpid()")
        expect_eq(inject(t, pid, 257, (AT_FDCWD, ":/proc/self/none", 0)) if role == "enforcer"
                  else str(-errno.ENOENT), str(-errno.ENOENT), "a text")
    expect_eq(daemon.ask("status")["status"], "ok", "status")


for place, role in enumerate(("gate", "control", "enforcer")):
    for what, number, words, *answers in CALLS:
        if answers[place] == "":
            continue

        @CASES.case(f"E-84 owned, the {role} {what}: refused")
        def _owned(t, role=role, number=number, words=words, wanted=answers[place]):
            daemon = t.under(BASE)
            eventually(lambda: process(daemon, role), f"no {role}", 3)
            pid = process(daemon, role)
            eventually(lambda: open(f"/proc/{pid}/syscall").read().split()[0] != "running",
                       "it does not wait", 3)
            seen = inject(t, pid, number, words)
            expect_eq(seen, KILLED if wanted is None else str(wanted), "the kernel's answer")
            expect(daemon.alive(), "the daemon died of it")
            if wanted is None:
                eventually(lambda: process(daemon, role) not in (None, pid), "it does not come again",
                           5)


@CASES.case("capabilities, users and no_new_privs of the daemon's processes")
def _status(t):
    daemon = t.under(BASE)
    seen = {}
    for name, pid in {role: process(daemon, role) for role in ("enforcer", "gate", "control")}.items():
        with open(f"/proc/{pid}/status") as f:
            seen[name] = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    for name in ("gate", "control"):
        for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
            expect_eq(int(seen[name][kind], 16), 0, f"{kind} of {name}")
    expect_eq(seen["gate"]["Uid"].split()[0], "65534", "the gate's user")
    # NET_BROADCAST 11, NET_ADMIN 12, KILL 5, SETGID 6, SETUID 7, SETPCAP 8
    expect_eq(int(seen["enforcer"]["CapPrm"], 16), 0b1100111100000, "the enforcer's capabilities")
    for name in seen:
        expect_eq(seen[name]["NoNewPrivs"].strip(), "1", f"no_new_privs of {name}")
        expect_eq(seen[name]["Seccomp"].strip(), "2", f"seccomp of {name}")
