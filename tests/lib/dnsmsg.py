# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS messages: as little of RFC 1035 as a test server and test clients need."""

import ipaddress
import struct

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, OPT, SVCB, HTTPS, AXFR, ANY = (
    1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 64, 65, 252, 255)
TYPES = {v: k for k, v in globals().items() if k.isupper() and isinstance(v, int)}

QR, AA, TC, RD, RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)


def name_to_wire(name):
    labels = [label.encode("latin-1") for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def name_from_wire(message, at):
    """(name, position after it); compression pointers are followed a bounded number of times."""
    labels, after = [], None
    for _ in range(128):
        length = message[at]
        if length >= 0xC0:
            after = after or at + 2
            at = struct.unpack_from("!H", message, at)[0] & 0x3FFF
        elif length == 0:
            return ".".join(labels), after or at + 1
        else:
            labels.append(message[at + 1:at + 1 + length].decode("latin-1"))
            at += 1 + length
    raise ValueError("name does not end")


def query(ident, name, qtype=A, flags=RD, edns=0):
    message = struct.pack("!6H", ident, flags, 1, 0, 0, 1 if edns else 0)
    message += name_to_wire(name) + struct.pack("!HH", qtype, 1)
    if edns:
        message += b"\0" + struct.pack("!HHIH", OPT, edns, 0, 0)
    return message


def record(name, rtype, data, ttl=60):
    return name_to_wire(name) + struct.pack("!HHIH", rtype, 1, ttl, len(data)) + data


def address_record(name, address, ttl=60):
    packed = ipaddress.ip_address(address).packed
    return record(name, A if len(packed) == 4 else AAAA, packed, ttl)


def question(message):
    """(id, name, type, bytes of the question section)."""
    ident = struct.unpack_from("!H", message)[0]
    name, at = name_from_wire(message, 12)
    qtype, _ = struct.unpack_from("!HH", message, at)
    return ident, name, qtype, message[12:at + 4]


def answer(ident, section, records, rcode=NOERROR, flags=QR | RD | RA, extra=()):
    head = struct.pack("!6H", ident, flags | rcode, 1, len(records), 0, len(extra))
    return head + section + b"".join(records) + b"".join(extra)


def parse(message):
    """{id, rcode, tc, answers: [(name, type, value)]} of a reply."""
    ident, flags, n_questions, n_answers = struct.unpack_from("!4H", message)
    at = 12
    for _ in range(n_questions):
        _, at = name_from_wire(message, at)
        at += 4
    answers = []
    for _ in range(n_answers):
        name, at = name_from_wire(message, at)
        rtype, _, ttl, length = struct.unpack_from("!HHIH", message, at)
        at += 10
        answers.append((name, rtype, _value(message, rtype, at, length), ttl))
        at += length
    return {"id": ident, "rcode": flags & 15, "tc": bool(flags & TC), "answers": answers}


def _value(message, rtype, at, length):
    if rtype in (A, AAAA):
        return str(ipaddress.ip_address(message[at:at + length]))
    if rtype in (CNAME, NS, PTR):
        return name_from_wire(message, at)[0]
    return message[at:at + length].hex()
