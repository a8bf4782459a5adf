#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that src/ does without, and what to use instead."""

import pathlib
import re
import sys

NUMBER = "num_parse() of base/num.h: whole span, no sign, a range"
COPY = "a struct span, or buf_add() of base/buf.h"
PRINT = "snprintf(), or buf_fmt() of base/buf.h"
MEMORY = "the x* allocators of base/alloc.h"
ADDRESS = "addr_parse() of net/addr.h"
TIME = "base/clock.h, which does not jump and which tests can turn"

BANNED = {
    "strcpy": COPY, "strncpy": COPY, "stpcpy": COPY, "strcat": COPY, "strncat": COPY, "gets": COPY,
    "sprintf": PRINT, "vsprintf": PRINT,
    "strtok": "span_next() of base/span.h", "strtok_r": "span_next() of base/span.h",
    "atoi": NUMBER, "atol": NUMBER, "atoll": NUMBER, "atof": NUMBER, "sscanf": NUMBER,
    "strtol": NUMBER, "strtoll": NUMBER, "strtoul": NUMBER, "strtoull": NUMBER, "strtod": NUMBER,
    "system": "posix_spawn() or execve() without a shell",
    "popen": "posix_spawn() or execve() without a shell",
    "alloca": MEMORY, "malloc": MEMORY, "calloc": MEMORY, "realloc": MEMORY, "reallocarray": MEMORY,
    "strdup": MEMORY, "strndup": MEMORY, "asprintf": MEMORY, "vasprintf": MEMORY,
    "time": TIME, "gettimeofday": TIME,
    "rand": "getrandom()", "random": "getrandom()", "srand": "getrandom()",
    "inet_addr": ADDRESS, "inet_aton": ADDRESS, "inet_pton": ADDRESS,
    "gethostbyname": "the gate's own resolver", "getaddrinfo": "the gate's own resolver",
    "tmpnam": "mkostemp()", "mktemp": "mkostemp()",
}

# Where the wrapper itself lives.
EXEMPT = {"base/alloc.c": MEMORY, "net/addr.c": ADDRESS}

# Comments, strings and character constants: their text is not code.
TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def problems(path, text):
    code = TEXT.sub(blank, text)
    for match in CALL.finditer(code):
        if EXEMPT.get(path) is not BANNED[match[1]]:
            line = code.count("\n", 0, match.start()) + 1
            yield f"src/{path}:{line}: {match[1]}() is banned; use {BANNED[match[1]]}"


GOOD = '/* strcpy(a, b) */ x = "atoi(s)"; my_strcpy(a); o->time(1); xmalloc(3); sizeof(time_t);\n'
BAD = "x = 1;\n\tn = atoi\t(s); /* a */ strcpy(a, b);\n"


def main():
    # The tree and the sample above: two cases.
    assert not list(problems("gate/a.c", GOOD)), "the good sample was refused"
    assert [p.split(":")[1] for p in problems("gate/a.c", BAD)] == ["2", "2"], \
        "the bad sample was not noticed"

    src = pathlib.Path(__file__).resolve().parent.parent / "src"
    files = {str(p.relative_to(src)): p.read_text() for p in src.glob("*/*.[ch]")}
    found = [line for path, text in sorted(files.items()) for line in problems(path, text)]
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{1 if found else 2} passed, {len(found)} failed")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
