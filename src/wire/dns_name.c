/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/dns_name.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"

#define POINTER 0xc0U /* the two upper bits of a length; 01 and 10 are not in use */

/* Takes one label, its length first, which may be the root's. */
static bool take_label(struct cursor *c, uint8_t len, struct dns_name *out)
{
	struct span label = cur_take(c, len);

	if (!cur_ok(c) || out->len + 1 + len > sizeof(out->b))
		return false;
	out->b[out->len++] = len;
	memcpy(out->b + out->len, label.p, label.n);
	out->len += label.n;
	return true;
}

/*
 * Every round takes a label, of which 255 bytes hold at most 128, or follows a pointer. `floor` is
 * where the part being read began: each pointer has to lead in front of it, and what is read there
 * has to end in front of it.
 */
static bool read_name(struct cursor *c, struct dns_name *out)
{
	struct cursor at = *c;
	size_t floor = c->at;
	unsigned jumps = 0;

	out->len = 0;
	for (;;) {
		uint8_t len = cur_u8(&at);
		size_t target;

		if (!(len & POINTER)) {
			if (!take_label(&at, len, out))
				return false;
			if (jumps == 0)
				c->at = at.at;
			if (len == 0)
				return true;
			continue;
		}
		target = (size_t)(len & ~POINTER) << 8 | cur_u8(&at);
		if ((len & POINTER) != POINTER || !cur_ok(&at))
			return false;
		if (target < DNS_HEADER || target >= floor || jumps == LIMIT_DNS_JUMPS)
			return false;
		if (jumps++ == 0)
			c->at = at.at;
		at.n = floor;
		at.at = floor = target;
	}
}

bool dns_name_read(struct cursor *c, struct dns_name *out)
{
	if (!cur_ok(c) || !read_name(c, out)) {
		c->failed = true;
		return false;
	}
	return true;
}

static uint8_t upper_if(bool upper, char ch)
{
	return (uint8_t)(upper ? ch - ('a' - 'A') : ch);
}

void dns_name_from_text(const struct name *n, uint32_t case_seed, struct dns_name *out)
{
	size_t length_at = 0;
	unsigned letter = 0;

	out->len = 1;
	for (size_t i = 0; i < n->len; i++) {
		char ch = n->s[i];

		if (ch == '.') {
			out->b[length_at] = (uint8_t)(out->len - length_at - 1);
			length_at = out->len;
		}
		if (ch >= 'a' && ch <= 'z')
			out->b[out->len++] = upper_if(case_seed >> letter++ % 32 & 1, ch);
		else
			out->b[out->len++] = (uint8_t)ch;
	}
	out->b[length_at] = (uint8_t)(out->len - length_at - 1);
	out->b[out->len++] = 0;
}

bool dns_name_to_text(const struct dns_name *n, struct name *out)
{
	char text[DNS_NAME_MAX];
	size_t used = 0;
	struct err e;

	for (size_t at = 0; n->b[at] != 0; at += 1U + n->b[at]) {
		const uint8_t *label = n->b + at + 1;

		if (memchr(label, '.', n->b[at]))
			return false;
		if (used)
			text[used++] = '.';
		memcpy(text + used, label, n->b[at]);
		used += n->b[at];
	}
	return name_parse((struct span){ text, used }, out, &e);
}

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
	/* Lengths are below 64 and letters above: folding the case leaves the lengths alone. */
	return span_eq_nocase(span_bytes(a->b, a->len), span_bytes(b->b, b->len));
}

bool dns_name_within(const struct dns_name *n, const struct dns_name *zone)
{
	for (size_t at = 0; at < n->len; at += 1U + n->b[at])
		if (n->len - at == zone->len)
			return span_eq_nocase(span_bytes(n->b + at, zone->len),
					      span_bytes(zone->b, zone->len));
	return false;
}
