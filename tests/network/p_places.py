# SPDX-License-Identifier: GPL-2.0-or-later
"""E-06, E-07, E-78: nobody takes another's place at the bridge while there is no daemon, or when it comes back."""

import contextlib
import subprocess
import time

import probes as p
from lib.case import expect, expect_eq
from lib.confined import BASE, NetCases, arrives
from lib.daemon import Daemon
from lib.flood import Flood

CASES = NetCases()
SECONDS = 40


@contextlib.contextmanager
def also(box, *addresses):
    """The box gives itself these addresses, in front of its own where it can."""
    def ip(*words):
        subprocess.run([*box.enter(), "ip", *words], check=True, timeout=10)
    own = f"{box.v4}/24"
    ip("addr", "del", own, "dev", "eth0")
    for address in addresses:
        ip("addr", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
    ip("addr", "add", own, "dev", "eth0")
    ip("route", "replace", "default", "via", box.net.gateway4)
    try:
        yield
    finally:
        for address in addresses:
            ip("addr", "del", address, "dev", "eth0")
        ip("addr", "replace", own, "dev", "eth0")  # it goes with the first of its network
        ip("route", "replace", "default", "via", box.net.gateway4)


def pins(daemon):
    return {port["name"]: sorted(port["addresses"]) for n in daemon.ask("status")["network_status"]
            for port in n["ports"]}


def unseen(t, box, probe):
    """What it sends arrives nowhere, while others send."""
    tok, marks = t.token(), t.marks()
    probe(t, box, tok)
    time.sleep(0.05)
    expect(not t.seen(marks, tok), "it arrived")


@CASES.case("E-78 restarts under traffic, and a container claims its neighbour's addresses meanwhile")
def _claimed(t):
    daemon = t.start(BASE)
    before = pins(daemon)
    thief, victim = t.sb1, t.sb3  # the thief's port is the older one, which is looked at first
    with Flood(t, victim) as flood:
        for how in ("kill", "stop", "kill"):
            getattr(daemon, how)()
            with also(thief, f"{victim.v4}/24", f"{victim.v6}/64"):
                daemon = t.daemon = Daemon(t.world, ["--policy", t.policy_path])
                expect_eq(pins(daemon)[victim.port], before[victim.port], "the victim's")
                expect(not set(pins(daemon)[thief.port]) & {victim.v4, victim.v6},
                       f"the thief has {pins(daemon)[thief.port]}")
                unseen(t, thief, p.datagram(p.GOOD4, 7007, source=lambda b: victim.v4))
                unseen(t, thief, p.datagram(p.GOOD6, 7007, source=lambda b: victim.v6))
                arrived = flood.arrived()
                time.sleep(0.3)
                expect(flood.arrived() > arrived, "the victim cannot send")
        expect_eq(flood.leaked(), 0, "packets that leaked")
    arrives(t, victim, p.tcp(p.GOOD4, 7007))
    t.stop()
