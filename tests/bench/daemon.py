# SPDX-License-Identifier: GPL-2.0-or-later
"""
The measurements of `daemon`: how long it takes until rules are in force, what they cost each
connection, and what the processes weigh; beside `nft -f` of the same rules and beside iptables with a
line for each rule.
"""

import contextlib
import dataclasses
import os
import shutil
import statistics
import struct
import subprocess
import time
from typing import Optional

import bed
import linear
from bed import kib_of, mib, ms
from peers import PATH

from lib import linejson
from lib.world import sysctl

NETWORKS, RULES, SETS, ADDRESSES = 20, 1000, 2, 2000
APPLY_S, RELOAD_MS = 0.2, 20
COUNTS = (10, 1000, 10000)
SHARE = 0.85  # of the connections without a rule
WIDTH = 16
ROUNDS = 5
NAMED_NETWORKS, NAMES = 100, 100
MEMORY_MIB = 24
RESOLVER = "127.0.0.1"
PATIENCE_S = 60
SETTLED_S = 0.5  # a connection does not pay for what a start takes


@dataclasses.dataclass
class Row:
    what: str
    ours: str
    plain: str = ""
    nft: str = ""
    iptables: str = ""
    target: str = ""
    met: Optional[bool] = None
    numbers: dict = dataclasses.field(default_factory=dict)

    def columns(self):
        return "what", "sallyport", "no rules", "`nft -f`", "iptables, ipset", "target"

    def cells(self):
        return self.what, self.ours, self.plain, self.nft, self.iptables, self.target


class Host:
    """Commands on the host of the small internet, files, and one daemon."""

    def __init__(self, bench):
        self.bench = bench
        self.top = bench.world.work
        self.socket = f"{self.top}/control.sock"
        self.process = None

    def write(self, name, text):
        with open(f"{self.top}/{name}", "w") as f:
            f.write(text)
        return f"{self.top}/{name}"

    def run(self, *words, text=None):
        """What it prints."""
        done = subprocess.run(["nsenter", "--net=/run/netns/host", *words], input=text, text=True,
                              capture_output=True, timeout=PATIENCE_S)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)[:200]}: {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def timed(self, *words, text=None):
        """Nanoseconds."""
        start = time.monotonic_ns()
        self.run(*words, text=text)
        return time.monotonic_ns() - start

    def ours(self, *words):
        return (self.bench.world.program, *words)

    @contextlib.contextmanager
    def daemon(self, *words):
        log = f"{self.top}/daemon.log"
        with open(log, "w") as f:
            self.process = subprocess.Popen(
                ["nsenter", "--net=/run/netns/host", *self.ours("daemon", *words, "--no-docker",
                                                                "--control", self.socket)],
                stdin=subprocess.DEVNULL, stdout=f, stderr=f)
        try:
            self._await(log)
            yield self
        finally:
            self.process.terminate()
            self.process.wait(10)
            self.clear()

    def _await(self, log):
        for _ in range(PATIENCE_S * 20):
            with open(log) as f:
                said = f.read()
            if "daemon ready" in said:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"the daemon is not ready: {said[-2000:]}")

    def ask(self, action):
        reply = linejson.ask(self.socket, {"action": action})
        if reply["status"] != "ok":
            raise RuntimeError(f"{action}: {reply}")
        return reply

    def clear(self):
        """No rule of anybody."""
        self.run(*self.ours("teardown"))
        for program in ("iptables", "iptables-legacy"):
            with contextlib.suppress(FileNotFoundError, RuntimeError):
                self.run(program, "-F")
                self.run(program, "-X")
        self.run("nft", "flush", "ruleset")
        self.run("ipset", "destroy")

    def pids(self):
        """The daemon's processes."""
        children = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/stat") as f:
                    parent = int(f.read().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(pid))
        found = [self.process.pid]
        for pid in found:
            found += children.get(pid, [])
        return found


# Until rules are in force


def _median(measure, n):
    return statistics.median(measure() for _ in range(n))


def has_iptables():
    return all(shutil.which(word, path=PATH) for word in ("iptables-restore", "ipset"))


def _iptables(host, rules):
    """As a program loads them that writes a line for each rule."""
    sets, lines = rules.ipset_text(), rules.iptables_text()

    def load():
        return (host.timed("ipset", "restore", text=sets)
                + host.timed("iptables-restore", "--noflush", text=lines))
    return load


def _rows_of_apply(host, rules, rounds):
    words = ["--network-config", host.write("network-config.json", rules.network_config()),
             "--firewall-config", host.write("firewall-config.json", rules.firewall_config())]
    # The table with the rules; the bridges' other one is beyond some kernels' nft.
    text = host.run(*host.ours("compile", *words)).partition("add table bridge")[0]
    apply = host.ours("apply", *words, "--no-docker")
    ways = {"ours": lambda: host.timed(*apply), "nft": lambda: host.timed("nft", "-f", "-", text=text)}
    if has_iptables():
        ways["iptables"] = _iptables(host, rules)

    def fresh(load):
        host.clear()
        return load()
    found = {name: _median(lambda load=load: fresh(load), rounds) for name, load in ways.items()}
    host.clear()
    ways["ours"]()
    again = _median(ways["ours"], rounds)
    host.clear()
    what = f"{NETWORKS} networks of {RULES:,} rules, {SETS} sets of {ADDRESSES:,}"
    return [_apply_row(what, found), _apply_row("the same once more", {"ours": again})]


def _apply_row(what, found):
    ours = found["ours"]

    def cell(name):
        return f"{ms(found[name])} ({found[name] / ours:.1f})" if name in found else ""
    return Row(what, ms(ours), "", cell("nft"), cell("iptables"), f"at most {APPLY_S * 1000:.0f} ms",
               ours <= APPLY_S * 1e9, found)


def _rows_of_reload(host, rules, rounds):
    words = ["--network-config", f"{host.top}/network-config.json",
             "--firewall-config", f"{host.top}/firewall-config.json"]
    moved = 0

    def reload(change):
        nonlocal moved
        if change:
            moved += 1
            host.write("firewall-config.json", rules.firewall_config(moved))
        start = time.monotonic_ns()
        host.ask("reload")
        return time.monotonic_ns() - start
    with host.daemon(*words):
        reload(False)
        values = [_median(lambda c=change: reload(c), rounds) for change in (False, True)]
    same, changed = values
    return [Row("reload, nothing changed", ms(same), numbers={"ns": same}),
            Row("reload, one rule changed", ms(changed), target=f"at most {RELOAD_MS} ms",
                met=changed <= RELOAD_MS * 1e6, numbers={"ns": changed})]


# What they cost a connection


def _sandbox(host):
    def ip(*words):
        subprocess.run(["ip", *words], check=True, timeout=10)
    ip("netns", "add", "sandbox")
    ip("-n", "host", "link", "add", linear.BRIDGE, "type", "bridge")
    ip("-n", "host", "addr", "add", f"{linear.GATEWAY}/24", "dev", linear.BRIDGE)
    ip("-n", "host", "link", "set", linear.BRIDGE, "up")
    ip("-n", "host", "link", "add", "vbench", "type", "veth", "peer", "name", "eth0", "netns",
       "sandbox")
    ip("-n", "host", "link", "set", "vbench", "master", linear.BRIDGE, "up")
    ip("-n", "sandbox", "addr", "add", f"{linear.SANDBOX}/24", "dev", "eth0")
    ip("-n", "sandbox", "link", "set", "eth0", "up")
    ip("-n", "sandbox", "route", "add", "default", "via", linear.GATEWAY)
    sysctl("net.ipv4.ip_forward=1")
    for setting in ("net.netfilter.nf_conntrack_tcp_timeout_time_wait=1",
                    "net.netfilter.nf_conntrack_tcp_timeout_close=1"):
        with contextlib.suppress(subprocess.CalledProcessError):
            sysctl(setting)
    for setting in ("net/ipv4/ip_local_port_range=10000 65000", "net/ipv4/tcp_tw_reuse=1"):
        name, value = setting.split("=")
        subprocess.run(["nsenter", "--net=/run/netns/sandbox", "tee", f"/proc/sys/{name}"],
                       input=value, text=True, check=True, stdout=subprocess.DEVNULL)


# What every container network has, whoever confines it.
MASQUERADE = f"""table ip bench {{
  chain nat {{ type nat hook postrouting priority srcnat; ip saddr {linear.SANDBOX_NET} masquerade; }}
}}
"""


def _rate(host, milliseconds):
    time.sleep(SETTLED_S)
    command = ["nsenter", "--net=/run/netns/sandbox", f"{host.bench.world.tmp}/bin/crowd", "rate",
               bed.ADDRESS, str(bed.PORTS["hello"]), str(milliseconds), str(WIDTH)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    if done.returncode:
        raise RuntimeError(f"the crowd failed: {done.stderr}")
    return int(done.stdout)


def _rate_with(host, way, milliseconds):
    kind, n = way
    host.clear()
    host.run("nft", "-f", "-", text=MASQUERADE)
    target = (bed.ADDRESS, bed.PORTS["hello"])
    if kind == "none":
        return _rate(host, milliseconds)
    if kind == "iptables":
        if not has_iptables():
            return 0
        host.run("iptables-restore", "--noflush", text=linear.chain_text(n, *target))
        return _rate(host, milliseconds)
    policy = host.write("bench.yaml", linear.policy(n, *target))
    with host.daemon("--policy", policy):
        return _rate(host, milliseconds)


def _rows_of_rates(host, part):
    _sandbox(host)
    ways = [("none", 0)] + [(kind, n) for n in COUNTS for kind in ("ours", "iptables")]
    seen = [{way: _rate_with(host, way, 600 // part) for way in ways} for _ in range(ROUNDS)]
    rate = {way: statistics.median(one[way] for one in seen) for way in ways}
    # Each by the one without rules of the same round: they saw the same machine.
    share = {way: statistics.median(one[way] / one[ways[0]] for one in seen) for way in ways}

    def cell(way):
        return f"{rate[way]:,.0f}/s ({share[way]:.2f})" if rate[way] else "not installed"
    return [Row(f"connections through {n:,} rules", cell(("ours", n)), f"{rate[ways[0]]:,.0f}/s", "",
                cell(("iptables", n)), f"at least {SHARE}", share["ours", n] >= SHARE,
                {kind: (rate[kind, n], share[kind, n]) for kind in ("ours", "iptables")})
            for n in COUNTS]


# What it weighs


def _answered(path):
    with open(path, "rb") as f:
        return struct.unpack("=Q", f.read(8))[0]


def _rows_of_memory(host, part):
    networks = NAMED_NETWORKS // part
    world, count = host.bench.world, f"{host.top}/answered"
    world.start("host", f"{world.tmp}/bin/zoned", RESOLVER, count)
    with open(f"{world.tmp}/resolv.conf", "w") as f:
        f.write(f"nameserver {RESOLVER}\n")
    policy = host.write("names.yaml", linear.names_policy(networks, NAMES))
    with host.daemon("--policy", policy):
        deadline = time.monotonic() + PATIENCE_S
        while _answered(count) < 2 * networks * NAMES and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(2)
        found = [kib_of(pid) for pid in host.pids()]
        rules = host.run("nft", "list", "table", "inet", "sallyport")
    pss, rss = map(sum, zip(*found))
    names = rules.count("2001:db8:")
    row = Row(f"memory, {networks} networks, {networks * NAMES:,} names (Pss; Rss)",
              f"{mib(pss)}; {mib(rss)} in {len(found)} processes", target=f"under {MEMORY_MIB} MiB",
              met=pss < MEMORY_MIB * 1024, numbers={"Pss": pss, "Rss": rss, "names": names})
    if names < networks * NAMES:
        row.ours += f", with only {names:,} names"
        row.met = False
    return [row]


def everything(bench):
    host = Host(bench)
    rules = linear.Dockside(NETWORKS, RULES, SETS, ADDRESSES)
    rounds = 3 if bench.part > 1 else 5
    return [*_rows_of_apply(host, rules, rounds), *_rows_of_reload(host, rules, rounds),
            *_rows_of_rates(host, bench.part), *_rows_of_memory(host, bench.part)]
