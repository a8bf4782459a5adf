/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/alloc.h"

#include <limits.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of the heap, in alloc_ahead(): more than it has at a process's start; by how much it grows later. */
#define HEAP_FIRST (1U << 20)
#define HEAP_STEP  (1 << 20)

static _noreturn_ void out_of_memory(void)
{
	static const char msg[] =
		"sallyport: out of memory: stopping, what is not known stays denied\n";

	(void)!write(STDERR_FILENO, msg, sizeof(msg) - 1);
	abort();
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
	void *q = reallocarray(p, n ? n : 1, size ? size : 1);

	if (!q)
		out_of_memory();
	return q;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
	char *p = xmalloc(n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	return s;
}

/* Bytes that an array begins with: most have one or two elements, as the destinations of a rule do. */
#define VEC_FIRST 64

/* What fails here is for speed alone. */
void alloc_ahead(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *from = sbrk(0), *end;
	void *volatile first; /* else the compiler leaves it out */

	(void)mallopt(M_MMAP_MAX, 0);
	(void)mallopt(M_TRIM_THRESHOLD, INT_MAX);
	(void)mallopt(M_TOP_PAD, (int)MIN(bytes, (size_t)INT_MAX));
	/* More than is free of the heap, so that it grows. */
	first = malloc(HEAP_FIRST);
	free(first);
	(void)mallopt(M_TOP_PAD, HEAP_STEP);
	end = sbrk(0);
	from += -(uintptr_t)from % page;
	if (end > from)
		(void)madvise(from, (size_t)(end - from), MADV_HUGEPAGE);
}

void alloc_give_back(void)
{
	(void)malloc_trim(0);
}

void vec_reserve(void *pp, size_t n, size_t *cap, size_t size)
{
	void **items = pp;
	size_t want;

	if (n < *cap)
		return;
	want = *cap ? *cap * 2 : MAX(VEC_FIRST / size, (size_t)1);
	*items = xrealloc(*items, want, size);
	*cap = want;
}
