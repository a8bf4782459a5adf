/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "gate/conn_internal.h"
#include "gate/learned.h"

/* Connections accepted before others get their turn. */
#define BATCH 64

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

	if (!c->name || c->n_names)
		f.addr = &c->dst;
	return f;
}

void conn_close(struct conn *c)
{
	conn_connect_done(c);
	conn_relay_done(c);
	watch_close(c->client);
	buf_done(&c->first);
	free(c->names);
	LIST_REMOVE(c, link);
	c->all->n--;
	free(c);
}

static void reset_on_close(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

void conn_reset(struct conn *c)
{
	reset_on_close(watch_fd(c->client));
	if (c->relay && c->relay->server)
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
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		conn_close(c);
}

/* Tells the client in its own protocol, where it has one that is known, and closes. */
static void refuse(struct conn *c, unsigned status, const struct event *ev)
{
	struct gate *g = c->all->gate;
	char text[DEST_STR_MAX], allow[DEST_STR_MAX], remedy[DEST_STR_MAX + 16], rule[96];
	struct flow f = conn_flow(c);
	struct refusal r = { .port = c->port, .status = status, .why = ev->reason };
	_cleanup_(buf_done) struct buf out = { 0 };
	struct dest d;

	if (!inspects(c->port) || c->state != CONN_READ) {
		conn_reset(c);
		return;
	}
	flow_dest(&f, &d);
	r.destination = dest_show(&d, DEST_FOR_ALLOW, text);
	if (ev->rule >= 0) {
		const struct plan_rule *by = &g->o->policy->rules[ev->rule];

		(void)snprintf(rule, sizeof(rule), "%.63s:%u", by->policy, by->index);
		r.rule = rule;
	}
	if (event_remedy_dest(ev, &d)) {
		(void)snprintf(remedy, sizeof(remedy), "--allow %s",
			       dest_show(&d, DEST_FOR_ALLOW, allow));
		r.remedy = remedy;
	}
	buf_init(&out, 8192);
	inspect_refuse(&r, &out);
	(void)send(watch_fd(c->client), out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(watch_fd(c->client), SHUT_WR);
	c->state = CONN_LINGER;
	c->deadline_ms = uv_now(&g->loop) + LINGER_MS;
	watch_to(c->client, on_linger, c);
	watch_for(c->client, UV_READABLE);
}

bool conn_denied(struct conn *c, unsigned status, const char *why)
{
	struct flow f = conn_flow(c);
	struct event ev = event_of(&f, EVENT_CONNECT, LAYER_PROXY);

	if (why)
		event_because(&ev, "%s", why);
	else
		event_explain(c->all->gate, &ev, &f, &c->verdict);
	return conn_denied_by(c, status, &ev);
}

bool conn_denied_by(struct conn *c, unsigned status, struct event *event)
{
	struct gate *g = c->all->gate;
	struct event ev = *event;

	ev.verdict = audit_mode(g) ? EVENT_AUDIT : EVENT_DENY;
	if (!c->audited)
		report(g, &ev, &c->verdict);
	if (audit_mode(g)) {
		c->audited = true;
		return false;
	}
	refuse(c, status, &ev);
	return true;
}

void conn_failed(struct conn *c, const char *why)
{
	struct flow f = conn_flow(c);
	struct event ev = event_of(&f, EVENT_CONNECT, LAYER_PROXY);

	event_because(&ev, "%s", why);
	ev.verdict = EVENT_ERROR;
	report(c->all->gate, &ev, &c->verdict);
	if (c->port == 80 && c->first.n) {
		c->state = CONN_READ; /* a request waits for an answer */
		refuse(c, 502, &ev);
	} else {
		conn_reset(c);
	}
}

/* The name that the client says is one that its destination stands for. */
static bool says_right_name(struct conn *c, const struct inspected *in)
{
	if (!c->n_names)
		return name_eq(&in->name, c->name);
	for (size_t i = 0; i < c->n_names; i++) {
		if (name_eq(&in->name, &c->names[i])) {
			struct flow f;

			c->name = &c->names[i];
			f = conn_flow(c);
			c->verdict = decide(c->all->gate->o->policy, &f);
			return true;
		}
	}
	return false;
}

/* Why a first message that was read whole is not let out; NULL when it may be. */
static const char *objection(struct conn *c, enum inspect_result result, const struct inspected *in,
			     char *why, size_t size)
{
	const char *what = c->port == 80 ? "Host" : "SNI";

	switch (result) {
	case INSPECT_BAD:
		return in->why;
	case INSPECT_NONE:
		(void)snprintf(why, size, "no %s, so it cannot be told which name it is for", what);
		return why;
	case INSPECT_ADDR:
		return "Host is an address, and the connection is to a name";
	case INSPECT_NAME:
	case INSPECT_MORE:
		break;
	}
	if (!says_right_name(c, in)) {
		(void)snprintf(why, size, "%s says %.100s, and the connection is to %.253s", what,
			       in->name.s, c->name->s);
		return why;
	}
	if (c->port == 80 && in->port != 80)
		return "Host has another port than the connection";
	if (in->ech && c->all->gate->o->policy->ech == ECH_DENY)
		return "Encrypted Client Hello hides the name (the policy can say ech: allow)";
	return NULL;
}

/* The first message is there, or will never be. */
static void on_first(struct conn *c, enum inspect_result result, const struct inspected *in)
{
	const char *why;
	char text[512];

	watch_for(c->client, 0);
	if (c->verdict.kind == VERDICT_ALLOW) {
		why = objection(c, result, in, text, sizeof(text));
		if (why && conn_denied(c, in->http_status ? in->http_status : 403, why))
			return;
	}
	if (c->verdict.kind != VERDICT_ALLOW && conn_denied(c, 403, NULL))
		return;
	conn_connect(c);
}

static void on_readable(void *ctx, int events)
{
	struct conn *c = ctx;
	struct inspected in;
	enum inspect_result result;
	char chunk[16384];
	size_t seen = c->first.n;
	ssize_t n = recv(watch_fd(c->client), chunk, sizeof(chunk), MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* It said nothing that could be judged, but what it wanted is known. */
		if (c->verdict.kind == VERDICT_ALLOW || !conn_denied(c, 403, NULL))
			conn_close(c);
		return;
	}
	buf_add(&c->first, chunk, (size_t)n);
	result = inspect(c->port, buf_view(&c->first), seen, &in);
	if (result != INSPECT_MORE)
		on_first(c, result, &in);
}

/* With dns: real, the names that led to this address, and the first of them that is allowed. */
static void find_names(struct conn *c)
{
	struct gate *g = c->all->gate;
	struct name names[LEARNED_NAMES_MAX];
	size_t n = learned_names(g->learned, &c->dst, names);

	if (!n)
		return;
	c->names = xcalloc(n, sizeof(names[0]));
	memcpy(c->names, names, n * sizeof(names[0]));
	c->n_names = n;
	for (size_t i = 0; i < n; i++) {
		struct flow f;

		c->name = &c->names[i];
		f = conn_flow(c);
		c->verdict = decide(g->o->policy, &f);
		if (c->verdict.kind != VERDICT_DENY)
			return;
	}
}

static void begin(struct conn *c)
{
	struct gate *g = c->all->gate;
	struct flow f = { .proto = IPPROTO_TCP, .icmp_type = -1, .port = c->port };
	bool known = judge_target(g, &c->dst, &f);
	bool to_host;

	c->name = f.name;
	c->verdict = decide(g->o->policy, &f);
	if (!c->name && g->o->policy->dns == DNS_REAL)
		find_names(c);
	if (!known) {
		c->verdict = (struct verdict){ .kind = VERDICT_DENY, .reason = REASON_NO_RULE };
		if (!conn_denied(c, 403, "this virtual address stands for no name"))
			conn_reset(c);
		return;
	}
	if (meter_exhausted(&g->meter, clock_ms()) && conn_denied(c, 403, QUOTA_USED_UP))
		return;
	to_host = c->name && span_eq(name_span(c->name), SPAN_LIT(HOST_LOOPBACK_NAME));
	if (inspects(c->port) && c->verdict.kind != VERDICT_REDIRECT &&
	    ((c->name && !to_host) || (c->verdict.kind != VERDICT_ALLOW && !audit_mode(g)))) {
		c->deadline_ms = uv_now(&g->loop) + LIMIT_HEADER_MS;
		watch_for(c->client, UV_READABLE);
		return;
	}
	c->state = CONN_CONNECT;
	if (c->verdict.kind == VERDICT_DENY || c->verdict.kind == VERDICT_ASK) {
		if (conn_denied(c, 403, NULL))
			return;
		if (to_host) {
			conn_reset(c); /* not even an audit opens the host's loopback */
			return;
		}
	}
	conn_connect(c);
}

static void too_many(struct conns *all, int fd)
{
	struct flow f = { .proto = IPPROTO_TCP, .icmp_type = -1 };
	struct event ev = event_of(&f, EVENT_CONNECT, LAYER_PROXY);

	event_because(&ev, "%zu connections are open, the most that one jail may have", all->n);
	ev.verdict = EVENT_DENY;
	report(all->gate, &ev, NULL);
	reset_on_close(fd);
	(void)close(fd);
}

/* Takes over an accepted descriptor. */
static void serve(struct conns *all, int fd)
{
	struct gate *g = all->gate;
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
	if (all->n >= all->max) {
		too_many(all, fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->client = watch_new(&g->loop, fd, on_readable, c);
	if (!c->client) {
		free(c);
		return;
	}
	c->all = all;
	c->dst = dst;
	c->port = port;
	c->deadline_ms = UINT64_MAX;
	buf_init(&c->first, MAX(LIMIT_HTTP_HEAD, LIMIT_CLIENT_HELLO) + 16384);
	LIST_INSERT_HEAD(&all->list, c, link);
	all->n++;
	begin(c);
}

static void on_rested(void *ctx)
{
	struct conns *all = ctx;

	timer_close(all->rest);
	all->rest = NULL;
	watch_for(all->listener, UV_READABLE);
}

static void on_acceptable(void *ctx, int events)
{
	struct conns *all = ctx;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		int fd = accept4(watch_fd(all->listener), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			serve(all, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			/* Without a rest this would spin until a connection ends. */
			watch_for(all->listener, 0);
			all->rest = timer_new(&all->gate->loop, REST_MS, 0, on_rested, all);
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
		if (c->verdict.kind != VERDICT_ALLOW) {
			if (conn_denied(c, 403, NULL))
				return;
		} else if (conn_denied(c, 400,
				       c->port == 80 ? "no whole HTTP request came in time" :
						       "no whole ClientHello came in time")) {
			return;
		}
		conn_connect(c);
		return;
	case CONN_CONNECT:
	case CONN_LINGER:
		conn_close(c);
		return;
	case CONN_RELAY:
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

struct conns *conns_new(struct gate *g)
{
	struct conns *all = xcalloc(1, sizeof(*all));
	uint32_t max = g->o->policy->limits.connections;

	all->gate = g;
	all->max = max ? MIN(max, LIMIT_CONNECTIONS) : LIMIT_CONNECTIONS;
	all->listener = watch_new(&g->loop, g->o->tcp_fd, on_acceptable, all);
	all->sweep = timer_new(&g->loop, SWEEP_MS, SWEEP_MS, on_sweep, all);
	if (all->listener)
		watch_for(all->listener, UV_READABLE);
	return all;
}

void conns_free(struct conns *all)
{
	if (!all)
		return;
	while (!LIST_EMPTY(&all->list))
		conn_close(LIST_FIRST(&all->list));
	watch_close(all->listener);
	timer_close(all->sweep);
	timer_close(all->rest);
	timer_close(all->refill);
	pipes_done(&all->pipes);
	free(all);
}
