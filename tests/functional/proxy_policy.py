# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is under which policy, what lists add, and how a change takes hold."""

import contextlib
import json
import os
import signal
import socket
import stat
import time

from lib import syscalls, zone
from lib.case import Cases, eventually, expect, expect_eq, expect_in
from lib.commands import curl
from lib.proxy import PORT, Proxy, proxy, shout, variables, write

CASES = Cases()

OTHER = 8889
TWO = ("127.0.0.1:8888", "127.0.0.1:8889")


def connect(target, *fields):
    return "\r\n".join([f"CONNECT {target} HTTP/1.1", f"Host: {target}", *fields, "", ""])


def status(t, target, *fields, port=PORT):
    _, reply = shout(t, connect(target, *fields), port=port, timeout=0.4)
    return reply.split(" ")[1] if reply else None


def basic(user):
    return {"alice": "Proxy-Authorization: Basic YWxpY2U6b25l",  # alice:one
            "bob": "Proxy-Authorization: basic Ym9iOnR3bzojMg==",  # bob:two:#2
            "wrong": "Proxy-Authorization: Basic YWxpY2U6dHdv",  # alice:two
            "cut": "Proxy-Authorization: Basic YWxpY2U6b25",
            "more": "Proxy-Authorization: Basic YWxpY2U6b25lIA==",
            "empty": "Proxy-Authorization: Basic",
            "bearer": "Proxy-Authorization: Bearer YWxpY2U6b25l"}[user]


USERS = "# who may\nalice:one\n\nbob:two:#2\r\n"

FILE = f"""
version: 1
policies:
  base:   {{rules: [{{deny: [evil.example]}}]}}
  good:   {{extends: [base], rules: [{{allow: [good.example]}}]}}
  wild:   {{extends: [base], rules: [{{allow: ["*.wild.example"]}}]}}
  narrow: {{rules: [{{allow: [v4.example]}}], limits: {{connections: 2}}}}
subjects:
  - proxy: 127.0.0.1:{PORT}
    policy: good
  - proxy: 127.0.0.1:{OTHER}
    user: alice
    policy: wild
  - proxy: 127.0.0.1:{OTHER}
    user: bob
    policy: narrow
"""


# --- By listener and by credentials, never by where it comes from.
@CASES.case("two listeners, two policies; the file says where to listen")
def _listeners(t):
    flags = ("--policy", write(t, "two.yaml", FILE), "--users", write(t, "users", USERS))
    with proxy(t, *flags, listen=()) as p:
        expect_eq(status(t, "good.example:443"), "200", "the first one's")
        expect_eq(status(t, "a.wild.example:443"), "403", "the other one's policy at the first")
        expect_eq(status(t, "good.example:443", port=OTHER), "407", "without credentials")
        subjects = {e["subject"] for e in p.events()}
        expect_in(f"proxy:127.0.0.1:{PORT}", subjects, "subjects")


@CASES.case("each user has a policy of its own, and wrong credentials have none")
def _users(t):
    flags = ("--policy", write(t, "two.yaml", FILE), "--users", write(t, "users", USERS))
    with proxy(t, *flags, listen=()) as p:
        for who, target, wanted in (
            ("alice", "a.wild.example:443", "200"), ("alice", "v4.example:443", "403"),
            ("bob", "v4.example:443", "200"), ("bob", "a.wild.example:443", "403"),
            ("wrong", "a.wild.example:443", "407"), ("cut", "a.wild.example:443", "407"),
            ("more", "a.wild.example:443", "407"), ("bearer", "a.wild.example:443", "407"),
            ("empty", "a.wild.example:443", "407"),
        ):
            expect_eq(status(t, target, basic(who), port=OTHER), wanted, f"{who} to {target}")
        subjects = {e["subject"] for e in p.events(verdict="allow")}
        expect_eq(subjects, {f"proxy:{u}@127.0.0.1:{OTHER}" for u in ("alice", "bob")}, "subjects")
        # Where nobody has to log in, credentials do not matter.
        expect_eq(status(t, "good.example:443", basic("wrong")), "200", "at the first listener")


@CASES.case("407 says how to log in, and the secret is in no log")
def _challenge(t):
    flags = ("--policy", write(t, "two.yaml", FILE), "--users", write(t, "users", USERS))
    with proxy(t, *flags, listen=()) as p:
        _, reply = shout(t, connect("a.wild.example:443", basic("wrong")), port=OTHER)
        expect_in('Proxy-Authenticate: Basic realm="sallyport"', reply, "the answer")
        _, said = p.stop()
        for text in (said, open(p.log).read()):
            for secret in ("YWxpY2U6", "alice:two", "alice:one"):
                expect(secret not in text, f"{secret} is in a log", text)


@CASES.case("real clients log in: curl by Basic and by SOCKS, wget, python")
def _clients(t):
    users = write(t, "users", USERS)
    with proxy(t, "--allow", "good.example:80,443", "--users", users):
        url = f"http://alice:one@127.0.0.1:{PORT}"
        for command in (curl("https://good.example/"), curl("http://good.example/"),
                        ["wget", "-q", "-O-", "--tries=1", "http://good.example/"]):
            result = t.plain(env=variables(url))(command)
            expect_in("site=good.example", result.out, "the page", result)
        for secret, wanted in (("one", True), ("two", False)):
            url = f"socks5h://alice:{secret}@127.0.0.1:{PORT}"
            result = t.plain(env=variables(url, socks=True))(curl("https://good.example/"))
            expect(("site=" in result.out) == wanted, f"SOCKS with {secret}", result)
        result = t.plain(env=variables())(curl("https://good.example/"))
        expect(result.status != 0, "it passed without credentials", result)


for what, text, message in (
    ("no colon", "alice\n", "users: line 1: expected NAME:SECRET"),
    ("an empty secret", "a:b\nalice:\n", "users: line 2: expected NAME:SECRET"),
    ("a name twice", "a:b\na:c\n", "users: line 2: a second secret"),
    ("a control byte", "a:b\x01\n", "users: line 1"),
):
    @CASES.case(f"a file of users with {what}")
    def _bad_users(t, text=text, message=message):
        result = t.plain()([t.world.program, "proxy", "--listen", "127.0.0.1:8888", "--users",
                            write(t, "users", text)])
        expect(result.status in (2, 125), f"status {result.status}", result)
        expect_in(message, result.err, "stderr", result)


@CASES.case("a subject whose user has no secret keeps it from starting")
def _no_secret(t):
    result = t.plain()([t.world.program, "proxy", "--policy", write(t, "two.yaml", FILE)])
    expect_in('there is no secret for the user "alice"', result.err, "stderr", result)
    expect_in("two.yaml:", result.err, "stderr", result)


# --- Lists.
@CASES.case("lists add up in order, an absent one is fine, and what the policy denies stays denied")
def _lists(t):
    policy = write(t, "deny.yaml", "version: 1\npolicies:\n  p:\n    rules:\n"
                                   "      - deny: [evil.example]\n")
    with proxy(t, "--policy", policy,
               "--baseline", write(t, "baseline", "good.example  # the site\n\nevil.example\n"),
               "--allow-file", write(t, "project", "*.wild.example\ngood.example\n"),
               "--allow-file", f"{t.world.work}/nowhere") as p:
        expect(any("nowhere" in line for line in p.said), "the absent one is not told", p.said)
        for target, wanted in (("good.example", "200"), ("a.wild.example", "200"),
                               ("evil.example", "403"), ("v4.example", "403")):
            expect_eq(status(t, f"{target}:443"), wanted, target)
        rules = {e["rule"] for e in p.events(verdict="allow")}
        expect_eq(rules, {"baseline:1", "project:1"}, "rules")
        expect_eq({e["rule"] for e in p.events(name="evil.example")}, {"p:1"}, "the deny's rule")


@CASES.case("a tinyproxy filter: plain domains are taken, a pattern is answered with what was meant")
def _filter(t):
    with proxy(t, "--baseline", write(t, "filter", "good.example\nwww.good.example\n")):
        expect_eq(status(t, "www.good.example:443"), "200", "a plain domain")
    result = t.plain()([t.world.program, "proxy", "--listen", "127.0.0.1:8888", "--baseline",
                        write(t, "filter", "good.example\n\\.wild\\.example$\n")])
    expect_in("filter:2:1", result.err, "stderr", result)
    expect_in("*.wild.example", result.err, "stderr", result)


# --- Reload.
class Tunnel:
    """A connection of the test's own through the proxy to an echo server on the internet."""

    def __init__(self, t, target, port=PORT):
        self.sock = syscalls.socket_in("/run/netns/host", socket.AF_INET, socket.SOCK_STREAM)
        self.sock.settimeout(3)
        self.sock.connect(("127.0.0.1", port))
        self.sock.sendall(connect(target).encode())
        reply = self.sock.recv(4096)
        expect(b" 200 " in reply, f"no tunnel to {target}", reply)

    def lives(self):
        try:
            self.sock.sendall(b"ping\n")
            return self.sock.recv(4096).endswith(b"ping\n")
        except OSError:
            return False


def echo(*names):
    return "\n".join(f"{n}:{zone.PORT_ECHO}" for n in names) + "\n"


PORTS = ["--connect-ports", f"443,{zone.PORT_ECHO}"]


def change(t, p, what, how):
    if how == "SIGHUP":
        p.signal(signal.SIGHUP)
    elif how == "SIGUSR1":
        p.signal(signal.SIGUSR1)
    else:
        result = t.plain()([t.world.program, "reload", "--socket", f"{t.world.work}/control"])
        expect_eq(result.status, 0, "sallyport reload", result)
    return p.wait_for("reload" if what else "reload failed")


for how in ("SIGHUP", "SIGUSR1", "the control socket"):
    @CASES.case(f"reload by {how}: what is still allowed goes on, the rest ends within a second")
    def _reload(t, how=how):
        path = write(t, "list", echo("good.example", "tcp.example"))
        with proxy(t, "--baseline", path, *PORTS, "--control", f"{t.world.work}/control") as p:
            good = Tunnel(t, f"good.example:{zone.PORT_ECHO}")
            gone = Tunnel(t, f"tcp.example:{zone.PORT_ECHO}")
            expect(good.lives() and gone.lives(), "the tunnels do not work")
            write(t, "list", echo("good.example", "v4.example"))
            start = time.monotonic()
            change(t, p, True, how)
            eventually(lambda: not gone.lives(), "the tunnel that is no longer allowed lives", 1.0)
            expect(time.monotonic() - start < 1, "it took more than a second")
            expect(good.lives(), "the tunnel that is still allowed has ended")
            expect_eq(status(t, f"tcp.example:{zone.PORT_ECHO}"), "403", "the removed one")
            expect_eq(status(t, f"v4.example:{zone.PORT_ECHO}"), "200", "the added one")
            ended = [e for e in p.events(verdict="deny") if "policy that allowed it" in e["reason"]]
            expect_eq([e["name"] for e in ended], ["tcp.example"], "what is told to have ended")


@CASES.case("reload under traffic: not a byte of what is still allowed is lost, 30 times")
def _reload_traffic(t):
    path = write(t, "list", "good.example:80\n")
    with proxy(t, "--baseline", path) as p:
        download = t.popen(t.enter() + ["curl", "-sS", "--limit-rate", "3M", "-x",
                                        f"http://127.0.0.1:{PORT}", "http://good.example/bytes/6000000"])
        for i in range(30):
            write(t, "list", f"good.example:80\nn{i}.wild.example\n")
            p.signal(signal.SIGHUP)
            p.wait_for("reloaded")
        out, err = download.communicate(timeout=20)
        expect_eq(len(out), 6000000, "bytes", err)
        expect_eq(p.process.poll(), None, "the proxy")


@CASES.case("a deny that is new ends what it hits, by name and by address")
def _reload_deny(t):
    text = ("version: 1\npolicies:\n  p:\n    rules:\n{0}"
            f"      - allow: [\"good.example:{zone.PORT_ECHO}\", \"tcp.example:{zone.PORT_ECHO}\"]\n")
    path = write(t, "p.yaml", text.format(""))
    with proxy(t, "--policy", path, *PORTS) as p:
        tunnels = [Tunnel(t, f"{n}.example:{zone.PORT_ECHO}") for n in ("good", "tcp")]
        both = ", ".join(zone.both(70))
        write(t, "p.yaml", text.format(f"      - deny: [{both}]\n"))
        p.reload()
        expect(tunnels[0].lives(), "the other one has ended")
        expect(not tunnels[1].lives(), "the denied address is still connected")


for what, text in (
    ("an error in the list", "good.example\n*.com\n"), ("a list that is gone", None),
    ("a list that cannot be read", "unreadable"),
):
    @CASES.case(f"reload with {what}: what was in force stays, and why is told")
    def _reload_bad(t, text=text):
        path = write(t, "list", echo("good.example"))
        with proxy(t, "--baseline", path, *PORTS, "--control", f"{t.world.work}/control") as p:
            good = Tunnel(t, f"good.example:{zone.PORT_ECHO}")
            os.unlink(path)
            if text == "unreadable":
                os.mkdir(path)
            elif text:
                write(t, "list", text)
            result = t.plain()([t.world.program, "reload", "--socket", f"{t.world.work}/control"])
            expect_eq(result.status, 1, "sallyport reload", result)
            expect_in("list", result.err, "stderr", result)
            said = p.wait_for("reload failed, what was in force stays")
            expect_in("list", said, "what the proxy says")
            expect(good.lives(), "the tunnel has ended")
            expect_eq(status(t, f"good.example:{zone.PORT_ECHO}"), "200", "the old policy")
            state = t.plain()([t.world.program, "status", "--socket", f"{t.world.work}/control"])
            expect_in("the last reload failed", state.out, "status", state)
            if text == "unreadable":
                os.rmdir(path)


@CASES.case("reload --try and --confirm of a proxy, which has no trials: refused, and nothing is reloaded")
def _reload_trial(t):
    path = write(t, "list", echo("good.example"))
    with proxy(t, "--baseline", path, *PORTS, "--control", f"{t.world.work}/control"):
        write(t, "list", echo("tcp.example"))
        for words in (["--try", "5s"], ["--confirm"]):
            result = t.plain()([t.world.program, "reload", *words, "--socket", f"{t.world.work}/control"])
            expect_eq(result.status, 1, f"sallyport reload {words}", result)
            expect_in("a daemon", result.err, "stderr", result)
            expect_eq(status(t, f"tcp.example:{zone.PORT_ECHO}"), "403", "the new policy")
        expect_eq(status(t, f"good.example:{zone.PORT_ECHO}"), "200", "the old policy")


@CASES.case("a secret that changes ends the tunnels of whoever had it")
def _reload_secret(t):
    users = write(t, "users", "alice:one\nbob:two:#2\n")
    with proxy(t, "--allow", f"good.example:{zone.PORT_ECHO}", *PORTS, "--users", users) as p:
        def login(who):
            tunnel = Tunnel.__new__(Tunnel)
            tunnel.sock = syscalls.socket_in("/run/netns/host", socket.AF_INET, socket.SOCK_STREAM)
            tunnel.sock.settimeout(3)
            tunnel.sock.connect(("127.0.0.1", PORT))
            tunnel.sock.sendall(connect(f"good.example:{zone.PORT_ECHO}", basic(who)).encode())
            expect(b" 200 " in tunnel.sock.recv(4096), f"{who} cannot log in")
            return tunnel
        alice, bob = login("alice"), login("bob")
        write(t, "users", "alice:new\nbob:two:#2\n")
        p.reload()
        expect(bob.lives(), "bob's tunnel has ended")
        expect(not alice.lives(), "alice's tunnel lives")
        expect_eq([e["reason"] for e in p.events(name="good.example", verdict="deny")],
                  ["ended: its user is gone, or has another secret"], "what is told")


@CASES.case("a policy that says dns: off from now on ends the tunnels to names")
def _reload_dns_off(t):
    text = (f"version: 1\npolicies:\n  p:\n    dns: {{0}}\n    rules:\n"
            f"      - allow: [\"good.example:{zone.PORT_ECHO}\"]\n")
    path = write(t, "p.yaml", text.format("virtual"))
    with proxy(t, "--policy", path, *PORTS) as p:
        tunnel = Tunnel(t, f"good.example:{zone.PORT_ECHO}")
        write(t, "p.yaml", text.format('"off"'))
        p.reload()
        expect(not tunnel.lives(), "it lives")
        expect_eq(status(t, f"good.example:{zone.PORT_ECHO}"), "403", "a new one")


@CASES.case("an audit that begins does not open the host's loopback to what is open already")
def _reload_audit_host(t):
    text = "version: 1\npolicies:\n  p:\n    mode: {0}\n    rules:\n      - allow: [\"{1}\"]\n"
    path = write(t, "p.yaml", text.format("enforce", f"host:{zone.PORT_LOOPBACK}"))
    with proxy(t, "--policy", path, "--connect-ports", str(zone.PORT_LOOPBACK)) as p:
        tunnel = Tunnel(t, f"host.sallyport.internal:{zone.PORT_LOOPBACK}")
        expect(tunnel.lives(), "it does not work")
        write(t, "p.yaml", text.format("audit", "good.example"))
        p.reload()
        expect(not tunnel.lives(), "it lives")


# --- The control socket.
def ask(path, *lines, timeout=3):
    """Replies to lines written as they are."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(path)
    data = b""
    for line in lines:
        s.sendall(line)
    try:
        while data.count(b"\n") < len([x for x in lines if x.endswith(b"\n")]):
            part = s.recv(65536)
            if not part:
                break
            data += part
    except OSError:
        pass
    return [json.loads(x) for x in data.splitlines()]


@CASES.case("status tells who is under which policy, read from the gate")
def _status(t):
    flags = ("--policy", write(t, "two.yaml", FILE), "--users", write(t, "users", USERS),
             "--control", f"{t.world.work}/control")
    with proxy(t, *flags, listen=()) as p:
        result = t.plain()([t.world.program, "status", "--json", "--socket",
                            f"{t.world.work}/control"])
        expect_eq(result.status, 0, "exit status", result)
        said = json.loads(result.out)
        expect_eq(said["serving"], True, "serving")
        expect_eq(said["gate_pid"], p.gate(), "the gate")
        expect_eq([(c["listen"], c["user"], c["policy"]) for c in said["clients"]],
                  [(f"127.0.0.1:{PORT}", None, "good"), (f"127.0.0.1:{OTHER}", "alice", "wild"),
                   (f"127.0.0.1:{OTHER}", "bob", "narrow"), (f"127.0.0.1:{OTHER}", None, None)],
                  "clients")
        mode = os.stat(f"{t.world.work}/control").st_mode
        expect_eq(stat.S_IMODE(mode), 0o660, "the socket's mode")
    result = t.plain()([t.world.program, "status", "--socket", f"{t.world.work}/control"])
    expect_eq(result.status, 3, "exit status without a proxy", result)


@CASES.case("odd clients of the control socket delay nobody")
def _control(t):
    path = f"{t.world.work}/control"
    with proxy(t, "--allow", "good.example", "--control", path) as p:
        for line, part in ((b"nonsense\n", "no JSON"), (b"{}\n", "action"), (b"[]\n", "action"),
                           (b'{"action":"x"}\n', "unknown action"), (b'{"action":7}\n', "action"),
                           (b'{"action":"status","action":"x"}\n', "no JSON"),
                           (b'\xff\n', "no JSON")):
            reply = ask(path, line)
            expect_eq(reply[0]["status"], "error", "status")
            expect_in(part, reply[0]["message"], "message")
        expect_eq(len(ask(path, b'{"action":"status"}\n', b'{"action":"status"}\n')), 2, "replies")
        silent = []
        for _ in range(40):
            s = socket.socket(socket.AF_UNIX)
            s.connect(path)
            silent.append(s)
        time.sleep(0.2)
        reply = ask(path, b'{"action":"status"}\n')
        expect_eq([r["status"] for r in reply], ["error"], "the 41st client")
        expect_in("32 clients", reply[0]["message"], "why")
        silent[0].settimeout(8)
        expect_eq(silent[0].recv(10), b"", "a silent one, after its time")
        time.sleep(0.7)
        expect_eq(ask(path, b'{"action":"status"}\n')[0]["status"], "ok", "once they are gone")
        expect_eq(ask(path, b"x" * 1100000), [], "a line that never ends")
        expect_eq(p.process.poll(), None, "the proxy")


@CASES.case("somebody else may ask, and may not change anything")
def _peer(t):
    if not t.world.is_root():
        return
    path = f"{t.world.work}/control"
    with proxy(t, "--allow", "good.example", "--control", path):
        os.chmod(path, 0o666)
        words = ["nsenter", "--net=/run/netns/host", "setpriv", "--reuid=2001", "--regid=2001",
                 "--clear-groups", t.world.program]
        os.chmod(t.world.work, 0o755)
        result = t.run([*words, "status", "--socket", path])
        expect_eq(result.status, 0, "status", result)
        result = t.run([*words, "reload", "--socket", path])
        expect_eq(result.status, 1, "reload", result)
        expect_in("uid 2001 may not reload", result.err, "stderr", result)


# --- What dies, and what does not.
@CASES.case("a gate that dies is started anew: meanwhile nothing passes, afterwards all is as before")
def _gate_dies(t):
    with proxy(t, "--allow", "good.example", "--control", f"{t.world.work}/control") as p:
        for i in range(3):
            os.kill(p.gate(), signal.SIGKILL)
            p.wait_for("the gate has died")
            p.wait_for("the gate is there again")
            expect_eq(status(t, "good.example:443"), "200", f"after death {i + 1}")
            expect_eq(status(t, "evil.example:443"), "403", f"after death {i + 1}")
        state = t.plain()([t.world.program, "status", "--socket", f"{t.world.work}/control"])
        expect_in("started anew 3 times", state.out, "status", state)


@CASES.case("a supervisor that dies takes the gate with it")
def _supervisor_dies(t):
    with proxy(t, "--allow", "good.example") as p:
        gate = p.gate()
        p.process.kill()
        eventually(lambda: not os.path.exists(f"/proc/{gate}"), "the gate lives on")


@CASES.case("a full disk under the log is told once, and how much is missing at the end; nothing stops")
def _full(t):
    p = Proxy(t, ["--allow", "good.example", "--log", "/dev/full"])
    try:
        for _ in range(2):
            expect_eq(status(t, "evil.example:443"), "403", "a denied name")
            expect_eq(status(t, "good.example:443"), "200", "an allowed name")
        _, said = p.stop()
        expect_eq(said.count(": events are missing from it"), 1, "warnings", said)
        expect_in("--log /dev/full: 4 events are missing from it", said, "the number at the end")
    finally:
        p.stop()


# --- Limits.
@CASES.case("limits: connections over the policy's number get 503, and room is made again")
def _connections(t):
    text = ("version: 1\npolicies:\n  p:\n    rules: [{allow: [\"good.example:" +
            f"{zone.PORT_ECHO}\"]}}]\n    limits: {{connections: 3}}\n")
    with proxy(t, "--policy", write(t, "p.yaml", text), *PORTS) as p:
        tunnels = [Tunnel(t, f"good.example:{zone.PORT_ECHO}") for _ in range(3)]
        _, reply = shout(t, connect(f"good.example:{zone.PORT_ECHO}"))
        expect_in("HTTP/1.1 503", reply, "the fourth")
        expect_in("Retry-After: 1", reply, "the fourth")
        tunnels.pop().sock.close()
        eventually(lambda: status(t, f"good.example:{zone.PORT_ECHO}") == "200", "no room is made")
        expect(all(x.lives() for x in tunnels), "the others have ended")
        eventually(lambda: p.events(verdict="deny"), "no event")


@CASES.case("limits: a quota that is used up ends the download, and survives a reload")
def _quota(t):
    text = ("version: 1\npolicies:\n  p:\n    rules: [{{allow: [\"good.example:80\"{}]}}]\n"
            "    limits: {{quota: 1MB/hour}}\n")
    path = write(t, "p.yaml", text.format(""))
    with proxy(t, "--policy", path) as p:
        env = variables()
        result = t.plain(env=env)(["bash", "-c", "curl -s http://good.example/bytes/3000000 | wc -c"])
        expect(900_000 <= int(result.out) <= 1_000_200, "bytes", result)
        write(t, "p.yaml", text.format(", v4.example"))
        p.reload()
        result = t.plain(env=env)(["curl", "-s", "http://good.example/"])
        expect_in("quota of the policy's limits is used up", result.out, "the 403", result)


def crowd_of(n):
    """So many connections to the proxy. Those for which it has no room it resets, some before
    connect() has returned."""
    crowd = []
    for _ in range(n):
        s = syscalls.socket_in("/run/netns/host", socket.AF_INET, socket.SOCK_STREAM)
        with contextlib.suppress(ConnectionResetError):
            s.connect(("127.0.0.1", PORT))
        crowd.append(s)
    return crowd


@CASES.case("few descriptors: who takes all that there are at one listener stops nobody at another")
def _descriptors(t):
    places = (f"127.0.0.1:{PORT}", f"127.0.0.1:{OTHER}")
    with proxy(t, "--allow", "good.example", listen=places, under=("prlimit", "--nofile=64")) as p:
        crowd = crowd_of(100)
        expect_eq(status(t, "good.example:443", port=OTHER), "200", "at the other listener")
        for s in crowd:
            s.close()
        eventually(lambda: status(t, "good.example:443") == "200", "no room was made again")
        expect_eq(p.events(verdict="deny"), [], "denials")


@CASES.case("limits: what stands in the heads of requests is part of the quota")
def _quota_heads(t):
    text = ("version: 1\npolicies:\n  p:\n    limits: {quota: 70kB/hour}\n"
            "    rules:\n      - allow: [\"good.example:80\"]\n")
    get = ("GET http://good.example/ HTTP/1.1\r\nHost: good.example\r\nConnection: close\r\n"
           f"X: {'y' * 30000}\r\n\r\n")
    with proxy(t, "--policy", write(t, "p.yaml", text)):
        answers = [shout(t, get)[1].split(" ")[1:2] for _ in range(3)]
        expect_eq(answers, [["200"], ["200"], ["403"]], "the answers")


@CASES.case("Ctrl-C ends it, twice in a row it starts again at the same place")
def _again(t):
    for _ in range(2):
        with proxy(t, "--allow", "good.example", "--control", f"{t.world.work}/control") as p:
            expect_eq(status(t, "good.example:443"), "200", "an allowed name")
            p.signal(signal.SIGINT)
            expect_eq(p.process.wait(5), 0, "exit status")
            expect(not os.path.exists(f"{t.world.work}/control"), "the socket is still there")


@CASES.case("with few descriptors: no busy loop, nobody is cut off, and it serves again")
def _descriptors(t):
    limit = [*t.enter(), "prlimit", "--nofile=64:64"]
    words = [*limit, t.world.program, "proxy", "-q", "--listen", f"127.0.0.1:{PORT}", "--allow",
             f"good.example:{zone.PORT_ECHO}", *PORTS]
    p = t.popen(words)
    try:
        eventually(lambda: b"ready" in os.read(p.stderr.fileno(), 65536), "it does not start", 5)
        tunnel = Tunnel(t, f"good.example:{zone.PORT_ECHO}")
        crowd = crowd_of(200)
        gate = open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()[0]

        def ticks():
            fields = open(f"/proc/{gate}/stat").read().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])
        before = ticks()
        time.sleep(1)
        expect(ticks() - before < 30, f"{ticks() - before} ticks of CPU time in a second")
        expect(tunnel.lives(), "the tunnel that was there has ended")
        for s in crowd:
            s.close()
        eventually(lambda: status(t, f"good.example:{zone.PORT_ECHO}") == "200", "it serves no more",
                   3)
    finally:
        p.kill()
        p.communicate()


@CASES.case("a second one at the same place is told why it cannot")
def _twice(t):
    with proxy(t, "--allow", "good.example", "--control", f"{t.world.work}/control"):
        base = [t.world.program, "proxy", "--allow", "good.example"]
        result = t.plain()([*base, "--listen", f"127.0.0.1:{PORT}"])
        expect_eq(result.status, 125, "exit status", result)
        expect_in("Address already in use", result.err, "stderr", result)
        result = t.plain()([*base, "--listen", "127.0.0.1:8890", "--control",
                            f"{t.world.work}/control"])
        expect_in("another sallyport listens there", result.err, "stderr", result)
