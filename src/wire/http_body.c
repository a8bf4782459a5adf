/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/http_body.h"

#include "base/limits.h"
#include "base/macros.h"
#include "wire/http_text.h"

#define SIZE_DIGITS 15 /* of a chunk, hexadecimal: below 2^60, so that nothing overflows */

static void begin(struct http_body *b, bool chunked, uint64_t length)
{
	*b = (struct http_body){ .state = HTTP_BODY_DONE };
	if (chunked) {
		b->state = HTTP_BODY_CHUNK_SIZE;
	} else if (length > 0) {
		b->state = HTTP_BODY_LENGTH;
		b->left = length;
	}
}

void http_body_init(struct http_body *b, const struct http_head *h)
{
	begin(b, h->framing.chunked, h->framing.content_length);
}

void http_body_init_response(struct http_body *b, const struct http_response *r, bool to_head)
{
	if (to_head || r->status < 200 || r->status == 204 || r->status == 304)
		begin(b, false, 0);
	else if (r->framing.chunked || r->framing.has_length)
		begin(b, r->framing.chunked, r->framing.content_length);
	else
		*b = (struct http_body){ .state = HTTP_BODY_UNTIL_CLOSE };
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum http_body_state chunk_size(struct http_body *b, char c)
{
	int digit = hex_digit(c);

	if (digit < 0)
		return c == '\r' && b->digits > 0 ? HTTP_BODY_CHUNK_SIZE_LF : HTTP_BODY_BAD;
	if (b->digits++ == SIZE_DIGITS)
		return HTTP_BODY_BAD;
	b->left = b->left << 4 | (unsigned)digit;
	return HTTP_BODY_CHUNK_SIZE;
}

/* Fields on which host, framing or connection rest: RFC 9110 6.5.1. */
static bool trailer_name_ok(const struct http_body *b)
{
	static const char *const banned[] = { "host",	 "content-length", "transfer-encoding",
					      "te",	 "trailer",	   "connection",
					      "upgrade", "expect",	   "proxy-authorization" };
	struct span name = { b->name, MIN(b->name_len, sizeof(b->name)) };

	return b->name_len > 0 && !http_is_one_of(name, banned, ARRAY_LEN(banned));
}

static enum http_body_state trailer_name(struct http_body *b, char c)
{
	if (c == '\r')
		return b->name_len == 0 ? HTTP_BODY_LAST_LF : HTTP_BODY_BAD;
	if (c == ':')
		return trailer_name_ok(b) ? HTTP_BODY_TRAILER_VALUE : HTTP_BODY_BAD;
	if (!http_is_token_char(c))
		return HTTP_BODY_BAD;
	if (b->name_len < sizeof(b->name))
		b->name[b->name_len] = c;
	b->name_len++;
	return HTTP_BODY_TRAILER_NAME;
}

static enum http_body_state expect(char c, char wanted, enum http_body_state next)
{
	return c == wanted ? next : HTTP_BODY_BAD;
}

/* Takes one byte, in the states that look at bytes. */
static enum http_body_state step(struct http_body *b, char c)
{
	switch (b->state) {
	case HTTP_BODY_CHUNK_SIZE:
		return chunk_size(b, c);
	case HTTP_BODY_CHUNK_SIZE_LF:
		b->digits = 0;
		return expect(c, '\n', b->left ? HTTP_BODY_CHUNK_DATA : HTTP_BODY_TRAILER_NAME);
	case HTTP_BODY_CHUNK_END:
		return expect(c, '\r', HTTP_BODY_CHUNK_END_LF);
	case HTTP_BODY_CHUNK_END_LF:
		return expect(c, '\n', HTTP_BODY_CHUNK_SIZE);
	case HTTP_BODY_TRAILER_NAME:
		return trailer_name(b, c);
	case HTTP_BODY_TRAILER_VALUE:
		if (c == '\r')
			return HTTP_BODY_TRAILER_LF;
		return http_is_text(c) ? HTTP_BODY_TRAILER_VALUE : HTTP_BODY_BAD;
	case HTTP_BODY_TRAILER_LF:
		b->name_len = 0;
		return expect(c, '\n', HTTP_BODY_TRAILER_NAME);
	case HTTP_BODY_LAST_LF:
		return expect(c, '\n', HTTP_BODY_DONE);
	case HTTP_BODY_DONE:
	case HTTP_BODY_LENGTH:
	case HTTP_BODY_UNTIL_CLOSE:
	case HTTP_BODY_CHUNK_DATA:
	case HTTP_BODY_BAD:
	case HTTP_BODY_STATE_COUNT:
		break;
	}
	return HTTP_BODY_BAD;
}

static bool in_trailers(const struct http_body *b)
{
	return b->state >= HTTP_BODY_TRAILER_NAME && b->state <= HTTP_BODY_LAST_LF;
}

/* Passes over data; returns how many of n bytes were data. */
static size_t skip_data(struct http_body *b, size_t n)
{
	size_t take = n < b->left ? n : (size_t)b->left;

	b->left -= take;
	if (b->left == 0)
		b->state = b->state == HTTP_BODY_LENGTH ? HTTP_BODY_DONE : HTTP_BODY_CHUNK_END;
	return take;
}

ptrdiff_t http_body_step(struct http_body *b, struct span bytes)
{
	size_t at = 0;

	if (b->state == HTTP_BODY_UNTIL_CLOSE)
		return (ptrdiff_t)bytes.n;
	while (at < bytes.n && b->state != HTTP_BODY_DONE && b->state != HTTP_BODY_BAD) {
		if (b->state == HTTP_BODY_LENGTH || b->state == HTTP_BODY_CHUNK_DATA) {
			at += skip_data(b, bytes.n - at);
			continue;
		}
		if (in_trailers(b) && ++b->trailer > LIMIT_HTTP_TRAILERS)
			b->state = HTTP_BODY_BAD;
		else
			b->state = step(b, bytes.p[at++]);
	}
	return b->state == HTTP_BODY_BAD ? -1 : (ptrdiff_t)at;
}
