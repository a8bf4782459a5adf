/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allow-list files: what may be reached, one destination a line in the one grammar (net/dest.h),
 * `#` comments at the start of a line or behind a blank, blank lines. Several files are merged into
 * one list, in the order in which they are read; a destination that is there already folds into
 * the first place that has it. A list only adds: nothing in it can deny, and the rules that are
 * made of it stand behind those of the policy (policy/load.h).
 *
 * An error begins with "FILE:LINE:COLUMN: ", or with "FILE: " where the file as a whole is meant.
 * What the filter file of a proxy holds instead, a pattern, is refused with the destination that
 * was probably meant.
 */
#ifndef SALLYPORT_POLICY_ALLOWLIST_H
#define SALLYPORT_POLICY_ALLOWLIST_H

#include "base/err.h"
#include "base/span.h"
#include "net/dest.h"

struct allow_entry {
	struct dest dest; /* may be DEST_GROUP */
	const char *text; /* of dest, which reads back as it */
	const char *file; /* where it stands */
	struct pos at;
	const char *comment; /* of the same line, or NULL */
};

struct allowlist {
	struct arena arena;	   /* has what the entries point to */
	struct allow_entry *items; /* of which no two have the same text */
	size_t n, cap;
	struct allow_seen *seen; /* the texts */
};

/*
 * Appends the file at path, of at most LIMIT_POLICY_BYTES. Where an optional one does not exist,
 * *absent is true and nothing was added. After a failure l is good for allowlist_done() alone.
 */
bool allowlist_read(struct allowlist *l, const char *path, bool optional, bool *absent,
		    struct err *e) _must_use_;

/* The same from text; `file` is for messages and entries. */
bool allowlist_read_text(struct allowlist *l, const char *file, struct span text, struct err *e)
	_must_use_;

/* Appends one destination, unless it is there. The file, place and comment are those of `from`, whose
 * file's name has to outlive this list. */
void allowlist_add(struct allowlist *l, const struct dest *d, const struct allow_entry *from);

void allowlist_done(struct allowlist *l);

/* The list as a file that reads back the same, with "# from FILE" where another file begins. */
void allowlist_str(const struct allowlist *l, struct buf *out);

/*
 * The entry as a line of a tinyproxy filter (FilterType ere): a regular expression, anchored at
 * both ends, of letters, digits and ^$\.+:_- alone. Such a filter compares the host and nothing
 * else: *any_port is true where the entry names ports other than 80 and 443. What it would let
 * more through than the entry does is an error: another protocol than TCP, a prefix, `*`, `any`.
 */
bool allow_entry_filter(const struct allow_entry *en, struct buf *out, bool *any_port,
			struct err *e) _must_use_;

#endif
