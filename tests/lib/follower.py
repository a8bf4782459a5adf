# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon's client of the engine, by itself: tests/engine/engine_probe.c as an object."""

import json
import queue
import subprocess
import threading
import time

from .case import Fail

PATIENCE_S = 15


class Follower:
    def __init__(self, probe, socket, *watched):
        self.process = subprocess.Popen([probe, socket, *watched], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.SimpleQueue()
        self.seen = []  # every line so far
        self.networks = {}  # of the last snapshot
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def close(self):
        """It has to end by itself, having closed what it opened."""
        self.process.stdin.close()
        try:
            status = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Fail("the probe does not end") from None
        if status:
            raise Fail(f"the probe ended with status {status}")

    def tell(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()

    def next(self, timeout=PATIENCE_S):
        """The next line; None when there is none."""
        try:
            line = self.lines.get(timeout=max(timeout, 0))
        except queue.Empty:
            return None
        if line is None:
            raise Fail(f"the probe has ended: {self.process.wait(5)}")
        self.seen.append(line)
        self.networks = line.get("networks", self.networks)
        return line

    def until(self, what, wanted, timeout=PATIENCE_S):
        """The first line from now on for which wanted(line) holds."""
        deadline = time.monotonic() + timeout
        while line := self.next(deadline - time.monotonic()):
            if wanted(line):
                return line
        raise Fail(f"never came: {what}\nlast: {json.dumps(self.seen[-3:])[-3000:]}")

    def snapshot(self, what, wanted, timeout=PATIENCE_S):
        """The first snapshot whose networks satisfy wanted()."""
        return self.until(what, lambda line: "networks" in line and wanted(line["networks"]),
                          timeout)

    def gone(self, part="", timeout=PATIENCE_S):
        return self.until(f"gone: {part}", lambda line: part in line.get("gone", ""), timeout)

    def ask(self, *words):
        """A command that is answered: why it failed, None when it did not."""
        self.tell(*words)
        return self.until(words[0], lambda line: line.get("done") == words[0])["why"]

    def drain(self, quiet_s=0.3):
        """Every line until none comes for a while."""
        lines = []
        while line := self.next(quiet_s):
            lines.append(line)
        return lines


def container(networks, network, name):
    """Of a snapshot; None when the container is not there, or has not begun."""
    for entry in networks.get(network, {}).get("containers", ()):
        if entry["name"] == name and not entry["id"].startswith("ep-"):
            return entry
    return None
