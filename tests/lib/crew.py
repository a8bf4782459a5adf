# SPDX-License-Identifier: GPL-2.0-or-later
"""A suite whose files are shared among several bubbles, each with a world of its own."""

import json
import os
import sys
import time

from . import bubble
from .case import Fail, Skip


def line_of(error):
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"


def run_case(testbed, case, controls_only):
    """(word, why)"""
    try:
        if case.control:
            try:
                case.control(testbed)
            except Fail as e:
                return "FAIL", f"control: {e}"
        elif controls_only:
            return "skip", "no control"
        if not controls_only:
            case.check(testbed)
            testbed.settle()
    except Skip as e:
        return "skip", str(e)
    except Fail as e:
        return "FAIL", f"{e} ({line_of(e)})"
    except Exception as e:
        return "FAIL", f"{type(e).__name__}: {e} ({line_of(e)})"
    return "ok", ""


def share(groups, make_testbed, workers, controls=False):
    """
    Runs groups of cases, [[Case]], each whole in one of the bubbles, in the order given. Yields
    (word, name, why, seconds) as cases end; ("unavailable", ...) when there can be no bubble.
    """
    todo_out, todo_in = os.pipe()
    os.write(todo_in, bytes(range(len(groups))))
    os.close(todo_in)
    done_out, done_in = os.pipe()
    pids = []
    for _ in range(workers):
        pid = os.fork()
        if pid == 0:
            os.close(done_out)
            os._exit(_worker(groups, make_testbed, controls, todo_out, done_in))
        pids.append(pid)
    os.close(done_in)
    os.close(todo_out)
    with open(done_out, encoding="utf-8") as results:
        for line in results:
            yield json.loads(line)
    for pid in pids:
        os.waitpid(pid, 0)


def _worker(groups, make_testbed, controls, todo, done):
    def say(*what):
        # One write of less than a pipe's atomic size, so that lines of workers do not mix.
        word, name, why, seconds = what
        os.write(done, json.dumps([word, name, why[-2500:], seconds]).encode()[:4000] + b"\n")

    def main():
        try:
            testbed = make_testbed()
        except bubble.Unavailable as e:
            say("unavailable", "", str(e), 0)
            return 0
        while number := os.read(todo, 1):
            for case in groups[number[0]]:
                start = time.monotonic()
                word, why = run_case(testbed, case, controls)
                say(word, case.name, why, time.monotonic() - start)
                if word == "FAIL":
                    testbed.afresh()
        return 0

    try:
        status = bubble.run(main)
    except bubble.Unavailable as e:
        say("unavailable", "", str(e), 0)
        return 0
    if status:
        say("FAIL", "(a whole bubble)", f"it ended with {status}", 0)
    sys.stdout.flush()
    return status
