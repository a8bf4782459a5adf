/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>

#include <libnftnl/udata.h>

#include "base/alloc.h"
#include "kernel/tables_internal.h"

#define REQUEST_MAX 1024

static void index_attr(const struct nlattr *a, const struct nlattr **tb, size_t n)
{
	if (mnl_attr_get_type(a) < n)
		tb[mnl_attr_get_type(a)] = a;
}

void tables_attrs(const struct nlmsghdr *nlh, const struct nlattr **tb, size_t n)
{
	const struct nlattr *a;

	memset(tb, 0, n * sizeof(*tb));
	TABLES_EACH_OF(a, nlh, sizeof(struct nfgenmsg)) index_attr(a, tb, n);
}

void tables_nested(const struct nlattr *nest, const struct nlattr **tb, size_t n)
{
	const struct nlattr *a;

	memset(tb, 0, n * sizeof(*tb));
	if (!nest)
		return;
	TABLES_EACH_NESTED(a, nest) index_attr(a, tb, n);
}

uint32_t tables_u32(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? ntohl(mnl_attr_get_u32(a)) :
								      0;
}

uint64_t tables_u64(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint64_t) ? be64toh(mnl_attr_get_u64(a)) :
								      0;
}

const char *tables_str(const struct nlattr *a)
{
	return a && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(a) : "";
}

static bool key_read(const struct nlattr *a, size_t len, uint8_t *out)
{
	const struct nlattr *tb[NFTA_DATA_MAX + 1];

	tables_nested(a, tb, ARRAY_LEN(tb));
	if (!tb[NFTA_DATA_VALUE] || mnl_attr_get_payload_len(tb[NFTA_DATA_VALUE]) != len)
		return false;
	memcpy(out, mnl_attr_get_payload(tb[NFTA_DATA_VALUE]), len);
	return true;
}

static bool verdict_read(const struct nlattr *a, struct rs_verdict *out)
{
	const struct nlattr *tb[NFTA_DATA_MAX + 1], *v[NFTA_VERDICT_MAX + 1];
	int32_t code;

	tables_nested(a, tb, ARRAY_LEN(tb));
	tables_nested(tb[NFTA_DATA_VERDICT], v, ARRAY_LEN(v));
	if (!v[NFTA_VERDICT_CODE])
		return false;
	code = (int32_t)tables_u32(v[NFTA_VERDICT_CODE]);
	(void)snprintf(out->chain, sizeof(out->chain), "%s", tables_str(v[NFTA_VERDICT_CHAIN]));
	for (enum rs_verdict_kind k = 0; k < RS_VERDICT_COUNT; k++) {
		if (tables_verdict_code(k) == code) {
			out->kind = k;
			return true;
		}
	}
	return false;
}

static int take_comment(const struct nftnl_udata *u, void *ctx)
{
	struct rs_element *out = ctx;

	if (nftnl_udata_type(u) == NFTNL_UDATA_SET_ELEM_COMMENT)
		(void)snprintf(out->comment, sizeof(out->comment), "%.*s", (int)nftnl_udata_len(u),
			       (const char *)nftnl_udata_get(u));
	return 0;
}

bool tables_element_read(const struct nlattr *a, const struct rs_set *s, struct rs_element *out)
{
	const struct nlattr *tb[NFTA_SET_ELEM_MAX + 1], *note;
	size_t len = tables_key_len(s);

	*out = (struct rs_element){ 0 };
	tables_nested(a, tb, ARRAY_LEN(tb));
	if (!key_read(tb[NFTA_SET_ELEM_KEY], len, out->key))
		return false;
	memcpy(out->end, out->key, len);
	if (tb[NFTA_SET_ELEM_KEY_END] && !key_read(tb[NFTA_SET_ELEM_KEY_END], len, out->end))
		return false;
	if (s->flags & RS_SET_VMAP && tb[NFTA_SET_ELEM_DATA] &&
	    !verdict_read(tb[NFTA_SET_ELEM_DATA], &out->verdict))
		return false;
	/* The time that is left; a request has only how long it is in all. */
	out->timeout_ms = tables_u64(tb[NFTA_SET_ELEM_EXPIRATION] ? tb[NFTA_SET_ELEM_EXPIRATION] :
								    tb[NFTA_SET_ELEM_TIMEOUT]);
	note = tb[NFTA_SET_ELEM_USERDATA];
	return !note || nftnl_udata_parse(mnl_attr_get_payload(note),
					  mnl_attr_get_payload_len(note), take_comment, out) >= 0;
}

/* Elements as they come. */
struct gather {
	const struct rs_set *set;
	struct rs_element *els;
	size_t n, cap;
};

static void gather_reset(void *ctx)
{
	((struct gather *)ctx)->n = 0;
}

static int gather_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *a;
	struct gather *g = ctx;

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	if (!tb[NFTA_SET_ELEM_LIST_ELEMENTS])
		return 0;
	TABLES_EACH_NESTED(a, tb[NFTA_SET_ELEM_LIST_ELEMENTS])
	{
		vec_reserve(&g->els, g->n, &g->cap, sizeof(g->els[0]));
		if (!tables_element_read(a, g->set, &g->els[g->n++]))
			return EBADMSG;
	}
	return 0;
}

bool tables_elements(struct tables *t, enum rs_family family, const struct rs_set *set,
		     struct rs_element **out, size_t *n, struct err *e)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
	struct nlmsghdr *nlh =
		tables_header(buf, NFT_MSG_GETSETELEM, tables_nfproto(family), NLM_F_DUMP, 0);
	struct gather g = { .set = set };
	const struct tables_reader r = { gather_message, gather_reset, &g };
	int rc;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, RULESET_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set->name);
	rc = tables_ask(t, nlh, &r);
	if (rc) {
		free(g.els);
		return err_sys(e, abs(rc), "cannot read set %s (%s %s)", set->name,
			       tables_family_word(family), RULESET_TABLE);
	}
	*out = g.els;
	*n = g.n;
	return true;
}

static int counter_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_OBJ_MAX + 1], *c[NFTA_COUNTER_MAX + 1];

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	tables_nested(tb[NFTA_OBJ_DATA], c, ARRAY_LEN(c));
	*(uint64_t *)ctx = tables_u64(c[NFTA_COUNTER_PACKETS]);
	return 0;
}

bool tables_counter(struct tables *t, enum rs_family family, const char *name, uint64_t *packets,
		    struct err *e)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
	struct nlmsghdr *nlh =
		tables_header(buf, NFT_MSG_GETOBJ, tables_nfproto(family), NLM_F_ACK, 0);
	const struct tables_reader r = { counter_message, NULL, packets };
	int rc;

	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, RULESET_TABLE);
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	rc = tables_ask(t, nlh, &r);
	return rc == 0 || err_sys(e, abs(rc), "cannot read counter %s (%s %s)", name,
				  tables_family_word(family), RULESET_TABLE);
}

static int table_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_TABLE_MAX + 1];
	struct tables_found *out = ctx;

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	out->there = true;
	out->flags = tables_u32(tb[NFTA_TABLE_FLAGS]);
	out->owned = tb[NFTA_TABLE_OWNER] != NULL;
	out->portid = tables_u32(tb[NFTA_TABLE_OWNER]);
	return 0;
}

bool tables_find(struct tables *t, enum rs_family f, struct tables_found *out, struct err *e)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
	struct nlmsghdr *nlh =
		tables_header(buf, NFT_MSG_GETTABLE, tables_nfproto(f), NLM_F_ACK, 0);
	const struct tables_reader r = { table_message, NULL, out };
	int rc;

	*out = (struct tables_found){ 0 };
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, RULESET_TABLE);
	rc = tables_ask(t, nlh, &r);
	/* A kernel without the family (of bridges) has no table of it. */
	if (rc == 0 || rc == ENOENT || rc == EAFNOSUPPORT)
		return true;
	return err_sys(e, abs(rc), "cannot read table %s %s", tables_family_word(f), RULESET_TABLE);
}
