/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The golden files of what a policy's networks become: tests/golden-network/CASE/policy.yaml,
 * ruleset.nft as compiled, names.txt where names are to be resolved, and ruleset.kernel as the kernel
 * lists it.
 */
#ifndef SALLYPORT_TESTS_UNIT_NETWORK_CASES_H
#define SALLYPORT_TESTS_UNIT_NETWORK_CASES_H

#include "compile/network.h"
#include "golden_cases.h"

#define NETWORK_CASES "tests/golden-network"

static inline struct addr network_case_address(void *ctx, const struct name *n, int family)
{
	static const uint8_t db[] = { 203, 0, 113, 50 };

	(void)ctx;
	return family == AF_INET && span_eq(name_span(n), SPAN_LIT("db.example")) ?
		       addr_from_v4(db) :
		       (struct addr){ 0 };
}

/* The case "dns" has a gate that answers DNS. */
static inline struct network_options network_case_options(const char *dir)
{
	return (struct network_options){
		.dns_port = strstr(dir, "/dns") ? 10053 : 0,
		.address = network_case_address,
	};
}

static inline struct plan *network_case_plan(const char *dir)
{
	_cleanup_(freep) char *path = xasprintf("%s/policy.yaml", dir);

	return golden_plan(path);
}

/* The text into out, which is initialised here, and the map into *map. */
static inline void network_case_compile(const char *dir, const struct network_options *o,
					struct buf *out, struct network_map *map)
{
	_cleanup_(plan_freep) struct plan *plan = network_case_plan(dir);
	_cleanup_(ruleset_freep) struct ruleset *r = NULL;
	struct err e = { 0 };

	t_good(compile_networks(plan, o, NULL, &r, map, &e), e);
	buf_init(out, GOLDEN_TEXT_MAX);
	ruleset_text(r, out);
	t_ok(buf_ok(out));
}

#endif
