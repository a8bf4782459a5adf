#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""meson_suite.py BUILD SUITE: runs a suite, shows what failed, and counts cases, not programs.

A cmocka program counts as many cases as it has tests, a program that prints "N passed, N failed"
as many as that, any other as one.
"""

import json
import pathlib
import re
import subprocess
import sys

OWN_COUNT = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
CMOCKA = [re.compile(rf"^\[{tag}\] (\d+) test", re.M)
          for tag in ("  PASSED  ", "  FAILED  ", "  SKIPPED ")]


def count(result, text):
    """[passed, failed, skipped] of one program. A bad exit status is at least one failure."""
    if result == "SKIP":
        return [0, 0, 1]
    own = OWN_COUNT.findall(text)
    if own:
        cases = [int(n or 0) for n in own[-1]]
    else:
        cases = [sum(map(int, tag.findall(text))) for tag in CMOCKA]
    if result != "OK":
        cases[1] = max(cases[1], 1)
    elif not any(cases):
        cases[0] = 1
    return cases


def main(build, suite):
    log = pathlib.Path(build, f"meson-logs/{suite}.json")  # others run beside this one
    log.unlink(missing_ok=True)
    run = subprocess.run(["meson", "test", "-C", build, "--suite", suite, "--logbase", suite,
                          "--no-rebuild"],
                         check=False, capture_output=True, text=True, errors="replace")
    if not log.exists():
        print(run.stdout, run.stderr)
        return 1

    sums = [0, 0, 0]
    for line in log.read_text(errors="replace").splitlines():
        test = json.loads(line)
        text = test.get("stdout", "") + "\n" + test.get("stderr", "")
        sums = [a + b for a, b in zip(sums, count(test["result"], text))]
        if test["result"] not in ("OK", "SKIP"):
            print(f"--- {test['name']}: {test['result']}", text.strip(), sep="\n")
    skipped = f", {sums[2]} skipped" if sums[2] else ""
    print(f"{sums[0]} passed, {sums[1]} failed{skipped}")
    return sums[1] > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
