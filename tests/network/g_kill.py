# SPDX-License-Identifier: GPL-2.0-or-later
"""
F-01, F-05: killed at every system call. After each kill the kernel has the old rules or the new ones,
whole; and what comes next converges.

Whether a kill came before or after the transaction is told by the number that the kernel gives to
each: as long as it is the same, nothing has changed.
"""

import subprocess
import time

import probes as p
from lib.case import Fail, expect, expect_eq
from lib.confined import NetCases, arrives, policy, stays_in
from lib.daemon import ENTER, Daemon
from lib.flood import Flood
from lib.generation import Generation
from lib.jail import leftovers

CASES = NetCases()
SECONDS = 60

OLD = policy('- allow: ["203.0.113.10:7007"]\n- allow: ["203.0.113.12:80"]')
NEW = policy('- allow: ["203.0.113.10:7007"]\n- allow: ["203.0.113.11:80", "[2001:db8::/32]:443"]\n'
             '- deny: [203.0.113.0/24]')
POINTS_MAX = 150

# Of more points than that: all of these, and every fifteenth of the others. x86-64.
SENDING = {1, 20, 44, 46, 82, 87, 263, 264, 307}  # write, send, rename, unlink
STRIDE = 15


def stepped(t, *words):
    return [*ENTER, t.world.tool("stepper"), *map(str, words)]


def calls(t, words):
    result = t.run(stepped(t, "count", *words))
    if result.status != 3:
        raise Fail(f"the stepper failed\n{result}")
    return [int(line) for line in result.out.split() if line.isdigit()]


def points(numbers):
    every = range(1, len(numbers) + 1)
    if len(numbers) <= POINTS_MAX:
        return list(every)
    return [n for n in every if numbers[n - 1] in SENDING or n % STRIDE == 0]


def listing(t):
    return t.plan_rules()


class Stepping:
    """A command that leads from one state of the kernel to another, killed at every point."""

    def __init__(self, t, words, back):
        """back: leads from anywhere to the old state."""
        self.t, self.words, self.back = t, words, back
        self.generation = Generation("/run/netns/host")

    def run(self):
        t = self.t
        self.back()
        old = listing(t)
        numbers = calls(t, self.words)
        new = listing(t)
        expect(old != new, "old and new are the same")
        todo, hits = points(numbers), {"old": 0, "new": 0}
        self.back()
        expect_eq(listing(t), old, "the old state again")
        for n in todo:
            before = self.generation()
            status = subprocess.run(stepped(t, n, *self.words), capture_output=True,
                                    timeout=20).returncode
            if self.generation() == before:
                hits["old"] += 1
                continue
            seen = listing(t)
            expect(seen in (old, new), f"killed at call {n} of {len(numbers)}, the rules are neither "
                                       f"old nor new: {seen}")
            hits["new" if seen == new else "old"] += 1
            expect(status in (0, 3), f"the stepper ended with {status}")
            again = t.run([*ENTER, *self.words])
            expect(again.status in (0, 4), f"after a kill at call {n} it does not work", again)
            expect_eq(listing(t), new, f"after a kill at call {n} and another run")
            self.back()
            expect_eq(listing(t), old, f"after a kill at call {n}, and back")
        again = t.run([*ENTER, *self.words])
        expect(again.status in (0, 4), "after all kills it does not work", again)
        expect_eq(listing(t), new, "after all kills")
        expect(hits["old"] and hits["new"], f"{hits} of {len(todo)} points: not on both sides")
        return hits, len(numbers)


def applying(t, path):
    return [t.world.program, "apply", "--no-docker", "--policy", path]


def must(t, words):
    result = t.run([*ENTER, *words])
    expect(result.status in (0, 4), "it does not work", result)


@CASES.case("F-01 apply from nothing, killed at its system calls")
def _apply_first(t):
    t.stop()
    words = applying(t, t.write(NEW))
    Stepping(t, words, lambda: must(t, [t.world.program, "teardown"])).run()
    t.stop()


@CASES.case("F-01 apply over other rules, killed at its system calls, under a flood")
def _apply(t):
    t.stop()
    words, old = applying(t, t.write(NEW)), applying(t, t.write(OLD))
    must(t, old)
    with Flood(t, t.sb1, rate=1000, allowed=False) as flood:
        Stepping(t, words, lambda: must(t, old)).run()
        expect_eq(flood.leaked(), 0, "packets that leaked")
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    t.stop()


@CASES.case("F-01 teardown, killed at its system calls")
def _teardown(t):
    t.stop()
    old = applying(t, t.write(OLD))
    Stepping(t, [t.world.program, "teardown"], lambda: must(t, old)).run()
    t.stop()


@CASES.case("F-01 the daemon's start over the rules of one that was killed, killed at every 23rd call")
def _start(t):
    daemon = t.start(OLD)
    with Flood(t, t.sb1, rate=1000, allowed=False) as flood:
        daemon.kill()
        words = [t.world.program, "daemon", "--policy", t.policy_path, "--no-docker", "--control",
                 f"{t.world.work}/stepped.sock"]
        n = 1
        while n < 3000:
            process = subprocess.Popen(stepped(t, n, *words), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True)
            try:
                process.communicate(timeout=2)
            except subprocess.TimeoutExpired:  # it waits: there are no more calls
                process.kill()
                process.communicate()
                break
            n += 23
        expect_eq(flood.leaked(), 0, "packets that leaked")
        time.sleep(0.1)
        t.daemon = Daemon(t.world, ["--policy", t.policy_path])
        expect_eq(flood.leaked(), 0, "packets that leaked")
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))


@CASES.case("F-01 the enforcer killed at every system call of a reload")
def _reload(t):
    daemon = t.start(OLD)
    old = rules_of(t)
    t.rewrite(NEW)
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    new = rules_of(t)
    t.stop()
    n, hits, done = 1, {"old": 0, "new": 0}, False
    with Flood(t, t.sb1, rate=1000, allowed=False) as flood:
        daemon = t.start(OLD)
        flooded = flood.leaked()
        while not done and n < 600:
            t.rewrite(NEW)
            done = killed_in_reload(t, daemon, n)
            seen = rules_of(t)
            expect(seen in (old, new), f"killed at call {n} of a reload, the rules are neither old nor "
                                       f"new: {seen}")
            hits["new" if seen == new else "old"] += 1
            t.rewrite(OLD)
            daemon.kill()
            daemon = t.daemon = Daemon(t.world, ["--policy", t.policy_path])
            expect_eq(rules_of(t), old, f"after a kill at call {n} and another start")
            n += 1 if n < 40 else 5
        expect_eq(flood.leaked(), flooded, "packets that leaked")
    expect(done, f"a reload has more than {n} calls")
    expect(hits["old"] and hits["new"], f"{hits}")


def rules_of(t):
    return t.plan_rules()


def killed_in_reload(t, daemon, n):
    """True when the whole reload has fewer calls than n."""
    stepper = subprocess.Popen(stepped(t, "attach", n, daemon.pid), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    expect_eq(stepper.stdout.readline(), "ready\n", "the stepper")
    try:
        with daemon.connect() as s:
            s.settimeout(3)
            s.sendall(b'{"action":"reload"}\n')
            try:
                passed = bool(s.recv(65536))
            except OSError:
                passed = False
    except OSError:
        passed = False
    out, _ = stepper.communicate("go\n", timeout=10)
    return passed and "passed" in out


@CASES.case("F-05 twenty starts and kills leave one set of rules, and a teardown nothing")
def _zombies(t):
    t.stop()
    before = listing(t)
    daemon = t.start(OLD)
    rules = rules_of(t)
    for _ in range(20):
        daemon.kill()
        daemon = t.daemon = Daemon(t.world, ["--policy", t.policy_path])
    expect_eq(rules_of(t), rules, "the rules")
    daemon.kill()
    t.stop()
    expect_eq(listing(t), before, "what is left")
    left = [name for name in _names() if name.startswith("sallyport")]
    expect(not left, f"processes are left: {left}")


def _names():
    time.sleep(0.2)
    return leftovers()
