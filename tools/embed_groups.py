#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""embed_groups.py OUT FILE...: the ready groups as the C table that policy/load.h declares."""

import pathlib
import sys

HEAD = """\
/* Made by tools/embed_groups.py from data/groups. */
#include "policy/load.h"

const struct policy_group policy_builtin_groups[] = {
"""
TAIL = """\
};

const size_t policy_n_builtin_groups =
	sizeof(policy_builtin_groups) / sizeof(policy_builtin_groups[0]);
"""


def literal(line):
    """A line as a C string. Octal escapes end after three digits, whatever follows."""
    plain = (chr(b) if 0x20 <= b < 0x7f and b not in b'"\\?' else f"\\{b:03o}" for b in line)
    return '"' + "".join(plain) + '"'


def entry(path):
    lines = path.read_bytes().splitlines(keepends=True)
    text = "\n\t  ".join(literal(line) for line in lines) or '""'
    return f"\t{{ {literal(path.stem.encode())},\n\t  {text} }},\n"


def main(out, *files):
    paths = sorted(map(pathlib.Path, files), key=lambda path: path.stem.encode())
    pathlib.Path(out).write_text(HEAD + "".join(map(entry, paths)) + TAIL)


if __name__ == "__main__":
    main(*sys.argv[1:])
