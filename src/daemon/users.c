/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/users.h"

#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/fd.h"

/* RFC 1929 2: a length of one byte. */
#define PART_MAX 255

void users_done(struct users *u)
{
	if (u->items)
		explicit_bzero(u->items, u->cap * sizeof(*u->items));
	free(u->items);
	*u = (struct users){ 0 };
}

const struct user *users_find(const struct users *u, const char *name)
{
	for (size_t i = 0; i < u->n; i++)
		if (strcmp(u->items[i].name, name) == 0)
			return &u->items[i];
	return NULL;
}

static bool part_ok(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return s.n > 0 && s.n <= PART_MAX;
}

static bool read_user(const struct users *u, struct span line, struct user *out, struct err *e)
{
	ptrdiff_t colon = span_find(line, ':');
	struct span name, secret;
	struct buf token;

	*out = (struct user){ 0 };
	if (colon < 0)
		return err_set(e, ERR_INVALID, "expected NAME:SECRET");
	name = span_first(line, (size_t)colon);
	secret = span_from(line, (size_t)colon + 1);
	if (!part_ok(name) || !part_ok(secret))
		return err_set(e, ERR_INVALID,
			       "expected NAME:SECRET, each of 1 to %d bytes, without control bytes",
			       PART_MAX);
	memcpy(out->name, name.p, name.n);
	if (users_find(u, out->name))
		return err_set(e, ERR_INVALID, "a second secret for the same name");
	buf_init(&token, sizeof(out->token));
	base64_encode(line, &token);
	memcpy(out->token, token.p, token.n);
	explicit_bzero(token.p, token.n);
	buf_done(&token);
	return true;
}

static bool read_lines(struct span rest, struct users *out, struct err *e)
{
	struct span line;
	struct user user;

	for (unsigned n = 1; span_next(&rest, '\n', &line); n++) {
		if (span_ends(line, SPAN_LIT("\r")))
			line.n--;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (out->n == LIMIT_SUBJECTS)
			return err_set(e, ERR_LIMIT, "line %u: more than %d users", n,
				       LIMIT_SUBJECTS);
		if (!read_user(out, line, &user, e))
			return err_wrap(e, "line %u", n);
		vec_push(out->items, out->n, out->cap, user);
	}
	explicit_bzero(&user, sizeof(user));
	return true;
}

bool users_read(const char *path, struct users *out, struct err *e)
{
	struct users u = { 0 };
	char *text = NULL;
	size_t n;
	bool ok;

	if (!fd_read_file(path, LIMIT_USERS_BYTES, &text, &n, e))
		return false;
	ok = read_lines((struct span){ text, n }, &u, e);
	explicit_bzero(text, n);
	free(text);
	if (!ok) {
		users_done(&u);
		return err_wrap(e, "%s", path);
	}
	*out = u;
	return true;
}
