# SPDX-License-Identifier: GPL-2.0-or-later
"""The systemd unit of the daemon leaves it what it needs: here without systemd."""

import os
import re
import shutil
import signal
import time

import probes as p
from lib.case import Skip, eventually, expect, expect_eq, expect_in
from lib.confined import BASE, NetCases, arrives, stays_in

CASES = NetCases()
SECONDS = 25
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data")
PROC = "mount -t proc -o subset=pid,hidepid=invisible proc /proc && exec \"$@\""


def settings():
    """{key: the words of all its lines}"""
    found = {}
    with open(f"{DATA}/sallyport.service.in") as f:
        for key, value in re.findall(r"^([A-Za-z]+)=(.*)$", f.read(), re.M):
            found.setdefault(key, []).extend(value.split())
    return found


@CASES.case("with the unit's capabilities and its /proc it confines, reloads and starts its children anew")
def _rights(t):
    caps = ",".join("+" + c.removeprefix("CAP_").lower()
                    for c in settings()["CapabilityBoundingSet"])
    before = ["unshare", "--mount", "sh", "-c", PROC, "sh", "setpriv", "--no-new-privs",
              "--inh-caps=-all", f"--bounding-set=-all,{caps}"]
    daemon = t.start(BASE, before=before, control=f"{t.folder}/unit.sock",
                     log=f"{t.folder}/unit.log")
    for _ in range(2):
        arrives(t, t.sb1, p.tcp(p.GOOD4, 7007))
        stays_in(t, t.sb1, p.tcp(p.EVIL4, 80))
        expect_eq(daemon.ask("reload")["status"], "ok", "reload")
        for pid in daemon.children().values():
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.3)
        eventually(lambda: len(daemon.children()) == 2, "its children are not there again", 5)
    result = t.ours("allow", "203.0.113.66:80", "--network", "ds-test", "--save")
    expect_eq(result.status, 0, "exit status of allow --save", result)
    arrives(t, t.sb1, p.tcp(p.EVIL4, 80))
    daemon.stop()


@CASES.case("systemd finds nothing to say about the units")
def _verify(t):
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze")
    for unit in ("sallyport", "sallyport-proxy"):
        path = f"{t.world.work}/{unit}.service"
        with open(f"{DATA}/{unit}.service.in") as f, open(path, "w") as out:
            text = f.read().replace("@BINDIR@/sallyport", "/bin/true")
            out.write(re.sub(r"^Documentation=.*\n", "", text, flags=re.M))
        result = t.run(["systemd-analyze", "verify", path], {"timeout": 20})
        expect_eq(result.status, 0, f"what systemd says of {unit}", result)
        expect("sallyport" not in result.out + result.err, f"it says: {result}")


@CASES.case("the unit is ready when the rules are, and comes before the engines")
def _order(t):
    found = settings()
    expect_eq(found["Type"], ["notify"], "Type")
    for engine in ("docker.service", "podman.service"):
        expect_in(engine, found["Before"], "Before")
    expect_in("2", found["RestartPreventExitStatus"], "RestartPreventExitStatus")
