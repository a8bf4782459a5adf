#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages name each option that a command has, and none that no command of theirs has.

    tools/manoptions.py [SALLYPORT]
"""

import os
import pathlib
import re
import subprocess
import sys

MAN = pathlib.Path(__file__).resolve().parent.parent / "man"
ALSO = {"help", "version"}  # of every command, or of the program; sallyport(1) has them


def options():
    """{command: its long options}, of the script that completes them."""
    program = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SALLYPORT", "build/sallyport")
    script = subprocess.run([program, "completion", "bash"], check=True, capture_output=True,
                            text=True, timeout=10).stdout
    return {c: set(re.findall(r"--([a-z-]+)", words)) - ALSO
            for c, words in re.findall(r"^\t\t([a-z-]+)\) options='([^']*)'", script, re.M)}


def pages():
    """{page: the commands that are its own}: by name, and by the links that are installed."""
    found = {path.name: {path.name.split(".")[0].removeprefix("sallyport-")}
             for path in MAN.glob("sallyport-*.[18]")}
    links = re.findall(r"\['sallyport-([a-z-]+)', '(sallyport-[a-z-]+)', '([18])'\]",
                       (MAN / "meson.build").read_text())
    for command, page, section in links:
        found[f"{page}.{section}"].add(command)
    return found


def main():
    have, failures, n = options(), [], 0
    of_page = pages()
    of_page["sallyport.1"] = set(have) - set().union(*of_page.values())
    for page, commands in sorted(of_page.items()):
        text = (MAN / page).read_text()
        words = [line for line in text.splitlines() if "Fl -" in line]
        named = set(re.findall(r"(?:Fl |, )-([a-z][a-z-]+)", "\n".join(words)))
        items = set(re.findall(r"Fl -([a-z][a-z-]+)",
                               "\n".join(line for line in words if line.startswith(".It Fl"))))
        own = set().union(*(have[c] for c in commands & set(have)))
        failures += [f"{page}: --{o} is not explained" for o in sorted(own - named)]
        failures += [f"{page}: --{o} is no option of {', '.join(sorted(commands))}"
                     for o in sorted(items - own - ALSO)]
        n += 1
    for line in failures:
        print(line)
    print(f"{n - len({f.partition(':')[0] for f in failures})} passed, "
          f"{len({f.partition(':')[0] for f in failures})} failed")
    return 1 if failures else 0


sys.exit(main())
