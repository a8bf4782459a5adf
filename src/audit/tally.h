/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a run wanted and did not get, counted by destination, for the closing report; and, in audit
 * mode, all that it reached, as a policy.
 */
#ifndef SALLYPORT_AUDIT_TALLY_H
#define SALLYPORT_AUDIT_TALLY_H

#include "audit/event.h"

struct tally;

struct tally *tally_new(void);
void tally_free(struct tally *t);

void tally_add(struct tally *t, const struct event *ev);

/*
 * The block for stderr: what was denied, how often, why, and the flag that would allow it; then
 * what was allowed and could not be reached. Nothing when there is nothing to say. The most
 * frequent come first; beyond a screenful they are counted only.
 */
void tally_report(struct tally *t, struct buf *out);

/*
 * A policy file that allows every destination that was reached, or tried, and no other: YAML, ready
 * to be used. Names that were only asked for are listed as comments, and so is what is missing: past
 * LIMIT_REACHED destinations, or where no rule can name one.
 */
void tally_policy(const struct tally *t, struct buf *out);

#endif
