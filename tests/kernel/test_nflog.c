/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel logs of frames and packets, and how it is read. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <net/if.h>

#include <libmnl/libmnl.h>

#include "kernel/nflog.h"
#include "net.h"
#include "wire/packet.h"

#define GROUP 7

static const char world[] =
	"ip link add br7 type bridge && ip link set br7 address 02:00:00:00:00:01 &&"
	"ip addr add 10.77.0.1/24 dev br7 && ip link set br7 up && ip netns add box &&"
	"ip link add p1 type veth peer name eth0 netns box address 02:00:00:00:00:05 &&"
	"ip link set p1 master br7 up && ip -n box link set eth0 up &&"
	"ip -n box addr add 10.77.0.5/24 dev eth0 && sleep 0.2";

/* A frame from the box's end. */
#define FRAME(hex)                                                 \
	"nsenter --net=/run/netns/box python3 -c 'import socket\n" \
	"s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"   \
	"s.bind((\"eth0\", 0))\n"                                  \
	"s.send(bytes.fromhex(\"020000000001020000000005 " hex "\"))'"

/* UDP from 10.77.0.5:1000 to 203.0.113.9:2000, without checksums where the kernel does not look. */
#define UDP "4500001c00000000401138bd 0a4d0005 cb007109 03e8 07d0 0008 0000"

static const struct {
	const char *name;
	const char *rules, *command;
	const char *prefix;
	uint8_t family, hook;
	uint16_t ethertype;
	bool port, to_bridge; /* of arrival, and the frame's destination, are told for sure */
	int first;	      /* byte of the payload */
	int vlan;	      /* or -1 */
	const char *dst;      /* as packet_read() has it; NULL: it cannot */
} rows[] = {
	{ "IPv4 in the bridge family",
	  "table bridge t { chain c { type filter hook prerouting"
	  " priority -300; ether type ip log prefix \"sallyport:spoof:ds\" group 7 snaplen 128; }; }",
	  FRAME("0800" UDP), "sallyport:spoof:ds", NFPROTO_BRIDGE, NF_INET_PRE_ROUTING, ETH_P_IP,
	  true, true, 0x45, -1, "203.0.113.9" },
	{ "IPv6 in the bridge family",
	  "table bridge t { chain c { type filter hook prerouting"
	  " priority -300; ether type ip6 udp dport 2000 log group 7; }; }",
	  FRAME("86dd 60000000 0008 11 40 fd770000000000000000000000000005"
		"20010db8000000000000000000000009 03e8 07d0 0008 0000"),
	  "", NFPROTO_BRIDGE, NF_INET_PRE_ROUTING, ETH_P_IPV6, true, true, 0x60, -1,
	  "2001:db8::9" },
	{ "ARP",
	  "table bridge t { chain c { type filter hook prerouting priority -300;"
	  " ether type arp log group 7; }; }",
	  FRAME("0806 0001 0800 06 04 0001 020000000005 0a4d0005 000000000000 0a4d0001"), "",
	  NFPROTO_BRIDGE, NF_INET_PRE_ROUTING, ETH_P_ARP, true, true, 0x00, -1, NULL },
	{ "another ethertype",
	  "table bridge t { chain c { type filter hook prerouting"
	  " priority -300; ether type 0x88b5 log group 7; }; }",
	  FRAME("88b5 41424344"), "", NFPROTO_BRIDGE, NF_INET_PRE_ROUTING, 0x88b5, true, true, 0x41,
	  -1, NULL },
	{ "a VLAN tag is kept beside the frame",
	  "table bridge t { chain c { type filter hook"
	  " prerouting priority -300; ether type 8021q log group 7; }; }",
	  FRAME("8100 0005 0800" UDP), "", NFPROTO_BRIDGE, NF_INET_PRE_ROUTING, ETH_P_IP, true,
	  true, 0x45, 5, "203.0.113.9" },
	{ "a second one is in it",
	  "table bridge t { chain c { type filter hook prerouting"
	  " priority -300; ether type 8021q log group 7; }; }",
	  FRAME("8100 0005 8100 0006 0800" UDP), "", NFPROTO_BRIDGE, NF_INET_PRE_ROUTING,
	  ETH_P_8021Q, true, true, 0x00, 5, NULL },
	{ "IPv4 for the host, in an inet table",
	  "table inet t { chain c { type filter hook input"
	  " priority 0; udp dport 2000 log prefix \"sallyport:host:ds\" group 7 snaplen 128; }; }",
	  "nsenter --net=/run/netns/box sh -c 'echo | socat -u - UDP4:10.77.0.1:2000'",
	  "sallyport:host:ds", NFPROTO_IPV4, NF_INET_LOCAL_IN, ETH_P_IP, false, false, 0x45, -1,
	  "10.77.0.1" },
};

static size_t logged;
static const __typeof__(rows[0]) *expected;

static void check(void *ctx, const struct nflog_packet *p)
{
	const __typeof__(rows[0]) *row = expected;
	static const uint8_t box[6] = { 2, 0, 0, 0, 0, 5 }, bridge[6] = { 2, 0, 0, 0, 0, 1 };
	char text[ADDR_STR_MAX];
	struct packet head;

	(void)ctx;
	logged++;
	t_eq_span(p->prefix, row->prefix);
	t_eq_int(p->family, row->family);
	t_eq_int(p->hook, row->hook);
	t_eq_int(p->ethertype, row->ethertype);
	t_eq_int(p->indev, if_nametoindex("br7"));
	if (row->port)
		t_eq_int(p->port, if_nametoindex("p1"));
	t_ok(p->has_macs && p->has_seq);
	t_eq_mem(p->src_mac, box, 6);
	if (row->to_bridge)
		t_eq_mem(p->dst_mac, bridge, 6);
	t_ok(p->payload.n > 0);
	t_eq_int((uint8_t)p->payload.p[0], row->first);
	t_eq_int(p->vlan ? p->vlan_id : -1, row->vlan);
	t_ok(packet_read(p->payload, &head) == (row->dst != NULL));
	if (row->dst) {
		t_eq_str(addr_str(&head.dst, text), row->dst);
		t_eq_int(head.dport, 2000);
	}
}

T(packets)
{
	struct err e = { 0 };

	T_EACH(row, rows)
	{
		_cleanup_(freep) char *load = xasprintf("nft '%s'", row->rules);
		int fd = -1;

		t_good(nflog_open(GROUP, 128, &fd, &e), e);
		sh(load);
		expected = row;
		logged = 0;
		sh(row->command);
		net_until(!nflog_read(fd, 10, check, NULL) && logged > 0);
		t_eq_int(logged, 1);
		(void)close(fd);
		sh("nft flush ruleset");
	}
}

/* Messages as the kernel would never send them. */
static size_t message(char *buf, uint16_t type, size_t attr, const void *data, size_t n)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	(void)mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	if (data)
		mnl_attr_put(nlh, (uint16_t)attr, n, data);
	return nlh->nlmsg_len;
}

#define PACKET ((NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_PACKET)

static const struct {
	const char *name;
	uint16_t type;
	size_t attr, n; /* one attribute of so many 0xff */
	bool good;
} odd[] = {
	{ "no attribute", PACKET, 0, 0, true },
	{ "another message", PACKET + 1, 0, 0, false },
	{ "a short packet header", PACKET, NFULA_PACKET_HDR, 3, true },
	{ "a short hardware address", PACKET, NFULA_HWADDR, 3, true },
	{ "one of a length that is none", PACKET, NFULA_HWADDR, 12, true },
	{ "a short frame header", PACKET, NFULA_L2HDR, 11, true },
	{ "a prefix without an end", PACKET, NFULA_PREFIX, 100, true },
	{ "an empty prefix", PACKET, NFULA_PREFIX, 0, true },
	{ "an index of two bytes", PACKET, NFULA_IFINDEX_INDEV, 2, true },
	{ "a number of three", PACKET, NFULA_SEQ, 3, true },
};

T(odd_messages)
{
	_Alignas(struct nlmsghdr) char buf[512];
	char data[100];
	struct nflog_packet p;

	memset(data, 0xff, sizeof(data));
	T_EACH(row, odd)
	{
		size_t n = message(buf, row->type, row->attr, row->attr ? data : NULL, row->n);

		t_ok(nflog_parse(span_bytes(buf, n), &p) == row->good);
		if (row->good) {
			t_ok(!p.has_macs && !p.has_seq && p.indev == 0);
			t_eq_int(p.prefix.n, row->attr == NFULA_PREFIX ? row->n : 0);
		}
		for (size_t cut = 0; cut < n; cut++)
			t_ok(!nflog_parse(span_bytes(buf, cut), &p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { T_TEST(packets), T_TEST(odd_messages) };

	if (!net_enter()) {
		print_message("skipped: no network namespace of one's own\n");
		return T_SKIP_PROGRAM;
	}
	return system(world) != 0 || cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
