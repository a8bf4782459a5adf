# SPDX-License-Identifier: GPL-2.0-or-later
"""What is told of denials: one event each, with rule and reason, and counts of what was left out."""

import json
import time

import probes as p
from lib import frames as f
from lib.case import eventually, expect, expect_eq, expect_in
from lib.confined import BASE, NetCases, policy, stays_in
from lib.flood import Flood

CASES = NetCases()
FIELDS = ("time", "kind", "verdict", "subject", "policy", "rule", "layer", "proto", "dst", "port",
          "reason", "count")


def denied(t, daemon, probe, accept, box=None):
    """The event that a denied probe makes."""
    mark = daemon.log.mark()
    stays_in(t, box or t.sb1, probe, fast=None)
    event = daemon.wait_event(mark, lambda e: e["verdict"] == "deny" and accept(e))
    for field in FIELDS:
        expect(field in event, f"no {field}", event)
    return event


for what, four, six in (("TCP", p.tcp(p.EVIL4, 8443), p.tcp(p.EVIL6, 8443)),
                        ("UDP", p.udp(p.EVIL4, 8443), p.udp(p.EVIL6, 8443))):
    @CASES.case(f"a denied {what} destination is told with network, policy, protocol and port")
    def _event(t, what=what, four=four, six=six):
        daemon = t.under(BASE)
        for probe, address in ((four, p.EVIL4), (six, p.EVIL6)):
            event = denied(t, daemon, probe, lambda e, a=address: e["dst"] == a)
            expect_eq(event["subject"], "network:ds-test", "subject", event)
            expect_eq(event["policy"], "agent", "policy", event)
            expect_eq(event["port"], 8443, "port", event)
            expect_eq(event["proto"], what.lower(), "proto", event)
            expect_eq(event["rule"], None, "rule", event)


@CASES.case("a denial by a rule names the rule")
def _rule(t):
    daemon = t.under(BASE)
    for address in ("203.0.113.11", "2001:db8:113::11"):
        event = denied(t, daemon, p.tcp(address, 80), lambda e, a=address: e["dst"] == a)
        expect_eq(event["rule"], "agent:3", "rule", event)


@CASES.case("an event names the network that it is about")
def _network(t):
    daemon = t.under(BASE)
    event = denied(t, daemon, p.tcp(p.EVIL4, 8444), lambda e: e["port"] == 8444,
                   t.world.box["ot1"])
    expect_eq((event["subject"], event["policy"]), ("network:ds-other", "other"), "who", event)


REASONS = (
    ("the host", p.tcp(p.gateway4, 2375), lambda e: e["port"] == 2375, "host"),
    ("a neighbour", p.tcp(p.peer4, 80), lambda e: e["dst"] == "10.77.0.3", "container"),
    ("a forged address", p.datagram(p.EVIL4, 7777, source=p.peer4),
     lambda e: e["port"] == 7777, "source"),
    ("a forged MAC", p.datagram(p.EVIL4, 7778, src_mac=lambda b: b.net.mac(1)),
     lambda e: e["port"] == 7778, "source"),
    ("IP options", p.options4(p.GOOD4, bytes([7, 7, 4, 0, 0, 0, 0]), 7779),
     lambda e: e["port"] == 7779, "option"),
    ("TCP that opens nothing", p.segment(p.EVIL4, 7780, f.ACK), lambda e: e["port"] == 7780, ""),
)
for what, probe, accept, word in REASONS:
    @CASES.case(f"the reason is told: {what}")
    def _reason(t, probe=probe, accept=accept, word=word):
        daemon = t.under(BASE)
        event = denied(t, daemon, probe, accept)
        expect(event["reason"], "no reason", event)
        expect_eq(event["subject"], "network:ds-test", "subject", event)
        if word:
            expect_in(word, json.dumps(event["reason"]), "reason", event)


@CASES.case("ICMP is told with its type, other protocols with their name or number")
def _icmp(t):
    daemon = t.under(BASE)
    event = denied(t, daemon, p.ping(p.EVIL4), lambda e: e["dst"] == p.EVIL4 and "icmp" in e["proto"])
    expect_in("icmp", event["proto"], "proto", event)
    event = denied(t, daemon, p.protocol(p.GOOD4, 47), lambda e: e["dst"] == p.GOOD4)
    expect(event["proto"], "no proto", event)


@CASES.case("a name that was learned is told with its address")
def _name(t):
    daemon = t.under(policy('- deny: ["evil.example:80"]\n- allow: ["203.0.113.0/24:80"]'))
    eventually(lambda: "203.0.113.66" in t.nft("list", "table", "inet", "sallyport").out,
               "the name is not learned", 3)
    event = denied(t, daemon, p.tcp(p.EVIL4, 80), lambda e: e["dst"] in (p.EVIL4, "evil.example"))
    expect_eq(event["rule"], "agent:1", "rule", event)


@CASES.case("F-15 under a flood events are few, and their counts add up to about what was sent")
def _suppressed(t):
    daemon = t.start(BASE)
    mark = daemon.log.mark()
    with Flood(t, t.sb1, rate=5000, allowed=False) as flood:
        time.sleep(2)
    time.sleep(1.5)
    events = [e for e in daemon.log.since(mark) if e["verdict"] == "deny"]
    total = sum(e["count"] for e in events)
    expect(0 < len(events) < 400, f"{len(events)} events")
    expect(flood.sent * 0.5 < total <= flood.sent * 1.1 + 100,
           f"{flood.sent} were sent, events stand for {total}")


@CASES.case("F-15 a flood of one network does not hide what another one does")
def _hidden(t):
    daemon = t.start(BASE)
    with Flood(t, t.sb1, rate=5000, allowed=False):
        time.sleep(0.3)
        denied(t, daemon, p.tcp(p.EVIL4, 8445), lambda e: e["port"] == 8445, t.world.box["ot1"])


@CASES.case("what is allowed makes no denial")
def _quiet(t):
    daemon = t.under(BASE)
    time.sleep(0.2)
    mark = daemon.log.mark()
    p.tcp(p.GOOD4, 7007)(t, t.sb1, t.token())
    p.udp(p.GOOD6, 7007)(t, t.sb1, t.token())
    time.sleep(0.2)
    denials = [e for e in daemon.log.since(mark) if e["verdict"] == "deny"]
    expect(not denials, f"{denials}")


@CASES.case("the rules are readable: numbers and comments of the policy are in nft's list")
def _readable(t):
    t.under(BASE)
    listed = t.nft("list", "table", "inet", "sallyport").out
    expect_in("agent:1 the good site", listed, "the list")
    expect_in("agent:3 the rest of its rack", listed, "the list")
