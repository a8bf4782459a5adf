# SPDX-License-Identifier: GPL-2.0-or-later
"""An invented engine: one that is broken, hostile, another, or Podman."""

import contextlib
import os
import time

from lib.case import Cases, expect, expect_eq
from lib.fake_engine import FakeEngine
from lib.follower import container

CASES = Cases()

NET = "net"
MIB = 1 << 20
LIMIT_S = 5  # for what has to be noticed at once


@contextlib.contextmanager
def followed(t, **options):
    """An engine with one network, and a client that has not looked yet."""
    path = f"{t.world.work}/fake-engine.sock"
    with FakeEngine(path, **options) as engine:
        engine.add_network(NET, "10.77.1.0/24", "fd77:1::/64", bridge="net0")
        with t.follow(path, NET) as f:
            yield engine, f


def first(f):
    return f.snapshot("the first snapshot", lambda n: NET in n)["networks"]


@CASES.case("paths carry the engine's own version, and events begin where the request does")
def _(t):
    with followed(t, version="1.52") as (engine, f):
        first(f)
        f.drain()
        paths = [path for _, path, _ in engine.requests]
        expect_eq(paths[0], "/_ping", "the first question")
        expect(all(path.startswith("/v1.52/") for path in paths[1:]), f"paths: {paths}")
        events = next(path for path in paths if "/events?" in path)
        since = float(events.partition("since=")[2].partition("&")[0])
        expect(abs(since - time.time()) < 5, f"since: {since}")
        details = {path for path in paths if "/networks/" in path}
        expect_eq(details, {f"/v1.52/networks/{engine.networks[NET]['Id']}?verbose=0"}, "details")


@CASES.case("connect, rename and disconnect are in the next snapshot")
def _(t):
    with followed(t) as (engine, f):
        first(f)
        engine.connect(NET, "box", "10.77.1.2/24", "fd77:1::2/64", mac="02:42:0A:4d:01:02")
        seen = f.snapshot("box", lambda n: container(n, NET, "box"), LIMIT_S)["networks"]
        entry = container(seen, NET, "box")
        expect_eq((entry["addr4"], entry["addr6"], entry["mac"]),
                  ("10.77.1.2", "fd77:1::2", "02:42:0a:4d:01:02"), "the container")
        engine.rename("box", "chest")
        f.snapshot("chest", lambda n: container(n, NET, "chest"), LIMIT_S)
        engine.disconnect(NET, "box")
        f.snapshot("nothing", lambda n: not n[NET]["containers"], LIMIT_S)


@CASES.case("Podman: its words for events; it does not say what the interface is")
def _(t):
    with followed(t, podman=True, version="1.41") as (engine, f):
        expect_eq(first(f)[NET]["bridge"], "", "bridge")
        engine.connect(NET, "box", "10.77.1.2/24")
        f.snapshot("box", lambda n: container(n, NET, "box"), LIMIT_S)
        engine.disconnect(NET, "box")
        f.snapshot("nothing", lambda n: not n[NET]["containers"], LIMIT_S)
        engine.remove_network(NET)
        f.snapshot("no network", lambda n: NET not in n, LIMIT_S)


@CASES.case("events that change nothing here cause no snapshot")
def _(t):
    with followed(t) as (engine, f):
        first(f)
        f.drain()
        for action in ("create", "exec_start: sh", "health_status: healthy", "top", "attach"):
            engine.event("container", action, "0123")
        engine.event("volume", "create", "v")
        engine.send_event(b"\n\n")
        expect_eq(f.drain(), [], "snapshots")


@CASES.case("a burst of events causes few snapshots, and the last is right")
def _(t):
    with followed(t) as (engine, f):
        first(f)
        f.drain()
        before = len(f.seen)
        for i in range(200):
            engine.connect(NET, f"box{i}", f"10.77.1.{i + 2}/24")
        f.snapshot("all", lambda n: len(n[NET]["containers"]) == 200)
        f.drain()
        expect_eq(len(f.networks[NET]["containers"]), 200, "containers")
        expect(len(f.seen) - before <= 201, f"{len(f.seen) - before} snapshots of 400 events")


@CASES.case("while one snapshot is under way further events cause one more, not one each")
def _(t):
    with followed(t) as (engine, f):
        first(f)
        f.drain()
        before = len(f.seen)

        def slowly(handler):
            time.sleep(0.5)
            handler.reply(200, list(engine.networks.values()))

        engine.answers["/networks"] = slowly
        for i in range(50):
            engine.event("container", "start", f"{i}")
            time.sleep(0.005)
        f.drain(1.5)
        expect_eq(len(f.seen) - before, 2, "snapshots")


@CASES.case("a network that goes while it is looked at is not in the snapshot")
def _(t):
    with followed(t) as (engine, f):
        key = engine.networks[NET]["Id"]
        engine.answers[f"/networks/{key}"] = lambda h: h.reply(404, {"message": "not found"})
        f.snapshot("without it", lambda n: NET not in n, LIMIT_S)
        del engine.answers[f"/networks/{key}"]
        engine.event("network", "create", key)
        f.snapshot("with it", lambda n: NET in n, LIMIT_S)


def _head(text):
    """Writes exactly these bytes."""
    def answer(handler):
        with contextlib.suppress(OSError):
            handler.wfile.write(text)
    return answer


def _endless(handler):
    """A body that never ends."""
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n[")
        for _ in range(64):
            handler.wfile.write(b" " * MIB)


def _many_heads(handler):
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for i in range(100000):
            handler.wfile.write(b"X-%d: y\r\n" % i)


BROKEN = (
    # name, path, answer, part of why
    ("no HTTP", "/_ping", _head(b"SSH-2.0-x\r\n"), ""),
    ("no answer", "/_ping", _head(b""), "closed the connection"),
    ("no version", "/_ping", b"OK", "API version is \"\""),
    ("an old version", "/_ping", lambda h: h.reply(200, b"OK", [("Api-Version", "1.12")]),
     "1.12; it takes 1.24 or later"),
    ("a version that is none", "/_ping",
     lambda h: h.reply(200, b"OK", [("Api-Version", "1.41/../..")]), "version is \"1.41/../..\""),
    ("a redirect", "/_ping", lambda h: h.reply(302, b"", [("Location", "http://203.0.113.1/")]),
     "status 302"),
    ("a refusal", "/networks", lambda h: h.reply(500, {"message": "out of \x1b[31mcoffee"}),
     r"it answers with status 500: out of \x1b[31mcoffee"),
    ("a list that is no JSON", "/networks", b"[{", "no JSON"),
    ("a list that is none", "/networks", b"{}", "not of the shape"),
    ("a list of lists", "/networks", b"[[]]", "without a valid id"),
    ("an id with a path", "/networks", [{"Name": NET, "Id": "../containers/x"}], "valid id"),
    ("too deep", "/networks", b"[" * 100000, "no JSON"),
    ("too many values", "/networks", b"[" + b"{}," * 300000 + b"{}]", "too long to be read"),
    ("too many networks", "/networks",
     [{"Name": f"n{i}", "Id": f"{i}"} for i in range(4097)], "more than 4096 networks"),
    ("too long", "/networks", _endless, "too long"),
    ("too much of a head", "/networks", _many_heads, "too long"),
    ("a body that is cut", "/networks",
     _head(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[]"), "closed the connection"),
    ("events refused", "/events", lambda h: h.reply(403, {"message": "no"}), "status 403: no"),
    ("events that end", "/events", lambda h: h.reply(200, b""), "closed the connection"),
)


def _broken(name, path, answer, part):
    @CASES.case(f"broken: {name}")
    def _(t):
        with followed(t) as (engine, f):
            first(f)
            engine.stop()
            f.gone("No such file")
            engine.answers[path] = answer
            engine.start()
            told = f.gone(part, LIMIT_S)["gone"]
            expect(told.isascii() and told.isprintable(), f"not printable: {told!r}")
            engine.answers.clear()
            f.snapshot("well again", lambda n: NET in n, LIMIT_S)


for row in BROKEN:
    _broken(*row)


@CASES.case("broken: a detail with containers that are none")
def _(t):
    with followed(t) as (engine, f):
        first(f)
        engine.answers[f"/networks/{engine.networks[NET]['Id']}"] = {
            **engine.networks[NET], "Containers": {"../x": {}}}
        engine.event("container", "start", "x")
        f.gone("container without a valid id", LIMIT_S)


@CASES.case("an event without an end is passed over, and counts as news")
def _(t):
    with followed(t) as (engine, f):
        first(f)
        f.drain()
        for _ in range(32):
            engine.send_event(b"x" * MIB)
        expect_eq(f.drain(), [], "snapshots")
        engine.send_event(b"\n")
        f.snapshot("one more", lambda n: NET in n, LIMIT_S)
        engine.connect(NET, "box", "10.77.1.2")
        f.snapshot("box", lambda n: container(n, NET, "box"), LIMIT_S)


@CASES.case("attempts become rare, but not rarer than every five seconds")
def _(t):
    path = f"{t.world.work}/silent.sock"
    with FakeEngine(path) as engine, t.follow(path) as f:
        engine.answers["/_ping"] = lambda h: h.reply(503, {"message": "later"})
        f.gone("later")
        time.sleep(7)
        n = len(engine.requests)
        expect(5 <= n <= 8, f"{n} attempts in seven seconds")  # at 0, 0.2, 0.6, 1.4, 3, 6.2
        expect_eq(f.drain(), [], "told again")


@CASES.case("another engine at the same path is noticed although the first one lives")
def _(t):
    path = f"{t.world.work}/fake-engine.sock"
    with followed(t) as (engine, f):
        first(f)
        f.drain()  # else a question may be under way, which finds no engine at the path
        os.rename(path, f"{path}.old")
        with FakeEngine(path) as other:
            other.add_network("other", "10.77.2.0/24")
            f.gone("another socket", 20)
            f.snapshot("the other engine's", lambda n: "other" in n and NET not in n, LIMIT_S)


@CASES.case("an engine that is silent is asked now and then: events can be lost")
def _(t):
    with followed(t) as (engine, f):
        first(f)
        f.drain()
        engine.networks["quiet"] = dict(engine.networks[NET], Name="quiet", Id="77")
        f.snapshot("the network of which no event told", lambda n: "quiet" in n, 20)


@CASES.case("a socket that takes no connection and one that nobody may use are told")
def _(t):
    path = f"{t.world.work}/nothing.sock"
    with t.follow(path) as f:
        f.gone(f"{path}: No such file or directory")
        with open(path, "w"):
            pass
        f.gone(f"{path}: Connection refused", LIMIT_S)


@CASES.case("the proxy of the environment is not asked")
def _(t):
    os.environ.update(http_proxy="http://203.0.113.1:1/", ALL_PROXY="socks5://203.0.113.1:1")
    try:
        with followed(t) as (_, f):
            first(f)
    finally:
        del os.environ["http_proxy"], os.environ["ALL_PROXY"]
