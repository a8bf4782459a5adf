# SPDX-License-Identifier: GPL-2.0-or-later
"""
Cases: a name, a positive control and a check.

The control shows that the probe works: without a jail it arrives. The check shows what becomes of
it in one. What counts is what the internet saw, never what the client believes.
"""

import dataclasses
import difflib
import secrets
import time
from typing import Callable, Optional

from .jail import TIMEOUT_S

FAST_S = 1.0  # "fails at once"; a timeout takes longer
TRIES = 5
UNSUPPORTED = 77  # exit status of a probe for what this kernel or machine does not have
NOT_RUN = (125, 126, 127)  # of sallyport run


class Fail(Exception):
    pass


class Skip(Exception):
    pass


def expect(condition, why, *evidence):
    if not condition:
        raise Fail("\n".join([why, *map(str, evidence)]))


def expect_eq(seen, wanted, what, *evidence):
    if seen != wanted and isinstance(seen, str) and isinstance(wanted, str) and len(wanted) > 1000:
        lines = difflib.unified_diff(wanted.splitlines(), seen.splitlines(), "expected", "seen",
                                     lineterm="", n=1)
        raise Fail("\n".join([what, *lines][:40]))
    expect(seen == wanted, f"{what}: expected {wanted!r}, saw {seen!r}", *evidence)


def expect_in(part, whole, what, *evidence):
    expect(part in whole, f"{what}: {part!r} is not in it", *(evidence or (whole,)))


def eventually(condition, why, timeout=2.0, pause=0.01):
    deadline = time.monotonic() + timeout
    while not condition():
        expect(time.monotonic() < deadline, why)
        time.sleep(pause)


@dataclasses.dataclass
class Case:
    name: str
    check: Callable
    control: Optional[Callable] = None


class Cases(list):
    """The cases of one file: table rows through the methods, anything else by the decorator."""

    def case(self, name, control=None):
        def add(check):
            self.append(Case(name, check, control))
            return check
        return add

    def reach(self, name, flags, probe, says=None, **options):
        """The probe arrives from a jail with these flags as it does from outside."""
        def through(run):
            return lambda t: arrives(t, run(t), probe, says)
        self.append(Case(name, through(lambda t: t.jail(*flags, **options)),
                         through(lambda t: t.plain(**options))))

    def deny(self, name, flags, probe, allowed=(), fast=FAST_S, control=True, **options):
        """The probe arrives from outside; from the jail nothing does, and that is known at once."""
        def check(t):
            result = stays_in(t, t.jail(*flags, **options), probe, allowed, fast)
            expect(result.status != 0, "the probe believes that it worked", result)

        def outside(t):
            arrives(t, t.plain(**{"root": True, **options}), probe)
        self.append(Case(name, check, outside if control else None))

    def contain(self, name, flags, probe, allowed=(), control=True, **options):
        """As deny; what the probe believes does not matter, nor how soon, only what got out."""
        def check(t):
            stays_in(t, t.jail(*flags, **options), probe, allowed, None)

        def outside(t):
            arrives(t, t.plain(**{"root": True, **options}), probe)
        self.append(Case(name, check, outside if control else None))


def token():
    return "tok-" + secrets.token_hex(6)


def fill(probe, tok):
    """The command with every {tok} replaced; `probe` may also be a function of the token."""
    return probe(tok) if callable(probe) else [str(w).replace("{tok}", tok) for w in probe]


def arrives(t, run, probe, says=None):
    tok, marks = token(), t.marks()
    result = run(fill(probe, tok))
    if result.status == UNSUPPORTED:
        raise Skip(result.out.strip() or "not supported here")
    expect_eq(result.status, 0, "exit status", result)
    if says is not None:
        expect_in(says, result.out, "output", result)
    eventually(lambda: t.seen(marks, tok), f"{tok} never arrived\n{result}")
    return result


def quickly(run, limit=FAST_S):
    """run() again when it was slow: a machine may be busy, a timeout is constant."""
    for _ in range(TRIES):
        result = run()
        if result.seconds < limit:
            return result
    raise Fail(f"took {result.seconds:.2f} s, {TRIES} times\n{result}")


def stays_in(t, run, probe, allowed=(), fast=FAST_S):
    tok, marks = token(), t.marks()
    result = quickly(lambda: run(fill(probe, tok)), fast or TIMEOUT_S)
    expect(result.status is not None, "the probe hung", result)
    leaks = t.leaks(marks, allowed)
    expect(not leaks, f"packets left: {leaks}", result)
    expect(not t.seen(marks, tok), f"{tok} arrived", result)
    expect(result.status not in NOT_RUN, "the probe was not run", result)
    return result
