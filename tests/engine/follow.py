# SPDX-License-Identifier: GPL-2.0-or-later
"""A real engine: what happens there is in a snapshot at once."""

import concurrent.futures
import contextlib
import signal
import time

from lib import image
from lib.case import Cases, expect, expect_eq, expect_in
from lib.follower import container

CASES = Cases()

NET, NET_BRIDGE = "fw-one", "fwb1"
SUBNETS = ("10.77.200.0/24", "10.77.200.1", "fd77:200::/64", "fd77:200::1")
OTHER = "fw-two"
REFERENCE = ("com.docker.network.bridge.name", "com.docker.network.bridge.enable_icc",
             "com.docker.network.bridge.enable_ip_masquerade",
             "com.docker.network.bridge.host_binding_ipv4", "com.docker.network.driver.mtu")


@contextlib.contextmanager
def followed(t, *watched):
    """A client that has its first snapshot, on an engine that is empty again afterwards."""
    engine = t.engine
    try:
        with t.follow(engine.socket(), *watched) as f:
            f.snapshot("the first snapshot", lambda networks: True)
            yield f
    finally:
        engine.clean()


def made(f):
    """The network of these cases, made by the client."""
    expect_eq(f.ask("create", NET, NET_BRIDGE, *SUBNETS), None, "create")
    return f.snapshot("the new network", lambda n: NET in n and n[NET]["detailed"])["networks"][NET]


def has(f, network, name):
    return f.snapshot(f"{name} in {network}", lambda n: container(n, network, name))


def has_not(f, network, name):
    return f.snapshot(f"no {name} in {network}",
                      lambda n: network in n and not n[network]["containers"])


@CASES.case("a network that it makes is as asked for, and in the next snapshot")
def _(t):
    with followed(t, NET) as f:
        seen = made(f)
        expect_eq((seen["bridge"], seen["driver"], seen["internal"], seen["subnets"]),
                  (NET_BRIDGE, "bridge", False, [list(SUBNETS[:2]), list(SUBNETS[2:])]),
                  "the network")
        told = t.engine.inspect(NET)
        expect_eq(told["Id"], seen["id"], "id")
        expect_eq([told["Options"].get(name) for name in REFERENCE],
                  [NET_BRIDGE, "true", "true", "0.0.0.0", "1500"], "its options")
        expect_eq((told["EnableIPv6"], told["Labels"]), (True, {"sallyport.test": "yes"}), "rest")
        expect_eq(f.ask("matches", NET, NET_BRIDGE, *SUBNETS), "", "what differs")
        expect_eq(f.ask("matches", NET, "fwb2", "10.77.201.0/24", "10.77.201.1", *SUBNETS[2:]),
                  "its bridge is fwb1 where the policy has fwb2, its subnet is 10.77.200.0/24 "
                  "where the policy has 10.77.201.0/24, its gateway is 10.77.200.1 where the "
                  "policy has 10.77.201.1", "what differs")


@CASES.case("what the engine refuses is told in its words")
def _(t):
    with followed(t, NET) as f:
        made(f)
        expect_in("already exists", f.ask("create", NET, "fwb3", "10.77.203.0/24", "10.77.203.1"),
                  "a second network of the name")
        expect_in("overlap", f.ask("create", OTHER, "fwb3", *SUBNETS[:2]), "the same subnet")
        expect_in("no network fw-t", f.ask("remove", "fw-three"), "a network that is not there")


@CASES.case("a network goes by its name, never by the beginning of its id")
def _(t):
    with followed(t, NET) as f:
        seen = made(f)
        expect_in("no network", f.ask("remove", seen["id"][:12]), "remove")
        expect_eq(f.ask("remove", NET), None, "remove")
        f.snapshot("without it", lambda n: NET not in n)
        expect(t.engine.try_docker("network", "inspect", NET).returncode != 0, "it is there")


@CASES.case("networks that others make have the interface that they have")
def _(t):
    with followed(t, OTHER) as f:
        t.engine.docker("network", "create", "--internal", OTHER)
        n = f.snapshot("the network", lambda n: OTHER in n)["networks"][OTHER]
        expect_eq((n["internal"], n["bridge"]), (True, f"br-{n['id'][:12]}"), "the network")
        t.engine.docker("network", "rm", OTHER)
        f.snapshot("without it", lambda n: OTHER not in n)


@CASES.case("a container's life: run, second network, rename, stop, start, disconnect, rm")
def _(t):
    with followed(t, NET, OTHER) as f:
        made(f)
        t.engine.docker("network", "create", OTHER)
        t.run_box("box", NET)
        seen = container(has(f, NET, "box")["networks"], NET, "box")
        told = t.engine.inspect("box")["NetworkSettings"]["Networks"][NET]
        expect_eq((seen["id"], seen["mac"], seen["addr4"], seen["addr6"]),
                  (t.engine.inspect("box")["Id"], told["MacAddress"], told["IPAddress"],
                   told["GlobalIPv6Address"]), "the container")
        t.engine.docker("network", "connect", OTHER, "box")
        both = has(f, OTHER, "box")["networks"]
        expect(container(both, NET, "box"), "it left the first network")
        t.engine.docker("rename", "box", "chest")
        f.snapshot("the new name", lambda n: container(n, NET, "chest") and
                   container(n, OTHER, "chest"))
        t.engine.docker("kill", "chest")
        has_not(f, NET, "chest")
        t.engine.docker("start", "chest")
        f.snapshot("started again", lambda n: container(n, NET, "chest") and
                   container(n, OTHER, "chest"))
        t.engine.docker("network", "disconnect", OTHER, "chest")
        has_not(f, OTHER, "chest")
        t.engine.docker("rm", "--force", "chest")
        has_not(f, NET, "chest")


@CASES.case("who asks when a port comes up learns of a container before the engine tells of it")
def _(t):
    with followed(t, NET) as f:
        made(f)
        t.engine.docker("network", "create", OTHER)
        t.run_box("box", OTHER)
        f.drain()
        connect = t.popen(["docker", "network", "connect", NET, "box"],
                          env=t.engine.environment())
        while connect.poll() is None:
            f.tell("look")
            time.sleep(0.02)
        lines = f.drain()
        ids = [c["id"] for line in lines for c in line["networks"][NET]["containers"]
               if c["addr4"] and c["addr6"] and c["mac"]]
        expect(ids[0].startswith("ep-"), f"only when it was over: {ids}")
        expect(not ids[-1].startswith("ep-"), f"never as a container: {ids}")


@CASES.case("containers are asked for in the networks that are watched, and in no other")
def _(t):
    with followed(t, NET) as f:
        made(f)
        t.engine.docker("network", "create", OTHER)
        t.run_box("box", OTHER)
        t.run_box("chest", NET)
        n = has(f, NET, "chest")["networks"][OTHER]
        expect_eq((n["detailed"], n["containers"]), (False, []), "the other network")
        f.tell("watch", OTHER)
        seen = has(f, OTHER, "box")["networks"]
        expect_eq(seen[NET]["detailed"], False, "the first network")


@CASES.case("many containers at once: one after the other, and the last snapshot is right")
def _(t):
    with followed(t, NET) as f:
        made(f)
        f.drain()
        names = [f"box{i}" for i in range(4)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: t.run_box(name, NET), names))
        before = len(f.seen)
        f.snapshot("all", lambda n: all(container(n, NET, name) for name in names))
        t.engine.docker("rm", "--force", *names)
        f.snapshot("none", lambda n: not n[NET]["containers"])
        expect(len(f.seen) - before < 4 * 2 * 5, "more snapshots than events")


@CASES.case("short lives are seen to have ended")
def _(t):
    with followed(t, NET) as f:
        made(f)
        for _ in range(2):
            t.engine.docker("run", "--rm", "--network", NET, image.BOX, "true")
        f.drain(0.5)
        expect_eq(f.networks[NET]["containers"], [], "containers")


@CASES.case("the engine ends and comes back: gone, and found again")
def _(t):
    with followed(t, NET) as f:
        made(f)
        t.engine.stop()
        f.gone("closed the connection")
        t.engine.start()
        f.snapshot("back", lambda n: NET in n, 10)
        t.run_box("box", NET)
        has(f, NET, "box")


@CASES.case("the engine is killed and comes back")
def _(t):
    with followed(t, NET) as f:
        made(f)
        t.engine.stop(signal.SIGKILL)
        f.gone()
        t.engine.start()
        f.snapshot("back", lambda n: NET in n, 10)


@CASES.case("an engine that hangs counts as gone, and is found when it goes on")
def _(t):
    with followed(t, NET) as f:
        made(f)
        t.engine.process.send_signal(signal.SIGSTOP)
        try:
            f.tell("watch", NET)
            f.gone("does not answer", 20)
        finally:
            t.engine.process.send_signal(signal.SIGCONT)
        f.snapshot("back", lambda n: NET in n)


@CASES.case("a client that begins before the engine does finds it")
def _(t):
    t.engine.stop()
    with t.follow(t.engine.socket()) as f:
        f.gone()
        t.engine.start()
        f.snapshot("the first snapshot", lambda n: "host" in n, 10)
