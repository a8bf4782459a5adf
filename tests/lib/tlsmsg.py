# SPDX-License-Identifier: GPL-2.0-or-later
"""ClientHellos that a normal library does not make."""

import os
import ssl
import struct

ECH = 0xFE0D
SERVER_NAME = 0


def client_hello(name):
    """One TLS record, as the ssl module makes it."""
    out = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def split(record):
    """(everything before the extensions' length, [(type, data)])"""
    at = 5 + 4 + 2 + 32
    at += 1 + record[at]
    at += 2 + struct.unpack_from("!H", record, at)[0]
    at += 1 + record[at]
    extensions, p = [], at + 2
    while p < len(record):
        kind, size = struct.unpack_from("!HH", record, p)
        extensions.append((kind, record[p + 4:p + 4 + size]))
        p += 4 + size
    return record[9:at], extensions


def join(body, extensions):
    """The record again, with right lengths."""
    tail = b"".join(struct.pack("!HH", kind, len(data)) + data for kind, data in extensions)
    body += struct.pack("!H", len(tail)) + tail
    message = b"\x01" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack("!H", len(message)) + message


def server_names(*names):
    """The data of a server_name extension with any number of entries."""
    entries = b"".join(b"\0" + struct.pack("!H", len(n)) + n for n in names)
    return struct.pack("!H", len(entries)) + entries


def with_extension(record, kind, data):
    body, extensions = split(record)
    return join(body, [*extensions, (kind, data)])


def with_names(record, *names):
    body, extensions = split(record)
    rest = [e for e in extensions if e[0] != SERVER_NAME]
    return join(body, [(SERVER_NAME, server_names(*names)), *rest])


def with_ech(record):
    return with_extension(record, ECH, b"\0\0\x01\0\x01\x2a\0\x20" + os.urandom(32) +
                          b"\0\x90" + os.urandom(0x90))


def in_records(record, size):
    """The same handshake message cut into records of `size` bytes."""
    message = record[5:]
    parts = (message[i:i + size] for i in range(0, len(message), size))
    return b"".join(b"\x16\x03\x01" + struct.pack("!H", len(p)) + p for p in parts)
