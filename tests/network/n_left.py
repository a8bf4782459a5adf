# SPDX-License-Identifier: GPL-2.0-or-later
"""E-82, F-16: bridges that a policy no longer names stay confined while somebody is on them."""

import probes as p
from lib.bridgeworld import batch
from lib.case import eventually, expect, expect_eq
from lib.confined import BASE, NetCases, arrives, stay_in, stays_in

CASES = NetCases()
SECONDS = 40
NETWORKS_MAX = 256


def confined(t, box):
    stay_in(t, box, p.tcp(p.EVIL4, 80), p.tcp(p.GOOD4, 7007), p.udp(p.GOOD4, 7007))


def reload(t, text):
    t.rewrite(text)
    reply = t.daemon.ask("reload")
    expect_eq(reply["status"], "ok", "reload", reply)


OTHER = "  - network: ds-other\n    bridge: brx\n    subnet: [10.77.4.0/24, \"fd77:4::/64\"]\n" \
        "    policy: other\n"
MOVED = BASE.replace(OTHER, "").replace("bridge: brt\n    subnet: [10.77.0.0/24, \"fd77::/64\"]\n"
                                        "    gateway: [10.77.0.1, \"fd77::1\"]\n", "bridge: brx\n")


@CASES.case("E-82 a network whose bridge becomes another: who is on the old one reaches nothing")
def _moved(t):
    expect(MOVED.count("bridge: ") == 1, MOVED)
    t.start(BASE)
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    reload(t, MOVED)
    confined(t, t.sb1)
    arrives(t, t.world.box["ot1"], p.tcp(p.GOOD4, 7007))
    bridges = {n["bridge"]: n["name"] for n in t.daemon.ask("status")["network_status"]}
    expect_eq(bridges.get("brx"), "ds-test", "the network of brx", bridges)
    expect("brt" in bridges, bridges)
    # And back, and away altogether.
    reload(t, BASE)
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    reload(t, MOVED)
    reload(t, MOVED.replace("network: ds-test", "network: ds-test2"))
    confined(t, t.sb1)
    event = t.daemon.log.mark()
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 8446), fast=None)
    expect(t.daemon.wait_event(event, lambda e: e["port"] == 8446)["subject"].startswith(
        "network:ds-test"), "the event's subject")
    t.stop()


@CASES.case("F-16 as many networks as a policy may have, and none of them is that of the containers")
def _full(t):
    def many(stem, n):
        return "".join(f"  - network: {stem}{i}\n    bridge: br{stem}{i}\n    policy: other\n"
                       for i in range(n))
    daemon = t.start(BASE + many("a", NETWORKS_MAX - 2))
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    head = BASE.split("subjects:\n")[0] + "subjects:\n"
    reload(t, head + many("b", NETWORKS_MAX))
    confined(t, t.sb1)
    confined(t, t.world.box["ot1"])
    eventually(lambda: daemon.ask("status")["enforcing"], "status")
    reload(t, BASE)
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    t.stop()


@CASES.case("F-16 one of two networks that have left is empty: who is in the other reaches nothing")
def _one_is_empty(t):
    def bridges():
        return {n["bridge"] for n in t.daemon.ask("status")["network_status"]}
    other = t.world.box["ot1"]
    t.start(BASE)
    reload(t, BASE.split("subjects:\n")[0] + "subjects:\n  - network: new\n    bridge: brnew\n"
           "    policy: other\n")
    expect_eq(bridges(), {"brnew", "brt", "brx"}, "bridges")
    empty = [b.port for b in t.world.box.values() if b.net.bridge == other.net.bridge]
    batch("host", "".join(f"link set {port} nomaster\n" for port in empty))
    try:
        eventually(lambda: "brx" not in bridges(), "the empty one is forgotten")
        expect_eq(bridges(), {"brnew", "brt"}, "bridges")
        confined(t, t.sb1)
    finally:
        batch("host", "".join(f"link set {port} master {other.net.bridge}\n" for port in empty))
    t.stop()
