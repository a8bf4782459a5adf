# SPDX-License-Identifier: GPL-2.0-or-later
"""A `sallyport proxy` in the host namespace, for as long as a case needs it."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import time

from . import syscalls
from .case import expect
from .jail import read_events

PORT = 8888
SETTLED_S = 0.05
URL = f"http://127.0.0.1:{PORT}"


def variables(url=URL, socks=False):
    """What makes programs use it: in both cases of letters, as programs differ."""
    if socks:
        return {"ALL_PROXY": url, "all_proxy": url}
    names = ("HTTP_PROXY", "HTTPS_PROXY")
    return {n: url for name in names for n in (name, name.lower())}


class Proxy:
    def __init__(self, t, flags, root=False, listen=(f"127.0.0.1:{PORT}",), environment=None,
                 under=()):
        t.n_proxies = getattr(t, "n_proxies", 0) + 1
        self.t = t
        self.log = f"{t.world.work}/proxy-{t.n_proxies}"
        words = t.enter(root) + [*under, t.world.program, "proxy", "--log", self.log]
        for place in listen:
            words += ["--listen", place]
        self.process = t.popen(words + list(flags), stdin=subprocess.DEVNULL,
                               env=t.environment(environment))
        self.said = []  # lines of stderr that were read
        self.rest = b""  # the beginning of the next one
        self.wait_for("proxy ready")

    def _line(self, deadline):
        """The next line of stderr; "" when there is none in time, or ever."""
        while b"\n" not in self.rest:
            wait = max(0, deadline - time.monotonic())
            if not select.select([self.process.stderr], [], [], wait)[0]:
                return ""
            part = os.read(self.process.stderr.fileno(), 65536)
            if not part:
                return ""
            self.rest += part
        line, _, self.rest = self.rest.partition(b"\n")
        self.said.append(line.decode(errors="replace") + "\n")
        return self.said[-1]

    def wait_for(self, text, timeout=5.0):
        """Reads stderr until a line has the text."""
        deadline = time.monotonic() + timeout
        while True:
            line = self._line(deadline)
            expect(line, f"the proxy did not say {text!r}", "".join(self.said))
            if text in line:
                return line

    def pid(self):
        """Of the supervisor, which nsenter and setpriv have become."""
        return self.process.pid

    def gate(self):
        children = open(f"/proc/{self.pid()}/task/{self.pid()}/children").read().split()
        return int(children[0]) if children else None

    def signal(self, number):
        os.kill(self.pid(), number)

    def reload(self):
        self.signal(signal.SIGHUP)
        self.wait_for("reload")

    def events(self, **match):
        """As far as they are told: a client may know of its end before the log does."""
        size = -1
        while size != (now := os.path.getsize(self.log) if os.path.exists(self.log) else 0):
            size = now
            time.sleep(SETTLED_S)
        return [e for e in read_events(self.log) if all(e.get(k) == v for k, v in match.items())]

    def stop(self):
        """(status, all that it said)"""
        if self.process.poll() is None:
            self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            _, rest = self.process.communicate(timeout=5)
            return self.process.returncode, self._all(rest)
        self.process.kill()
        return None, self._all(self.process.communicate()[1])

    def _all(self, rest):
        text, self.rest = (self.rest + rest).decode(errors="replace"), b""
        self.said.append(text)
        return "".join(self.said)


@contextlib.contextmanager
def proxy(t, *flags, **options):
    p = Proxy(t, flags, **options)
    try:
        yield p
    finally:
        p.stop()


def write(t, name, text):
    """A file that the test user may read; its path."""
    path = f"{t.world.work}/{name}"
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o644)
    return path


def shout(t, text, port=PORT, timeout=3.0, half_close=False):
    """Sends exactly these bytes from the host namespace; what came back until the end."""
    data, end = b"", "closed"
    with syscalls.socket_in("/run/netns/host", socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(3)
        s.connect(("127.0.0.1", port))
        s.settimeout(timeout)
        s.sendall(text.encode("latin-1") if isinstance(text, str) else text)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        try:
            while part := s.recv(65536):
                data += part
        except TimeoutError:
            end = "open"
        except ConnectionResetError:
            end = "reset"
    return end, data.decode("latin-1")
