# SPDX-License-Identifier: GPL-2.0-or-later
"""E-77, E-80: the start of the daemon and of sandboxes, and other programs that change the rules."""

import signal
import subprocess
import time

import probes as p
from lib import bridgeworld, frames as f
from lib.bridgeworld import batch
from lib.case import eventually, expect, expect_eq
from lib.confined import BASE, NetCases, arrives, stays_in
from lib.daemon import ENTER
from lib.flood import Flood
from lib.generation import Generation

CASES = NetCases()
SECONDS = 50
RESTORED_S = 0.1  # until what another program has undone is right again
REVOKED_S = 1.0

# --- E-80: other programs.
HARM = (
    ("nft flush ruleset", ["flush", "ruleset"]),
    ("nft delete table inet", ["delete", "table", "inet", "sallyport"]),
    ("nft delete table bridge", ["delete", "table", "bridge", "sallyport"]),
    ("nft flush table", ["flush", "table", "inet", "sallyport"]),
    ("nft flush chain", ["flush", "chain", "inet", "sallyport", "forward"]),
    ("nft flush chain, bridge", ["flush", "chain", "bridge", "sallyport", "prerouting"]),
    ("nft insert rule", ["insert", "rule", "inet", "sallyport", "forward", "accept"]),
    ("nft delete element", ["delete", "element", "inet", "sallyport", "forward", '{ "brt" }']),
)


for what, words in HARM:
    for flags in ((), ("--no-owner",)):
        name = f"E-80 {what}{', tables that are free' if flags else ''}: undone at once, and told"

        @CASES.case(name)
        def _harm(t, words=words, flags=flags):
            daemon = t.under(BASE, *flags)
            before = t.ruleset()
            mark, story = daemon.log.mark(), len(daemon.story())
            took = []
            while len(took) < 3 and (not took or took[-1] >= RESTORED_S):  # a machine may be busy
                took.append(undone(t, words, flags, before))
            expect(took[-1] < RESTORED_S, f"it took {[round(s * 1000) for s in took]} ms")
            if flags:
                eventually(lambda: len(daemon.story()) > story or daemon.log.since(mark),
                           "nothing is told of it")
            arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
            stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
            expect_eq(daemon.ask("status")["status"], "ok", "status")


def undone(t, words, flags, before):
    """After how many seconds the rules are as they were before."""
    with Flood(t, t.sb1) as flood:
        time.sleep(0.05)
        seconds = harmed(t, words, bool(flags))
        eventually(lambda: t.ruleset() == before, "it is not put right", 5.0)
        if not flags:
            expect_eq(flood.leaked(), 0, "packets that leaked")
        time.sleep(REVOKED_S)  # flows that began in between end
        leaked = flood.leaked()
        time.sleep(0.1)
        expect_eq(flood.leaked(), leaked, "packets of flows that began in between")
    return seconds


@CASES.case("E-80 what is learned is put back, and what is added to it taken out")
def _learned(t):
    daemon = t.start(BASE, "--no-owner")
    macs = next(line.split()[1] for line in t.ruleset().splitlines()
                if line.split()[:1] == ["set"] and line.split()[1].endswith("-macs"))
    for words in (f"flush set bridge sallyport {macs}",
                  f"add element bridge sallyport {macs} {{ {t.sb1.port} . 02:42:0a:4d:00:63 }}"):
        repairs = daemon.ask("status")["repairs"]
        expect_eq(t.nft(*words.split(" "), check=False).status, 0, words)
        eventually(lambda: daemon.ask("status")["repairs"] > repairs, f"not put right: {words}", 2)
        arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
        stays_in(t, t.sb1, p.datagram(p.GOOD4, 7007, src_mac=lambda b: "02:42:0a:4d:00:63"),
                 fast=None)
    time.sleep(0.3)
    repairs = daemon.ask("status")["repairs"]
    time.sleep(0.5)
    expect_eq(daemon.ask("status")["repairs"], repairs, "repairs of what nobody has touched")


def harmed(t, words, works):
    """Does it, and returns after how many seconds there is a transaction that follows it."""
    generation = Generation("/run/netns/host")
    before = generation()
    result = t.nft(*words, check=False)
    if not works:
        return 0.0
    expect_eq(result.status, 0, "the harm was not done", result)
    start = time.monotonic()
    eventually(lambda: generation() >= before + 2, "nothing follows", 2.0, 0.001)
    return time.monotonic() - start


@CASES.case("E-80 sixty foreign flushes in a row, and foreign rules beside ours")
def _storm(t):
    t.under(BASE)
    with Flood(t, t.sb1) as flood:
        script = "i=0; while [ $i -lt 60 ]; do nft flush ruleset; nft add table inet foreign; " \
                 "i=$((i+1)); done"
        t.run([*ENTER, "sh", "-c", script], {"timeout": 30})
        leaked = flood.leaked()
    expect_eq(leaked, 0, "packets that leaked")
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    t.nft("delete", "table", "inet", "foreign", check=False)


@CASES.case("E-80 rules of others after ours decide nothing that ours has denied")
def _foreign_accept(t):
    t.under(BASE)
    t.world.nft("host", """table inet foreign {
        chain f { type filter hook forward priority -200; policy accept; accept
        }
        chain g { type filter hook forward priority 200; policy accept; accept
        }
    }""")
    try:
        stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
        stays_in(t, t.sb1, p.udp(p.EVIL6, 999))
        arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    finally:
        t.nft("delete", "table", "inet", "foreign")


# --- E-77: the start.
@CASES.case("E-77 a daemon that starts under a flood ends what it does not allow")
def _ready(t):
    t.stop()
    with Flood(t, t.sb1) as flood:
        time.sleep(0.05)
        t.start(BASE)
        expect(flood.leaked() > 0, "the flood did not arrive before")
        time.sleep(REVOKED_S)
        before = flood.leaked()
        time.sleep(0.3)
        expect_eq(flood.leaked(), before, "packets of flows that were there before")


@CASES.case("E-77 a bridge that appears later is confined from its first packet on")
def _late_bridge(t):
    text = BASE.replace("bridge: brt", "bridge: brLate")
    t.start(text)
    t.world.counters({"leak": "ip saddr 10.77.16.0/24", "leak6": "ip6 saddr fd77:10::/64"})
    net = bridgeworld.Net("brLate", 16)
    box = bridgeworld.Sandbox("latebox", net, 60)
    bridgeworld._ip("netns", "add", "latebox")
    race = None
    try:
        race = racer(t, box, [packet(box, p.EVIL4), packet(box, p.EVIL6)])
        ours, theirs = box.plug()
        t.world._network(net)
        batch("host", ours)
        batch("latebox", theirs)
        batch("host", f"link set {box.port} up")
        time.sleep(0.3)
        expect_eq(t.world.counted("leak") + t.world.counted("leak6"), 0, "packets that leaked")
        eventually(lambda: opens(t, box), "what is open does not open", 3)
        expect_eq(t.world.counted("leak6"), 0, "packets that leaked")
    finally:
        sent = ended(race)
        batch("host", f"link del {box.port}\nlink del brLate\n")
        bridgeworld._ip("netns", "del", "latebox")
    expect(sent[0] > 100, f"only {sent[0]} were sent")


def opens(t, box):
    try:
        p.tcp(p.GOOD4, 7007)(t, box, t.token())
        return True
    except OSError:
        return False


def packet(box, to, port=9):
    own = box.own(to)
    return f.ether(box.net.mac(1), box.mac, f.IP6 if ":" in to else f.IP4,
                   f.ip(own, to, 17, f.udp(own, to, 4000, port, b"race")))


def racer(t, box, frames, n=1, prefix="eth"):
    words = [*box.enter(), t.world.tool("race"), str(n), prefix, *(x.hex() for x in frames)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def ended(race):
    """(sent, times the interface came)"""
    if race is None:
        return 0, 0
    race.send_signal(signal.SIGTERM)
    out, _ = race.communicate(timeout=10)
    return tuple(map(int, out.split()))


TOGETHER = 20


def races(t, net, rounds):
    """
    (sent, came) of sandboxes that are made on a bridge, TOGETHER in each round, and send from their
    first instant: to the internet, and to a neighbour.
    """
    box, other = bridgeworld.Sandbox("racer", net, 70), net.v4(3)
    frames = [packet(box, p.EVIL4), packet(box, p.EVIL6),
              f.ether(net.mac(3), box.mac, f.IP4,
                      f.ip4(box.v4, other, 17, f.udp(box.v4, other, 4000, 999, b"race")))]
    bridgeworld._ip("netns", "add", "racer")
    ip = subprocess.Popen(["ip", "-n", "host", "-batch", "-"], stdin=subprocess.PIPE, text=True)
    race = racer(t, box, frames, TOGETHER)
    try:
        for n in range(rounds):
            for i in range(TOGETHER):
                add = f"link add vrace{i} group 7 type veth peer name eth{i} address {box.mac} " \
                      "netns racer\n"
                master, up = f"link set vrace{i} master {net.bridge}\n", f"link set vrace{i} up\n"
                ip.stdin.write(add + (master + up if n % 2 else up + master))
            ip.stdin.flush()
            time.sleep(0.03)
            ip.stdin.write("link del group 7\n")
            ip.stdin.flush()
        ip.stdin.close()
        expect_eq(ip.wait(60), 0, "ip")
    finally:
        sent = ended(race)
        bridgeworld._ip("netns", "del", "racer")
    return sent


@CASES.case("E-77 1,000 sandboxes that send from their first instant: nothing leaks")
def _races(t):
    t.under(BASE)
    rules = {"race": "udp dport 9 ip saddr 10.77.0.70", "race6": "udp dport 9 ip6 saddr fd77::70",
             "control": "udp dport 9 ip saddr 10.77.8.70"}
    t.world.counters(rules)
    races(t, bridgeworld.U, 3)
    expect(t.world.counted("control") > 0, "on another bridge nothing arrives either")
    sniffer = t.world.sniffers["sb2"]
    mark = sniffer.mark()
    sent, came = races(t, bridgeworld.T, 1000 // TOGETHER)
    expect_eq(t.world.counted("race") + t.world.counted("race6"), 0, "packets that leaked")
    frames = [frame for frame in sniffer.since(mark) if b"race" in frame]
    expect(not frames, f"{len(frames)} frames reached a neighbour")
    expect(came > 700 and sent > 2 * came, f"{sent} packets of {came} sandboxes were sent")
