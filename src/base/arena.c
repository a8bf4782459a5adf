/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

/* Of the chunks: the first one, with its header, and the largest that is made for less than it holds. */
#define CHUNK_FIRST 512
#define CHUNK_MAX   65536

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of bytes */
	alignas(max_align_t) char bytes[];
};

/*
 * Where AddressSanitizer watches, what lies between two pieces may not be touched, so that whoever reads on behind one
 * is found. It knows of 8 bytes only how many of the first ones may be: each piece begins at such a place.
 */
#if ARENA_GAP
#include <sanitizer/asan_interface.h>

#define ALIGN_LEAST 8

static void hide(struct arena_chunk *c, size_t size)
{
	ASAN_POISON_MEMORY_REGION(c->bytes, size);
}

/* The piece ends where the rest of the arena begins. */
static void show(struct arena *a, char *piece)
{
	ASAN_UNPOISON_MEMORY_REGION(piece, (size_t)(a->at - piece));
	a->at += MIN((size_t)(a->end - a->at), (size_t)ALIGN_LEAST);
}
#else
#define ALIGN_LEAST 1

static void hide(struct arena_chunk *c, size_t size)
{
	(void)c;
	(void)size;
}

static void show(struct arena *a, char *piece)
{
	(void)a;
	(void)piece;
}
#endif

static void add_chunk(struct arena *a, size_t size)
{
	struct arena_chunk *c = xmalloc(sizeof(*c) + size);

	hide(c, size);
	c->next = a->chunks;
	c->size = size;
	a->chunks = c;
	a->at = c->bytes;
	a->end = c->bytes + size;
	a->total += sizeof(*c) + size;
}

/* Half of what there is, so that at most a third is never used. */
static void grow(struct arena *a, size_t size)
{
	size_t usual = MIN(MAX(a->total / 2, CHUNK_FIRST), CHUNK_MAX) - sizeof(struct arena_chunk);

	add_chunk(a, MAX(size, usual));
}

void *arena_alloc(struct arena *a, size_t size, size_t align)
{
	size_t pad = -(uintptr_t)a->at & (MAX(align, ALIGN_LEAST) - 1);
	char *p;

	if (!a->at || (size_t)(a->end - a->at) < pad || (size_t)(a->end - a->at) - pad < size) {
		grow(a, size);
		pad = 0;
	}
	p = a->at + pad;
	a->at = p + size;
	show(a, p);
	return memset(p, 0, size);
}

void *arena_array_of(struct arena *a, size_t n, size_t size, size_t align)
{
	size_t all;

	/* More than there can be: xmalloc() says so. */
	if (__builtin_mul_overflow(n, size, &all))
		all = PTRDIFF_MAX;
	return arena_alloc(a, all, align);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1, 1);

	if (n > 0)
		memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	p = arena_alloc(a, (size_t)MAX(n, 0) + 1, 1);
	(void)vsnprintf(p, (size_t)MAX(n, 0) + 1, fmt, ap);
	va_end(ap);
	return p;
}

void arena_reserve(struct arena *a, size_t size)
{
	if ((size_t)(a->end - a->at) < size)
		add_chunk(a, size);
}

static void free_chunks(struct arena_chunk *c)
{
	struct arena_chunk *next;

	for (; c; c = next) {
		next = c->next;
		free(c);
	}
}

void arena_clear(struct arena *a)
{
	struct arena_chunk *c = a->chunks;

	if (!c)
		return;
	free_chunks(c->next);
	c->next = NULL;
	a->at = c->bytes;
	a->end = c->bytes + c->size;
	a->total = sizeof(*c) + c->size;
}

void arena_done(struct arena *a)
{
	free_chunks(a->chunks);
	*a = (struct arena){ 0 };
}
