/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the names of a plan are asked for, where a source says so (Dockside's sets and environment). Control
 * makes it from the source and hands it to the enforcer before the plan.
 */
#ifndef SALLYPORT_DAEMON_TUNING_H
#define SALLYPORT_DAEMON_TUNING_H

#include "base/buf.h"
#include "daemon/names.h"

/* Zeroed: the source says nothing, and all is by default. */
struct tunings {
	struct names_wanted *items; /* owned */
	size_t n, cap;
	bool given; /* then these are said: */
	struct names_pace pace;
	struct name_tuning others; /* of names that items has not */
};

void tunings_done(struct tunings *t);

/* Adds one; tunings_sort() comes after the last. */
void tunings_add(struct tunings *t, const struct name *n, const struct name_tuning *how);

/*
 * Of those for the same name one is made, by which each gets what it asked for: the shorter refresh, the longer
 * grace, more queries, more addresses.
 */
void tunings_sort(struct tunings *t);

/* Every name that has one, as many as t->n. The list is the caller's to free(), the names are t's. */
const struct name **tunings_names(const struct tunings *t) _must_use_;

struct name_tuning tunings_find(const struct tunings *t, const struct name *n);
struct names_pace tunings_pace(const struct tunings *t);

bool tunings_same(const struct tunings *a, const struct tunings *b);
struct tunings tunings_copy(const struct tunings *t);

/* The most that tunings_encode() writes. */
#define TUNINGS_BYTES ((LIMIT_POLICY_DESTS + 1) * sizeof(struct names_wanted))

/* Appends it as bytes. */
void tunings_encode(const struct tunings *t, struct buf *out);

/*
 * What tunings_encode() wrote, or what pretends to be it: refused when it is cut or a name is none, and numbers
 * out of range become the nearest that are in it. *out is the caller's.
 */
bool tunings_decode(struct span bytes, struct tunings *out, struct err *e) _must_use_;

#endif
