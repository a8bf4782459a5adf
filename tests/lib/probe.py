# SPDX-License-Identifier: GPL-2.0-or-later
"""
Small clients, run as `python3 probe.pyc NAME ARG...` in a jail or out of it, a thousand times: what only
one of them needs is imported there.

They print what they were told and exit with 0, or print the error's name and exit with 1.
"""

import errno
import os
import socket
import sys

TIMEOUT_S = 5.0


def _connect(host, port):
    """As a naive program does: the first address that works; the last error otherwise."""
    return socket.create_connection((host, int(port)), TIMEOUT_S)


def _line(sock):
    data = b""
    while not data.endswith(b"\n"):
        part = sock.recv(4096)
        if not part:
            break
        data += part
    return data


def tcp(host, port, text):
    """One line out, one line back."""
    with _connect(host, port) as s:
        s.sendall(text.encode() + b"\n")
        return _line(s)


def banner(host, port, text):
    """The server speaks first; then as tcp."""
    with _connect(host, port) as s:
        first = _line(s)
        s.sendall(text.encode() + b"\n")
        return first + _line(s)


class Refused(OSError):
    """Said in the server's own protocol."""


class TlsFailure(OSError):
    """Whose text is all there is to say."""


def raw(host, port, text, *more):
    """
    Writes exactly these bytes (escapes as in a Python string), reads to the end. An HTTP error or
    a TLS alert is a refusal.
    """
    with _connect(host, port) as s:
        for part in (text, *more):
            s.sendall(part.encode("latin-1").decode("unicode_escape").encode("latin-1"))
        data = b""
        while part := s.recv(65536):
            data += part
        if not data:
            raise ConnectionAbortedError(errno.ECONNABORTED, "closed without a word")
        if data[:1] == b"\x15" or data[:5] == b"HTTP/" and data[9:10] in b"45":
            raise Refused(data.decode("latin-1"))
        return data


def tls(host, port, sni, request_host, path, ca):
    """A GET over TLS; SNI and Host need not be the name connected to. `-` for no SNI."""
    import ssl

    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    name = None if sni == "-" else sni
    lines = (f"GET {path} HTTP/1.1", f"Host: {request_host}", "Connection: close", "", "")
    try:
        with _connect(host, port) as plain, context.wrap_socket(plain, server_hostname=name) as s:
            s.sendall("\r\n".join(lines).encode())
            data = b""
            while part := s.recv(65536):
                data += part
            return data
    except ssl.SSLError as e:
        raise TlsFailure(f"TLS {e.reason}: {e}") from e


def udp(host, port, text):
    last = None
    for family, kind, _, _, address in socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM):
        with socket.socket(family, kind) as s:
            s.settimeout(TIMEOUT_S)
            try:
                s.connect(address)
                s.send(text.encode())
                return s.recv(65536)
            except OSError as e:
                last = e
    raise last


def ping(host, text):
    """An echo request from an unprivileged ping socket, as ping(8) prefers it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as s:
        s.settimeout(TIMEOUT_S)
        s.connect((host, 0))
        s.send(b"\x08\0\0\0\0\0\0\x01" + text.encode())
        return s.recv(4096)


def addresses(name):
    """What getaddrinfo says, one a line."""
    found = {a[4][0] for a in socket.getaddrinfo(name, 1, type=socket.SOCK_STREAM)}
    return "\n".join(sorted(found)).encode() + b"\n"


def main(probes, name, *args):
    try:
        out = probes[name](*args)
    except socket.gaierror as e:
        print(f"cannot resolve: {e}")
        return 1
    except TlsFailure as e:
        print(e)
        return 1
    except OSError as e:
        print(f"{errno.errorcode.get(e.errno, type(e).__name__)} {e}".replace("\x00", "\\0"))
        return 1
    os.write(1, out or b"")
    return 0


if __name__ == "__main__":
    sys.exit(main(globals(), *sys.argv[1:]))
