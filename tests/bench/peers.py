# SPDX-License-Identifier: GPL-2.0-or-later
"""
The proxies that are measured: ours and, as Debian has them, squid, tinyproxy and haproxy. Each is set
up for the same job: it lets one name through on four ports, knows the name from the hosts file, logs
nothing, keeps nothing, and runs as the same ordinary user in the foreground.
"""

import functools
import os
import shutil
import signal
import socket
import subprocess
import time

import bed
from lib import syscalls

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLENTY = 12000  # connections, where nothing else is said


class Peer:
    """One that is asked with CONNECT. limit: of the connections at once."""

    name = program = package = None
    port = None
    how = "CONNECT"

    def missing(self, bench):
        """Why it cannot be measured, or nothing."""
        if not shutil.which(self.program, path=PATH):
            return f"not installed (Debian's package {self.package})"
        return ""

    def way(self, service):
        """What a client is told: host, port and what to ask for."""
        return ["127.0.0.1", self.port], [f"{bed.NAME}:{bed.PORTS[service]}"]

    def config(self, bench, limit):
        raise NotImplementedError

    def words(self, config):
        raise NotImplementedError


class Direct(Peer):
    name = "direct"

    def missing(self, bench):
        return ""

    def way(self, service):
        return [bed.ADDRESS, bed.PORTS[service]], []


class BareRelay(Direct):
    name = "bare relay"

    def way(self, service):
        port = bed.CONNECT_PORT + list(bed.PORTS).index(service)
        return ["127.0.0.1", port], [f"{bed.NAME}:{bed.PORTS[service]}"]


class Sallyport(Peer):
    name = "sallyport"
    port = 7301

    def missing(self, bench):
        self.program = bench.world.program
        known = subprocess.run([self.program, "help", "proxy"], capture_output=True, timeout=10)
        return "" if known.returncode == 0 else "`sallyport help proxy` knows no such command"

    def config(self, bench, limit):
        return f"""version: 1
policies:
  bench:
    limits: {{connections: {limit}}}
    rules:
      - allow: [{bed.NAME}:7101-7104]
"""

    def words(self, config):
        return [self.program, "proxy", "--listen", f"127.0.0.1:{self.port}", "--policy", config,
                "--use", "bench", "--connect-ports", "7101-7104", "--quiet"]


class Squid(Peer):
    name = program = package = "squid"
    port = 7302

    def config(self, bench, limit):
        # It has no limit of its own but one for each client address, and here all have the same.
        many = "" if limit == PLENTY else f"acl many maxconn {limit}\nhttp_access deny many\n"
        return f"""http_port 127.0.0.1:{self.port}
hosts_file /etc/hosts
acl name dstdomain {bed.NAME}
acl ports port 7101-7104
{many}http_access allow CONNECT name ports
http_access deny all
cache deny all
access_log none
cache_log /dev/null
cache_store_log none
pid_filename none
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
coredump_dir {bench.world.work}
"""

    def words(self, config):
        return ["squid", "-N", "-f", config]


class Tinyproxy(Peer):
    name = program = package = "tinyproxy"
    port = 7303

    def config(self, bench, limit):
        names = f"{bench.world.work}/tinyproxy.filter"
        with open(names, "w") as f:
            f.write(f"^{bed.NAME.replace('.', chr(92) + '.')}$\n")
        ports = "\n".join(f"ConnectPort {port}" for port in bed.PORTS.values())
        return f"""Port {self.port}
Listen 127.0.0.1
MaxClients {limit}
Timeout 600
LogLevel Critical
LogFile "/dev/null"
Filter "{names}"
FilterDefaultDeny Yes
FilterExtended Yes
{ports}
"""

    def words(self, config):
        return ["tinyproxy", "-d", "-c", config]


class Haproxy(Peer):
    """
    It passes a CONNECT on to a server and answers none itself (in `mode http`, `set-dst` only chooses
    who gets the request). So it forwards ports here, which is less than what the others do.
    """

    name = program = package = "haproxy"
    port = 7310
    how = "forwards a port; no CONNECT, no name"

    def way(self, service):
        return ["127.0.0.1", self.port + list(bed.PORTS).index(service)], []

    def config(self, bench, limit):
        # By itself it would keep a fifth of its descriptors for pipes to splice with.
        most = bench.connections + 10 if limit == PLENTY else limit
        ports = "\n".join(f"""listen p{port}
    bind 127.0.0.1:{self.port + i}
    server s {bed.ADDRESS}:{port}""" for i, port in enumerate(bed.PORTS.values()))
        return f"""global
    maxpipes 16
    maxconn {most}
defaults
    mode tcp
    maxconn {most}
    option splice-auto
    timeout connect 10s
    timeout client 10m
    timeout server 10m
{ports}
"""

    def words(self, config):
        return ["haproxy", "-db", "-q", "-f", config]


PEERS = (Direct, BareRelay, Sallyport, Squid, Tinyproxy, Haproxy)


def _known_from_hosts(bench):
    """What every one of them resolves the name by."""
    hosts = f"{bench.world.tmp}/hosts"
    with open(hosts, "w") as f:
        f.write(f"127.0.0.1 localhost\n{bed.ADDRESS} {bed.NAME}\n")
    syscalls.mount(hosts, "/etc/hosts", None, syscalls.MS_BIND)


@functools.cache
def present(bench):
    """Those that can be measured here; says which cannot."""
    _known_from_hosts(bench)
    peers = [peer() for peer in PEERS]
    for peer in peers:
        if peer.missing(bench):
            print(f"skip {peer.name}: {peer.missing(bench)}", flush=True)
    return [peer for peer in peers if not peer.missing(bench)]


class Running:
    """A peer as a process, from when it listens to the end of the `with`."""

    def __init__(self, bench, peer, limit=PLENTY):
        self.bench, self.peer, self.limit = bench, peer, limit
        self.process = None

    def __enter__(self):
        if isinstance(self.peer, Direct):
            return self
        config = f"{self.bench.world.work}/{self.peer.name}.conf"
        with open(config, "w") as f:
            f.write(self.peer.config(self.bench, self.limit))
        self.log = f"{config}.log"
        with open(self.log, "w") as log:
            words = self.bench.runner.enter() + self.peer.words(config)
            self.process = self.bench.runner.popen(words, stdin=subprocess.DEVNULL, stdout=log,
                                                   stderr=log)
        try:
            self._await()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _await(self):
        (host, port), _ = self.peer.way("hello")
        for _ in range(200):
            with syscalls.socket_in("/run/netns/host", socket.AF_INET, socket.SOCK_STREAM) as s:
                if s.connect_ex((host, port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(self.log) as f:
            raise RuntimeError(f"{self.peer.name} does not listen: {f.read()}")

    def __exit__(self, *_):
        if not self.process:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)
            self.process.wait(10)

    def pids(self):
        """The process and those it started."""
        parents = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    parents[int(pid)] = int(f.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found
