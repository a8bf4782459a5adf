/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The limits of a jail on bytes, both directions of all its connections and datagrams together:
 * `rate`, a token bucket that holds a tenth of a second, and `quota`, a sum that starts anew with
 * every period since the jail began. A zeroed meter limits nothing.
 */
#ifndef SALLYPORT_GATE_METER_H
#define SALLYPORT_GATE_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/plan.h"

struct meter {
	uint64_t rate; /* bytes a second; 0: no limit */
	uint64_t tokens;
	uint64_t refilled_ms;
	uint64_t quota; /* bytes a period; 0: no limit */
	uint64_t used;
	uint64_t period_ms;
	uint64_t period_began_ms;
};

void meter_init(struct meter *m, const struct plan_limits *l, uint64_t now_ms);

/* What was used up under the limits before counts under these, too. */
void meter_carry(struct meter *m, const struct meter *before);

/* How many of `want` bytes may pass now. 0: none for the moment, or the quota is used up. */
size_t meter_room(struct meter *m, uint64_t now_ms, size_t want);

/* That many have passed. */
void meter_count(struct meter *m, size_t n);

/* The quota is used up until its period ends. */
bool meter_exhausted(struct meter *m, uint64_t now_ms);

#endif
