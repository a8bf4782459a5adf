/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing list of changes to what is in the sets. */
#ifndef SALLYPORT_DAEMON_CHANGES_H
#define SALLYPORT_DAEMON_CHANGES_H

#include "kernel/tables.h"

struct changes {
	struct tables_change *items; /* for tables_change() */
	size_t n, cap;
	struct arena arena; /* what they point to */
};

/* Appends one of the set of that family; key, end (NULL: the key) and comment are copied. The pointer is good until the next. */
struct rs_element *changes_add(struct changes *c, bool add, enum rs_family family,
			       struct rs_set *set, const uint8_t *key, const uint8_t *end,
			       const char *comment);

/* None are left, but their memory, for the next ones. */
void changes_clear(struct changes *c);

void changes_done(struct changes *c);

#endif
