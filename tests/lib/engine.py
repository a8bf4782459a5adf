# SPDX-License-Identifier: GPL-2.0-or-later
"""
A Docker engine of its own in the host namespace of the small internet (see world.py).

It keeps everything below the bubble's TMP and is in the bubble's process and mount namespaces, so
that containers, shims, mounts and images end with the run, however it ends. Only cgroups lie
outside: sweep() removes those.
"""

import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import time

from . import bubble
from .case import Fail, expect
from .engine_api import ABSENT, FORBIDDEN, Api

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"  # Debian's own engine and clients, nobody else's
HOME = f"{bubble.TMP}/engine"
PROGRAMS = ("containerd", "dockerd", "docker", "docker-compose", "runc", "iptables")
POOL = "10.77.0.0/16"
START_S = 30
COMMAND_S = 120

CGROUPS = "/sys/fs/cgroup"
PREFIX = "sallyport-test-"

CONTAINERD = f"""
version = 2
root = "{HOME}/containerd"
state = "{HOME}/containerd.state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{HOME}/containerd.sock"
[ttrpc]
address = "{HOME}/containerd.sock.ttrpc"
[debug]
level = "warn"
"""


def missing():
    """The programs that are not there."""
    return [name for name in PROGRAMS if not shutil.which(name, path=PATH)]


def _cgroups(name):
    """In a unified hierarchy and in every one of the older kind."""
    return glob.glob(f"{CGROUPS}/{name}") + glob.glob(f"{CGROUPS}/*/{name}")


def sweep():
    """Removes the cgroups of runs that have ended. To be called outside the bubble."""
    for top in _cgroups(PREFIX + "*"):
        owner = top.rpartition("-")[2]
        if owner != str(os.getpid()) and os.path.exists(f"/proc/{owner}"):
            continue
        for directory, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):  # somebody else's sweep was quicker
                os.rmdir(directory)


class Engine:
    def __init__(self, world, run_id, live_restore=False):
        """live_restore: containers go on while dockerd is away, as where it is upgraded."""
        self.world = world
        self.api = Api(self.socket())
        os.makedirs(HOME, mode=0o700)
        self._write("containerd.toml", CONTAINERD)
        self._write("daemon.json", json.dumps({"deprecated-key-path": f"{HOME}/key.json",
                                               "live-restore": live_restore}))
        self._start("containerd", "--config", f"{HOME}/containerd.toml")
        self._wait("containerd", lambda: os.path.exists(f"{HOME}/containerd.sock"))
        self.run_id = run_id
        self.start()

    def start(self):
        """dockerd; containerd runs on when it ends."""
        self._start("dockerd", "--config-file", f"{HOME}/daemon.json",
                    "--data-root", f"{HOME}/data", "--exec-root", f"{HOME}/exec",
                    "--pidfile", f"{HOME}/pid", "--host", f"unix://{HOME}/docker.sock",
                    "--containerd", f"{HOME}/containerd.sock", "--bridge", "none",
                    "--default-address-pool", f"base={POOL},size=24", "--userland-proxy=false",
                    "--cgroup-parent", f"/{PREFIX}{self.run_id}", "--log-level", "warn")
        self.process = self.world.daemons[-1]
        self._wait("dockerd", self.api.is_there)

    def stop(self, number=signal.SIGTERM):
        """Containers end with it, unless it is killed or was told to leave them."""
        self.process.send_signal(number)
        self.process.wait(START_S)

    def revive(self):
        """After a case that may have ended it."""
        if self.process.poll() is not None:
            self.start()

    def clean(self):
        """No container, and no network but the engine's own; the engine is there."""
        self.revive()
        for container in self.api("GET", "/containers/json", all=True):
            self.remove(container["Id"])
        self.api("POST", "/networks/prune")

    @staticmethod
    def socket():
        return f"{HOME}/docker.sock"

    @staticmethod
    def _write(name, text):
        with open(f"{HOME}/{name}", "w") as f:
            f.write(text)

    @staticmethod
    def environment(more=None):
        return {"PATH": PATH, "HOME": HOME, "LANG": "C.UTF-8",
                "DOCKER_HOST": f"unix://{HOME}/docker.sock", **(more or {})}

    def _start(self, *command):
        with open(f"{HOME}/{command[0]}.log", "w") as log:
            self.world.start("host", *command, env=self.environment(), stderr=log, stdout=log)

    def _wait(self, name, ready):
        deadline = time.monotonic() + START_S
        while not ready():
            if self.world.daemons[-1].poll() is not None or time.monotonic() > deadline:
                with open(f"{HOME}/{name}.log") as f:
                    raise RuntimeError(f"{name} did not start:\n{f.read()[-3000:]}")
            time.sleep(0.02)

    def _client(self, words, **options):
        env = self.environment(options.pop("env", None))
        return subprocess.run(words, env=env, capture_output=True, timeout=COMMAND_S, **options)

    def try_docker(self, *words, **options):
        return self._client(["docker", *words], **options)

    @staticmethod
    def _output(result, words):
        if result.returncode:
            raise Fail(f"{' '.join(words)}: {result.stderr.decode(errors='replace')[-2000:]}")
        return result.stdout.decode(errors="replace").strip()

    def docker(self, *words, **options):
        return self._output(self.try_docker(*words, **options), ("docker", *words))

    def compose(self, files, *words, env=None):
        files = [word for file in files for word in ("--file", file)]
        result = self._client(["docker-compose", *files, *words], env=env)
        return self._output(result, ("docker-compose", *words))

    # By the API

    def network(self, name):
        """What the engine knows of a network; None when there is none of this name."""
        return self.api("GET", f"/networks/{name}", but=[ABSENT])

    def inspect(self, what):
        """Of a container or, as the command does it, else of a network."""
        found = self.api("GET", f"/containers/{what}/json", but=[ABSENT]) or self.network(what)
        if not found:
            raise Fail(f"the engine knows no {what}")
        return found

    def start_container(self, name, network, image, command, volumes=()):
        """As `docker run --detach` does it."""
        made = self.api("POST", "/containers/create", name=name, body={
            "Image": image, "Cmd": list(command),
            "HostConfig": {"NetworkMode": network, "Binds": list(volumes)}})
        self.api("POST", f"/containers/{made['Id']}/start")

    def remove(self, container):
        """Also one that runs; one that is not there is all right."""
        self.api("DELETE", f"/containers/{container}", but=[ABSENT], force=True)

    def remove_network(self, name):
        """One that is not there is all right; so is one with containers, which stays."""
        self.api("DELETE", f"/networks/{name}", but=[ABSENT, FORBIDDEN])

    def enter(self, container):
        """
        The words that take a command into a container, with its variables, and with no capability
        where it has none. They do without the engine: quicker, and it may be away.
        """
        found = self.inspect(container)
        pid = found["State"]["Pid"]
        expect(pid, f"{container} does not run")
        words = ["nsenter", f"--target={pid}", "--mount", "--net", "--pid", "--uts",
                 "--ipc"]
        if found["HostConfig"]["CapDrop"] == ["ALL"]:
            words += ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]
        return [*words, "env", "-i", *found["Config"]["Env"]]
