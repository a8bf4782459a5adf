/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All addresses of a name, of both families. */
#ifndef SALLYPORT_GATE_LOOKUP_H
#define SALLYPORT_GATE_LOOKUP_H

#include "gate/resolver.h"

struct lookup;

#define LOOKUP_MAX (2 * LIMIT_DNS_ADDRESSES)

struct lookup_result {
	struct addr addrs[LOOKUP_MAX]; /* the families in turn, IPv6 first: RFC 8305 4 */
	size_t n;
	bool failed_v6, failed_v4; /* for this family no upstream gave an answer */
	bool no_name;		   /* an upstream says that there is no such name */
	uint32_t ttl_s; /* how long this holds: of what has addresses, or of their absence */
};

typedef void lookup_fn(void *ctx, const struct lookup_result *r);

/*
 * Calls fn once: before this returns when all is known, and then *slot is NULL; else later, unless
 * it is cancelled. *slot holds the lookup while it is under way and is cleared before fn is called.
 */
void lookup_start(struct lookup **slot, struct resolver *r, const struct name *n, lookup_fn *fn,
		  void *ctx);

void lookup_cancel(struct lookup **slot);

#endif
