/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heads of requests and responses, read whole and in pieces. */
#ifndef SALLYPORT_TESTS_UNIT_HTTP_PIECES_H
#define SALLYPORT_TESTS_UNIT_HTTP_PIECES_H

#include "base/alloc.h"
#include "t.h"
#include "wire/http.h"

typedef ptrdiff_t head_reader(struct span bytes, size_t seen, void *out, struct http_bad *bad);

/*
 * Reads bytes all at once, then a byte at a time and in two pieces cut at every place, each as a
 * block of exactly its size. Every way has to end the same. piece: as *out, for the other ways.
 */
static inline ptrdiff_t read_in_pieces(head_reader *read, struct span bytes, void *out, void *piece,
				       struct http_bad *bad)
{
	struct http_bad other = { 0 };
	ptrdiff_t whole = read(bytes, 0, out, bad), part = 0;
	size_t last = 0;

	for (size_t n = 1; n <= bytes.n && part == 0; n++) {
		_cleanup_(freep) char *exact = xmalloc(n);

		memcpy(exact, bytes.p, n);
		part = read(span_bytes(exact, n), n - 1, piece, &other);
		last = n;
	}
	t_eq_int(part, whole);
	if (whole < 0) {
		t_eq_int(other.status, bad->status);
		t_eq_str(other.why, bad->why);
	}
	for (size_t n = 1; n < last; n++)
		t_eq_int(read(bytes, n, piece, &other), whole);
	return whole;
}

static inline ptrdiff_t request_reader(struct span bytes, size_t seen, void *out,
				       struct http_bad *bad)
{
	return http_head_read(bytes, seen, out, bad);
}

static inline ptrdiff_t response_reader(struct span bytes, size_t seen, void *out,
					struct http_bad *bad)
{
	return http_response_read(bytes, seen, out, &bad->why);
}

static inline ptrdiff_t read_head(struct span bytes, struct http_head *out, struct http_bad *bad)
{
	struct http_head piece;

	return read_in_pieces(request_reader, bytes, out, &piece, bad);
}

static inline ptrdiff_t read_response(struct span bytes, struct http_response *out,
				      const char **why)
{
	struct http_bad bad = { .why = *why };
	struct http_response piece;
	ptrdiff_t n = read_in_pieces(response_reader, bytes, out, &piece, &bad);

	*why = bad.why;
	return n;
}

#endif
