# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal with a person at it: a pty, what is typed, and what has appeared on the screen."""

import fcntl
import os
import pty
import select
import struct
import termios
import time

from .case import Fail


class Terminal:
    def __init__(self, words, env, cwd, size=(24, 80)):
        self.screen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(words[0], words, env)
        self.resize(*size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.pid, 9)
        except ProcessLookupError:
            pass
        os.close(self.fd)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def _read(self, timeout):
        """False at the end."""
        if not select.select([self.fd], [], [], timeout)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: nobody has the terminal open any more
            return False
        self.screen += data.decode(errors="replace")
        return bool(data)

    def wait_for(self, text, timeout=8):
        """Returns once text is there; what follows it stays on the screen."""
        deadline = time.monotonic() + timeout
        while text not in self.screen:
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                raise Fail(f"{text!r} did not appear; the screen says {self.screen!r}")
        self.screen = self.screen.partition(text)[2]

    def wait(self, timeout=8):
        """The exit status, as the shell would say it."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self._read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
        raise Fail(f"it did not end; the screen says {self.screen!r}")
