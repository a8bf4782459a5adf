/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may log in at a proxy: a file of lines "NAME:SECRET". Empty lines and lines that begin with
 * '#' count for nothing; a secret may hold anything that is no control byte, '#' and ':' included.
 */
#ifndef SALLYPORT_DAEMON_USERS_H
#define SALLYPORT_DAEMON_USERS_H

#include "gate/setup.h"

struct user {
	char name[256];
	char token[GATE_TOKEN_MAX]; /* as struct gate_client has it */
};

/* Zeroed: none. */
struct users {
	struct user *items;
	size_t n, cap;
};

void users_done(struct users *u);

/* Reads the file. The error names its line, and never shows what stands there. */
bool users_read(const char *path, struct users *out, struct err *e) _must_use_;

/* NULL when there is none of that name. */
const struct user *users_find(const struct users *u, const char *name);

#endif
