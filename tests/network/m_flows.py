# SPDX-License-Identifier: GPL-2.0-or-later
"""E-82: which flows a change of the policy ends, whosever they are and however many."""

import contextlib
import socket
import subprocess
import time

import probes as p
from l_gate import put_right
from lib import bridgeworld, zone
from lib.bridgeworld import RUN
from lib.case import eventually, expect, expect_eq
from lib.confined import NetCases, policy, setting
from lib.daemon import ENTER

CASES = NetCases()
SECONDS = 60
REVOKED_S = 1.0
RESTORED_S = 0.1
MANY = 100000

TWO = """
version: 1
policies:
  first:
    rules:
{first}
  second:
    rules:
{second}
subjects:
  - network: ds-first
    bridge: brt
    policy: first
  - network: ds-second
    bridge: brx
    policy: second
"""


def rules(*lines):
    return "\n".join(f"      - {line}" for line in lines) or "      []"


def held(s, address, port):
    """A connection that is there; closed with the block."""
    s.settimeout(3)
    s.connect((*address, port) if isinstance(address, tuple) else (address, port))
    s.sendall(b"before\n")
    expect(s.recv(99), "no answer")
    return s


def alive(s):
    try:
        s.settimeout(0.3)
        s.sendall(b"still\n")
        return bool(s.recv(99))
    except OSError:
        return False


@contextlib.contextmanager
def host_address(address, device):
    words = [*ENTER, "ip", "addr", "{}", address, "dev", device]
    subprocess.run([w.replace("{}", "add") for w in words], check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run([w.replace("{}", "del") for w in words], check=True, timeout=10)


@contextlib.contextmanager
def tracked(t):
    """Flows are tracked before there is a daemon, too."""
    t.world.nft("host", "table inet seen { chain c { type filter hook input priority 0; "
                        "ct state established accept; }\nchain d { type filter hook output priority 0; "
                        "ct state established accept; }\n}")
    try:
        yield
    finally:
        t.world.nft("host", "delete table inet seen")


# --- What goes to the host, at whichever of its addresses, is for host rules.
OTHER = "198.51.100.77"

for what, address in (("the host's other address", zone.HOST4),
                      ("the host's other address, IPv6", zone.HOST6),
                      ("an address at lo", OTHER), ("another bridge's address", "10.77.4.1")):
    @CASES.case(f"E-82 a flow to {what} that only a rule for elsewhere names is ended")
    def _to_host(t, address=address):
        t.stop()
        with tracked(t), host_address(f"{OTHER}/32", "lo"), \
                t.sb1.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                             socket.SOCK_STREAM) as s:
            held(s, address, 7007)
            shown = f"[{address}]" if ":" in address else address
            t.start(policy(f'- allow: ["{shown}:7007", "host:2375"]'))
            eventually(lambda: not alive(s), "it goes on", REVOKED_S)


for what, address in (("its other address", zone.HOST4), ("its other address, IPv6", zone.HOST6),
                      ("an address at lo", OTHER)):
    @CASES.case(f"the host's own connection from {what} into a network outlives a change")
    def _from_host(t, address=address):
        t.start(policy('- allow: ["203.0.113.10:80"]'))
        four = ":" not in address
        with host_address(f"{OTHER}/32", "lo"), bridgeworld.syscalls.socket_in(
                f"{RUN}/host", socket.AF_INET if four else socket.AF_INET6,
                socket.SOCK_STREAM) as s:
            s.bind((address, 0))
            held(s, t.sb1.v4 if four else t.sb1.v6, 80)
            t.rewrite(policy('- allow: ["203.0.113.11:80"]'))
            expect_eq(t.daemon.ask("reload").get("ended"), 0, "flows that ended by the reload")
            expect(alive(s), "it was ended")


# --- A link-local address says nothing about the network.
def link_local(t, box):
    """A connection to the host by fe80:: addresses."""
    with box.inside():
        scope = socket.if_nametoindex("eth0")
        s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    s.settimeout(3)
    s.connect((box.net.link_local, 7007, 0, scope))
    s.sendall(b"before\n")
    expect(s.recv(99), "no answer")
    return s


@CASES.case("E-82 a flow from a fe80:: address is judged by the network whose container has it")
def _link_local(t):
    t.stop()
    with tracked(t), link_local(t, t.sb1) as mine, link_local(t, t.world.box["ot1"]) as other:
        t.start(TWO.format(first=rules('allow: ["host:7007"]'), second=rules('allow: ["host:80"]')))
        eventually(lambda: not alive(other), "the second network's goes on", REVOKED_S)
        expect(alive(mine), "the first network's was ended")
    t.stop()


@CASES.case("E-82 a flow from a fe80:: address that two networks' containers have ends unless both allow it")
def _link_local_twice(t):
    t.stop()
    ot1, address = t.world.box["ot1"], bridgeworld.link_local(t.sb1.mac)
    subprocess.run([*ot1.enter(), "ip", "addr", "add", f"{address}/64", "dev", "eth0", "nodad"],
                   check=True, timeout=10)
    try:
        subprocess.run([*ot1.enter(), "ip", "addr", "del", f"{bridgeworld.link_local(ot1.mac)}/64",
                        "dev", "eth0"], check=True, timeout=10)
        with tracked(t), link_local(t, t.sb1), link_local(t, ot1) as other:
            t.start(TWO.format(first=rules('allow: ["host:7007"]'), second=rules('allow: ["host:80"]')))
            eventually(lambda: not alive(other), "the second network's goes on", REVOKED_S)
    finally:
        t.stop()
        subprocess.run([*ot1.enter(), "ip", "addr", "del", f"{address}/64", "dev", "eth0"], timeout=10)
        subprocess.run([*ot1.enter(), "ip", "addr", "add", f"{bridgeworld.link_local(ot1.mac)}/64",
                        "dev", "eth0", "nodad"], check=True, timeout=10)


# --- Very many.
def crowd(box, address, n):
    """So many flows to ports of the address that nobody answers at."""
    code = (f"import socket\n"
            f"s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range({n // 50000})]\n"
            f"for port in range(10000, 60000):\n"
            f"  for k in s: k.sendto(b'x', ({address!r}, port))\n")
    subprocess.run([*box.enter(), "python3", "-c", code], check=True, timeout=180)


def flows():
    done = subprocess.run([*ENTER, "conntrack", "-C"], capture_output=True, text=True, timeout=60)
    return int(done.stdout or 0)


@CASES.case("E-82 one flow among 100,000 is ended within a second, and repairs do not wait for it")
def _among_many(t):
    wide = f'- allow: ["udp/{zone.SILENT4}:10000-59999", "203.0.113.70:7007", "203.0.113.10:80"]'
    daemon = t.start(policy(wide), "--no-owner")
    with t.sb1.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        held(s, "203.0.113.70", 7007)
        with setting("net.netfilter.nf_conntrack_udp_timeout", 300):
            crowd(t.sb1, zone.SILENT4, MANY)
        n = flows()
        expect(n > MANY * 0.9, f"only {n} flows")
        t.rewrite(policy(wide.replace(', "203.0.113.70:7007"', "")))
        start = time.monotonic()
        expect_eq(daemon.ask("reload")["status"], "ok", "reload")
        answered = time.monotonic() - start
        right = put_right(t)
        eventually(lambda: not alive(s), "it goes on", REVOKED_S)
    expect(answered < 0.5, f"the reload took {answered:.2f} s")
    expect(right < RESTORED_S, f"a repair took {right * 1000:.0f} ms")
    # Now all of them.
    t.rewrite(policy('- allow: ["203.0.113.10:80"]'))
    expect_eq(daemon.ask("reload")["status"], "ok", "reload")
    eventually(lambda: flows() < n / 100, "they go on", 5)
    eventually(lambda: daemon.ask("status")["enforcing"], "the status says that they may go on", 3)
    t.stop()


@CASES.case("E-82 apply ends what it does not allow")
def _applied(t):
    t.stop()
    with tracked(t), t.sb1.socket(socket.AF_INET, socket.SOCK_STREAM) as gone, \
            t.sb1.socket(socket.AF_INET, socket.SOCK_STREAM) as stays:
        held(gone, "203.0.113.70", 7007)
        held(stays, p.GOOD4, 7007)
        result = t.command("apply", "--no-docker", "--policy",
                           t.write(policy(f'- allow: ["{p.GOOD4}:7007"]')))
        expect_eq(result.status, 0, "apply", result)
        expect(not alive(gone), "what is not allowed goes on")
        expect(alive(stays), "what is allowed was ended")
    t.stop()
