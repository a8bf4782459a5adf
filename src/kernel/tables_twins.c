/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table that is replaced would let a packet through now and then. Of two base chains at one hook and
 * priority the newer one comes first (nf_hook_entries_grow() in net/netfilter/core.c), and each is walked in
 * the generation that holds when its turn comes (nft_do_chain()). A packet that passes the new chain before
 * the transaction takes place, and the old one behind it thereafter, finds both empty; and where it is answered,
 * its flow is established.
 *
 * So before that, the old table's base chains are put once more in front of themselves: a packet meets the old
 * rules there, or else the new ones behind. They go with the table, in whose place the new one comes.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "kernel/tables_internal.h"

#define TWIN	    ".old"
#define TWINS_MAX   16
#define REQUEST_MAX 256
#define REQUESTS    64 /* more than two questions are asked again */

struct twin {
	char of[RULESET_NAME_MAX], name[RULESET_NAME_MAX];
};

struct twins {
	enum rs_family family;
	struct twin items[TWINS_MAX];
	size_t n;
	bool there; /* who came before us got no further */
	struct batch b;
	size_t bytes, messages; /* of b, before what is being read */
};

static void twins_done(struct twins *w)
{
	batch_done(&w->b);
}

static void again(void *ctx)
{
	struct twins *w = ctx;

	w->b.n = w->bytes;
	w->b.n_items = w->messages;
}

static void chains_again(void *ctx)
{
	struct twins *w = ctx;

	again(w);
	w->n = 0;
}

static bool is_twin(const char *name)
{
	size_t n = strlen(name), m = strlen(TWIN);

	return n > m && strcmp(name + n - m, TWIN) == 0;
}

static int on_chain(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	struct twins *w = ctx;
	struct twin *one = &w->items[w->n];
	const char *name;

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	name = tables_str(tb[NFTA_CHAIN_NAME]);
	if (strcmp(tables_str(tb[NFTA_CHAIN_TABLE]), RULESET_TABLE) != 0 || !tb[NFTA_CHAIN_HOOK])
		return 0;
	w->there = w->there || is_twin(name);
	/* What does not fit is not ours. */
	if (w->n == TWINS_MAX || strlen(name) + sizeof(TWIN) > sizeof(one->name))
		return 0;
	(void)snprintf(one->of, sizeof(one->of), "%s", name);
	(void)snprintf(one->name, sizeof(one->name), "%s%s", name, TWIN);
	batch_chain_before(&w->b, w->family, one->name, tb);
	w->n++;
	return 0;
}

static int on_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct twins *w = ctx;

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	if (strcmp(tables_str(tb[NFTA_RULE_TABLE]), RULESET_TABLE) != 0)
		return 0;
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(tables_str(tb[NFTA_RULE_CHAIN]), w->items[i].of) == 0)
			batch_rule_copy(&w->b, w->family, w->items[i].name, tb);
	return 0;
}

/* A twin goes again. */
static int on_twin(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	struct twins *w = ctx;
	struct rs_chain c = { 0 };

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	if (strcmp(tables_str(tb[NFTA_CHAIN_TABLE]), RULESET_TABLE) != 0 ||
	    !is_twin(tables_str(tb[NFTA_CHAIN_NAME])))
		return 0;
	c.name = tables_str(tb[NFTA_CHAIN_NAME]);
	batch_rules_del(&w->b, w->family, &c);
	batch_chain_del(&w->b, w->family, &c);
	return 0;
}

static bool dump(struct tables *t, struct twins *w, uint16_t type, const struct tables_reader *r)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
	struct nlmsghdr *nlh = tables_header(buf, type, tables_nfproto(w->family), NLM_F_DUMP, 0);

	w->bytes = w->b.n;
	w->messages = w->b.n_items;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, RULESET_TABLE);
	return tables_ask(t, nlh, r) == 0;
}

void tables_twins(struct tables *t, enum rs_family f)
{
	_cleanup_(twins_done) struct twins w = { .family = f };
	struct refusal ignored;

	batch_init(&w.b, t->seq + REQUESTS);
	if (!dump(t, &w, NFT_MSG_GETCHAIN, &(struct tables_reader){ on_chain, chains_again, &w }) ||
	    !dump(t, &w, NFT_MSG_GETRULE, &(struct tables_reader){ on_rule, again, &w }) ||
	    w.there || batch_empty(&w.b))
		return;
	batch_end(&w.b);
	(void)tables_send(t, &w.b, &ignored);
}

void tables_twins_remove(struct tables *t, enum rs_family f)
{
	_cleanup_(twins_done) struct twins w = { .family = f };
	struct refusal ignored;

	batch_init(&w.b, t->seq + REQUESTS);
	if (!dump(t, &w, NFT_MSG_GETCHAIN, &(struct tables_reader){ on_twin, chains_again, &w }) ||
	    batch_empty(&w.b))
		return;
	batch_end(&w.b);
	(void)tables_send(t, &w.b, &ignored);
}
