# SPDX-License-Identifier: GPL-2.0-or-later
"""F-08: a log that is not written or not read holds nothing up, and what is missing from it is told."""

import contextlib
import json
import os
import re
import subprocess
import time

import probes as p
from lib.case import eventually, expect, expect_eq, expect_in
from lib.confined import BASE, NetCases, arrives
from lib.daemon import ENTER, Daemon
from lib.flood import Flood

CASES = NetCases()
SECONDS = 30


def start(t, log, **how):
    t.stop()
    t.daemon = Daemon(t.world, ["--policy", t.write(BASE)], log=log, **how)
    return t.daemon


def lost(story):
    return sum(int(n) for n in re.findall(r"(\d+) events? (?:is|are) missing", story))


def denials(t, n):
    """So few that each becomes an event."""
    for i in range(n):
        with contextlib.suppress(OSError):
            p.tcp(p.EVIL4, 9000 + i)(t, t.sb1, t.token())


def full_disk(t):
    """A directory on a disk of 16 KiB."""
    folder = f"{t.world.work}/log-disk"
    os.makedirs(folder, exist_ok=True)
    t.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", folder])
    return folder


@CASES.case("a full disk: it goes on, tells, and counts; when there is room, whole lines follow")
def _disk(t):
    folder = full_disk(t)
    try:
        log = f"{folder}/denied.jsonl"
        filler = f"{folder}/filler"
        daemon = start(t, log)
        with open(filler, "wb", buffering=0) as f:
            f.write(b"x" * 11000)
        denials(t, 25)
        eventually(lambda: "events are missing" in daemon.story(), "it is not told", 3)
        expect_in(log, daemon.story(), "the story")
        arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
        os.unlink(filler)
        time.sleep(1.1)
        denials(t, 3)
        eventually(lambda: lost(daemon.story()) > 0, "the number is not told", 3)
        time.sleep(0.2)
        with open(log, encoding="utf-8", errors="replace") as f:
            lines = f.read().splitlines()
        whole = [line for line in lines if line.endswith("}")]
        expect(len(lines) - len(whole) <= 1, "more than one line is torn", lines)
        for line in whole:
            json.loads(line)
        expect(len(whole) + lost(daemon.story()) >= 28, "not all are written or told of as lost",
               daemon.story())
    finally:
        t.stop()
        t.run(["umount", folder])


@CASES.case("a log that takes nothing: the number is told at the end")
def _nothing(t):
    link = f"{t.world.work}/no-room.log"
    if not os.path.lexists(link):
        os.symlink("/dev/full", link)
    daemon = start(t, link)
    denials(t, 3)
    eventually(lambda: "No space left on device: events are missing" in daemon.story(),
               "it is not told", 3)
    daemon.stop()
    expect(lost(daemon.story()) >= 3, "the number is not told", daemon.story())
    t.stop()


@CASES.case("a pipe whose reader rests: it goes on, tells, and counts")
def _pipe(t):
    path = f"{t.world.work}/resting.fifo"
    if not os.path.exists(path):
        os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        daemon = start(t, path)
        with Flood(t, t.sb1, rate=3000, allowed=False):
            eventually(lambda: "it is not read: events are missing" in daemon.story(),
                       "it is not told", 12)
            start_s = time.monotonic()
            expect_eq(daemon.ask("status")["status"], "ok", "status")
            expect(time.monotonic() - start_s < 0.5, "the status takes long")
            arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
        expect(os.read(reader, 1 << 20), "nothing was written")
        time.sleep(1.1)

        def told():
            denials(t, 1)
            return lost(daemon.story()) > 0
        eventually(told, "the number is not told", 5)
    finally:
        os.close(reader)
        t.stop()


@CASES.case("a pipe that nobody reads, and one whose reader has gone")
def _unread(t):
    t.stop()
    path = f"{t.world.work}/unread.fifo"
    if not os.path.exists(path):
        os.mkfifo(path)
    result = t.run([*ENTER, t.world.program, "daemon", "--policy", t.write(BASE), "--no-docker",
                    "--control", f"{t.world.work}/unread.sock", "--log", path], {"timeout": 5})
    expect_eq(result.status, 2, "exit status", result)
    expect_in("a pipe that nobody reads", result.err, "what it says", result)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    daemon = start(t, path)
    os.close(reader)
    denials(t, 2)
    eventually(lambda: "events are missing" in daemon.story(), "it is not told", 3)
    expect(daemon.alive(), f"it died: {daemon.story()}")
    arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
    t.stop()


@CASES.case("a standard error that nobody reads")
def _stderr(t):
    t.stop()
    control = f"{t.world.work}/quiet.sock"
    words = [*ENTER, t.world.program, "daemon", "--policy", t.write(BASE), "--no-docker",
             "--control", control, "--log", "-"]
    ours, theirs = os.pipe()
    process = subprocess.Popen(words, stderr=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    try:
        eventually(lambda: os.path.exists(control), "it does not start", 5)
        with Flood(t, t.sb1, rate=3000, allowed=False):
            time.sleep(6)
            result = t.run([t.world.program, "status", "--socket", control], {"timeout": 3})
            expect_eq(result.status, 0, "exit status of status", result)
        process.terminate()
        process.wait(5)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)
        t.stop()
