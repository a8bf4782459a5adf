# SPDX-License-Identifier: GPL-2.0-or-later
"""
The small internet: two network namespaces and a cable.

    host      198.51.100.1/24 2001:db8:1::1/64     sallyport is run here
      |
    internet  203.0.113.0/24 2001:db8:113::/48     every server; packets are logged on arrival

It is built inside a bubble (see bubble.py), which also disposes of it.
"""

import os
import shutil
import socket
import subprocess

from . import bubble, certs, nft, syscalls, zone
from .events import Reader
from .wire import Wire

USER = 2000  # jailed programs run as this user, which has no name and no rights
LIB = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(LIB))
PYTHON = "/usr/bin/python3"
BIN = f"{bubble.TMP}/bin"

# Sockets like those by which a host acts on behalf of its users. Served by internetd.py.
HOST_SOCKETS = (
    "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
    "/run/dbus/system_bus_socket", "/run/nscd/socket", "/run/avahi-daemon/socket",
    "/run/systemd/resolve/io.systemd.Resolve", "/run/systemd/private", f"/run/user/{USER}/bus",
    f"/run/user/{USER}/docker.sock", f"/run/user/{USER}/podman/podman.sock",
)
AGENT_SOCKET = f"{bubble.TMP}/scratch/agent/agent.sock"
PLAIN_SOCKET = f"{bubble.TMP}/scratch/plain.sock"


def _ip(*args):
    subprocess.run(["ip", *args], check=True, timeout=10)


def batch(netns, lines):
    """`ip` commands, one a line, in a namespace. Raises with what it said."""
    result = subprocess.run(["ip", "-n", netns, "-batch", "-"], input=lines, text=True,
                            capture_output=True, timeout=20)
    if result.returncode:
        raise RuntimeError(f"ip in {netns}: {result.stderr.strip()}")


def _in(name, *command, **options):
    return subprocess.Popen(["nsenter", f"--net=/run/netns/{name}", *command], **options)


def sysctl(setting):
    """A setting of the host namespace's network."""
    name, value = setting.split("=")
    path = "/proc/sys/" + name.replace(".", "/")
    with syscalls.inside_netns("/run/netns/host"), open(path, "w") as f:
        f.write(value)


def compile_client(path):
    """A program of Python is compiled once, not each time that it is run. Into BIN, as NAME.pyc."""
    compiled = f"{BIN}/{os.path.basename(path)}c"
    code = "import py_compile, sys; py_compile.compile(*sys.argv[1:], doraise=True)"
    subprocess.run([PYTHON, "-Ic", code, path, compiled], check=True, timeout=20)
    os.chmod(compiled, 0o644)


class World:
    def __init__(self, program=None, bare=False):
        """bare: without the internet's packet log and port rules, which cost time."""
        self.tmp = bubble.TMP
        self.work = f"{self.tmp}/scratch"
        self.daemons = []
        self._directories()
        self.build = program and os.path.dirname(program)
        self.program = self._install(program)
        certs.make(self.tmp, zone.SITES)
        self.ca = f"{self.tmp}/ca.pem"
        self._namespaces()
        if not bare:
            self._firewall()
            self._daemon("internet", "lib.wire", "wan", f"{self.tmp}/wire.log")
        self._start_servers()
        if bare:
            return
        self.wire = Wire(f"{self.tmp}/wire.log",
                         syscalls.socket_in("/run/netns/host", socket.AF_INET, socket.SOCK_DGRAM))
        self.internet = Reader(f"{self.tmp}/internet.log")
        self.host = Reader(f"{self.tmp}/host.log")
        self.wire.mark()

    def _directories(self):
        for path in (self.work, f"{self.work}/agent", BIN, f"/run/user/{USER}"):
            os.makedirs(path, exist_ok=True)
        for path in (self.work, f"{self.work}/agent", f"/run/user/{USER}"):
            self._give(path)
        shutil.copytree(LIB, f"{self.tmp}/lib", ignore=shutil.ignore_patterns("__pycache__"))
        for path in HOST_SOCKETS:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{self.tmp}/unix-sockets", "w") as f:
            f.write("\n".join((*HOST_SOCKETS, AGENT_SOCKET, PLAIN_SOCKET)) + "\n")
        compile_client(f"{LIB}/probe.py")
        resolv = f"{self.tmp}/resolv.conf"
        with open(resolv, "w") as f:
            f.write(f"nameserver {zone.DNS4}\noptions timeout:1 attempts:1\n")
        syscalls.mount(resolv, os.path.realpath("/etc/resolv.conf"), None, syscalls.MS_BIND)

    def _give(self, path):
        if self.is_root():
            os.chown(path, USER, USER)

    @staticmethod
    def is_root():
        """Real root; without it the bubble's root is the caller in disguise and has one user id."""
        with open("/proc/self/uid_map") as f:
            return f.read().split() == ["0", "0", "4294967295"]

    def _install(self, program):
        """A copy where every user can reach it."""
        if program is None:
            return None
        target = f"{BIN}/sallyport"
        shutil.copy(program, target)
        os.chmod(target, 0o755)
        return target

    def _namespaces(self):
        for name in ("internet", "host"):
            _ip("netns", "add", name)
        batch("internet", f"""
            link set lo up
            link add wan type veth peer name eth0 netns host
            addr add {zone.ROUTER4}/24 dev wan
            addr add {zone.ROUTER6}/64 dev wan nodad
            link set wan up
        """)
        batch("host", f"""
            link set lo up
            addr add {zone.HOST4}/24 dev eth0
            addr add {zone.HOST6}/64 dev eth0 nodad
            link set eth0 up
            route add default via {zone.ROUTER4}
            route add ::/0 via {zone.ROUTER6}
        """)
        batch("internet", "\n".join(f"route add local {prefix} dev lo" for prefix in (
            zone.NET4, zone.NET6, *zone.STRAY4, *zone.STRAY6)))
        if self.is_root():
            # Ping sockets for everybody, so that their controls work.
            sysctl("net.ipv4.ping_group_range=0 2147483647")

    def _firewall(self):
        """The internet's own: odd addresses, and every unserved port leads to the catch-all."""
        served = ", ".join(map(str, zone.TCP_PORTS))
        echo4 = ", ".join(zone.v4(n) for n in (123, 124, 10, 66))
        echo6 = ", ".join(zone.v6(n) for n in (123, 124, 10, 66))
        dns4 = ", ".join((zone.DNS4, zone.DNS_OTHER, zone.DNS_SILENT))
        rules = f"""
        table inet internet {{
            chain arrive {{
                type nat hook prerouting priority dstnat;
                ip daddr {{ {zone.REFUSED4}, {zone.SYNC4} }} accept
                ip6 daddr {zone.REFUSED6} accept
                tcp dport {{ {served} }} accept
                ip daddr {{ {dns4} }} udp dport 53 accept
                ip6 daddr {zone.DNS6} udp dport 53 accept
                ip daddr {{ {echo4} }} udp dport {{ 123, 443 }} accept
                ip6 daddr {{ {echo6} }} udp dport {{ 123, 443 }} accept
                meta l4proto {{ tcp, udp }} redirect to :{zone.PORT_CATCH_ALL}
            }}
            chain input {{
                type filter hook input priority filter;
                ip daddr {zone.REFUSED4} tcp flags syn reject with tcp reset
                ip6 daddr {zone.REFUSED6} tcp flags syn reject with tcp reset
                ip daddr {zone.UNREACHABLE4} reject with icmp host-unreachable
                ip daddr {{ {zone.SILENT4}, {zone.SYNC4} }} drop
                ip6 daddr {zone.SILENT6} drop
            }}
        }}"""
        status, _, _ = nft.run("/run/netns/internet", rules)
        if status:
            raise bubble.Unavailable("nft does not load rules in a network namespace")

    def _start_servers(self):
        tmp = self.tmp
        self._daemon("internet", "lib.internetd", "internet", f"{tmp}/internet.log", tmp)
        self._daemon("host", "lib.internetd", "host", f"{tmp}/host.log", tmp)
        for daemon in self.daemons:
            if daemon.stdout.readline() != "ready\n":
                raise RuntimeError(f"{daemon.args[-3:]} did not start")

    def _daemon(self, where, module, *args):
        self.daemons.append(_in(where, PYTHON, "-m", module, *args, cwd=self.tmp, text=True,
                                stdout=subprocess.PIPE))

    def start(self, where, *command, **options):
        """Another daemon, in the namespace `where`; it ends with the world."""
        self.daemons.append(_in(where, *command, **options))

    def start_module(self, where, module, *args):
        """As start(), for one of ours, which says when it is ready."""
        self._daemon(where, module, *args)
        if self.daemons[-1].stdout.readline() != "ready\n":
            raise RuntimeError(f"{module} did not start")

    def close(self):
        """For tidiness only: the bubble would do it."""
        for daemon in self.daemons:
            daemon.kill()
            daemon.wait()
