# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs commands in the host namespace: in a jail, or, as a control, without one."""

import dataclasses
import json
import os
import signal
import subprocess
import time

from .world import USER

TIMEOUT_S = 40


@dataclasses.dataclass
class Result:
    command: list
    status: int  # negative: killed by that signal; None: still ran after the timeout
    out: str
    err: str
    seconds: float
    events: list = dataclasses.field(default_factory=list)  # of --log

    def __str__(self):
        ended = "timed out" if self.status is None else f"status {self.status}"
        return (f"$ {' '.join(map(str, self.command))}\n[{ended} after {self.seconds:.2f} s]\n"
                f"stdout: {self.out[-1500:]}\nstderr: {self.err[-1500:]}")


class Runner:
    """plain() and jail() return functions of a command; they take the same keyword options."""

    def __init__(self, world):
        self.world = world
        self.n_logs = 0

    def enter(self, root=False):
        """The words that take a command into the host namespace, as the test user or as root."""
        words = ["nsenter", "--net=/run/netns/host"]
        if root:
            return words
        if self.world.is_root():
            return words + [f"--setuid={USER}", f"--setgid={USER}"]  # and no other groups
        return words + ["unshare", "--user", f"--map-user={USER}", f"--map-group={USER}"]

    def environment(self, more=None):
        ca = self.world.ca
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "HOME": self.world.work, "LANG": "C.UTF-8", "TERM": "xterm",
               "SSL_CERT_FILE": ca, "CURL_CA_BUNDLE": ca}
        env.update(more or {})
        return {k: v for k, v in env.items() if v is not None}

    def plain(self, **options):
        return lambda command: self.run(self.enter(options.get("root")) + command, options)

    def words(self, flags, command, root=False):
        return self.enter(root) + [self.world.program, "run", *flags, "--", *command]

    def jail(self, *flags, **options):
        def run(command):
            self.n_logs += 1
            log = f"{self.world.work}/events-{self.n_logs}"
            words = self.words([*flags, "--log", log], command, options.get("root"))
            result = self.run(words, options)
            result.events = read_events(log)
            return result
        return run

    def popen(self, words, **options):
        options.setdefault("env", self.environment())
        options.setdefault("cwd", self.world.work)
        for stream in ("stdin", "stdout", "stderr"):
            options.setdefault(stream, subprocess.PIPE)
        return subprocess.Popen(words, **options)

    def run(self, words, options=None):
        options = options or {}
        start = time.monotonic()
        process = self.popen(words, start_new_session=True, text=True, errors="replace",
                             env=self.environment(options.get("env")),
                             pass_fds=options.get("pass_fds", ()))
        try:
            out, err = process.communicate(options.get("stdin", ""),
                                           options.get("timeout", TIMEOUT_S))
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            status = None
        return Result(words, status, out, err, time.monotonic() - start)


def read_events(path):
    try:
        with open(path) as f:
            return [json.loads(line) for line in f]
    except FileNotFoundError:
        return []


def _processes():
    """(pid, name) of everything that runs in this bubble."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                name, _, rest = f.read().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if rest.split()[0] != "Z":
            yield int(pid), name


def gates():
    return [pid for pid, name in _processes() if name == "sallyport-gate"]


def leftovers():
    """Processes of sallyport: none may outlive its jail."""
    return [f"{name} {pid}" for pid, name in _processes() if name.startswith("sallyport")]


def kill_all(but):
    """Everything in this bubble except us and those."""
    for pid, _ in _processes():
        if pid not in (1, os.getpid(), *but):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
