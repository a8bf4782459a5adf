/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A growing byte buffer that knows its ceiling. Appending past the ceiling fails for good: the
 * buffer keeps what it had, buf_ok() is false, and further appends do nothing. So a writer appends
 * field after field and asks once.
 */
#ifndef SALLYPORT_BASE_BUF_H
#define SALLYPORT_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/span.h"

struct buf {
	char *p; /* owned; terminated by a NUL that n does not count; NULL while empty */
	size_t n;
	size_t cap;
	size_t max;
	bool overflow;
};

/* max: the ceiling in bytes, at least 1. */
void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);

/* Empties it and keeps the memory. */
void buf_clear(struct buf *b);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_span(struct buf *b, struct span s);
void buf_char(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...) _printf_(2, 3);
void buf_vfmt(struct buf *b, const char *fmt, va_list ap) _printf_(2, 0);

/* Network byte order. */
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);

/* Overwrite two bytes written earlier, at < n - 1, or four, at < n - 3. */
void buf_put_u16(struct buf *b, size_t at, uint16_t v);
void buf_put_u32(struct buf *b, size_t at, uint32_t v);

/* Drops the first n bytes, n <= b->n. */
void buf_drop(struct buf *b, size_t n);

static inline bool buf_ok(const struct buf *b)
{
	return !b->overflow;
}

static inline struct span buf_view(const struct buf *b)
{
	return (struct span){ b->p ? b->p : "", b->n };
}

/* The text as a C string; never NULL. */
static inline const char *buf_cstr(const struct buf *b)
{
	return b->p ? b->p : "";
}

/* buf_extend(): makes room where there is too little. */
bool buf_grow(struct buf *b, size_t n);

/* Appends n bytes for the caller to write, which are good until the next append; NULL: there is no room. */
static inline uint8_t *buf_extend(struct buf *b, size_t n)
{
	uint8_t *p;

	if ((b->overflow || n >= b->cap - b->n) && !buf_grow(b, n))
		return NULL;
	p = (uint8_t *)b->p + b->n;
	b->n += n;
	b->p[b->n] = '\0';
	return p;
}

/* Hands the bytes out; the caller frees them. Never NULL. The buffer is empty afterwards. */
char *buf_take(struct buf *b) _must_use_;

#endif
