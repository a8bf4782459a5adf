# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames and packets put together by hand, with the checksums that a kernel looks at."""

import ipaddress
import socket
import struct

ARP, IP4, IP6, VLAN, QINQ, LOCAL = 0x0806, 0x0800, 0x86DD, 0x8100, 0x88A8, 0x88B5
BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_NODES, ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"
SYN, RST, ACK, FIN = 0x02, 0x04, 0x10, 0x01


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def packed(address):
    return ipaddress.ip_address(address).packed


def ether(dst, src, kind, payload, tags=()):
    """tags: (ethertype, VLAN) pairs, outermost first."""
    head = mac(dst) + mac(src)
    for ethertype, vlan in tags:
        head += struct.pack("!HH", ethertype, vlan)
    return (head + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(src, dst, proto, payload, options=b"", offset=0, more=False, ident=77, ttl=64):
    """offset: of a fragment, in bytes."""
    options = options.ljust((len(options) + 3) // 4 * 4, b"\0")
    words = 5 + len(options) // 4
    flags = (offset // 8) | (0x2000 if more else 0)
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(payload), ident, flags,
                       ttl, proto, 0, packed(src), packed(dst)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(src, dst, proto, payload, hops=64):
    return struct.pack("!IHBB", 6 << 28, len(payload), proto, hops) + packed(src) + \
        packed(dst) + payload


def ip(src, dst, proto, payload, **options):
    return (ip6 if ":" in dst else ip4)(src, dst, proto, payload, **options)


def _pseudo(src, dst, proto, size):
    if ":" in dst:
        return packed(src) + packed(dst) + struct.pack("!II", size, proto)
    return packed(src) + packed(dst) + struct.pack("!HH", proto, size)


def udp(src, dst, sport, dport, data):
    size = 8 + len(data)
    head = struct.pack("!4H", sport, dport, size, 0)
    total = checksum(_pseudo(src, dst, 17, size) + head + data) or 0xFFFF
    return head[:6] + struct.pack("!H", total) + data


def tcp(src, dst, sport, dport, flags, data=b"", seq=1, ack=0):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 1024, 0, 0)
    total = checksum(_pseudo(src, dst, 6, len(head) + len(data)) + head + data)
    return head[:16] + struct.pack("!H", total) + head[18:] + data


def icmp(src, dst, kind, code, body):
    """Of the family of dst."""
    message = struct.pack("!BBH", kind, code, 0) + body
    whole = _pseudo(src, dst, 58, len(message)) + message if ":" in dst else message
    return message[:2] + struct.pack("!H", checksum(whole)) + body


def echo(src, dst, data, ident=7):
    return icmp(src, dst, 128 if ":" in dst else 8, 0, struct.pack("!HH", ident, 1) + data)


def arp(operation, sender_mac, sender, target_mac, target):
    return struct.pack("!HHBBH", 1, IP4, 6, 4, operation) + mac(sender_mac) + packed(sender) + \
        mac(target_mac) + packed(target)


def neighbour_advertisement(src, dst, target, its_mac, tail=b""):
    """Overriding and unsolicited; `tail` goes into an option of a type nobody knows."""
    body = struct.pack("!I", 0x20000000) + packed(target) + b"\x02\x01" + mac(its_mac)
    return icmp(src, dst, 136, 0, body + _nd_option(tail))


def router_advertisement(src, dst, its_mac, prefix="2001:db8:bad::", tail=b""):
    body = struct.pack("!BBHII", 64, 0, 1800, 0, 0) + b"\x01\x01" + mac(its_mac) + \
        struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + packed(prefix)
    return icmp(src, dst, 134, 0, body + _nd_option(tail))


def redirect6(src, dst, target, destination, tail=b""):
    return icmp(src, dst, 137, 0, bytes(4) + packed(target) + packed(destination) +
                _nd_option(tail))


def redirect4(src, dst, gateway, inner):
    return icmp(src, dst, 5, 1, packed(gateway) + inner)


def _nd_option(data):
    if not data:
        return b""
    size = (2 + len(data) + 7) // 8
    return bytes([253, size]) + data.ljust(size * 8 - 2, b"\0")


def routing_header(kind, left, address, inner_proto, payload):
    return struct.pack("!BBBBI", inner_proto, 2, kind, left, 0) + packed(address) + payload


def destination_options(inner_proto, payload):
    return struct.pack("!BB", inner_proto, 0) + b"\x01\x04" + bytes(4) + payload


def fragment6(inner_proto, offset, more, payload, ident=77):
    return struct.pack("!BBHI", inner_proto, 0, offset | (1 if more else 0), ident) + payload


def multicast_mac(address):
    raw = packed(address)
    if ":" in address:
        return "33:33:" + ":".join(f"{b:02x}" for b in raw[12:])
    return f"01:00:5e:{raw[1] & 0x7F:02x}:{raw[2]:02x}:{raw[3]:02x}"


def send(box, frame, interface="eth0"):
    with box.inside():
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
            s.bind((interface, 0))
            s.send(frame)
