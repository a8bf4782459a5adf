/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/installed.h"

#include <string.h>

#include <uthash.h>

#include "base/alloc.h"
#include "base/clock.h"

struct entry {
	UT_hash_handle hh;
	struct installed_name *what;
	struct name name; /* as much of it as it is long */
};

struct installed {
	struct entry *entries;
};

struct installed *installed_new(void)
{
	return xcalloc(1, sizeof(struct installed));
}

static void forget(struct installed *all, struct entry *en)
{
	HASH_DEL(all->entries, en);
	free(en->what);
	free(en);
}

void installed_free(struct installed *all)
{
	if (!all)
		return;
	while (all->entries)
		forget(all, all->entries);
	free(all);
}

static struct entry *find(const struct installed *all, const struct name *n)
{
	struct entry *en;

	HASH_FIND(hh, all->entries, n->s, n->len, en);
	return en;
}

void installed_put(struct installed *all, const struct gate_installed *order)
{
	size_t n = MIN(order->n, GATE_ADDRESSES_MAX);
	struct entry *en = find(all, &order->name);
	struct installed_name *what;

	if (n == 0 && order->outcome == GATE_NO_ANSWER) {
		if (en)
			forget(all, en);
		return;
	}
	if (!en) {
		en = xcalloc(1, offsetof(struct entry, name) + NAME_SIZE(order->name.len));
		name_copy(&en->name, &order->name);
		HASH_ADD(hh, all->entries, name.s, en->name.len, en);
	}
	what = xmalloc(sizeof(*what) + n * sizeof(what->addrs[0]));
	what->outcome = order->outcome;
	what->n = n;
	for (size_t i = 0; i < n; i++)
		what->addrs[i] =
			(struct installed_address){ order->addrs[i],
						    clock_ms() + order->left_s[i] * 1000ULL };
	free(en->what);
	en->what = what;
}

const struct installed_name *installed_find(const struct installed *all, const struct name *n)
{
	const struct entry *en = find(all, n);

	return en ? en->what : NULL;
}
