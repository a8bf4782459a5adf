/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon's: which addresses of each name the kernel lets pass, by the supervisor's word. */
#ifndef SALLYPORT_GATE_INSTALLED_H
#define SALLYPORT_GATE_INSTALLED_H

#include "gate/gate.h"

struct installed;

struct installed_address {
	struct addr addr;
	uint64_t until_ms; /* clock_ms() */
};

struct installed_name {
	enum gate_outcome outcome;
	size_t n;
	struct installed_address addrs[];
};

struct installed *installed_new(void);

/* NULL is fine. */
void installed_free(struct installed *all);

/* In the place of what was said about the name before. */
void installed_put(struct installed *all, const struct gate_installed *order);

/* NULL: nothing is known about it. Until the next installed_put(). */
const struct installed_name *installed_find(const struct installed *all, const struct name *n);

#endif
