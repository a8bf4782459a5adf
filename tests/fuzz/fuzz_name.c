/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host names. There is one canonical form: parsing it again, in other case or with a trailing dot
 * yields the same; nothing that an address parser accepts is a name; IDNA never yields what the
 * wire form refuses.
 */
#include <arpa/inet.h>
#include <assert.h>

#include "net/addr.h"
#include "net/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bytes(const struct name *n)
{
	assert(n->len >= 1 && n->len <= LIMIT_NAME && strlen(n->s) == n->len);
	for (size_t i = 0; i < n->len; i++)
		assert(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", n->s[i]));
}

static void check_same(struct span s, const struct name *want)
{
	struct name n;
	struct err e = { 0 };

	assert(name_parse(s, &n, &e) && name_eq(&n, want));
	assert(name_parse_idna(s, &n, &e) && name_eq(&n, want));
}

static void check_other_spellings(const struct name *n)
{
	char text[LIMIT_NAME + 2];

	for (size_t i = 0; i < n->len; i++)
		text[i] = (char)(n->s[i] >= 'a' && n->s[i] <= 'z' ? n->s[i] - 'a' + 'A' : n->s[i]);
	text[n->len] = '.';
	check_same(name_span(n), n);
	check_same(span_bytes(text, n->len), n);
	check_same(span_bytes(text, n->len + 1U), n);
}

/* Every ending after a dot is a parent, if it is a name at all; no other ending is one. */
static void check_parents(const struct name *n)
{
	for (size_t i = 0; i < n->len; i++) {
		struct name ending;
		struct err e = { 0 };

		if (name_parse(span_from(name_span(n), i), &ending, &e)) {
			assert(name_below(n, &ending) == (i > 0 && n->s[i - 1] == '.'));
			assert(!name_below(&ending, n));
		}
	}
}

static void check(const struct name *n)
{
	struct in_addr in;
	struct addr a;
	struct err e = { 0 };

	check_bytes(n);
	assert(!inet_aton(n->s, &in) && !addr_parse(name_span(n), &a, &e));
	check_other_spellings(n);
	check_parents(n);
	(void)name_is_public_suffix(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_bytes(data, size);
	struct err e = { 0 };
	struct name wire, typed;
	bool good = name_parse(s, &wire, &e);

	assert(good == (e.kind == ERR_NONE));
	if (good)
		check(&wire);
	if (name_parse_idna(s, &typed, &e)) {
		check(&typed);
		assert(!good || name_eq(&wire, &typed));
	} else {
		assert(!good);
	}
	return 0;
}
