/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each kind of thing is dumped and counted off against what is wanted: what is there has to be wanted and
 * right, and as many have to be there as are wanted. */
#include <stdio.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include "base/alloc.h"
#include "kernel/tables_internal.h"

#define REQUEST_MAX 1024
#define EXPR_TEXT   1024

struct compare {
	struct tables *t;
	enum rs_family f;
	const struct rs_table *want;
	const struct ruleset *but; /* whose parts are as they were; NULL: none are */
	size_t seen;		   /* chains, counters or sets of ours that are there */
	size_t *n_rules;	   /* owned: of each chain, so far */
	size_t chain;		   /* whose rules are dumped; SIZE_MAX: all are */
	char *out;		   /* "" while nothing differs */
	size_t size;
};

_printf_(2, 3) static int differs(struct compare *c, const char *fmt, ...)
{
	va_list ap;

	if (*c->out)
		return 0;
	va_start(ap, fmt);
	(void)vsnprintf(c->out, c->size, fmt, ap);
	va_end(ap);
	return 0;
}

static void again(void *ctx)
{
	struct compare *c = ctx;

	c->seen = 0;
	*c->out = '\0';
	for (size_t i = 0; i < c->want->n_chains; i++)
		if (c->chain == SIZE_MAX || c->chain == i)
			c->n_rules[i] = 0;
}

static bool ours(const struct nlattr *table)
{
	return strcmp(tables_str(table), RULESET_TABLE) == 0;
}

/* "of inet sallyport" */
static const char *of(const struct compare *c)
{
	return c->f == RS_INET ? "of inet " RULESET_TABLE : "of bridge " RULESET_TABLE;
}

static bool same_hook(const struct rs_chain *want, const struct nlattr *const *tb)
{
	const struct nlattr *h[NFTA_HOOK_MAX + 1];

	if (want->hook == RS_NO_HOOK || !tb[NFTA_CHAIN_HOOK])
		return want->hook == RS_NO_HOOK && !tb[NFTA_CHAIN_HOOK];
	tables_nested(tb[NFTA_CHAIN_HOOK], h, ARRAY_LEN(h));
	return tables_u32(h[NFTA_HOOK_HOOKNUM]) == tables_hook(want->hook) &&
	       (int32_t)tables_u32(h[NFTA_HOOK_PRIORITY]) == want->priority &&
	       tables_u32(tb[NFTA_CHAIN_POLICY]) == NF_ACCEPT &&
	       strcmp(tables_str(tb[NFTA_CHAIN_TYPE]), want->nat ? "nat" : "filter") == 0;
}

static int chain_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	const struct rs_chain *want;
	struct compare *c = ctx;
	const char *name;

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	if (!ours(tb[NFTA_CHAIN_TABLE]))
		return 0;
	name = tables_str(tb[NFTA_CHAIN_NAME]);
	want = rs_chain_find(c->want, name);
	if (!want)
		return differs(c, "chain %s %s is not ours", name, of(c));
	c->seen++;
	return same_hook(want, tb) ?
		       0 :
		       differs(c, "chain %s %s has another hook, priority or policy", name, of(c));
}

static int counter_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_OBJ_MAX + 1];
	struct compare *c = ctx;
	const char *name;

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	if (!ours(tb[NFTA_OBJ_TABLE]))
		return 0;
	name = tables_str(tb[NFTA_OBJ_NAME]);
	if (tables_u32(tb[NFTA_OBJ_TYPE]) != NFT_OBJECT_COUNTER ||
	    !tables_has_counter(c->want, name))
		return differs(c, "object %s %s is not ours", name, of(c));
	c->seen++;
	return 0;
}

static int set_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_SET_MAX + 1], *desc[NFTA_SET_DESC_MAX + 1];
	const struct rs_set *want;
	struct compare *c = ctx;
	const char *name;

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	if (!ours(tb[NFTA_SET_TABLE]))
		return 0;
	name = tables_str(tb[NFTA_SET_NAME]);
	want = rs_set_find(c->want, name);
	if (!want)
		return differs(c, "set %s %s is not ours", name, of(c));
	c->seen++;
	tables_nested(tb[NFTA_SET_DESC], desc, ARRAY_LEN(desc));
	if (tables_u32(tb[NFTA_SET_FLAGS]) == tables_set_flags(want) &&
	    tables_u32(tb[NFTA_SET_KEY_TYPE]) == tables_set_key_type(want) &&
	    tables_u32(tb[NFTA_SET_KEY_LEN]) == tables_key_len(want) &&
	    tables_u32(desc[NFTA_SET_DESC_SIZE]) == want->size)
		return 0;
	return differs(c, "set %s %s has another type, flags or size", name, of(c));
}

/* Their expressions, one after the other as libnftnl puts them, are the same text. */
static bool same_rule(const struct nftnl_rule *a, const struct nftnl_rule *b)
{
	struct nftnl_expr_iter *i = nftnl_expr_iter_create(a), *k = nftnl_expr_iter_create(b);
	const struct nftnl_expr *x = NULL, *y = NULL;
	char one[EXPR_TEXT], other[EXPR_TEXT];
	bool same = i && k;

	while (same) {
		x = nftnl_expr_iter_next(i);
		y = nftnl_expr_iter_next(k);
		if (!x || !y)
			break;
		(void)nftnl_expr_snprintf(one, sizeof(one), x, NFTNL_OUTPUT_DEFAULT, 0);
		(void)nftnl_expr_snprintf(other, sizeof(other), y, NFTNL_OUTPUT_DEFAULT, 0);
		same = strcmp(nftnl_expr_get_str(x, NFTNL_EXPR_NAME),
			      nftnl_expr_get_str(y, NFTNL_EXPR_NAME)) == 0 &&
		       strcmp(one, other) == 0;
	}
	if (i)
		nftnl_expr_iter_destroy(i);
	if (k)
		nftnl_expr_iter_destroy(k);
	return same && !x && !y;
}

static bool same_comment(const struct nftnl_rule *a, const struct nftnl_rule *b)
{
	uint32_t n = 0, m = 0;
	const void *p = nftnl_rule_get_data(a, NFTNL_RULE_USERDATA, &n);
	const void *q = nftnl_rule_get_data(b, NFTNL_RULE_USERDATA, &m);

	return n == m && (n == 0 || memcmp(p, q, n) == 0);
}

static bool rule_matches(const struct nlmsghdr *nlh, const struct rs_rule *want)
{
	struct nftnl_rule *is = nftnl_rule_alloc(), *ours_is = tables_rule(want);
	bool same = is && nftnl_rule_nlmsg_parse(nlh, is) >= 0 && same_rule(is, ours_is) &&
		    same_comment(is, ours_is);

	if (is)
		nftnl_rule_free(is);
	nftnl_rule_free(ours_is);
	return same;
}

static int rule_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_RULE_MAX + 1];
	const struct rs_chain *want;
	struct compare *c = ctx;
	size_t place, *n;

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	if (!ours(tb[NFTA_RULE_TABLE]))
		return 0;
	place = rs_chain_place(c->want, tables_str(tb[NFTA_RULE_CHAIN]));
	if (place == SIZE_MAX)
		return 0; /* told by chain_message() */
	want = c->want->chains[place];
	n = &c->n_rules[place];
	if (*n >= want->n_rules)
		return differs(c, "chain %s %s has more rules than are ours", want->name, of(c));
	if (!rule_matches(nlh, &want->rules[(*n)++]))
		return differs(c, "rule %zu of chain %s %s is another", *n, want->name, of(c));
	return 0;
}

static bool dump(struct compare *c, uint16_t type, int (*message)(const struct nlmsghdr *, void *),
		 struct err *e)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
	struct nlmsghdr *nlh = tables_header(buf, type, tables_nfproto(c->f), NLM_F_DUMP, 0);
	const struct tables_reader r = { message, again, c };
	int rc;

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, RULESET_TABLE);
	if (c->chain != SIZE_MAX)
		mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, c->want->chains[c->chain]->name);
	rc = tables_ask(c->t, nlh, &r);
	return rc == 0 || err_sys(e, abs(rc), "cannot read table %s %s back",
				  tables_family_word(c->f), RULESET_TABLE);
}

static bool as_it_was(const struct compare *c, const struct rs_part *p)
{
	return c->but && ruleset_has(c->but, p);
}

static bool elements(struct compare *c, const struct rs_set *s, struct err *e)
{
	_cleanup_(rs_elements_done) struct rs_elements is = { 0 };
	struct element_index x;
	struct buf key;

	if (s->flags & RS_SET_LEARNED || as_it_was(c, s->part))
		return true;
	if (!tables_elements(c->t, c->f, s, &is, e))
		return false;
	buf_init(&key, EXPR_TEXT);
	element_index_init(&x, s, s->elements.items, s->elements.n);
	for (size_t i = 0; i < is.n && !*c->out; i++) {
		const struct rs_element *el = &is.items[i];
		const struct rs_element *want = element_index_find(&x, el);

		if (want && tables_element_eq(s, want, el))
			continue;
		tables_key_text(s, el->key, s->flags & RS_SET_INTERVAL ? el->end : NULL, &key);
		differs(c, "element %s of set %s %s is %s", buf_cstr(&key), s->name, of(c),
			want ? "another" : "not ours");
	}
	if (is.n < s->elements.n)
		differs(c, "set %s %s lacks %zu elements", s->name, of(c), s->elements.n - is.n);
	element_index_done(&x);
	buf_done(&key);
	return true;
}

/* What of the kind is missing: the first that cannot be counted off is not known, but that one is. */
static void all_there(struct compare *c, const char *kind, size_t want)
{
	if (c->seen < want)
		differs(c, "%zu %s %s are missing", want - c->seen, kind, of(c));
}

/* Of all chains at once, or of those that are not as they were one by one. */
static bool rules(struct compare *c, struct err *e)
{
	bool good = true;

	if (!c->but)
		return dump(c, NFT_MSG_GETRULE, rule_message, e);
	for (size_t i = 0; i < c->want->n_chains && good && !*c->out; i++) {
		if (as_it_was(c, c->want->chains[i]->part))
			continue;
		c->chain = i;
		good = dump(c, NFT_MSG_GETRULE, rule_message, e);
	}
	c->chain = SIZE_MAX;
	return good;
}

static bool chains_and_rules(struct compare *c, struct err *e)
{
	if (!dump(c, NFT_MSG_GETCHAIN, chain_message, e))
		return false;
	all_there(c, "chains", c->want->n_chains);
	if (*c->out)
		return true;
	if (!rules(c, e))
		return false;
	for (size_t i = 0; i < c->want->n_chains; i++) {
		const struct rs_chain *want = c->want->chains[i];

		if (!as_it_was(c, want->part) && c->n_rules[i] < want->n_rules)
			differs(c, "chain %s %s lacks rules", want->name, of(c));
	}
	return true;
}

static bool sets(struct compare *c, struct err *e)
{
	if (!dump(c, NFT_MSG_GETSET, set_message, e))
		return false;
	all_there(c, "sets", c->want->n_sets);
	for (size_t i = 0; i < c->want->n_sets && !*c->out; i++)
		if (!elements(c, c->want->sets[i], e))
			return false;
	return true;
}

static bool one_table(struct compare *c, struct err *e)
{
	struct tables_found found;

	if (!tables_find(c->t, c->f, &found, e))
		return false;
	if (found.there == tables_table_empty(c->want)) {
		differs(c, "table %s %s is %s", tables_family_word(c->f), RULESET_TABLE,
			found.there ? "there" : "missing");
		return true;
	}
	if (!found.there)
		return true;
	if (found.flags & NFT_TABLE_F_DORMANT) {
		differs(c, "table %s %s is dormant", tables_family_word(c->f), RULESET_TABLE);
		return true;
	}
	if (!dump(c, NFT_MSG_GETOBJ, counter_message, e))
		return false;
	all_there(c, "counters", c->want->n_counters);
	return *c->out || (chains_and_rules(c, e) && (*c->out || sets(c, e)));
}

bool tables_compare(struct tables *t, const struct ruleset *want, const struct ruleset *but,
		    char *out, size_t size, struct err *e)
{
	*out = '\0';
	for (enum rs_family f = 0; f < RS_FAMILY_COUNT && !*out; f++) {
		_cleanup_(freep)
			size_t *n_rules = xcalloc(want->tables[f].n_chains + 1, sizeof(size_t));
		struct compare c = { .t = t,
				     .f = f,
				     .want = &want->tables[f],
				     .but = but,
				     .n_rules = n_rules,
				     .chain = SIZE_MAX,
				     .out = out,
				     .size = size };

		if (!one_table(&c, e))
			return false;
	}
	return true;
}
