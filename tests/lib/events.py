# SPDX-License-Identifier: GPL-2.0-or-later
"""Append-only logs, one JSON object a line: servers write them, cases read them."""

import json
import os
import time


class Writer:
    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def __call__(self, event, **fields):
        line = json.dumps({"event": event, "time": time.monotonic(), **fields})
        os.write(self.fd, line.encode() + b"\n")


class Reader:
    def __init__(self, path):
        self.path = path
        open(path, "a").close()

    def mark(self):
        """A position; since(mark) is what was written after it."""
        return os.path.getsize(self.path)

    def since(self, mark, **match):
        with open(self.path, "rb") as f:
            f.seek(max(mark - 1, 0))
            text = f.read()
        if mark:  # a line that was being written then began before
            _, _, text = text.partition(b"\n")
        whole, _, _ = text.rpartition(b"\n")  # one that is being written now will be read later
        events = [json.loads(line) for line in whole.splitlines()]
        return [e for e in events if all(e.get(k) == v for k, v in match.items())]

    def wait(self, mark, timeout=2.0, **match):
        """The events that match, as soon as there is one; [] after the timeout."""
        deadline = time.monotonic() + timeout
        while True:
            found = self.since(mark, **match)
            if found or time.monotonic() > deadline:
                return found
            time.sleep(0.005)
