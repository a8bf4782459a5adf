# SPDX-License-Identifier: GPL-2.0-or-later
"""
The sidecar over time: what the engine was told, the health check, reload, death and return. Each
case leaves it as it was.
"""

import io
import os
import signal
import tarfile


from lib.case import Cases, eventually, expect, expect_eq, expect_in, token
from lib.sidecar import (ALLOWED, ALSO_ALLOWED, BASELINE, DENIED, HEALTH_S,
                         PROJECT_ALLOWED, PROJECT_LIST)

CASES = Cases()
SECONDS = 20
TOGETHER = "sidecar"
UID = 65532
RELOAD_S = 5

# One TLS connection through the proxy; a request for every line of input.
KEEP = """
import http.client, sys
c = http.client.HTTPSConnection("gate", 8888, timeout=8)
c.set_tunnel(sys.argv[1], 443)
c.connect()
c.auto_open = 0
print("open", flush=True)
for line in sys.stdin:
    try:
        c.request("GET", "/" + line.strip())
        print(c.getresponse().read().decode().strip(), flush=True)
    except Exception as e:
        print("over:", repr(e), flush=True)
        break
"""


class Tunnel:
    """A connection of the agent's that stays open."""

    def __init__(self, t, host):
        self.process = t.open_in("agent", ["python3", "-ISc", KEEP, host])
        expect_eq(self.process.stdout.readline(), "open\n", f"tunnel to {host}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()

    def ask(self):
        """The answer to one request with a token, and the token."""
        tok = token()
        self.process.stdin.write(tok + "\n")
        self.process.stdin.flush()
        return tok, self.process.stdout.readline()

    def is_alive(self):
        tok, answer = self.ask()
        return tok in answer


def _fetch(t, host):
    """(did it arrive, what curl said) of one request through the gate."""
    tok, marks = token(), t.marks()
    result = t.agent()(["curl", "-sS", "-f", "-m", "5", f"https://{host}/{tok}"])
    return t.seen(marks, tok), result


def _passes(t, host):
    arrived, result = _fetch(t, host)
    expect(arrived and result.status == 0, f"{host} does not pass", result)


def _is_denied(t, host):
    arrived, result = _fetch(t, host)
    expect(not arrived and result.status != 0, f"{host} passes", result)


# What the engine was told


def _status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def _processes_of(t):
    listed = t.engine.docker("top", t.container("gate"), "-eo", "pid").split("\n")[1:]
    return [int(pid) for pid in listed]


@CASES.case("every process of the gate: no capability, no way to get one, nobody's user, seccomp")
def _(t):
    for pid in _processes_of(t):
        status = _status(pid)
        for word in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            expect_eq(int(status[word], 16), 0, f"{word} of {pid}")
        expect_eq(status["NoNewPrivs"], "1", f"NoNewPrivs of {pid}")
        expect_eq(status["Uid"].split(), [str(UID)] * 4, f"user of {pid}")
        expect_eq(status["Gid"].split(), [str(UID)] * 4, f"group of {pid}")
        expect_eq(status["Seccomp"], "2", f"Seccomp of {pid}")


@CASES.case("the gate's root file system is read-only, and so are the lists")
def _(t):
    t.up()
    with open(f"/proc/{t.gate_pid()}/mountinfo") as f:
        mounts = {line.split()[4]: line.split()[5].split(",") for line in f}
    for path in ("/", "/etc/sallyport"):
        expect_in("ro", mounts[path], f"{path} of the gate")


@CASES.case("the engine limits the gate's processes and memory")
def _(t):
    limits = t.inspect("gate")["HostConfig"]
    expect_eq((limits["PidsLimit"], limits["Memory"], limits["MemorySwap"]),
              (32, 128 << 20, 128 << 20), "processes, memory, with swap")
    expect_eq((limits["Privileged"], limits["PidMode"], limits["NetworkMode"] == "host"),
              (False, "", False), "privileged, host's processes, host's network")


@CASES.case("the agent's container has no capability either")
def _(t):
    status = t.executing(t.container("agent"))(["cat", "/proc/self/status"]).out
    for word in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"):
        expect_in(word, status, "status of a process of the agent")


@CASES.case("the image holds one program and libraries, no shell")
def _(t):
    archive = io.BytesIO(t.engine.try_docker("export", t.container("gate")).stdout)
    with tarfile.open(fileobj=archive) as tar:
        names = [entry.name.removeprefix("./") for entry in tar if entry.isfile()]
    engines_or_data = (".dockerenv", "dev/", "etc/", "usr/share/sallyport/")
    programs = [name for name in names if ".so" not in os.path.basename(name)
                and not name.startswith(engines_or_data)]
    expect_eq(programs, ["usr/bin/sallyport"], "what is in the image besides libraries")


# Health


@CASES.case("healthy, as long as one name passes and another does not")
def _(t):
    t.up()
    t.becomes("healthy")


def _with_lists(t, health, **lists):
    """Unhealthy with these lists, healthy again with the usual ones."""
    t.up()
    t.becomes("healthy")
    try:
        for name, text in lists.items():
            t.write_list(f"{name}.allow", text)
        t.reload()
        t.becomes(health)
    finally:
        t.restore()
        t.reload()
    t.becomes("healthy")


@CASES.case("unhealthy when the name that should pass does not")
def _(t):
    _with_lists(t, "unhealthy", baseline=BASELINE.replace(f"{ALLOWED}\n", "", 1))


@CASES.case("unhealthy when the name that should not pass does")
def _(t):
    _with_lists(t, "unhealthy", project=f"{PROJECT_LIST}{DENIED}\n")


# Reload


@CASES.case("a reload ends the tunnels that are no longer allowed, keeps the others")
def _(t):
    t.up()
    with Tunnel(t, PROJECT_ALLOWED) as ends, Tunnel(t, ALSO_ALLOWED) as stays:
        expect(ends.is_alive() and stays.is_alive(), "a tunnel that is allowed does not carry")
        try:
            t.write_list("project.allow", "")
            t.reload()
            eventually(lambda: _is_refused(t, PROJECT_ALLOWED), "the list is not read", RELOAD_S)
            expect(stays.is_alive(), "the other tunnel ended")
            marks = t.marks()
            tok, answer = ends.ask()
            expect(tok not in answer and not t.seen(marks, tok), f"still carries: {answer}")
        finally:
            t.restore()
            t.reload()
        expect(stays.is_alive(), "the other tunnel ended")
    eventually(lambda: not _is_refused(t, PROJECT_ALLOWED), "the list is not read", RELOAD_S)


def _is_refused(t, host):
    return not _fetch(t, host)[0]


@CASES.case("a reload allows what was added, and no more")
def _(t):
    t.up()
    _is_denied(t, DENIED)
    t.write_list("project.allow", f"{PROJECT_LIST}v4.example\n")
    t.reload()
    eventually(lambda: not _is_refused(t, "v4.example"), "the list is not read", RELOAD_S)
    _is_denied(t, DENIED)
    t.restore()
    t.reload()
    eventually(lambda: _is_refused(t, "v4.example"), "the list is not read", RELOAD_S)


@CASES.case("a list with a mistake changes nothing")
def _(t):
    t.up()
    t.write_list("project.allow", f"{PROJECT_LIST}{DENIED}\nhttp://not a destination/\n")
    t.reload()
    eventually(lambda: "project.allow:4" in t.gate_log(), "the gate does not say where", RELOAD_S)
    _is_denied(t, DENIED)
    _passes(t, PROJECT_ALLOWED)
    t.restore()
    t.reload()
    _passes(t, PROJECT_ALLOWED)


# Death and return


@CASES.case("while the gate is dead nothing gets out, and it returns as it was")
def _(t):
    _passes(t, ALLOWED)
    t.engine.docker("kill", t.container("gate"))
    marks = t.marks()
    tok = token()
    try:
        for run in (t.agent(), t.unaware()):
            result = run(["curl", "-sS", "-m", "3", f"https://{ALLOWED}/{tok}"])
            expect(result.status not in (0, 126, 127), "the client believes that it worked", result)
        t.unaware()(["curl", "-sSk", "-m", "2", f"https://203.0.113.10/{tok}"])
        expect(not t.world.wire.since(marks[0]), f"packets: {t.world.wire.since(marks[0])}")
        expect(not t.seen(marks, tok), f"{tok} arrived")
    finally:
        t.engine.docker("start", t.container("gate"))
    t.becomes("healthy")
    _passes(t, ALLOWED)
    _is_denied(t, DENIED)


@CASES.case("when the gate dies by itself the engine starts it again")
def _(t):
    t.up()
    before = t.gate_pid()
    os.kill(before, signal.SIGKILL)
    eventually(lambda: t.gate_pid() not in (0, before), "it was not started again", HEALTH_S)
    t.becomes("healthy")
    _passes(t, ALLOWED)
    _is_denied(t, DENIED)


@CASES.case("after docker restart the same holds, and no connection outlives it")
def _(t):
    t.up()
    with Tunnel(t, ALLOWED) as tunnel:
        expect(tunnel.is_alive(), "a tunnel that is allowed does not carry")
        t.engine.docker("restart", t.container("gate"))
        marks = t.marks()
        tok, _ = tunnel.ask()
        expect(not t.seen(marks, tok), "the tunnel still carries")
    t.becomes("healthy")
    _passes(t, ALLOWED)
    _is_denied(t, DENIED)


@CASES.case("docker stop ends the gate at once, by its own will")
def _(t):
    t.up()
    t.engine.docker("stop", "--time=10", t.container("gate"))
    state = t.inspect("gate")["State"]
    t.engine.docker("start", t.container("gate"))
    expect_eq((state["ExitCode"] in (0, 143), state["OOMKilled"]), (True, False),
              f"how it ended ({state['ExitCode']})")
    t.becomes("healthy")
