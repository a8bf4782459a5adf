# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands say about what was asked of them, and how they end."""

import json
import os

import probes as p
from lib.case import expect, expect_eq, expect_in
from lib.confined import NetCases, arrives, policy, stays_in
from lib.daemon import ENTER

CASES = NetCases()
SECONDS = 20
OPEN = '- allow: ["203.0.113.10:7007"]'

# Words; exit status; what is said; "" for nothing in particular.
SAID = (
    (["reload"], 0, "nothing has changed, generation "),
    (["reload", "--try", "15s"], 0, "nothing has changed, generation "),
    (["reload", "--confirm"], 1, "no policy is on trial"),
    (["reload", "--try", "5s", "--confirm"], 2, "--try begins a trial"),
    (["reload", "--try", "2h"], 2, "from 1s to 1h"),
    (["reload", "--try", "0s"], 2, "from 1s to 1h"),
    (["allow"], 2, "expected one destination"),
    (["allow", "203.0.113.9:22", "--for", "40d"], 2, "from 1s to 30d"),
    (["allow", "203.0.113.9:22", "--save"], 2, "--network"),
    (["allow", "203.0.113.9:22", "--network", "ds-test", "--save", "--for", "2m"], 2, "for good"),
    (["allow", "203.0.113.9:22", "--network", "nobody"], 1, 'no network "nobody"'),
    (["allow", "203.0.113.9"], 1, "203.0.113.9:8080"),
    (["deny", "http://x.example/"], 1, "not a URL"),
    (["allow", "group/github"], 1, "expected one destination"),
    (["refresh"], 0, "all names are being asked for again"),
    (["reconcile"], 0, "the tables are as they should be"),
    (["status", "--nosuch"], 2, "unknown option --nosuch"),
)
for words, status, text in SAID:
    @CASES.case(f"what is said: {' '.join(words)}")
    def _said(t, words=words, status=status, text=text):
        daemon = t.under(policy(OPEN))
        before = daemon.ask("status")["generation"]
        result = t.ours(*words)
        expect_eq(result.status, status, "exit status", result)
        expect_in(text, result.out + result.err, "what it says")
        expect_eq(daemon.ask("status")["generation"], before, "the generation")


@CASES.case("what is said: teardown beside a daemon with another socket, and allow of a wildcard")
def _elsewhere(t):
    daemon = t.start(policy(OPEN))
    result = t.command("teardown")
    expect_eq(result.status, 125, "exit status of teardown", result)
    for text in (str(daemon.pid), "--socket PATH"):
        expect_in(text, result.err, "what it says")
    for dest, told in (("*.example", True), ("udp/*.example:53", True), ("203.0.113.66:*", False)):
        result = t.ours("allow", dest)
        expect_eq(result.status, 0, f"exit status of allow {dest}", result)
        expect_eq("a wildcard opens no address" in result.err, told, "what it says")


@CASES.case("what a file that is read again is warned of stands in the daemon's story")
def _warned(t):
    daemon = t.start(policy(OPEN))
    expect("warning" not in daemon.story(), daemon.story())
    t.rewrite(policy(OPEN + '\n- allow: ["*.example:443"]'))
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    expect_in("warning: ", daemon.story(), "the story")


@CASES.case("a request with save and for, or try and confirm, is refused")
def _both(t):
    daemon = t.under(policy(OPEN))
    for action, fields in (("allow", {"destination": "203.0.113.9:22", "network": "ds-test",
                                      "save": True, "for": 60}),
                           ("reload", {"try": 60, "confirm": True})):
        reply = daemon.ask(action, **fields)
        expect_eq(reply["status"], "error", action, reply)
        expect_in("expected", reply["message"], action)


@CASES.case("a rule that is added again stands there once, with its new time; status tells of it")
def _again(t):
    daemon = t.start(policy(OPEN))
    rule = "203.0.113.66:80"
    for words in (["--for", "30m"], [], ["--for", "1h"]):
        expect_eq(t.ours("allow", rule, *words).status, 0, "exit status")
    expect_eq(t.ours("deny", rule, "--network", "ds-test").status, 0, "exit status of deny")
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    expect_eq(t.ours("allow", rule, "--for", "2h").status, 0, "exit status")
    arrives(t, t.sb1, p.tcp(p.EVIL4, 80))
    added = daemon.ask("status")["added_rules"]
    expect_eq([(a["action"], a["network"]) for a in added], [("deny", "ds-test"), ("allow", None)],
              "added")
    expect(3600 < added[1]["seconds_left"] <= 7200, f"{added[1]['seconds_left']} s left")
    result = t.ours("status")
    expect_in(f"added: allow {rule}, all networks, for ", result.out, "the status")
    expect_in(f"added: deny {rule}, network ds-test", result.out, "the status")


@CASES.case("commands say that nobody listens, and where")
def _nobody(t):
    path = f"{t.world.work}/nobody.sock"
    for words in (["status"], ["reload"], ["allow", "203.0.113.66:80"]):
        result = t.command(*words, control=path)
        expect_eq(result.status, 3, "exit status", result)
        for text in (path, "does a daemon or a proxy run?"):
            expect_in(text, result.err, "what it says")


@CASES.case("who may not open the socket is told so")
def _denied(t):
    daemon = t.under(policy(OPEN))
    os.chmod(daemon.control, 0o660)
    result = t.run([*ENTER, "setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups",
                    t.world.program, "status", "--socket", daemon.control])
    expect_eq(result.status, 3, "exit status", result)
    expect_in("for root and the group of the socket", result.err, "what it says")


@CASES.case("a start that fails says what to do: another user, no directory, a policy that control cannot read")
def _start(t):
    t.stop()
    path, foreign = t.write(policy(OPEN)), t.write(policy(OPEN))
    os.chown(foreign, 65534, 65534)
    os.chmod(foreign, 0o600)
    rows = (
        (["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"],
         ["teardown"], 125, "root's to remove"),
        ([], ["daemon", "--policy", path, "--no-docker", "--control", "/nonexistent/x.sock"], 125,
         "its directory has to be there"),
        ([], ["daemon", "--policy", foreign, "--no-docker", "--control",
              f"{t.world.work}/x.sock"], 2, "owned by root"),
    )
    for before, words, status, text in rows:
        result = t.run([*ENTER, *before, t.world.program, *words], {"timeout": 5})
        expect_eq(result.status, status, f"exit status of {words}", result)
        expect_in(text, result.err, "what it says")


@CASES.case("status --json is one object, whatever is in it")
def _json(t):
    t.under(policy(OPEN))
    expect_eq(json.loads(t.ours("status", "--json").out)["status"], "ok", "status")
