# SPDX-License-Identifier: GPL-2.0-or-later
"""
The testbed of the network suite and the kinds of its cases.

A probe is a function of the testbed, a sandbox and a token. It runs in the suite's own process,
with sockets of the sandbox's namespace, and raises OSError when it is refused. As a control it is
run in a sandbox of bru, whose network no policy names, while the daemon runs.
"""

import contextlib
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

from . import nft, syscalls, zone
from .bridgeworld import T
from .case import TRIES, Case, Cases, Fail, Skip, eventually, expect, token
from .daemon import ENTER, Daemon
from .jail import Runner, kill_all
from .world import sysctl

FAST_S = 1.0
SENDERS = ("sb1", "un1")  # what they say to a group, they hear themselves
ARRIVAL_S = 3.0

# What the cases of most files are held against: network ds-test, bridge brt.
BASE = """
version: 1
policies:
  agent:
    rules:
      - allow: ["203.0.113.10:80,7007,7100-7199", "[2001:db8:113::10]:80,7007,7100-7199"]
        comment: the good site
      - allow: ["udp/203.0.113.10:7007", "udp/[2001:db8:113::10]:7007"]
      - deny: [203.0.113.0/28, "2001:db8:113::/123"]
        comment: the rest of its rack
      - allow: ["udp/203.0.113.123:123", "udp/[2001:db8:113::123]:123"]
  other:
    rules:
      - allow: ["203.0.113.11:80", "[2001:db8:113::11]:80"]
subjects:
  - network: ds-test
    bridge: brt
    subnet: [10.77.0.0/24, "fd77::/64"]
    gateway: [10.77.0.1, "fd77::1"]
    policy: agent
  - network: ds-other
    bridge: brx
    subnet: [10.77.4.0/24, "fd77:4::/64"]
    policy: other
"""

NETWORK = """
subjects:
  - network: ds-test
    bridge: brt
    subnet: [10.77.0.0/24, "fd77::/64"]
    gateway: [10.77.0.1, "fd77::1"]
    policy: agent
"""


def policy(rules, network="", settings="", groups=""):
    """A policy file with one network. Lines of rules and of the network's keys, unindented."""
    def indent(text, by):
        return "\n".join(" " * by + line for line in text.strip("\n").splitlines())
    return (f"version: 1\n{groups}policies:\n  agent:\n{indent(settings, 4)}\n    rules:\n"
            f"{indent(rules, 6) if rules else '      []'}\n"
            f"{NETWORK}{indent(network, 4)}\n")


class Bed(Runner):
    def __init__(self, world, controls_only=False):
        super().__init__(world)
        self.controls_only = controls_only
        self.daemon = None
        self.running = None  # the policy and flags it was started with
        self.hopeless = {}  # with which it does not start, and why: not to be tried for each case
        self.n_files = 0
        self.folder = f"{world.tmp}/policies"  # root's, who has no further rights in it
        os.makedirs(self.folder, exist_ok=True)
        self.policy_path = None

    # --- Who is who.

    @property
    def sb1(self):
        return self.world.box["sb1"]

    @property
    def sb2(self):
        return self.world.box["sb2"]

    @property
    def sb3(self):
        return self.world.box["sb3"]

    @property
    def un1(self):
        return self.world.box["un1"]

    # --- The daemon.

    def write(self, text, name=None):
        self.n_files += 1
        path = f"{self.folder}/{name or f'policy-{os.getpid()}-{self.n_files}.yaml'}"
        with open(path, "w") as f:
            f.write(text)
        return path

    def under_dockside(self, networks, firewall, **environment):
        """A daemon of the case's own, from Dockside's two files."""
        self.stop()
        paths = [self.write(json.dumps(what), f"{name}-{self.n_files}.json")
                 for name, what in (("networks", networks), ("firewall", firewall))]
        flags = ["--network-config", paths[0], "--firewall-config", paths[1]]
        self.daemon = Daemon(self.world, flags, environment=environment)
        return self.daemon

    def under(self, text=BASE, *flags):
        """A daemon with this policy: the one that runs, when it was started for the same."""
        if self.controls_only or self.running == (text, flags) and self.daemon.alive():
            return self.daemon
        if (text, flags) in self.hopeless:
            raise Fail("as before: " + self.hopeless[text, flags])
        self.stop()
        self.policy_path = self.write(text)
        try:
            self.daemon = Daemon(self.world, ["--policy", self.policy_path, *flags])
        except Fail as e:
            self.hopeless[text, flags] = str(e)
            raise
        self.running = text, flags
        return self.daemon

    def start(self, text=BASE, *flags, **options):
        """A daemon of the case's own, started anew; no other case will be run under it."""
        self.stop()
        self.policy_path = self.write(text)
        self.daemon = Daemon(self.world, ["--policy", self.policy_path, *flags], **options)
        return self.daemon

    def stop(self):
        """No daemon, no rules."""
        if self.daemon:
            if self.daemon.alive():
                self.daemon.stop()
            self.daemon = None
        self.running = None
        self.command("teardown")

    def command(self, *words, control=None, timeout=15):
        """`sallyport WORDS...` on the host."""
        words = [*words] + (["--socket", control] if control else [])
        return self.run([*ENTER, self.world.program, *words], {"timeout": timeout})

    def ours(self, *words):
        """A command about the daemon that runs."""
        return self.command(*words, control=self.daemon.control)

    def rewrite(self, text):
        """The running daemon's policy file."""
        with open(self.policy_path, "w") as f:
            f.write(text)
        self.running = None

    # --- nft, as another program would use it.

    def nft(self, *words, check=True):
        result = self.run([*ENTER, "nft", *words])
        if check and result.status != 0:
            raise Fail(f"nft failed\n{result}")
        return result

    def _listed(self, what):
        status, out, err = nft.run("/run/netns/host", f"list {what}", stateless=True)
        expect(status == 0, f"nft failed: {err}")
        return out

    def tables(self):
        return self._listed("tables")

    def ruleset(self):
        """All that nft lists, without counters and clocks."""
        return self._listed("ruleset")

    def plan_rules(self):
        """
        The same without what is not the policy's: who owns the tables, the sets and maps of the
        bridge family, which hold what is known of the ports, the chains twice over of a table that was
        about to be replaced, and what is held while it changes.
        """
        text = re.sub(r"\n\t(chain \S+\.old|set held) {.*?\n\t}", "", self.ruleset(),
                      flags=re.DOTALL)
        head, mark, bridge = text.partition("table bridge sallyport")
        bridge = re.sub(r"\n\t(set|map) .*?\n\t}", "", bridge, flags=re.DOTALL)
        text = re.sub(r" # progname.*|\n\tflags (owner)?.*", "", head + mark + bridge)
        return re.sub(r"\n\s*\n+", "\n", text)

    # --- What was seen.

    def marks(self):
        world = self.world
        return (world.wire.mark(), world.internet.mark(), world.host.mark(), world.services.mark(),
                {name: s.mark() for name, s in world.sniffers.items()})

    def seen(self, marks, tok):
        """Where this token arrived: names of logs; none when nowhere."""
        world = self.world
        logs = {"wire": world.wire.log, "internet": world.internet, "host": world.host,
                "services": world.services}
        world.hear()
        found = [name for (name, log), mark in zip(logs.items(), marks)
                 if any(tok in str(e).lower() for e in log.since(mark)
                        if e.get("where") not in SENDERS)]
        return found + [name for name, s in world.sniffers.items()
                        if any(tok.encode() in frame for frame in s.since(marks[4][name]))]

    def leaks(self, marks, allowed=()):
        """Packets of brt's network on the internet, and what its forged ones would look like."""
        return [p for p in self.world.wire.leaks(marks[0], allowed)
                if not p.get("src", "").startswith(("10.77.8.", "fd77:8:", "198.51.100.",
                                                    "2001:db8:1:"))]

    @staticmethod
    def token():
        return token()

    # --- Between cases.

    def settle(self):
        if self.daemon and self.running and not self.daemon.alive():
            story, status = self.daemon.story(), self.daemon.process.returncode
            self.running = None
            raise Fail(f"the daemon ended with {status}: {story}")

    def afresh(self):
        self.daemon = self.running = None
        kill_all([d.pid for d in self.world.daemons] + [os.getppid()])
        for family in ("inet", "bridge"):
            self.nft("delete", "table", family, "sallyport", check=False)


class Outcome:
    """How a probe ended for who ran it."""

    def __init__(self, t, box, probe, tok):
        start = time.monotonic()
        self.error = None
        try:
            self.value = probe(t, box, tok)
        except OSError as e:
            self.error = e
        self.seconds = time.monotonic() - start

    def __str__(self):
        return f"the probe said {self.error!r} after {self.seconds:.2f} s"


def arrives(t, box, probe):
    tok, marks = token(), t.marks()
    outcome = Outcome(t, box, probe, tok)
    if outcome.error is not None and outcome.error.errno in UNSUPPORTED:
        raise Skip(str(outcome.error))
    eventually(lambda: t.seen(marks, tok), f"{tok} never arrived; {outcome}", ARRIVAL_S)
    return outcome


def stays_in(t, box, probe, allowed=(), fast=FAST_S):
    """A slow refusal is tried again: a machine may be busy, a time-out is constant."""
    for _ in range(TRIES):
        tok, marks = token(), t.marks()
        outcome = Outcome(t, box, probe, tok)
        leaks = t.leaks(marks, allowed)
        expect(not leaks, f"packets left: {leaks}; {outcome}")
        seen = t.seen(marks, tok)
        expect(not seen, f"{tok} arrived at {seen}; {outcome}")
        if fast is None or outcome.seconds < fast:
            return outcome
    raise Fail(f"not refused at once, {TRIES} times: {outcome}")


def stay_in(t, box, *probes):
    """
    As stays_in without a limit of time, of many at one time: who is refused by silence waits for as
    long as its patience lasts.
    """
    tokens, marks = [token() for _ in probes], t.marks()
    with ThreadPoolExecutor(len(probes)) as pool:
        outcomes = list(pool.map(lambda probe, tok: Outcome(t, box, probe, tok), probes, tokens))
    leaks = t.leaks(marks)
    expect(not leaks, f"packets left: {leaks}; {list(map(str, outcomes))}")
    for tok, outcome in zip(tokens, outcomes):
        seen = t.seen(marks, tok)
        expect(not seen, f"{tok} arrived at {seen}; {outcome}")


UNSUPPORTED = {93, 94, 97}  # EPROTONOSUPPORT, ESOCKTNOSUPPORT, EAFNOSUPPORT


class NetCases(Cases):
    def __init__(self, text=BASE, *flags):
        super().__init__()
        self.policy, self.flags = text, flags

    def _confined(self, t):
        t.under(self.policy, *self.flags)
        return t.sb1

    def _add(self, name, probe, check, control):
        def outside(t):
            self._confined(t)
            arrives(t, t.un1, probe)
        self.append(Case(name, check, outside if control else None))

    def reach(self, name, probe):
        """Arrives from a confined network as it does from another."""
        self._add(name, probe, lambda t: arrives(t, self._confined(t), probe), True)

    def deny(self, name, probe, allowed=(), control=True):
        """Arrives from another network; from a confined one it does not, and is refused at once."""
        def check(t):
            outcome = stays_in(t, self._confined(t), probe, allowed)
            expect(outcome.error is not None, "the probe believes that it worked")
            expect(not isinstance(outcome.error, TimeoutError), f"not refused: {outcome}")
        self._add(name, probe, check, control)

    def deny_lateral(self, name, probe):
        """As deny, to another container of the network, where this kernel can refuse there."""
        def check(t):
            fast = FAST_S if t.world.bridge_rejects else None
            outcome = stays_in(t, self._confined(t), probe, fast=fast)
            expect(outcome.error is not None, "the probe believes that it worked")
        self._add(name, probe, check, True)

    def contain(self, name, probe, allowed=(), control=True):
        """As deny; what the probe believes does not matter, nor how soon, only what got out."""
        self._add(name, probe, lambda t: stays_in(t, self._confined(t), probe, allowed, None),
                  control)


@contextlib.contextmanager
def setting(name, value):
    """A sysctl of the host namespace, for the time of a block."""
    path = "/proc/sys/" + name.replace(".", "/")
    with syscalls.inside_netns("/run/netns/host"), open(path) as f:
        before = f.read().strip()
    sysctl(f"{name}={value}")
    try:
        yield
    finally:
        sysctl(f"{name}={before}")


def good(address):
    """An address of which BASE opens ports."""
    return zone.v6(10) if ":" in address else zone.v4(10)


NET = T
