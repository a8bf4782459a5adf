# SPDX-License-Identifier: GPL-2.0-or-later
"""`sallyport dockside`: the command line, the environment and the one-shot of Dockside's daemon."""

import json
import os
import signal
import socket

from lib import dockside
from lib.case import Case, Cases, Fail, eventually, expect, expect_eq, expect_in, token
from lib.dockside import (ALLOWED, BARE, DENIED, FIREWALL_CONFIG, FORBIDDEN, MISTAKEN, MISTAKEN_AT,
                          OPEN, SOCKET, SUBNETS, WEB, WORK, WORK_ALLOWS, web)
from lib.world import ROOT

CASES = Cases()
SECONDS = 16

def _files(d):
    """The two files as the original's command line has them."""
    d.write_files()
    return d.files()


def _dockside_daemon(d, *more, env=None):
    return d.start("dockside", "--daemon", *_files(d), *more, env=env)


def _holds(t, run):
    result = run(web(ALLOWED, token(), WEB))
    expect_eq(result.status, 0, "what is allowed", result, t.dockside.log())
    marks = t.marks()
    result = run(web(DENIED, token(), FORBIDDEN))
    expect(result.status != 0 and not t.leaks(marks, WORK_ALLOWS), "what is denied", result)


@CASES.case("--daemon with --socket, and --status asks it")
def _(t):
    d = t.dockside
    d.end()
    _dockside_daemon(d, "--socket", SOCKET)
    d.await_networks(WORK, OPEN, BARE)
    _holds(t, d.worker())
    result = d.run("dockside", "--status", "--socket", SOCKET)
    expect_eq(result.status, 0, "exit status", result)
    said = json.loads(result.out)
    expect_eq((said["status"], said["ready"]), ("ok", True), "status, ready", result)
    expect_eq(sorted(said["networks"]), sorted((WORK, OPEN, BARE)), "networks")
    expect("\n" in result.out.strip(), "the status is not indented", result)


@CASES.case("the socket's path by the environment, for both")
def _(t):
    d = t.dockside
    d.stop()
    env = {"DOCKSIDE_FIREWALL_SOCKET": SOCKET}
    _dockside_daemon(d, env=env)
    result = d.run("dockside", "--status", env=env)
    expect_eq(result.status, 0, "exit status", result)
    expect_eq(json.loads(result.out)["status"], "ok", "status")


@CASES.case("--status without a socket, and with one where nobody listens")
def _(t):
    d = t.dockside
    d.stop()
    result = d.run("dockside", "--status")
    expect_eq((result.status, result.out), (1, ""), "exit status, output without a socket", result)
    result = d.run("dockside", "--status", "--socket", f"{dockside.RUN}/nobody")
    expect(result.status != 0 and not result.out, "nobody listens", result)


@CASES.case("--status wins over the other modes, --teardown over --daemon")
def _(t):
    d = t.dockside
    _dockside_daemon(d, "--socket", SOCKET)
    result = d.run("dockside", "--daemon", "--teardown", "--status", "--socket", SOCKET)
    expect_eq(json.loads(result.out)["status"], "ok", "output")
    d.stop()
    result = d.run("dockside", "--daemon", "--teardown", *d.files())
    expect_eq(result.status, 0, "exit status", result)
    expect_eq(d.rules(), "", "rules after it")


@CASES.case("without a socket nothing listens; TERM ends it with status 0 and the rules stay")
def _(t):
    d = t.dockside
    _dockside_daemon(d)
    listening = d.host("ss", "-Hlxp").out
    expect(SOCKET not in listening, "it listens", listening)
    expect_eq(d.stop(), 0, "exit status")
    expect_in(f'"{WORK}"', d.rules(), "rules after it ended")


@CASES.case("USR1 reloads, HUP too; a file with a mistake changes nothing")
def _(t):
    d = t.dockside
    _dockside_daemon(d, "--socket", SOCKET)
    run = d.worker()
    _holds(t, run)
    for number in (signal.SIGUSR1, signal.SIGHUP):
        d.write("firewall-config.json", FIREWALL_CONFIG.replace('"good.example", ', ""))
        d.send(number)
        eventually(lambda: run(web(ALLOWED, token(), WEB)).status != 0, "not reloaded", timeout=5)
        d.write("firewall-config.json", FIREWALL_CONFIG)
        d.send(number)
        eventually(lambda: run(web(ALLOWED, token(), WEB)).status == 0, "not reloaded", timeout=5)
    d.write("firewall-config.json", FIREWALL_CONFIG.replace('"web"', '"web', 1))
    before = d.frozen_rules()
    d.send(signal.SIGUSR1)
    eventually(lambda: "firewall-config.json" in d.log().rpartition("ready")[2], "nothing was said",
               timeout=5)
    expect_eq(d.frozen_rules(), before, "rules")
    _holds(t, run)


@CASES.case("the service manager is told: ready, reloading, ready, stopping")
def _(t):
    d = t.dockside
    path = f"{dockside.RUN}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(5)

        def await_word(word):
            for _ in range(20):
                said = s.recv(4096).decode()
                if word in said.split("\n"):
                    return
            raise Fail(f"{word} was not said")
        _dockside_daemon(d, "--socket", SOCKET, env={"NOTIFY_SOCKET": path})
        await_word("READY=1")
        d.send(signal.SIGUSR1)
        await_word("RELOADING=1")
        await_word("READY=1")
        d.send(signal.SIGTERM)
        await_word("STOPPING=1")
    d.stop()
    os.unlink(path)


# One-shot


@CASES.case("no mode: applied once, without a socket, and read back")
def _(t):
    d = t.dockside
    d.end()
    d.without_networks(WORK, OPEN, BARE)
    result = d.run("dockside", *_files(d), "--socket", SOCKET)
    expect_eq(result.status, 0, "exit status", result)
    with d.guest("once", WORK) as run:
        result = d.run("dockside", *d.files())
        expect_eq(result.status, 0, "exit status of the second", result)
        marks = t.marks()
        result = run(web(DENIED, token(), FORBIDDEN))
        expect(result.status not in (0, 126, 127) and not t.leaks(marks, WORK_ALLOWS), "denied", result)
        result = run(web(ALLOWED, token(), WEB))
        expect_eq(result.status, 0, "what is allowed", result)


@CASES.case("`sallyport apply` with both kinds of policy, twice with the same result")
def _(t):
    d = t.dockside
    d.end()
    docker = ["--docker", f"{dockside.HOME}/docker.sock"]
    first = d.run("apply", *_files(d), *docker)
    rules = d.frozen_rules()
    again = d.run("apply", *d.files(), *docker)
    expect_eq((first.status, again.status), (0, 0), "exit status", first, again)
    expect(f'"{WORK}"' in rules, "rules", rules)
    expect_eq(d.frozen_rules(), rules, "rules after the second")
    policy = d.write("policy.yaml", f"""version: 1
policies: {{ p: {{ rules: [{{allow: ["{WEB}:443"]}}] }} }}
subjects: [{{network: {OPEN}, policy: p}}]
""")
    result = d.run("apply", "--policy", policy, *docker)
    expect_eq(result.status, 0, "exit status", result)
    expect(f'"{WORK}"' not in d.rules() and f'"{OPEN}"' in d.rules(), "rules", d.rules())


@CASES.case("a mistake in a file: exit 2, where it is, and nothing is changed")
def _(t):
    d = t.dockside
    d.end()
    d.run("dockside", *_files(d))
    before = d.frozen_rules()
    d.write("firewall-config.json", MISTAKEN)
    for words in (["dockside"], ["apply"], ["dockside", "--daemon"]):
        result = d.run(*words, *d.files())
        expect_eq(result.status, 2, f"exit status of {words}", result)
        expect_in(MISTAKEN_AT, result.err, "what it says", result)
        expect_in("ipsat", result.err, "what it says", result)
    expect_eq(d.frozen_rules(), before, "rules")


@CASES.case("files that are not there, or are no JSON")
def _(t):
    d = t.dockside
    _files(d)
    for word, text in (("network-config.json", None), ("firewall-config.json", "{ nothing")):
        words = d.files()
        if text is None:
            words[1] = d.path("absent.json")
        else:
            d.write(word, text)
        result = d.run("dockside", *words)
        expect_eq(result.status, 2, "exit status", result)
        expect_in("absent.json" if text is None else word, result.err, "what it says", result)


@CASES.case("files with thousands of rules and addresses")
def _(t):
    d = t.dockside
    d.end()
    d.without_networks(OPEN)
    rules = [{"proto": "tcp", "ports": [10000 + i], "to": "ip", "ip": WEB} for i in range(2000)]
    addresses = [f"10.77.{100 + i // 250}.{1 + i % 250}" for i in range(2000)]
    d.write_files({"networks": [{"name": OPEN, "subnet": SUBNETS[OPEN]}]},
                  {"ipsets": {"many": addresses}, "networks": {OPEN: {"egress": [
                      *rules, {"proto": "tcp", "ports": [443], "to": "ipset", "ipset": "many"},
                      {"proto": "tcp", "ports": [443], "to": "ip", "ip": WEB}]}}})
    d.start_files()
    d.await_networks(OPEN)
    with d.guest("many", OPEN) as run:
        result = run(web(ALLOWED, token(), WEB))
        expect_eq(result.status, 0, "what the last rule allows", result)
    d.must("reload")
    expect_in("10.77.107.250", d.must("status")["ipsets"]["many"], "the last address")
    d.end()


# Teardown


@CASES.case("teardown: all of ours is gone, every other rule is byte for byte as before")
def _(t):
    d = t.dockside
    d.end()
    d.write_files()
    d.start_files()
    d.stop()
    d.run("teardown")
    before = d.foreign_rules()
    for way in (["dockside", "--teardown", *d.files()], ["teardown"], ["dockside", "--teardown"]):
        _dockside_daemon(d, "--socket", SOCKET)
        expect_eq(d.foreign_rules(), before, "others' rules while the daemon runs")
        d.stop()
        result = d.run(*way)
        expect_eq(result.status, 0, f"exit status of {way}", result)
        expect_eq(d.rules(), "", f"our rules after {way}")
        expect_eq(d.foreign_rules(), before, f"others' rules after {way}")
    expect_eq(t.engine.inspect(WORK)["Name"], WORK, "the network stays")


@CASES.case("teardown of a daemon that runs")
def _(t):
    d = t.dockside
    _dockside_daemon(d, "--socket", SOCKET)
    result = d.run("teardown", "--control", SOCKET)
    expect_eq(result.status, 0, "exit status", result)
    expect_eq(d.rules(), "", "rules")
    d.end()


@CASES.case("after teardown a container is as free as Docker leaves it")
def _(t):
    d = t.dockside.up()
    d.end()
    with d.guest("free", WORK) as run:
        tok, marks = token(), t.marks()
        result = run(web(DENIED, tok, FORBIDDEN))
        expect(t.seen(marks, tok), "it did not arrive", result)


# The environment

BOUNDS = {"IPSET_STALE_TTL": (1, 86400), "IPSET_REFRESH_INTERVAL": (1, 86400),
          "IPSET_DNS_QUERIES": (1, 50), "IPSET_MAX_HOSTNAMES": (1, 1000),
          "IPSET_MAX_ENTRIES": (1, 65536), "IPSET_FAILURE_BACKOFF_MAX": (1, 3600),
          "IPSET_REFRESH_JITTER_PCT": (0, 100)}
PLENTY = {"IPSET_MAX_HOSTNAMES": "2", "IPSET_MAX_ENTRIES": "100"}  # what the files need


def _bounds(name, low, high):
    def check(t):
        d = t.dockside
        d.end()
        _files(d)
        for value in (low - 1, high + 1, "many", "", "1.5", "0x10"):
            result = d.run("dockside", *d.files(), env={name: str(value)})
            expect_eq(result.status, 2, f"exit status with {value!r}", result)
            expect_in(name, result.err, "what it says", result)
            expect_eq(d.rules(), "", "rules")
        for value in {str(high), PLENTY.get(name, str(low))}:
            result = d.run("dockside", *d.files(), env={name: value})
            expect_eq(result.status, 0, f"exit status with {value}", result)
            d.run("teardown")
    CASES.append(Case(f"{name}: from {low} to {high}, all else is refused before anything is done",
                      check))


for NAME, RANGE in BOUNDS.items():
    _bounds(NAME, *RANGE)


@CASES.case("more names than IPSET_MAX_HOSTNAMES in one set are an error")
def _(t):
    d = t.dockside
    result = d.run("dockside", *_files(d), env={"IPSET_MAX_HOSTNAMES": "1"})
    expect_eq(result.status, 2, "exit status", result)
    expect_in("web", result.err, "what it says", result)


# --forward-policy


@CASES.case("--forward-policy: both words are taken, a third is not, Docker's rules stay")
def _(t):
    d = t.dockside
    d.end()
    before = d.foreign_rules()
    for word in ("drop", "allow-accept"):
        result = d.run("dockside", *_files(d), "--forward-policy", word)
        expect_eq(result.status, 0, f"exit status with {word}", result)
    result = d.run("dockside", *d.files(), "--forward-policy", "accept")
    expect_eq(result.status, 2, "exit status", result)
    expect_in("allow-accept", result.err, "what it says", result)
    expect_eq(d.foreign_rules(), before, "others' rules")


@CASES.case("--debug tells every denial, and what is unknown is refused")
def _(t):
    d = t.dockside
    d.end()
    _dockside_daemon(d, "--socket", SOCKET, "--debug")
    d.await_networks(WORK)
    d.worker()(web(DENIED, token(), FORBIDDEN))
    eventually(lambda: f'"{FORBIDDEN}"' in d.log(), "the denial is not told", timeout=5)
    result = d.run("dockside", "--deamon", *d.files())
    expect_eq(result.status, 2, "exit status", result)
    d.end()


# The files that serve as documentation


@CASES.case("the example files are loaded as they are, and their networks made")
def _(t):
    d = t.dockside
    d.end()
    d.without_networks("ds-prod", "ds-priv", "ds-clean")
    top = f"{ROOT}/examples/dockside"
    for name in ("network-config.json", "firewall-config.json"):
        with open(f"{top}/{name}") as f:
            d.write(name, f.read())
    try:
        d.start_files()
        d.await_networks("ds-prod", "ds-priv", "ds-clean")
        said = d.must("status")
        expect_eq(sorted(said["networks"]), ["ds-clean", "ds-priv", "ds-prod"], "networks")
        expect_eq(sorted(said["ipsets"]), ["forges", "mirrors", "packages"], "ipsets")
        expect_in("203.0.113.20", said["ipsets"]["mirrors"], "an address as an entry")
        with d.guest("agent", "ds-priv") as run:
            result = run(web(DENIED, token(), FORBIDDEN))
            expect(result.status not in (0, 126, 127), "denied", result)
    finally:
        d.end()
        d.without_networks("ds-prod", "ds-priv", "ds-clean")
