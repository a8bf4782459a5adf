# SPDX-License-Identifier: GPL-2.0-or-later
"""The gate hangs, or has more to do than it can: what confines the networks goes on as if it were not there."""

import os
import signal
import time

import probes as p
from lib.bridgeworld import batch
from lib.case import eventually, expect, expect_eq
from lib.confined import NetCases, arrives, policy, stays_in
from lib.generation import Generation

CASES = NetCases()
SECONDS = 40
QUICK_S = 1.0
RESTORED_S = 0.1  # as E-80 has it
OVERDUE_S = 10  # after which a gate that hangs is ended

RULES = '- allow: ["good.example:80"]\n- allow: ["203.0.113.10:7007", "[2001:db8:113::10]:7007"]'


def gate_of(daemon):
    return next(pid for name, pid in daemon.children().items() if "gate" in name)


def many_names(n, stem):
    return "- allow: [" + ", ".join(f"{stem}{i}.nowhere.example" for i in range(n)) + "]"


def passes(t, box, port):
    try:
        p.tcp(p.GOOD4, port)(t, box, t.token())
        return True
    except OSError:
        return False


def timed(what):
    start = time.monotonic()
    what()
    return time.monotonic() - start


def put_right(t):
    """How long it takes until what another program has done is undone."""
    generation = Generation("/run/netns/host")
    before = generation()
    expect_eq(t.nft("flush", "chain", "inet", "sallyport", "forward", check=False).status, 0, "nft")
    return timed(lambda: eventually(lambda: generation() >= before + 2, "nothing follows", 5.0, 0.001))


@CASES.case("F-05 a gate that hangs delays neither a reload, nor a repair, nor a port; then it is ended")
def _hangs(t):
    daemon = t.start(policy(RULES), "--no-owner")
    gate = gate_of(daemon)
    os.kill(gate, signal.SIGSTOP)
    hung = time.monotonic()
    for stem in "abc":
        t.rewrite(policy(f"{RULES}\n{many_names(300, stem)}"))
        seconds = timed(lambda: expect_eq(daemon.ask("reload")["status"], "ok", "reload"))
        expect(seconds < QUICK_S, f"a reload took {seconds:.2f} s")
        seconds = put_right(t)
        expect(seconds < RESTORED_S, f"a repair took {seconds * 1000:.0f} ms")
    batch("host", f"link set {t.sb3.port} nomaster\nlink set {t.sb3.port} master brt\n")
    seconds = timed(lambda: eventually(lambda: passes(t, t.sb3, 7007), "the port does not open"))
    expect(seconds < 3 * QUICK_S, f"a port took {seconds:.2f} s")
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    eventually(lambda: gate not in daemon.children().values() and
               len(daemon.children()) == 2, "it is still there", OVERDUE_S + 5)
    expect(time.monotonic() - hung > OVERDUE_S - 2, "it is ended soon")
    eventually(lambda: passes(t, t.sb1, 80), "no name is learned")


@CASES.case("F-11 five thousand names that nobody answers: the gate lives, and what is known stays")
def _many(t):
    daemon = t.start(policy(RULES))
    eventually(lambda: "203.0.113.10 . tcp . 80" in t.nft("list", "table", "inet", "sallyport").out,
               "the name is not learned")
    gate = gate_of(daemon)
    t.rewrite(policy(f"{RULES}\n{many_names(5000, 'n')}"))
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    time.sleep(2)
    expect_eq(gate_of(daemon), gate, "the gate's process")
    arrives(t, t.sb1, p.tcp(p.GOOD4, 80))
