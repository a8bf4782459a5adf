/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "gate/conn_internal.h"

/* Connections accepted before others get their turn: with more of them, a flood of new ones would
 * slow down those that are open. */
#define BATCH 16

/* How often deadlines are looked at, and how long accepting rests without descriptors. */
#define SWEEP_MS 500
#define REST_MS	 100

/* How soon connections that the meter stopped are looked at again. */
#define REFILL_MS 10

/* How long a client may take to read why it was refused. */
#define LINGER_MS 2000

struct flow conn_flow(const struct conn *c)
{
	struct flow f = { .proto = IPPROTO_TCP, .icmp_type = -1, .port = c->port, .name = c->name };

	if ((!c->name || c->n_names) && c->dst.family)
		f.addr = &c->dst;
	return f;
}

void conn_belongs(struct conn *c, struct subject *s)
{
	if (c->counted)
		c->subject->n_conns--;
	c->subject = s;
	c->counted = s != NULL;
	if (s)
		s->n_conns++;
}

void conn_close(struct conn *c)
{
	conn_connect_done(c);
	conn_relay_done(c);
	if (c->front->done)
		c->front->done(c);
	conn_belongs(c, NULL);
	watch_close(c->client);
	buf_done(&c->first);
	free(c->names);
	LIST_REMOVE(c, link);
	c->listener->n--;
	c->all->n--;
	free(c);
}

static void reset_on_close(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

ssize_t conn_receive(struct conn *c, char *out, size_t size)
{
	ssize_t n = recv(watch_fd(c->client), out, size, MSG_DONTWAIT);
	bool later = n < 0 && (errno == EAGAIN || errno == EINTR);

	watch_for(c->client, UV_READABLE); /* which an error stops, with bytes before it unread */
	return later ? -1 : MAX(n, 0);
}

void conn_reset(struct conn *c)
{
	reset_on_close(watch_fd(c->client));
	if (c->relay)
		reset_on_close(watch_fd(c->relay->server));
	conn_close(c);
}

/* Reads and forgets, so that closing does not destroy the answer that is on its way. */
static void on_linger(void *ctx, int events)
{
	struct conn *c = ctx;
	char chunk[4096];
	ssize_t n = recv(watch_fd(c->client), chunk, sizeof(chunk), MSG_DONTWAIT);

	(void)events;
	watch_for(c->client, UV_READABLE); /* which an error stops */
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		conn_close(c);
}

void conn_part(struct conn *c)
{
	(void)shutdown(watch_fd(c->client), SHUT_WR);
	conn_connect_done(c);
	conn_relay_done(c);
	c->state = CONN_LINGER;
	c->deadline_ms = uv_now(&c->all->gate->loop) + LINGER_MS;
	watch_to(c->client, on_linger, c);
	watch_for(c->client, UV_READABLE);
}

/* Tells the client in its own protocol, where it has one that is known, and closes. */
static void refuse(struct conn *c, unsigned status, const struct event *ev)
{
	char text[DEST_STR_MAX], allow[DEST_STR_MAX], rule[96];
	struct flow f = conn_flow(c);
	struct refusal r = { .port = c->port, .status = status, .why = ev->reason };
	_cleanup_(buf_done) struct buf out = { 0 };
	struct dest d;

	if (f.name || f.addr) {
		flow_dest(&f, &d);
		r.destination = dest_show(&d, DEST_FOR_ALLOW, text);
	}
	if (ev->rule >= 0) {
		const struct plan_rule *by = &c->subject->policy->rules[ev->rule];

		(void)snprintf(rule, sizeof(rule), "%.63s:%u", by->policy, by->index);
		r.rule = rule;
	}
	if (event_remedy_dest(ev, &d))
		r.remedy = dest_show(&d, DEST_FOR_ALLOW, allow);
	buf_init(&out, REFUSAL_MAX);
	if (!c->front->refuse(c, &r, &out)) {
		conn_reset(c);
		return;
	}
	(void)send(watch_fd(c->client), out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	conn_part(c);
}

bool conn_denied(struct conn *c, unsigned status, const char *why)
{
	struct flow f = conn_flow(c);
	struct event ev = event_of(&f, EVENT_CONNECT, LAYER_PROXY);

	if (why)
		event_because(&ev, "%s", why);
	else
		event_explain(c->subject, &ev, &f, &c->verdict);
	return conn_denied_by(c, status, &ev);
}

bool conn_denied_by(struct conn *c, unsigned status, struct event *event)
{
	bool audit = audit_mode(c->subject);
	struct event ev = *event;

	ev.verdict = audit ? EVENT_AUDIT : EVENT_DENY;
	if (!c->audited)
		report(c->subject, &ev, &c->verdict);
	if (audit) {
		c->audited = true;
		return false;
	}
	refuse(c, status, &ev);
	return true;
}

static void refuse_with(struct conn *c, unsigned status, enum event_verdict verdict,
			const char *why)
{
	struct flow f = conn_flow(c);
	struct event ev = event_of(&f, EVENT_CONNECT, LAYER_PROXY);

	event_because(&ev, "%s", why);
	ev.verdict = verdict;
	report(c->subject, &ev, &c->verdict);
	refuse(c, status, &ev);
}

void conn_rejected(struct conn *c, unsigned status, const char *why)
{
	refuse_with(c, status, EVENT_DENY, why);
}

void conn_failed(struct conn *c, const char *why)
{
	refuse_with(c, 502, EVENT_ERROR, why);
}

static void too_many(struct subject *s, int fd)
{
	struct flow f = { .proto = IPPROTO_TCP, .icmp_type = -1 };
	struct event ev = event_of(&f, EVENT_CONNECT, LAYER_PROXY);

	event_because(&ev, "%zu connections are open, the most that one jail may have", s->n_conns);
	ev.verdict = EVENT_DENY;
	report(s, &ev, NULL);
	reset_on_close(fd);
	(void)close(fd);
}

static struct conn *conn_new(struct conn_listener *l, int fd, const struct conn_front *front)
{
	struct conns *all = l->all;
	struct conn *c = xcalloc(1, sizeof(*c));

	c->client = watch_new(&all->gate->loop, fd, front->on_readable, c);
	if (!c->client) {
		free(c);
		return NULL;
	}
	c->all = all;
	c->listener = l;
	c->front = front;
	c->deadline_ms = UINT64_MAX;
	buf_init(&c->first, MAX(LIMIT_HTTP_HEAD, LIMIT_CLIENT_HELLO) + 16384);
	LIST_INSERT_HEAD(&all->list, c, link);
	l->n++;
	all->n++;
	return c;
}

/* Takes over a descriptor that a jail's listener accepted. */
static void serve_jail(struct conn_listener *l, int fd)
{
	struct gate *g = l->all->gate;
	union sockaddr_any sa;
	socklen_t len = sizeof(sa);
	struct addr dst;
	uint16_t port;
	struct conn *c;

	if (getsockname(fd, &sa.sa, &len) != 0 || !addr_from_sockaddr(&sa, &dst, &port)) {
		(void)close(fd);
		return;
	}
	if (port == 53) {
		dns_accept(g->dns, fd);
		return;
	}
	if (g->subjects->n_conns >= g->subjects->max_conns) {
		too_many(g->subjects, fd);
		return;
	}
	c = conn_new(l, fd, &conn_jail);
	if (!c)
		return;
	c->dst = dst;
	c->port = port;
	conn_belongs(c, g->subjects);
	conn_jail_begin(c);
}

/* The same of a proxy: who it is, and what it wants, is still to be read. */
static void serve_proxy(struct conn_listener *l, int fd)
{
	struct conn *c;

	/* A listener cannot use up what the others need. No word of explanation: there is no room
	 * for the connection that would carry it. */
	if (l->n >= l->all->max / l->all->n_listeners) {
		reset_on_close(fd);
		(void)close(fd);
		return;
	}
	c = conn_new(l, fd, &conn_proxy);
	if (c)
		conn_proxy_begin(c);
}

static void on_rested(void *ctx)
{
	struct conns *all = ctx;

	timer_close(all->rest);
	all->rest = NULL;
	conns_accept(all);
}

/* Without a rest this would spin until a connection ends. */
static void rest(struct conns *all)
{
	for (size_t i = 0; i < all->n_listeners; i++)
		watch_for(all->listeners[i].watch, 0);
	if (!all->rest)
		all->rest = timer_new(&all->gate->loop, REST_MS, 0, on_rested, all);
}

static void on_acceptable(void *ctx, int events)
{
	struct conn_listener *l = ctx;
	bool proxy = l->all->gate->o->n_listeners > 0;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		int fd = accept4(watch_fd(l->watch), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0 && proxy) {
			serve_proxy(l, fd);
		} else if (fd >= 0) {
			serve_jail(l, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			rest(l->all);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void overdue(struct conn *c)
{
	switch (c->state) {
	case CONN_READ:
		c->deadline_ms = UINT64_MAX;
		c->front->overdue(c);
		return;
	case CONN_CONNECT:
	case CONN_LINGER:
		conn_close(c);
		return;
	case CONN_RELAY:
		if (c->relay->hello && hello_guard_required(c->relay->hello))
			conn_rejected(c, 400, "no whole ClientHello came in time");
		else
			conn_reset(c);
		return;
	}
}

static void on_refill(void *ctx)
{
	struct conns *all = ctx;
	struct conn *c = LIST_FIRST(&all->list);

	timer_close(all->refill);
	all->refill = NULL;
	while (c) {
		struct conn *next = LIST_NEXT(c, link);

		conn_relay_resume(c);
		c = next;
	}
}

void conns_throttled(struct conns *all)
{
	if (!all->refill)
		all->refill = timer_new(&all->gate->loop, REFILL_MS, 0, on_refill, all);
}

static void on_sweep(void *ctx)
{
	struct conns *all = ctx;
	uint64_t now = uv_now(&all->gate->loop);
	struct conn *c = LIST_FIRST(&all->list);

	while (c) {
		struct conn *next = LIST_NEXT(c, link);

		if (now >= c->deadline_ms)
			overdue(c);
		c = next;
	}
}

static void listen_at(struct conns *all, int fd)
{
	struct conn_listener *l = &all->listeners[all->n_listeners];

	*l = (struct conn_listener){ .all = all, .index = (uint16_t)all->n_listeners };
	l->watch = watch_new(&all->gate->loop, fd, on_acceptable, l);
	if (l->watch)
		all->n_listeners++;
}

/* As many as there are descriptors for, two each: whoever takes the last one would stop all the
 * others. */
static size_t most(void)
{
	struct rlimit rl;
	size_t files;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return LIMIT_CONNECTIONS;
	files = (size_t)rl.rlim_cur;
	return MIN(LIMIT_CONNECTIONS, (files - MIN(files / 3, LIMIT_FILES_APART)) / 2);
}

struct conns *conns_new(struct gate *g)
{
	struct conns *all = xcalloc(1, sizeof(*all));

	all->gate = g;
	all->max = most();
	all->listeners = xcalloc(MAX(g->o->n_listeners, 1), sizeof(*all->listeners));
	for (size_t i = 0; i < g->o->n_listeners; i++)
		listen_at(all, g->o->listeners[i].fd);
	if (g->o->n_listeners == 0)
		listen_at(all, g->o->tcp_fd);
	all->sweep = timer_new(&g->loop, SWEEP_MS, SWEEP_MS, on_sweep, all);
	return all;
}

void conns_accept(struct conns *all)
{
	for (size_t i = 0; i < all->n_listeners; i++)
		watch_for(all->listeners[i].watch, UV_READABLE);
}

size_t conns_count(const struct conns *all)
{
	return all->n;
}

void conns_free(struct conns *all)
{
	if (!all)
		return;
	while (!LIST_EMPTY(&all->list))
		conn_close(LIST_FIRST(&all->list));
	for (size_t i = 0; i < all->n_listeners; i++)
		watch_close(all->listeners[i].watch);
	free(all->listeners);
	timer_close(all->sweep);
	timer_close(all->rest);
	timer_close(all->refill);
	pipes_done(&all->pipes);
	free(all);
}
