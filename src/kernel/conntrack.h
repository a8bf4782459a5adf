/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flows that the kernel tracks: read, and ended where they are no longer allowed. */
#ifndef SALLYPORT_KERNEL_CONNTRACK_H
#define SALLYPORT_KERNEL_CONNTRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/addr.h"

struct conntrack;

/* One flow, as its first packet was: before and after a translation of the destination. */
struct conntrack_flow {
	int proto;
	int icmp_type; /* -1 unless ICMP */
	struct addr src;
	struct addr dst;      /* as the sender wrote it */
	struct addr real_dst; /* where it goes (the source of the replies) */
	uint16_t dport, real_dport;
	bool dnat;
};

bool conntrack_open(struct conntrack **out, struct err *e) _must_use_;
void conntrack_close(struct conntrack *c);

/* The flow may go on. Called for every entry; must not call back. */
typedef bool conntrack_keep_fn(void *ctx, const struct conntrack_flow *f);

/*
 * A sweep asks keep() about every flow of both families and deletes those that are refused; in slices, for a
 * table of any size: begin, and then some, each for about ms milliseconds, until *more is false. *ended: how
 * many were deleted since it was begun. A sweep that is under way is given up by another's beginning. Flows
 * that begin meanwhile may be passed over. An interrupted dump is read again (NLM_F_DUMP_INTR), a bounded
 * number of times. What fails ends the sweep.
 */
bool conntrack_sweep_begin(struct conntrack *c, conntrack_keep_fn *keep, void *ctx, struct err *e)
	_must_use_;
bool conntrack_sweep_some(struct conntrack *c, unsigned ms, bool *more, uint64_t *ended,
			  struct err *e) _must_use_;

#endif
