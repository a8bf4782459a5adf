# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmark is made on: one small internet, its servers, bare relays, clients."""

import os
import re
import resource
import statistics
import subprocess
import time

from lib import zone
from lib.jail import Runner
from lib.world import World, sysctl

HERE = os.path.dirname(os.path.abspath(__file__))
PORTS = {"hello": 7101, "echo": 7102, "source": 7103, "sink": 7104}
RELAY_PORT = 7200  # and the next ones: in the host namespace, one relay for each service
CONNECT_PORT = 7210  # and the next ones: relays that are asked with CONNECT
CONNECTIONS = 10000
FILES = 65536  # a connection takes two descriptors of the gate, and some machines allow few

NAME = "tcp.example"
ADDRESS = zone.v4(70)


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
        self.files = raise_files()
        self.connections = min(CONNECTIONS // self.part, (self.files - 100) // 2)
        self.world = World(program, bare=True)
        self.runner = Runner(self.world)
        for name in ("server", "client", "crowd", "relay", "startup", "zoned"):
            self._compile(name)
        self._serve()

    def _compile(self, name):
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-O2", "-D_GNU_SOURCE", "-o", f"{self.world.tmp}/bin/{name}",
                        f"{HERE}/{name}.c"], check=True, timeout=60)

    def _serve(self):
        # Tens of thousands of connections to one port: without these, the search for a port that is
        # not still in TIME_WAIT becomes what is measured.
        sysctl("net.ipv4.ip_local_port_range=10000 65000")
        sysctl("net.ipv4.tcp_tw_reuse=1")
        relay = f"{self.world.tmp}/bin/relay"
        self.world.start("internet", f"{self.world.tmp}/bin/server")
        time.sleep(0.2)
        for i, port in enumerate(PORTS.values()):
            self.world.start("host", relay, str(RELAY_PORT + i), ADDRESS, str(port))
            self.world.start("host", relay, "connect", str(CONNECT_PORT + i), ADDRESS, str(port))
        time.sleep(0.2)

    def ask(self, run, program, *words):
        """What a program of the benchmark prints, run by `run`."""
        result = run([f"{self.world.tmp}/bin/{program}", *map(str, words)])
        if result.status != 0:
            raise RuntimeError(f"the {program} failed\n{result}")
        return result.out

    def client(self, run, *words):
        return int(self.ask(run, "client", *words))

    def hold(self, words, *client):
        """A process that holds connections, and how many; `words` lead into where it runs."""
        command = [f"{self.world.tmp}/bin/client", "hold", *map(str, client)]
        holder = self.runner.popen([*words, *command], text=True)
        n = holder.stdout.readline().strip()
        if not n:
            raise RuntimeError(f"no connections were made: {holder.communicate()[1]}")
        return holder, int(n)


def take_turns(ways, measure, rounds):
    """The median of each way over the rounds, in which they take turns: they see the same machine."""
    seen = [[measure(way) for way in ways] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*seen)]


def kib_of(pid):
    """(Pss, Rss)"""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        text = f.read()
    return [int(re.search(rf"^{key}:\s+(\d+)", text, re.M)[1]) for key in ("Pss", "Rss")]


def us(ns):
    return f"{ns / 1000:.1f} µs"


def ms(ns):
    return f"{ns / 1e6:.1f} ms"


def gbit(rate):
    return f"{rate * 8 / 1e9:.1f} Gbit/s"


def mib(kib):
    return f"{kib / 1024:.1f} MiB"
