/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "t.h"

#include "base/alloc.h"
#include "compile/ruleset.h"

#define TEXT_MAX 65536

/* ---- Rules ---- */

static const uint8_t tcp = 6, ipv6 = 10, hdr_mask = 0x0f, hdr = 5, syn_ack = 0x12, syn = 2;
static const uint8_t mac[] = { 2, 0, 0, 0, 0, 0xff }, arp[] = { 8, 6 }, port[] = { 0, 53 };
static const uint8_t addr6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
static const char eth[16] = "eth0";
static const uint32_t invalid = RS_CT_INVALID, both = RS_CT_ESTABLISHED | RS_CT_RELATED;
static const uint32_t dnat = RS_CT_DNAT, none, local = 2;
static const uint16_t ether = 1;

static const struct {
	const char *name;
	enum rs_field field;
	enum rs_compare op;
	const void *mask, *value;
	const char *text;
} compares[] = {
	{ "a name", RS_IIFNAME, RS_EQ, NULL, eth, "iifname \"eth0\"" },
	{ "not a name", RS_OIFNAME, RS_NE, NULL, eth, "oifname != \"eth0\"" },
	{ "a bridge", RS_IBRNAME, RS_EQ, NULL, eth, "meta ibrname \"eth0\"" },
	{ "a family", RS_NFPROTO, RS_EQ, NULL, &ipv6, "meta nfproto ipv6" },
	{ "a protocol is a number", RS_L4PROTO, RS_EQ, NULL, &tcp, "meta l4proto 6" },
	{ "a type of frames", RS_ETHER_TYPE, RS_EQ, NULL, arp, "ether type 0x0806" },
	{ "a MAC", RS_ETHER_SADDR, RS_NE, NULL, mac, "ether saddr != 02:00:00:00:00:ff" },
	{ "an address", RS_IP6_DADDR, RS_EQ, NULL, addr6, "ip6 daddr 2001:db8::1" },
	{ "a neighbour", RS_ND_TARGET, RS_EQ, NULL, addr6,
	  "@th,64,128 0x20010db8000000000000000000000001" },
	{ "a port", RS_TH_DPORT, RS_EQ, NULL, port, "th dport 53" },
	{ "IPv4 options", RS_IP_HEADER, RS_MASKED_NE, &hdr_mask, &hdr, "ip hdrlength != 5" },
	{ "a routing header", RS_IP6_ROUTING, RS_EXISTS, NULL, NULL, "exthdr rt exists" },
	{ "flags", RS_TCP_FLAGS, RS_MASKED_NE, &syn_ack, &syn, "tcp flags & (syn | ack) != syn" },
	{ "no flag", RS_TCP_FLAGS, RS_MASKED_EQ, &syn_ack, &none,
	  "tcp flags & (syn | ack) == 0x0" },
	{ "a state", RS_CT_STATE, RS_MASKED_NE, &invalid, &none, "ct state invalid" },
	{ "states", RS_CT_STATE, RS_MASKED_NE, &both, &none, "ct state established,related" },
	{ "neither state", RS_CT_STATE, RS_MASKED_EQ, &both, &none, "ct state & 0x6 == 0x0" },
	{ "a status", RS_CT_STATUS, RS_MASKED_NE, &dnat, &none, "ct status dnat" },
	{ "Ethernet", RS_IIFTYPE, RS_EQ, NULL, &ether, "meta iiftype 1" },
	{ "the host", RS_DADDR_TYPE, RS_EQ, NULL, &local, "fib daddr . iif type 2" },
};

/* The text of the ruleset has this line; the file around it is tested against the kernel. */
static void check_line(const struct ruleset *r, const char *line)
{
	_cleanup_(freep) char *want = xasprintf("\n\t\t%s\n", line);
	_cleanup_(buf_done) struct buf text;

	buf_init(&text, TEXT_MAX);
	ruleset_text(r, &text);
	t_ok(buf_ok(&text));
	if (!strstr(buf_cstr(&text), want))
		t_fail("no line \"%s\" in:\n%s", line, buf_cstr(&text));
}

T(compare)
{
	T_EACH(row, compares)
	{
		_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();
		struct rs_rule *rule = rs_rule_add(rs_chain_add(&r->tables[RS_INET], "c"), NULL);

		if (row->mask)
			rs_compare_masked(rule, row->field, row->op, row->mask, row->value);
		else
			rs_compare(rule, row->field, row->op, row->value);
		check_line(r, row->text);
	}
}

static struct addr address(const char *text)
{
	struct addr a;
	struct err e = { 0 };

	t_good(addr_parse(span_of(text), &a, &e), e);
	return a;
}

T(statements)
{
	_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();
	struct addr a4 = address("203.0.113.5"), a6 = address("2001:db8::5");
	struct rs_chain *c = rs_chain_add(&r->tables[RS_INET], "c");
	struct rs_rule *rule = rs_rule_add(c, "what it is for");

	rs_limit(rule, 50, 100);
	rs_log(rule, 5, 128, "sallyport:rule:net");
	rs_counter(rule, "net-denied");
	rs_reject_tcp(rule);
	check_line(r, "limit rate 50/second burst 100 packets log prefix \"sallyport:rule:net\" "
		      "group 5 snaplen 128 counter name \"net-denied\" reject with tcp reset "
		      "comment \"what it is for\"");
	rule = rs_rule_add(c, NULL);
	rs_limit_bytes_over(rule, 6250000, 65536);
	rs_verdict(rule, RS_GOTO, "d");
	check_line(r, "limit rate over 6250000 bytes/second burst 65536 bytes goto d");
	rule = rs_rule_add(c, NULL);
	rs_ct_count_over(rule, 20);
	rs_reject_admin(rule);
	check_line(r, "ct count over 20 reject with icmpx admin-prohibited");
	rs_dnat(rs_rule_add(c, NULL), &a4, 80);
	check_line(r, "dnat ip to 203.0.113.5:80");
	rs_dnat(rs_rule_add(c, NULL), &a6, 80);
	check_line(r, "dnat ip6 to [2001:db8::5]:80");
	rs_redirect(rs_rule_add(c, NULL), 53);
	check_line(r, "redirect to :53");
}

T(base_chain)
{
	_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();

	rs_base_chain_add(&r->tables[RS_INET], "nat", RS_PREROUTING, -110)->nat = true;
	check_line(r, "type nat hook prerouting priority -110; policy accept;");
}

/* ---- Sets ---- */

static const struct {
	const char *name;
	const char *lo, *hi;
	uint16_t port_lo, port_hi;
	uint64_t timeout_ms;
	const char *comment;
	const char *text;
} elements[] = {
	{ "one of each", "203.0.113.5", "203.0.113.5", 80, 80, 0, "", "203.0.113.5 . 6 . 80" },
	{ "a prefix", "203.0.113.0", "203.0.113.255", 80, 90, 0, "", "203.0.113.0/24 . 6 . 80-90" },
	{ "everything", "0.0.0.0", "255.255.255.255", 0, 65535, 0, "", "0.0.0.0/0 . 6 . 0-65535" },
	{ "no prefix", "203.0.113.1", "203.0.113.4", 80, 80, 0, "",
	  "203.0.113.1-203.0.113.4 . 6 . 80" },
	{ "aligned, and one too many", "203.0.113.0", "203.0.113.4", 80, 80, 0, "",
	  "203.0.113.0-203.0.113.4 . 6 . 80" },
	{ "two that are a prefix", "203.0.113.4", "203.0.113.5", 80, 80, 0, "",
	  "203.0.113.4/31 . 6 . 80" },
	{ "seconds", "203.0.113.5", "203.0.113.5", 80, 80, 300000, "a:1",
	  "203.0.113.5 . 6 . 80 timeout 300s comment \"a:1\"" },
	{ "milliseconds", "203.0.113.5", "203.0.113.5", 80, 80, 1500, "",
	  "203.0.113.5 . 6 . 80 timeout 1s500ms" },
	{ "less than a second", "203.0.113.5", "203.0.113.5", 80, 80, 5, "",
	  "203.0.113.5 . 6 . 80 timeout 5ms" },
};

static size_t make_key(uint8_t *key, const char *text, uint16_t number)
{
	uint8_t bytes[2] = { (uint8_t)(number >> 8), (uint8_t)number };
	struct addr a = address(text);
	size_t n = 0;

	rs_key_append(key, &n, RS_IP_DADDR, a.bytes);
	rs_key_append(key, &n, RS_L4PROTO, &tcp);
	rs_key_append(key, &n, RS_TH_DPORT, bytes);
	return n;
}

T(element)
{
	static const enum rs_field fields[] = { RS_IP_DADDR, RS_L4PROTO, RS_TH_DPORT };

	T_EACH(row, elements)
	{
		_cleanup_(freep) char *line = xasprintf("\t%s", row->text);
		_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();
		uint8_t key[RULESET_KEY_MAX], end[RULESET_KEY_MAX];
		struct rs_set *s = rs_set_add(&r->tables[RS_INET], "s",
					      RS_SET_INTERVAL | RS_SET_TIMEOUT, fields, 3);

		t_eq_int(make_key(key, row->lo, row->port_lo), rs_set_key_len(s));
		t_eq_int(make_key(end, row->hi, row->port_hi), 12);
		rs_element_add(s, key, end, row->comment)->timeout_ms = row->timeout_ms;
		check_line(r, line);
		check_line(r, "type ipv4_addr . inet_proto . inet_service");
		check_line(r, "flags interval,timeout");
	}
}

/* A set of what nft has no type for. */
T(typeof_set)
{
	static const enum rs_field fields[] = { RS_IIFNAME, RS_ND_TARGET };
	_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();
	struct rs_table *t = &r->tables[RS_BRIDGE];
	struct rs_set *s = rs_set_add(t, "s", RS_SET_LEARNED, fields, 2);

	rs_lookup(rs_rule_add(rs_chain_add(t, "c"), NULL), s, true);
	check_line(r, "typeof iifname . @th,64,128");
	check_line(r, "iifname . @th,64,128 != @s");
}

T(verdict_map)
{
	static const enum rs_field in = RS_IIFNAME, out = RS_OIFNAME;
	_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();
	struct rs_table *t = &r->tables[RS_INET];
	struct rs_set *s = rs_set_add(t, "m", RS_SET_VMAP, &in, 1);
	uint8_t key[RULESET_KEY_MAX] = "br0";
	struct rs_element *e = rs_element_add(s, key, NULL, NULL);

	rs_element_leads(s, e, RS_GOTO, "c");
	rs_vmap(rs_rule_add(rs_chain_add(t, "c"), NULL), s);
	rs_vmap_by(rs_rule_add(rs_chain_find(t, "c"), NULL), s, &out);
	check_line(r, "type ifname : verdict");
	check_line(r, "\t\"br0\" : goto c");
	check_line(r, "iifname vmap @m");
	check_line(r, "oifname vmap @m");
}

/* ---- Texts ---- */

#define TEN  "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
	const char *name;
	const char *comment;
	const char *kept;
} comments[] = {
	{ "plain", "agent:1 it is so", "agent:1 it is so" },
	{ "quotes, tabs and line ends", "a \"b\"\tc\nd\x7f", "a bcd" },
	{ "UTF-8", "naïve", "naïve" },
	{ "127 bytes", LONG "0123456", LONG "0123456" },
	{ "128 bytes", LONG "01234567", LONG "0123456" },
	{ "cut before a character", LONG "012345ü", LONG "012345" },
	{ "cut behind a character", LONG "01234ü8", LONG "01234ü" },
	{ "cut before three bytes", LONG "01234€", LONG "01234" },
	{ "nothing", NULL, "" },
};

T(comment)
{
	T_EACH(row, comments)
	{
		_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();
		struct rs_chain *c = rs_chain_add(&r->tables[RS_INET], "c");

		t_eq_str(rs_rule_add(c, row->comment)->comment, row->kept);
	}
}

T(names_are_cut)
{
	_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();
	struct rs_chain *c = rs_chain_add(&r->tables[RS_INET], LONG);

	t_eq_int(strlen(c->name), RULESET_NAME_MAX - 1);
	t_ok(rs_chain_find(&r->tables[RS_INET], c->name) == c);
	t_ok(!rs_chain_find(&r->tables[RS_BRIDGE], c->name));
	t_ok(!rs_set_find(&r->tables[RS_INET], c->name));
}

T_MAIN(T_TEST(compare), T_TEST(statements), T_TEST(base_chain), T_TEST(element), T_TEST(typeof_set),
       T_TEST(verdict_map), T_TEST(comment), T_TEST(names_are_cut))
