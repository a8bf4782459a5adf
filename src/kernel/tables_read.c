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

/* The bytes of a key, NULL where they are not as long as one of the set. */
static const uint8_t *key_of(const struct nlattr *a, size_t len)
{
	const struct nlattr *tb[NFTA_DATA_MAX + 1];

	tables_nested(a, tb, ARRAY_LEN(tb));
	if (!tb[NFTA_DATA_VALUE] || mnl_attr_get_payload_len(tb[NFTA_DATA_VALUE]) != len)
		return NULL;
	return mnl_attr_get_payload(tb[NFTA_DATA_VALUE]);
}

static bool verdict_read(const struct nlattr *a, struct arena *arena, struct rs_verdict *out)
{
	const struct nlattr *tb[NFTA_DATA_MAX + 1], *v[NFTA_VERDICT_MAX + 1];
	int32_t code;

	tables_nested(a, tb, ARRAY_LEN(tb));
	tables_nested(tb[NFTA_DATA_VERDICT], v, ARRAY_LEN(v));
	if (!v[NFTA_VERDICT_CODE])
		return false;
	code = (int32_t)tables_u32(v[NFTA_VERDICT_CODE]);
	out->chain = arena_strdup(arena, tables_str(v[NFTA_VERDICT_CHAIN]));
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
	struct span *out = ctx;

	if (nftnl_udata_type(u) == NFTNL_UDATA_SET_ELEM_COMMENT)
		*out = (struct span){ nftnl_udata_get(u), nftnl_udata_len(u) };
	return 0;
}

/* A comment that is that of the element before takes no room. */
static const char *comment_of(struct rs_elements *l, struct span comment)
{
	const char *last = l->n ? l->items[l->n - 1].comment : "";
	size_t n = comment.n ? strnlen(comment.p, comment.n) : 0;

	if (strlen(last) == n && memcmp(last, comment.p ? comment.p : "", n) == 0)
		return last;
	return arena_strndup(&l->arena, comment.p, n);
}

bool tables_element_read(const struct nlattr *a, const struct rs_set *s, struct rs_elements *out)
{
	const struct nlattr *tb[NFTA_SET_ELEM_MAX + 1], *note;
	size_t len = tables_key_len(s);
	const uint8_t *key, *end = NULL;
	struct span comment = { NULL, 0 };
	struct rs_element *el;

	tables_nested(a, tb, ARRAY_LEN(tb));
	key = key_of(tb[NFTA_SET_ELEM_KEY], len);
	if (tb[NFTA_SET_ELEM_KEY_END])
		end = key_of(tb[NFTA_SET_ELEM_KEY_END], len);
	if (!key || (tb[NFTA_SET_ELEM_KEY_END] && !end))
		return false;
	note = tb[NFTA_SET_ELEM_USERDATA];
	if (note && nftnl_udata_parse(mnl_attr_get_payload(note), mnl_attr_get_payload_len(note),
				      take_comment, &comment) < 0)
		return false;
	el = rs_elements_add(out, len, key, end, comment_of(out, comment));
	/* The time that is left; a request has only how long it is in all. */
	el->timeout_ms = tables_u64(tb[NFTA_SET_ELEM_EXPIRATION] ? tb[NFTA_SET_ELEM_EXPIRATION] :
								   tb[NFTA_SET_ELEM_TIMEOUT]);
	return !(s->flags & RS_SET_VMAP) || !tb[NFTA_SET_ELEM_DATA] ||
	       verdict_read(tb[NFTA_SET_ELEM_DATA], &out->arena, &el->verdict);
}

/* Elements as they come. */
struct gather {
	const struct rs_set *set;
	struct rs_elements *els;
};

static void gather_reset(void *ctx)
{
	rs_elements_done(((struct gather *)ctx)->els);
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
		if (!tables_element_read(a, g->set, g->els))
			return EBADMSG;
	}
	return 0;
}

bool tables_elements(struct tables *t, enum rs_family family, const struct rs_set *set,
		     struct rs_elements *out, struct err *e)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
	struct nlmsghdr *nlh =
		tables_header(buf, NFT_MSG_GETSETELEM, tables_nfproto(family), NLM_F_DUMP, 0);
	struct gather g = { .set = set, .els = out };
	const struct tables_reader r = { gather_message, gather_reset, &g };
	int rc;

	*out = (struct rs_elements){ 0 };
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, RULESET_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set->name);
	rc = tables_ask(t, nlh, &r);
	return rc == 0 || err_sys(e, abs(rc), "cannot read set %s (%s %s)", set->name,
				  tables_family_word(family), RULESET_TABLE);
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
