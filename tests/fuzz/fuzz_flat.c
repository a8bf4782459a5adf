/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans as bytes: what is read as one is written, and then read as the same. */
#include <assert.h>

#include "base/limits.h"
#include "policy/bridge.h"
#include "policy/flat.h"
#include "policy/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What whoever works by the plan relies on. */
static void check_subjects(const struct plan *p)
{
	for (size_t i = 0; i < p->n_subjects; i++) {
		const struct plan_subject *s = &p->subjects[i];

		assert(s->kind < SUBJECT_KIND_COUNT && s->id);
		assert(plan_policy_number(p, s->policy) < p->n_policies);
		if (s->kind != SUBJECT_NETWORK)
			continue;
		assert(s->id[0] && bridge_name_valid(span_of(s->network.bridge)));
		assert(network_addresses_ok(&s->network));
	}
}

/* The bytes that the plan is written as; false: there is none. */
static bool rewrite(struct span bytes, struct buf *out)
{
	_cleanup_(plan_freep) struct plan *p = NULL, *again = NULL;
	struct err e = { 0 };

	if (!plan_decode(bytes, NULL, &p, &e)) {
		assert(e.kind == ERR_INVALID && e.msg[0] && !p);
		return false;
	}
	check_subjects(p);
	assert(plan_decode(bytes, p, &again, &e) && plan_same(p, again));
	/* Written from what was read, not from the bytes that were kept of it. */
	for (size_t i = 0; i < p->n_policies; i++)
		p->policies[i]->flat.n = 0;
	plan_encode(p, out);
	assert(buf_ok(out));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once, twice;

	buf_init(&once, LIMIT_PLAN_FLAT);
	buf_init(&twice, LIMIT_PLAN_FLAT);
	if (rewrite(span_bytes(data, size), &once)) {
		assert(once.n <= size); /* a text that is the same again is written once */
		assert(rewrite(buf_view(&once), &twice));
		assert(span_eq(buf_view(&once), buf_view(&twice)));
	}
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
