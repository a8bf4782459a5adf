# SPDX-License-Identifier: GPL-2.0-or-later
"""Allow-lists: what they add to a run, what they cannot, and the file that they are merged into."""

import os

from lib import zone
from lib.case import Cases, arrives, expect, expect_eq, expect_in, stays_in
from lib.commands import curl, shell

CASES = Cases()

POLICY = """\
version: 1
policies:
  agent:
    rules:
      - deny: [evil.example]
      - allow: [v4.example]
"""
BASELINE = "# ours\ngood.example  # the shop\n"
PROJECT = "v6.example\nevil.example\n"


def write(t, name, text):
    path = f"{t.world.work}/{name}"
    with open(path, "w") as f:
        f.write(text)
    return path


def lists(t):
    return ["--baseline", write(t, "baseline.allow", BASELINE),
            "--allow-file", write(t, "project.allow", PROJECT)]


def policy(t):
    return ["--policy", write(t, "lists.yaml", POLICY)]


for where, first in (("alone", lambda t: []), ("beside a policy", policy)):
    for site in ("good", "v6"):
        @CASES.case(f"lists {where} open {site}.example")
        def _open(t, first=first, site=site):
            arrives(t, t.jail(*first(t), *lists(t)), curl(f"https://{site}.example/{{tok}}"),
                    f"site={site}")

    @CASES.case(f"lists {where} open nothing else")
    def _closed(t, first=first):
        stays_in(t, t.jail(*first(t), *lists(t)), curl("https://db.example/{tok}"))


@CASES.case("what the policy denies stays denied, whatever a list says")
def _denied(t):
    stays_in(t, t.jail(*policy(t), *lists(t)), curl("https://evil.example/{tok}"))
    arrives(t, t.jail(*lists(t)), curl("https://evil.example/{tok}"), "site=evil")


@CASES.case("--deny wins over a list")
def _deny(t):
    stays_in(t, t.jail("--deny", "good.example", *lists(t)), curl("https://good.example/{tok}"))


@CASES.case("a list that is not there is told once, and not with --quiet")
def _absent(t):
    flags = ["--allow-file", f"{t.world.work}/absent.allow"]
    result = t.jail(*flags)(["true"])
    expect_eq(result.status, 0, "exit status", result)
    expect_eq(result.err.count("absent.allow is not there, so it adds nothing"), 1, "told", result)
    expect_eq(t.jail("--quiet", *flags)(["true"]).err, "", "told with --quiet")


@CASES.case("a baseline that is not there, and a list that is a directory, are errors")
def _unreadable(t):
    for flag, path in (("--baseline", f"{t.world.work}/absent.allow"),
                       ("--allow-file", t.world.work)):
        result = t.jail(flag, path)(["echo", "started"])
        expect_eq(result.status, 2, "exit status", result)
        expect_in(path, result.err, "the message", result)
        expect(not result.out, "the command ran", result)


# --- merge-allowlist --output.
def merge(t, *words, before=""):
    """In a directory that the user owns; what is then in it, and the outcome."""
    command = " ".join([t.world.program, "merge-allowlist", *words])
    return t.run(t.enter() + shell(f"""cd "$(mktemp -d)" || exit 99
umask 077; printf 'old\\n' >filter; chmod 640 filter; {before}
{command}; echo status $?; stat -c '%n %a' * .[!.]* 2>/dev/null; cat filter
cd / && rm -rf "$OLDPWD" """))


@CASES.case("merge-allowlist replaces a file whole, and keeps its mode")
def _output(t):
    result = merge(t, "--output filter", *[w for w in lists(t) if w != "--allow-file"])
    expect_in("status 0\nfilter 640\n# from ", result.out, "the file", result)
    for name in ("good.example  # the shop\n", "\nv6.example\nevil.example\n"):
        expect_in(name, result.out, "the list", result)


for what, before, name, status, said in (
    ("a list has an error", "", "wrong.allow", 2, "a list only adds"),
    ("the file would be too large", "ulimit -f 1;", "many.allow", 125, "File too large"),
):
    @CASES.case(f"merge-allowlist leaves the file as it was where {what}")
    def _kept(t, before=before, name=name, status=status, said=said):
        write(t, "wrong.allow", "good.example\n!evil.example\n")
        write(t, "many.allow", "".join(f"n{i}.example\n" for i in range(1000)))
        result = merge(t, "--output filter", f"{t.world.work}/{name}", before=before)
        expect_eq(result.out, f"status {status}\nfilter 640\nold\n", "the directory", result)
        expect_in(said, result.err, "the message", result)


@CASES.case("an address in a list is opened on its port alone")
def _address(t):
    path = write(t, "address.allow", f"{zone.v4(54)}:5432\n")
    result = t.run(t.enter() + [t.world.program, "explain", "--allow-file", path,
                                f"{zone.v4(54)}:5432"])
    expect_eq(result.status, 0, "exit status", result)
    expect_in(f"{os.path.basename(path)}:1", result.out, "the rule", result)
