# SPDX-License-Identifier: GPL-2.0-or-later
"""
A host with container networks, on the small internet of world.py.

    sb1 sb2 sb3    ot1          un1 un2 un3      namespaces, each with eth0 on a port of its bridge
        |           |              |
       brt         brx            bru            bridges of the host; brt and brx are for policies,
        \\___________|_____________/              bru is for the controls: no policy names it
                    |
                   host --- internet             forwards, without translation

A sandbox N of a network has the address .N and ::N, the bridge .1 and ::1.
"""

import dataclasses
import os
import socket
import subprocess

from . import frames, nft, syscalls, zone
from .bubble import Unavailable
from .case import Fail
from .events import Reader
from .world import ROOT, World, _ip, batch, sysctl

RUN = "/run/netns"
ETH_P_ALL, PACKET_OUTGOING, SO_RCVBUFFORCE = 0x0003, 4, 33


@dataclasses.dataclass(frozen=True)
class Net:
    bridge: str
    number: int

    def v4(self, n):
        return f"10.77.{self.number}.{n}"

    def v6(self, n):
        return f"fd77:{self.number}::{n}" if self.number else f"fd77::{n}"

    def mac(self, n):
        return f"02:42:0a:4d:{self.number:02x}:{n:02x}"

    @property
    def subnets(self):
        return self.v4(0) + "/24", (f"fd77:{self.number}::/64" if self.number else "fd77::/64")

    @property
    def gateway4(self):
        return self.v4(1)

    @property
    def gateway6(self):
        return self.v6(1)

    @property
    def link_local(self):
        """Of the bridge, from its MAC."""
        return link_local(self.mac(1))


def link_local(mac):
    b = bytes.fromhex(mac.replace(":", ""))
    b = bytes([b[0] ^ 2]) + b[1:3] + b"\xff\xfe" + b[3:]
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + b)


T, O, U = Net("brt", 0), Net("brx", 4), Net("bru", 8)  # noqa: E741


@dataclasses.dataclass
class Sandbox:
    name: str
    net: Net
    n: int
    peer: "Sandbox" = None  # another of the same network

    @property
    def v4(self):
        return self.net.v4(self.n)

    @property
    def v6(self):
        return self.net.v6(self.n)

    @property
    def mac(self):
        return self.net.mac(self.n)

    @property
    def port(self):
        """The host's end."""
        return "v" + self.name

    @property
    def path(self):
        return f"{RUN}/{self.name}"

    def inside(self):
        return syscalls.inside_netns(self.path)

    def socket(self, family, kind, proto=0):
        return syscalls.socket_in(self.path, family, kind, proto)

    def own(self, address):
        """Our own address of the family of `address`."""
        return self.v6 if ":" in address else self.v4

    def gateway(self, address):
        return self.net.gateway6 if ":" in address else self.net.gateway4

    def enter(self):
        return ["nsenter", f"--net={self.path}"]

    def forget_neighbours(self):
        subprocess.run([*self.enter(), "ip", "neigh", "flush", "all"], check=True, timeout=10,
                       capture_output=True)

    def plug(self, host="host", name="eth0"):
        """Lines for `ip -batch` that make its cable and its addresses, not yet up."""
        return f"""
            link add {self.port} type veth peer name {name} address {self.mac} netns {self.name}
            link set {self.port} master {self.net.bridge}
        """, f"""
            link set lo up
            addr add {self.v4}/24 dev {name}
            addr add {self.v6}/64 dev {name} nodad
            link set {name} up
            route add default via {self.net.gateway4}
            route add ::/0 via {self.net.gateway6}
        """


class Sniffer:
    """Every frame that arrives in a namespace, whatever it is. Read when a case asks."""

    def __init__(self, box, sync):
        self.box, self.sync_socket, self.n_syncs = box, sync, 0
        self.frames = []
        with box.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                        socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.socket.bind(("eth0", ETH_P_ALL))
        self.socket.settimeout(0.2)

    def _drain(self, until):
        while until not in (frame := self._one()):
            self.frames.append(frame)

    def _one(self):
        while True:
            data, source = self.socket.recvfrom(65535)
            if source[2] != PACKET_OUTGOING:
                return data

    def mark(self, speak=True):
        """
        After this, frames up to here are in .frames; returns how many. Where nothing arrives, the
        bridge may believe that our MAC is elsewhere, as a control has told it: we speak up.
        """
        self.n_syncs += 1
        marker = f"sync-{self.box.name}-{self.n_syncs:08d}".encode()
        for _ in range(10):
            self.sync_socket.sendto(marker, (self.box.v4, zone.PORT_SYNC))
            try:
                self._drain(marker)
                return len(self.frames)
            except socket.timeout:
                if speak:
                    self._speak()
        raise Fail(f"nothing of the host arrives in {self.box.name}")

    def _speak(self):
        box = self.box
        frames.send(box, frames.ether(frames.BROADCAST, box.mac, frames.ARP, frames.arp(
            1, box.mac, box.v4, "00:00:00:00:00:00", box.net.gateway4)))

    def since(self, mark):
        self.mark()
        return self.frames[mark:]


class BridgeWorld(World):
    def __init__(self, program=None):
        super().__init__(program)
        host = f"{RUN}/host"
        self.sync = syscalls.socket_in(host, socket.AF_INET, socket.SOCK_DGRAM)
        self.sync.settimeout(3)
        self.sniffers = {name: Sniffer(self.box[name], self.sync) for name in ("sb2", "un2")}
        self.services = Reader(f"{self.tmp}/services.log")
        self.start_module("host", "lib.bridged", f"{self.tmp}/services.log")

    def _namespaces(self):
        super()._namespaces()
        self.box = {}
        self.bridge_rejects = bridge_rejects()
        for stem, net in (("sb", T), ("ot", O), ("un", U)):
            self._network(net)
            for n in range(1, 2 if net is O else 4):
                self._sandbox(Sandbox(f"{stem}{n}", net, n + 1))
        for name, peer in (("sb1", "sb2"), ("sb2", "sb1"), ("sb3", "sb2"),
                           ("un1", "un2"), ("un2", "un1"), ("un3", "un2")):
            self.box[name].peer = self.box[peer]
        for setting in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                        "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"):
            sysctl(setting)
        if has_bridge_netfilter():  # else bridged packets would pass through the other hooks, too
            for name in ("iptables", "ip6tables", "arptables"):
                sysctl(f"net.bridge.bridge-nf-call-{name}=0")
        via4, via6 = zone.HOST4, zone.HOST6
        batch("internet", f"route add 10.77.0.0/16 via {via4}\n"
                          f"route add fd77::/24 via {via6}\n")

    def _network(self, net):
        try:
            batch("host", f"link add {net.bridge} address {net.mac(1)} type bridge mcast_snooping 0")
        except RuntimeError as e:
            raise Unavailable(f"there can be no bridge: {e}") from e
        batch("host", f"""
            addr add {net.gateway4}/24 dev {net.bridge}
            addr add {net.gateway6}/64 dev {net.bridge} nodad
            link set {net.bridge} up
        """)

    def _sandbox(self, box):
        _ip("netns", "add", box.name)
        self.box[box.name] = box
        ours, theirs = box.plug()
        batch("host", ours)
        batch(box.name, theirs)
        batch("host", f"link set {box.port} up")

    def tool(self, name):
        """A program of tests/network, compiled when it is first wanted."""
        path = f"{self.tmp}/bin/{name}"
        if not os.path.exists(path):
            compiler = os.environ.get("CC", "cc")
            subprocess.run([compiler, "-O2", "-D_GNU_SOURCE", "-o", path,
                            f"{ROOT}/tests/network/{name}.c"], check=True, timeout=60)
        return path

    def hear(self):
        """Returns when what arrived at the services up to now is in their log."""
        for _ in range(2):
            self.sync.sendto(b"sync", ("127.0.0.1", 999))
            self.sync.recv(99)

    def counters(self, rules):
        """Counters in front of everything on the internet's side: {name: nft expression}."""
        names = "\n".join(f"counter {name} {{}}" for name in rules)
        lines = "\n".join(f"{rule} counter name {name}" for name, rule in rules.items())
        self.nft("internet", f"table inet flood {{}}\ndelete table inet flood\n"
                             f"table inet flood {{ {names}\nchain arrive {{ type filter hook "
                             f"prerouting priority -300;\n{lines}\n}}\n}}")

    def counted(self, name):
        text = self.nft("internet", f"list counter inet flood {name}")
        return int(text.split("packets ")[1].split()[0])

    @staticmethod
    def nft(netns, text, check=True):
        status, out, err = nft.run(f"{RUN}/{netns}", text)
        if check and status:
            raise RuntimeError(f"nft in {netns}: {err}\n{text}")
        return out


def bridge_rejects():
    """Can this kernel reject in the bridge family (CONFIG_NFT_BRIDGE_REJECT)? Else it can only drop."""
    text = "table bridge probe { chain c { type filter hook prerouting priority 0; tcp dport 1 " \
           "reject with tcp reset; } }"
    result = subprocess.run(["unshare", "-n", "nft", "-f", "-"], input=text, text=True,
                            capture_output=True, timeout=20)
    return result.returncode == 0


def has_bridge_netfilter():
    return os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables")
