/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/exchange.h"

#include "base/alloc.h"
#include "wire/http_body.h"
#include "wire/http_forward.h"

struct exchange {
	struct pump *up, *down;
	struct http_body request, response;
	struct buf head; /* the beginning of the answer */
	size_t seen;	 /* bytes of it that were read before, and did not suffice */
	struct buf next; /* what came behind the request */
	bool to_head;	 /* the request is HEAD */
	bool client_1_0;
	bool upgrade;  /* the request wants WebSocket */
	bool keeps;    /* of the client's connection */
	bool answered; /* the final head was handed on */
	bool over;
	struct http_bad bad;
};

static bool refuse(struct exchange *x, unsigned status, const char *why)
{
	x->bad = (struct http_bad){ status, why };
	return false;
}

/* Behind the request nothing is forwarded: it is the next request, or WebSocket that the server has
 * not agreed to. It is read no further. */
static bool watch_request(void *ctx, struct span in, struct buf *out)
{
	struct exchange *x = ctx;
	ptrdiff_t n = 0;

	if (!http_body_ended(&x->request)) {
		n = http_body_step(&x->request, in);
		if (n < 0)
			return refuse(x, 400, "the body of the request is malformed");
		buf_span(out, span_first(in, (size_t)n));
	}
	buf_span(&x->next, span_from(in, (size_t)n));
	x->up->paused = x->next.n > 0;
	return buf_ok(&x->next);
}

/* From here on it is no longer HTTP. */
static void switch_protocols(struct exchange *x, struct buf *out)
{
	buf_span(out, buf_view(&x->head));
	buf_span(&x->up->pending, buf_view(&x->next));
	x->up->filter = x->down->filter = NULL;
	x->up->paused = false;
	x->down->ends_here = false;
}

static bool watch_body(struct exchange *x, struct span in, struct buf *out)
{
	ptrdiff_t n = http_body_step(&x->response, in);

	if (n < 0)
		return refuse(x, 502, "the body of the answer is malformed");
	buf_span(out, span_first(in, (size_t)n));
	x->over = http_body_ended(&x->response);
	/* What a server says unasked is for nobody, nor is the end of its connection. */
	x->down->paused = x->over;
	return true;
}

static bool final(struct exchange *x, const struct http_response *r, ptrdiff_t n, struct buf *out)
{
	struct span head = span_first(buf_view(&x->head), (size_t)n);

	http_body_init_response(&x->response, r, x->to_head);
	if (x->client_1_0 && r->framing.chunked)
		return refuse(x, 502, "the server answers an HTTP/1.0 request in chunks");
	x->keeps = x->keeps && http_body_ended(&x->request) &&
		   x->response.state != HTTP_BODY_UNTIL_CLOSE;
	http_response_forward(head, r, x->keeps, out);
	x->answered = true;
	buf_drop(&x->head, (size_t)n);
	return watch_body(x, buf_view(&x->head), out);
}

static bool may_switch(const struct exchange *x, const struct http_response *r)
{
	return x->upgrade && http_is_websocket(r->framing.upgrade) && http_body_ended(&x->request);
}

/* Interim answers pass; the final one is followed by its body. */
static bool watch_head(struct exchange *x, struct buf *out)
{
	while (x->head.n && !x->answered) {
		struct http_response r;
		const char *why;
		ptrdiff_t n = http_response_read(buf_view(&x->head), x->seen, &r, &why);

		if (n < 0)
			return refuse(x, 502, why);
		x->seen = n == 0 ? x->head.n : 0;
		if (n == 0)
			return true;
		if (r.status >= 200)
			return final(x, &r, n, out);
		if (r.status == 101 && !may_switch(x, &r))
			return refuse(x, 502, "the server changes the protocol unasked");
		if (!x->client_1_0) /* RFC 9110 15.2 */
			http_response_forward(span_first(buf_view(&x->head), (size_t)n), &r, true,
					      out);
		buf_drop(&x->head, (size_t)n); /* and what r points to */
		if (r.status == 101) {
			x->answered = true;
			switch_protocols(x, out);
		}
	}
	return true;
}

static bool watch_answer(void *ctx, struct span in, struct buf *out)
{
	struct exchange *x = ctx;

	if (x->answered)
		return watch_body(x, in, out);
	buf_span(&x->head, in);
	return watch_head(x, out);
}

struct exchange *exchange_new(const struct http_head *h, struct pump *up, struct pump *down)
{
	struct exchange *x = xcalloc(1, sizeof(*x));

	*x = (struct exchange){ .up = up,
				.down = down,
				.to_head = span_eq(h->method, SPAN_LIT("HEAD")),
				.client_1_0 = h->minor == 0,
				.upgrade = http_is_websocket(h->framing.upgrade),
				.keeps = !h->framing.close && h->minor > 0 };
	http_body_init(&x->request, h);
	/* A read may end anywhere in a head, and brings at most a few more of 16 KiB behind it. */
	buf_init(&x->head, 2 * LIMIT_HTTP_HEAD);
	buf_init(&x->next, 4 * LIMIT_HTTP_HEAD);
	up->filter = watch_request;
	down->filter = watch_answer;
	up->filter_ctx = down->filter_ctx = x;
	/* When the server ends too early, the client is still to be told so. */
	down->ends_here = true;
	return x;
}

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	buf_done(&x->head);
	buf_done(&x->next);
	free(x);
}

bool exchange_stop_sending(struct exchange *x)
{
	if (!x || x->bad.why)
		return false;
	x->up->done = true;
	x->keeps = false;
	return true;
}

bool exchange_ended(struct exchange *x)
{
	if (!x || x->over || x->bad.why || !x->down->filter)
		return !x || !x->bad.why;
	if (!x->answered)
		return refuse(x, 502, "the server closed the connection without an answer");
	if (x->response.state != HTTP_BODY_UNTIL_CLOSE)
		return refuse(x, 502, "the server closed the connection within its answer");
	x->over = true;
	x->keeps = false;
	return true;
}

const struct http_bad *exchange_bad(const struct exchange *x)
{
	return x && x->bad.why ? &x->bad : NULL;
}

bool exchange_answered(const struct exchange *x)
{
	return x && x->answered;
}

bool exchange_over(const struct exchange *x)
{
	return x && x->over;
}

bool exchange_keeps(const struct exchange *x)
{
	return x && x->keeps;
}

struct span exchange_next(const struct exchange *x)
{
	return x ? buf_view(&x->next) : SPAN_LIT("");
}
