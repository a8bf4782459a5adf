/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>

#include <libnftnl/rule.h>
#include <libnftnl/udata.h>

#include "base/alloc.h"
#include "kernel/tables_internal.h"

/* A nest's length has 16 bits (struct nlattr), and an element 400 bytes at the most. */
#define NEST_MAX (60U << 10)

#define MESSAGE_MAX 1024U /* of those without elements or expressions */
#define EXPR_MAX    1024U /* of one of ours: a lookup by four fields has some 350 bytes */

/* How nft's set userdata calls the byte order of a key (nftables: enum byteorder). */
#define UDATA_HOST_ENDIAN 1U
#define UDATA_BIG_ENDIAN  2U

/* nft's numbers for its data types (nftables: enum datatypes), of which a set's type is made. */
static const uint8_t datatypes[RS_FIELD_COUNT] = {
	[RS_IIFNAME] = 41,	  [RS_OIFNAME] = 41,	 [RS_IBRNAME] = 41,
	[RS_NFPROTO] = 2,	  [RS_L4PROTO] = 12,	 [RS_ETHER_TYPE] = 10,
	[RS_ETHER_SADDR] = 9,	  [RS_ETHER_DADDR] = 9,	 [RS_ARP_OPERATION] = 11,
	[RS_ARP_SADDR_ETHER] = 9, [RS_ARP_SADDR_IP] = 7, [RS_IP_SADDR] = 7,
	[RS_IP_DADDR] = 7,	  [RS_IP6_SADDR] = 8,	 [RS_IP6_DADDR] = 8,
	[RS_TH_SPORT] = 13,	  [RS_TH_DPORT] = 13,	 [RS_ICMP_TYPE] = 14,
	[RS_ICMPV6_TYPE] = 29,	  [RS_ND_TARGET] = 8,
};

#define DATATYPE_BITS 6

void batch_init(struct batch *b, uint32_t seq)
{
	*b = (struct batch){ .seq = seq };
	vec_push(b->items, b->n_items, b->cap_items, (struct batch_item){ .what = BATCH_BEGIN });
	b->cap = 4096;
	b->p = xmalloc(b->cap);
	b->n = tables_header(b->p, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC, 0, seq)->nlmsg_len;
}

void batch_done(struct batch *b)
{
	free(b->p);
	free(b->items);
}

bool batch_empty(const struct batch *b)
{
	return b->n_items == 1;
}

struct nlmsghdr *tables_header(void *at, uint16_t type, uint8_t nfproto, uint16_t flags,
			       uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	bool edge = type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END;

	nlh->nlmsg_type = edge ? type : (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = seq;
	nfg->nfgen_family = nfproto;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = edge ? htons(NFNL_SUBSYS_NFTABLES) : 0;
	return nlh;
}

/* Begins a message with room for `most` bytes. The pointer is good until the next. */
static struct nlmsghdr *put(struct batch *b, struct batch_item item, uint16_t type, uint16_t flags,
			    size_t most)
{
	while (b->cap - b->n < most) {
		b->cap *= 2;
		b->p = xrealloc(b->p, b->cap, 1);
	}
	item.at = b->n;
	vec_push(b->items, b->n_items, b->cap_items, item);
	return tables_header(b->p + b->n, type, tables_nfproto(item.family), flags,
			     b->seq + (uint32_t)b->n_items - 1);
}

static struct nlmsghdr *put_in_table(struct batch *b, struct batch_item item, uint16_t type,
				     uint16_t flags, size_t most)
{
	struct nlmsghdr *nlh = put(b, item, type, flags, most);

	/* Of every message of nf_tables the first attribute names the table. */
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, RULESET_TABLE);
	return nlh;
}

static void finish(struct batch *b, const struct nlmsghdr *nlh)
{
	b->n += nlh->nlmsg_len;
}

void batch_end(struct batch *b)
{
	struct nlmsghdr *last = (struct nlmsghdr *)(b->p + b->items[b->n_items - 1].at);

	/* One acknowledgement, for the last message, tells that all were taken. That of the end is
	 * told by Linux 6.10 and later only. */
	last->nlmsg_flags |= NLM_F_ACK;
	finish(b, put(b, (struct batch_item){ .what = BATCH_END }, NFNL_MSG_BATCH_END, 0,
		      MESSAGE_MAX));
}

void batch_table_add(struct batch *b, enum rs_family f, uint32_t flags)
{
	struct batch_item item = { .what = BATCH_TABLE, .family = f, .name = RULESET_TABLE };
	struct nlmsghdr *nlh =
		put_in_table(b, item, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, MESSAGE_MAX);

	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, htonl(flags));
	finish(b, nlh);
}

void batch_table_del(struct batch *b, enum rs_family f)
{
	struct batch_item item = { .what = BATCH_TABLE, .family = f, .name = RULESET_TABLE };

	finish(b, put_in_table(b, item, NFT_MSG_DELTABLE, 0, MESSAGE_MAX));
}

static struct nlmsghdr *counter(struct batch *b, enum rs_family f, const char *name, uint16_t type,
				uint16_t flags)
{
	struct batch_item item = { .what = BATCH_COUNTER, .family = f, .name = name };
	struct nlmsghdr *nlh = put_in_table(b, item, type, flags, MESSAGE_MAX);

	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	return nlh;
}

void batch_counter_add(struct batch *b, enum rs_family f, const char *name)
{
	struct nlmsghdr *nlh = counter(b, f, name, NFT_MSG_NEWOBJ, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_OBJ_DATA);

	mnl_attr_put_u64(nlh, NFTA_COUNTER_BYTES, 0);
	mnl_attr_put_u64(nlh, NFTA_COUNTER_PACKETS, 0);
	mnl_attr_nest_end(nlh, data);
	finish(b, nlh);
}

void batch_counter_del(struct batch *b, enum rs_family f, const char *name)
{
	finish(b, counter(b, f, name, NFT_MSG_DELOBJ, 0));
}

static struct nlmsghdr *chain(struct batch *b, enum rs_family f, const struct rs_chain *c,
			      uint16_t type, uint16_t flags)
{
	struct batch_item item = { .what = BATCH_CHAIN, .family = f, .name = c->name };
	struct nlmsghdr *nlh = put_in_table(b, item, type, flags, MESSAGE_MAX);

	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, c->name);
	return nlh;
}

uint32_t tables_hook(enum rs_hook hook)
{
	/* NF_BR_* of the bridge have the same numbers (linux/netfilter_bridge.h). */
	static const uint32_t hooks[] = {
		[RS_PREROUTING] = NF_INET_PRE_ROUTING,	 [RS_INPUT] = NF_INET_LOCAL_IN,
		[RS_FORWARD] = NF_INET_FORWARD,		 [RS_OUTPUT] = NF_INET_LOCAL_OUT,
		[RS_POSTROUTING] = NF_INET_POST_ROUTING,
	};

	return hooks[hook];
}

void batch_chain_add(struct batch *b, enum rs_family f, const struct rs_chain *c)
{
	struct nlmsghdr *nlh = chain(b, f, c, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *hook;

	if (c->hook != RS_NO_HOOK) {
		hook = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
		mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(tables_hook(c->hook)));
		mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl((uint32_t)c->priority));
		mnl_attr_nest_end(nlh, hook);
		mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
		mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, c->nat ? "nat" : "filter");
	}
	finish(b, nlh);
}

static void copy(struct nlmsghdr *nlh, const struct nlattr *attr)
{
	if (attr)
		mnl_attr_put(nlh, attr->nla_type, mnl_attr_get_payload_len(attr),
			     mnl_attr_get_payload(attr));
}

void batch_chain_before(struct batch *b, enum rs_family f, const char *name,
			const struct nlattr *const *tb)
{
	struct batch_item item = { .what = BATCH_CHAIN, .family = f, .name = name };
	struct nlmsghdr *nlh =
		put_in_table(b, item, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, MESSAGE_MAX);
	const struct nlattr *h[NFTA_HOOK_MAX + 1];
	struct nlattr *hook;

	tables_nested(tb[NFTA_CHAIN_HOOK], h, ARRAY_LEN(h));
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	hook = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	copy(nlh, h[NFTA_HOOK_HOOKNUM]);
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl(tables_u32(h[NFTA_HOOK_PRIORITY]) - 1));
	mnl_attr_nest_end(nlh, hook);
	copy(nlh, tb[NFTA_CHAIN_POLICY]);
	copy(nlh, tb[NFTA_CHAIN_TYPE]);
	finish(b, nlh);
}

void batch_rule_copy(struct batch *b, enum rs_family f, const char *chain_name,
		     const struct nlattr *const *tb)
{
	const struct nlattr *exprs = tb[NFTA_RULE_EXPRESSIONS];
	struct batch_item item = { .what = BATCH_RULE, .family = f, .name = chain_name };
	struct nlmsghdr *nlh = put_in_table(b, item, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
					    MESSAGE_MAX + (exprs ? exprs->nla_len : 0U));

	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain_name);
	copy(nlh, exprs);
	finish(b, nlh);
}

void batch_chain_del(struct batch *b, enum rs_family f, const struct rs_chain *c)
{
	finish(b, chain(b, f, c, NFT_MSG_DELCHAIN, 0));
}

static struct nlmsghdr *set(struct batch *b, enum rs_family f, const struct rs_set *s,
			    uint16_t type, uint16_t flags)
{
	struct batch_item item = { .what = BATCH_SET, .family = f, .name = s->name };
	struct nlmsghdr *nlh = put_in_table(b, item, type, flags, MESSAGE_MAX);

	mnl_attr_put_strz(nlh, NFTA_SET_NAME, s->name);
	return nlh;
}

uint32_t tables_set_key_type(const struct rs_set *s)
{
	uint32_t type = 0;

	for (size_t i = 0; i < s->n_fields; i++)
		type = type << DATATYPE_BITS | datatypes[s->fields[i]];
	return type;
}

uint32_t tables_set_flags(const struct rs_set *s)
{
	uint32_t flags = 0;

	if (s->flags & RS_SET_INTERVAL)
		flags |= NFT_SET_INTERVAL | NFT_SET_CONCAT;
	if (s->flags & RS_SET_TIMEOUT)
		flags |= NFT_SET_TIMEOUT;
	if (s->flags & RS_SET_VMAP)
		flags |= NFT_SET_MAP;
	return flags;
}

/* The size, and for intervals the length of each field, by which they are compared. */
static void describe(struct nlmsghdr *nlh, const struct rs_set *s)
{
	struct nlattr *desc = mnl_attr_nest_start(nlh, NFTA_SET_DESC);
	struct nlattr *concat, *field;

	if (s->size)
		mnl_attr_put_u32(nlh, NFTA_SET_DESC_SIZE, htonl(s->size));
	if (s->flags & RS_SET_INTERVAL) {
		concat = mnl_attr_nest_start(nlh, NFTA_SET_DESC_CONCAT);
		for (size_t i = 0; i < s->n_fields; i++) {
			field = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
			mnl_attr_put_u32(nlh, NFTA_SET_FIELD_LEN,
					 htonl(rs_field_of(s->fields[i])->len));
			mnl_attr_nest_end(nlh, field);
		}
		mnl_attr_nest_end(nlh, concat);
	}
	mnl_attr_nest_end(nlh, desc);
}

/* One of nft's own notes: type, length, value. */
static size_t note(uint8_t *out, uint8_t type, const void *value, size_t n)
{
	out[0] = type;
	out[1] = (uint8_t)n;
	memcpy(out + 2, value, n);
	return n + 2;
}

/* Without a note of its byte order, nft shows an interface's name backwards. */
static void remark(struct nlmsghdr *nlh, const struct rs_set *s)
{
	uint8_t notes[2 + sizeof(uint32_t) + 2 + RULESET_COMMENT_MAX];
	uint32_t order = s->n_fields > 1		? 0 :
			 datatypes[s->fields[0]] == 41U ? UDATA_HOST_ENDIAN :
							  UDATA_BIG_ENDIAN;
	size_t n = note(notes, NFTNL_UDATA_SET_KEYBYTEORDER, &order, sizeof(order));

	if (*s->comment)
		n += note(notes + n, NFTNL_UDATA_SET_COMMENT, s->comment, strlen(s->comment) + 1);
	mnl_attr_put(nlh, NFTA_SET_USERDATA, n, notes);
}

void batch_set_add(struct batch *b, enum rs_family f, const struct rs_set *s)
{
	struct nlmsghdr *nlh = set(b, f, s, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL);

	mnl_attr_put_u32(nlh, NFTA_SET_FLAGS, htonl(tables_set_flags(s)));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_TYPE, htonl(tables_set_key_type(s)));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_LEN, htonl((uint32_t)tables_key_len(s)));
	if (s->flags & RS_SET_VMAP) {
		mnl_attr_put_u32(nlh, NFTA_SET_DATA_TYPE, htonl(NFT_DATA_VERDICT));
		mnl_attr_put_u32(nlh, NFTA_SET_DATA_LEN, htonl(16)); /* struct nft_verdict */
	}
	mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl(++b->set_id));
	describe(nlh, s);
	remark(nlh, s);
	finish(b, nlh);
}

void batch_set_del(struct batch *b, enum rs_family f, const struct rs_set *s)
{
	finish(b, set(b, f, s, NFT_MSG_DELSET, 0));
}

void batch_set_flush(struct batch *b, enum rs_family f, const struct rs_set *s)
{
	finish(b, set(b, f, s, NFT_MSG_DELSETELEM, 0));
}

void batch_rule_add(struct batch *b, enum rs_family f, const struct rs_chain *c, size_t i)
{
	struct batch_item item = { BATCH_RULE, f, c->name, NULL, i + 1, 0 };
	const struct rs_rule *r = &c->rules[i];
	struct nftnl_rule *rule = tables_rule(r);
	struct nlmsghdr *nlh = put(b, item, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
				   MESSAGE_MAX + r->n_exprs * EXPR_MAX);

	(void)nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, RULESET_TABLE);
	(void)nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, c->name);
	nftnl_rule_nlmsg_build_payload(nlh, rule);
	nftnl_rule_free(rule);
	finish(b, nlh);
}

void batch_rules_del(struct batch *b, enum rs_family f, const struct rs_chain *c)
{
	struct batch_item item = { .what = BATCH_RULE, .family = f, .name = c->name };
	struct nlmsghdr *nlh = put_in_table(b, item, NFT_MSG_DELRULE, 0, MESSAGE_MAX);

	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, c->name);
	finish(b, nlh);
}

static void data(struct nlmsghdr *nlh, uint16_t type, const void *p, size_t n)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, n, p);
	mnl_attr_nest_end(nlh, nest);
}

static void verdict(struct nlmsghdr *nlh, const struct rs_verdict *v)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
	struct nlattr *inner = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);

	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)tables_verdict_code(v->kind)));
	if (tables_verdict_leads(v))
		mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, v->chain);
	mnl_attr_nest_end(nlh, inner);
	mnl_attr_nest_end(nlh, nest);
}

static void put_element(struct nlmsghdr *nlh, const struct rs_set *s, const struct rs_element *el,
			bool whole)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	uint8_t notes[2 + RULESET_COMMENT_MAX];
	size_t n = tables_key_len(s);

	data(nlh, NFTA_SET_ELEM_KEY, el->key, n);
	if (s->flags & RS_SET_INTERVAL)
		data(nlh, NFTA_SET_ELEM_KEY_END, el->end, n);
	if (whole && s->flags & RS_SET_VMAP)
		verdict(nlh, &el->verdict);
	if (whole && s->flags & RS_SET_TIMEOUT && el->timeout_ms)
		mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(el->timeout_ms));
	if (whole && *el->comment) {
		n = note(notes, NFTNL_UDATA_SET_ELEM_COMMENT, el->comment, strlen(el->comment) + 1);
		mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, n, notes);
	}
	mnl_attr_nest_end(nlh, nest);
}

void batch_elements_begin(struct batch *b, enum rs_family f, const struct rs_set *s, uint16_t type)
{
	b->type = type;
	b->of = (struct batch_item){ BATCH_ELEMENTS, f, s->name, s, 0, 0 };
	b->nest = 0;
}

void batch_element(struct batch *b, const struct rs_element *el)
{
	struct nlmsghdr *nlh;

	if (!b->nest) {
		nlh = put_in_table(b, b->of, b->type,
				   b->type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0,
				   MESSAGE_MAX + NEST_MAX);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, b->of.name);
		b->nest = nlh->nlmsg_len;
		(void)mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	}
	nlh = (struct nlmsghdr *)(b->p + b->items[b->n_items - 1].at);
	put_element(nlh, b->of.set, el, b->type == NFT_MSG_NEWSETELEM);
	if (nlh->nlmsg_len > NEST_MAX - MESSAGE_MAX)
		batch_elements_end(b);
}

void batch_elements_end(struct batch *b)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)(b->p + b->items[b->n_items - 1].at);

	if (!b->nest)
		return;
	mnl_attr_nest_end(nlh, (struct nlattr *)((uint8_t *)nlh + b->nest));
	b->nest = 0;
	finish(b, nlh);
}

bool tables_expressible(const struct ruleset *r, struct err *e)
{
	for (enum rs_family f = 0; f < RS_FAMILY_COUNT; f++) {
		for (size_t i = 0; i < r->tables[f].n_sets; i++) {
			const struct rs_set *s = r->tables[f].sets[i];

			if (s->n_fields == 0 || s->n_fields > RULESET_FIELDS_MAX ||
			    rs_set_key_len(s) > RULESET_KEY_MAX)
				return err_set(e, ERR_INVALID, "set %s: its key does not fit",
					       s->name);
			for (size_t k = 0; k < s->n_fields; k++)
				if (!datatypes[s->fields[k]])
					return err_set(e, ERR_INVALID, "set %s: no key has \"%s\"",
						       s->name, rs_field_of(s->fields[k])->word);
			if (s->flags & RS_SET_INTERVAL && s->n_fields == 1)
				return err_set(e, ERR_INVALID,
					       "set %s: intervals take two fields or more",
					       s->name);
		}
	}
	return true;
}
