/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first bytes of a TLS client. */
#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "wire/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRICKLE_MAX 2048 /* longer input arrives in larger pieces, to stay fast */

static bool same(const struct client_hello *a, const struct client_hello *b)
{
	return a->has_sni == b->has_sni && a->ech == b->ech && name_eq(&a->sni, &b->sni);
}

/* The bytes in pieces, each call with a block of exactly its size. */
static ptrdiff_t trickle(struct span bytes, struct client_hello *h, const char **why)
{
	size_t step = bytes.n > TRICKLE_MAX ? bytes.n / 64 : 1;
	ptrdiff_t got = 0;

	for (size_t at = step; at < bytes.n + step && got == 0; at += step) {
		size_t n = MIN(at, bytes.n);
		char *exact = xmalloc(n);

		memcpy(exact, bytes.p, n);
		got = tls_hello_read(span_bytes(exact, n), h, why);
		free(exact);
	}
	return got;
}

/* Its first record cut in two: still the same hello. */
static void cut_record(struct span bytes, const struct client_hello *want)
{
	size_t len = (size_t)((uint8_t)bytes.p[3] << 8 | (uint8_t)bytes.p[4]);
	size_t first = len / 2;
	struct client_hello h;
	const char *why = NULL;
	struct buf cut;
	ptrdiff_t got;

	if (first == 0 || bytes.n + 5 > LIMIT_CLIENT_HELLO)
		return;
	buf_init(&cut, LIMIT_CLIENT_HELLO);
	buf_span(&cut, span_first(bytes, 3));
	buf_u16(&cut, (uint16_t)first);
	buf_span(&cut, span_first(span_from(bytes, 5), first));
	buf_span(&cut, span_first(bytes, 3));
	buf_u16(&cut, (uint16_t)(len - first));
	buf_span(&cut, span_from(bytes, 5 + first));
	got = tls_hello_read(buf_view(&cut), &h, &why);
	/* One record more can be one too many. */
	assert(got == TLS_BAD ? strstr(why, "too many records") != NULL :
				got == (ptrdiff_t)cut.n && same(&h, want));
	buf_done(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span bytes = span_bytes(data, size);
	struct client_hello h = { 0 }, other = { 0 };
	const char *why = NULL, *other_why = NULL;
	ptrdiff_t n = tls_hello_read(bytes, &h, &why);
	struct name again;
	struct err e;

	assert(trickle(bytes, &other, &other_why) == n && why == other_why);
	assert((n < 0) == (why != NULL));
	if (n <= 0)
		return 0;
	assert((size_t)n <= size && (size_t)n <= LIMIT_CLIENT_HELLO);
	assert(same(&h, &other));
	if (h.has_sni) {
		bool ok = name_parse(name_span(&h.sni), &again, &e);

		assert(ok && name_eq(&h.sni, &again));
	}
	cut_record(span_first(bytes, (size_t)n), &h);
	return 0;
}
