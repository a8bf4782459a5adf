/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prefixes lie in each other or apart, so in the order of their first addresses, the wider one first,
 * all that can overlap a box are boxes of the prefixes around it, which are kept on a stack. Within
 * one prefix a layer's ranges are apart and come in order: the one that could overlap is found by
 * bisection.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "compile/network_internal.h"

struct lane {
	const struct box **items; /* by lo; they do not overlap */
	size_t n, cap;
};

/* A prefix that the box at hand lies in, and what it holds in each layer. */
struct level {
	struct prefix prefix;
	struct lane *lanes;
	size_t n_lanes, cap_lanes;
};

#define LEVELS_MAX 129 /* lengths of an IPv6 prefix */

struct stack {
	struct level *levels;
	size_t n;
};

static int compare_boxes(const void *x, const void *y)
{
	const struct box *a = *(const struct box *const *)x, *b = *(const struct box *const *)y;
	int order =
		memcmp(a->prefix.addr.bytes, b->prefix.addr.bytes, sizeof(a->prefix.addr.bytes));

	if (order)
		return order;
	if (a->prefix.len != b->prefix.len)
		return a->prefix.len < b->prefix.len ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	if (a->hi != b->hi)
		return a->hi > b->hi ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void level_clear(struct level *l)
{
	for (size_t i = 0; i < l->n_lanes; i++)
		free(l->lanes[i].items);
	l->n_lanes = 0;
}

/* Leaves on the stack what is around the prefix, and puts it on top. */
static struct level *enter(struct stack *s, const struct prefix *p)
{
	while (s->n > 0 && !prefix_covers(&s->levels[s->n - 1].prefix, p))
		level_clear(&s->levels[--s->n]);
	if (s->n == 0 || s->levels[s->n - 1].prefix.len != p->len)
		s->levels[s->n++].prefix = *p;
	return &s->levels[s->n - 1];
}

/* What of the lane overlaps the box, or NULL; the one that covers it where there is one. */
static const struct box *overlap(const struct lane *l, const struct box *b)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (l->items[middle]->lo <= b->hi)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo > 0 && l->items[lo - 1]->hi >= b->lo ? l->items[lo - 1] : NULL;
}

/* The first layer in which nothing overlaps the box, or BOX_COVERED. */
static size_t find_layer(const struct stack *s, const struct box *b, bool keep_all)
{
	for (size_t layer = 0;; layer++) {
		const struct box *found = NULL;

		for (size_t i = 0; i < s->n && !found; i++)
			if (layer < s->levels[i].n_lanes)
				found = overlap(&s->levels[i].lanes[layer], b);
		if (!found)
			return layer;
		if (!keep_all && found->lo <= b->lo && found->hi >= b->hi)
			return BOX_COVERED;
	}
}

static void put(struct level *l, size_t layer, const struct box *b)
{
	while (l->n_lanes <= layer)
		vec_push(l->lanes, l->n_lanes, l->cap_lanes, (struct lane){ 0 });
	vec_push(l->lanes[layer].items, l->lanes[layer].n, l->lanes[layer].cap, b);
}

static bool same_box(const struct box *a, const struct box *b)
{
	return a->lo == b->lo && a->hi == b->hi && a->prefix.len == b->prefix.len &&
	       addr_eq(&a->prefix.addr, &b->prefix.addr);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15U;
	return h ^ h >> 29;
}

static uint64_t box_hash(const struct box *b)
{
	uint64_t words[2];

	memcpy(words, b->prefix.addr.bytes, sizeof(words));
	return mix(mix(mix(0, words[0]), words[1]), b->lo);
}

/* Slots of a table twice as large as what goes in, at the least: a power of two. */
static size_t slots_for(size_t n)
{
	size_t slots = 16;

	while (slots < 2 * n)
		slots *= 2;
	return slots;
}

size_t boxes_unique(struct boxes *b)
{
	size_t slots = slots_for(b->n);
	_cleanup_(freep) struct box **table = xcalloc(slots, sizeof(struct box *));

	for (size_t i = 0; i < b->n; i++) {
		struct box *box = &b->items[i];
		size_t at = box_hash(box) & (slots - 1);

		while (table[at] && !same_box(table[at], box))
			at = (at + 1) & (slots - 1);
		box->layer = table[at] ? BOX_COVERED : 0;
		if (!table[at])
			table[at] = box;
	}
	return b->n > 0;
}

static bool same_prefix(const struct box *a, const struct box *b)
{
	return a->prefix.len == b->prefix.len && addr_eq(&a->prefix.addr, &b->prefix.addr);
}

/*
 * Takes off the box's front what those of the same prefix before it have said; false: that is all of
 * it. They begin no later, so what the farthest of them reaches is theirs. This leaves no more
 * layers than prefixes lie in one another.
 */
static bool trim(struct box *b, const struct box *before, uint64_t *reached)
{
	if (!before || !same_prefix(b, before))
		*reached = 0;
	if (b->hi < *reached)
		return false;
	b->lo = MAX(b->lo, (uint32_t)*reached);
	*reached = (uint64_t)b->hi + 1;
	return true;
}

static void place(struct stack *s, struct box *b, const struct box *before, bool keep_all,
		  uint64_t *reached)
{
	struct level *l = enter(s, &b->prefix);

	if (keep_all && before && same_box(b, before)) {
		b->layer = before->layer;
		return;
	}
	b->layer = keep_all || trim(b, before, reached) ? find_layer(s, b, keep_all) : BOX_COVERED;
	if (b->layer != BOX_COVERED)
		put(l, b->layer, b);
}

size_t boxes_layer(struct boxes *b, bool keep_all)
{
	_cleanup_(freep) struct box **sorted = NULL;
	struct stack s = { .levels = xcalloc(LEVELS_MAX, sizeof(*s.levels)) };
	uint64_t reached = 0;
	size_t layers = 0;

	sorted = xcalloc(b->n, sizeof(struct box *));
	for (size_t i = 0; i < b->n; i++)
		sorted[i] = &b->items[i];
	qsort(sorted, b->n, sizeof(struct box *), compare_boxes);
	for (size_t i = 0; i < b->n; i++) {
		place(&s, sorted[i], i > 0 ? sorted[i - 1] : NULL, keep_all, &reached);
		if (sorted[i]->layer != BOX_COVERED)
			layers = MAX(layers, sorted[i]->layer + 1);
	}
	for (size_t i = 0; i < LEVELS_MAX; i++) {
		level_clear(&s.levels[i]);
		free(s.levels[i].lanes);
	}
	free(s.levels);
	return layers;
}
