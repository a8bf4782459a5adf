/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the body of a request or response ends (RFC 9112 6), so that every request of a connection
 * that is kept open is found and judged. Bytes are counted, never kept or changed.
 */
#ifndef SALLYPORT_WIRE_HTTP_BODY_H
#define SALLYPORT_WIRE_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "wire/http.h"

enum http_body_state {
	HTTP_BODY_DONE, /* also that of a zeroed struct: no body */
	HTTP_BODY_LENGTH,
	HTTP_BODY_UNTIL_CLOSE, /* of a response: all that comes; only the connection's end ends it */
	HTTP_BODY_CHUNK_SIZE,
	HTTP_BODY_CHUNK_SIZE_LF,
	HTTP_BODY_CHUNK_DATA,
	HTTP_BODY_CHUNK_END,
	HTTP_BODY_CHUNK_END_LF,
	HTTP_BODY_TRAILER_NAME,
	HTTP_BODY_TRAILER_VALUE,
	HTTP_BODY_TRAILER_LF,
	HTTP_BODY_LAST_LF,
	HTTP_BODY_BAD,
	HTTP_BODY_STATE_COUNT
};

#define HTTP_BODY_NAME_MAX 32 /* longer than any field that a trailer must not have */

struct http_body {
	enum http_body_state state;
	uint64_t left;	 /* bytes of the body, or of this chunk, to come */
	unsigned digits; /* of the chunk size read so far */
	size_t trailer;	 /* bytes of trailers read so far */
	size_t name_len; /* of the trailer's name so far; only the first bytes are kept */
	char name[HTTP_BODY_NAME_MAX];
};

void http_body_init(struct http_body *b, const struct http_head *h);

/* to_head: it answers a HEAD request, and so has no body. That of an interim response has none. */
void http_body_init_response(struct http_body *b, const struct http_response *r, bool to_head);

/*
 * Takes the next bytes of the connection and returns how many of them, from the first on, belong
 * to this body: fewer than there are only when it ends there. -1: malformed, for good; refused
 * are chunk extensions, sizes over 15 digits, line ends other than CR LF, trailers of more than
 * LIMIT_HTTP_TRAILERS bytes or with a field on which host or framing rests.
 */
ptrdiff_t http_body_step(struct http_body *b, struct span bytes) _must_use_;

static inline bool http_body_ended(const struct http_body *b)
{
	return b->state == HTTP_BODY_DONE;
}

#endif
