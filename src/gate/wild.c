/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/wild.h"

#include <uthash.h>

#include "base/alloc.h"

struct wild_name {
	UT_hash_handle hh;
	struct name name;
};

void wild_done(struct wild *w)
{
	struct wild_name *n, *next;

	HASH_ITER(hh, w->names, n, next)
	{
		HASH_DEL(w->names, n);
		free(n);
	}
}

bool wild_named(const struct plan_policy *p, const struct name *n)
{
	for (size_t i = 0; i < p->n_rules; i++)
		for (size_t k = 0; k < p->rules[i].n_dests; k++)
			if (p->rules[i].dests[k].target == DEST_NAME &&
			    name_eq(p->rules[i].dests[k].name, n))
				return true;
	return false;
}

bool wild_within(struct wild *w, const struct plan_policy *p, const struct name *n)
{
	struct wild_name *found;

	if (wild_named(p, n))
		return true;
	HASH_FIND(hh, w->names, n->s, n->len, found);
	if (found)
		return true;
	if (HASH_COUNT(w->names) >= LIMIT_DNS_WILDCARD_NAMES)
		return false;
	found = xcalloc(1, sizeof(*found));
	name_copy(&found->name, n);
	HASH_ADD(hh, w->names, name.s, found->name.len, found);
	return true;
}
