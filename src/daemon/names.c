/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Small, for there are many: a name is kept in its own length. */
struct entry {
	char *name;
	struct names_address *addrs;
	size_t n_addrs, cap_addrs;
	struct name_tuning tuning;
	uint64_t ask_ms;  /* when it is due; while it is asked for, when that is given up */
	uint64_t wake_ms; /* that, or the end of an address */
	uint64_t attempt_ms, success_ms; /* the last ones; 0: none */
	uint32_t interval_s;		 /* between questions, while answers come */
	uint32_t failures;		 /* in a row */
	uint32_t at;			 /* in the heap */
	bool asking;
	bool no_name;
};

struct names {
	struct entry *entries;
	size_t n;
	uint32_t
		*heap; /* entries; the one that wakes first is heap[0], heap[i] before heap[2i+1] */
	uint32_t *sorted; /* by name */
	uint32_t random;
	struct names_pace pace;
};

/* ---- the heap */

static bool before(const struct names *ns, uint32_t a, uint32_t b)
{
	return ns->entries[a].wake_ms < ns->entries[b].wake_ms;
}

static void put(struct names *ns, size_t at, uint32_t entry)
{
	ns->heap[at] = entry;
	ns->entries[entry].at = (uint32_t)at;
}

static void sift_up(struct names *ns, size_t at)
{
	uint32_t moved = ns->heap[at];

	for (; at > 0 && before(ns, moved, ns->heap[(at - 1) / 2]); at = (at - 1) / 2)
		put(ns, at, ns->heap[(at - 1) / 2]);
	put(ns, at, moved);
}

static void sift_down(struct names *ns, size_t at)
{
	uint32_t moved = ns->heap[at];

	for (size_t child = 2 * at + 1; child < ns->n; child = 2 * at + 1) {
		if (child + 1 < ns->n && before(ns, ns->heap[child + 1], ns->heap[child]))
			child++;
		if (!before(ns, ns->heap[child], moved))
			break;
		put(ns, at, ns->heap[child]);
		at = child;
	}
	put(ns, at, moved);
}

/* While it is asked for nothing ends: no answer, if that is what comes, would keep it. */
static void set_wake(struct entry *en)
{
	en->wake_ms = en->ask_ms;
	for (size_t i = 0; !en->asking && i < en->n_addrs; i++)
		en->wake_ms = MIN(en->wake_ms, en->addrs[i].until_ms);
}

/* The entry has another time. */
static void settle(struct names *ns, struct entry *en)
{
	set_wake(en);
	sift_up(ns, en->at);
	sift_down(ns, en->at);
}

/* ---- the list */

struct names *names_new(uint32_t seed)
{
	struct names *ns = xcalloc(1, sizeof(*ns));

	ns->random = seed | 1;
	ns->pace = NAMES_PACE_DEFAULT;
	return ns;
}

void names_set_pace(struct names *ns, const struct names_pace *p)
{
	ns->pace = *p;
}

static void free_entries(struct entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(entries[i].name);
		free(entries[i].addrs);
	}
	free(entries);
}

void names_free(struct names *ns)
{
	if (!ns)
		return;
	free_entries(ns->entries, ns->n);
	free(ns->heap);
	free(ns->sorted);
	free(ns);
}

static int by_name(const void *a, const void *b, void *ctx)
{
	const struct entry *entries = ctx;

	return strcmp(entries[*(const uint32_t *)a].name, entries[*(const uint32_t *)b].name);
}

static struct entry *find(const struct names *ns, const char *name)
{
	size_t lo = 0, hi = ns->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct entry *en = &ns->entries[ns->sorted[mid]];
		int order = strcmp(name, en->name);

		if (order == 0)
			return en;
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* What is known of the name moves from old, where it was. */
static void begin(struct entry *en, const struct names_wanted *w, struct entry *old,
		  uint64_t now_ms)
{
	if (old) {
		*en = *old;
		en->name = xstrdup(old->name); /* the old one is looked at until all have moved */
		old->addrs = NULL;
		old->n_addrs = old->cap_addrs = 0;
	} else {
		en->name = xstrdup(w->name.s);
		en->interval_s = w->tuning.refresh_s ? w->tuning.refresh_s : LIMIT_DNS_TTL_FLOOR;
		en->ask_ms = now_ms;
	}
	/* The answer after the next one goes by the new tuning; that is not to be long in coming. */
	if (!en->asking && w->tuning.refresh_s)
		en->ask_ms = MIN(en->ask_ms, now_ms + w->tuning.refresh_s * 1000ULL);
	en->tuning = w->tuning;
}

void names_set(struct names *ns, const struct names_wanted *list, size_t n, uint64_t now_ms)
{
	struct entry *old = ns->entries, *next = xcalloc(MAX(n, 1), sizeof(*next));
	size_t n_old = ns->n;

	for (size_t i = 0; i < n; i++)
		begin(&next[i], &list[i], find(ns, list[i].name.s), now_ms);
	free_entries(old, n_old);
	ns->entries = next;
	ns->n = n;
	ns->heap = xrealloc(ns->heap, MAX(n, 1), sizeof(*ns->heap));
	ns->sorted = xrealloc(ns->sorted, MAX(n, 1), sizeof(*ns->sorted));
	for (size_t i = 0; i < n; i++) {
		ns->sorted[i] = (uint32_t)i;
		put(ns, i, (uint32_t)i);
		set_wake(&next[i]);
	}
	qsort_r(ns->sorted, n, sizeof(*ns->sorted), by_name, next);
	for (size_t i = n / 2; i > 0; i--)
		sift_down(ns, i - 1);
}

bool names_find(const struct names *ns, const struct name *name, size_t *out)
{
	const struct entry *en = find(ns, name->s);

	if (en)
		*out = (size_t)(en - ns->entries);
	return en;
}

bool names_pending(const struct names *ns)
{
	for (size_t i = 0; i < ns->n; i++)
		if (!ns->entries[i].success_ms && !ns->entries[i].failures)
			return true;
	return false;
}

/* ---- addresses */

static void tell(const struct names *ns, const struct entry *en, const struct names_address *a,
		 enum names_change_kind kind, struct names_changes *out)
{
	struct names_change c = { .name = (size_t)(en - ns->entries), .address = *a, .kind = kind };

	if (out)
		vec_push(out->items, out->n, out->cap, c);
}

static void drop(struct names *ns, struct entry *en, size_t i, struct names_changes *out)
{
	tell(ns, en, &en->addrs[i], NAMES_REMOVED, out);
	en->addrs[i] = en->addrs[--en->n_addrs];
}

static void expire(struct names *ns, struct entry *en, uint64_t now_ms, struct names_changes *out)
{
	for (size_t i = en->n_addrs; i > 0; i--)
		if (en->addrs[i - 1].until_ms <= now_ms)
			drop(ns, en, i - 1, out);
}

/* The one that would go first, unless that is later than until_ms. */
static bool make_room(struct names *ns, struct entry *en, uint64_t until_ms,
		      struct names_changes *out)
{
	size_t first = 0;

	if (en->n_addrs < en->tuning.addresses)
		return true;
	for (size_t i = 1; i < en->n_addrs; i++)
		if (en->addrs[i].until_ms < en->addrs[first].until_ms)
			first = i;
	if (en->n_addrs == 0 || en->addrs[first].until_ms >= until_ms)
		return false;
	drop(ns, en, first, out);
	return true;
}

static void extend(struct names *ns, struct entry *en, struct names_address *a, uint64_t until_ms,
		   struct names_changes *out)
{
	if (a->until_ms >= until_ms)
		return;
	a->until_ms = until_ms;
	tell(ns, en, a, NAMES_EXTENDED, out);
}

static void learn(struct names *ns, struct entry *en, const struct addr *addr, uint64_t until_ms,
		  struct names_changes *out)
{
	struct names_address a = { *addr, until_ms };

	for (size_t i = 0; i < en->n_addrs; i++) {
		if (addr_eq(&en->addrs[i].addr, addr)) {
			extend(ns, en, &en->addrs[i], until_ms, out);
			return;
		}
	}
	if (!make_room(ns, en, until_ms, out))
		return;
	vec_push(en->addrs, en->n_addrs, en->cap_addrs, a);
	tell(ns, en, &a, NAMES_ADDED, out);
}

/* Nothing was said about the addresses of a family: they stay. */
static void keep(struct names *ns, struct entry *en, int family, uint64_t until_ms,
		 struct names_changes *out)
{
	for (size_t i = 0; i < en->n_addrs; i++)
		if (en->addrs[i].addr.family == family)
			extend(ns, en, &en->addrs[i], until_ms, out);
}

void names_seed(struct names *ns, size_t name, const struct addr *a, uint64_t left_ms,
		uint64_t now_ms)
{
	struct entry *en = &ns->entries[name];

	learn(ns, en, a, now_ms + left_ms, NULL);
	settle(ns, en);
}

const struct names_address *names_addresses(const struct names *ns, size_t name, size_t *n)
{
	*n = ns->entries[name].n_addrs;
	return ns->entries[name].addrs;
}

enum gate_outcome names_outcome(const struct names *ns, size_t name)
{
	const struct entry *en = &ns->entries[name];

	if (!en->success_ms)
		return GATE_NO_ANSWER;
	return en->no_name ? GATE_NO_NAME : GATE_FOUND;
}

/* ---- when */

/* That, and up to the pace's part of it more. */
static uint64_t about(struct names *ns, uint64_t ms)
{
	ns->random ^= ns->random << 13;
	ns->random ^= ns->random >> 17;
	ns->random ^= ns->random << 5;
	return ms + ns->random % (ms * ns->pace.jitter_pct / 100 + 1);
}

static uint64_t backoff_ms(const struct names *ns, const struct entry *en)
{
	uint64_t ms = en->interval_s * 1000ULL, most = ns->pace.backoff_max_s * 1000ULL;

	for (uint32_t i = 1; i < en->failures && ms < most; i++)
		ms *= 2;
	return MIN(ms, most);
}

size_t names_due(struct names *ns, uint64_t now_ms, struct names_question *ask, size_t max,
		 struct names_changes *out)
{
	size_t n = 0;

	while (n < max && ns->n > 0 && ns->entries[ns->heap[0]].wake_ms <= now_ms) {
		struct entry *en = &ns->entries[ns->heap[0]];

		if (!en->asking)
			expire(ns, en, now_ms, out);
		if (en->ask_ms <= now_ms) {
			ask[n++] = (struct names_question){ ns->heap[0], en->tuning.queries };
			en->asking = true;
			en->attempt_ms = now_ms;
			en->ask_ms = now_ms + NAMES_ASKING_MS;
		}
		settle(ns, en);
	}
	return n;
}

uint64_t names_next_ms(const struct names *ns)
{
	return ns->n ? ns->entries[ns->heap[0]].wake_ms : UINT64_MAX;
}

static void failed(struct names *ns, struct entry *en, uint64_t now_ms, struct names_changes *out)
{
	uint64_t until_ms;

	en->failures += en->failures < UINT32_MAX;
	en->ask_ms = now_ms + about(ns, backoff_ms(ns, en));
	until_ms = en->ask_ms + en->tuning.grace_s * 1000ULL;
	keep(ns, en, AF_INET, until_ms, out);
	keep(ns, en, AF_INET6, until_ms, out);
}

static void succeeded(struct names *ns, struct entry *en, const struct gate_resolved *r,
		      uint64_t now_ms, struct names_changes *out)
{
	uint32_t ttl_s = MIN(MAX(r->ttl_s, LIMIT_DNS_TTL_FLOOR), LIMIT_DNS_TTL_CEIL);
	uint64_t until_ms;

	en->failures = 0;
	en->success_ms = now_ms;
	en->no_name = r->outcome == GATE_NO_NAME;
	en->interval_s = en->tuning.refresh_s ? en->tuning.refresh_s : ttl_s;
	en->ask_ms = now_ms + about(ns, en->interval_s * 1000ULL);
	until_ms = MAX(en->ask_ms, now_ms + ttl_s * 1000ULL) + en->tuning.grace_s * 1000ULL;
	for (size_t i = 0; i < MIN(r->n, GATE_ADDRESSES_MAX); i++)
		learn(ns, en, &r->addrs[i], until_ms, out);
	if (r->failed_v4)
		keep(ns, en, AF_INET, until_ms, out);
	if (r->failed_v6)
		keep(ns, en, AF_INET6, until_ms, out);
}

bool names_answer(struct names *ns, const struct gate_resolved *r, uint64_t now_ms,
		  struct names_changes *out)
{
	struct entry *en = find(ns, r->name.s);

	if (!en)
		return false;
	en->asking = false;
	if (r->outcome == GATE_NO_ANSWER)
		failed(ns, en, now_ms, out);
	else
		succeeded(ns, en, r, now_ms, out);
	expire(ns, en, now_ms, out);
	settle(ns, en);
	return true;
}

void names_unanswered(struct names *ns, uint64_t now_ms)
{
	for (size_t i = 0; i < ns->n; i++) {
		struct entry *en = &ns->entries[i];

		if (!en->asking)
			continue;
		en->asking = false;
		en->ask_ms = now_ms;
		settle(ns, en);
	}
}

void names_refresh_all(struct names *ns, uint64_t now_ms)
{
	for (size_t i = 0; i < ns->n; i++) {
		struct entry *en = &ns->entries[i];

		if (en->asking)
			continue;
		en->ask_ms = now_ms;
		settle(ns, en);
	}
}

/* ---- the status */

static json_t *age(uint64_t then_ms, uint64_t now_ms)
{
	return then_ms ? json_integer((json_int_t)((now_ms - then_ms) / 1000)) : json_null();
}

static const char *last_error(const struct entry *en)
{
	if (en->failures)
		return "no upstream resolver gave an answer";
	return en->no_name ? "there is no such name" : NULL;
}

json_t *names_json(const struct names *ns, size_t name, uint64_t now_ms)
{
	const struct entry *en = &ns->entries[name];
	uint64_t left_ms = en->asking || en->ask_ms <= now_ms ? 0 : en->ask_ms - now_ms;
	json_t *addresses = json_array();
	char text[ADDR_STR_MAX];

	for (size_t i = 0; i < en->n_addrs; i++)
		json_array_append_new(addresses, json_string(addr_str(&en->addrs[i].addr, text)));
	return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:s?}", "name", en->name, "addresses",
			 addresses, "last_attempt_age", age(en->attempt_ms, now_ms),
			 "last_success_age", age(en->success_ms, now_ms), "next_refresh_seconds",
			 (json_int_t)((left_ms + 999) / 1000), "failures", (json_int_t)en->failures,
			 "last_error", last_error(en));
}
