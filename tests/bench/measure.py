# SPDX-License-Identifier: GPL-2.0-or-later
"""The measurements. Plain, relayed and jailed runs take turns: they see the same machine."""

import dataclasses
import os
import re
import resource
import shutil
import statistics
import subprocess
import time
from typing import Optional

from lib import zone
from lib.jail import Runner, gates
from lib.world import World

HERE = os.path.dirname(os.path.abspath(__file__))
PORTS = {"hello": 7101, "echo": 7102, "source": 7103, "sink": 7104}
RELAY_PORT = 7200  # and the next ones: in the host namespace, one relay for each service
CONNECTIONS = 10000
FILES = 65536  # a connection takes two descriptors of the gate, and some machines allow few

NAME = "tcp.example"
ADDRESS = zone.v4(70)
BY_NAME = ["-q", "--allow", f"{NAME}:7101-7104"]
BY_ADDRESS = ["-q", "--allow", f"{ADDRESS}:7101-7104"]


@dataclasses.dataclass
class Row:
    what: str
    plain: str
    jailed: str
    ratio: str
    target: str
    relay: str = ""
    met: Optional[bool] = None


def raise_files():
    """The most descriptors that a process may have from here on."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for files in (max(FILES, hard), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
            return files
        except (PermissionError, ValueError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Bench:
    def __init__(self, program, quick):
        self.part = 10 if quick else 1
        self.connections = min(CONNECTIONS // self.part, (raise_files() - 100) // 2)
        self.world = World(program, bare=True)
        self.runner = Runner(self.world)
        for name in ("server", "client", "relay", "startup"):
            self._compile(name)
        self._serve()

    def _compile(self, name):
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-O2", "-D_GNU_SOURCE", "-o", f"{self.world.tmp}/bin/{name}",
                        f"{HERE}/{name}.c"], check=True, timeout=60)

    def _serve(self):
        self.world.start("internet", f"{self.world.tmp}/bin/server")
        time.sleep(0.2)
        for i, port in enumerate(PORTS.values()):
            self.world.start("host", f"{self.world.tmp}/bin/relay", str(RELAY_PORT + i), ADDRESS,
                             str(port))
        time.sleep(0.2)

    def client(self, run, what, host, port, n):
        command = [f"{self.world.tmp}/bin/client", what, host, str(port), str(n)]
        result = run(command)
        if result.status != 0:
            raise RuntimeError(f"the client failed\n{result}")
        return int(result.out)

    def jailed(self, flags):
        """Without the log of events, which is not part of what is measured."""
        def run(command):
            return self.runner.run(self.runner.words(flags, command), {"timeout": 60})
        return run

    def compare(self, what, service, n, rounds):
        """Medians over the rounds: plain, relayed, jailed by name, jailed by address."""
        port = PORTS[service]
        relay = RELAY_PORT + list(PORTS).index(service)
        ways = ((self.runner.plain(timeout=60), ADDRESS, port),
                (self.runner.plain(timeout=60), "127.0.0.1", relay),
                (self.jailed(BY_NAME), NAME, port), (self.jailed(BY_ADDRESS), ADDRESS, port))
        seen = [[self.client(run, what, host, p, n) for run, host, p in ways]
                for _ in range(rounds)]
        return [statistics.median(column) for column in zip(*seen)]


def us(ns):
    return f"{ns / 1000:.1f} µs"


def ms(ns):
    return f"{ns / 1e6:.1f} ms"


def gbit(rate):
    return f"{rate * 8 / 1e9:.1f} Gbit/s"


def mib(kib):
    return f"{kib / 1024:.1f} MiB"


def startup(bench):
    if not shutil.which("bwrap"):
        return [Row("start and end of `true`", "no bwrap", "", "", "at most 3")]
    ours = [bench.world.program, "run", "-q", "--allow", "good.example", "--", "true"]
    bwrap = ["bwrap", "--unshare-net", "--ro-bind", "/", "/", "true"]
    words = [f"{bench.world.tmp}/bin/startup", str(200 // bench.part), *ours, "---", *bwrap]
    result = bench.runner.plain(timeout=60)(words)
    if result.status != 0:
        raise RuntimeError(str(result))
    jailed, plain = map(int, result.out.split())
    return [Row("start and end of `true` (plain: bwrap)", ms(plain), ms(jailed),
                f"{jailed / plain:.2f}", "at most 3", met=jailed <= 3 * plain)]


def slower(what, values, target, unit):
    plain, relay, by_name, by_address = values
    return [Row(f"{what}, {how} rule", unit(plain), unit(jailed), f"{jailed / plain:.2f}",
                f"at most {target}", f"{relay / plain:.2f}", jailed <= target * plain)
            for how, jailed in (("name", by_name), ("address", by_address))]


def bulk(bench, what, service, title):
    plain, relay, by_name, by_address = bench.compare(what, service, 2500 // bench.part, 2)
    jailed = max(by_name, by_address)
    return [Row(title, gbit(plain), gbit(jailed), f"{jailed / plain:.2f}", "at least 0.5",
                f"{relay / plain:.2f}", jailed >= 0.5 * plain)]


def gate_kib(pid):
    """(Pss, Rss)"""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        text = f.read()
    return [int(re.search(rf"^{key}:\s+(\d+)", text, re.M)[1]) for key in ("Pss", "Rss")]


def memory(bench):
    rows = []
    many = bench.connections
    for what, n, target in (("idle", 0, 8192), (f"{many:,} connections", many, None)):
        words = bench.runner.words(BY_NAME, [f"{bench.world.tmp}/bin/client", "hold", NAME,
                                             str(PORTS["echo"]), str(n)])
        holder = bench.runner.popen(words, text=True)
        if holder.stdout.readline().strip() != str(n):
            raise RuntimeError(f"not all connections were made: {holder.communicate()[1]}")
        pss, rss = gate_kib(gates()[0])
        rows.append(Row(f"memory of the gate, {what} (Pss; Rss)", "", f"{mib(pss)}; {mib(rss)}", "",
                        f"under {target // 1024} MiB" if target else "",
                        met=rss < target if target else None))
        holder.communicate("\n", timeout=30)
    return rows


def everything(program, quick):
    bench = Bench(program, quick)
    part = bench.part
    return [
        *startup(bench),
        *slower("connect to first byte", bench.compare("connect", "hello", 2000 // part, 5), 4, us),
        *bulk(bench, "down", "source", "one stream, down"),
        *bulk(bench, "up", "sink", "one stream, up"),
        *slower("round trip of one byte", bench.compare("rtt", "echo", 10000 // part, 5), 1.5, us),
        *memory(bench),
    ]
