/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads fixed-width fields, network byte order, from a run of bytes. The error is sticky: a read
 * past the end yields zeros and makes cur_ok() false for good, so that a reader takes field after
 * field and asks once.
 */
#ifndef SALLYPORT_BASE_CURSOR_H
#define SALLYPORT_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct cursor {
	const uint8_t *p; /* borrowed */
	size_t n;	  /* bytes in all */
	size_t at;	  /* bytes read, at <= n */
	bool failed;
};

static inline struct cursor cursor(const void *p, size_t n)
{
	return (struct cursor){ .p = p, .n = n };
}

static inline bool cur_ok(const struct cursor *c)
{
	return !c->failed;
}

static inline size_t cur_left(const struct cursor *c)
{
	return c->failed ? 0 : c->n - c->at;
}

/* Takes n bytes; an empty span once the cursor has failed. */
static inline struct span cur_take(struct cursor *c, size_t n)
{
	struct span s;

	if (c->failed || n > c->n - c->at) {
		c->failed = true;
		return (struct span){ "", 0 };
	}
	s = span_bytes(c->p + c->at, n);
	c->at += n;
	return s;
}

static inline void cur_skip(struct cursor *c, size_t n)
{
	(void)cur_take(c, n);
}

static inline uint32_t cur_be(struct cursor *c, size_t width)
{
	struct span s = cur_take(c, width);
	uint32_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = (v << 8) | (uint8_t)s.p[i];
	return v;
}

static inline uint8_t cur_u8(struct cursor *c)
{
	return (uint8_t)cur_be(c, 1);
}

static inline uint16_t cur_u16(struct cursor *c)
{
	return (uint16_t)cur_be(c, 2);
}

static inline uint32_t cur_u24(struct cursor *c)
{
	return cur_be(c, 3);
}

static inline uint32_t cur_u32(struct cursor *c)
{
	return cur_be(c, 4);
}

/* A cursor over the next n bytes, which this one passes. Failed when there are fewer. */
static inline struct cursor cur_sub(struct cursor *c, size_t n)
{
	struct span s = cur_take(c, n);
	struct cursor sub = cursor(s.p, s.n);

	sub.failed = c->failed;
	return sub;
}

#endif
