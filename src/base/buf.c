/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->overflow = false;
	if (b->p)
		b->p[0] = '\0';
}

/* Makes room for n more bytes and the NUL, or marks the overflow. */
bool buf_grow(struct buf *b, size_t n)
{
	size_t need, cap;

	if (b->overflow || n > b->max || b->n > b->max - n) {
		b->overflow = true;
		return false;
	}
	need = b->n + n + 1;
	if (need <= b->cap)
		return true;
	cap = b->cap ? b->cap : 64;
	while (cap < need)
		cap *= 2;
	/* buf_extend() asks for no more than this. */
	cap = MIN(cap - 1, b->max) + 1;
	b->p = xrealloc(b->p, cap, 1);
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	uint8_t *to = n ? buf_extend(b, n) : NULL;

	if (to)
		memcpy(to, p, n);
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_span(struct buf *b, struct span s)
{
	buf_add(b, s.p, s.n);
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_vfmt(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n <= 0 || !buf_grow(b, (size_t)n))
		return;
	(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	b->n += (size_t)n;
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(b, fmt, ap);
	va_end(ap);
}

void buf_u8(struct buf *b, uint8_t v)
{
	buf_add(b, &v, 1);
}

void buf_u16(struct buf *b, uint16_t v)
{
	uint8_t *to = buf_extend(b, sizeof(v));

	v = htons(v);
	if (to)
		memcpy(to, &v, sizeof(v));
}

void buf_u32(struct buf *b, uint32_t v)
{
	uint8_t *to = buf_extend(b, sizeof(v));

	v = htonl(v);
	if (to)
		memcpy(to, &v, sizeof(v));
}

void buf_put_u16(struct buf *b, size_t at, uint16_t v)
{
	if (b->overflow)
		return;
	assert(b->n >= 2 && at <= b->n - 2);
	b->p[at] = (char)(v >> 8);
	b->p[at + 1] = (char)(v & 0xff);
}

void buf_put_u32(struct buf *b, size_t at, uint32_t v)
{
	buf_put_u16(b, at, (uint16_t)(v >> 16));
	buf_put_u16(b, at + 2, (uint16_t)v);
}

void buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->n);
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n + 1);
	b->n -= n;
}

char *buf_take(struct buf *b)
{
	char *p = b->p ? b->p : xstrdup("");

	b->p = NULL;
	buf_done(b);
	return p;
}
