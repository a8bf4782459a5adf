#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The rooms of src/ and who may look into whom.

A room includes itself and the rooms before it. Kernel handles, traffic and the container engine
are kept apart from each other: jail, daemon and cli join them. libnftables and libyaml stay in
one room each.
"""

import pathlib
import re
import sys

ROOMS = ("base net wire policy compile audit control kernel gate docker jail daemon cli").split()
APART = {"kernel", "gate", "docker"}
ONLY_IN = {"nftables/": "kernel", "yaml.h": "policy"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def problems(files):
    """files: {"room/file.c": text}. Yields one sentence for each include that is out of place."""
    for path, text in sorted(files.items()):
        room = path.split("/")[0]
        if room not in ROOMS:
            yield f"src/{path}: {room} is not a room of the house (tools/layers.py lists them)"
            continue
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            why = (library if match[1] == "<" else own)(room, match[2], files)
            if why:
                yield f"src/{path}:{line}: {why}"


def own(room, header, files):
    other = header.split("/")[0]
    if header not in files:
        return f'"{header}" is not a file of src/; includes are written "room/file.h"'
    if ROOMS.index(other) > ROOMS.index(room):
        return f"{room} must not include {header}: {other} comes after it"
    if other != room and {room, other} <= APART:
        return f"{room} must not include {header}: {', '.join(sorted(APART))} stay apart"
    return None


def library(room, header, _files):
    for prefix, home in ONLY_IN.items():
        if header.startswith(prefix) and room != home:
            return f"<{header}> belongs to {home} alone"
    return None


GOOD = {"base/a.h": "", "gate/b.c": '#include "base/a.h"\n#include <uv.h>\n'}
BAD = {
    "upwards": {"base/a.c": '#include "gate/b.h"\n', "gate/b.h": ""},
    "apart": {"gate/a.c": '#include "kernel/b.h"\n', "kernel/b.h": ""},
    "no such file": {"base/a.c": '#include "b.h"\n'},
    "no such room": {"attic/a.c": ""},
    "library": {"gate/a.c": "#include <nftables/libnftables.h>\n"},
}


def main():
    # The tree and the sample above: two cases.
    assert not list(problems(GOOD)), "the good sample was refused"
    for name, sample in BAD.items():
        assert len(list(problems(sample))) == 1, f"the bad sample '{name}' was not noticed"

    src = pathlib.Path(__file__).resolve().parent.parent / "src"
    files = {str(p.relative_to(src)): p.read_text() for p in src.glob("*/*.[ch]")}
    found = list(problems(files))
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{1 if found else 2} passed, {len(found)} failed")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
