/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan as one run of bytes, for a process that is to work by it and may read no files. What
 * a reader of the file is warned of is left out.
 */
#ifndef SALLYPORT_POLICY_FLAT_H
#define SALLYPORT_POLICY_FLAT_H

#include "policy/plan.h"

/* Appends the plan; a ceiling of LIMIT_PLAN_FLAT holds every plan. */
void plan_encode(const struct plan *p, struct buf *out);

/*
 * The plan that plan_encode() wrote: all of bytes. A policy whose bytes are those of one that `was` (or NULL) was
 * read from is not read again: it is the same object, by reference. *out is the caller's, for plan_free(). Refused is
 * what is cut, goes on behind its end, or has a number out of range; it need not have been written
 * by plan_encode() to be safe to read.
 */
bool plan_decode(struct span bytes, const struct plan *was, struct plan **out, struct err *e)
	_must_use_;

#endif
