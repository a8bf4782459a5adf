# SPDX-License-Identifier: GPL-2.0-or-later
"""E-78, E-79, E-82: the end of the daemon, and changes of the policy, under traffic."""

import os
import random
import signal
import socket
import time

import probes as p
from lib.case import eventually, expect, expect_eq, expect_in
from lib.confined import ARRIVAL_S, BASE, NetCases, arrives, policy, stay_in, stays_in
from lib.daemon import ENTER, Daemon
from lib.flood import Flood

CASES = NetCases()
SECONDS = 45
REVOKED_S = 1.0

OPEN = '- allow: ["203.0.113.10:7007", "[2001:db8:113::10]:7007"]\n' \
       '- allow: ["udp/203.0.113.10:7007", "udp/[2001:db8:113::10]:7007"]'
WIDER = OPEN + '\n- allow: ["203.0.113.11:80"]'


@CASES.case("the flood is counted where it would arrive")
def _oracle(t):
    t.stop()
    with Flood(t, t.sb1, rate=300, seconds=1) as flood:
        time.sleep(0.5)
        expect(flood.leaked() > 50, "without a daemon nothing arrives")
        expect(flood.arrived() > 20, "the allowed part does not arrive")
    expect(flood.sent > 50, "nothing was sent")


# --- E-78: the daemon's end.
@CASES.case("E-78 killed under a flood, ten times: nothing leaks, and it starts again")
def _killed(t):
    daemon = t.start(BASE)
    with Flood(t, t.sb1) as flood:
        time.sleep(0.2)
        for _ in range(10):
            before = flood.arrived()
            daemon.kill()
            eventually(lambda b=before: flood.arrived() > b, "what is open is not while it is dead")
            start = time.monotonic()
            daemon = t.daemon = Daemon(t.world, ["--policy", t.policy_path])
            expect(time.monotonic() - start < 3.0, "it takes long to start")
        expect_eq(flood.leaked(), 0, "packets that leaked")
    expect(flood.sent > 5000, f"only {flood.sent} were sent")


for number in (signal.SIGTERM, signal.SIGINT):
    @CASES.case(f"{number.name} ends it with 0 and leaves the rules")
    def _terminated(t, number=number):
        daemon = t.start(BASE)
        with Flood(t, t.sb1) as flood:
            before = t.plan_rules()
            expect_eq(daemon.stop(number), 0, "exit status")
            expect_eq(t.plan_rules(), before, "the rules")
            time.sleep(0.1)
            expect_eq(flood.leaked(), 0, "packets that leaked")
        arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
        stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))


@CASES.case("E-78 a child that dies is started again, and the rules stay the whole time")
def _children(t):
    daemon = t.start(BASE)
    with Flood(t, t.sb1) as flood:
        for _ in range(3):
            children = daemon.children()
            expect(len(children) >= 2, f"its children are {children}")
            for pid in children.values():
                os.kill(pid, signal.SIGKILL)
            eventually(lambda c=children: len(daemon.children()) >= 2
                       and not set(daemon.children().values()) & set(c.values()),
                       "they are not started again", 5)
            eventually(lambda: _status(daemon) == "ok", "it does not answer", 5)
            arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
        expect(daemon.alive(), "it died with them")
        expect_eq(flood.leaked(), 0, "packets that leaked")


def _status(daemon):
    try:
        return daemon.ask("status").get("status")
    except (OSError, ValueError):
        return None


# --- teardown
FOREIGN = """table inet foreign {
    chain f { type filter hook forward priority 5; policy accept; counter comment "not ours"
    }
}
table ip sallyport { }
table inet sallyport-not { set s { type ipv4_addr; elements = { 1.2.3.4 }
    }
}
table bridge foreign { chain c { }
}
"""


@CASES.case("teardown removes what is ours and nothing else, with the daemon and without")
def _teardown(t):
    for running in (True, False):
        t.stop()
        t.world.nft("host", FOREIGN)
        before = t.ruleset()
        try:
            daemon = t.start(BASE)
            expect_in("table inet sallyport {", t.ruleset(), "the rules")
            if running:
                result = t.ours("teardown")
            else:
                daemon.stop()
                result = t.command("teardown")
            expect_eq(result.status, 0, "exit status", result)
            expect_eq(t.ruleset(), before, f"the ruleset, daemon running: {running}")
        finally:
            t.stop()
            for table in ("inet foreign", "ip sallyport", "inet sallyport-not", "bridge foreign"):
                t.nft("delete", "table", *table.split())
    arrives(t, t.sb1, p.tcp(p.EVIL4, 80))
    expect_eq(t.command("teardown").status, 0, "exit status of a second teardown")


@CASES.case("after a teardown the generation goes on")
def _generation(t):
    daemon = t.start(BASE)
    for _ in range(2):
        before = daemon.ask("status")["generation"]
        expect_eq(daemon.ask("teardown")["status"], "ok", "teardown")
        expect_eq(daemon.ask("status")["generation"], before, "while nothing is in force")
        expect_eq(daemon.ask("reload")["generation"], before + 1, "after a reload")


@CASES.case("after a teardown only a reload brings rules back, not the end of a rule's time")
def _torn_down(t):
    daemon = t.start(policy(OPEN))
    result = t.ours("allow", "203.0.113.11:80", "--for", "2s")
    expect_eq(result.status, 0, "exit status of allow", result)
    expect_eq(t.ours("teardown").status, 0, "exit status of teardown")
    for words in (["allow", "203.0.113.66:80"], ["deny", "203.0.113.66:80"],
                  ["reload", "--confirm"], ["reconcile"]):
        result = t.ours(*words)
        expect_eq(result.status, 1, f"exit status of {words}", result)
        expect(result.err.strip(), "silent")
    time.sleep(2.5)
    expect("table inet sallyport {" not in t.ruleset(), "rules are back", daemon.story())
    expect_eq(t.ours("status").status, 4, "exit status of status")
    result = t.ours("reload")
    expect_eq(result.status, 0, "exit status of reload", result)
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    stays_in(t, t.sb1, p.tcp("203.0.113.11", 80))
    expect_eq(daemon.ask("status")["added_rules"], [], "added rules")


# --- Two at one time.
@CASES.case("F-20 a second daemon says that there is one, and changes nothing")
def _two(t):
    daemon = t.start(BASE)
    before = t.ruleset()
    for control in (daemon.control, f"{t.world.work}/second.sock"):
        result = t.run([*ENTER, t.world.program, "daemon", "--policy", t.policy_path, "--no-docker",
                        "--control", control], {"timeout": 5})
        expect_eq(result.status, 125, "exit status of a second daemon", result)
        expect_in("choose another socket" if control == daemon.control else str(daemon.pid), result.err,
                  "what it says", result)
        expect_eq(t.ruleset(), before, "the ruleset")
    expect(daemon.alive() and _status(daemon) == "ok", "the first is gone")


@CASES.case("F-20 a second daemon beside one whose tables have no owner says so, and changes nothing")
def _two_free(t):
    daemon = t.start(BASE, "--no-owner")
    before = t.ruleset()
    result = t.run([*ENTER, t.world.program, "daemon", "--policy", t.write(policy(OPEN)), "--no-docker",
                    "--no-owner", "--control", f"{t.world.work}/second.sock"], {"timeout": 5})
    expect_eq(result.status, 125, "exit status of a second daemon", result)
    expect_in("does another sallyport daemon run?", result.err, "what it says", result)
    expect_eq(t.ruleset(), before, "the ruleset")
    expect(daemon.alive() and _status(daemon) == "ok", "the first is gone")


@CASES.case("F-20 apply beside a daemon says that there is one, and changes nothing")
def _apply_beside(t):
    t.start(BASE)
    before = t.ruleset()
    path = t.write(policy(OPEN))
    result = t.command("apply", "--no-docker", "--policy", path)
    expect(result.status != 0, "apply beside a daemon", result)
    expect_eq(t.ruleset(), before, "the ruleset")


# --- E-79, E-82: reloads.
@CASES.case("E-79 a reload opens and closes; the reply tells")
def _reload(t):
    daemon = t.start(policy(OPEN))
    stays_in(t, t.sb1, p.tcp("203.0.113.11", 80))
    for text, check in ((policy(WIDER), arrives), (policy(OPEN), stays_in)):
        t.rewrite(text)
        reply = daemon.ask("reload")
        expect_eq(reply["status"], "ok", "the reply", reply)
        check(t, t.sb1, p.tcp("203.0.113.11", 80))
    for number in (signal.SIGHUP, signal.SIGUSR1):
        t.rewrite(policy(WIDER if number == signal.SIGHUP else OPEN))
        os.kill(daemon.pid, number)
        eventually(lambda w=number == signal.SIGHUP: _open(t, "203.0.113.11", 80) == w,
                   f"{number.name} does not reload")


def _open(t, address, port, box=None):
    try:
        p.tcp(address, port)(t, box or t.sb1, t.token())
        return True
    except OSError:
        return False


def held(box, address, port, kind):
    s = box.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    s.settimeout(1)
    s.connect((address, port))
    s.sendall(b"hello\n")
    s.recv(99)
    return s


def still(s, t, marks, patience=0.1):
    """Does what is sent over it arrive?"""
    tok = t.token()
    try:
        s.sendall(tok.encode() + b"\n")
        s.settimeout(patience)
        s.recv(99)
    except OSError:
        pass
    return bool(t.seen(marks, tok))


def goes_on(s, t, marks):
    """As `still`, of which an answer is expected: a machine may be busy."""
    return still(s, t, marks, ARRIVAL_S)


@CASES.case("E-82 permission that is taken away ends what uses it within a second; the rest goes on")
def _revoked(t):
    daemon = t.start(policy(OPEN + '\n- allow: ["203.0.113.70:7007", "[2001:db8:113::70]:7007", '
                            '"udp/203.0.113.70:7007", "udp/[2001:db8:113::70]:7007"]'))
    gone, kept = [], []
    for flows, addresses in ((gone, ("203.0.113.70", "2001:db8:113::70")),
                             (kept, (p.GOOD4, p.GOOD6))):
        for address in addresses:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                flows.append(held(t.sb1, address, 7007, kind))
    other = held(t.un1, "203.0.113.70", 7007, socket.SOCK_STREAM)
    try:
        t.rewrite(policy(OPEN))
        expect_eq(daemon.ask("reload")["status"], "ok", "reload")
        deadline = time.monotonic() + REVOKED_S
        marks = t.marks()
        alive = gone
        while alive and time.monotonic() < deadline:
            alive = [s for s in alive if still(s, t, marks)]
        expect(not alive, f"still alive: {[s.getpeername() for s in alive]}")
        for s in (*kept, other):
            expect(goes_on(s, t, marks), f"{s.getpeername()} was ended too")
    finally:
        for s in (*gone, *kept, other):
            s.close()


@CASES.case("E-82 a flow that an allow by another rule still covers goes on")
def _covered(t):
    daemon = t.start(policy('- allow: ["203.0.113.70:7007"]\n- allow: ["203.0.113.64/28:7007"]'))
    flow = held(t.sb1, "203.0.113.70", 7007, socket.SOCK_STREAM)
    t.rewrite(policy('- allow: ["203.0.113.64/28:7000-7010"]'))
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    expect(goes_on(flow, t, t.marks()), "it was ended")
    flow.close()


@CASES.case("E-82 what was allowed while the daemon ran ends with it, and what was denied stays")
def _allow_ends(t):
    daemon = t.start(policy(OPEN))
    for action, dest in (("allow", "203.0.113.66:7007"), ("deny", "203.0.113.10:7007")):
        reply = daemon.ask(action, destination=dest, **{"for": 600})
        expect_eq(reply["status"], "ok", action, reply)
    flow = held(t.sb1, p.EVIL4, 7007, socket.SOCK_STREAM)
    expect_eq(daemon.stop(), 0, "exit status")
    expect(not still(flow, t, t.marks()), "an open connection goes on")
    flow.close()
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 7007))
    stays_in(t, t.sb1, p.tcp(p.GOOD4, 7007))
    t.start(policy(OPEN))
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))


@CASES.case("E-82 flows of a network that is removed end, and its containers stay confined")
def _removed(t):
    daemon = t.start(BASE)
    flow = held(t.sb1, p.GOOD4, 7007, socket.SOCK_STREAM)
    t.rewrite(BASE.replace("  - network: ds-test\n    bridge: brt\n", "  - network: ds-unused\n"
                           "    bridge: brNone\n"))
    reply = daemon.ask("reload")
    marks = t.marks()
    expect_eq(reply["status"], "ok", "reload", reply)
    eventually(lambda: not still(flow, t, marks), "the flow goes on", REVOKED_S)
    stay_in(t, t.sb1, p.tcp(p.EVIL4, 80), p.tcp(p.GOOD4, 7007), p.datagram(p.EVIL4, source=p.peer4))
    flow.close()


BROKEN = (
    ("a syntax error", "version: 1\npolicies: [\n"), ("nothing", ""),
    ("an unknown key", BASE.replace("rules:", "rulez:", 1)),
    ("an unknown policy", BASE.replace("policy: agent", "policy: agnet")),
    ("a rule that is none", BASE.replace("203.0.113.10:80", "203.0.113.10:80x")),
    ("what a network cannot enforce", BASE.replace("  agent:\n", "  agent:\n    limits: "
                                                   "{quota: 2GB/day}\n", 1)),
    ("no subjects", BASE.split("subjects:")[0] + "subjects: [\n"),
)


@CASES.case("F-18 a reload with an error keeps the old rules byte for byte, and says why and where")
def _broken(t):
    daemon = t.start(BASE)
    before = t.ruleset()
    with Flood(t, t.sb1) as flood:
        for what, text in BROKEN:
            if what == "nothing":
                continue
            t.rewrite(text)
            reply = daemon.ask("reload")
            expect_eq(reply["status"], "error", f"the reply to {what}", reply)
            expect(reply.get("message"), f"{what}: no message")
            expect_eq(t.ruleset(), before, f"the ruleset after {what}")
            result = t.ours("reload")
            expect(result.status != 0 and result.err.strip(), f"{what}: silent", result)
        os.unlink(t.policy_path)
        expect_eq(daemon.ask("reload")["status"], "error", "the reply without a file")
        expect_eq(t.ruleset(), before, "the ruleset without a file")
        expect_eq(flood.leaked(), 0, "packets that leaked")
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))


@CASES.case("F-18 150 mutated policies: each is taken whole or not at all")
def _mutated(t):
    daemon = t.start(BASE)
    rand = random.Random(4)
    data = BASE.encode()
    last, refused = t.plan_rules(), 0
    for _ in range(150):
        at, kind = rand.randrange(len(data)), rand.randrange(4)
        cut = data[at + 1:] if kind == 0 else bytes([rand.randrange(256)]) + data[at + 1:]
        text = data[:at] if kind == 1 else data[:at] + cut
        with open(t.policy_path, "wb") as f:
            f.write(text)
        reply = daemon.ask("reload")
        now = t.plan_rules()
        if reply["status"] == "error":
            refused += 1
            expect_eq(now, last, f"the rules after {text!r}: {reply}")
            expect("the kernel refused" not in reply["message"], f"{text!r}: {reply}")
        last = now
    expect(refused > 25, f"only {refused} were refused")
    t.rewrite(BASE)
    expect_eq(daemon.ask("reload")["status"], "ok", "the original again")
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))


@CASES.case("reload --try goes back by itself, and stays when it is confirmed")
def _try(t):
    daemon = t.start(policy(OPEN))
    t.rewrite(policy(WIDER))
    result = t.ours("reload", "--try", "1s")
    expect_eq(result.status, 0, "exit status", result)
    expect(_open(t, "203.0.113.11", 80), "it is not tried")
    eventually(lambda: not _open(t, "203.0.113.11", 80), "it does not go back", 3)
    result = t.ours("reload", "--try", "1s")
    expect_eq(result.status, 0, "exit status", result)
    result = t.ours("reload", "--confirm")
    expect_eq(result.status, 0, "exit status of --confirm", result)
    time.sleep(1.3)
    expect(_open(t, "203.0.113.11", 80), "it went back although it was confirmed")
    expect(daemon.alive(), "it died")


@CASES.case("E-79 1,000 reloads under a flood: nothing leaks, and what is open stays open")
def _reloads(t):
    daemon = t.start(policy(OPEN))
    texts = [policy(OPEN), policy(WIDER), policy(OPEN + '\n- deny: ["203.0.113.0/25"]'),
             policy('- deny: ["203.0.113.128/25"]\n' + OPEN)]
    with Flood(t, t.sb1, rate=3000) as flood:
        before, start = flood.arrived(), time.monotonic()
        for n in range(1000):
            t.rewrite(texts[n % len(texts)])
            reply = daemon.ask("reload")
            expect_eq(reply["status"], "ok", f"reload {n}", reply)
        seconds = time.monotonic() - start
        arrived = flood.arrived() - before
        expect_eq(flood.leaked(), 0, f"packets that leaked in {seconds:.1f} s")
        # 200 a second to each of two addresses are sent.
        expect(arrived > seconds * 300, f"only {arrived} of what is open arrived in {seconds:.1f} s")
    expect(flood.sent > 1000, f"only {flood.sent} were sent")


DENY_EVIL = '- deny: ["203.0.113.64/26", "2001:db8:113::40/122"]\n'
ALLOW_MANY = "- allow: [" + ", ".join(f'"any/2001:db8:77::{n:x}"' for n in range(1, 2000)) + "]\n"
ALLOW_GOOD = '- allow: ["any/203.0.113.10", "any/2001:db8:113::10"]'


@CASES.case("E-79 a denial is moved behind what is allowed and away, under a flood: nothing leaks")
def _denials(t):
    texts = [policy(before + ALLOW_GOOD) for before in (DENY_EVIL, ALLOW_MANY + DENY_EVIL, "")]
    daemon = t.start(texts[-1])
    with Flood(t, t.sb1, rate=12000) as flood:
        for n in range(15):
            t.rewrite(texts[n % len(texts)])
            reply = daemon.ask("reload")
            expect_eq(reply["status"], "ok", f"reload {n}", reply)
        expect_eq(flood.leaked(), 0, "packets that leaked")
        before = flood.arrived()
        eventually(lambda: flood.arrived() > before, "what is open is not")


@CASES.case("E-79 apply again and again under a flood, without a daemon")
def _applies(t):
    t.stop()
    paths = [t.write(policy(OPEN)), t.write(policy(WIDER))]
    expect_eq(t.command("apply", "--no-docker", "--policy", paths[0]).status in (0, 4), True, "apply")
    with Flood(t, t.sb1, allowed=False) as flood:
        for n in range(30):
            result = t.command("apply", "--no-docker", "--policy", paths[n % 2])
            expect(result.status in (0, 4), "apply", result)
        expect_eq(flood.leaked(), 0, "packets that leaked")


@CASES.case("E-79 apply under a flood that was there before ends what it does not allow")
def _applied_late(t):
    t.stop()
    words = ["apply", "--no-docker", "--policy", t.write(policy(OPEN))]
    with Flood(t, t.sb1) as flood:
        eventually(lambda: flood.leaked() and flood.arrived(), "the flood did not arrive before")
        result = t.command(*words)
        expect(result.status in (0, 4), "apply", result)
        before, arrived = flood.leaked(), flood.arrived()
        time.sleep(0.3)
        expect_eq(flood.leaked(), before, "packets of flows that were there before")
        expect(flood.arrived() > arrived, "what is open was ended, too")
    t.stop()
