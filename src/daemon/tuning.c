/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/tuning.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* What stands before the list. */
struct head {
	struct names_pace pace;
	struct name_tuning others;
};

void tunings_done(struct tunings *t)
{
	free(t->items);
	*t = (struct tunings){ 0 };
}

void tunings_add(struct tunings *t, const struct name *n, const struct name_tuning *how)
{
	struct names_wanted w;

	memset(&w, 0, sizeof(w)); /* it is sent as it lies in memory */
	w.name.len = n->len;
	memcpy(w.name.s, n->s, n->len);
	w.tuning = *how;
	vec_push(t->items, t->n, t->cap, w);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct names_wanted *)a)->name.s,
		      ((const struct names_wanted *)b)->name.s);
}

/* 0 is the TTL, which is longer than any interval that somebody has set. */
static uint32_t shorter(uint32_t a, uint32_t b)
{
	return a && b ? MIN(a, b) : MAX(a, b);
}

static void merge(struct name_tuning *into, const struct name_tuning *t)
{
	into->refresh_s = shorter(into->refresh_s, t->refresh_s);
	into->grace_s = MAX(into->grace_s, t->grace_s);
	into->queries = MAX(into->queries, t->queries);
	into->addresses = MAX(into->addresses, t->addresses);
}

void tunings_sort(struct tunings *t)
{
	size_t kept = 0;

	if (t->n)
		qsort(t->items, t->n, sizeof(*t->items), by_name);
	for (size_t i = 0; i < t->n; i++) {
		if (kept && name_eq(&t->items[kept - 1].name, &t->items[i].name))
			merge(&t->items[kept - 1].tuning, &t->items[i].tuning);
		else
			t->items[kept++] = t->items[i];
	}
	t->n = kept;
}

const struct name **tunings_names(const struct tunings *t)
{
	const struct name **names = xcalloc(t->n + 1, sizeof(struct name *));

	for (size_t i = 0; i < t->n; i++)
		names[i] = &t->items[i].name;
	return names;
}

struct name_tuning tunings_find(const struct tunings *t, const struct name *n)
{
	const struct names_wanted *found = NULL;
	struct names_wanted key;

	if (t->n) {
		name_copy(&key.name, n);
		found = bsearch(&key, t->items, t->n, sizeof(key), by_name);
	}
	if (found)
		return found->tuning;
	return t->given ? t->others : NAME_TUNING_DEFAULT;
}

struct names_pace tunings_pace(const struct tunings *t)
{
	return t->given ? t->pace : NAMES_PACE_DEFAULT;
}

bool tunings_same(const struct tunings *a, const struct tunings *b)
{
	return a->given == b->given && a->n == b->n &&
	       memcmp(&a->pace, &b->pace, sizeof(a->pace)) == 0 &&
	       memcmp(&a->others, &b->others, sizeof(a->others)) == 0 &&
	       (a->n == 0 || memcmp(a->items, b->items, a->n * sizeof(*a->items)) == 0);
}

struct tunings tunings_copy(const struct tunings *t)
{
	struct tunings copy = *t;

	copy.cap = t->n;
	copy.items = t->n ? xcalloc(t->n, sizeof(*t->items)) : NULL;
	if (t->n)
		memcpy(copy.items, t->items, t->n * sizeof(*t->items));
	return copy;
}

/* ---- as bytes, which both ends, one program, have as they lie in memory */

void tunings_encode(const struct tunings *t, struct buf *out)
{
	struct head h = { t->pace, t->others };

	buf_add(out, &h, sizeof(h));
	buf_add(out, t->items, t->n * sizeof(*t->items));
}

static uint32_t clamp(uint32_t v, uint32_t lo, uint32_t hi)
{
	return MAX(lo, MIN(v, hi));
}

static struct name_tuning clamped(const struct name_tuning *t)
{
	return (struct name_tuning){ .refresh_s = MIN(t->refresh_s, NAMES_PERIOD_MAX_S),
				     .grace_s = MIN(t->grace_s, NAMES_PERIOD_MAX_S),
				     .queries = clamp(t->queries, 1, GATE_QUERIES_MAX),
				     .addresses = clamp(t->addresses, 1, NAMES_ADDRESSES_MAX) };
}

/* Also: it is canonical. */
static bool is_name(const struct name *n)
{
	struct name parsed;
	struct err ignored;

	return n->len <= LIMIT_NAME && name_parse(name_span(n), &parsed, &ignored) &&
	       name_eq(n, &parsed);
}

bool tunings_decode(struct span bytes, struct tunings *out, struct err *e)
{
	struct tunings t = { .given = true };
	struct names_wanted w;
	struct head h;

	if (bytes.n > TUNINGS_BYTES || bytes.n < sizeof(h) ||
	    (bytes.n - sizeof(h)) % sizeof(w) != 0)
		return err_set(e, ERR_INVALID, "the tunings of names are cut");
	memcpy(&h, bytes.p, sizeof(h));
	t.pace.backoff_max_s = clamp(h.pace.backoff_max_s, 1, NAMES_BACKOFF_LIMIT_S);
	t.pace.jitter_pct = MIN(h.pace.jitter_pct, 100U);
	t.others = clamped(&h.others);
	for (size_t at = sizeof(h); at < bytes.n; at += sizeof(w)) {
		memcpy(&w, bytes.p + at, sizeof(w));
		w.tuning = clamped(&w.tuning);
		if (!is_name(&w.name)) {
			tunings_done(&t);
			return err_set(e, ERR_INVALID, "the tunings of names have none at byte %zu",
				       at);
		}
		tunings_add(&t, &w.name, &w.tuning);
	}
	tunings_sort(&t);
	*out = t;
	return true;
}
