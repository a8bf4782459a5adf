/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/learned.h"

#include <string.h>

#include <uthash.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"

struct entry {
	UT_hash_handle hh;
	struct addr addr;
	uint64_t turns; /* how often a name was learned for it */
	struct {
		struct name name; /* len 0: free */
		uint64_t turn;	  /* when last, in turns */
		uint64_t until_ms;
	} names[LEARNED_NAMES_MAX];
};

struct learned {
	struct entry *entries; /* oldest first */
};

struct learned *learned_new(void)
{
	return xcalloc(1, sizeof(struct learned));
}

static void forget(struct learned *l, struct entry *en)
{
	HASH_DEL(l->entries, en);
	free(en);
}

void learned_free(struct learned *l)
{
	if (!l)
		return;
	while (l->entries)
		forget(l, l->entries);
	free(l);
}

static struct entry *find(const struct learned *l, const struct addr *a)
{
	struct entry *en;

	HASH_FIND(hh, l->entries, a, sizeof(*a), en);
	return en;
}

void learned_add(struct learned *l, const struct addr *a, const struct name *n, uint32_t ttl_s)
{
	uint64_t until = clock_ms() + (ttl_s + (uint64_t)LIMIT_DNS_GRACE_S) * 1000;
	struct entry *en = find(l, a);
	size_t at = 0;

	if (!en) {
		if (HASH_COUNT(l->entries) >= LIMIT_DNS_CACHE)
			forget(l, l->entries);
		en = xcalloc(1, sizeof(*en));
		en->addr = *a;
		HASH_ADD(hh, l->entries, addr, sizeof(en->addr), en);
	}
	/* Its own place, or that of the name that was learned longest ago. */
	for (size_t i = 0; i < LEARNED_NAMES_MAX; i++) {
		if (name_eq(&en->names[i].name, n)) {
			at = i;
			break;
		}
		if (en->names[i].turn < en->names[at].turn)
			at = i;
	}
	name_copy(&en->names[at].name, n);
	en->names[at].turn = ++en->turns;
	en->names[at].until_ms = until;
}

size_t learned_names(struct learned *l, const struct addr *a,
		     struct name out[static LEARNED_NAMES_MAX])
{
	struct entry *en = find(l, a);
	uint64_t now = clock_ms();
	size_t n = 0;

	for (size_t i = 0; en && i < LEARNED_NAMES_MAX; i++)
		if (en->names[i].name.len && now < en->names[i].until_ms)
			out[n++] = en->names[i].name;
	return n;
}
