/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy has changed under open connections: what it no longer allows ends, and the rest goes on
 * as if nothing had happened.
 */
#include "gate/conn_internal.h"

static bool same_place(const struct plan_rule *a, const struct plan_rule *b)
{
	char x[DEST_STR_MAX], y[DEST_STR_MAX];

	return span_eq(span_of(dest_show(a->to, DEST_FOR_ALLOW, x)),
		       span_of(dest_show(b->to, DEST_FOR_ALLOW, y)));
}

/* The verdict that the new policy has on it, with the address that was dialled. */
static bool still_allowed(const struct conn *c, const struct subject *s, struct verdict *v)
{
	struct flow f = conn_flow(c);
	struct verdict ignored;
	bool to_host = is_host_loopback(c->name);

	*v = decide(s->policy, &f);
	if (audit_mode(s)) /* which opens everything but the host's loopback */
		return v->kind == VERDICT_ALLOW || v->kind == VERDICT_REDIRECT || !to_host;
	if (c->name && s->policy->dns == DNS_OFF && !to_host)
		return false;
	if (v->kind == VERDICT_REDIRECT)
		return c->verdict.kind == VERDICT_REDIRECT && same_place(v->rule, c->verdict.rule);
	if (v->kind != VERDICT_ALLOW || c->verdict.kind == VERDICT_REDIRECT)
		return false;
	/* host.sallyport.internal is dialled at an address that no rule names. */
	if (!c->relay || v->dest->target == DEST_HOST)
		return true;
	f.addr = &c->relay->addr;
	return judge_address(s, &f, &ignored);
}

static void end(struct conn *c, const struct verdict *v)
{
	struct flow f = conn_flow(c);
	struct event ev = event_of(&f, EVENT_CONNECT, LAYER_PROXY);

	ev.verdict = EVENT_DENY;
	if (c->subject) {
		event_because(&ev, "ended: the policy that allowed it has changed");
		ev.remedy = REMEDY_DEST;
		report(c->subject, &ev, v);
	} else {
		event_because(&ev, "ended: its user is gone, or has another secret");
		report(subject_of(c->all->gate, c->listener->index, SPAN_LIT("")), &ev, NULL);
	}
	conn_reset(c);
}

/* False: it has ended. */
static bool rejudge(struct conn *c, struct subject *s)
{
	bool wants = c->state == CONN_CONNECT || c->state == CONN_RELAY;
	struct verdict v = { 0 };
	bool stays = s && (!wants || still_allowed(c, s, &v));

	if (c->counted) {
		conn_belongs(c, s);
	} else {
		c->subject = s;
	}
	if (!stays && wants) {
		end(c, &v);
		return false;
	}
	if (!s) {
		conn_reset(c);
		return false;
	}
	c->verdict = v;
	c->audited = c->audited && audit_mode(s);
	conn_relay_remeter(c);
	if (c->state == CONN_CONNECT) {
		/* The addresses on their way were chosen by the old policy. */
		conn_connect_done(c);
		conn_connect(c);
	}
	return true;
}

size_t conns_rejudge(struct conns *all, struct subject *const *next)
{
	struct conn *c = LIST_FIRST(&all->list);
	size_t ended = 0;

	while (c) {
		struct conn *after = LIST_NEXT(c, link);

		ended += !rejudge(c, next[c->subject->index]);
		c = after;
	}
	return ended;
}
