# SPDX-License-Identifier: GPL-2.0-or-later
"""The internet's DNS server. It logs every question it is asked, and misbehaves where told to."""

import asyncio
import struct

from . import dnsmsg as dns
from . import zone

LATE_S = 1.0


def behaviour(name):
    """(kind, addresses) of a name, or of the one below which it is: each has its own turns."""
    return zone.BEHAVIOUR.get(name) or zone.BEHAVIOUR.get(name.partition(".")[2])


class Zone:
    """What the server answers: question in, (records, rcode, extra records) out."""

    def __init__(self):
        self.n_asked = {}

    def resolve(self, name, qtype):
        name = name.lower()
        records = []
        owner = name
        while owner in zone.CNAMES and len(records) < 8:
            target = zone.CNAMES[owner]
            records.append(dns.record(owner, dns.CNAME, dns.name_to_wire(target)))
            owner = target
        addresses = self._addresses(owner, qtype)
        if addresses is None:
            return records, dns.NOERROR if records else dns.NXDOMAIN, ()
        records += [dns.address_record(owner, a, self._ttl(owner)) for a in addresses
                    if (":" in a) == (qtype == dns.AAAA) and qtype in (dns.A, dns.AAAA)]
        if qtype in (dns.TXT, dns.ANY):
            records.append(dns.record(owner, dns.TXT, b"\x0btext record"))
        if qtype == dns.MX:
            records.append(dns.record(owner, dns.MX, b"\0\x0a" + dns.name_to_wire(owner)))
        if qtype == dns.HTTPS:
            records.append(dns.record(owner, dns.HTTPS, b"\0\x01\0"))
        return self._poison(owner, qtype, records)

    def _addresses(self, name, qtype):
        if found := behaviour(name):
            kind, addresses = found
            return self._moving(name, qtype, kind, addresses)
        if name in zone.POISONED:
            return zone.POISONED[name]
        apex, addresses = zone.WILD
        if name.endswith("." + apex):
            return addresses
        return zone.ADDRESSES.get(name)

    def _moving(self, name, qtype, kind, addresses):
        if kind not in ("rotate", "rebind", "once"):
            return addresses
        if qtype != dns.A:
            return []
        turn = self.n_asked[name] = self.n_asked.get(name, -1) + 1
        if kind == "once" and turn > 0:
            return None
        return [addresses[turn % len(addresses)]]

    @staticmethod
    def _ttl(name):
        return 1 if name.endswith(("rotate.example", "rebind.example", "once.example")) else 60

    @staticmethod
    def _poison(owner, qtype, records):
        if owner not in zone.POISONED or qtype != dns.A:
            return records, dns.NOERROR, ()
        bad = [dns.address_record(*pair) for pair in (zone.POISON, zone.POISON_SELF)]
        return bad + records, dns.NOERROR, bad


def reply(zones, message, over):
    """The messages to send back, in order; a number among them is a pause in seconds."""
    ident, name, qtype, section = dns.question(message)
    kind = (behaviour(name.lower()) or ("",))[0]
    if kind == "silent":
        return []
    if kind == "servfail":
        return [dns.answer(ident, section, [], dns.SERVFAIL)]
    if kind == "garbage":
        return [struct.pack("!H", ident) + b"\xff" * 40]
    if kind == "truncate" and over == "udp":
        return [dns.answer(ident, section, [], flags=dns.QR | dns.RA | dns.TC)]
    records, rcode, extra = zones.resolve(name, qtype)
    good = dns.answer(ident, section, records, rcode, extra=extra)
    if kind == "late":
        return [LATE_S, good]
    if kind in ("wrongid", "wrongname"):
        return [_forge(kind, ident, name, section, i) for i in range(20)] + [0.05, good]
    if over == "udp" and len(good) > 1232:
        return [dns.answer(ident, section, [], flags=dns.QR | dns.RA | dns.TC)]
    return [good]


def _forge(kind, ident, name, section, i):
    lie = [dns.address_record(name, zone.v4(66))]
    if kind == "wrongid":
        return dns.answer((ident + 1 + i) & 0xFFFF, section, lie)
    other = dns.name_to_wire("other.example") + section[-4:]
    return dns.answer(ident, other, [dns.address_record("other.example", zone.v4(66))])


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server, address):
        self.server, self.address = server, address

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, source):
        self.server.note("udp", self.address, source, data)
        if self.address != zone.DNS_SILENT:
            asyncio.ensure_future(self._answer(data, source))

    async def _answer(self, data, source):
        for part in self.server.replies(data, "udp"):
            if isinstance(part, float):
                await asyncio.sleep(part)
            else:
                self.transport.sendto(part, source)


class Server:
    def __init__(self, log):
        self.log = log
        self.zones = Zone()

    def note(self, over, address, source, data):
        try:
            ident, name, qtype, _ = dns.question(data)
        except (IndexError, ValueError, struct.error):
            ident, name, qtype = 0, "(malformed)", 0
        self.log("dns", over=over, server=address, source=source[0], sport=source[1], id=ident,
                 name=name, type=dns.TYPES.get(qtype, str(qtype)))

    def replies(self, data, over):
        try:
            return reply(self.zones, data, over)
        except (IndexError, ValueError, struct.error):
            return []

    async def _stream(self, reader, writer):
        local, peer = (writer.get_extra_info(k) for k in ("sockname", "peername"))
        try:
            while True:
                size = struct.unpack("!H", await reader.readexactly(2))[0]
                data = await reader.readexactly(size)
                self.note("tcp", local[0], peer, data)
                for part in self.replies(data, "tcp"):
                    if isinstance(part, float):
                        await asyncio.sleep(part)
                    else:
                        writer.write(struct.pack("!H", len(part)) + part)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def start(self, make_udp_socket):
        loop = asyncio.get_running_loop()
        for address in (zone.DNS4, zone.DNS6, zone.DNS_OTHER, zone.DNS_SILENT):
            sock = make_udp_socket(address, 53)
            await loop.create_datagram_endpoint(lambda a=address: _Udp(self, a), sock=sock)
        await asyncio.start_server(self._stream, None, 53)
