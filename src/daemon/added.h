/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules that `allow` and `deny` have added and not saved, in the order in which they were. */
#ifndef SALLYPORT_DAEMON_ADDED_H
#define SALLYPORT_DAEMON_ADDED_H

#include "policy/plan.h"

/* The most that can be added: each is a rule in front of every policy. */
#define ADDED_MAX 1000

struct added {
	enum rule_action action;
	const char *dest;    /* owned where it stands in a list */
	const char *network; /* likewise; NULL: every network */
	uint64_t until_ms;   /* clock_ms(); 0: for good */
};

/* Zeroed: none. */
struct added_list {
	struct added *items;
	size_t n, cap;
};

/* Behind all others; the same rule, for whatever time, is it anew. Fails where there are ADDED_MAX. */
bool added_put(struct added_list *l, const struct added *a, struct err *e) _must_use_;

/* Appends those that still hold to *out, which has none. */
void added_carry(const struct added_list *from, uint64_t now_ms, struct added_list *out);

void added_done(struct added_list *l);

#endif
