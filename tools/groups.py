#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The ready groups: every destination says what it is for, and the baseline is what it says it is.

A person decides by these comments what to allow. deploy/allow/baseline.allow lists the groups of
group/coding-agent one by one.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

ENTRY = re.compile(r'^    - (?P<q>"?)(?P<dest>[^"\s]+)(?P=q)(?: +# (?P<why>\S.*))?$')
ALLOW = re.compile(r"^(?P<dest>[^#\s]\S*)(?:\s+# (?P<why>\S.*))?$")


def problems(name, text):
    """name: what the group is called. Yields one sentence for each line that is not as it has to be."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if lines[start:start + 2] != ["groups:", f"  {name}:"]:
        yield f'{name}.yaml:{start + 1}: expected "groups:" and "{name}:" behind the comment'
        return
    if start == 0 or not re.fullmatch(r"# \S.*\.", lines[0]):
        yield f"{name}.yaml:1: expected a comment of one line: what the group is for, with a full stop"
    for i, line in enumerate(lines[start + 2:], start + 3):
        entry = ENTRY.match(line)
        if not entry:
            yield f"{name}.yaml:{i}: expected one destination a line"
        elif not entry["why"]:
            yield f"{name}.yaml:{i}: {entry['dest']} does not say what it is for"


def destinations(pattern, text):
    return [m["dest"] for m in map(pattern.match, text.splitlines()) if m]


def baseline(group, allow):
    """group: the text of coding-agent.yaml. allow: that of the allow-list."""
    wanted, found = destinations(ENTRY, group), destinations(ALLOW, allow)
    if found != wanted:
        yield f"baseline.allow: is not group/coding-agent: {sorted(set(found) ^ set(wanted))}"
    for line in allow.splitlines():
        entry = ALLOW.match(line)
        if entry and not entry["why"]:
            yield f"baseline.allow: {entry['dest']} does not say what it is for"


GOOD = "# A.\ngroups:\n  x:\n    - a.example  # one\n    - \"*.b.example\"  # more\n"
BAD = {
    "no purpose": "groups:\n  x:\n    - a.example  # one\n",
    "another name": "# A.\ngroups:\n  y:\n    - a.example  # one\n",
    "no comment": "# A.\ngroups:\n  x:\n    - a.example\n",
    "an empty comment": "# A.\ngroups:\n  x:\n    - a.example  #\n",
    "two on a line": "# A.\ngroups:\n  x:\n    - [a.example, b.example]  # two\n",
}


def main():
    # The sample above, and each file: one case each.
    assert not list(problems("x", GOOD)), "the good sample was refused"
    for name, sample in BAD.items():
        assert len(list(problems("x", sample))) == 1, f"the bad sample '{name}' was not noticed"
    assert not list(baseline(GOOD, "a.example # one\n*.b.example # more\n"))
    assert len(list(baseline(GOOD, "a.example # one\n"))) == 1

    files = sorted((ROOT / "data/groups").glob("*.yaml"))
    assert files, "there are no groups"
    cases = [list(problems(path.stem, path.read_text())) for path in files]
    agent = (ROOT / "data/groups/coding-agent.yaml").read_text()
    cases.append(list(baseline(agent, (ROOT / "deploy/allow/baseline.allow").read_text())))
    for found in cases:
        print(*found, sep="\n", end="\n" if found else "")
    failed = sum(map(bool, cases))
    print(f"{len(cases) + 1 - failed} passed, {failed} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
