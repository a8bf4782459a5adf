/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/socket.h>

#include "base/alloc.h"
#include "gate/conn_internal.h"

void conn_relay_done(struct conn *c)
{
	struct relay *r = c->relay;

	if (!r)
		return;
	pump_done(&r->up);
	pump_done(&r->down);
	http_guard_free(r->guard);
	hello_guard_free(r->hello);
	exchange_free(r->exchange);
	watch_close(r->server);
	free(r);
	c->relay = NULL;
}

static void want(struct conn *c)
{
	struct relay *r = c->relay;

	watch_for(c->client, (pump_wants_read(&r->up) ? UV_READABLE : 0) |
				     (pump_wants_write(&r->down) ? UV_WRITABLE : 0));
	watch_for(r->server, (pump_wants_read(&r->down) ? UV_READABLE : 0) |
				     (pump_wants_write(&r->up) ? UV_WRITABLE : 0));
}

/* Why one of the filters said no; NULL: a socket is in error. */
static const char *objection(const struct relay *r)
{
	if (r->guard)
		return http_guard_why(r->guard);
	if (r->hello)
		return hello_guard_why(r->hello);
	return NULL;
}

/* A socket in error is the end of an exchange that has no answer yet. */
static const struct http_bad *wrong(struct exchange *x)
{
	return exchange_answered(x) || !exchange_ended(x) ? exchange_bad(x) : NULL;
}

static void broken(struct conn *c)
{
	const struct http_bad *bad = wrong(c->relay->exchange);
	const char *why = objection(c->relay);

	if (c->relay->up.lost) {
		conn_reset(c); /* the client is gone */
		return;
	}
	if (bad) {
		if (bad->status == 502)
			conn_failed(c, bad->why);
		else
			conn_rejected(c, bad->status, bad->why);
		return;
	}
	/* In audit mode there is no way on, either: what follows cannot be told apart. */
	if (!why || !conn_denied(c, 403, why))
		conn_reset(c);
}

/* A tunnel whose first bytes were judged needs no guard any more. */
static void settle(struct conn *c)
{
	struct relay *r = c->relay;

	if (!r->hello || !hello_guard_over(r->hello))
		return;
	hello_guard_free(r->hello);
	r->hello = NULL;
}

/* False: the relay cannot go on. */
static bool move(struct relay *r, bool up, bool down)
{
	if (up && !pump_run(&r->up) && (r->up.lost || !exchange_stop_sending(r->exchange)))
		return false;
	if (down && !pump_run(&r->down))
		return false;
	return !r->down.eof || exchange_ended(r->exchange);
}

static void finish_exchange(struct conn *c)
{
	if (exchange_keeps(c->relay->exchange))
		c->front->again(c);
	else
		conn_part(c);
}

static void run(struct conn *c, bool up, bool down)
{
	struct relay *r = c->relay;
	bool half;

	if (!move(r, up, down)) {
		broken(c);
		return;
	}
	if (exchange_over(r->exchange) && pump_empty(&r->down)) {
		finish_exchange(c);
		return;
	}
	if (r->up.done && r->down.done) {
		conn_close(c);
		return;
	}
	settle(c);
	if (r->up.throttled || r->down.throttled)
		conns_throttled(c->all);
	half = r->up.done || r->down.done;
	if (!r->hello || !hello_guard_required(r->hello))
		c->deadline_ms =
			uv_now(&c->all->gate->loop) + (half ? LIMIT_HALF_OPEN_MS : LIMIT_IDLE_MS);
	want(c);
}

void conn_relay_run(struct conn *c)
{
	struct relay *r = c->relay;
	/* What waits for the client goes first: it is the answer to what c->first comes behind. */
	bool ok = pump_run(&r->down) && pump_offer(&r->up, buf_view(&c->first));

	buf_done(&c->first);
	if (ok)
		run(c, true, true);
	else
		broken(c);
}

static void on_client(void *ctx, int events)
{
	run(ctx, events & UV_READABLE, events & UV_WRITABLE);
}

static void on_server(void *ctx, int events)
{
	run(ctx, events & UV_WRITABLE, events & UV_READABLE);
}

void conn_relay_resume(struct conn *c)
{
	struct relay *r = c->relay;

	if (!r || !(r->up.throttled || r->down.throttled))
		return;
	if (subject_exhausted(c->subject)) {
		if (!pump_empty(&r->up) || !pump_empty(&r->down)) {
			conns_throttled(c->all); /* what was read is still delivered */
			return;
		}
		if (!conn_denied(c, 403, QUOTA_USED_UP))
			conn_reset(c);
		return;
	}
	r->up.throttled = r->down.throttled = false;
	run(c, true, true);
}

void conn_relay_remeter(struct conn *c)
{
	struct relay *r = c->relay;

	if (r)
		r->up.meter = r->down.meter = c->subject->limited ? &c->subject->meter : NULL;
}

static void tell(struct conn *c)
{
	struct flow f = conn_flow(c);
	struct event ev = event_of(&f, EVENT_CONNECT, LAYER_PROXY);

	if (!c->all->gate->o->tell_allowed || c->audited)
		return;
	ev.addr = c->relay->addr;
	event_explain(c->subject, &ev, &f, &c->verdict);
	report(c->subject, &ev, &c->verdict);
}

struct relay *conn_relay(struct conn *c, struct watch *server)
{
	struct relay *r = xcalloc(1, sizeof(*r));
	int client = watch_fd(c->client), fd = watch_fd(server);
	union sockaddr_any sa;
	socklen_t len = sizeof(sa);

	c->state = CONN_RELAY;
	c->relay = r;
	r->server = server;
	if (getpeername(fd, &sa.sa, &len) == 0)
		(void)addr_from_sockaddr(&sa, &r->addr, NULL);
	tell(c);
	pump_init(&r->up, client, fd, &c->all->pipes);
	pump_init(&r->down, fd, client, &c->all->pipes);
	conn_relay_remeter(c);
	watch_to(server, on_server, c);
	watch_to(c->client, on_client, c);
	return r;
}
