# SPDX-License-Identifier: GPL-2.0-or-later
"""The few system calls that Python 3.11 does not wrap."""

import contextlib
import ctypes
import os
import socket

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_REC = 0x4000
MS_BIND = 0x1000
MS_PRIVATE = 0x40000

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def setns(fd, flags=0):
    _check(_libc.setns(fd, flags), "setns")


def mount(source, target, kind=None, flags=0, data=None):
    args = [None if s is None else s.encode() for s in (source, target, kind)]
    _check(_libc.mount(*args, ctypes.c_ulong(flags), data and data.encode()), f"mount {target}")


def die_with_parent(signal):
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl")


@contextlib.contextmanager
def inside_netns(path):
    """Sockets made in this block belong to the network namespace at `path`, and keep to it."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(path, os.O_RDONLY)
    try:
        setns(there, CLONE_NEWNET)
        yield
    finally:
        setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)


def socket_in(path, family, kind, proto=0):
    with inside_netns(path):
        return socket.socket(family, kind, proto)
