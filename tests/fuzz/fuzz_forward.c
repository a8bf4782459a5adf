/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a forward proxy makes of heads. The first byte says what the rest is: 'q' a client's
 * request; a server's response, 'k' to a client that is kept, 'c' to one that is not. What is sent
 * on reads back with the same host, status and framing, and without the fields of the first hop.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "wire/http_forward.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRICKLE_MAX 2048 /* longer input arrives in larger pieces, to stay fast */
#define OUT_MAX	    (2 * LIMIT_HTTP_HEAD)

/* What is sent on may be longer, and have a field or two more, than we would read ourselves. */
static bool too_large(const struct buf *out)
{
	size_t lines = 0;

	for (size_t i = 0; i < out->n; i++)
		lines += out->p[i] == '\n';
	return out->n > LIMIT_HTTP_HEAD || lines > LIMIT_HTTP_FIELDS + 2;
}

/* How many lines begin with the name of that field, in any case of letters. */
static size_t count(const struct buf *out, const char *name)
{
	struct span rest = buf_view(out), line, field;
	size_t n = 0;

	while (span_next(&rest, '\n', &line))
		n += span_next(&line, ':', &field) && span_eq_nocase(field, span_of(name));
	return n;
}

static void check_fields(const struct buf *out, bool upgraded)
{
	assert(buf_ok(out) && span_ends(buf_view(out), SPAN_LIT("\r\n\r\n")));
	for (size_t i = 0; i < out->n; i++)
		if (out->p[i] == '\n')
			assert(i > 0 && out->p[i - 1] == '\r');
	assert(count(out, "Keep-Alive") + count(out, "Proxy-Connection") + count(out, "TE") +
		       count(out, "Proxy-Authorization") + count(out, "Proxy-Authenticate") ==
	       0);
	assert(count(out, "Upgrade") == upgraded);
	assert(count(out, "Via") > 0);
}

static void check_request(const struct http_head *h, const struct buf *out)
{
	const struct http_head none = { 0 };
	struct http_head again = none;
	struct http_bad bad;
	ptrdiff_t n;

	check_fields(out, http_is_websocket(h->framing.upgrade));
	assert(count(out, "Host") == 1);
	assert(count(out, "Connection") == 1);
	if (too_large(out))
		return;
	n = http_head_read(buf_view(out), 0, &again, &bad);
	assert(n == (ptrdiff_t)out->n);
	assert(again.form == HTTP_FORM_ORIGIN ||
	       (again.form == HTTP_FORM_ASTERISK && h->path.n == 0));
	assert(span_eq(again.method, h->method) && again.minor == h->minor);
	assert(name_eq(&again.host.name, &h->host.name) &&
	       addr_eq(&again.host.addr, &h->host.addr));
	assert(again.host.port == (h->host.port == HTTP_PORT ? 0 : h->host.port));
	assert(again.framing.chunked == h->framing.chunked &&
	       again.framing.has_length == h->framing.has_length &&
	       again.framing.content_length == h->framing.content_length);
	assert(again.has_max_forwards == h->has_max_forwards);
	assert(!h->has_max_forwards || again.max_forwards == h->max_forwards - 1);
	assert(again.proxy_authorization.n == 0);
	assert(http_is_websocket(again.framing.upgrade) == http_is_websocket(h->framing.upgrade));
}

static void run_request(struct span bytes)
{
	struct http_head h;
	struct http_bad bad;
	struct buf out;
	ptrdiff_t n = http_head_read(bytes, 0, &h, &bad);

	if (n <= 0)
		return;
	buf_init(&out, OUT_MAX);
	if (http_request_forward(span_first(bytes, (size_t)n), &h, &out))
		check_request(&h, &out);
	else
		assert(h.form != HTTP_FORM_ABSOLUTE || (h.has_max_forwards && !h.max_forwards));
	buf_done(&out);
}

/* The bytes in pieces, each call with a block of exactly its size. */
static void check_trickle(struct span bytes, ptrdiff_t whole, const char *why)
{
	size_t step = bytes.n > TRICKLE_MAX ? bytes.n / 64 : 1, seen = 0;
	struct http_response r;
	const char *other = NULL;
	ptrdiff_t got = 0;

	while (seen < bytes.n && got == 0) {
		size_t n = MIN(seen + step, bytes.n);
		char *exact = xmalloc(n);

		memcpy(exact, bytes.p, n);
		got = http_response_read((struct span){ exact, n }, seen, &r, &other);
		free(exact);
		seen = n;
	}
	assert(got == whole && other == why);
}

static void check_response(const struct http_response *r, bool keeps, const struct buf *out)
{
	bool upgraded = r->status == 101 && http_is_websocket(r->framing.upgrade);
	struct http_response again;
	const char *why;
	ptrdiff_t n;

	check_fields(out, upgraded);
	assert(count(out, "Connection") == (upgraded || (r->status >= 200 && !keeps)));
	if (too_large(out))
		return;
	n = http_response_read(buf_view(out), 0, &again, &why);
	assert(n == (ptrdiff_t)out->n);
	assert(again.status == r->status && again.minor == 1);
	assert(again.framing.chunked == r->framing.chunked &&
	       again.framing.has_length == r->framing.has_length &&
	       again.framing.content_length == r->framing.content_length);
	assert(again.framing.close == (r->status >= 200 && !keeps));
	assert(http_is_websocket(again.framing.upgrade) == upgraded);
}

static void run_response(struct span bytes, bool keeps)
{
	struct http_response r;
	const char *why = NULL;
	struct buf out;
	ptrdiff_t n = http_response_read(bytes, 0, &r, &why);

	assert((n < 0) == (why != NULL) && n <= (ptrdiff_t)MIN(bytes.n, LIMIT_HTTP_HEAD));
	check_trickle(bytes, n, why);
	if (n <= 0)
		return;
	assert(r.status >= 100 && r.status <= 999 && r.minor <= 1);
	assert(!r.framing.chunked || (!r.framing.has_length && r.minor == 1));
	buf_init(&out, OUT_MAX);
	http_response_forward(span_first(bytes, (size_t)n), &r, keeps, &out);
	check_response(&r, keeps, &out);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest;

	if (size < 1)
		return 0;
	rest = span_bytes(data + 1, size - 1);
	switch (data[0]) {
	case 'q':
		run_request(rest);
		break;
	case 'k':
	case 'c':
		run_response(rest, data[0] == 'k');
		break;
	default:
		break;
	}
	return 0;
}
