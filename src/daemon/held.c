/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A transaction is not one moment. Rules and the elements of hash sets are another in the instant that begins a
 * generation; sets of intervals only at its end, one after the other (nf_tables_commit() in
 * net/netfilter/nf_tables_api.c). In between a new rule asks a set for what the old one had it for, and
 * elements of names are changed before and after it. So a network whose rules change lets nothing
 * begin meanwhile: a packet that is lost is sent again.
 */
#include <string.h>

#include "daemon/changes.h"
#include "daemon/enforcer.h"

/* It opens again by itself, should nobody be there to do it. */
#define HELD_MS 10000

static struct rs_set *set_of(const struct inforce *p)
{
	return rs_set_find(&p->rules->tables[RS_INET], NETWORK_SET_HELD);
}

static void key_of(const struct inforce *p, size_t i, uint8_t key[static RULESET_KEY_MAX])
{
	const char *bridge = p->plan->subjects[p->map.ports[i].subject].network.bridge;

	memset(key, 0, RULESET_KEY_MAX);
	memcpy(key, bridge, strlen(bridge));
}

/* `was` has the network, too, and it is the same there. */
static bool stays(const struct inforce *was, const struct network_part *part)
{
	for (size_t i = 0; was && i < was->map.n_ports; i++)
		if (was->map.parts[i] == part)
			return true;
	return false;
}

static bool change(struct enforcer *f, const struct inforce *p, const struct inforce *was,
		   bool hold, struct err *e)
{
	struct changes all = { 0 };
	bool ok;

	for (size_t i = 0; i < p->map.n_ports; i++) {
		uint8_t key[RULESET_KEY_MAX];

		if (stays(was, p->map.parts[i]))
			continue;
		key_of(p, i, key);
		changes_add(&all, hold, RS_INET, set_of(p), key, NULL, "")->timeout_ms = HELD_MS;
	}
	ok = all.n == 0 || tables_change(f->tables, all.items, all.n, e);
	changes_done(&all);
	return ok;
}

bool held_begin(struct enforcer *f, const struct inforce *was, const struct inforce *next,
		struct err *e)
{
	return change(f, next, was, true, e);
}

bool held_end(struct enforcer *f, const struct inforce *was, const struct inforce *next,
	      struct err *e)
{
	return change(f, next, was, false, e);
}

void held_fill(const struct inforce *p)
{
	for (size_t i = 0; i < p->map.n_ports; i++) {
		uint8_t key[RULESET_KEY_MAX];

		key_of(p, i, key);
		rs_element_add(set_of(p), key, NULL, NULL)->timeout_ms = HELD_MS;
	}
}
