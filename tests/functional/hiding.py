# SPDX-License-Identifier: GPL-2.0-or-later
"""Sockets by which the host would act on the command's behalf are out of reach."""

from lib import zone
from lib.case import Cases, expect, expect_eq, expect_in, fill
from lib.commands import python, shell
from lib.world import AGENT_SOCKET, HOST_SOCKETS, PLAIN_SOCKET, USER

CASES = Cases()

CONNECT = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(3)
s.connect(sys.argv[1].replace('@', chr(0)))
s.sendall(sys.argv[2].encode())
print(s.recv(99))
"""


def talk(path):
    return python(CONNECT, path, "{tok}")


for path in HOST_SOCKETS:
    CASES.deny(path, ["--allow", "good.example"], talk(path), root=False)
CASES.deny("an abstract socket", [], talk("@" + zone.ABSTRACT), root=False)

for path in HOST_SOCKETS[:3]:
    CASES.reach(f"{path} with --allow-unix", ["--allow-unix", path], talk(path), "hello")

CASES.deny("--allow-unix of one does not bring another", ["--allow-unix", HOST_SOCKETS[0]],
           talk(HOST_SOCKETS[3]), root=False)

AGENT = {"SSH_AUTH_SOCK": AGENT_SOCKET,
         "DBUS_SESSION_BUS_ADDRESS": f"unix:path=/run/user/{USER}/bus",
         "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/dbus/system_bus_socket",
         "DOCKER_HOST": f"unix://{PLAIN_SOCKET}", "XDG_RUNTIME_DIR": f"/run/user/{USER}",
         "CONTAINER_HOST": f"unix://{PLAIN_SOCKET}", "GPG_AGENT_INFO": "x", "WAYLAND_DISPLAY": "x"}

CASES.deny("the socket that SSH_AUTH_SOCK names", [], talk(AGENT_SOCKET), root=False, env=AGENT)
CASES.deny("the socket that DOCKER_HOST names", [], talk(PLAIN_SOCKET), root=False, env=AGENT)
CASES.reach("SSH_AUTH_SOCK with --allow-unix", ["--allow-unix", AGENT_SOCKET], talk(AGENT_SOCKET),
            "hello", env=AGENT)


@CASES.case("variables that name such sockets are gone")
def _variables(t):
    result = t.jail(env=AGENT)(["env"])
    for name in ("SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"):
        expect(name not in result.out, f"{name} is set", result)
    expect_in("HOME=", result.out, "other variables", result)


@CASES.case("SSH_AUTH_SOCK stays with --allow-unix")
def _variable(t):
    result = t.jail("--allow-unix", AGENT_SOCKET, env=AGENT)(["env"])
    expect_in(f"SSH_AUTH_SOCK={AGENT_SOCKET}", result.out, "environment", result)


@CASES.case("--allow-unix of something that is not there")
def _absent(t):
    result = t.jail("--allow-unix", "/run/nothing.sock")(["true"])
    expect_in(result.status, (2, 125), "exit status", result)
    expect_in("/run/nothing.sock", result.err, "the message", result)


@CASES.case("programs find a resolver and a host name all the same")
def _lookups(t):
    result = t.jail("--allow", "good.example")(
        shell("getent hosts good.example && getent passwd root && id >/dev/null && hostname"))
    expect_eq(result.status, 0, "exit status", result)


@CASES.case("what is written to /tmp, /dev/null, /dev/tty and /dev/shm")
def _places(t):
    result = t.jail()(shell("echo x >/dev/null && f=$(mktemp) && echo y >$f && rm $f && "
                            "f=/dev/shm/sallyport-test && echo z >$f && rm $f && echo ok"))
    expect_in("ok", result.out, "output", result)


@CASES.case("hidden things cannot be unhidden from a new user and mount namespace")
def _unhide(t):
    tok, marks = t.token(), t.marks()
    script = ("umount -l /run; umount -l /run/docker.sock; umount -l /var/run; "
              "exec /usr/bin/python3 -ISc \"$0\" /run/docker.sock " + tok)
    result = t.jail()(["unshare", "-Urm", "bash", "-c", script, CONNECT])
    expect(not t.seen(marks, tok), "docker.sock was reached", result)


@CASES.case("hidden things are not found through /proc of other processes")
def _other_roots(t):
    tok, marks = t.token(), t.marks()
    code = CONNECT + "\n"
    script = "for r in /proc/[0-9]*/root; do python3 -ISc \"$0\" $r/run/docker.sock $1; done"
    result = t.jail()(["bash", "-c", script, code, *fill(["{tok}"], tok)])
    expect(not t.seen(marks, tok), "docker.sock was reached", result)
