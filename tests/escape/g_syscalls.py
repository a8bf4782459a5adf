# SPDX-License-Identifier: GPL-2.0-or-later
"""System calls that reach outside whatever the network namespace is, and ways round their filter."""

import re

from lib import zone
from lib.case import Cases, Skip, expect, expect_eq, expect_in
from lib.commands import python

CASES = Cases()

GOOD = ["--allow", "good.example"]

# What a raw call says: its result, or the name of its error.
CALL = """
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
args = [ctypes.c_ulong(int(a, 0) & (2**64 - 1)) for a in sys.argv[1:]]
r = libc.syscall(*args)
print('ok' if r >= 0 else errno.errorcode[ctypes.get_errno()])
"""

# x86_64 and arm64
NUMBERS = {"x86_64": {"socket": 41, "ioctl": 16, "prlimit64": 302, "add_key": 248,
                      "request_key": 249, "keyctl": 250, "io_uring_setup": 425},
           "aarch64": {"socket": 198, "ioctl": 29, "prlimit64": 261, "add_key": 217,
                       "request_key": 218, "keyctl": 219, "io_uring_setup": 425}}

AF_VSOCK, TIOCSTI, TIOCLINUX = 40, 0x5412, 0x541C
HIGH = 1 << 32  # the kernel takes the lower half of these arguments, and so must the filter


def number(name):
    import platform
    try:
        return NUMBERS[platform.machine()][name]
    except KeyError:
        raise Skip(f"no number of {name} for this machine") from None


def call(t, name, *args, jail=True, root=False):
    run = t.jail(*GOOD, root=root) if jail else t.plain(root=root)
    return run(python(CALL, number(name), *args)).out.strip()


def refused(what, name, *args, error):
    for who, root in (("user", False), ("root", True)):
        @CASES.case(f"{what}, as {who}")
        def _(t, root=root):
            expect_eq(call(t, name, *args, root=root), error, "what the call says")


for high in (0, HIGH, 0x7FFF << 32):
    tag = f", upper half {high >> 32:#x}"
    refused(f"E-18 AF_VSOCK{tag}", "socket", AF_VSOCK | high, 1, 0, error="EAFNOSUPPORT")
    refused(f"TIOCSTI{tag}", "ioctl", 0, TIOCSTI | high, 0, error="EPERM")
    refused(f"TIOCLINUX{tag}", "ioctl", 0, TIOCLINUX | high, 0, error="EPERM")
refused("E-13 io_uring", "io_uring_setup", 8, 0, error="ENOSYS")
# The kernel would have a program of the host's resolve a name for it.
for name in ("request_key", "add_key", "keyctl"):
    refused(f"E-40 {name}", name, 0, 0, 0, 0, error="ENOSYS")
refused("limits of another process", "prlimit64", 1, 7, 0, 0, error="EPERM")


@CASES.case("a process's own limits are its own business")
def _own(t):
    expect_eq(call(t, "prlimit64", 0, 7, 0, 0), "ok", "prlimit64 of itself")


# Taking the gate's descriptors away for a moment made it unable to tell the host's own addresses.
RACE = """
import ctypes, os, socket, struct, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def gates():
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if open(f'/proc/{pid}/comm').read() == 'sallyport-gate\\n':
                yield int(pid)
        except OSError:
            pass
def toggle(pid):
    while True:
        for soft in (0, 1000):
            libc.prlimit(pid, 7, struct.pack('QQ', soft, 20000), None)
for pid in gates():
    threading.Thread(target=toggle, args=(pid,), daemon=True).start()
end = time.time() + 3
while time.time() < end:
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), 1) as s:
            s.sendall(sys.argv[3].encode())
            s.recv(9)
    except OSError:
        pass
"""


@CASES.case("E-36 the host's own address while the gate's descriptors are taken away")
def _race(t):
    tok, marks = t.token(), t.marks()
    t.jail("--allow", "any:*", timeout=20)(python(RACE, zone.HOST4, zone.PORT_WILDCARD, tok))
    expect(not t.seen(marks, tok), "the host's own service was reached")


@CASES.case("a 32-bit system call ends the program")
def _foreign(t):
    import platform
    if platform.machine() != "x86_64":
        raise Skip("only x86 has them")
    code = ("import ctypes, mmap\n"
            "m = mmap.mmap(-1, 4096, prot=7)\n"
            "m.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))\n"  # mov $20,%eax; int $0x80; ret
            "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
            "print('pid', f())")
    control = t.plain()(python(code)).out
    if not re.match(r"pid \d+", control):
        raise Skip("this kernel has no 32-bit system calls")
    result = t.jail(*GOOD)(python(code))
    expect_eq(result.status, 128 + 31, "SIGSYS", result)


@CASES.case("a flood of decisions does not keep the run from ending")
def _flood(t):
    code = ("import os, socket, time\n"
            "if os.fork():\n  time.sleep(1)\n  raise SystemExit(3)\n"
            "os.closerange(0, 3)\n"
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "q = b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\4evil\\7example\\0\\0\\1\\0\\1'\n"
            "end = time.time() + 15\n"
            "while time.time() < end: s.sendto(q, ('198.18.0.1', 53))")
    result = t.jail(*GOOD, timeout=12)(python(code))
    expect_eq(result.status, 3, "the status", result)
    expect_in("denied", result.err, "the report")


@CASES.case("a parent that ignores SIGCHLD loses neither the end nor the status")
def _sigchld(t):
    words = t.words(GOOD, ["bash", "-c", "exit 7"])
    code = ("import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
            "os.execvp(sys.argv[1], sys.argv[1:])")
    expect_eq(t.run(python(code, *words), {"timeout": 6}).status, 7, "the status")
