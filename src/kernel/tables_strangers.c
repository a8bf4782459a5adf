/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in our tables and was put there by somebody else. */
#include <stdio.h>

#include "base/alloc.h"
#include "kernel/tables_internal.h"

#define REQUEST_MAX 1024

_Static_assert((int)NFTA_CHAIN_TABLE == (int)NFTA_SET_TABLE, "one attribute for both kinds");

struct strangers {
	const struct rs_table *want;
	bool chain; /* what is dumped now, else sets */
	char (*names)[RULESET_NAME_MAX];
	size_t n, cap;
};

static void forget(void *ctx)
{
	struct strangers *s = ctx;

	s->n = 0;
}

static int on_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *tb[NFTA_CHAIN_MAX + NFTA_SET_MAX];
	struct strangers *s = ctx;
	const char *name;

	tables_attrs(nlh, tb, s->chain ? NFTA_CHAIN_MAX + 1 : NFTA_SET_MAX + 1);
	if (strcmp(tables_str(tb[NFTA_SET_TABLE]), RULESET_TABLE) != 0)
		return 0;
	name = tables_str(tb[s->chain ? NFTA_CHAIN_NAME : NFTA_SET_NAME]);
	if (s->chain ? !!rs_chain_find(s->want, name) : !!rs_set_find(s->want, name))
		return 0;
	vec_reserve(&s->names, s->n, &s->cap, sizeof(s->names[0]));
	(void)snprintf(s->names[s->n++], RULESET_NAME_MAX, "%s", name);
	return 0;
}

static bool dump(struct tables *t, enum rs_family f, struct strangers *s, struct err *e)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
	struct nlmsghdr *nlh = tables_header(buf, s->chain ? NFT_MSG_GETCHAIN : NFT_MSG_GETSET,
					     tables_nfproto(f), NLM_F_DUMP, 0);
	const struct tables_reader r = { on_message, forget, s };
	int rc;

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, RULESET_TABLE);
	rc = tables_ask(t, nlh, &r);
	return rc == 0 || rc == ENOENT || err_sys(e, rc, "cannot read our tables back");
}

bool tables_strangers(struct tables *t, const struct ruleset *want, tables_stranger_fn *fn,
		      void *ctx, struct err *e)
{
	bool good = true;

	for (enum rs_family f = 0; f < RS_FAMILY_COUNT && good; f++)
		for (int chain = 1; chain >= 0 && good; chain--) {
			struct strangers s = { .want = &want->tables[f], .chain = chain };

			good = dump(t, f, &s, e);
			for (size_t i = 0; i < s.n && good; i++)
				fn(ctx, f, s.chain, s.names[i]);
			free(s.names);
		}
	return good;
}
