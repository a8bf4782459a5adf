/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request to good.test and its answer. The first byte says which request it is, the second how
 * the bytes are cut, the third whose turn it is; then come what the client sends behind the head
 * and, after a NUL, what the server says before it closes.
 */
#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "gate/exchange.h"
#include "wire/http.h"
#include "wire/http_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUEST(method, version, fields) \
	method " http://good.test/ HTTP/1." version "\r\nHost: good.test\r\n" fields "\r\n"

static const char *const heads[] = {
	REQUEST("GET", "1", ""),
	REQUEST("HEAD", "1", ""),
	REQUEST("GET", "0", ""),
	REQUEST("POST", "1", "Content-Length: 9\r\n"),
	REQUEST("POST", "1", "Transfer-Encoding: chunked\r\n"),
	REQUEST("GET", "1", "Connection: close\r\n"),
	REQUEST("GET", "1", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
	REQUEST("POST", "1", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n"),
};

struct result {
	struct buf sent, given; /* what the server got, what the client got */
	struct buf next;
	unsigned bad;
	bool over, keeps;
	bool switched; /* it is no longer HTTP */
};

/* Draws from the seed; 0: always the largest. */
static uint32_t draw(uint32_t *seed)
{
	if (*seed == 0)
		return UINT32_MAX;
	*seed = *seed * 1664525U + 1013904223U;
	return *seed;
}

/* Takes a piece of 1 to 64 bytes, or what the pump reads at once, off *rest and gives it to the pump. Whether it goes on.
 * What a filter that says no has appended is never sent. */
static bool give(struct pump *p, struct span *rest, uint32_t *seed, struct buf *passed)
{
	size_t n = *seed ? 1 + (draw(seed) >> 26) : 16384;
	struct span piece = span_first(*rest, n);
	bool alive = pump_offer(p, piece);

	assert(buf_ok(&p->pending));
	*rest = span_from(*rest, n);
	if (alive)
		buf_span(passed, buf_view(&p->pending));
	buf_clear(&p->pending);
	return alive;
}

/* mixed: both sides speak in turns, else the client first for as long as it is heard. */
static void converse(const struct http_head *h, struct span client, struct span server,
		     uint32_t seed, bool mixed, struct result *out)
{
	struct pipes pipes = { 0 };
	struct pump up, down;
	struct exchange *x;
	bool alive = true;

	*out = (struct result){ 0 };
	buf_init(&out->sent, 1U << 24);
	buf_init(&out->given, 1U << 24);
	buf_init(&out->next, 1U << 24);
	pump_init(&up, -1, -1, &pipes);
	pump_init(&down, -1, -1, &pipes);
	x = exchange_new(h, &up, &down);
	while (alive && ((client.n && !up.paused) || (server.n && !down.paused))) {
		bool heard = client.n && !up.paused, spoken = server.n && !down.paused;

		if (heard && (!spoken || !mixed || draw(&seed) >> 31)) {
			alive = give(&up, &client, &seed, &out->sent);
		} else {
			alive = give(&down, &server, &seed, &out->given);
			buf_span(&out->sent, buf_view(&up.pending));
			buf_clear(&up.pending);
		}
	}
	out->switched = !up.filter;
	if (alive)
		alive = exchange_ended(x);
	assert(alive == !exchange_bad(x));
	out->bad = alive ? 0 : exchange_bad(x)->status;
	assert(alive || out->bad == 400 || out->bad == 502);
	out->over = exchange_over(x);
	out->keeps = exchange_keeps(x);
	if (!out->switched)
		buf_span(&out->next, exchange_next(x));
	buf_span(&out->next, client);
	assert(out->bad || out->over || out->switched);
	assert(buf_ok(&out->sent) && buf_ok(&out->given));
	exchange_free(x);
	pump_done(&up);
	pump_done(&down);
}

static void done(struct result *r)
{
	buf_done(&r->sent);
	buf_done(&r->given);
	buf_done(&r->next);
}

/* The server gets the request's body and no byte behind it: that is what comes next. */
static void check_sent(const struct http_head *h, struct span client, const struct result *r)
{
	struct span sent = buf_view(&r->sent), next = buf_view(&r->next);
	struct http_body b;
	ptrdiff_t n;

	assert(span_starts(client, sent));
	if (r->switched)
		return;
	http_body_init(&b, h);
	n = http_body_ended(&b) ? 0 : http_body_step(&b, sent);
	assert(n >= 0 && (size_t)n == sent.n);
	if (r->bad != 400)
		assert(sent.n + next.n == client.n && span_ends(client, next));
}

/* What is forwarded has two fields more, and CR LF for LF: it may be too much for our own reader. */
static bool is_readable(struct span server)
{
	size_t lines = 0;

	for (size_t i = 0; i < server.n; i++)
		lines += server.p[i] == '\n';
	return lines < LIMIT_HTTP_FIELDS - 2 && server.n < LIMIT_HTTP_HEAD / 2;
}

/* The client gets interim answers and one more, as another reader takes it. */
static void check_given(const struct http_head *h, const struct result *r)
{
	struct span given = buf_view(&r->given);
	bool to_head = span_eq(h->method, SPAN_LIT("HEAD"));

	while (given.n) {
		struct http_response a;
		struct http_body b;
		const char *why;
		ptrdiff_t n = http_response_read(given, 0, &a, &why);

		assert(n > 0); /* heads pass whole */
		given = span_from(given, (size_t)n);
		if (a.status == 101) {
			assert(r->switched && h->framing.upgrade.n);
			return;
		}
		if (a.status < 200) {
			assert(h->minor > 0);
			continue;
		}
		assert(!r->switched && (h->minor > 0 || !a.framing.chunked));
		http_body_init_response(&b, &a, to_head);
		n = http_body_ended(&b) ? 0 : http_body_step(&b, given);
		assert(n >= 0 && (size_t)n == given.n);
		assert(r->over ? http_body_ended(&b) || b.state == HTTP_BODY_UNTIL_CLOSE :
				 !http_body_ended(&b));
		assert(!r->over || !r->keeps || http_body_ended(&b));
		return;
	}
	assert(!r->over && !r->switched);
}

/* How the bytes come does not matter; only of what is malformed more or less may have passed. */
static void check_same(const struct result *a, const struct result *b)
{
	struct span x = buf_view(&a->given), y = buf_view(&b->given);

	assert(a->bad == b->bad && a->over == b->over && a->switched == b->switched);
	if (a->bad) {
		assert(span_starts(x, y) || span_starts(y, x));
		return;
	}
	assert(a->keeps == b->keeps && span_eq(x, y));
	assert(span_eq(buf_view(&a->sent), buf_view(&b->sent)));
	assert(span_eq(buf_view(&a->next), buf_view(&b->next)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result cut, whole, mixed;
	struct span head, client, server;
	struct http_head h;
	struct http_bad bad;
	ptrdiff_t end;

	if (size < 3)
		return 0;
	head = span_of(heads[data[0] % ARRAY_LEN(heads)]);
	assert(http_head_read(head, 0, &h, &bad) == (ptrdiff_t)head.n);
	client = span_bytes(data + 3, size - 3);
	end = span_find(client, '\0');
	server = end < 0 ? SPAN_LIT("") : span_from(client, (size_t)end + 1);
	client = span_first(client, end < 0 ? client.n : (size_t)end);
	if (!is_readable(server))
		return 0;

	converse(&h, client, server, data[1], false, &cut);
	converse(&h, client, server, 0, false, &whole);
	converse(&h, client, server, data[2] * 257U + 1, true, &mixed);
	check_sent(&h, client, &cut);
	check_sent(&h, client, &whole);
	check_sent(&h, client, &mixed);
	check_given(&h, &cut);
	check_given(&h, &whole);
	check_given(&h, &mixed);
	check_same(&cut, &whole);
	done(&cut);
	done(&whole);
	done(&mixed);
	return 0;
}
