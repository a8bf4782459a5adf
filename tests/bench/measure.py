# SPDX-License-Identifier: GPL-2.0-or-later
"""The measurements of `run`. Plain, relayed and jailed runs take turns: they see the same machine."""

import dataclasses
import shutil
from typing import Optional

from bed import ADDRESS, NAME, PORTS, RELAY_PORT, gbit, kib_of, mib, ms, take_turns, us
from lib.jail import gates

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

    def columns(self):
        return "what", "plain", "sallyport", "ratio", "target", "bare relay"

    def cells(self):
        return self.what, self.plain, self.jailed, self.ratio, self.target, self.relay


def jailed(bench, flags):
    """Without the log of events, which is not part of what is measured."""
    def run(command):
        return bench.runner.run(bench.runner.words(flags, command), {"timeout": 60})
    return run


def compare(bench, what, service, n, rounds):
    """Medians over the rounds: plain, relayed, jailed by name, jailed by address."""
    port = PORTS[service]
    relay = RELAY_PORT + list(PORTS).index(service)
    plain = bench.runner.plain(timeout=60)
    ways = ((plain, ADDRESS, port), (plain, "127.0.0.1", relay),
            (jailed(bench, BY_NAME), NAME, port), (jailed(bench, BY_ADDRESS), ADDRESS, port))
    return take_turns(ways, lambda way: bench.client(way[0], what, way[1], way[2], n), rounds)


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
    plain, relay, by_name, by_address = compare(bench, what, service, 2500 // bench.part, 2)
    jailed = max(by_name, by_address)
    return [Row(title, gbit(plain), gbit(jailed), f"{jailed / plain:.2f}", "at least 0.5",
                f"{relay / plain:.2f}", jailed >= 0.5 * plain)]


def memory(bench):
    rows = []
    many = bench.connections
    for what, n, target in (("idle", 0, 8192), (f"{many:,} connections", many, None)):
        holder, made = bench.hold(bench.runner.words(BY_NAME, []), NAME, PORTS["echo"], n)
        if made != n:
            raise RuntimeError(f"{made} of {n} connections were made")
        pss, rss = kib_of(gates()[0])
        rows.append(Row(f"memory of the gate, {what} (Pss; Rss)", "", f"{mib(pss)}; {mib(rss)}", "",
                        f"under {target // 1024} MiB" if target else "",
                        met=rss < target if target else None))
        holder.communicate("\n", timeout=30)
    return rows


def everything(bench):
    part = bench.part
    return [
        *startup(bench),
        *slower("connect to first byte", compare(bench, "connect", "hello", 2000 // part, 5), 4, us),
        *bulk(bench, "down", "source", "one stream, down"),
        *bulk(bench, "up", "sink", "one stream, up"),
        *slower("round trip of one byte", compare(bench, "rtt", "echo", 10000 // part, 5), 1.5, us),
        *memory(bench),
    ]
