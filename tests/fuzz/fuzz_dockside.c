/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dockside's two files, with a NUL between them: what is read can be changed, and what came out of a
 * change is read as what was meant.
 */
#include <assert.h>
#include <string.h>

#include "policy/dockside.h"
#include "policy/flat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plan(const struct dockside *d)
{
	_cleanup_(plan_freep) struct plan *back = NULL;
	struct err e = { 0 };
	struct buf bytes;

	buf_init(&bytes, LIMIT_PLAN_FLAT);
	plan_encode(d->plan, &bytes);
	assert(buf_ok(&bytes));
	assert(plan_decode(buf_view(&bytes), NULL, &back, &e));
	assert(back->n_subjects == d->plan->n_subjects && back->n_policies == d->plan->n_policies);
	buf_done(&bytes);
}

/* Every set and network can go, one after the other, unless something refers to it. */
static void remove_all(const struct dockside *d)
{
	struct err e = { 0 };

	for (size_t i = 0; i < d->n_networks; i++) {
		_cleanup_(dockside_freep) struct dockside *next = NULL;

		assert(dockside_remove_network(d, d->networks[i].name, &next, &e));
		assert(next->n_networks + 1 == d->n_networks && next->n_ipsets == d->n_ipsets);
		assert(!dockside_network_find(next, d->networks[i].name));
	}
	for (size_t i = 0; i < d->n_ipsets; i++) {
		_cleanup_(dockside_freep) struct dockside *next = NULL;

		if (dockside_remove_ipset(d, d->ipsets[i].name, &next, &e))
			assert(next->n_ipsets + 1 == d->n_ipsets);
	}
}

static void add_some(const struct dockside *d)
{
	_cleanup_(dockside_freep) struct dockside *next = NULL, *again = NULL;
	json_t *hosts = json_pack("[s]", "a.example");
	json_t *network = json_pack("{s:s}", "dockside_mac", "02:00:00:00:00:02");
	struct err e = { 0 };

	assert(dockside_set_ipset(d, "added", hosts, NULL, &next, &e));
	assert(dockside_ipset_find(next, "added")->n == 1);
	for (size_t i = 0; i < d->n_networks && i < 2; i++) {
		if (dockside_set_network(next, d->networks[i].name, network, NULL, &again, &e))
			assert(dockside_network_find(again, d->networks[i].name)->managed);
		dockside_freep(&again);
	}
	json_decref(hosts);
	json_decref(network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dockside_env env = DOCKSIDE_ENV_DEFAULT;
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t n = nul ? (size_t)(nul - data) : size;
	struct span rest = nul ? span_bytes(nul + 1, size - n - 1) : SPAN_LIT("{}");
	_cleanup_(dockside_freep) struct dockside *d = NULL;
	struct err e = { 0 };

	if (!dockside_read("n.json", span_bytes(data, n), "f.json", rest, &env, &d, &e)) {
		assert(e.kind != ERR_NONE && e.msg[0] && !d);
		return 0;
	}
	check_plan(d);
	remove_all(d);
	add_some(d);
	return 0;
}
