# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked for is what happens, or is refused in words; and what has failed is tried again."""

import json
import os
import resource
import signal
import subprocess
import time

import probes as p
from j_inside import inject
from lib.bridgeworld import batch
from lib.case import eventually, expect, expect_eq, expect_in
from lib.confined import NetCases, arrives, policy, stays_in
from lib.daemon import ENTER, read_line
from lib.fake_engine import FakeEngine

CASES = NetCases()
SECONDS = 40

OPEN = '- allow: ["203.0.113.10:7007"]'
WIDER = OPEN + '\n- allow: ["203.0.113.11:80"]'
DUP, DUP2 = 32, 33


def passes(t, box, address=p.GOOD4, port=7007):
    try:
        p.tcp(address, port)(t, box, t.token())
        return True
    except OSError:
        return False


def refused(reply, *words):
    expect_eq(reply["status"], "error", "status", reply)
    for word in words:
        expect_in(word, reply["message"], "the message")


# --- What the kernel has refused.
class NoTables:
    """The enforcer's socket to nf_tables, its first to netfilter, is none for the time of a block."""

    def __init__(self, t, daemon):
        self.t, self.pid = t, daemon.pid
        with open(f"/proc/{self.pid}/net/netlink") as f:
            lines = [line.split() for line in f.readlines()[1:]]
        ours = {f"socket:[{line[9]}]" for line in lines if line[1] == "12"}
        self.fd = min(int(fd) for fd in os.listdir(f"/proc/{self.pid}/fd")
                      if os.readlink(f"/proc/{self.pid}/fd/{fd}") in ours)

    def __enter__(self):
        self.saved = int(inject(self.t, self.pid, DUP, (self.fd,)))
        expect(self.saved > 0, f"dup(): {self.saved}")
        inject(self.t, self.pid, DUP2, (0, self.fd))

    def __exit__(self, *_):
        inject(self.t, self.pid, DUP2, (self.saved, self.fd))


@CASES.case("F-02 F-03 the tables are flushed and cannot be put right: that is tried again a second later")
def _repair(t):
    daemon = t.start(policy(OPEN), "--no-owner")
    with NoTables(t, daemon):
        t.nft("flush", "chain", "inet", "sallyport", "forward")
        eventually(lambda: "cannot be put right" in daemon.story(), "nothing is said")
        expect(passes(t, t.sb1, p.EVIL4, 80), "the test does not open the network")
        expect_eq(t.ours("status").status, 4, "exit status of status")
    eventually(lambda: not passes(t, t.sb1, p.EVIL4, 80), "the network stays open", 5)
    eventually(lambda: t.ours("status").status == 0, "status does not say so", 5)


@CASES.case("F-02 who is at a port cannot be put into the tables: that is tried again a second later")
def _port(t):
    daemon = t.start(policy(OPEN))
    arrives(t, t.sb3, p.tcp(p.GOOD4, 7007))

    def listed(box):
        return f'"{box.port}"' in t.nft("list", "table", "bridge", "sallyport").out
    batch("host", f"link set {t.sb3.port} nomaster\n")
    eventually(lambda: not listed(t.sb3), "a port that is gone is in the sets")
    try:
        with NoTables(t, daemon):
            batch("host", f"link set {t.sb3.port} master brt\nlink set {t.sb2.port} nomaster\n")
            eventually(lambda: "could not be put into the tables" in daemon.story(), "nothing is said")
        eventually(lambda: passes(t, t.sb3), "the port stays closed", 5)
        eventually(lambda: not listed(t.sb2), "the port that is gone is still in the sets", 5)
    finally:
        batch("host", f"link set {t.sb3.port} master brt\nlink set {t.sb2.port} master brt\n")


@CASES.case("F-02 where a redirect leads cannot be put into the rules: that is tried again a second later")
def _again(t):
    daemon = t.start(policy(OPEN))
    gate = next(pid for name, pid in daemon.children().items() if "gate" in name)
    os.kill(gate, signal.SIGSTOP)
    t.rewrite(policy(OPEN + '\n- redirect: ["203.0.113.66:80"]\n  to: good.example:7007'))
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    expect(not passes(t, t.sb1, p.EVIL4, 80), "the gate has answered")
    with NoTables(t, daemon):
        os.kill(gate, signal.SIGCONT)
        eventually(lambda: "could not be made anew" in daemon.story(), "nothing is said")
    eventually(lambda: passes(t, t.sb1, p.EVIL4, 80), "the redirect leads nowhere", 5)


# --- Trials.
@CASES.case("what is asked for just before a policy is on trial is refused as well, and not kept waiting")
def _queued(t):
    daemon = t.start(policy(OPEN))
    t.rewrite(policy(WIDER))
    with daemon.connect() as first, daemon.connect() as second:
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            first.sendall(b'{"action":"reload","try":20}\n')
            second.sendall(b'{"action":"allow","destination":"203.0.113.66:80"}\n')
            eventually(lambda: "allow asked for" in daemon.story(), "it is not asked")
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        expect_eq(json.loads(read_line(first))["status"], "ok", "the trial")
        second.settimeout(5)
        refused(json.loads(read_line(second)), "a policy is on trial")
    expect(not passes(t, t.sb1, p.EVIL4, 80), "it is allowed")
    expect_eq(daemon.ask("reload", confirm=True)["status"], "ok", "confirm")
    expect(not passes(t, t.sb1, p.EVIL4, 80), "it is allowed afterwards")


@CASES.case("after a teardown there is nothing to go back to: no trial, and that is said")
def _no_trial(t):
    daemon = t.start(policy(OPEN))
    expect_eq(daemon.ask("teardown")["status"], "ok", "teardown")
    result = t.ours("reload", "--try", "1s")
    expect_eq(result.status, 0, "exit status", result)
    expect("--confirm" not in result.err, "a trial is told of", result)
    expect_in("stays", result.err, "what is said", result)
    expect_eq(daemon.ask("status")["on_trial"], False, "on_trial")


@CASES.case("E-89 a network gets another bridge while a policy is on trial: it is confined at once, and afterwards")
def _moved(t):
    path = f"{t.world.work}/moved.sock"
    text = policy(OPEN).replace("    bridge: brt\n", "")
    with FakeEngine(path) as engine:
        engine.add_network("ds-test", "10.77.4.0/24", "fd77:4::/64", bridge="brx")
        daemon = t.start(text, docker=path)
        box = t.world.box["ot1"]

        def bridge():
            return {n["name"]: n["bridge"] for n in daemon.ask("status")["network_status"]}["ds-test"]
        eventually(lambda: bridge() == "brx", "the engine's bridge is not taken", 5)
        t.rewrite(policy(WIDER).replace("    bridge: brt\n", ""))
        expect_eq(daemon.ask("reload", **{"try": 6})["status"], "ok", "reload")
        engine.remove_network("ds-test")
        engine.add_network("ds-test", "10.77.0.0/24", "fd77::/64", bridge="brt")
        eventually(lambda: not passes(t, t.sb1, p.EVIL4, 80), "nothing confines the new bridge", 3)
        expect_eq(daemon.ask("status")["on_trial"], True, "on_trial")
        expect(not passes(t, box, p.EVIL4, 80), "the old bridge is open")
        eventually(lambda: not daemon.ask("status")["on_trial"], "the trial does not end", 9)
        expect(not passes(t, t.sb1, p.EVIL4, 80), "the new bridge is open after the trial")
        expect_eq(bridge(), "brt", "the bridge after the trial")
        t.stop()


@CASES.case("E-89 a network gets another bridge just before a policy is on trial: it is confined at once")
def _moving(t):
    path = f"{t.world.work}/moving.sock"
    with FakeEngine(path) as engine:
        engine.add_network("ds-test", "10.77.4.0/24", "fd77:4::/64", bridge="brx")
        daemon = t.start(policy(OPEN).replace("    bridge: brt\n", ""), docker=path)
        eventually(lambda: daemon.ask("status")["network_status"][0]["bridge"] == "brx",
                   "the engine's bridge is not taken", 5)
        t.rewrite(policy(WIDER).replace("    bridge: brt\n", ""))
        with daemon.connect() as s:
            os.kill(daemon.pid, signal.SIGSTOP)
            try:
                s.sendall(b'{"action":"reload","try":8}\n')
                eventually(lambda: "reload asked for" in daemon.story(), "it is not asked")
                engine.remove_network("ds-test")
                engine.add_network("ds-test", "10.77.0.0/24", "fd77::/64", bridge="brt")
                asked = len(engine.requests)
                eventually(lambda: any("/networks/" in path for _, path, _ in engine.requests[asked:]),
                           "the engine is not asked")
                time.sleep(0.3)
            finally:
                os.kill(daemon.pid, signal.SIGCONT)
            expect_eq(json.loads(read_line(s))["on_trial"], True, "on_trial")
        eventually(lambda: not passes(t, t.sb1, p.EVIL4, 80), "nothing confines the new bridge", 2)
        t.stop()


# --- Requests.
@CASES.case("allow and deny take no time of nothing, and no field that they do not know")
def _fields(t):
    daemon = t.start(policy(OPEN))
    for action in ("allow", "deny"):
        for fields, word in (({"for": 0}, "expected 1 to"), ({"netwrok": "ds-test"}, "netwrok"),
                             ({"for": -1}, "expected 1 to"), ({"save": "yes"}, "save")):
            refused(daemon.ask(action, destination="203.0.113.66:80", **fields), word)
    expect_eq(daemon.ask("status")["added_rules"], [], "added rules")


@CASES.case("allow --save into a file that was changed since it was read: refused, and the change stays")
def _edited(t):
    daemon = t.start(policy(OPEN))
    edited = policy(WIDER)
    t.rewrite(edited)
    result = t.ours("allow", "203.0.113.66:80", "--network", "ds-test", "--save")
    with open(t.policy_path) as f:
        expect_eq(f.read(), edited, "the file")
    expect_eq(result.status, 1, "exit status", result)
    expect_in("reload", result.err, "what is said")
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    result = t.ours("allow", "203.0.113.66:80", "--network", "ds-test", "--save")
    expect_eq(result.status, 0, "exit status after a reload", result)
    arrives(t, t.sb1, p.tcp(p.EVIL4, 80))


DOCKSIDE = {"networks": [{"name": "brt", "subnet": "10.77.0.0/24", "gateway_ip": "10.77.0.1"}]}


@CASES.case("F-03 a Dockside set of more hosts than a reply has room for: there is a status, and it says what is left out")
def _large(t):
    hosts = [f"host-{i}.of-a-long-list.example" for i in range(40000)]
    rules = [{"proto": "tcp", "ports": [7007], "to": "ip", "ip": "203.0.113.10"}, {"action": "drop"}]
    daemon = t.under_dockside(DOCKSIDE, {"ipsets": {"set1": {"hostnames": hosts}},
                                         "networks": {"brt": {"egress": rules, "nat": []}}})
    result = t.ours("status")
    expect_eq(result.status, 0, "exit status", result)
    expect_in("ipset_details", result.out, "what is printed")
    reply = daemon.ask("status")
    expect_eq(reply["enforcing"], True, "enforcing")
    expect_eq(reply["left_out"], ["ipset_details"], "what is left out")
    expect_eq([n["name"] for n in reply["network_status"]], ["brt"], "networks")
    t.stop()
    expect_eq(t.start(policy(OPEN)).ask("status")["left_out"], [], "what is left out of a small one")


@CASES.case("a teardown comes before what was asked for before it and has not begun: that is refused")
def _torn(t):
    daemon = t.start(policy(OPEN))
    t.rewrite(policy(WIDER))
    with daemon.connect() as first, daemon.connect() as second, daemon.connect() as third:
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            first.sendall(b'{"action":"reload"}\n')
            second.sendall(b'{"action":"allow","destination":"203.0.113.66:80"}\n')
            eventually(lambda: "allow asked for" in daemon.story(), "it is not asked")
            third.sendall(b'{"action":"teardown"}\n')
            eventually(lambda: "teardown asked for" in daemon.story(), "it is not asked")
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        expect_eq(json.loads(read_line(first))["status"], "ok", "the reload")
        refused(json.loads(read_line(second)), "torn down")
        expect_eq(json.loads(read_line(third))["status"], "ok", "the teardown")
    expect("table inet sallyport {" not in t.ruleset(), "rules are back", daemon.story())
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))


# --- Control.
def control_of(daemon):
    return next(pid for name, pid in daemon.children().items() if "gate" not in name)


@CASES.case("F-03 control is started anew and the file is broken: what is in force stays, and the status says why")
def _broken(t):
    daemon = t.start(policy(OPEN))
    t.rewrite("version: 7\n")
    before = control_of(daemon)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: daemon.story().count("what is in force stays") == 2, "it is not started anew", 5)
    reply = daemon.ask("status")
    expect_eq(reply["enforcing"], True, "enforcing")
    expect_in("version", reply["reload_failure"] or "", "reload_failure")
    refused(daemon.ask("allow", destination="203.0.113.66:80"), "reload first")
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    t.rewrite(policy(WIDER))
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    expect_eq(daemon.ask("status")["reload_failure"], None, "reload_failure afterwards")


@CASES.case("F-10 control dies and no process can be made: each attempt is one, and it comes back")
def _no_descriptors(t):
    daemon = t.start(policy(OPEN))
    limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    os.kill(control_of(daemon), signal.SIGKILL)
    eventually(lambda: "started anew" in daemon.story(), "it is not told")
    used = {int(fd) for fd in os.listdir(f"/proc/{daemon.pid}/fd")}
    free = [fd for fd in range(max(used) + 3) if fd not in used]
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (free[2], limits[1]))
    eventually(lambda: daemon.story().count("cannot be started again") > 3, "it can be started")
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
    eventually(lambda: len(daemon.children()) == 2, "control does not come back")
    eventually(lambda: t.ours("status").status == 0, "there is no status")
    expect_eq(daemon.story().count("has died"), 1, "deaths", daemon.story())
    expect_eq(daemon.ask("status")["restarts"], 1, "restarts")


# --- RESET=1
@CASES.case("RESET=1 of Dockside: every network that was removed is made anew, however late the engine tells")
def _reset(t):
    t.stop()
    names = ("ds-a", "ds-b", "ds-c")
    networks = {"networks": [{"name": name, "subnet": f"10.77.{i}.0/24", "gateway_ip": f"10.77.{i}.1"}
                             for i, name in enumerate(names, 20)]}
    firewall = {"networks": {name: {"egress": [{"action": "drop"}]} for name in names}}
    paths = [t.write(json.dumps(what), name) for name, what in
             (("reset-networks.json", networks), ("reset-firewall.json", firewall))]
    stem = f"{t.world.work}/reset"
    with FakeEngine(f"{stem}-engine.sock") as engine:
        for network in networks["networks"]:
            engine.add_network(network["name"], network["subnet"], bridge=network["name"])
        before = {name: n["Id"] for name, n in engine.networks.items()}
        serve = engine.serve

        def late(handler, path, body):
            if path == "/networks" and engine.networks.keys() != before.keys():
                time.sleep(0.2)
            serve(handler, path, body)
        engine.serve = late
        words = [t.world.program, "dockside", "--daemon", "--network-config", paths[0],
                 "--firewall-config", paths[1], "--socket", f"{stem}.sock", "--docker", engine.path]
        with subprocess.Popen([*ENTER, *words], env={**os.environ, "RESET": "1"},
                              stderr=subprocess.DEVNULL) as process:
            try:
                eventually(lambda: engine.networks.keys() == before.keys() and
                           all(n["Id"] != before[name] for name, n in engine.networks.copy().items()),
                           "they are not made anew", 5)
                made = dict(engine.networks)
                time.sleep(0.5)
                expect_eq(engine.networks, made, "networks later")
            finally:
                process.terminate()
    t.stop()
