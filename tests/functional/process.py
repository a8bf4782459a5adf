# SPDX-License-Identifier: GPL-2.0-or-later
"""The command is as it would be without a jail: its status, signals, terminal and descriptors."""

import contextlib
import os
import signal
import socket
import time

from lib.case import Cases, Fail, eventually, expect, expect_eq, expect_in
from lib.commands import python, shell
from lib.jail import gates
from lib.syscalls import socket_in
from lib.terminal import Terminal
from lib.world import USER

CASES = Cases()


# --- Exit status.
for status in (0, 1, 2, 42, 125, 255):
    @CASES.case(f"exit status {status}")
    def _status(t, status=status):
        expect_eq(t.jail()(shell(f"exit {status}")).status, status, "exit status")

for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT, signal.SIGPIPE):
    @CASES.case(f"ended by {number.name}")
    def _signal(t, number=number):
        result = t.jail()(shell(f"ulimit -c 0; kill -{int(number)} $$"))
        expect(result.status in (128 + number, -number), f"exit status {result.status}", result)


# --- Signals to sallyport itself.
def started(t, script, flags=(), **options):
    """A jail whose command has printed `ready`; gives the process that a user would see."""
    process = t.popen(t.words(list(flags), shell(script)), text=True, **options)
    line = process.stdout.readline()
    if line != "ready\n":
        process.kill()
        expect(False, f"not ready: {line!r}", process.communicate()[1])
    return process


for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT):
    @CASES.case(f"{number.name} reaches the command, which may handle it")
    def _passed(t, number=number):
        name = number.name[3:]
        process = started(t, f"trap 'echo got it; exit 9' {name}; echo ready; "
                          "while :; do sleep 0.05; done")
        process.send_signal(number)
        out, err = process.communicate(timeout=5)
        expect_eq(out, "got it\n", "what the command said", err)
        expect_eq(process.returncode, 9, "exit status", err)


@CASES.case("SIGTERM ends a command that does not handle it")
def _term(t):
    process = started(t, "echo ready; exec sleep 60")
    process.terminate()
    process.communicate(timeout=5)
    expect(process.returncode in (143, -15), f"exit status {process.returncode}")


@CASES.case("sallyport killed: nothing of the jail stays")
def _killed(t):
    process = started(t, "echo ready; exec sleep 61")
    process.kill()
    process.communicate(timeout=5)
    eventually(lambda: not gates(), "the gate lives on", 3)
    eventually(lambda: b"sleep\x0061" not in b"".join(_command_lines()), "the command lives on", 3)


def _command_lines():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                yield f.read()
        except OSError:
            pass


@CASES.case("stopped and continued with the command")
def _stop(t):
    process = started(t, "echo ready; read x; echo $x")
    process.send_signal(signal.SIGTSTP)
    time.sleep(0.2)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate("after\n", timeout=5)
    expect_eq(out, "after\n", "output", err)


# --- Terminal.
def terminal(t, *command):
    return Terminal(t.words(["-q"], list(command)), t.environment(), t.world.work)


@CASES.case("Ctrl-C ends the command")
def _interrupt(t):
    with terminal(t, "bash", "-c", "echo ready; exec sleep 60") as tty:
        tty.wait_for("ready")
        tty.type("\x03")
        expect_eq(tty.wait(), 130, "exit status")


@CASES.case("Ctrl-C may be handled, and is delivered once")
def _handled(t):
    with terminal(t, "bash", "-c",
                  "trap 'echo caught' INT; echo ready; read a; read a; echo got $a") as tty:
        tty.wait_for("ready")
        tty.type("\x03")
        tty.wait_for("caught")
        time.sleep(0.1)
        expect("caught" not in tty.screen, "delivered twice")
        tty.type("one\n")
        tty.type("two\n")
        tty.wait_for("got")
        expect_eq(tty.wait(), 0, "exit status")


@CASES.case("Ctrl-Z and fg, from an interactive shell")
def _job_control(t):
    env = t.environment({"PS1": "prompt> "})
    words = t.enter() + ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(words, env, t.world.work) as tty:
        tty.wait_for("prompt> ")
        tty.type(f"{t.world.program} run -q -- bash -c 'echo rea''dy; read x; echo g''ot $x'\n")
        tty.wait_for("ready")
        time.sleep(0.5)
        tty.type("\x1a")
        tty.wait_for("Stopped")
        tty.wait_for("prompt> ")
        tty.type("fg\n")
        time.sleep(1.5)
        tty.type("hello\n")
        tty.wait_for("got hello")
        tty.type("exit 5\n")
        expect_eq(tty.wait(), 5, "the shell's exit status")


@CASES.case("a shell in the jail has job control of its own")
def _shell(t):
    words = t.words(["-q"], ["bash", "--norc", "--noprofile", "-i"])
    with Terminal(words, t.environment({"PS1": "jail> "}), t.world.work) as tty:
        tty.wait_for("jail> ")
        expect("no job control" not in tty.screen, "bash says it has no job control")
        tty.type("sleep 50\n")
        time.sleep(0.3)
        tty.type("\x1a")
        tty.wait_for("Stopped")
        tty.wait_for("jail> ")
        tty.type("fg\n")
        tty.wait_for("sleep 50\r\n")
        for _ in range(8):  # the shell names the job before it hands the terminal over
            tty.type("\x03")
            tty.type("echo sta''tus $?\n")
            with contextlib.suppress(Fail):
                tty.wait_for("status 130", 1)
                break
        else:
            raise Fail("the job that was continued does not take Ctrl-C")
        tty.type("exit 6\n")  # which the shell refuses while a job is stopped
        expect_eq(tty.wait(), 6, "exit status")


@CASES.case("size of the terminal, and its change")
def _size(t):
    with terminal(t, "bash", "-c", "trap 'stty size' WINCH; stty size; echo ready; "
                  "while :; do sleep 0.05; done") as tty:
        tty.wait_for("24 80")
        tty.wait_for("ready")
        tty.resize(40, 132)
        tty.wait_for("40 132")


@CASES.case("the command owns the terminal's foreground")
def _foreground(t):
    code = "import os; print('fore', os.tcgetpgrp(0) == os.getpgrp(), os.isatty(1), os.ttyname(0))"
    with terminal(t, *python(code)) as tty:
        tty.wait_for("fore True True /dev/")
        expect_eq(tty.wait(), 0, "exit status")


@CASES.case("the terminal is left as it was found")
def _restored(t):
    words = t.enter() + ["bash", "-c", f"stty -a >a; {t.world.program} run -q -- true; stty -a >b; "
                         "cmp a b && echo sa''me"]
    with Terminal(words, t.environment(), t.world.work) as tty:
        tty.wait_for("same")


# --- Standard streams.
@CASES.case("stdin and stdout are pipes, byte for byte")
def _pipes(t):
    data = os.urandom(3_000_000)
    process = t.popen(t.words([], ["cat"]))
    out, _ = process.communicate(data, timeout=10)
    expect(out == data, f"{len(out)} of {len(data)} bytes, or others")


@CASES.case("stderr is the command's own")
def _stderr(t):
    result = t.jail("-q", "--allow", "good.example")(shell("echo words >&2"))
    expect_eq(result.err, "words\n", "stderr", result)


@CASES.case("-q is quiet also when something was denied")
def _quiet(t):
    result = t.jail("-q", "--allow", "good.example")(shell("dig evil.example >/dev/null; true"))
    expect_eq(result.err, "", "stderr", result)


@CASES.case("the output is not held up until the end")
def _unbuffered(t):
    process = started(t, "echo ready; sleep 5")
    process.kill()
    process.communicate()


@CASES.case("closed standard streams")
def _closed(t):
    result = t.run(t.enter() + shell(f"{t.world.program} run -q -- bash -c 'ls -l /proc/self/fd/ "
                                     ">/tmp/x 2>&1; exit 4' <&- >&- 2>&-; echo status $?"))
    expect_in("status 4", result.out, "output", result)


# --- Descriptors.
LIST = "import os; print(sorted(int(f) for f in os.listdir('/proc/self/fd')))"


@CASES.case("no descriptor above 2 is inherited",
            control=lambda t: expect_in("3", _with_descriptor(t, t.plain)[1].out, "descriptors"))
def _descriptors(t):
    number, result = _with_descriptor(t, t.jail)
    expect_eq(result.out, "[0, 1, 2, 3]\n", f"descriptors (3 reads the list); {number} was given",
              result)


def _with_descriptor(t, how, *flags):
    with open("/etc/hostname") as f:
        number = f.fileno()
        return number, how(*flags, pass_fds=[number])(python(LIST))


@CASES.case("--keep-fd keeps one, by its number")
def _kept(t):
    r, w = os.pipe()
    r2, w2 = os.pipe()
    os.write(w, b"through")
    code = f"import os; print(os.read({r}, 99)); os.fstat({r2})"
    result = t.jail("--keep-fd", str(r), pass_fds=[r, r2])(python(code))
    for fd in (r, w, r2, w2):
        os.close(fd)
    expect_in("b'through'", result.out, "what was read", result)
    expect_in("Bad file descriptor", result.err, "the other descriptor", result)


@CASES.case("a network socket of the host as stdin is refused")
def _socket_stdin(t):
    """An Internet socket made outside stays outside: it would be a way past the gate."""
    outside = socket_in("/run/netns/host", socket.AF_INET, socket.SOCK_STREAM)
    code = ("import socket; s = socket.socket(fileno=0); s.connect(('203.0.113.66', 999)); "
            "s.sendall(b'tok-00000000feed'); print('sent')")
    marks = t.marks()
    process = t.popen(t.words([], python(code)), stdin=outside, text=True)
    out, err = process.communicate(timeout=10)
    outside.close()
    leaks = t.leaks(marks)
    expect(not leaks, f"packets left: {leaks}", out, err)
    expect_eq(process.returncode, 125, "exit status", out, err)
    expect_in("socket", err, "the message")


# --- Privilege.
STATUS = ("import re; s = open('/proc/self/status').read(); "
          "print({k: re.search(k + r':\\s+(\\S+)', s)[1] for k in "
          "('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Uid', 'Gid')})")

for who, root in (("the user", False), ("real root", True)):
    @CASES.case(f"no capability, no new privileges, same ids, as {who}")
    def _privilege(t, root=root):
        result = t.jail(root=root)(python(STATUS))
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"):
            expect_in(f"'{name}': '0000000000000000'", result.out, "status", result)
        expect_in("'NoNewPrivs': '1'", result.out, "status", result)
        uid = 0 if root else USER
        expect_in(f"'Uid': '{uid}', 'Gid': '{uid}'", result.out, "status", result)


@CASES.case("files are written as the user, where they were")
def _files(t):
    t.jail()(shell("echo hello >written; mkdir -p d"))
    status = os.stat(f"{t.world.work}/written")
    expect_eq(status.st_uid, USER if t.world.is_root() else 0, "owner")
    expect_eq(open(f"{t.world.work}/written").read(), "hello\n", "content")


@CASES.case("working directory, umask, nice, limits and environment are kept")
def _kept_state(t):
    code = ("import os, resource; print(os.getcwd(), oct(os.umask(0)), os.nice(0), "
            "resource.getrlimit(resource.RLIMIT_CORE), os.environ.get('MARK'))")
    script = "umask 027; ulimit -c 1000; export MARK=kept; exec nice -n 3 "
    plain = t.run(t.enter() + shell(script + '"$@"', *python(code)))
    words = [t.world.program, "run", "-q", "--", *python(code)]
    jailed = t.run(t.enter() + shell(script + '"$@"', *words))
    expect_eq(jailed.out, plain.out, "state", jailed)


@CASES.case("/proc shows what is there, children are found, pids agree")
def _proc(t):
    result = t.jail()(shell("sleep 0.1 & test -d /proc/$! && test -d /proc/$$ && wait && "
                            "echo fine"))
    expect_in("fine", result.out, "output", result)


@CASES.case("a background child does not outlive the jail's network")
def _background(t):
    start = time.monotonic()
    result = t.jail()(shell("sleep 30 >/dev/null 2>&1 & echo left"))
    expect_in("left", result.out, "output", result)
    expect(time.monotonic() - start < 3, "sallyport waited for a background child")
