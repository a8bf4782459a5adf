# SPDX-License-Identifier: GPL-2.0-or-later
"""
Attempts to get a token out, run as `python3 probes.pyc NAME ARG...`.

They exit with 0 when the attempt seems to have worked, with 77 when this kernel does not have what
is tried, else with 1. What counts is what arrives.
"""

import contextlib
import ctypes
import errno
import mmap
import os
import socket
import struct
import sys
import time

TIMEOUT_S = 3.0
SHORT_S = 0.3  # for an answer that a denial does not announce: nobody is connected
UNSUPPORTED = {errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.ESOCKTNOSUPPORT, errno.ENOSYS,
               errno.ENOPROTOOPT}
libc = ctypes.CDLL(None, use_errno=True)


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def open_socket(host, kind, proto=0):
    s = socket.socket(family_of(host), kind, proto)
    s.settimeout(TIMEOUT_S)
    return s


def finish(s, tok):
    """Over a connection: token out, anything back."""
    s.sendall(tok.encode() + b"\n")
    s.recv(999)


# --- Ordinary sockets, with something unusual about them.

def tcp(host, port, tok):
    with open_socket(host, socket.SOCK_STREAM) as s:
        s.connect((host, int(port)))
        finish(s, tok)


def udp(host, port, tok):
    with open_socket(host, socket.SOCK_DGRAM) as s:
        s.connect((host, int(port)))
        finish(s, tok)


def udp_unconnected(host, port, tok):
    with open_socket(host, socket.SOCK_DGRAM) as s:
        s.sendto(tok.encode(), (host, int(port)))
        s.settimeout(SHORT_S)
        s.recv(999)


def tcp_from(source, source_port, host, port, tok):
    """From a chosen source address and port."""
    with open_socket(host, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((source, int(source_port)))
        s.connect((host, int(port)))
        finish(s, tok)


def udp_from(source, source_port, host, port, tok):
    with open_socket(host, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((source, int(source_port)))
        s.sendto(tok.encode(), (host, int(port)))
        s.settimeout(SHORT_S)
        s.recv(999)


def mptcp(host, port, tok):
    with open_socket(host, socket.SOCK_STREAM, 262) as s:
        s.connect((host, int(port)))
        finish(s, tok)


def smc(host, port, tok):
    """AF_SMC falls back to TCP."""
    with socket.socket(43, socket.SOCK_STREAM, 1 if ":" in host else 0) as s:
        s.settimeout(TIMEOUT_S)
        raw_connect(s, host, port)
        finish(s, tok)


def sctp(host, port, tok):
    with open_socket(host, socket.SOCK_STREAM, 132) as s:
        s.connect((host, int(port)))
        finish(s, tok)


def dccp(host, port, tok):
    with open_socket(host, 6, 33) as s:
        s.connect((host, int(port)))
        finish(s, tok)


def udplite(host, port, tok):
    with open_socket(host, socket.SOCK_DGRAM, 136) as s:
        s.sendto(tok.encode(), (host, int(port)))


def fast_open(host, port, tok):
    """Data in the SYN, by sendto."""
    with open_socket(host, socket.SOCK_STREAM) as s:
        s.setblocking(True)
        s.sendto(tok.encode() + b"\n", socket.MSG_FASTOPEN, (host, int(port)))
        s.recv(999)


def fast_open_connect(host, port, tok):
    with open_socket(host, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT
        s.connect((host, int(port)))
        finish(s, tok)


def mapped(host, port, tok):
    """An IPv4 destination on an IPv6 socket."""
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
        s.settimeout(TIMEOUT_S)
        s.connect(("::ffff:" + host, int(port)))
        finish(s, tok)


def mapped_udp(host, port, tok):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.settimeout(TIMEOUT_S)
        s.connect(("::ffff:" + host, int(port)))
        finish(s, tok)


def option(level, name, value, host, port, tok):
    """TCP with a socket option set first; the value is hexadecimal bytes."""
    with open_socket(host, socket.SOCK_STREAM) as s:
        s.setsockopt(int(level), int(name), bytes.fromhex(value))
        s.connect((host, int(port)))
        finish(s, tok)


def option_udp(level, name, value, host, port, tok):
    with open_socket(host, socket.SOCK_DGRAM) as s:
        s.setsockopt(int(level), int(name), bytes.fromhex(value))
        s.sendto(tok.encode(), (host, int(port)))
        s.settimeout(SHORT_S)
        s.recv(999)


def ancillary(level, kind, value, host, port, tok):
    """One datagram with a control message, such as IP_PKTINFO."""
    with open_socket(host, socket.SOCK_DGRAM) as s:
        control = [(int(level), int(kind), bytes.fromhex(value))]
        s.sendmsg([tok.encode()], control, 0, (host, int(port)))
        s.settimeout(SHORT_S)
        s.recv(999)


def multicast(host, port, tok):
    with open_socket(host, socket.SOCK_DGRAM) as s:
        if ":" in host:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 8)
        else:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.sendto(tok.encode(), (host, int(port)))


def link_local(port, tok):
    """To the router's fe80:: address, on each interface there is."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        for index, _ in socket.if_nameindex():
            with contextlib.suppress(OSError):
                s.sendto(tok.encode(), ("ff02::1", int(port), 0, index))


# --- Below the ordinary.

def raw(host, proto, tok):
    """A raw socket of any protocol."""
    with open_socket(host, socket.SOCK_RAW, int(proto)) as s:
        s.sendto(b"\0\0\0\0" + tok.encode(), (host, 0))


def raw_header(host, tok):
    """Our own IPv4 header: a UDP datagram."""
    udp_part = struct.pack("!4H", 999, 999, 8 + len(tok), 0) + tok.encode()
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp_part), 1, 0, 64, 17, 0, bytes(4),
                       socket.inet_aton(host))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        s.sendto(head + udp_part, (host, 0))


def raw_fragment(host, tok):
    """A lone fragment that is not the first: no ports to judge."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tok), 7, 8, 64, 17, 0, bytes(4),
                       socket.inet_aton(host))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        s.sendto(head + tok.encode(), (host, 0))


def raw_reset(host, tok):
    """A TCP segment that opens nothing and carries data."""
    segment = struct.pack("!HHIIBBHHH", 999, 80, 1, 1, 0x50, 0x10, 99, 0, 0) + tok.encode()
    with open_socket(host, socket.SOCK_RAW, socket.IPPROTO_TCP) as s:
        s.sendto(segment, (host, 0))


def ping(host, tok):
    proto, kind = ((socket.IPPROTO_ICMPV6, 128) if ":" in host else (socket.IPPROTO_ICMP, 8))
    try:
        s = open_socket(host, socket.SOCK_DGRAM, proto)
    except PermissionError as e:  # net.ipv4.ping_group_range
        raise OSError(errno.EPROTONOSUPPORT, "no ping sockets for this user") from e
    with s:
        s.sendto(struct.pack("!BBHHH", kind, 0, 0, 0, 1) + tok.encode(), (host, 0))


def packet(host, tok):
    """A whole frame, on every interface."""
    udp_part = struct.pack("!4H", 999, 999, 8 + len(tok), 0) + tok.encode()
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp_part), 1, 0, 64, 17, 0,
                       socket.inet_aton("198.51.100.1"), socket.inet_aton(host))
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as s:
        for _, name in socket.if_nameindex():
            try:
                s.sendto(head + udp_part, (name, 0x0800, 0, 0, b"\xff" * 6))
            except OSError as e:
                if e.errno != errno.ENETDOWN:
                    raise


def ethernet(tok):
    """A frame of a protocol nobody filters."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        for _, name in socket.if_nameindex():
            if name != "lo":
                s.bind((name, 0))
                s.send(b"\xff" * 6 + b"\x02" * 6 + b"\x88\xb5" + tok.encode() + bytes(46))


def vsock():
    """Only whether one can be had: no namespace holds AF_VSOCK."""
    socket.socket(40, socket.SOCK_STREAM).close()


# --- io_uring: requests that no system call names.

class SqOffsets(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint32) for n in ("head", "tail", "mask", "entries", "flags",
                                               "dropped", "array", "resv")] + [("addr",
                                                                                ctypes.c_uint64)]


class CqOffsets(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint32) for n in ("head", "tail", "mask", "entries", "overflow",
                                               "cqes", "flags", "resv")] + [("addr",
                                                                             ctypes.c_uint64)]


class Params(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint32) for n in ("sq", "cq", "flags", "cpu", "idle", "features",
                                               "wq")] + [("resv", ctypes.c_uint32 * 3),
                                                         ("sq_off", SqOffsets), ("cq_off",
                                                                                 CqOffsets)]


class Ring:
    SETUP, ENTER = 425, 426
    CONNECT, SENDMSG, SEND, SOCKET = 16, 9, 26, 45

    def __init__(self):
        self.p = Params()
        self.fd = libc.syscall(self.SETUP, 4, ctypes.byref(self.p))
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "io_uring_setup")
        size = max(self.p.sq_off.array + self.p.sq * 4, self.p.cq_off.cqes + self.p.cq * 16)
        self.ring = mmap.mmap(self.fd, size)
        self.sqes = mmap.mmap(self.fd, self.p.sq * 64, offset=0x10000000)
        self.n = 0

    def _u32(self, offset):
        return struct.unpack_from("I", self.ring, offset)[0]

    def do(self, opcode, fd, address=0, length=0, offset=0, op_flags=0):
        """One request; its result, which is never negative."""
        slot = self.n & self._u32(self.p.sq_off.mask)
        struct.pack_into("BBHiQQIIQ", self.sqes, slot * 64, opcode, 0, 0, fd, offset, address,
                         length, op_flags, self.n)
        self.sqes[slot * 64 + 40:slot * 64 + 64] = bytes(24)
        struct.pack_into("I", self.ring, self.p.sq_off.array + slot * 4, slot)
        self.n += 1
        struct.pack_into("I", self.ring, self.p.sq_off.tail, self.n)
        if libc.syscall(self.ENTER, self.fd, 1, 1, 1, None, 0) < 0:
            raise OSError(ctypes.get_errno(), "io_uring_enter")
        head = self._u32(self.p.cq_off.head)
        at = self.p.cq_off.cqes + (head & self._u32(self.p.cq_off.mask)) * 16
        result = struct.unpack_from("i", self.ring, at + 8)[0]
        struct.pack_into("I", self.ring, self.p.cq_off.head, head + 1)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result


def sockaddr(host, port):
    if ":" in host:
        return struct.pack("=HHI", socket.AF_INET6, socket.htons(int(port)), 0) + \
            socket.inet_pton(socket.AF_INET6, host) + bytes(4)
    return struct.pack("=HH", socket.AF_INET,
                       socket.htons(int(port))) + socket.inet_aton(host) + bytes(8)


def raw_connect(s, host, port):
    address = sockaddr(host, port)
    if libc.connect(s.fileno(), address, len(address)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def uring(host, port, tok, kind=socket.SOCK_STREAM):
    """Socket, connect and send, all by io_uring."""
    ring = Ring()
    fd = ring.do(Ring.SOCKET, family_of(host), 0, 0, kind, 0)
    address = ctypes.create_string_buffer(sockaddr(host, port))
    ring.do(Ring.CONNECT, fd, ctypes.addressof(address), 0, len(address) - 1)
    data = ctypes.create_string_buffer(tok.encode() + b"\n")
    ring.do(Ring.SEND, fd, ctypes.addressof(data), len(data) - 1)
    socket.socket(fileno=fd).recv(999)


def uring_udp(host, port, tok):
    uring(host, port, tok, socket.SOCK_DGRAM)


# --- Other processes.

def outsiders():
    """Processes that are not this one or an ancestor in the same session."""
    for pid in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
        if int(pid) != os.getpid():
            yield int(pid)


def ptrace_all(name):
    """Takes hold of any process called so."""
    def attempt(pid):
        if libc.ptrace(0x4206, pid, 0, 0) < 0:  # PTRACE_SEIZE
            raise OSError(ctypes.get_errno(), "ptrace")
    _each(name, "ptrace", attempt)


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return ""


def _each(name, what, attempt):
    for pid in outsiders():
        if name in ("*", comm(pid)):
            try:
                attempt(pid)
                return
            except OSError:
                pass
    raise PermissionError(errno.EPERM, f"{what}: none")


def memory(name):
    """Opens somebody's memory for writing."""
    def attempt(pid):
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))
    _each(name, "mem", attempt)


def steal(name, host, port, tok):
    """Takes a datagram socket from another process, and uses it."""
    def attempt(pid):
        pidfd = os.pidfd_open(pid)
        for number in range(3, 20):
            fd = libc.syscall(438, pidfd, number, 0)  # pidfd_getfd
            if fd < 0:
                continue
            try:
                s = socket.socket(fileno=fd)
                s.sendto(tok.encode(), (host, int(port)))
                return
            except OSError:
                pass
        raise OSError(errno.EPERM, "no socket")
    _each(name, "pidfd_getfd", attempt)


def join_netns(name, host, port, tok):
    """Enters the network namespace of another process."""
    own = os.readlink("/proc/self/ns/net")

    def attempt(pid):
        if os.readlink(f"/proc/{pid}/ns/net") == own:
            raise OSError(errno.EEXIST, "ours")
        for kind in ("user", "net"):
            fd = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
            if libc.setns(fd, 0) < 0 and kind == "net":
                raise OSError(ctypes.get_errno(), "setns")
        udp(host, port, tok)
    _each(name, "setns", attempt)


def parent_netns(host, port, tok):
    """Asks the kernel for the owner of our own namespaces and enters it."""
    NS_GET_USERNS, NS_GET_PARENT = 0xB701, 0xB702
    fd = os.open("/proc/self/ns/user", os.O_RDONLY)
    for request in (NS_GET_PARENT, NS_GET_USERNS):
        up = libc.ioctl(fd, request)
        if up >= 0 and libc.setns(up, 0) == 0:
            udp(host, port, tok)
            return
    raise PermissionError(errno.EPERM, "no way up")


def root_of(name, path):
    """Reads a file as another process sees it."""
    def attempt(pid):
        os.stat(f"/proc/{pid}/root{path}")
    _each(name, "root", attempt)


def scm_rights(fd, host, port, tok):
    """Receives a socket over an inherited Unix socket, and uses it."""
    with socket.socket(fileno=int(fd)) as channel:
        channel.settimeout(TIMEOUT_S)
        _, fds, _, _ = socket.recv_fds(channel, 9, 1)
        s = socket.socket(fileno=fds[0])
        s.sendto(tok.encode(), (host, int(port)))


# --- DNS made by hand.

def dns_pipeline(server, allowed, denied):
    """Several questions at once on one connection; prints the answers' sizes."""
    def message(ident, name):
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        body = struct.pack("!6H", ident, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
        return struct.pack("!H", len(body)) + body
    with open_socket(server, socket.SOCK_STREAM) as s:
        s.connect((server, 53))
        s.sendall(b"".join(message(i, allowed if i % 2 else denied) for i in range(10)))
        stream = s.makefile("rb")
        seen = {}
        for _ in range(10):
            size = struct.unpack("!H", stream.read(2))[0]
            body = stream.read(size)
            ident, flags, _, n = struct.unpack_from("!4H", body)
            seen[ident] = (flags & 15, n)
    print(sorted(seen.items()))


def scan(host, tok):
    """Every TCP port of an address; says the token to whoever answers."""
    for port in range(1, 65536):
        with socket.socket(family_of(host), socket.SOCK_STREAM) as s:
            s.settimeout(0.3)
            if s.connect_ex((host, port)) == 0:
                try:
                    finish(s, tok)
                    print(port, "answered")
                except OSError as e:
                    print(port, e)


def burst(host, port, tok):
    """As early and as fast as possible."""
    end = time.monotonic() + 0.05
    s = open_socket(host, socket.SOCK_DGRAM)
    while time.monotonic() < end:
        try:
            s.sendto(tok.encode(), (host, int(port)))
        except OSError:
            pass


def main(name, *args):
    try:
        globals()[name](*args)
    except OSError as e:
        print(f"{errno.errorcode.get(e.errno, type(e).__name__)} {e}")
        return 77 if e.errno in UNSUPPORTED else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
