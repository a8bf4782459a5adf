/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "t.h"

#include "wire/packet.h"

/* 10.77.0.2 to 203.0.113.7 and fd77::2 to 2001:db8::7. */
#define V4_ENDS	  "\x0a\x4d\0\2\xcb\0\x71\7"
#define V4(proto) "\x45\0\0\x28\0\0\0\0\x40" proto "\0\0" V4_ENDS
#define V6_ENDS                              \
	"\xfd\x77\0\0\0\0\0\0\0\0\0\0\0\0\0" \
	"\2\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
#define V6(next)   "\x60\0\0\0\0\x14" next "\x40" V6_ENDS
#define PORTS	   "\x9c\x40\1\xbb" /* 40000, 443 */
#define OPTS(next) next "\0\1\4\0\0\0\0"

static const struct {
	const char *name;
	struct span bytes;
	int proto; /* -1: no IP packet */
	uint16_t dport;
	int icmp_type;
	bool fragment;
} rows[] = {
	{ "TCP", SPAN_LIT(V4("\6") PORTS), 6, 443, -1, false },
	{ "UDP", SPAN_LIT(V4("\x11") PORTS), 17, 443, -1, false },
	{ "SCTP", SPAN_LIT(V4("\x84") PORTS), 132, 443, -1, false },
	{ "UDP-Lite", SPAN_LIT(V4("\x88") PORTS), 136, 443, -1, false },
	{ "DCCP", SPAN_LIT(V4("\x21") PORTS), 33, 443, -1, false },
	{ "ICMP", SPAN_LIT(V4("\1") "\x08\0\0\0"), 1, 0, 8, false },
	{ "GRE has no ports", SPAN_LIT(V4("\x2f") PORTS), 47, 0, -1, false },
	{ "TCP behind options", SPAN_LIT("\x46\0\0\x2c\0\0\0\0\x40\6\0\0" V4_ENDS "\1\1\1\0" PORTS),
	  6, 443, -1, false },
	{ "cut behind the header", SPAN_LIT(V4("\6")), 6, 0, -1, false },
	{ "cut within the ports", SPAN_LIT(V4("\6") "\x9c\x40\1"), 6, 0, -1, false },
	{ "cut within the options", SPAN_LIT("\x4f\0\0\x40\0\0\0\0\x40\6\0\0" V4_ENDS "\1\1"), 6, 0,
	  -1, false },
	{ "ICMP cut", SPAN_LIT(V4("\1")), 1, 0, -1, false },
	{ "first fragment", SPAN_LIT("\x45\0\0\x28\0\1\x20\0\x40\x11\0\0" V4_ENDS PORTS), 17, 443,
	  -1, false },
	{ "later fragment", SPAN_LIT("\x45\0\0\x28\0\1\x20\1\x40\x11\0\0" V4_ENDS PORTS), 17, 0, -1,
	  true },
	{ "last fragment", SPAN_LIT("\x45\0\0\x28\0\1\0\xb9\x40\1\0\0" V4_ENDS "\x08"), 1, 0, -1,
	  true },
	{ "don't fragment", SPAN_LIT("\x45\0\0\x28\0\1\x40\0\x40\6\0\0" V4_ENDS PORTS), 6, 443, -1,
	  false },

	{ "IPv6 TCP", SPAN_LIT(V6("\6") PORTS), 6, 443, -1, false },
	{ "ICMPv6", SPAN_LIT(V6("\x3a") "\x80\0"), 58, 0, 128, false },
	{ "hop-by-hop, destination options", SPAN_LIT(V6("\0") OPTS("\x3c") OPTS("\x11") PORTS), 17,
	  443, -1, false },
	{ "long hop-by-hop", SPAN_LIT(V6("\0") "\6\1\1\x0c\0\0\0\0\0\0\0\0\0\0\0\0" PORTS), 6, 443,
	  -1, false },
	{ "routing", SPAN_LIT(V6("\x2b") "\6\0\0\0\0\0\0\0" PORTS), 6, 443, -1, false },
	{ "authentication",
	  SPAN_LIT(V6("\x33") "\6\4\0\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0" PORTS), 6, 443, -1,
	  false },
	{ "ESP ends the walk", SPAN_LIT(V6("\x32") PORTS), 50, 0, -1, false },
	{ "no next header", SPAN_LIT(V6("\x3b") PORTS), 59, 0, -1, false },
	{ "IPv6 first fragment", SPAN_LIT(V6("\x2c") "\x11\0\0\1\0\0\0\1" PORTS), 17, 443, -1,
	  false },
	{ "IPv6 later fragment", SPAN_LIT(V6("\x2c") "\x11\0\5\xa9\0\0\0\1" PORTS), 17, 0, -1,
	  true },
	{ "a later fragment is not walked",
	  SPAN_LIT(V6("\x2c") "\0\0\5\xa9\0\0\0\1" OPTS("\6") PORTS), 0, 0, -1, true },
	{ "extension cut", SPAN_LIT(V6("\0") "\6\0\1\4"), 0, 0, -1, false },
	{ "extension longer than the packet", SPAN_LIT(V6("\0") "\6\xff\1\4\0\0\0\0" PORTS), 0, 0,
	  -1, false },
	{ "fragment header cut", SPAN_LIT(V6("\x2c") "\x11\0\0"), 44, 0, -1, false },
	{ "8 extensions",
	  SPAN_LIT(V6("\x3c") OPTS("\x3c") OPTS("\x3c") OPTS("\x3c") OPTS("\x3c") OPTS("\x3c")
			   OPTS("\x3c") OPTS("\x3c") OPTS("\6") PORTS),
	  6, 443, -1, false },
	{ "9 extensions",
	  SPAN_LIT(V6("\x3c") OPTS("\x3c") OPTS("\x3c") OPTS("\x3c") OPTS("\x3c") OPTS("\x3c")
			   OPTS("\x3c") OPTS("\x3c") OPTS("\x3c") OPTS("\6") PORTS),
	  60, 0, -1, false },

	{ "nothing", SPAN_LIT(""), -1, 0, 0, false },
	{ "version 5", SPAN_LIT("\x55\0\0\x28\0\0\0\0\x40\6\0\0" V4_ENDS PORTS), -1, 0, 0, false },
	{ "header of 16 bytes", SPAN_LIT("\x44\0\0\x28\0\0\0\0\x40\6\0\0" V4_ENDS PORTS), -1, 0, 0,
	  false },
	{ "IPv4 header cut", SPAN_LIT("\x45\0\0\x28\0\0\0\0\x40\6\0\0\x0a\x4d\0\2\xcb\0\x71"), -1,
	  0, 0, false },
	{ "IPv6 header cut", SPAN_LIT("\x60\0\0\0\0\x14\6\x40\xfd\x77"), -1, 0, 0, false },
};

T(read)
{
	T_EACH(row, rows)
	{
		struct packet p = { 0 };
		char src[ADDR_STR_MAX], dst[ADDR_STR_MAX];
		bool v4 = row->bytes.n && row->bytes.p[0] >> 4 == 4;

		t_ok(packet_read(row->bytes, &p) == (row->proto >= 0));
		if (row->proto < 0)
			continue;
		t_eq_int(p.proto, row->proto);
		t_eq_str(addr_str(&p.src, src), v4 ? "10.77.0.2" : "fd77::2");
		t_eq_str(addr_str(&p.dst, dst), v4 ? "203.0.113.7" : "2001:db8::7");
		t_eq_int(p.dport, row->dport);
		t_eq_int(p.sport, row->dport ? 40000 : 0);
		t_eq_int(p.icmp_type, row->icmp_type);
		t_eq_int(p.fragment, row->fragment);
	}
}

T_MAIN(T_TEST(read))
