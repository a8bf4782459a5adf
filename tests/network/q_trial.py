# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules for a time, and a policy that is on trial meanwhile."""

import time

import probes as p
from lib.case import eventually, expect, expect_eq
from lib.confined import NetCases, policy, stays_in

CASES = NetCases()
SECONDS = 30

OPEN = '- allow: ["203.0.113.10:7007"]'
WIDER = OPEN + '\n- allow: ["203.0.113.11:80"]'


def connects(t, address, port):
    try:
        p.tcp(address, port)(t, t.sb1, t.token())
        return True
    except OSError:
        return False


def on_trial(t, trial_s):
    """A rule for two seconds, and a policy on trial for longer."""
    daemon = t.start(policy(OPEN))
    expect_eq(daemon.ask("allow", destination="203.0.113.66:80", **{"for": 2})["status"], "ok", "allow")
    expect(connects(t, p.EVIL4, 80), "the rule is not there")
    t.rewrite(policy(WIDER))
    expect_eq(daemon.ask("reload", **{"try": trial_s})["status"], "ok", "reload")
    expect(connects(t, "203.0.113.11", 80), "it is not tried")
    expect(connects(t, p.EVIL4, 80), "the trial does not have the rule")
    eventually(lambda: not connects(t, p.EVIL4, 80), "the rule goes on in the trial", 3.5)
    expect(connects(t, "203.0.113.11", 80), "the trial has ended with the rule")
    expect_eq(daemon.ask("status")["on_trial"], True, "on_trial")
    return daemon


@CASES.case("E-82 a rule's time is over during a trial that is taken back: it ends, and does not come back")
def _taken_back(t):
    on_trial(t, 5)
    deadline = time.monotonic() + 8
    while connects(t, "203.0.113.11", 80):
        expect(time.monotonic() < deadline, "the trial does not end")
        expect(not connects(t, p.EVIL4, 80), "the rule came back")
    for _ in range(10):
        expect(not connects(t, p.EVIL4, 80), "the rule came back with the policy before")
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    t.stop()


@CASES.case("E-82 a rule's time is over during a trial that is confirmed: it has ended for good")
def _confirmed(t):
    daemon = on_trial(t, 20)
    expect_eq(daemon.ask("reload", confirm=True)["status"], "ok", "confirm")
    expect(connects(t, "203.0.113.11", 80), "it is not kept")
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    t.stop()


@CASES.case("a daemon that is told to end during a trial puts back the policy before")
def _ended(t):
    daemon = t.start(policy(OPEN))
    t.rewrite(policy(WIDER))
    expect_eq(daemon.ask("reload", **{"try": 60})["status"], "ok", "reload")
    expect(connects(t, "203.0.113.11", 80), "it is not tried")
    expect_eq(daemon.stop(), 0, "exit status")
    stays_in(t, t.sb1, p.tcp("203.0.113.11", 80))
    expect(connects(t, p.GOOD4, 7007), "nor is the policy before")
