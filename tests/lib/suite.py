# SPDX-License-Identifier: GPL-2.0-or-later
"""
The main program of a suite: runs the cases of a directory, in one small internet or in several beside
one another, and counts.
"""

import argparse
import fnmatch
import importlib.util
import os
import sys

from . import bubble, crew
from .case import Case, eventually, token
from .jail import Runner, kill_all, leftovers
from .world import ROOT, World, compile_client


class Testbed(Runner):
    """What a case gets: the runner, the world and what the internet saw."""

    def marks(self):
        world = self.world
        return world.wire.mark(), world.internet.mark(), world.host.mark()

    def leaks(self, marks, allowed=()):
        return self.world.wire.leaks(marks[0], allowed)

    def seen(self, marks, tok):
        """Does any server or the cable know this token?"""
        world = self.world
        logs = (world.wire.log, world.internet, world.host)
        return any(tok in str(log.since(mark)).lower() for log, mark in zip(logs, marks))

    def asked(self, marks, **match):
        """DNS questions that reached an upstream server."""
        return self.world.internet.since(marks[1], event="dns", **match)

    @staticmethod
    def token():
        return token()

    def settle(self):
        """After a check: is everything as it was?"""
        eventually(lambda: not leftovers(), "something of the jail is still there", timeout=3.0)

    def afresh(self):
        """After a case that failed."""
        kill_all([daemon.pid for daemon in self.world.daemons])


def _arguments(title, workers):
    p = argparse.ArgumentParser(description=f"The {title} tests of sallyport.")
    p.add_argument("--only", metavar="PATTERN", help="cases whose name contains or matches this")
    p.add_argument("--list", action="store_true", help="names only")
    p.add_argument("--controls", action="store_true", help="only the controls, without a program")
    p.add_argument("--times", action="store_true", help="print how long each case took")
    p.add_argument("--workers", type=int, default=workers, help="how many bubbles at one time")
    p.add_argument("--program", default=os.environ.get("SALLYPORT", f"{ROOT}/build/sallyport"))
    return p.parse_args()


def load_groups(directory):
    """
    CASES of every file of the directory: the costliest first, then in the order of their names.
    Files that have the same TOGETHER are one group: they need what takes long to be made.
    """
    sys.path.insert(0, directory)
    costs, groups = {}, {}
    for file in sorted(os.listdir(directory)):
        if file.endswith(".py") and file != "probes.py":
            spec = importlib.util.spec_from_file_location(file[:-3], os.path.join(directory, file))
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            stem = file[:-3].replace("_", "-")
            group = getattr(module, "TOGETHER", stem)
            costs[group] = costs.get(group, 0) + getattr(module, "SECONDS", 0)
            groups.setdefault(group, []).extend(Case(f"{stem}: {c.name}", c.check, c.control)
                                                for c in module.CASES)
    return [groups[name] for name in sorted(groups, key=lambda name: -costs[name])]


def _wanted(case, pattern):
    return not pattern or pattern in case.name or fnmatch.fnmatch(case.name, pattern)


def _in_world(directory, options):
    """The testbed of the suites that need no more than the small internet."""
    testbed = Testbed(World(None if options.controls else options.program))
    if os.path.exists(f"{directory}/probes.py"):
        compile_client(f"{directory}/probes.py")
    return testbed


def _run(groups, options, make_testbed):
    n_cases = sum(map(len, groups))
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    for word, name, why, seconds in crew.share(groups, make_testbed, options.workers,
                                               options.controls):
        if word == "unavailable":
            return _skip(n_cases, why)
        counts[word] += 1
        took = f" [{seconds:.2f} s]" if options.times else ""
        print(f"{word} {name}{took}" + (": " + why.replace("\n", "\n    ") if why else ""),
              flush=True)
    lost = n_cases - sum(counts.values())
    if lost > 0:
        print(f"FAIL {lost} cases were not run")
        counts["FAIL"] += lost
    _summary(*counts.values())
    return 1 if counts["FAIL"] else 0


def _summary(passed, failed, skipped):
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)


def in_bubble(main, n_cases=1):
    """main() in a bubble; where none can be made, says why and counts the cases as skipped."""
    try:
        return bubble.run(main)
    except bubble.Unavailable as e:
        return _skip(n_cases, e)


def _skip(n_cases, why):
    print(f"skip everything: {why}")
    _summary(0, 0, n_cases)
    return 0


def skip_everything(directory, why):
    return _skip(sum(map(len, load_groups(directory))), why)


def main(title, directory, make_testbed=None, workers=1):
    """make_testbed: of the options, in a bubble. Each file's cases stay together, in one of these."""
    options = _arguments(title, workers)
    groups = [[c for c in cases if _wanted(c, options.only)] for cases in load_groups(directory)]
    groups = [cases for cases in groups if cases]
    if not groups:
        print(f"no case matches {options.only}", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(c.name for cases in groups for c in cases))
        return 0
    if not options.controls and not os.access(options.program, os.X_OK):
        print(f"{options.program} is not there: run `make` first", file=sys.stderr)
        return 2
    make = make_testbed or (lambda options: _in_world(directory, options))
    return _run(groups, options, lambda: make(options))
