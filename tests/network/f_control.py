# SPDX-License-Identifier: GPL-2.0-or-later
"""F-08, F-10, F-14 and what the control socket and its commands promise."""

import array
import json
import os
import signal
import socket
import stat
import threading
import time

import probes as p
from lib.case import Skip, eventually, expect, expect_eq, expect_in
from lib.confined import BASE, NetCases, arrives, policy, stays_in
from lib.daemon import ENTER, Daemon, read_line

CASES = NetCases()
SECONDS = 25
OPEN = '- allow: ["203.0.113.10:7007"]'
PROMPT_S = 0.5  # for an answer while others misbehave; on a busy machine


def prompt(daemon):
    start = time.monotonic()
    reply = daemon.ask("status")
    expect_eq(reply["status"], "ok", "status", reply)
    return time.monotonic() - start


def unharmed(t, daemon):
    expect(daemon.alive(), f"it died: {daemon.story()}")
    eventually(lambda: prompt(daemon) < PROMPT_S, "it answers slowly", 6)
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))


# --- F-14: hostile clients.
@CASES.case("F-14 half a request, nothing, and slow bytes delay nobody")
def _slow(t):
    daemon = t.under(BASE)
    held = [daemon.connect() for _ in range(10)]
    try:
        for i, s in enumerate(held):
            s.sendall(b'{"action":"sta'[:i])
        for _ in range(10):
            expect(prompt(daemon) < PROMPT_S, "a slow client delays another")
            held[9].sendall(b" ")
        eventually(lambda: _closed(held[0]), "a silent client is never closed", 7, 0.2)
    finally:
        for s in held:
            s.close()
    unharmed(t, daemon)


def _closed(s):
    """Ended by the daemon; an error may be told first."""
    s.settimeout(0.05)
    try:
        while s.recv(4096):
            pass
        return True
    except TimeoutError:
        return False
    except OSError:
        return True


@CASES.case("F-14 a client that asks and never reads delays nobody")
def _never_reads(t):
    daemon = t.under(BASE)
    held = []
    try:
        for _ in range(20):
            s = daemon.connect()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            s.sendall(b'{"action":"status"}\n')
            held.append(s)
        expect(prompt(daemon) < PROMPT_S, "it delays another")
    finally:
        for s in held:
            s.close()
    unharmed(t, daemon)


ODD = (
    ("not JSON", b"hello\n"), ("an array", b"[]\n"), ("a number", b"1\n"), ("nothing", b"\n"),
    ("a NUL", b"\0\n"), ("no action", b"{}\n"), ("an unknown action", b'{"action":"x"}\n'),
    ("an action that is a number", b'{"action":1}\n'), ("null", b'{"action":null}\n'),
    ("two requests", b'{"action":"status"}\n{"action":"status"}\n'),
    ("a deep one", b'{"action":' + b"[" * 5000 + b"]" * 5000 + b"}\n"),
    ("not UTF-8", b'{"action":"\xff\xfe"}\n'), ("a huge number", b'{"action":1e999999}\n'),
    ("a duplicate key", b'{"action":"status","action":"teardown"}\n'),
    ("binary", bytes(range(256)) + b"\n"),
    ("allow without a destination", b'{"action":"allow"}\n'),
    ("allow of nonsense", b'{"action":"allow","dest":"http://x"}\n'),
    ("set-network of nonsense", b'{"action":"set-network","name":"x\\u0000y","network":7}\n'),
    ("apply of nonsense", b'{"action":"apply","network_config":[],"firewall_config":3}\n'),
    ("remove-network of nobody", b'{"action":"remove-network","name":"nobody"}\n'),
)


@CASES.case("F-14 odd requests are refused in words, one by one")
def _odd(t):
    daemon = t.under(BASE)
    before = t.ruleset()
    for what, data in ODD:
        with daemon.connect() as s:
            s.sendall(data)
            line = read_line(s).partition(b"\n")[0]
            reply = json.loads(line) if line else None
            if what == "two requests":
                expect_eq(reply["status"], "ok", what)
            elif what not in ("a duplicate key",):
                expect(reply and reply["status"] == "error" and reply["message"],
                       f"the reply to {what}: {line[:200]!r}")
    expect_eq(t.ruleset(), before, "the ruleset")
    unharmed(t, daemon)


@CASES.case("F-14 a request of 1 MiB is read, of more refused, of 64 MiB not stored")
def _huge(t):
    daemon = t.under(BASE)
    for size, fine in ((1000 << 10, True), (1100 << 10, False), (64 << 20, False)):
        with daemon.connect() as s:
            try:
                s.sendall(b'{"action":"status","x":"' + b"x" * size + b'"}\n')
                line = read_line(s)
            except OSError:
                line = b""
            expect_eq(b'"ok"' in line[:200] or b'"status": "ok"' in line[:200], fine,
                      f"a request of {size} bytes", line[:200])
    for name, pid in {"daemon": daemon.pid, **daemon.children()}.items():
        with open(f"/proc/{pid}/status") as f:
            peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        expect(peak < 64 << 10, f"{name} took {peak} KiB")
    unharmed(t, daemon)


@CASES.case("F-10 F-14 10,000 connections, some held: the others are told or closed, it goes on")
def _many(t):
    daemon = t.under(BASE)
    held = []
    try:
        for i in range(10000):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            try:
                s.connect(daemon.control)
            except BlockingIOError:
                time.sleep(0.001)
            if i % 50 == 0:
                held.append(s)
            else:
                s.close()
        files = {name: len(os.listdir(f"/proc/{pid}/fd"))
                 for name, pid in daemon.children().items()}
        expect(max(files.values()) < 200, f"descriptors: {files}")
    finally:
        for s in held:
            s.close()
    eventually(lambda: _answers(daemon), "it does not answer afterwards", 7)
    unharmed(t, daemon)


def _answers(daemon):
    try:
        return daemon.ask("status")["status"] == "ok"
    except (OSError, ValueError):
        return False


@CASES.case("F-14 descriptors that a client sends along are closed")
def _passed(t):
    daemon = t.under(BASE)

    def files():
        return sum(len(os.listdir(f"/proc/{pid}/fd"))
                   for pid in (daemon.pid, *daemon.children().values()))
    before = files()
    with open("/etc/passwd", "rb") as f:
        for _ in range(50):
            with daemon.connect() as s:
                fds = array.array("i", [f.fileno()] * 20)
                s.sendmsg([b'{"action":"status"}\n'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
                read_line(s)
        held = daemon.connect()
        held.sendmsg([b'{"act'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        time.sleep(0.05)
        expect(files() < before + 10, f"{files()} descriptors, {before} before")
        held.close()
    unharmed(t, daemon)


@CASES.case("F-14 clients that hang up at every byte of a request and of its reply")
def _hang_up(t):
    daemon = t.under(BASE)
    data = b'{"action":"status"}\n'
    for n in range(len(data) + 1):
        for read in (0, 1):
            with daemon.connect() as s:
                s.sendall(data[:n])
                if read and n == len(data):
                    s.recv(3)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    unharmed(t, daemon)


@CASES.case("F-14 the socket's place: a stale one, a file, a directory, a link")
def _place(t):
    t.stop()
    stem = f"{t.world.work}/place"
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(stem + "-stale")
    stale.close()
    daemon = t.start(BASE, control=stem + "-stale")
    expect_eq(daemon.ask("status")["status"], "ok", "over a stale socket")
    mode = os.stat(stem + "-stale").st_mode
    expect(stat.S_ISSOCK(mode) and not mode & 0o007, f"the socket's mode is {mode:o}")
    t.stop()
    with open(stem + "-file", "w") as f:
        f.write("precious")
    os.makedirs(stem + "-dir", exist_ok=True)
    for path in (stem + "-file", stem + "-dir", "/nonexistent/x.sock"):
        result = t.run([*ENTER, t.world.program, "daemon", "--policy", t.write(BASE), "--no-docker",
                        "--control", path], {"timeout": 5})
        expect(result.status not in (0, None), f"it runs with {path}", result)
        expect(result.err.strip(), f"silent about {path}")
        expect("sallyport {" not in t.ruleset(), f"rules were left by a daemon that did not start: {path}")
    with open(stem + "-file") as f:
        expect_eq(f.read(), "precious", "the file")


@CASES.case("F-14 who may ask what: another user may ask for the status alone")
def _users(t):
    daemon = t.under(BASE)
    os.chmod(daemon.control, 0o666)
    code = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
            "s.sendall(sys.argv[2].encode() + b'\\n'); print(s.makefile().readline())")
    before = t.ruleset()
    for action in ("status", "reload", "teardown", "allow", "reconcile", "apply"):
        request = json.dumps({"action": action, "dest": "203.0.113.66:80", "to": "203.0.113.66:80"})
        result = t.plain()(["/usr/bin/python3", "-ISc", code, daemon.control, request])
        if action == "status":
            continue  # its own affair
        expect('"ok"' not in result.out, f"another user may {action}", result)
    expect_eq(t.ruleset(), before, "the ruleset")
    unharmed(t, daemon)


# --- F-10: few descriptors.
@CASES.case("F-10 with 64 descriptors it serves, and does not spin")
def _few(t):
    daemon = t.start(BASE, before=["prlimit", "--nofile=64:64"])
    held = []
    for _ in range(200):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            s.connect(daemon.control)
        except BlockingIOError:
            pass
        held.append(s)
    start = _ticks(daemon)
    time.sleep(1)
    used = (_ticks(daemon) - start) / os.sysconf("SC_CLK_TCK")
    for s in held:
        s.close()
    expect(used < 0.5, f"{used:.2f} s of CPU in a second")
    eventually(lambda: _answers(daemon), "it does not answer afterwards", 7)
    unharmed(t, daemon)


def _ticks(daemon):
    total = 0
    for pid in (daemon.pid, *daemon.children().values()):
        with open(f"/proc/{pid}/stat") as f:
            words = f.read().rpartition(")")[2].split()
        total += int(words[11]) + int(words[12])
    return total


@CASES.case("it sleeps when there is nothing to do")
def _idle(t):
    daemon = t.under(BASE)
    time.sleep(0.3)
    start = _ticks(daemon)
    time.sleep(1)
    used = _ticks(daemon) - start
    expect(used <= 3, f"{used} ticks of CPU in an idle second")


# --- allow and deny.
@CASES.case("allow and deny take hold at once, and end when their time is over")
def _allow(t):
    daemon = t.start(policy(OPEN))
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    result = t.ours("allow", "203.0.113.66:80", "--network", "ds-test", "--for", "2s")
    expect_eq(result.status, 0, "exit status", result)
    arrives(t, t.sb1, p.tcp(p.EVIL4, 80))
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 81))
    eventually(lambda: not _connects(t, p.EVIL4, 80), "it stays", 4)
    result = t.ours("deny", "203.0.113.10:7007", "--network", "ds-test")
    expect_eq(result.status, 0, "exit status", result)
    stays_in(t, t.sb1, p.tcp(p.GOOD4, 7007))
    with open(t.policy_path) as f:
        expect_eq(f.read(), policy(OPEN), "the file")
    expect(daemon.alive(), "it died")


def _connects(t, address, port):
    try:
        p.tcp(address, port)(t, t.sb1, t.token())
        return True
    except OSError:
        return False


@CASES.case("allow --save writes the file, keeps its comments, and a reload keeps the rule")
def _save(t):
    text = policy(OPEN).replace("policies:", "# a comment of ours\npolicies:", 1)
    daemon = t.start(text)
    result = t.ours("allow", "203.0.113.66:80", "--network", "ds-test", "--save")
    expect_eq(result.status, 0, "exit status", result)
    arrives(t, t.sb1, p.tcp(p.EVIL4, 80))
    with open(t.policy_path) as f:
        saved = f.read()
    expect_in("# a comment of ours", saved, "the file")
    expect_in("203.0.113.66:80", saved, "the file")
    result = t.ours("allow", "203.0.113.66:80", "--network", "ds-test", "--save")
    expect_eq(result.status, 0, "exit status the second time", result)
    with open(t.policy_path) as f:
        expect_eq(f.read(), saved, "the file the second time")
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    arrives(t, t.sb1, p.tcp(p.EVIL4, 80))
    expect_eq(t.run([t.world.program, "check", t.policy_path]).status in (0, 1), True, "check")


@CASES.case("F-08 allow --save where nothing can be written: refused, nothing changed, nothing left")
def _save_full(t):
    folder = f"{t.world.work}/full"
    os.makedirs(folder, exist_ok=True)
    t.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", folder])
    try:
        t.stop()
        path = f"{folder}/policy.yaml"
        with open(path, "w") as f:
            f.write(policy(OPEN))
        daemon = t.daemon = Daemon(t.world, ["--policy", path])
        before = t.ruleset()
        with open(f"{folder}/filler", "wb", buffering=0) as f:
            try:
                while f.write(b"x" * 512):
                    pass
            except OSError:
                pass
        for how in ("full", "read-only"):
            if how == "read-only":
                os.unlink(f"{folder}/filler")
                t.run(["mount", "-o", "remount,ro", folder])
            result = t.ours("allow", "203.0.113.66:80", "--network", "ds-test", "--save")
            expect(result.status != 0, f"saved on a disk that is {how}", result)
            expect(result.err.strip(), "silent")
            with open(path) as f:
                expect_eq(f.read(), policy(OPEN), f"the file, {how}")
            expect(set(os.listdir(folder)) <= {"policy.yaml", "filler"},
                   f"left behind: {os.listdir(folder)}")
            expect_eq(t.ruleset(), before, f"the ruleset, {how}")
            stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
        unharmed(t, daemon)
    finally:
        t.stop()
        t.run(["umount", folder])


@CASES.case("F-08 a log that cannot be written holds nothing up")
def _log_full(t):
    t.stop()
    path = t.write(BASE)
    log = f"{t.world.work}/full.log"
    if not os.path.exists(log):
        os.symlink("/dev/full", log)
    daemon = t.daemon = Daemon(t.world, ["--policy", path], log=log)
    for _ in range(20):
        stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    unharmed(t, daemon)


# --- status
@CASES.case("status says what is enforced, by reading the kernel; exit status 0 and 4")
def _status(t):
    t.start(BASE)
    result = t.ours("status")
    expect_eq(result.status, 0, "exit status", result)
    expect_in("ds-test", result.out, "output")
    result = t.ours("status", "--json")
    reply = json.loads(result.out)
    expect_in("ds-test", json.dumps(reply), "the JSON")
    t.start(BASE.replace("bridge: brx", "bridge: brNowhere"))
    result = t.ours("status")
    expect_in("ds-other", result.out + result.err, "output")


@CASES.case("E-84 without CAP_NET_ADMIN nothing is said to be enforced")
def _not_enforced(t):
    path = t.write(BASE)
    t.stop()
    result = t.run([*ENTER, "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin",
                    t.world.program, "apply", "--policy", path])
    expect_in(result.status, (125, 4), "exit status of apply without CAP_NET_ADMIN", result)
    expect(result.err.strip(), "silent")
    expect("table inet sallyport {" not in t.ruleset(), "it loaded something all the same")
    result = t.run([*ENTER, "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin",
                    t.world.program, "daemon", "--policy", path, "--no-docker", "--control",
                    f"{t.world.work}/nocap.sock"], {"timeout": 5})
    expect(result.status not in (0, None), "a daemon without CAP_NET_ADMIN runs", result)


@CASES.case("apply exits with 0 or 4, and says what is not enforced")
def _apply(t):
    t.stop()
    result = t.command("apply", "--no-docker", "--policy", t.write(policy(OPEN)))
    expect_in(result.status, (0, 4), "exit status", result)
    if result.status == 4:
        expect(result.err.strip(), "silent")
    stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    for words, wanted in ((["--policy", "/nonexistent"], 2), ([], 2), (["--polic", "x"], 2)):
        result = t.command("apply", *words)
        expect_eq(result.status, wanted, f"exit status of apply {words}", result)
    t.stop()


@CASES.case("compile prints what nft takes, and what apply loads")
def _compile(t):
    t.stop()
    result = t.command("compile", "--policy", t.write(policy(OPEN)))
    expect_eq(result.status, 0, "exit status", result)
    try:
        t.world.nft("host", result.out)
    except RuntimeError as e:
        if "meta ibrname" in str(e) and "not supported" in str(e):
            raise Skip("this kernel has no `meta ibrname` (CONFIG_NFT_BRIDGE_META)") from e
        raise
    listed = t.nft("-s", "list", "table", "inet", "sallyport").out
    t.command("teardown")
    t.command("apply", "--no-docker", "--policy", t.write(policy(OPEN)))
    expect_eq(t.nft("-s", "list", "table", "inet", "sallyport").out, listed,
              "what nft lists after apply")
    t.stop()


@CASES.case("reconcile says that all is well, and finds what is not")
def _reconcile(t):
    daemon = t.under(BASE)
    reply = daemon.ask("reconcile")
    expect_eq(reply["status"], "ok", "status", reply)
    unharmed(t, daemon)


@CASES.case("commands without a daemon say so and exit with 3")
def _nobody(t):
    t.stop()
    for words in (["status"], ["reload"], ["refresh"], ["reconcile"],
                  ["allow", "203.0.113.66:80"], ["deny", "203.0.113.66:80"]):
        result = t.command(*words, control=f"{t.world.work}/nobody.sock")
        expect_eq(result.status, 3, f"exit status of {words}", result)
        expect(result.err.strip(), f"{words}: silent")


@CASES.case("requests from thirty clients at one time are all answered")
def _together(t):
    daemon = t.under(BASE)
    failures = []

    def one():
        try:
            for _ in range(20):
                if daemon.ask("status")["status"] != "ok":
                    failures.append("not ok")
        except (OSError, ValueError) as e:
            failures.append(repr(e))
    threads = [threading.Thread(target=one) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not failures, f"{failures[:3]}")
    unharmed(t, daemon)


@CASES.case("control that hears nothing is ended and started anew")
def _deaf(t):
    daemon = t.start(CASES.policy)
    old = next(pid for name, pid in daemon.children().items() if "gate" not in name)
    os.kill(old, signal.SIGSTOP)

    def replaced():
        os.kill(daemon.pid, signal.SIGHUP)  # an order, where the one before has been seen
        return old not in daemon.children().values() and len(daemon.children()) == 2
    eventually(replaced, "the deaf control is still there", timeout=40, pause=0.001)
    unharmed(t, daemon)
