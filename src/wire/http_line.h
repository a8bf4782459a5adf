/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of a head, of requests and responses alike. For the files of this room. */
#ifndef SALLYPORT_WIRE_HTTP_LINE_H
#define SALLYPORT_WIRE_HTTP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/span.h"

/* How a line may end. */
enum http_line_end {
	HTTP_LINE_CRLF,
	HTTP_LINE_LF, /* without CR as well */
};

/*
 * Takes a line off *rest, without its end. Returns 1, 0 when its end is not there yet, or -1 with
 * *why, a constant, for a byte that no line has.
 */
int http_line_take(struct span *rest, enum http_line_end end, struct span *line, const char **why)
	_must_use_;

/* What came since the first `seen` bytes were looked at only made their last line longer. */
bool http_line_grew(struct span bytes, size_t seen) _must_use_;

/* Splits a line, which is not empty, into a field's name and value. NULL, or why it is no field. */
const char *http_field_split(struct span line, struct span *name, struct span *value) _must_use_;

/* A Content-Length, which is plain digits: what fits any file, and is read in one way only. */
bool http_length_parse(struct span value, uint64_t *out) _must_use_;

/* What the Connection fields of a head list: fields of this hop, and "close" or "keep-alive". */
struct http_options {
	struct span names[LIMIT_HTTP_OPTIONS];
	size_t n;
};

/*
 * Adds those of one Connection field. NULL, or why they are refused: too many, or one of the
 * fields on which host and framing rest, which the next program would take out before it reads
 * them.
 */
const char *http_options_add(struct http_options *o, struct span value) _must_use_;

/* The name is listed, in any case of letters. */
bool http_options_have(const struct http_options *o, struct span name);

#endif
