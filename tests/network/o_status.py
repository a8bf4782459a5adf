# SPDX-License-Identifier: GPL-2.0-or-later
"""What the status says is so, and what it costs to ask."""

import json

from lib.case import expect, expect_eq
from lib.confined import NetCases, policy

CASES = NetCases()
SECONDS = 30

OPEN = '- allow: ["203.0.113.10:7007"]'
CONTROLLER = 'controller: {{{}ip: 10.77.0.4, egress: exempt}}'


def status(t):
    """(exit status, the reply, what is printed for people)"""
    plain, full = t.ours("status"), t.ours("status", "--json")
    expect_eq(plain.status, full.status, "exit status with --json", full)
    return plain.status, json.loads(full.out), plain.out


@CASES.case("E-06 a controller that is known by its address alone is warned of, where no engine is asked")
def _controller(t):
    for mac, warned in (("", 1), ('mac: "02:42:0a:4d:00:04", ', 0)):
        t.start(policy(OPEN, CONTROLLER.format(mac)))
        code, reply, out = status(t)
        expect_eq(code, 0, "exit status")
        expect_eq(len(reply["warnings"]), warned, "warnings", reply["warnings"])
        expect("warning: network ds-test" in out if warned else "warning" not in out, out)
