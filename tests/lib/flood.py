# SPDX-License-Identifier: GPL-2.0-or-later
"""A flood of datagrams out of a sandbox, and what of it arrives on the internet's side."""

import signal
import subprocess

DENIED, ALLOWED = 9, 7007  # ports: of evil, which no policy opens; of the good site
LEAKS = {
    "denied4": "ip saddr 10.77.0.0/24 ip daddr 203.0.113.66",
    "denied6": "ip6 saddr fd77::/64 ip6 daddr 2001:db8:113::66",
    "allowed4": "ip saddr 10.77.0.0/24 ip daddr 203.0.113.10 udp dport 7007",
    "allowed6": "ip6 saddr fd77::/64 ip6 daddr 2001:db8:113::10 udp dport 7007",
    "neighbour": "ip saddr 10.77.0.0/24 ip daddr 10.77.8.0/24",
}


class Flood:
    """For the time of a block. sent: after it; leaked and arrived: at any time."""

    def __init__(self, t, box, rate=4000, seconds=120, allowed=True):
        self.t, self.box = t, box
        self.words = [seconds, rate, "203.0.113.66", DENIED, "2001:db8:113::66", DENIED]
        self.allowed = [seconds, 200, "203.0.113.10", ALLOWED, "2001:db8:113::10", ALLOWED]
        self.with_allowed = allowed
        self.sent = 0
        self.processes = []

    def _start(self, words):
        tool = self.t.world.tool("flood")
        self.processes.append(subprocess.Popen(
            [*self.box.enter(), tool, *map(str, words)], stdout=subprocess.PIPE, text=True))

    def __enter__(self):
        self.t.world.counters(LEAKS)
        self._start(self.words)
        if self.with_allowed:
            self._start(self.allowed)
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        self.sent, *_ = [int(process.communicate(timeout=10)[0] or 0)
                         for process in self.processes]
        self.processes = []

    def leaked(self):
        return self.t.world.counted("denied4") + self.t.world.counted("denied6")

    def arrived(self):
        return self.t.world.counted("allowed4") + self.t.world.counted("allowed6")
