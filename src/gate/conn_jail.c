/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connections of a jail: they come on behalf of whatever server they were meant for, and on 80
 * and 443 they have to say the name that their destination stands for.
 */
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "gate/conn_internal.h"
#include "gate/learned.h"

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
			c->verdict = decide(c->subject->policy, &f);
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
	if (in->ech && c->subject->policy->ech == ECH_DENY)
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
	ssize_t n = conn_receive(c, chunk, sizeof(chunk));

	(void)events;
	if (n < 0)
		return;
	if (n == 0) {
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
		c->verdict = decide(c->subject->policy, &f);
		if (c->verdict.kind != VERDICT_DENY)
			return;
	}
}

void conn_jail_begin(struct conn *c)
{
	struct gate *g = c->all->gate;
	struct flow f = { .proto = IPPROTO_TCP, .icmp_type = -1, .port = c->port };
	bool known = judge_target(g, &c->dst, &f);
	bool to_host;

	c->name = f.name;
	c->verdict = decide(c->subject->policy, &f);
	if (!c->name && c->subject->policy->dns == DNS_REAL)
		find_names(c);
	if (!known) {
		c->verdict = (struct verdict){ .kind = VERDICT_DENY, .reason = REASON_NO_RULE };
		if (!conn_denied(c, 403, "this virtual address stands for no name"))
			conn_reset(c);
		return;
	}
	if (subject_exhausted(c->subject) && conn_denied(c, 403, QUOTA_USED_UP))
		return;
	to_host = is_host_loopback(c->name);
	if (inspects(c->port) && c->verdict.kind != VERDICT_REDIRECT &&
	    ((c->name && !to_host) ||
	     (c->verdict.kind != VERDICT_ALLOW && !audit_mode(c->subject)))) {
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

static void overdue(struct conn *c)
{
	if (c->verdict.kind != VERDICT_ALLOW) {
		if (conn_denied(c, 403, NULL))
			return;
	} else if (conn_denied(c, 400,
			       c->port == 80 ? "no whole HTTP request came in time" :
					       "no whole ClientHello came in time")) {
		return;
	}
	conn_connect(c);
}

/* On other ports nothing is known of the client's protocol; in the midst of a relay it is too late;
 * and that a server cannot be reached has a form in HTTP alone. */
static bool refusal(struct conn *c, const struct refusal *r, struct buf *out)
{
	bool waits = c->state == CONN_READ || (c->state == CONN_CONNECT && c->first.n);

	if (!inspects(c->port) || !waits || (r->status == 502 && c->port != 80))
		return false;
	if (c->port == 80)
		refusal_http(r, &(struct refusal_form){ 0 }, out);
	else
		refusal_tls(r, out);
	return true;
}

static void connected(struct conn *c, struct watch *server)
{
	struct relay *r = conn_relay(c, server);

	if (c->first.n && c->port == 80 && !audit_mode(c->subject))
		r->guard = http_guard_new(c->name, &r->up, &r->down);
	conn_relay_run(c);
}

const struct conn_front conn_jail = {
	.on_readable = on_readable,
	.overdue = overdue,
	.refuse = refusal,
	.connected = connected,
};
