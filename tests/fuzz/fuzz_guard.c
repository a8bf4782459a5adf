/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard of a plain HTTP connection to good.test. The first byte says how the bytes are cut,
 * the second what the server answers when that is looked at; the rest is what the client sends.
 */
#include <assert.h>
#include <string.h>

#include "gate/http_guard.h"
#include "wire/http.h"
#include "wire/http_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const answers[] = {
	"HTTP/1.1 101 Switching Protocols\r\n\r\n",
	"HTTP/1.1 200 OK\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n",
	"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 404 Not Found\r\nX: HTTP/1.1 101\r\n",
	"220 ready\r\n",
	"HTTP/1.1 10",
};

struct result {
	struct buf passed;
	bool switched; /* the guard's work is over */
	const char *why;
};

/* The length of the next piece: 1 to 64, or all. */
static size_t next_piece(uint32_t *seed)
{
	if (*seed == 0)
		return SIZE_MAX;
	*seed = *seed * 1664525U + 1013904223U;
	return 1 + (*seed >> 26);
}

/* Whether the pump goes on. */
static bool give(struct pump *p, struct span *rest, size_t n)
{
	struct span piece = span_first(*rest, n);

	*rest = span_from(*rest, n);
	if (p->filter)
		return p->filter(p->filter_ctx, piece, &p->pending);
	buf_span(&p->pending, piece);
	return true;
}

static void converse(const struct name *good, struct span client, struct span server, uint32_t seed,
		     struct result *out)
{
	struct pipes pipes = { 0 };
	struct pump up, down;
	struct http_guard *g;
	bool alive = true;

	buf_init(&out->passed, client.n + 1);
	pump_init(&up, -1, -1, &pipes);
	pump_init(&down, -1, -1, &pipes);
	g = http_guard_new(good, &up, &down);
	while (alive && ((client.n && !up.paused) || (server.n && down.filter))) {
		bool from_client = client.n && !up.paused;

		alive = give(from_client ? &up : &down, from_client ? &client : &server,
			     next_piece(&seed));
		assert(buf_ok(&up.pending));
		buf_span(&out->passed, buf_view(&up.pending));
		buf_clear(&up.pending);
		buf_clear(&down.pending);
	}
	assert(alive == !http_guard_why(g));
	assert(buf_ok(&out->passed));
	out->why = http_guard_why(g);
	out->switched = !up.filter;
	http_guard_free(g);
	pump_done(&up);
	pump_done(&down);
}

/* Every request that passed is one to this host, as another reader takes it. */
static void check_requests(const struct name *good, struct span passed, bool switched)
{
	bool first = true;

	while (passed.n) {
		struct http_head h;
		struct http_bad bad;
		struct http_body body;
		ptrdiff_t n = http_head_read(passed, 0, &h, &bad);

		assert(n > 0); /* heads pass whole */
		assert(name_eq(&h.host.name, good) && (h.host.port == 0 || h.host.port == 80));
		assert(h.form != HTTP_FORM_AUTHORITY);
		if (first && switched) {
			assert(span_eq_nocase(h.framing.upgrade, SPAN_LIT("websocket")));
			return;
		}
		http_body_init(&body, &h);
		passed = span_from(passed, (size_t)n);
		n = http_body_ended(&body) ? 0 : http_body_step(&body, passed);
		assert(n >= 0);
		passed = span_from(passed, (size_t)n);
		first = false;
	}
	assert(!switched);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct name good = { sizeof("good.test") - 1, "good.test" };
	struct result cut, whole;
	struct span client, server, shorter, longer;

	if (size < 2)
		return 0;
	server = span_of(answers[data[1] % ARRAY_LEN(answers)]);
	client = span_bytes(data + 2, size - 2);
	converse(&good, client, server, data[0], &cut);
	converse(&good, client, server, 0, &whole);

	/* Nothing is invented, left out or put in another order. */
	assert(span_starts(client, buf_view(&cut.passed)));
	check_requests(&good, buf_view(&cut.passed), cut.switched);
	check_requests(&good, buf_view(&whole.passed), whole.switched);

	/* How the bytes come does not matter; only of a bad body more or less may have passed. */
	assert(cut.why == whole.why && cut.switched == whole.switched);
	shorter = buf_view(whole.passed.n < cut.passed.n ? &whole.passed : &cut.passed);
	longer = buf_view(whole.passed.n < cut.passed.n ? &cut.passed : &whole.passed);
	assert(span_starts(longer, shorter));
	assert(shorter.n == longer.n ||
	       (cut.why && strcmp(cut.why, "the body of a request is malformed") == 0));
	buf_done(&cut.passed);
	buf_done(&whole.passed);
	return 0;
}
