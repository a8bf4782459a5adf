/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for things that live and end together: taken piece by piece, given back whole. A piece costs no more
 * than its bytes, and nothing is freed singly. As with base/alloc.h, to take cannot fail.
 */
#ifndef SALLYPORT_BASE_ARENA_H
#define SALLYPORT_BASE_ARENA_H

#include <stdalign.h>
#include <stddef.h>

#include "base/macros.h"

/* Bytes that a piece takes besides its own at most: none, but where AddressSanitizer watches. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_GAP 16
#endif
#endif
#if !defined(ARENA_GAP) && defined(__SANITIZE_ADDRESS__)
#define ARENA_GAP 16
#elif !defined(ARENA_GAP)
#define ARENA_GAP 0
#endif

/*
 * Zeros are an arena that has nothing yet and owns no memory. It may be moved, but not copied: what was taken
 * stays where it is.
 */
struct arena {
	struct arena_chunk *chunks; /* the one that is taken from first */
	char *at, *end;		    /* what is left of it */
	size_t total;		    /* bytes of all chunks */
};

/* Zeroed memory, aligned to `align`, a power of two of at most alignof(max_align_t); never NULL. */
void *arena_alloc(struct arena *a, size_t size, size_t align) _must_use_;

/* n elements of a type; overflow of the product is like being out of memory. */
void *arena_array_of(struct arena *a, size_t n, size_t size, size_t align) _must_use_;
#define arena_array(a, n, type) ((type *)arena_array_of((a), (n), sizeof(type), alignof(type)))

char *arena_strdup(struct arena *a, const char *s) _must_use_;
char *arena_strndup(struct arena *a, const char *s, size_t n) _must_use_;
char *arena_fmt(struct arena *a, const char *fmt, ...) _must_use_ _printf_(2, 3);

/* The next `size` bytes will lie in one piece of memory: for who knows how much is to come. */
void arena_reserve(struct arena *a, size_t size);

/* Nothing is taken any more; the newest piece of memory stays, for what comes next. */
void arena_clear(struct arena *a);

/* Gives everything back; zeros are left. */
void arena_done(struct arena *a);

#endif
