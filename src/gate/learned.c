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
	size_t next; /* the slot to be overwritten next */
	struct {
		struct name name; /* len 0: free */
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

	if (!en) {
		if (HASH_COUNT(l->entries) >= LIMIT_DNS_CACHE)
			forget(l, l->entries);
		en = xcalloc(1, sizeof(*en));
		en->addr = *a;
		HASH_ADD(hh, l->entries, addr, sizeof(en->addr), en);
	}
	for (size_t i = 0; i < LEARNED_NAMES_MAX; i++) {
		if (name_eq(&en->names[i].name, n)) {
			en->names[i].until_ms = until;
			return;
		}
	}
	en->names[en->next].name = *n;
	en->names[en->next].until_ms = until;
	en->next = (en->next + 1) % LEARNED_NAMES_MAX;
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
