/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connections of a proxy. The life of one:
 *
 *	advance()	a request is read: CONNECT or an absolute target here, SOCKS in conn_socks.c;
 *	proxy_login()	whose it is, by listener and credentials, never by source address;
 *	proxy_want()	the policy's word on name or address and port, before anybody resolves it;
 *	connected()	a tunnel, whose first bytes have to say the same name (hello_guard.c), or
 *			one request and its answer (exchange.c), and then
 *	again()		the next request, judged as if it were the first.
 */
#include "gate/conn_proxy.h"

#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "wire/http_accept.h"
#include "wire/http_forward.h"

#define HTTP_PORT  80
#define HTTPS_PORT 443

#define SOCKS_VERSION 5

bool proxy_login(struct conn *c, struct span token, const char **why)
{
	struct subject *s = subject_of(c->all->gate, c->listener->index, token);

	if (!s)
		*why = "the credentials are wrong";
	else if (s->client->needs_login)
		*why = "this proxy asks for credentials";
	else
		c->subject = s;
	return s && !s->client->needs_login;
}

/* "Basic TOKEN", RFC 7617 2; any other scheme is none of a user's. Empty: no credentials. */
static struct span basic_token(const struct http_head *h)
{
	const struct span scheme = SPAN_LIT("Basic ");
	struct span value = h->proxy_authorization;

	if (!value.n)
		return (struct span){ "", 0 };
	if (!span_eq_nocase(span_first(value, scheme.n), scheme))
		return SPAN_LIT("-");
	return span_trim(span_from(value, scheme.n));
}

static void take_target(struct conn *c, const struct http_host *host, uint16_t port)
{
	c->port = port;
	c->dst = host->addr;
	free(c->names);
	c->names = NULL;
	c->name = NULL;
	if (host->name.len) {
		c->names = xcalloc(1, sizeof(*c->names));
		*c->names = host->name;
		c->name = c->names;
	}
}
/* What speaks against it besides the rules; NULL: nothing. */
static const char *obstacle(struct conn *c)
{
	struct subject *s = c->subject;

	if (!c->request->tunnel && c->port == HTTPS_PORT)
		return "plain HTTP to port 443, where TLS is spoken: ask for a tunnel";
	if (subject_exhausted(s))
		return QUOTA_USED_UP;
	if (c->name && s->policy->dns == DNS_OFF && !is_host_loopback(c->name))
		return "the policy says dns: off";
	if (c->name && c->verdict.kind == VERDICT_ALLOW &&
	    !wild_within(&s->wild, s->policy, c->name))
		return WILD_USED_UP;
	return NULL;
}

void proxy_want(struct conn *c, const struct http_host *host, uint16_t port)
{
	struct subject *s = c->subject;
	const char *why;
	struct flow f;

	take_target(c, host, port);
	if (s->n_conns >= s->max_conns) {
		conn_rejected(c, 503, "as many connections are open as the policy's limits allow");
		return;
	}
	conn_belongs(c, s);
	f = conn_flow(c);
	c->verdict = decide(s->policy, &f);
	if (c->verdict.kind == VERDICT_DENY || c->verdict.kind == VERDICT_ASK) {
		if (conn_denied(c, 403, NULL))
			return;
		if (is_host_loopback(c->name)) {
			conn_reset(c); /* not even an audit opens the host's loopback */
			return;
		}
	}
	why = obstacle(c);
	if (why && conn_denied(c, 403, why))
		return;
	conn_connect(c);
}

/* ---- HTTP */

void proxy_want_tunnel(struct conn *c, const struct http_host *host)
{
	bool socks = c->request->phase == REQUEST_SOCKS;

	c->request->tunnel = true;
	if (ports_contain(&c->all->gate->o->connect_ports, host->port) ||
	    (socks && host->port == HTTP_PORT)) {
		proxy_want(c, host, host->port);
		return;
	}
	take_target(c, host, host->port);
	conn_rejected(c, 403,
		      socks ? "SOCKS is for port 80 and those of --connect-ports alone" :
			      "CONNECT is for the ports of --connect-ports alone");
}

static void judge(struct conn *c)
{
	const struct http_head *h = &c->request->head;
	const char *why;

	if (h->form != HTTP_FORM_AUTHORITY && h->form != HTTP_FORM_ABSOLUTE)
		conn_rejected(c, 400,
			      "this is a proxy: it takes CONNECT host:port and http://host/path");
	else if (span_eq(h->method, SPAN_LIT("TRACE")))
		conn_rejected(c, 501, "TRACE is not passed on: it shows what others have added");
	else if (h->has_max_forwards && h->max_forwards == 0)
		conn_rejected(c, 501, "Max-Forwards asks the proxy itself, which has no answer");
	else if (!proxy_login(c, basic_token(h), &why))
		conn_rejected(c, 407, why);
	else if (h->form == HTTP_FORM_AUTHORITY)
		proxy_want_tunnel(c, &h->host);
	else
		proxy_want(c, &h->host, h->host.port ? h->host.port : HTTP_PORT);
}

static void advance_http(struct conn *c)
{
	struct request *q = c->request;
	struct http_bad bad;
	ptrdiff_t n = http_head_read(buf_view(&c->first), q->seen, &q->head, &bad);

	q->phase = REQUEST_HTTP;
	q->seen = c->first.n;
	if (n < 0) {
		conn_rejected(c, bad.status, bad.why);
	} else if (n > 0) {
		watch_for(c->client, 0);
		q->len = (size_t)n;
		q->json = http_accepts(span_first(buf_view(&c->first), q->len), "application/json");
		q->to_head = span_eq(q->head.method, SPAN_LIT("HEAD"));
		judge(c);
	}
}

static void advance(struct conn *c)
{
	switch (c->request->phase) {
	case REQUEST_FIRST:
		if (c->first.p[0] == SOCKS_VERSION)
			proxy_socks_advance(c);
		else
			advance_http(c);
		return;
	case REQUEST_HTTP:
		advance_http(c);
		return;
	case REQUEST_SOCKS_LOGIN:
	case REQUEST_SOCKS:
		proxy_socks_advance(c);
		return;
	case REQUEST_PHASE_COUNT:
		break;
	}
}

static void on_readable(void *ctx, int events)
{
	struct conn *c = ctx;
	char chunk[16384];
	ssize_t n = conn_receive(c, chunk, sizeof(chunk));

	(void)events;
	if (n < 0)
		return;
	if (n == 0) {
		conn_close(c);
		return;
	}
	if (c->first.n == 0)
		c->deadline_ms = uv_now(&c->all->gate->loop) + LIMIT_HEADER_MS;
	buf_add(&c->first, chunk, (size_t)n);
	advance(c);
}

/* Ready for a request. */
static void await(struct conn *c)
{
	struct gate *g = c->all->gate;

	*c->request = (struct request){ 0 };
	conn_belongs(c, NULL);
	c->subject = subject_of(g, c->listener->index, SPAN_LIT(""));
	c->state = CONN_READ;
	c->audited = false;
	c->verdict = (struct verdict){ 0 };
	c->dst = (struct addr){ 0 };
	c->name = NULL;
	c->port = 0;
	watch_to(c->client, on_readable, c);
	watch_for(c->client, UV_READABLE);
}

void conn_proxy_begin(struct conn *c)
{
	c->request = xcalloc(1, sizeof(*c->request));
	await(c);
	c->deadline_ms = uv_now(&c->all->gate->loop) + LIMIT_HEADER_MS;
}

static void again(struct conn *c)
{
	buf_span(&c->first, exchange_next(c->relay->exchange));
	conn_relay_done(c);
	await(c);
	c->deadline_ms =
		uv_now(&c->all->gate->loop) + (c->first.n ? LIMIT_HEADER_MS : LIMIT_KEEP_MS);
	if (c->first.n)
		advance(c);
}

/* What is said in a tunnel has to be about the name that it was asked for. */
static void guard(struct conn *c)
{
	struct relay *r = c->relay;

	if (!c->name || is_host_loopback(c->name) || c->verdict.kind != VERDICT_ALLOW ||
	    audit_mode(c->subject))
		return;
	if (c->port == HTTP_PORT) {
		r->guard = http_guard_new(c->name, &r->up, &r->down);
		return;
	}
	r->hello = hello_guard_new(
		&(struct hello_rules){ .host = c->name,
				       .required = c->port == HTTPS_PORT,
				       .allow_ech = c->subject->policy->ech == ECH_ALLOW },
		&r->up);
	c->deadline_ms = uv_now(&c->all->gate->loop) + LIMIT_HEADER_MS;
}

static void connected(struct conn *c, struct watch *server)
{
	struct request *q = c->request;
	struct span head = span_first(buf_view(&c->first), q->len);
	struct relay *r = conn_relay(c, server);

	if (!q->tunnel) {
		if (!http_request_forward(head, &q->head, &r->up.pending)) {
			conn_reset(c); /* the pump has room for every head that was read */
			return;
		}
		if (r->up.meter)
			meter_count(r->up.meter, r->up.pending.n);
		r->exchange = exchange_new(&q->head, &r->up, &r->down);
		buf_drop(&c->first, q->len);
	} else {
		if (q->phase == REQUEST_HTTP)
			buf_str(&r->down.pending, "HTTP/1.1 200 Connection established\r\n\r\n");
		else
			proxy_socks_agree(&r->down.pending);
		buf_drop(&c->first, q->len);
		free(steal(&c->request));
		guard(c);
	}
	conn_relay_run(c);
}

/* Idle clients are let go without a word. */
static void overdue(struct conn *c)
{
	if (c->first.n == 0)
		conn_close(c);
	else
		conn_rejected(c, 408, "no whole request came in time");
}

static void refuse_http(const struct conn *c, const struct refusal *r, struct buf *out)
{
	const struct request *q = c->request;
	struct refusal_form form = { .json = q->json, .head_only = q->to_head };

	if (r->status == 407)
		form.more = "Proxy-Authenticate: Basic realm=\"sallyport\"\r\n";
	else if (r->status == 503)
		form.more = "Retry-After: 1\r\n";
	refusal_http(r, &form, out);
}

static bool refuse(struct conn *c, const struct refusal *r, struct buf *out)
{
	const struct relay *relay = c->relay;

	if (relay && relay->hello) {
		/* The answer to CONNECT, where the client did not wait for it. */
		buf_span(out, buf_view(&relay->down.pending));
		refusal_tls(r, out);
	} else if (relay && (!relay->exchange || exchange_answered(relay->exchange))) {
		return false;
	} else if (c->request->phase == REQUEST_HTTP) {
		refuse_http(c, r, out);
	} else {
		proxy_socks_refuse(c, r, out);
	}
	return true;
}

static void done(struct conn *c)
{
	free(c->request);
}

const struct conn_front conn_proxy = {
	.on_readable = on_readable,
	.overdue = overdue,
	.refuse = refuse,
	.connected = connected,
	.again = again,
	.done = done,
};
