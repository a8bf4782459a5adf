# SPDX-License-Identifier: GPL-2.0-or-later
"""
deploy/compose.yaml on a real engine, in the small internet.

    agent --- inside (internal) --- gate --- outside --- host's NAT --- internet
    box ----------------------------------- street ----- host's NAT --- internet

The box is the control: the same image as the agent, on an ordinary network.
"""

import json
import os
import subprocess

from . import image, zone
from .case import Fail, eventually
from .dockside import Dockside
from .engine import Engine
from .suite import Testbed
from .world import ROOT

COMPOSE = f"{ROOT}/deploy/compose.yaml"
PROJECT = "sidecar"
LOOPBACK = "127.0.0.1"
HEALTH_S = 20
PROXY = "http://gate:8888"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")

# What the agent of the tests may reach. NAMES: allowed; DENIED: exists, and is not.
ALLOWED, ALSO_ALLOWED, PROJECT_ALLOWED, DENIED = (
    "good.example", "shared-a.example", "mirror.example", "evil.example")
BASELINE = f"{ALLOWED}\n{ALLOWED}:80   # plain\n{ALSO_ALLOWED}\n"
PROJECT_LIST = f"# this project's own\n{PROJECT_ALLOWED}\n"

# Everything the gate itself may send, the health check's included.
GATE_TRAFFIC = [("udp", zone.DNS4, 53), ("tcp", zone.DNS4, 53)] + [
    ("tcp", address, port) for name in (ALLOWED, ALSO_ALLOWED, PROJECT_ALLOWED)
    for address in zone.ADDRESSES[name] if ":" not in address for port in (80, 443)]


class Bed(Testbed):
    """What a case gets. The engine is started once, the sidecar when a case first asks for it."""

    run_id = 0  # of the process outside the bubble

    def __init__(self, world):
        super().__init__(world)
        self.allow = f"{world.tmp}/allow"
        os.makedirs(self.allow)
        self.restore()
        self._loopback_resolver()
        self.engine = Engine(world, self.run_id, live_restore=True)
        image.agent(self.engine)
        self.has_gate = False
        self.engine.docker("network", "create", "street")
        self._start_box("box", "street")
        self.containers = {}
        self._dockside = Dockside(self)

    def _loopback_resolver(self):
        """What Docker does with a resolver on the host's loopback is one of the questions."""
        tmp = self.world.tmp
        self.world.start_module("host", "lib.forwardd", LOOPBACK, zone.DNS4)
        with open(f"{tmp}/resolv.conf", "w") as f:
            f.write(f"nameserver {LOOPBACK}\n")

    def _start_box(self, name, network):
        self.engine.start_container(name, network, image.AGENT, ["sleep", "infinity"], image.VOLUMES)

    def other_box(self, name, network):
        """A further container, for one case; returns the function that runs commands in it."""
        self.engine.remove(name)
        self._start_box(name, network)
        return self.inside(name)

    # The sidecar

    def _compose(self, *words):
        env = {"SALLYPORT_AGENT_IMAGE": image.AGENT, "SALLYPORT_IMAGE": image.GATE,
               "SALLYPORT_ALLOW": self.allow, "SALLYPORT_HEALTH_INTERVAL": "2s",
               "SALLYPORT_HEALTH_PASSES": ALLOWED, "SALLYPORT_HEALTH_DENIED": DENIED,
               "COMPOSE_PROJECT_NAME": PROJECT}
        return self.engine.compose([COMPOSE, self._write_volumes()], *words, env=env)

    def _write_volumes(self):
        """What the agent's image takes besides the file that is tested."""
        path = f"{self.world.tmp}/volumes.yaml"
        with open(path, "w") as f:
            json.dump({"services": {"agent": {"volumes": image.VOLUMES}}}, f)
        return path

    def up(self):
        if self.containers:
            return
        if not self.has_gate:
            image.gate(self.engine)
            self.has_gate = True
        try:
            self._compose("up", "--detach", "--no-build")
        except Fail as e:
            raise Fail(f"{e}\n{self.gate_log()}") from e
        self.containers = {s: self._container_of(s) for s in ("agent", "gate")}

    def _container_of(self, service):
        label = f"com.docker.compose.service={service}"
        found = self.engine.api("GET", "/containers/json", all=True, filters={"label": [label]})
        return found[0]["Id"] if found else ""

    def container(self, service):
        self.up()
        return self.containers[service]

    def gate_log(self):
        logs = self.engine.try_docker("logs", "--tail=30", self._container_of("gate"))
        return "log of the gate:\n" + (logs.stdout + logs.stderr).decode(errors="replace")

    def down(self):
        self.containers = {}
        self._compose("down", "--timeout=0", "--volumes")

    @property
    def dockside(self):
        """The daemon and its networks. The sidecar's health check would be seen as a leak of theirs."""
        if self.containers:
            self.down()
        return self._dockside

    def settle(self):
        """Nothing of this suite runs outside the engine."""

    def afresh(self):
        self.engine.revive()
        self._dockside.end()
        self.restore()
        if self.world.program:
            self.down()

    def wire_since(self, marks):
        """Every packet that arrived on the internet's end since."""
        return self.world.wire.since(marks[0])

    def route6(self, prefix):
        """The internet's answers find their way back to these addresses."""
        self.run(["ip", "-n", "internet", "-6", "route", "replace", prefix, "via", zone.HOST6])

    # Allow-lists

    def write_list(self, name, text):
        """Replaces the file, as an editor does."""
        with open(f"{self.allow}/{name}.new", "w") as f:
            f.write(text)
        os.rename(f"{self.allow}/{name}.new", f"{self.allow}/{name}")

    def restore(self):
        self.write_list("baseline.allow", BASELINE)
        self.write_list("project.allow", PROJECT_LIST)

    def reload(self):
        self.engine.api("POST", f"/containers/{self.container('gate')}/kill", signal="HUP")

    # Running things

    def inside(self, container):
        """Runs commands in a container, with its variables and rights, without the engine."""
        enter = self.engine.enter(container)
        return lambda command: self.run([*enter, *command])

    def executing(self, container):
        """The same by docker exec, which takes half a second of a processor."""
        exec_in = ["docker", "exec", container]
        return lambda command: self.run([*exec_in, *command], {"env": Engine.environment()})

    def agent(self):
        return self.inside(self.container("agent"))

    def unaware(self):
        """The agent, running something that does not look for a proxy."""
        run = self.agent()
        unset = [word for name in VARIABLES for word in ("-u", name)]
        return lambda command: run(["env", *unset, *command])

    def box(self):
        return self.inside("box")

    def open_in(self, service, command):
        """A command to talk to."""
        return self.popen([*self.engine.enter(self.container(service)), *command], text=True,
                          stderr=subprocess.STDOUT)

    # What is asked of the engine

    def inspect(self, service):
        return self.engine.inspect(self.container(service))

    def health(self):
        return self.inspect("gate")["State"]["Health"]["Status"]

    def becomes(self, health):
        def told():
            return [entry["Output"] for entry in self.inspect("gate")["State"]["Health"]["Log"]]
        try:
            eventually(lambda: self.health() == health, f"the gate never became {health}", HEALTH_S,
                       pause=0.05)
        except Fail as e:
            raise Fail(f"{e}; {told()}\n{self.gate_log()}") from e

    def gate_pid(self):
        return self.inspect("gate")["State"]["Pid"]

    def address(self, service, network="inside"):
        networks = self.inspect(service)["NetworkSettings"]["Networks"]
        return networks[f"{PROJECT}_{network}"]["IPAddress"]
