/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP. The first byte says what the rest is: 'q' what a client sends, a head and what follows it;
 * 'r' what a server sends; 'h' a host.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "wire/http.h"
#include "wire/http_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRICKLE_MAX 2048 /* longer input arrives in larger pieces, to stay fast */

static bool plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* What is taken for a host reads back from what it is printed as. */
static void check_host(const struct http_host *h)
{
	char text[LIMIT_NAME + 16], addr[ADDR_STR_MAX];
	struct http_host again;
	int n;

	assert((h->name.len > 0) != (h->addr.family != 0));
	for (size_t i = 0; i < h->name.len; i++)
		assert(plain(h->name.s[i]));
	n = snprintf(text, sizeof(text), h->addr.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		     h->name.len ? h->name.s : addr_str(&h->addr, addr), h->port ? h->port : 80U);
	assert(http_host_parse((struct span){ text, (size_t)n }, &again));
	assert(name_eq(&h->name, &again.name) && addr_eq(&h->addr, &again.addr));
	assert(again.port == (h->port ? h->port : 80));
}

static bool within(struct span part, struct span whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_head(const struct http_head *h, struct span head)
{
	assert(span_ends(head, SPAN_LIT("\r\n\r\n")));
	assert(within(h->method, head) && within(h->target, head) &&
	       within(h->framing.upgrade, head) && within(h->proxy_authorization, head));
	assert(h->method.n > 0 && h->target.n > 0);
	assert(h->minor == 0 || http_host_given(&h->host));
	assert(!h->framing.chunked || (!h->framing.has_length && h->minor == 1));
	assert(h->form != HTTP_FORM_AUTHORITY || (h->host.port && !h->framing.chunked));
	if (http_host_given(&h->host))
		check_host(&h->host);
	/* Every line ends in CR LF, and no other control byte is in it. */
	for (size_t i = 0; i < head.n; i++) {
		uint8_t c = (uint8_t)head.p[i];

		if (c == '\r')
			assert(i + 1 < head.n && head.p[i + 1] == '\n');
		else if (c == '\n')
			assert(i > 0 && head.p[i - 1] == '\r');
		else
			assert((c >= ' ' && c != 0x7f) || c == '\t');
	}
}

/* The bytes in pieces, each call with a block of exactly its size. */
static ptrdiff_t trickle_head(struct span bytes, struct http_bad *bad)
{
	size_t step = bytes.n > TRICKLE_MAX ? bytes.n / 64 : 1, seen = 0;
	struct http_head h;
	ptrdiff_t got = 0;

	while (seen < bytes.n && got == 0) {
		size_t n = MIN(seen + step, bytes.n);
		char *exact = xmalloc(n);

		memcpy(exact, bytes.p, n);
		got = http_head_read((struct span){ exact, n }, seen, &h, bad);
		free(exact);
		seen = n;
	}
	return got;
}

/* How many bytes belong to the body, in pieces of `step`; -1: bad. */
static ptrdiff_t run_body(const struct http_head *h, struct span bytes, size_t step, bool *ended)
{
	struct http_body b;
	size_t used = 0;

	http_body_init(&b, h);
	while (used < bytes.n && !http_body_ended(&b)) {
		struct span piece = span_first(span_from(bytes, used), step);
		ptrdiff_t n = http_body_step(&b, piece);

		if (n < 0)
			return -1;
		assert((size_t)n == piece.n || http_body_ended(&b));
		used += (size_t)n;
	}
	*ended = http_body_ended(&b);
	return (ptrdiff_t)used;
}

static void run_request(struct span bytes)
{
	struct http_head h;
	struct http_bad bad = { 0 }, other = { 0 };
	ptrdiff_t n = http_head_read(bytes, 0, &h, &bad), whole;
	bool ended = false, other_ended = false;

	assert(trickle_head(bytes, &other) == n);
	assert(n >= 0 || (bad.status == other.status && bad.why == other.why));
	if (n <= 0)
		return;
	assert((size_t)n <= bytes.n && (size_t)n <= LIMIT_HTTP_HEAD);
	check_head(&h, span_first(bytes, (size_t)n));
	bytes = span_from(bytes, (size_t)n);
	whole = run_body(&h, bytes, SIZE_MAX, &ended);
	assert(run_body(&h, bytes, 1, &other_ended) == whole && ended == other_ended);
	assert(run_body(&h, bytes, 7, &other_ended) == whole && ended == other_ended);
	if (!h.framing.chunked && ended)
		assert((uint64_t)whole == h.framing.content_length);
}

static void run_response(struct span bytes)
{
	size_t step = bytes.n > TRICKLE_MAX ? bytes.n / 64 : 1;
	unsigned status = 0, other = 0;
	ptrdiff_t n = http_status_read(bytes, &status), part = 0;

	for (size_t at = step; at < bytes.n + step && part == 0; at += step)
		part = http_status_read(span_first(bytes, at), &other);
	assert(part == n && status == other);
	assert(n <= 0 || (status >= 200 && status <= 999) || status == 101);
}

static void run_host(struct span bytes)
{
	struct http_host h;

	if (http_host_parse(bytes, &h))
		check_host(&h);
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
	case 'r':
		run_response(rest);
		break;
	case 'h':
		run_host(rest);
		break;
	default:
		break;
	}
	return 0;
}
