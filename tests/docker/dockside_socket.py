# SPDX-License-Identifier: GPL-2.0-or-later
"""The nine actions of Dockside's socket, by a client that was not written for this program."""

import contextlib
import json
import socket

from lib import zone
from lib.case import Case, Cases, eventually, expect, expect_eq, expect_in, token
from lib.dockside import (ALLOWED, BARE, DATABASE, FIREWALL_CONFIG, MISTAKEN, MISTAKEN_AT,
                          NETWORK_CONFIG, OPEN, SHARED, SOCKET, WEB, WORK, tcp, web)

CASES = Cases()
SECONDS = 7
STRANGER = 2001  # a user of root's group
CHANGES = ("reload", "refresh", "apply", "set-network", "remove-network", "set-ipset",
           "remove-ipset", "reconcile")
ALLOW_WEB = {"proto": "tcp", "ports": [443], "to": "ip", "ip": WEB}
FILES = ("network-config.json", "firewall-config.json")


def plain(text):
    """A file of the tests as JSON."""
    lines = (line.partition("  // ")[0] for line in text.splitlines())
    return json.loads("\n".join(lines))


@contextlib.contextmanager
def fresh(t):
    """The daemon with the usual files, which a case may change."""
    d = t.dockside.up()
    try:
        yield d
    finally:
        if not d.standard:
            d.write_files()
            d.must("reload")
            d.standard = True


def unchanged(d, ask):
    """What is refused changes neither the files nor the rules."""
    before = [d.read(name) for name in FILES], d.frozen_rules()
    message = ask()
    expect_eq([d.read(name) for name in FILES], before[0], "files")
    expect_eq(d.frozen_rules(), before[1], "rules")
    return message


def _detail(said, name):
    """The part of a status that tells about this set."""
    found = [value[name] for value in said.values()
             if isinstance(value, dict) and isinstance(value.get(name), dict)]
    expect(len(found) == 1, f"details of {name}: {said}")
    return found[0]


# status


@CASES.case("status: ready, networks, live addresses of every set, sorted")
def _(t):
    with fresh(t) as d:
        said = d.must("status")
        expect_eq((said["status"], said["ready"]), ("ok", True), "status, ready")
        expect_eq(sorted(said["networks"]), sorted((WORK, OPEN, BARE)), "networks")
        web_addresses = sorted(a for name in (ALLOWED, SHARED) for a in zone.ADDRESSES[name])
        seen = said["ipsets"]["web"]
        expect({a for a in web_addresses if ":" not in a} <= set(seen) <= set(web_addresses),
               f"addresses of web: {seen}")
        expect_eq(seen, sorted(seen), "their order")
        expect_in(DATABASE, said["ipsets"]["tuned"], "addresses of tuned")


@CASES.case("status: what each set is made of and how its names are doing")
def _(t):
    with fresh(t) as d:
        said = d.must("status")
        tuned, usual = _detail(said, "tuned"), _detail(said, "web")
        expect_eq(usual["hostnames"], [ALLOWED, SHARED], "hostnames")
        expect_eq({key: tuned[key] for key in ("refresh_interval", "stale_ttl", "dns_queries",
                                               "max_entries")},
                  {"refresh_interval": 30, "stale_ttl": 600, "dns_queries": 2, "max_entries": 100},
                  "settings")
        for one in (tuned, usual):
            for key in ("last_attempt_age", "last_success_age", "next_refresh_seconds"):
                expect(isinstance(one[key], (int, float)) and 0 <= one[key] < 120, f"{key}: {one}")
            expect_eq((one["failure_count"], one["last_error"]), (0, None), "failures")
        expect_in(WEB, usual["cached_by_hostname"][ALLOWED], "addresses by name")
        expect_in(WEB, usual["live_ips"], "live addresses")


@CASES.case("status: a name that does not resolve is told, and what it had stays")
def _(t):
    with fresh(t) as d:
        d.must("set-ipset", name="flaky", hostnames=["servfail.example", ALLOWED])

        def one():
            return _detail(d.must("status"), "flaky")
        eventually(lambda: one()["failure_count"] >= 1
                   and "servfail.example" in str(one()["last_error"]), "not told", timeout=15)
        expect_in(WEB, one()["live_ips"], "the other name's address")


# reload, refresh, reconcile


@CASES.case("reload: reads the files again, and tells the real outcome")
def _(t):
    with fresh(t) as d:
        run = d.worker()
        d.write("firewall-config.json",
                FIREWALL_CONFIG.replace('"ports": [80, 443]', '"ports": [80]', 1))
        d.must("reload")
        expect(run(web(ALLOWED, token(), WEB)).status != 0, "443 is still open")
        d.write("firewall-config.json", MISTAKEN)
        before = d.frozen_rules()
        message = d.refused("reload")
        expect_in(MISTAKEN_AT, message, "where the mistake is")
        expect_eq(d.frozen_rules(), before, "rules")
        expect_in("ipsat", json.dumps(d.ask("status")), "the failure in the status")


@CASES.case("refresh: every name is asked for again, now")
def _(t):
    with fresh(t) as d:
        marks = t.marks()
        d.must("refresh")
        wanted = {ALLOWED, SHARED, "db.example", "ntp.example"}

        def asked():
            return {e["name"].lower() for e in t.asked(marks)}
        eventually(lambda: wanted <= asked(), f"asked: {asked()}", timeout=5)
        d.standard = True


@CASES.case("reconcile: nothing to do, and what it says then")
def _(t):
    with fresh(t) as d:
        said = d.must("reconcile")
        expect_eq((said["removed_chains"], said["removed_ipsets"]), ([], []), "removed")
        expect(isinstance(said["docker_orphans"], list), "orphans of Docker")


@CASES.case("reconcile: reports Docker's networks that are called as ours and are in no file")
def _(t):
    with fresh(t) as d:
        t.engine.docker("network", "create", "--subnet=10.77.213.0/24", "ds-orphan")
        try:
            eventually(lambda: "ds-orphan" in d.must("reconcile")["docker_orphans"],
                       "it is not reported", timeout=5, pause=0.2)
            expect_eq(t.engine.inspect("ds-orphan")["Name"], "ds-orphan", "it is left there")
        finally:
            t.engine.docker("network", "rm", "ds-orphan")


# apply


@CASES.case("apply: both files as a whole, in force and saved")
def _(t):
    with fresh(t) as d:
        networks, firewall = plain(NETWORK_CONFIG), plain(FIREWALL_CONFIG)
        firewall["networks"][WORK]["egress"] = [ALLOW_WEB]
        del firewall["networks"][WORK]["nat"]
        d.must("apply", network_config=networks, firewall_config=firewall)
        run = d.worker()
        expect_eq(run(web(ALLOWED, token(), WEB)).status, 0, "what is allowed now")
        expect(run(tcp(DATABASE, zone.PORT_DB, token())).status != 0, "what was allowed before")
        expect_eq(json.loads(d.read("firewall-config.json"))["networks"][WORK]["egress"],
                  firewall["networks"][WORK]["egress"], "the file")
        expect_eq(json.loads(d.read("firewall-config.json"))["reviewed"], "yes", "an unknown key")


@CASES.case("apply: with a mistake nothing is changed")
def _(t):
    with fresh(t) as d:
        firewall = plain(FIREWALL_CONFIG)
        firewall["networks"]["ds-absent"] = {"egress": []}
        message = unchanged(d, lambda: d.refused("apply", network_config=plain(NETWORK_CONFIG),
                                                 firewall_config=firewall))
        expect_in("ds-absent", message, "what it says")


# set-network, remove-network


@CASES.case("set-network: a new one is made, confined, saved, and told")
def _(t):
    with fresh(t) as d:
        d.without_networks("ds-more")
        said = d.must("set-network", name="ds-more", network={"subnet": "10.77.214.0/24"},
                      firewall={"egress": [ALLOW_WEB]})
        expect_eq(sorted(said["networks"]), sorted((WORK, OPEN, BARE, "ds-more")), "networks")
        d.await_networks("ds-more")
        with d.guest("more", "ds-more") as run:
            expect_eq(run(web(ALLOWED, token(), WEB)).status, 0, "what is allowed")
            tok, marks = token(), t.marks()
            run(web("mirror.example", tok, zone.v4(13)))
            expect(not t.seen(marks, tok), "what is denied arrived")
        names = [n["name"] for n in plain(d.read("network-config.json"))["networks"]]
        expect_eq(names, [WORK, OPEN, BARE, "ds-more"], "names in the file")
        d.must("remove-network", name="ds-more")
        d.without_networks("ds-more")
        names = [n["name"] for n in plain(d.read("network-config.json"))["networks"]]
        expect_eq(names, [WORK, OPEN, BARE], "names in the file after it was removed")


@CASES.case("set-network: keys that are not given stay; without `firewall` the rules go")
def _(t):
    with fresh(t) as d:
        d.must("set-network", name=OPEN, network={"dockside_ip": "10.77.202.201"})
        one = plain(d.read("network-config.json"))["networks"][1]
        expect_eq((one["subnet"], one["dockside_ip"], one["dockside_egress"]),
                  ("10.77.202.0/24", "10.77.202.201", "policed"), "the network in the file")
        expect(OPEN not in plain(d.read("firewall-config.json"))["networks"], "its rules are there")
        run = d.standing("open", OPEN)
        expect(run(web("mirror.example", token(), zone.v4(13))).status != 0,
               "without rules nothing is allowed")


@CASES.case("saving keeps comments and unknown keys")
def _(t):
    with fresh(t) as d:
        d.must("set-network", name=BARE, network={"gateway_ip": "10.77.203.1"})
        d.must("set-ipset", name="more", hostnames=[ALLOWED])
        networks, firewall = (plain(d.read(name)) for name in FILES)
        first = networks["networks"][0]
        expect_eq((first["owner"], first["comment"]), ("ops", "work"), "keys of a network")
        expect_eq(firewall["reviewed"], "yes", "a key of the file")
        rules = firewall["networks"][WORK]
        expect_eq(rules["egress"][0]["comment"], 'the "web"', "comment of a rule")
        expect_eq(rules["nat"][0]["comment"], "the database", "comment of a nat rule")
        expect_eq(firewall["ipsets"]["tuned"], {"hostnames": ["db.example"], "refresh_interval": 30,
                                                "stale_ttl": 600, "dns_queries": 2,
                                                "max_entries": 100}, "a set with settings")
        expect_in("// both of them", d.read("network-config.json"), "a comment beside the JSON")
        expect_in("// names", d.read("firewall-config.json"), "a comment beside the JSON")


REFUSED = {
    "set-network without a name": ("set-network", {}, "name"),
    "set-network: another subnet": ("set-network", {"name": WORK, "network": {
        "subnet": "10.77.215.0/24"}}, "subnet"),
    "set-network: a new one without a subnet": ("set-network", {"name": "ds-x", "network": {}},
                                                "subnet"),
    "set-network: a rule with a mistake": ("set-network", {"name": WORK, "firewall": {
        "egress": [{"proto": "tcp", "ports": [70000]}]}}, "70000"),
    "set-network: policed without an identity": ("set-network", {"name": BARE, "network": {
        "dockside_egress": "policed"}}, "dockside_egress"),
    "remove-network: unknown": ("remove-network", {"name": "ds-x"}, "ds-x"),
    "set-ipset without a name": ("set-ipset", {"hostnames": []}, "name"),
    "set-ipset: hostnames are no list": ("set-ipset", {"name": "web", "hostnames": ALLOWED},
                                         "hostnames"),
    "set-ipset: an entry with a mistake": ("set-ipset", {"name": "web", "hostnames": ["a b"]}, "a b"),
    "set-ipset: a setting out of bounds": ("set-ipset", {"name": "web", "hostnames": [ALLOWED],
                                                         "dns_queries": 51}, "dns_queries"),
    "remove-ipset: in use": ("remove-ipset", {"name": "web"}, WORK),
    "remove-ipset: unknown": ("remove-ipset", {"name": "nothing"}, "nothing"),
    "an action that does not exist": ("set-netwrok", {"name": WORK}, "set-network"),
}


def _refuse(name, action, fields, says):
    def check(t):
        with fresh(t) as d:
            message = unchanged(d, lambda: d.refused(action, **fields))
            expect_in(says, message, "what it says")
            d.standard = True
    CASES.append(Case(f"refused, and nothing changed: {name}", check))


for NAME, ROW in REFUSED.items():
    _refuse(NAME, *ROW)


# set-ipset, remove-ipset


@CASES.case("set-ipset: names are added and taken away, by address and at once")
def _(t):
    with fresh(t) as d:
        run = d.worker()
        marks = t.marks()
        expect(run(web("mirror.example", token(), zone.v4(13))).status != 0, "not yet in the set")
        expect(not t.leaks(marks), "packets left")
        d.must("set-ipset", name="web", hostnames=[ALLOWED, SHARED, "mirror.example"])
        expect_eq(run(web("mirror.example", token(), zone.v4(13))).status, 0, "now in the set")
        expect_in(zone.v4(13), d.must("status")["ipsets"]["web"], "live addresses")
        d.must("set-ipset", name="web", hostnames=[ALLOWED, SHARED])
        expect(run(web("mirror.example", token(), zone.v4(13))).status != 0, "no longer in the set")


@CASES.case("set-ipset with settings, then without: saved as an object, then as a list")
def _(t):
    with fresh(t) as d:
        d.must("set-ipset", name="new", hostnames=[ALLOWED], dns_queries=3)
        expect_eq(plain(d.read("firewall-config.json"))["ipsets"]["new"],
                  {"hostnames": [ALLOWED], "dns_queries": 3}, "the file")
        d.must("set-ipset", name="new", hostnames=[SHARED])
        kept = plain(d.read("firewall-config.json"))["ipsets"]["new"]
        expect(kept in ([SHARED], {"hostnames": [SHARED], "dns_queries": 3}), f"the file: {kept}")
        d.must("remove-ipset", name="new")
        expect("new" not in d.read("firewall-config.json"), "the file still has it")


# Who may


@CASES.case("another user: status; all that does something is root's")
def _(t):
    with fresh(t) as d:
        expect_eq(d.ask_as(STRANGER, "status")["status"], "ok", "status")
        before = d.frozen_rules()
        for action in CHANGES:
            said = d.ask_as(STRANGER, action, name="web", hostnames=[], network_config={},
                            firewall_config={})
            expect_eq(said["status"], "error", action)
            expect_in(str(STRANGER), said["message"], f"who may not {action}")
        expect_eq(d.frozen_rules(), before, "rules")
        for action in CHANGES:
            expect_in(f"{action} ", d.log(), "every request is told")
        d.standard = True


@CASES.case("the socket is for its owner and its group")
def _(t):
    with fresh(t):
        mode = t.run(["stat", "-c", "%a %U %G", SOCKET]).out.split()
        expect_eq(mode, ["660", "root", "root"], "mode, owner, group")
        result = t.run(["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups",
                        "socat", "-", f"UNIX-CONNECT:{SOCKET}"])
        expect(result.status != 0, "another group was let in", result)


# Clients that do otherwise


def _raw(data, shut=True):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(10)
        s.connect(SOCKET)
        with contextlib.suppress(BrokenPipeError):
            s.sendall(data)
            if shut:
                s.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            return s.makefile("rb").readline()
        return b""


@CASES.case("what is no request is answered with an error, and the next client is served")
def _(t):
    with fresh(t) as d:
        for data in (b"\n", b"{\n", b"[]\n", b'"status"\n', b"{}\n", b'{"action": 1}\n',
                     b"\xff\xfe\n", b'{"action":"status","action":"reload"}\n', b"x" * 100 + b"\n"):
            said = json.loads(_raw(data))
            expect_eq(said["status"], "error", f"answer to {data[:40]}")
        expect(b"ok" not in _raw(b" " * (1 << 20) + b"x" * 10, shut=False), "1 MiB without an end")
        d.must("status")


@CASES.case("a client that says nothing, and forty of them, delay nobody")
def _(t):
    with fresh(t) as d:
        silent = []
        for _ in range(40):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            s.settimeout(10)
            with contextlib.suppress(OSError):
                s.connect(SOCKET)
            silent.append(s)
        for s in silent[:-8]:
            s.close()

        def is_answered():
            with contextlib.suppress(OSError):
                return d.ask("status").get("status") == "ok"
        eventually(is_answered, "no answer", timeout=2)
        for s in silent:
            s.close()


@CASES.case("the last line of a client need not end")
def _(t):
    with fresh(t):
        expect_eq(json.loads(_raw(b'{"action":"status"}'))["status"], "ok", "status")
