# SPDX-License-Identifier: GPL-2.0-or-later
"""`sallyport daemon` in the host namespace of bridgeworld.py, and the commands that speak to it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

from .case import Fail, eventually
from .events import Reader
from .jail import read_events

START_S = 10
ENTER = ["nsenter", "--net=/run/netns/host"]


class Daemon:
    n_started = 0

    def __init__(self, world, flags, control=None, wait=True, environment=None, before=(),
                 log=None, docker=None):
        """before: words in front of the program, such as `prlimit ...`. docker: an engine's socket."""
        Daemon.n_started += 1
        self.world = world
        stem = f"{world.work}/daemon-{os.getpid()}-{Daemon.n_started}"
        self.control = control or f"{stem}.sock"
        self.log_path = log or f"{stem}.log"
        self.err_path = f"{stem}.err"
        self.log = Reader(self.log_path)
        engine = ["--docker", docker] if docker else ["--no-docker"]
        words = [*ENTER, *before, world.program, "daemon", *flags, *engine, "--control", self.control,
                 "--log", self.log_path]
        with open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(words, stderr=err, stdin=subprocess.DEVNULL,
                                            start_new_session=True, cwd=world.work,
                                            env={**os.environ, **(environment or {})})
        if wait:
            self.wait_ready()

    @property
    def pid(self):
        return self.process.pid  # nsenter executes it

    def story(self):
        with open(self.err_path, errors="replace") as f:
            return f.read()

    def alive(self):
        return self.process.poll() is None

    def wait_ready(self, timeout=START_S):
        deadline = time.monotonic() + timeout
        while "daemon ready" not in self.story():
            if not self.alive():
                raise Fail(f"the daemon ended with {self.process.returncode}: {self.story()}")
            if time.monotonic() > deadline:
                raise Fail(f"the daemon is not ready after {timeout} s: {self.story()}")
            time.sleep(0.005)

    def children(self):
        """{name: pid} of its processes but itself."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, IndexError):
                with open(f"/proc/{pid}/stat") as f:
                    name, _, rest = f.read().partition("(")[2].rpartition(")")
                if int(rest.split()[1]) == self.pid:
                    found[name] = int(pid)
        return found

    def stop(self, number=signal.SIGTERM, timeout=5.0):
        """Returns its exit status. The rules stay."""
        if self.alive():
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Fail(f"it does not end by signal {number}: {self.story()}") from None

    def kill(self):
        children = self.children()
        self.process.kill()
        self.process.wait()
        for pid in children.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def connect(self):
        """A client. Where many wait already, so does it."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.settimeout(10)
        deadline = time.monotonic() + 5
        while True:
            try:
                s.connect(self.control)
                return s
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.002)

    def ask(self, action, **fields):
        """One request over the socket; the reply."""
        with self.connect() as s:
            s.sendall(json.dumps({"action": action, **fields}).encode() + b"\n")
            return json.loads(read_line(s).partition(b"\n")[0])

    def events(self, mark=0, **match):
        return self.log.since(mark, **match)

    def wait_event(self, mark, accept, timeout=3.0):
        """The first event of which accept() is true."""
        found = []

        def there():
            found[:] = [e for e in self.log.since(mark) if accept(e)]
            return found
        eventually(there, "no such event", timeout)
        return found[0]

    def denials(self, mark=0):
        return [e for e in read_events(self.log_path) if e.get("verdict") == "deny"][mark:]


def read_line(s):
    data = b""
    while not data.endswith(b"\n"):
        part = s.recv(65536)
        if not part:
            break
        data += part
    return data
