/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question on its way to the upstream resolvers: tries, time-outs, and the turn to TCP. */
#ifndef SALLYPORT_GATE_UPSTREAM_H
#define SALLYPORT_GATE_UPSTREAM_H

#include "gate/resolver.h"

struct upstream_query;

struct upstream_question {
	struct name name;
	uint16_t qtype;
	const struct gate_upstream *upstreams; /* borrowed until it is answered; at least one */
	size_t n_upstreams;
};

/*
 * Calls fn exactly once, later, unless it is cancelled: with the answer, or rcode SERVFAIL when no
 * upstream gave one. The query is gone when fn is called. ttl_s is the records' own.
 */
struct upstream_query *upstream_ask(uv_loop_t *loop, const struct upstream_question *q,
				    resolver_fn *fn, void *ctx);

/* NULL is fine. */
void upstream_cancel(struct upstream_query *q);

#endif
