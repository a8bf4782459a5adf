/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ruleset as nft text. */
#include <inttypes.h>
#include <string.h>

#include "compile/ruleset.h"

static const char *const families[RS_FAMILY_COUNT] = {
	[RS_INET] = "inet",
	[RS_BRIDGE] = "bridge",
};

static const char *const hooks[] = {
	[RS_NO_HOOK] = "",	  [RS_PREROUTING] = "prerouting", [RS_INPUT] = "input",
	[RS_FORWARD] = "forward", [RS_OUTPUT] = "output",	  [RS_POSTROUTING] = "postrouting",
};

/* ---- Values ---- */

enum form { FORM_NUMBER, FORM_HOST_NUMBER, FORM_HEX, FORM_NFPROTO, FORM_TEXT, FORM_MAC, FORM_ADDR };

static enum form form_of(enum rs_field f)
{
	switch (f) {
	case RS_IIFNAME:
	case RS_OIFNAME:
	case RS_IBRNAME:
		return FORM_TEXT;
	case RS_NFPROTO:
		return FORM_NFPROTO;
	case RS_ETHER_SADDR:
	case RS_ETHER_DADDR:
	case RS_ARP_SADDR_ETHER:
		return FORM_MAC;
	case RS_ARP_SADDR_IP:
	case RS_IP_SADDR:
	case RS_IP_DADDR:
	case RS_IP6_SADDR:
	case RS_IP6_DADDR:
		return FORM_ADDR;
	case RS_ETHER_TYPE:
	case RS_ND_TARGET:
		return FORM_HEX;
	case RS_CT_STATE:
	case RS_CT_STATUS:
	case RS_IIFTYPE:
	case RS_DADDR_TYPE:
		return FORM_HOST_NUMBER;
	case RS_L4PROTO:
	case RS_ARP_OPERATION:
	case RS_IP_HEADER:
	case RS_IP6_ROUTING:
	case RS_TH_SPORT:
	case RS_TH_DPORT:
	case RS_TCP_FLAGS:
	case RS_ICMP_TYPE:
	case RS_ICMPV6_TYPE:
	case RS_FIELD_COUNT:
		break;
	}
	return FORM_NUMBER;
}

static struct addr addr_of(enum rs_field f, const uint8_t *v)
{
	return rs_field_of(f)->len == 4 ? addr_from_v4(v) : addr_from_v6(v);
}

static uint32_t host_number(const uint8_t *v, size_t len)
{
	uint16_t two;
	uint32_t four;

	if (len == 2) {
		memcpy(&two, v, sizeof(two));
		return two;
	}
	memcpy(&four, v, sizeof(four));
	return four;
}

static uint32_t number(const uint8_t *v, size_t len)
{
	uint32_t n = 0;

	for (size_t i = 0; i < len; i++)
		n = n << 8 | v[i];
	return n;
}

static void add_bytes(struct buf *out, const char *first, const char *between, const uint8_t *v,
		      size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_fmt(out, "%s%02x", i ? between : first, v[i]);
}

static void add_value(struct buf *out, enum rs_field f, const uint8_t *v)
{
	size_t len = rs_field_of(f)->len;
	char text[ADDR_STR_MAX];
	struct addr a;

	switch (form_of(f)) {
	case FORM_NUMBER:
		buf_fmt(out, "%" PRIu32, number(v, len));
		break;
	case FORM_HOST_NUMBER:
		buf_fmt(out, "%" PRIu32, host_number(v, len));
		break;
	case FORM_HEX:
		add_bytes(out, "0x", "", v, len);
		break;
	case FORM_NFPROTO:
		buf_str(out, v[0] == AF_INET6 ? "ipv6" : "ipv4");
		break;
	case FORM_TEXT:
		buf_fmt(out, "\"%.*s\"", (int)strnlen((const char *)v, len), (const char *)v);
		break;
	case FORM_MAC:
		add_bytes(out, "", ":", v, len);
		break;
	case FORM_ADDR:
		a = addr_of(f, v);
		buf_str(out, addr_str(&a, text));
		break;
	}
}

/* The length of the prefix whose first and last address these are, or -1. */
static int prefix_len(const uint8_t *lo, const uint8_t *hi, size_t size)
{
	int bits = (int)size * 8, len = 0;

	while (len < bits && !((lo[len / 8] ^ hi[len / 8]) & (0x80 >> len % 8)))
		len++;
	for (int i = len; i < bits; i++)
		if ((lo[i / 8] & (0x80 >> i % 8)) || !(hi[i / 8] & (0x80 >> i % 8)))
			return -1;
	return len;
}

static void add_range(struct buf *out, enum rs_field f, const uint8_t *lo, const uint8_t *hi)
{
	size_t len = rs_field_of(f)->len;
	int prefix;

	add_value(out, f, lo);
	if (memcmp(lo, hi, len) == 0)
		return;
	prefix = form_of(f) == FORM_ADDR ? prefix_len(lo, hi, len) : -1;
	if (prefix >= 0) {
		buf_fmt(out, "/%d", prefix);
		return;
	}
	buf_char(out, '-');
	add_value(out, f, hi);
}

/* ---- Sets ---- */

static void add_comment(struct buf *out, const char *comment)
{
	if (comment[0])
		buf_fmt(out, " comment \"%s\"", comment);
}

static void add_verdict(struct buf *out, const struct rs_verdict *v)
{
	static const char *const words[RS_VERDICT_COUNT] = {
		[RS_ACCEPT] = "accept", [RS_DROP] = "drop",  [RS_RETURN] = "return",
		[RS_JUMP] = "jump ",	[RS_GOTO] = "goto ",
	};

	buf_str(out, words[v->kind]);
	if (v->kind == RS_JUMP || v->kind == RS_GOTO)
		buf_str(out, v->chain);
}

static void add_timeout(struct buf *out, uint64_t ms)
{
	if (ms >= 1000)
		buf_fmt(out, " timeout %" PRIu64 "s", ms / 1000);
	else if (ms)
		buf_str(out, " timeout ");
	if (ms % 1000)
		buf_fmt(out, "%" PRIu64 "ms", ms % 1000);
}

static void add_element(struct buf *out, const struct rs_set *s, const struct rs_element *e)
{
	const uint8_t *end = s->flags & RS_SET_INTERVAL ? e->end : e->key;
	size_t at = 0;

	for (size_t i = 0; i < s->n_fields; i++) {
		buf_str(out, i ? " . " : "");
		add_range(out, s->fields[i], e->key + at, end + at);
		at += (rs_field_of(s->fields[i])->len + 3U) & ~3U;
	}
	add_timeout(out, e->timeout_ms);
	add_comment(out, e->comment);
	if (s->flags & RS_SET_VMAP) {
		buf_str(out, " : ");
		add_verdict(out, &e->verdict);
	}
}

/* A field without a type of its own is told by what is looked at. */
static void add_type(struct buf *out, const struct rs_set *s)
{
	bool typed = true;

	for (size_t i = 0; i < s->n_fields; i++)
		typed = typed && rs_field_of(s->fields[i])->type;
	buf_str(out, typed ? "\t\ttype " : "\t\ttypeof ");
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct rs_field_info *info = rs_field_of(s->fields[i]);

		buf_fmt(out, "%s%s", i ? " . " : "", typed ? info->type : info->word);
	}
	buf_str(out, s->flags & RS_SET_VMAP ? " : verdict\n" : "\n");
}

static void add_set(struct buf *out, const struct rs_set *s)
{
	unsigned flags = s->flags & (RS_SET_INTERVAL | RS_SET_TIMEOUT);

	buf_fmt(out, "\t%s %s {\n", s->flags & RS_SET_VMAP ? "map" : "set", s->name);
	add_type(out, s);
	if (flags)
		buf_fmt(out, "\t\tflags %s%s%s\n", flags & RS_SET_INTERVAL ? "interval" : "",
			flags == (RS_SET_INTERVAL | RS_SET_TIMEOUT) ? "," : "",
			flags & RS_SET_TIMEOUT ? "timeout" : "");
	if (s->size)
		buf_fmt(out, "\t\tsize %" PRIu32 "\n", s->size);
	if (s->comment[0])
		buf_fmt(out, "\t\tcomment \"%s\"\n", s->comment);
	for (size_t i = 0; i < s->elements.n; i++) {
		buf_str(out, i ? ",\n\t\t\t" : "\t\telements = {\n\t\t\t");
		add_element(out, s, &s->elements.items[i]);
	}
	buf_str(out, s->elements.n ? "\n\t\t}\n\t}\n\n" : "\t}\n\n");
}

/* ---- Rules ---- */

struct flag {
	uint32_t bit;
	const char *word;
};

static const struct flag ct_states[] = {
	{ RS_CT_INVALID, "invalid" },
	{ RS_CT_ESTABLISHED, "established" },
	{ RS_CT_RELATED, "related" },
	{ RS_CT_NEW, "new" },
};
static const struct flag ct_statuses[] = { { RS_CT_DNAT, "dnat" } };
static const struct flag tcp_flags[] = {
	{ 0x01, "fin" }, { 0x02, "syn" }, { 0x04, "rst" },
	{ 0x08, "psh" }, { 0x10, "ack" }, { 0x20, "urg" },
};

/* The words of the bits; as a number where one has none, or there is none. */
static void add_flags(struct buf *out, const struct flag *flags, size_t n, uint32_t value,
		      const char *between)
{
	uint32_t rest = value;
	bool first = true;

	for (size_t i = 0; i < n; i++)
		rest &= ~flags[i].bit;
	if (rest || !value) {
		buf_fmt(out, "0x%" PRIx32, value);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!(value & flags[i].bit))
			continue;
		buf_fmt(out, "%s%s", first ? "" : between, flags[i].word);
		first = false;
	}
}

/* Any of some bits is set: "ct state established,related". */
static void add_ct(struct buf *out, enum rs_field f, enum rs_compare op, const uint8_t *value,
		   const uint8_t *mask)
{
	const struct flag *flags = f == RS_CT_STATE ? ct_states : ct_statuses;
	size_t n = f == RS_CT_STATE ? ARRAY_LEN(ct_states) : ARRAY_LEN(ct_statuses);
	uint32_t v = host_number(value, 4);

	buf_fmt(out, "%s ", rs_field_of(f)->word);
	if (op == RS_MASKED_NE && v == 0) {
		add_flags(out, flags, n, host_number(mask, 4), ",");
		return;
	}
	if (op == RS_MASKED_EQ || op == RS_MASKED_NE)
		buf_fmt(out, "& 0x%" PRIx32 " ", host_number(mask, 4));
	buf_fmt(out, "%s 0x%" PRIx32, op == RS_EQ || op == RS_MASKED_EQ ? "==" : "!=", v);
}

static void add_tcp(struct buf *out, enum rs_compare op, uint8_t value, uint8_t mask)
{
	buf_str(out, "tcp flags ");
	if (op == RS_MASKED_EQ || op == RS_MASKED_NE) {
		buf_str(out, "& (");
		add_flags(out, tcp_flags, ARRAY_LEN(tcp_flags), mask, " | ");
		buf_str(out, ") ");
	}
	buf_str(out, op == RS_EQ || op == RS_MASKED_EQ ? "== " : "!= ");
	add_flags(out, tcp_flags, ARRAY_LEN(tcp_flags), value, " | ");
}

static void add_compare(struct buf *out, const struct rs_expr *e)
{
	enum rs_field f = e->compare.field;
	enum rs_compare op = e->compare.op;
	bool masked = op == RS_MASKED_EQ || op == RS_MASKED_NE;

	if (f == RS_CT_STATE || f == RS_CT_STATUS) {
		add_ct(out, f, op, e->compare.value, e->compare.mask);
		return;
	}
	if (f == RS_TCP_FLAGS) {
		add_tcp(out, op, e->compare.value[0], e->compare.mask[0]);
		return;
	}
	buf_fmt(out, "%s ", rs_field_of(f)->word);
	if (op == RS_EXISTS) {
		buf_str(out, "exists");
		return;
	}
	/* "ip hdrlength" is the low half of that byte already. */
	if (masked && f != RS_IP_HEADER) {
		buf_str(out, "& ");
		add_value(out, f, e->compare.mask);
		buf_str(out, op == RS_MASKED_EQ ? " == " : " ");
	}
	if (op == RS_NE || op == RS_MASKED_NE)
		buf_str(out, "!= ");
	add_value(out, f, e->compare.value);
}

static void add_lookup(struct buf *out, const struct rs_expr *e)
{
	for (size_t i = 0; i < e->lookup.n_fields; i++)
		buf_fmt(out, "%s%s", i ? " . " : "", rs_field_of(e->lookup.fields[i])->word);
	if (e->kind == RS_VMAP)
		buf_str(out, " vmap");
	buf_fmt(out, "%s @%s", e->lookup.not ? " !=" : "", e->lookup.set);
}

static void add_limit(struct buf *out, const struct rs_expr *e)
{
	buf_fmt(out, "limit rate %s%" PRIu64 "%s/second burst %" PRIu32 " %s",
		e->limit.over ? "over " : "", e->limit.rate, e->limit.bytes ? " bytes" : "",
		e->limit.burst, e->limit.bytes ? "bytes" : "packets");
}

static void add_dnat(struct buf *out, const struct rs_expr *e)
{
	bool v6 = e->dnat.addr.family == AF_INET6;
	char text[ADDR_STR_MAX];

	addr_str(&e->dnat.addr, text);
	buf_fmt(out, v6 ? "dnat ip6 to [%s]:%u" : "dnat ip to %s:%u", text, e->dnat.port);
}

static void add_expr(struct buf *out, const struct rs_expr *e)
{
	switch (e->kind) {
	case RS_COMPARE:
		add_compare(out, e);
		break;
	case RS_LOOKUP:
	case RS_VMAP:
		add_lookup(out, e);
		break;
	case RS_COUNTER:
		buf_fmt(out, "counter name \"%s\"", e->counter);
		break;
	case RS_LIMIT:
		add_limit(out, e);
		break;
	case RS_CT_COUNT:
		buf_fmt(out, "ct count over %" PRIu32, e->ct_count);
		break;
	case RS_LOG:
		buf_fmt(out, "log prefix \"%s\" group %u snaplen %" PRIu32, e->log.prefix,
			e->log.group, e->log.snaplen);
		break;
	case RS_REJECT_TCP:
		buf_str(out, "reject with tcp reset");
		break;
	case RS_REJECT_ADMIN:
		buf_str(out, "reject with icmpx admin-prohibited");
		break;
	case RS_DNAT:
		add_dnat(out, e);
		break;
	case RS_REDIRECT:
		buf_fmt(out, "redirect to :%u", e->redirect_port);
		break;
	case RS_VERDICT:
		add_verdict(out, &e->verdict);
		break;
	case RS_EXPR_COUNT:
		break;
	}
}

static void add_chain(struct buf *out, const struct rs_chain *c)
{
	buf_fmt(out, "\tchain %s {\n", c->name);
	if (c->hook != RS_NO_HOOK)
		buf_fmt(out, "\t\ttype %s hook %s priority %" PRId32 "; policy accept;\n",
			c->nat ? "nat" : "filter", hooks[c->hook], c->priority);
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct rs_rule *r = &c->rules[i];

		for (size_t k = 0; k < r->n_exprs; k++) {
			buf_str(out, k ? " " : "\t\t");
			add_expr(out, &r->exprs[k]);
		}
		add_comment(out, r->comment);
		buf_char(out, '\n');
	}
	buf_str(out, "\t}\n\n");
}

static void add_table(struct buf *out, const struct rs_table *t)
{
	const char *family = families[t->family];

	/* Deleting fails where there is none, so there is one first. */
	buf_fmt(out,
		"add table %s " RULESET_TABLE "\ndelete table %s " RULESET_TABLE
		"\ntable %s " RULESET_TABLE " {\n",
		family, family, family);
	for (size_t i = 0; i < t->n_counters; i++)
		buf_fmt(out, "\tcounter %s {\n\t}\n\n", t->counters[i]);
	for (size_t i = 0; i < t->n_sets; i++)
		add_set(out, t->sets[i]);
	for (size_t i = 0; i < t->n_chains; i++)
		add_chain(out, t->chains[i]);
	buf_str(out, "}\n");
}

void ruleset_text(const struct ruleset *r, struct buf *out)
{
	buf_str(out, "# sallyport loads these tables with the flags owner and persist where the "
		     "kernel has them.\n");
	for (int f = 0; f < RS_FAMILY_COUNT; f++) {
		buf_char(out, '\n');
		add_table(out, &r->tables[f]);
	}
}
