/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What allowlist.c (reading) asks of allowlist_refuse.c (what cannot be read). */
#ifndef SALLYPORT_POLICY_ALLOWLIST_IMPL_H
#define SALLYPORT_POLICY_ALLOWLIST_IMPL_H

#include "policy/allowlist.h"

/* The line begins as if it were to take something away, or with a word that a list has no use
 * for: an error that says so. */
bool allow_check_word(struct span line, struct err *e) _must_use_;

/* After dest_parse() refused the line: a better error where the line is a pattern, otherwise *e
 * stays as it is. Always returns false. */
bool allow_refuse(struct span line, struct err *e);

#endif
