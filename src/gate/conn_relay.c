/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "gate/conn_internal.h"

void conn_relay_done(struct conn *c)
{
	struct relay *r = c->relay;

	if (!r)
		return;
	pump_done(&r->up);
	pump_done(&r->down);
	http_guard_free(r->guard);
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

static void broken(struct conn *c)
{
	const char *why = http_guard_why(c->relay->guard);

	/* In audit mode there is no way on, either: what follows cannot be told apart. */
	if (why && !conn_denied(c, 403, why))
		conn_reset(c);
	else if (!why)
		conn_reset(c);
}

/* Runs the pumps that the events are about, and sees what is left to do. */
static void run(struct conn *c, bool up, bool down)
{
	struct relay *r = c->relay;
	uint64_t now = uv_now(&c->all->gate->loop);

	if ((up && !pump_run(&r->up)) || (down && !pump_run(&r->down))) {
		broken(c);
		return;
	}
	if (r->up.done && r->down.done) {
		conn_close(c);
		return;
	}
	if (r->up.throttled || r->down.throttled)
		conns_throttled(c->all);
	c->deadline_ms = now + (r->up.done || r->down.done ? LIMIT_HALF_OPEN_MS : LIMIT_IDLE_MS);
	want(c);
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
	if (meter_exhausted(&c->all->gate->meter, clock_ms())) {
		if (!conn_denied(c, 403, QUOTA_USED_UP))
			conn_reset(c);
		return;
	}
	r->up.throttled = r->down.throttled = false;
	run(c, true, true);
}

static void tell(struct conn *c, int server)
{
	struct gate *g = c->all->gate;
	struct flow f = conn_flow(c);
	struct event ev = event_of(&f, EVENT_CONNECT, LAYER_PROXY);
	union sockaddr_any sa;
	socklen_t len = sizeof(sa);

	if (!g->o->tell_allowed || c->audited)
		return;
	if (getpeername(server, &sa.sa, &len) == 0)
		(void)addr_from_sockaddr(&sa, &ev.addr, NULL);
	event_explain(g, &ev, &f, &c->verdict);
	report(g, &ev, &c->verdict);
}

void conn_relay(struct conn *c, int server)
{
	struct gate *g = c->all->gate;
	struct relay *r = xcalloc(1, sizeof(*r));
	int client = watch_fd(c->client);

	tell(c, server);
	c->state = CONN_RELAY;
	c->relay = r;
	pump_init(&r->up, client, server, &c->all->pipes);
	pump_init(&r->down, server, client, &c->all->pipes);
	r->up.meter = r->down.meter = g->limited ? &g->meter : NULL;
	r->server = watch_new(&g->loop, server, on_server, c);
	if (!r->server) {
		conn_reset(c);
		return;
	}
	watch_to(c->client, on_client, c);
	if (c->first.n && c->port == 80 && !audit_mode(g)) {
		r->guard = http_guard_new(c->name, &r->up, &r->down);
		if (!r->up.filter(r->up.filter_ctx, buf_view(&c->first), &r->up.pending)) {
			broken(c);
			return;
		}
	} else {
		buf_span(&r->up.pending, buf_view(&c->first));
	}
	buf_done(&c->first);
	run(c, true, true);
}
