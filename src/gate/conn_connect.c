/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "gate/conn_internal.h"

void conn_connect_done(struct conn *c)
{
	lookup_cancel(&c->lookup);
	dial_cancel(c->dial);
	c->dial = NULL;
}

static void on_dialled(void *ctx, struct watch *server, int errnum)
{
	struct conn *c = ctx;

	c->dial = NULL;
	if (server)
		c->front->connected(c, server);
	else
		conn_failed(c, strerror(errnum));
}

/* The last step before bytes leave, whatever rule led here. */
static void dial(struct conn *c, const struct addr *addrs, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++) {
		if (judge_is_listener(c->all->gate, &addrs[i], port)) {
			conn_rejected(c, 403, "this is where the proxy itself is spoken to");
			return;
		}
	}
	c->dial = dial_new(&c->all->gate->loop, addrs, n, port, on_dialled, c);
}

/* Which of a name's addresses may be dialled. */
struct choice {
	struct addr good[LOOKUP_MAX];
	size_t n;
	struct addr bad;	/* the last of the others; family 0: none */
	struct verdict verdict; /* on that one */
};

static struct event range_event(const struct conn *c, const struct addr *a)
{
	const char *range = addr_forbidden(a);
	struct flow f = conn_flow(c);
	struct event ev = event_of(&f, EVENT_CONNECT, LAYER_PROXY);
	char text[ADDR_STR_MAX];

	ev.addr = *a;
	ev.remedy = REMEDY_ADDR;
	event_because(&ev, "its address %s is %s, which a name never opens by itself",
		      addr_str(a, text), range ? range : "the host's own or denied by a rule");
	return ev;
}

static void choose(struct conn *c, const struct lookup_result *r, struct choice *ch)
{
	bool redirected = c->verdict.kind == VERDICT_REDIRECT;

	*ch = (struct choice){ 0 };
	for (size_t i = 0; i < r->n; i++) {
		struct flow f = conn_flow(c);
		struct verdict v = { 0 };

		f.addr = &r->addrs[i];
		if (redirected ? judge_redirected(c->subject, f.addr) :
				 judge_address(c->subject, &f, &v)) {
			ch->good[ch->n++] = r->addrs[i];
		} else {
			ch->bad = r->addrs[i];
			ch->verdict = v;
		}
	}
}

/* An audit passes over no range that a policy would have to name besides the name. */
static void audit_ranges(struct conn *c, const struct choice *ch)
{
	for (size_t i = 0; audit_mode(c->subject) && i < ch->n; i++) {
		struct event ev;

		if (judge_may_stand(c->subject, &ch->good[i]))
			continue;
		ev = range_event(c, &ch->good[i]);
		ev.verdict = EVENT_AUDIT;
		report(c->subject, &ev, &c->verdict);
	}
}

static void on_found(void *ctx, const struct lookup_result *r)
{
	struct conn *c = ctx;
	bool redirected = c->verdict.kind == VERDICT_REDIRECT;
	struct choice ch;
	struct event ev;

	choose(c, r, &ch);
	audit_ranges(c, &ch);
	if (ch.n) {
		dial(c, ch.good, ch.n,
		     redirected ? ports_at(&c->verdict.rule->to->ports, 0).lo : c->port);
	} else if (r->n) {
		if (ch.verdict.rule)
			c->verdict = ch.verdict;
		ev = range_event(c, &ch.bad);
		if (!conn_denied_by(c, 403, &ev))
			conn_reset(c); /* loopback is never dialled, not even in audit mode */
	} else {
		conn_failed(c, r->failed_v6 || r->failed_v4 ?
				       "no upstream resolver gave an answer" :
				       "the name has no address");
	}
}

static void resolve(struct conn *c, const struct name *n)
{
	lookup_start(&c->lookup, c->all->gate->resolver, n, on_found, c);
}

/* The host's own loopback: the one destination that no address can name. */
static void dial_host(struct conn *c, uint16_t port)
{
	static const uint8_t v4[4] = { 127, 0, 0, 1 };
	static const uint8_t v6[16] = { [15] = 1 };
	struct addr both[2] = { addr_from_v4(v4), addr_from_v6(v6) };

	dial(c, both, 2, port);
}

static void dial_address(struct conn *c)
{
	struct flow f = conn_flow(c);
	struct verdict v;

	f.addr = &c->dst;
	if (judge_address(c->subject, &f, &v)) {
		dial(c, &c->dst, 1, c->port);
		return;
	}
	if (!conn_denied(c, 403,
			 v.kind == VERDICT_ALLOW && !addr_is_loopback(&c->dst) ?
				 "this is one of the host's own addresses" :
				 NULL))
		conn_reset(c);
}

static void redirect(struct conn *c, const struct dest *to)
{
	uint16_t port = ports_at(&to->ports, 0).lo;

	switch (to->target) {
	case DEST_NAME:
		resolve(c, to->name);
		return;
	case DEST_PREFIX:
		dial(c, &to->prefix.addr, 1, port);
		return;
	case DEST_HOST:
		dial_host(c, port);
		return;
	case DEST_WILDCARD:
	case DEST_ANY_NAME:
	case DEST_ANY:
	case DEST_GROUP:
	case DEST_TARGET_COUNT:
		break;
	}
	conn_failed(c, "the rule redirects to no single destination");
}

void conn_connect(struct conn *c)
{
	c->state = CONN_CONNECT;
	c->deadline_ms = UINT64_MAX; /* resolver and dial have their own */
	if (c->verdict.kind == VERDICT_REDIRECT)
		redirect(c, c->verdict.rule->to);
	else if (!c->name || c->n_names)
		dial_address(c);
	else if (is_host_loopback(c->name))
		dial_host(c, c->port);
	else
		resolve(c, c->name);
}
