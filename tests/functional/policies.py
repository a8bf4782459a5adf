# SPDX-License-Identifier: GPL-2.0-or-later
"""Policy files, and the commands that read them."""

import json

from lib import zone
from lib.case import Cases, arrives, expect, expect_eq, expect_in, stays_in
from lib.commands import curl, dig, probe, shell

CASES = Cases()

FILE = f"""\
version: 1
groups:
  shops: [good.example, "*.wild.example:80"]
  echo: ["tcp.example:7007"]
policies:
  base:
    rules:
      - deny: [evil.example]
      - allow: [group/echo]
  agent:
    extends: [base]
    rules:
      - allow: [group/shops, v4.example:80]
      - allow: ["*:443"]
        comment: the rest of the web
  real:
    dns: real
    rules:
      - allow: [good.example, good.example:80, db.example:5432]
  off:
    dns: off
    rules:
      - allow: [good.example, "{zone.v4(54)}:5432"]
  moved:
    rules:
      - redirect: ["db.example:3306", "{zone.v4(66)}:3306"]
        to: db.example:5432
  watch:
    mode: audit
    rules: []
  few:
    rules:
      - allow: ["tcp.example:7007"]
    limits: {{ connections: 10 }}
  types:
    rules:
      - allow: [good.example]
        types: [TXT, MX]
  hello:
    ech: allow
    rules:
      - allow: [good.example]
"""


def path_of(t, text=FILE, name="policy.yaml"):
    path = f"{t.world.work}/{name}"
    with open(path, "w") as f:
        f.write(text)
    return path


def use(t, policy, *more, **options):
    return t.jail(*more, "--policy", path_of(t), "--use", policy, **options)


def reach(what, policy, command, says=None, more=()):
    @CASES.case(f"{policy}: {what}")
    def _(t):
        arrives(t, use(t, policy, *more), command, says)


def deny(what, policy, command, allowed=(), more=()):
    @CASES.case(f"{policy}: {what} is denied")
    def _(t):
        stays_in(t, use(t, policy, *more), command, allowed)


UPSTREAM = [("udp", zone.DNS4, 53)]

reach("group", "agent", curl("https://good.example/{tok}"), "site=good")
reach("wildcard in a group", "agent", curl("http://x.wild.example/{tok}"), "site=x.wild")
reach("rule beside a group", "agent", curl("http://v4.example/{tok}"), "site=v4")
reach("group of the policy it extends", "agent", probe("tcp", "tcp.example", 7007, "{tok}"))
reach("any name on 443", "agent", curl("https://v6.example/{tok}"), "site=v6")
deny("what the policy it extends denies", "agent", curl("https://evil.example/{tok}"))
deny("a port that only another policy allows", "agent", probe("tcp", "db.example", 5432, "{tok}"),
     UPSTREAM)
deny("what only the extending policy allows", "base", curl("https://good.example/{tok}"))
reach("--allow adds", "base", curl("https://good.example/{tok}"), "site=good",
      ["--allow", "good.example"])
reach("--allow comes before the file's deny", "agent", curl("https://evil.example/{tok}"),
      "site=evil",
      ["--allow", "evil.example"])
deny("--deny comes before the file's allow", "agent", curl("https://good.example/{tok}"), UPSTREAM,
     ["--deny", "good.example"])

# --- dns: real and off.
reach("https", "real", curl("https://good.example/{tok}"), "site=good")
reach("http", "real", curl("http://good.example/{tok}"), "site=good")
reach("another protocol", "real", probe("tcp", "db.example", 5432, "{tok}"), "echo")
deny("another name", "real", curl("https://evil.example/{tok}"))
deny("an address that nobody asked for", "real", probe("tcp", zone.v4(66), 5432, "{tok}"))
reach("an address", "off", probe("tcp", zone.v4(54), 5432, "{tok}"), "echo")
deny("a name", "off", curl("https://good.example/{tok}"))


@CASES.case("real: the program sees the real addresses")
def _real(t):
    result = use(t, "real")(dig("+short", "good.example"))
    expect_eq(result.out.strip(), zone.v4(10), "address", result)


@CASES.case("real: an allowed name does not open the same address's other names")
def _real_shared(t):
    run = t.jail("--policy", path_of(t, "version: 1\npolicies:\n  p:\n    dns: real\n    rules:\n"
                                     "      - allow: [shared-a.example, 'shared-a.example:80']\n",
                                     "real.yaml"))
    arrives(t, run, curl("https://shared-a.example/{tok}"), "site=shared-a")
    connect = ["--connect-to", "shared-b.example:443:shared-a.example:443"]
    stays_in(t, run, curl("https://shared-b.example/{tok}", *connect), UPSTREAM)


# --- redirect, audit, limits, query types, ECH.
reach("name", "moved", probe("tcp", "db.example", 3306, "{tok}"), "echo")
reach("address", "moved", probe("tcp", zone.v4(66), 3306, "{tok}"), "echo")
deny("another port", "moved", probe("tcp", "db.example", 3307, "{tok}"), UPSTREAM)
reach("everything passes", "watch", curl("https://evil.example/{tok}"), "site=evil")


@CASES.case("few: at most ten connections at a time")
def _limit(t):
    code = shell("""for i in $(seq 15); do eval "exec {fd}<>/dev/tcp/tcp.example/7007" &&
echo x >&$fd && read -t 2 -u $fd x && alive=$((alive+1)); done 2>/dev/null; echo alive $alive""")
    result = use(t, "few")(code)
    expect_in("alive 10\n", result.out, "connections", result)


@CASES.case("types: query types that a rule lists are answered, others not")
def _types(t):
    run = use(t, "types")
    expect_in("text record", run(dig("+short", "good.example", "TXT")).out, "TXT")
    expect_in("good.example", run(dig("+short", "good.example", "MX")).out, "MX")
    marks = t.marks()
    expect_eq(run(dig("+short", "good.example", "SRV")).out, "", "SRV")
    expect_eq(run(dig("+short", "evil.example", "TXT")).out, "", "TXT of a denied name")
    expect(not t.asked(marks, type="SRV") and not t.asked(marks, name="evil.example"), "forwarded")


# --- Which policy.
@CASES.case("--use is needed where a file has several, and the message lists them")
def _which(t):
    result = t.jail("--policy", path_of(t))(["true"])
    expect(result.status in (2, 125), f"exit status {result.status}", result)
    expect_in("--use", result.err, "the message", result)
    result = t.jail("--policy", path_of(t), "--use", "agnet")(["true"])
    expect_in("agent", result.err, "the nearest known policy", result)


@CASES.case("the only policy that no other extends is taken unasked")
def _only(t):
    text = FILE[:FILE.index("  real:")]
    result = t.jail("--policy", path_of(t, text, "two.yaml"))(curl("https://good.example/"))
    expect_eq(result.status, 0, "exit status", result)


# --- Files that say nothing, or nonsense.
for what, text in (("empty file", ""), ("blank file", "  \n\n"), ("comment only", "# nothing\n"),
                   ("cut file", FILE[:300]), ("no rules",
                                              "version: 1\npolicies:\n  p:\n    rules: []\n"),
                   ("no policy", "version: 1\n"), ("no version", "policies: {p: {rules: []}}\n")):
    @CASES.case(f"{what}: never open")
    def _nothing(t, text=text):
        run = t.jail("--policy", path_of(t, text, "odd.yaml"))
        tok, marks = t.token(), t.marks()
        result = run(curl(f"https://evil.example/{tok}"))
        expect(result.status != 0, "evil was reached", result)
        expect(not t.leaks(marks), "packets left", result)

for what, text, said in (
    ("unknown key", "version: 1\npolicies:\n  p:\n    ruels: []\n", ("4:", "rules")),
    ("unknown group", "version: 1\npolicies:\n  p:\n    rules:\n      - allow: [group/x]\n",
     ("5:", '"x"')),
    ("unknown policy to extend", "version: 1\npolicies:\n  p:\n    extends: [q]\n    rules: []\n",
     ("4:", "q")),
    ("duplicate key", "version: 1\nversion: 1\n", ("2:", "version")),
    ("tab", "version: 1\npolicies:\n\tp: 1\n", ("3:",)),
    ("anchor", "version: 1\ngroups: {a: &x [good.example]}\n", ("2:",)),
    ("second document", "version: 1\n---\nversion: 1\n", ("2:",)),
    ("wildcard unquoted", "version: 1\ngroups:\n  a: [*.x.example]\n", ("3:", "quote")),
    ("wildcard over a public suffix", "version: 1\ngroups:\n  a: ['*.com']\n", ("3:", "*.com")),
    ("control byte", "version: 1\n# \x01\n", ("2:",)),
    ("deep nesting", "version: " + "[" * 100 + "]" * 100 + "\n", ("1:",)),
    ("16 MiB and more", "version: 1\n" + "#" * (1 << 24), ("16777216",)),
    ("version 2", "version: 2\n", ("1:", "2")),
):
    @CASES.case(f"file with {what}: place, what was read, what is wrong")
    def _mistake(t, text=text, said=said):
        path = path_of(t, text, "wrong.yaml")
        for result in (t.jail("--policy", path)(["true"]),
                       t.run(t.enter() + [t.world.program, "check", path])):
            expect(result.status in (2, 125), f"exit status {result.status}", result)
            for part in said:
                expect_in(part, result.err.replace(path, "FILE"), "the message", result)


@CASES.case("a policy in JSON")
def _json(t):
    policy = {"version": 1, "policies": {"p": {"rules": [{"allow": ["good.example"]}]}}}
    run = t.jail("--policy", path_of(t, json.dumps(policy), "policy.json"))
    arrives(t, run, curl("https://good.example/{tok}"), "site=good")


# --- check, explain, groups, doctor.
def command(t, *words):
    return t.run(t.enter() + [t.world.program, *words])


@CASES.case("a group of /etc/sallyport/groups takes the place of a built-in one, or adds one")
def _etc_groups(t):
    def groups(*words):
        script = """mount -t tmpfs none /etc && mkdir -p /etc/sallyport/groups &&
cd /etc/sallyport/groups && echo 'groups: {hex: [good.example]}' >hex.yaml &&
printf '# Ours.\\ngroups: {ours: [10.0.0.0/8, group/hex]}\\n' >ours.yaml &&
echo 'groups: {broken: [' >broken.yaml && exec "$@" """
        return t.run(t.enter() + ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                                  script, "sh", t.world.program, *words])

    result = groups("groups")
    expect_eq(result.status, 2, "exit status", result)
    for part in ("/etc/sallyport/groups/hex.yaml", "2  Ours.  (/etc/sallyport/groups/ours.yaml)",
                 "npm"):
        expect_in(part, result.out, "the list", result)
    expect_in("/etc/sallyport/groups/broken.yaml:", result.err, "what is wrong", result)
    expect_eq(groups("groups", "hex").out, "groups: {hex: [good.example]}\n", "the text")
    expect_eq(json.loads(groups("groups", "--json", "ours").out)["destinations"],
              ["10.0.0.0/8", "good.example"], "what it stands for")
    for dest, status in ("good.example", 0), ("repo.hex.pm", 1), ("index.crates.io", 0):
        result = groups("explain", "--allow", "group/hex", "--allow", "group/crates", dest)
        expect_eq(result.status, status, dest, result)


@CASES.case("check prints the plan, groups expanded")
def _check(t):
    result = command(t, "check", path_of(t))
    expect_eq(result.status, 0, "exit status", result)
    for part in ("agent", "*.wild.example:80", "good.example", "tcp.example:7007"):
        expect_in(part, result.out, "the plan", result)
    plan = json.loads(command(t, "check", path_of(t), "--json").out)
    expect_in("*.wild.example:80", json.dumps(plan), "the plan in JSON")


for dest, status, rule in (("good.example", 0, "agent:1"), ("evil.example", 1, "base:1"),
                           ("tcp.example:7007", 0, "base:2"), ("v4.example:81", 1, None),
                           ("v6.example", 0, "agent:2"), ("10.0.0.1:443", 1, None)):
    @CASES.case(f"explain {dest}")
    def _explain(t, dest=dest, status=status, rule=rule):
        words = ("explain", "--policy", path_of(t), "--subject", "policy:agent", dest)
        result = command(t, *words)
        expect_eq(result.status, status, "exit status", result)
        if rule:
            expect_in(rule, result.out, "the rule", result)
            expect_in("policy.yaml:", result.out, "its place", result)
        answer = json.loads(command(t, *words, "--json").out)
        expect_eq(answer["allowed"], not status, "verdict in JSON", answer)


@CASES.case("doctor says that this machine can confine")
def _doctor(t):
    result = command(t, "doctor")
    expect_eq(result.status, 0, "exit status", result)
    json.loads(command(t, "doctor", "--json").out)


@CASES.case("help and version")
def _help(t):
    for words in (["--help"], ["help"], ["help", "run"], ["run", "--help"], ["--version"]):
        result = command(t, *words)
        expect_eq(result.status, 0, f"exit status of {words}", result)
        expect(result.out and not result.err, f"{words} does not answer on stdout", result)
    for words in ([], ["nonsense"], ["check"]):
        result = command(t, *words)
        expect_eq(result.status, 2, f"exit status of {words}", result)
