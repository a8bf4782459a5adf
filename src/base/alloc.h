/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocation that cannot fail: when memory runs out the process says so and aborts, which is safe
 * because everything that is not known is denied. Whatever a peer can make grow is therefore
 * bounded before it is allocated (limits.h).
 */
#ifndef SALLYPORT_BASE_ALLOC_H
#define SALLYPORT_BASE_ALLOC_H

#include <stddef.h>

#include "base/macros.h"

/* All return memory the caller frees with free(). xcalloc zeroes it. */
void *xmalloc(size_t size) _must_use_;
void *xcalloc(size_t n, size_t size) _must_use_;
void *xrealloc(void *p, size_t n, size_t size) _must_use_;
char *xstrdup(const char *s) _must_use_;
char *xstrndup(const char *s, size_t n) _must_use_;
char *xasprintf(const char *fmt, ...) _must_use_ _printf_(1, 2);

/*
 * For a process that takes much memory and soon ends, at its start: the first `bytes` of what is allocated
 * lie in large pages where the kernel has them, and nothing is given back. What is not used costs no memory.
 */
void alloc_ahead(size_t bytes);

/* Gives back to the kernel what was freed, after work that took much more than what stays. */
void alloc_give_back(void);

/*
 * Room for one more element: grows array *pp (elements of `size` bytes, *cap allocated) when n
 * elements fill it, doubling its capacity. Use through vec_push().
 */
void vec_reserve(void *pp, size_t n, size_t *cap, size_t size);

/* Gives back what the array (items, n, cap) has room for and does not hold. */
#define vec_fit(items, n, cap)                                                \
	do {                                                                  \
		if ((n) > 0 && (n) < (cap)) {                                 \
			(items) = xrealloc((items), (n), sizeof((items)[0])); \
			(cap) = (n);                                          \
		}                                                             \
	} while (0)

/* Appends value to the array (items, n, cap) and counts it. */
#define vec_push(items, n, cap, value)                                  \
	do {                                                            \
		vec_reserve(&(items), (n), &(cap), sizeof((items)[0])); \
		(items)[(n)++] = (value);                               \
	} while (0)

#endif
