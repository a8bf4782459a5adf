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
from .case import Fail

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
        self._wait("dockerd", lambda: self.try_docker("version").returncode == 0)

    def stop(self, number=signal.SIGTERM):
        """Containers end with it, unless it is killed or was told to leave them."""
        self.process.send_signal(number)
        self.process.wait(START_S)

    def clean(self):
        """No container, and no network but the engine's own; the engine is there."""
        if self.process.poll() is not None:
            self.start()
        names = self.docker("ps", "--all", "--quiet").split()
        if names:
            self.docker("rm", "--force", *names)
        self.docker("network", "prune", "--force")

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
            time.sleep(0.05)

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

    def compose(self, file, *words, env=None):
        result = self._client(["docker-compose", "--file", file, *words], env=env)
        return self._output(result, ("docker-compose", *words))

    def inspect(self, what):
        return json.loads(self.docker("inspect", what))[0]
