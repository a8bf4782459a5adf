/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors are values on the caller's stack: a kind, a place in a text when there is one, and one
 * finished sentence for a person. A function that can fail takes `struct err *e` last, returns
 * false on failure and touches *e only then. Every setter returns false, so that a failure is
 * written and returned in one statement:
 *
 *	return err_set(e, ERR_INVALID, "port %u is out of range 1-65535", port);
 */
#ifndef SALLYPORT_BASE_ERR_H
#define SALLYPORT_BASE_ERR_H

#include <stdbool.h>

#include "base/macros.h"

enum err_kind {
	ERR_NONE = 0,
	ERR_INVALID,	 /* what was read does not fit the grammar */
	ERR_LIMIT,	 /* a limit of limits.h was reached */
	ERR_SYSTEM,	 /* a system call failed */
	ERR_UNSUPPORTED, /* this machine or this kernel cannot do it */
	ERR_DENIED,	 /* the system forbids it to this user */
	ERR_KIND_COUNT
};

/* A place in a text. Line and column count from 1; line 0 means "no place". Columns are bytes. */
struct pos {
	unsigned line;
	unsigned column;
};

struct err {
	enum err_kind kind;
	struct pos at;
	char msg[512];
};

/* Writes the kind and the message. Always returns false. */
bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...) _printf_(3, 4);

/* The same, at a place of the text being read. Always returns false. */
bool err_set_at(struct err *e, enum err_kind kind, struct pos at, const char *fmt, ...)
	_printf_(4, 5);

/* ERR_SYSTEM, or ERR_DENIED for EPERM and EACCES; ": " and the text of errnum (positive) are
 * appended. Always returns false. */
bool err_sys(struct err *e, int errnum, const char *fmt, ...) _printf_(3, 4);

/* Prefixes the message with context and ": ", keeping kind and place. Always returns false. */
bool err_wrap(struct err *e, const char *fmt, ...) _printf_(2, 3);

#endif
