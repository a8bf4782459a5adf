# SPDX-License-Identifier: GPL-2.0-or-later
"""The measurements of `proxy`, beside other proxies, which take turns in every round."""

import contextlib
import dataclasses
from typing import Optional

import peers
from bed import gbit, kib_of, mib, ms, take_turns, us
from peers import Running

LIMIT = 500  # connections at once, and four times as many come
CLIENTS = 4 * LIMIT
PATIENCE_MS = 5000  # a client that was told nothing until then was left hanging
WIDTH = 16
KEPT_APART = 1100  # descriptors that ours does not give to tunnels


@dataclasses.dataclass
class Row:
    what: str
    numbers: dict  # of each proxy, by name
    texts: dict
    target: str = ""
    met: Optional[bool] = None

    def columns(self):
        return ("what", *self.texts, "target")

    def cells(self):
        return (self.what, *self.texts.values(), self.target)


def compare(what, found, measure, rounds, unit):
    values = dict(zip((peer.name for peer in found), take_turns(found, measure, rounds)))
    texts = {name: f"{unit(value)} ({value / values['direct']:.2f})"
             for name, value in values.items()}
    texts["direct"] = unit(values["direct"])
    return Row(what, values, texts)


def against(row, target, most):
    """With the target of our ratio to direct: at most, or at least."""
    row.target = f"at {'most' if most else 'least'} {target}"
    ours = row.numbers.get("sallyport")
    if ours is not None:
        allowed = target * row.numbers["direct"]
        row.met = ours <= allowed if most else ours >= allowed
    return row


def per_second(rate):
    return f"{rate:,.0f}/s"


def client(bench, what, service, n):
    def measure(peer):
        way, ask = peer.way(service)
        return bench.client(bench.runner.plain(timeout=60), what, *way, n, *ask)
    return measure


def crowd(bench, width):
    def measure(peer):
        way, ask = peer.way("hello")
        run = bench.runner.plain(timeout=60)
        return int(bench.ask(run, "crowd", "rate", *way, 1000 // bench.part, width, *ask))
    return measure


def speed(bench, found):
    part = bench.part
    rows = [against(compare("connect to first byte", found,
                            client(bench, "connect", "hello", 1000 // part), 5, us), 4, True)]
    rows += [compare(f"connections, {width} at a time", found, crowd(bench, width), 3, per_second)
             for width in (1, WIDTH)]
    rows += [against(compare(f"one stream, {what}", found, client(bench, what, service, 2000 // part),
                             3, gbit), 0.5, False)
             for what, service in (("down", "source"), ("up", "sink"))]
    rows.append(compare("round trip of one byte", found,
                        client(bench, "rtt", "echo", 5000 // part), 5, us))
    return rows


def memory_of(bench, peer, n):
    """(Pss, Rss) in KiB of all its processes, and of how many tunnels."""
    way, ask = peer.way("echo")
    with Running(bench, peer) as running:
        holder, made = bench.hold(bench.runner.enter(), *way, n, *ask)
        pss, rss = map(sum, zip(*map(kib_of, running.pids())))
        holder.communicate("\n", timeout=60)
    return {"Pss": pss, "Rss": rss, "tunnels": made}


def memory(bench, found):
    rows = []
    many = min(bench.connections, (bench.files - KEPT_APART) // 2)
    for what, n, target in (("idle", 0, None), (f"{many:,} tunnels open", many, 64)):
        texts, numbers = {peer.name: "" for peer in found}, {}
        for peer in found:
            if isinstance(peer, peers.Direct):
                continue
            seen = numbers[peer.name] = memory_of(bench, peer, n)
            few = "" if seen["tunnels"] == n else f" with only {seen['tunnels']:,}"
            texts[peer.name] = f"{mib(seen['Pss'])}; {mib(seen['Rss'])}{few}"
        row = Row(f"memory, {what} (Pss; Rss)", numbers, texts)
        if target:
            row.target = f"under {target} MiB"
            ours = numbers.get("sallyport")
            row.met = ours and ours["tunnels"] == n and ours["Pss"] < target * 1024
        rows.append(row)
    return rows


def everything(bench):
    found = peers.present(bench)
    with contextlib.ExitStack() as stack:
        for peer in found:
            stack.enter_context(Running(bench, peer))
        rows = speed(bench, found)
    return rows + memory(bench, found)


@dataclasses.dataclass
class Flood:
    what: str
    numbers: dict  # word: (how many, p50, p99) as the crowd prints them
    met: Optional[bool] = None

    def columns(self):
        return (f"{CLIENTS:,} at once, limit {LIMIT}", "served", "refused", "left hanging",
                "until refused, p50; p99", "round trip before; during, p50; p99; after", "served again")

    def cells(self):
        seen = self.numbers
        said = [word for word in seen if word.isdigit() or word in ("reset", "closed")]
        took = "; ".join(f"{ms(seen[word][1])}; {ms(seen[word][2])}" for word in said)
        before, during, after, again = (seen[word] for word in ("before", "during", "after", "again"))
        trips = "; ".join((us(before[1]), us(during[1]), us(during[2]), us(after[1])))
        return (self.what, str(seen.get("served", [0])[0]),
                ", ".join(f"{seen[word][0]} × {word}" for word in said) or "0",
                str(seen.get("silent", [0])[0]), took,
                trips if during[0] and after[0] else "lost",
                f"after {ms(again[1])}" if again[0] else "never")


def flood(bench, peer):
    way, ask = peer.way("echo")
    with Running(bench, peer, LIMIT):
        out = bench.ask(bench.runner.plain(timeout=90), "crowd", "flood", *way, PATIENCE_MS, CLIENTS,
                        *ask)
    seen = {word: tuple(map(int, numbers)) for word, *numbers in map(str.split, out.splitlines())}
    return Flood(peer.name, seen)


def overload(bench):
    return [flood(bench, peer) for peer in peers.present(bench)]
