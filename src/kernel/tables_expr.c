/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every expression is what nft 1.0.6 makes of its text (nft --debug=netlink), so that it lists as such. */
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_log.h>
#include <linux/netfilter/nf_nat.h>
#include <stdio.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>

#include "base/alloc.h"
#include "kernel/tables_internal.h"

#define ROUTING_HEADER 43 /* RFC 8200 4.4 */

enum how { BY_META, BY_PAYLOAD, BY_CT, BY_EXTHDR, BY_FIB };

/* Where a field is: its meta or ct key, or its base and offset in the packet. */
static const struct load {
	enum how how;
	uint32_t key;
	uint32_t offset;
} loads[RS_FIELD_COUNT] = {
	[RS_IIFNAME] = { BY_META, NFT_META_IIFNAME, 0 },
	[RS_OIFNAME] = { BY_META, NFT_META_OIFNAME, 0 },
	[RS_IBRNAME] = { BY_META, NFT_META_BRI_IIFNAME, 0 },
	[RS_NFPROTO] = { BY_META, NFT_META_NFPROTO, 0 },
	[RS_L4PROTO] = { BY_META, NFT_META_L4PROTO, 0 },
	[RS_ETHER_TYPE] = { BY_PAYLOAD, NFT_PAYLOAD_LL_HEADER, 12 },
	[RS_ETHER_SADDR] = { BY_PAYLOAD, NFT_PAYLOAD_LL_HEADER, 6 },
	[RS_ETHER_DADDR] = { BY_PAYLOAD, NFT_PAYLOAD_LL_HEADER, 0 },
	[RS_ARP_OPERATION] = { BY_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 6 },
	[RS_ARP_SADDR_ETHER] = { BY_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 8 },
	[RS_ARP_SADDR_IP] = { BY_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 14 },
	[RS_IP_SADDR] = { BY_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 12 },
	[RS_IP_DADDR] = { BY_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 16 },
	[RS_IP_HEADER] = { BY_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 0 },
	[RS_IP6_SADDR] = { BY_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 8 },
	[RS_IP6_DADDR] = { BY_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 24 },
	[RS_IP6_ROUTING] = { BY_EXTHDR, ROUTING_HEADER, 0 },
	[RS_TH_SPORT] = { BY_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, 0 },
	[RS_TH_DPORT] = { BY_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, 2 },
	[RS_TCP_FLAGS] = { BY_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, 13 },
	[RS_ICMP_TYPE] = { BY_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, 0 },
	[RS_ICMPV6_TYPE] = { BY_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, 0 },
	[RS_ND_TARGET] = { BY_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, 8 },
	[RS_CT_STATE] = { BY_CT, NFT_CT_STATE, 0 },
	[RS_CT_STATUS] = { BY_CT, NFT_CT_STATUS, 0 },
	[RS_IIFTYPE] = { BY_META, NFT_META_IIFTYPE, 0 },
	[RS_DADDR_TYPE] = { BY_FIB, NFT_FIB_RESULT_ADDRTYPE, 0 },
};

static struct nftnl_expr *add(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *x = nftnl_expr_alloc(name);

	if (!x)
		abort(); /* out of memory, as in base/alloc.h */
	nftnl_rule_add_expr(r, x);
	return x;
}

/* Bytes 16 to 64 of the registers, by steps of 4, are NFT_REG32_00 on (nft_parse_register()). */
static uint32_t register_at(size_t offset)
{
	return offset % 16 == 0 ? (uint32_t)(NFT_REG_1 + offset / 16) :
				  (uint32_t)(NFT_REG32_00 + offset / 4);
}

/* The first len bytes of a field. */
static void load(struct nftnl_rule *r, enum rs_field f, uint32_t len, uint32_t reg)
{
	const struct load *l = &loads[f];
	struct nftnl_expr *x;

	switch (l->how) {
	case BY_META:
		x = add(r, "meta");
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, l->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, reg);
		return;
	case BY_PAYLOAD:
		x = add(r, "payload");
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, l->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, l->offset);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, reg);
		return;
	case BY_CT:
		x = add(r, "ct");
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, l->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, reg);
		return;
	case BY_EXTHDR:
		x = add(r, "exthdr");
		nftnl_expr_set_u8(x, NFTNL_EXPR_EXTHDR_TYPE, (uint8_t)l->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_OFFSET, l->offset);
		nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_LEN, len);
		nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT);
		nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_IPV6);
		nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_DREG, reg);
		return;
	case BY_FIB:
		x = add(r, "fib");
		nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_RESULT, l->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF);
		nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_DREG, reg);
		return;
	}
}

/* How many whole bytes of ones the mask begins with, where nothing but zeros follows; else 0. */
static uint32_t prefix_bytes(const uint8_t *mask, uint32_t len)
{
	uint32_t n = 0;

	while (n < len && mask[n] == 0xff)
		n++;
	for (uint32_t i = n; i < len; i++)
		if (mask[i])
			return 0;
	return n;
}

static void mask_register(struct nftnl_rule *r, const uint8_t *mask, uint32_t len)
{
	static const uint8_t zeros[16];
	struct nftnl_expr *x = add(r, "bitwise");

	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, len);
	(void)nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, mask, len);
	(void)nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, zeros, len);
}

static void compare(struct nftnl_rule *r, const struct rs_expr *in)
{
	enum rs_compare op = in->compare.op;
	bool masked = op == RS_MASKED_EQ || op == RS_MASKED_NE,
	     not = op == RS_NE || op == RS_MASKED_NE;
	uint32_t len = rs_field_of(in->compare.field)->len;
	uint32_t some = masked && loads[in->compare.field].how == BY_PAYLOAD ?
				prefix_bytes(in->compare.mask, len) :
				0;
	static const uint8_t present = 1;
	struct nftnl_expr *x;

	/* A prefix of whole bytes is that much less to load. */
	load(r, in->compare.field, some ? some : len, NFT_REG_1);
	if (masked && !some)
		mask_register(r, in->compare.mask, len);
	x = add(r, "cmp");
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, not ? NFT_CMP_NEQ : NFT_CMP_EQ);
	(void)nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, op == RS_EXISTS ? &present : in->compare.value,
			     some ? some : len);
}

static void lookup(struct nftnl_rule *r, const struct rs_expr *in)
{
	struct nftnl_expr *x;
	size_t at = 0;

	for (size_t i = 0; i < in->lookup.n_fields; i++) {
		uint32_t len = rs_field_of(in->lookup.fields[i])->len;

		load(r, in->lookup.fields[i], len, register_at(at));
		at += (len + 3U) & ~3U;
	}
	x = add(r, "lookup");
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	(void)nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, in->lookup.set);
	if (in->kind == RS_VMAP)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, in->lookup.not ? NFT_LOOKUP_F_INV : 0);
}

static void limit(struct nftnl_rule *r, const struct rs_expr *in)
{
	struct nftnl_expr *x = add(r, "limit");

	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_RATE, in->limit.rate);
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_BURST, in->limit.burst);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_TYPE,
			   in->limit.bytes ? NFT_LIMIT_PKT_BYTES : NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_FLAGS, in->limit.over ? NFT_LIMIT_F_INV : 0);
}

static void log_packet(struct nftnl_rule *r, const struct rs_expr *in)
{
	struct nftnl_expr *x = add(r, "log");

	(void)nftnl_expr_set_str(x, NFTNL_EXPR_LOG_PREFIX, in->log.prefix);
	nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_GROUP, in->log.group);
	if (in->log.snaplen)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOG_SNAPLEN, in->log.snaplen);
}

static void reject(struct nftnl_rule *r, uint32_t type, uint8_t code)
{
	struct nftnl_expr *x = add(r, "reject");

	nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE, type);
	nftnl_expr_set_u8(x, NFTNL_EXPR_REJECT_CODE, code);
}

static void immediate(struct nftnl_rule *r, uint32_t reg, const void *data, uint32_t len)
{
	struct nftnl_expr *x = add(r, "immediate");

	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, reg);
	(void)nftnl_expr_set(x, NFTNL_EXPR_IMM_DATA, data, len);
}

/* Both ends of the range and all flags are given, as the kernel returns them (nft_nat_dump()). */
static void dnat(struct nftnl_rule *r, const struct rs_expr *in)
{
	const struct addr *a = &in->dnat.addr;
	uint16_t port = htons(in->dnat.port);
	uint32_t flags = NF_NAT_RANGE_MAP_IPS;
	struct nftnl_expr *x;

	immediate(r, NFT_REG_1, a->bytes, (uint32_t)addr_size(a));
	if (port)
		immediate(r, NFT_REG_2, &port, sizeof(port));
	x = add(r, "nat");
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FAMILY,
			   a->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MAX, NFT_REG_1);
	if (port) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MIN, NFT_REG_2);
		nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MAX, NFT_REG_2);
		flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	}
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FLAGS, flags);
}

static void redirect(struct nftnl_rule *r, const struct rs_expr *in)
{
	uint16_t port = htons(in->redirect_port);
	struct nftnl_expr *x;

	immediate(r, NFT_REG_1, &port, sizeof(port));
	x = add(r, "redir");
	nftnl_expr_set_u32(x, NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_REDIR_REG_PROTO_MAX, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
}

int32_t tables_verdict_code(enum rs_verdict_kind kind)
{
	static const int32_t codes[RS_VERDICT_COUNT] = {
		[RS_ACCEPT] = NF_ACCEPT, [RS_DROP] = NF_DROP,  [RS_RETURN] = NFT_RETURN,
		[RS_JUMP] = NFT_JUMP,	 [RS_GOTO] = NFT_GOTO,
	};

	return codes[kind];
}

static void verdict(struct nftnl_rule *r, const struct rs_verdict *v)
{
	struct nftnl_expr *x = add(r, "immediate");

	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)tables_verdict_code(v->kind));
	if (tables_verdict_leads(v))
		(void)nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, v->chain);
}

static void counter(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *x = add(r, "objref");

	nftnl_expr_set_u32(x, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	(void)nftnl_expr_set_str(x, NFTNL_EXPR_OBJREF_IMM_NAME, name);
}

static void ct_count(struct nftnl_rule *r, uint32_t n)
{
	struct nftnl_expr *x = add(r, "connlimit");

	nftnl_expr_set_u32(x, NFTNL_EXPR_CONNLIMIT_COUNT, n);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CONNLIMIT_FLAGS, NFT_CONNLIMIT_F_INV);
}

static void express(struct nftnl_rule *r, const struct rs_expr *in)
{
	switch (in->kind) {
	case RS_COMPARE:
		return compare(r, in);
	case RS_LOOKUP:
	case RS_VMAP:
		return lookup(r, in);
	case RS_COUNTER:
		return counter(r, in->counter);
	case RS_LIMIT:
		return limit(r, in);
	case RS_CT_COUNT:
		return ct_count(r, in->ct_count);
	case RS_LOG:
		return log_packet(r, in);
	case RS_REJECT_TCP:
		return reject(r, NFT_REJECT_TCP_RST, 0);
	case RS_REJECT_ADMIN:
		return reject(r, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
	case RS_DNAT:
		return dnat(r, in);
	case RS_REDIRECT:
		return redirect(r, in);
	case RS_VERDICT:
		return verdict(r, &in->verdict);
	case RS_EXPR_COUNT:
		return;
	}
}

struct nftnl_rule *tables_rule(const struct rs_rule *in)
{
	struct nftnl_rule *r = nftnl_rule_alloc();
	uint8_t comment[2 + RULESET_COMMENT_MAX] = { NFTNL_UDATA_RULE_COMMENT };
	size_t n = strlen(in->comment) + 1;

	if (!r)
		abort(); /* out of memory, as in base/alloc.h */
	for (size_t i = 0; i < in->n_exprs; i++)
		express(r, &in->exprs[i]);
	if (n > 1) {
		comment[1] = (uint8_t)n;
		memcpy(comment + 2, in->comment, n);
		(void)nftnl_rule_set_data(r, NFTNL_RULE_USERDATA, comment, (uint32_t)n + 2);
	}
	return r;
}
