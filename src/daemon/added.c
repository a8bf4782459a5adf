/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/added.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static void item_done(struct added *a)
{
	free((void *)(uintptr_t)a->dest);
	free((void *)(uintptr_t)a->network);
}

static void push(struct added_list *l, const struct added *a)
{
	struct added copy = { .action = a->action,
			      .dest = xstrdup(a->dest),
			      .network = a->network ? xstrdup(a->network) : NULL,
			      .until_ms = a->until_ms };

	vec_push(l->items, l->n, l->cap, copy);
}

static bool is_same(const struct added *a, const struct added *b)
{
	return a->action == b->action && strcmp(a->dest, b->dest) == 0 &&
	       (a->network && b->network ? strcmp(a->network, b->network) == 0 :
					   a->network == b->network);
}

static void remove_same(struct added_list *l, const struct added *a)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!is_same(&l->items[i], a))
			continue;
		item_done(&l->items[i]);
		l->n--;
		memmove(&l->items[i], &l->items[i + 1], (l->n - i) * sizeof(*l->items));
		return;
	}
}

bool added_put(struct added_list *l, const struct added *a, struct err *e)
{
	remove_same(l, a);
	if (l->n == ADDED_MAX)
		return err_set(e, ERR_LIMIT, "%d rules were added: expected them in the policy",
			       ADDED_MAX);
	push(l, a);
	return true;
}

void added_carry(const struct added_list *from, uint64_t now_ms, struct added_list *out)
{
	for (size_t i = 0; i < from->n; i++)
		if (from->items[i].until_ms == 0 || from->items[i].until_ms > now_ms)
			push(out, &from->items[i]);
}

void added_done(struct added_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		item_done(&l->items[i]);
	free(l->items);
	*l = (struct added_list){ 0 };
}
