/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fields of a head, of requests and responses alike. For the files of this room. */
#ifndef SALLYPORT_WIRE_HTTP_FIELDS_H
#define SALLYPORT_WIRE_HTTP_FIELDS_H

#include "wire/http.h"
#include "wire/http_line.h"

struct http_fields {
	struct http_framing framing; /* `close` is not known before http_fields_finish() */
	struct http_options options;
};

/* Takes a field that has nothing to do with framing, or passes over it. False: refused, and it has said why. */
typedef bool http_field_fn(void *ctx, struct span name, struct span value);

/*
 * Reads the fields at the start of *rest, which is moved behind the empty line that ends them. f is zeroed at
 * first. Returns 1, 0 when more bytes are needed, or -1 with *bad. other: NULL, or who takes the other fields.
 */
int http_fields_read(struct span *rest, enum http_line_end end, struct http_fields *f,
		     http_field_fn *other, void *ctx, struct http_bad *bad) _must_use_;

/* What only all of them together tell, in a message of HTTP/1.minor. False: refused, with *bad. */
bool http_fields_finish(struct http_fields *f, uint8_t minor, struct http_bad *bad) _must_use_;

#endif
