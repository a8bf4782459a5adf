#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every source, unit test, kernel test, fuzz target and ready group is named in its meson.build.

A forgotten test never runs, a forgotten group is not in the program.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def named(build_file, list_name=None):
    text = build_file.read_text()
    if list_name:
        text = re.search(rf"^{list_name} = \[(.*?)\]", text, re.M | re.S)[1]
    return set(re.findall(r"'([^']+)'", text))


def missing():
    for room in sorted(p for p in (ROOT / "src").iterdir() if list(p.glob("*.c"))):
        build_file = room / "meson.build"
        names = named(build_file) if build_file.exists() else set()
        names |= {"main.c"}  # the program's own source, named at the top
        yield from (p for p in sorted(room.glob("*.c")) if p.name not in names)
    for folder, prefix, list_name in (("unit", "test_", "unit_tests"),
                                      ("kernel", "test_", "kernel_tests"),
                                      ("fuzz", "fuzz_", "fuzz_targets")):
        names = named(ROOT / "tests/meson.build", list_name)
        for path in sorted((ROOT / "tests" / folder).glob(f"{prefix}*.c")):
            if path.stem.removeprefix(prefix) not in names:
                yield path
    groups = ROOT / "data/groups"
    names = named(groups / "meson.build")
    yield from (p for p in sorted(groups.glob("*.yaml")) if p.name not in names)


def main():
    found = [f"{p.relative_to(ROOT)}: in no meson.build" for p in missing()]
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{0 if found else 1} passed, {len(found)} failed")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
