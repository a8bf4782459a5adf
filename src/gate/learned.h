/* SPDX-License-Identifier: GPL-2.0-or-later */
/* With dns: real, which names an address was given as an answer for, and until when. */
#ifndef SALLYPORT_GATE_LEARNED_H
#define SALLYPORT_GATE_LEARNED_H

#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/name.h"

struct learned;

/* Names kept for one address, the latest. */
#define LEARNED_NAMES_MAX 16

struct learned *learned_new(void);
void learned_free(struct learned *l);

void learned_add(struct learned *l, const struct addr *a, const struct name *n, uint32_t ttl_s);

/* Copies the names that are not past their TTL and LIMIT_DNS_GRACE_S to out; how many. */
size_t learned_names(struct learned *l, const struct addr *a,
		     struct name out[static LEARNED_NAMES_MAX]);

#endif
