/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static const uint8_t *copy(struct changes *c, const uint8_t *p, size_t n)
{
	return memcpy(arena_alloc(&c->arena, n, 1), p, n);
}

struct rs_element *changes_add(struct changes *c, bool add, enum rs_family family,
			       struct rs_set *set, const uint8_t *key, const uint8_t *end,
			       const char *comment)
{
	size_t n = rs_set_key_len(set);
	struct tables_change one = { .add = add, .family = family, .set = set };

	one.element.key = copy(c, key, n);
	one.element.end = end ? copy(c, end, n) : one.element.key;
	one.element.comment = arena_strdup(&c->arena, comment);
	one.element.verdict.chain = "";
	vec_push(c->items, c->n, c->cap, one);
	return &c->items[c->n - 1].element;
}

void changes_clear(struct changes *c)
{
	c->n = 0;
	arena_clear(&c->arena);
}

void changes_done(struct changes *c)
{
	free(c->items);
	arena_done(&c->arena);
	*c = (struct changes){ 0 };
}
