# SPDX-License-Identifier: GPL-2.0-or-later
"""
A private copy of the machine for one test run: its own processes, mounts and, without root, users.

Everything a run makes (namespaces, veths, files under TMP and /run, daemons that forked away)
lives only in here and is gone when the run ends, however it ends: the kernel kills all processes
of a PID namespace with its first one, and that one dies with its parent.
"""

import os
import signal
import sys
import traceback

from . import syscalls as sc

# Directories that every distribution has. One, not above this checkout, is a tmpfs in the bubble.
TMP = next(d for d in ("/mnt", "/srv", "/media") if not os.path.realpath(__file__).startswith(d))


class Unavailable(Exception):
    """This machine does not let us build the bubble; the text says what was refused."""


def run(main):
    """Runs main() in a bubble and returns its exit status."""
    try:
        _unshare()
    except OSError as e:
        raise Unavailable(f"cannot make namespaces ({e})") from e
    child = os.fork()
    if child == 0:
        os._exit(_first_process(main))
    return _wait(child)


def _unshare():
    flags = sc.CLONE_NEWNS | sc.CLONE_NEWPID
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        sc.unshare(flags)
        return
    # `ip netns add` returns to where it came from, which takes rights over that network.
    sc.unshare(flags | sc.CLONE_NEWUSER | sc.CLONE_NEWNET)
    for file, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{file}", "w") as f:
            f.write(text)


def _first_process(main):
    """Reaps what nobody waits for, as an init does, while main() runs in a child."""
    sc.die_with_parent(signal.SIGKILL)
    child = os.fork()
    if child == 0:
        os._exit(_second_process(main))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the child's to handle
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1


def _second_process(main):
    # Not ignored, as it would be below a shell's `&`: what is started here inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    status = 1
    try:
        _private_mounts()
        status = main() or 0
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else 1
    except KeyboardInterrupt:
        status = 130
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _private_mounts():
    sc.mount(None, "/", None, sc.MS_REC | sc.MS_PRIVATE)
    sc.mount("proc", "/proc", "proc")
    resolv = os.path.realpath("/etc/resolv.conf")
    sc.mount("tmpfs", TMP, "tmpfs", 0, "mode=755")
    sc.mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    if resolv.startswith("/run/"):
        os.makedirs(os.path.dirname(resolv), exist_ok=True)
        open(resolv, "w").close()


def _wait(child):
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: sys.exit(128 + n))
    try:
        _, status = os.waitpid(child, 0)
    except KeyboardInterrupt:
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1
