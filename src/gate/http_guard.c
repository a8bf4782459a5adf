/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/http_guard.h"

#include "base/alloc.h"
#include "wire/http.h"
#include "wire/http_body.h"

struct http_guard {
	struct name host;
	struct pump *up, *down;
	struct http_body body; /* of the request that is passing */
	struct buf head;       /* the beginning of the next one */
	size_t seen;	       /* bytes of it that were read before, and did not suffice */
	bool awaiting;	       /* the answer to an upgrade request */
	struct buf status;     /* the beginning of that answer */
	size_t requests;       /* judged so far */
	const char *why;
};

static bool refuse(struct http_guard *g, const char *why)
{
	g->why = why;
	return false;
}

static bool watch_requests(void *ctx, struct span in, struct buf *out);

/* The response to an upgrade request: passes unchanged, until its status says what follows. */
static bool watch_status(void *ctx, struct span in, struct buf *out)
{
	struct http_guard *g = ctx;
	unsigned status;
	ptrdiff_t n;

	buf_span(out, in);
	buf_span(&g->status, in);
	n = buf_ok(&g->status) ? http_status_read(buf_view(&g->status), &status) : -1;
	if (n == 0)
		return true;
	if (n < 0)
		return refuse(g, "the answer to an upgrade request is not HTTP");
	buf_done(&g->status);
	g->down->filter = NULL;
	g->awaiting = false;
	if (status != 101)
		return watch_requests(g, (struct span){ "", 0 }, &g->up->pending);
	buf_span(&g->up->pending, buf_view(&g->head));
	g->up->filter = NULL;
	g->up->paused = false;
	return true;
}

/*
 * WebSocket names no host from then on; HTTP/2, TLS and others do, and stay under judgement, which
 * they do not survive. Behind other requests the answer cannot be told from bytes of theirs, which
 * somebody else may have chosen.
 */
static bool may_end(const struct http_guard *g, const struct http_head *head)
{
	return g->requests == 0 && span_eq_nocase(head->framing.upgrade, SPAN_LIT("websocket"));
}

static void await_status(struct http_guard *g)
{
	g->awaiting = true;
	g->down->filter = watch_status;
	g->down->filter_ctx = g;
}

/* Judges the head in g->head, if it is whole. False: refused. */
static bool next_head(struct http_guard *g, struct buf *out)
{
	struct http_head head;
	struct http_bad bad;
	ptrdiff_t n = http_head_read(buf_view(&g->head), g->seen, &head, &bad);

	if (n < 0)
		return refuse(g, bad.why);
	g->seen = n == 0 ? g->head.n : 0;
	if (n == 0)
		return true;
	if (head.form == HTTP_FORM_AUTHORITY)
		return refuse(g, "CONNECT in a connection to a server");
	if (!name_eq(&head.host.name, &g->host) || (head.host.port && head.host.port != 80))
		return refuse(g, "a later request names another host");
	http_body_init(&g->body, &head);
	if (may_end(g, &head))
		await_status(g);
	g->requests++;
	buf_span(out, span_first(buf_view(&g->head), (size_t)n));
	buf_drop(&g->head, (size_t)n);
	return true;
}

/* Requests: body bytes pass as they come, a head once all of it is there. Behind an upgrade request
 * nothing passes before it is answered. */
static bool watch_requests(void *ctx, struct span in, struct buf *out)
{
	struct http_guard *g = ctx;

	buf_span(&g->head, in);
	while (g->head.n && !(g->awaiting && http_body_ended(&g->body))) {
		size_t before = g->head.n;
		ptrdiff_t n;

		if (http_body_ended(&g->body)) {
			if (!next_head(g, out))
				return false;
			if (g->head.n == before)
				break;
		} else {
			n = http_body_step(&g->body, buf_view(&g->head));
			if (n < 0)
				return refuse(g, "the body of a request is malformed");
			buf_span(out, span_first(buf_view(&g->head), (size_t)n));
			buf_drop(&g->head, (size_t)n);
		}
	}
	g->up->paused = g->awaiting && http_body_ended(&g->body);
	return buf_ok(&g->head) || refuse(g, "a request head is too long");
}

struct http_guard *http_guard_new(const struct name *host, struct pump *up, struct pump *down)
{
	struct http_guard *g = xcalloc(1, sizeof(*g));

	*g = (struct http_guard){ .host = *host, .up = up, .down = down };
	buf_init(&g->head, 2 * LIMIT_HTTP_HEAD);
	buf_init(&g->status, 2 * LIMIT_HTTP_HEAD);
	up->filter = watch_requests;
	up->filter_ctx = g;
	return g;
}

void http_guard_free(struct http_guard *g)
{
	if (!g)
		return;
	buf_done(&g->head);
	buf_done(&g->status);
	free(g);
}

const char *http_guard_why(const struct http_guard *g)
{
	return g ? g->why : NULL;
}
