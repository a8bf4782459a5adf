/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel denied comes back by NFLOG and becomes events. The rules log at most NETWORK_LOG_RATE
 * packets a second of each network and reason; what their counters say besides is told as a number.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/enforcer.h"
#include "kernel/nflog.h"
#include "wire/packet.h"

/* Messages that are read before others get their turn. */
#define BATCH 256

#define COUNT_MS 1000

/* The reasons that rules give in their prefix, and what they mean to a person. */
static const struct {
	const char *word;
	const char *text; /* NULL: the policy's rules */
} reasons[] = {
	{ "rule", NULL },
	{ "invalid", "it belongs to no connection that could be tracked" },
	{ "options", "IPv4 options or an IPv6 routing header could lead it elsewhere" },
	{ "no-syn", "it belongs to no open connection" },
	{ "embedded", "an IPv6 form of an IPv4 address: use the IPv4 address" },
	{ "lateral", "containers of this network may not reach one another (lateral: deny)" },
	{ "dnat", "another program's translation leads it past the policy" },
	{ "inbound", "it comes from outside, and no port of it is published" },
	{ "host", "the host's own addresses are closed; to open a port of it: host:PORT" },
	{ "limit", "the policy's limit of connections is reached" },
	{ "spoof", "spoofed: its source is not the container's that is at this port" },
	{ "unknown", "its port of the bridge is not known yet" },
	{ "ethertype", "only ARP, IPv4 and IPv6 pass a port" },
	{ "arp", "an ARP message about an address that is not the container's" },
	{ "nd",
	  "a router advertisement, redirect or neighbour message that is not the container's" },
	{ "dhcp", "an answer of a DHCP server, which no container is" },
	{ "audit", NULL },
};

struct tally_of {
	uint64_t logged; /* since the last count */
	uint64_t counted_inet, counted_bridge;
};

struct denials {
	struct tally_of of[LIMIT_NETWORKS_HELD]; /* by place in now.map.ports */
	uint64_t generation;			 /* of the policy they are about */
	bool any;
};

static const struct plan_subject *subject_named(const struct enforcer *f, struct span prefix,
						size_t *place)
{
	for (size_t i = 0; i < f->now.map.n_ports; i++) {
		const struct plan_subject *s = &f->now.plan->subjects[f->now.map.ports[i].subject];
		char name[RULESET_NAME_MAX];

		network_prefix(s, name);
		if (span_eq(prefix, span_of(name))) {
			*place = i;
			return s;
		}
	}
	return NULL;
}

static const char *text_of(struct span word, bool *by_rules)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (span_eq(word, span_of(reasons[i].word))) {
			*by_rules = !reasons[i].text;
			return reasons[i].text;
		}
	*by_rules = false;
	return "it is denied";
}

static void describe(struct enforcer *f, const struct plan_subject *s, const struct flow *flow,
		     const char *text, struct event *ev)
{
	struct verdict v;
	struct buf why;

	if (text) {
		(void)snprintf(ev->reason, sizeof(ev->reason), "%s", text);
		return;
	}
	v = flows_judge(f, s, flow);
	if (v.kind == VERDICT_ALLOW || v.kind == VERDICT_REDIRECT) {
		(void)snprintf(ev->reason, sizeof(ev->reason),
			       "it was denied by the policy before this one, or by address");
		return;
	}
	ev->rule = v.rule ? (int32_t)(v.rule - s->policy->rules) : -1;
	ev->remedy = v.reason == REASON_FORBIDDEN ? REMEDY_ADDR : REMEDY_DEST;
	buf_init(&why, sizeof(ev->reason) * 4);
	verdict_why(f->now.plan, s->policy, flow, &v, &why);
	(void)snprintf(ev->reason, sizeof(ev->reason), "%s", buf_cstr(&why));
	buf_done(&why);
}

static void tell(struct enforcer *f, const struct plan_subject *s, const struct event *ev)
{
	char subject[128];

	(void)snprintf(subject, sizeof(subject), "network:%s", s->id);
	f->o->on_event(f->o->ctx, ev, subject, s->policy);
}

static struct event blank(const struct plan_subject *s)
{
	return (struct event){ .time_ms = clock_wall_ms(),
			       .kind = EVENT_PACKET,
			       .layer = LAYER_NFT,
			       .verdict = s->policy->mode == MODE_AUDIT ? EVENT_AUDIT : EVENT_DENY,
			       .proto = DEST_PROTO_ANY,
			       .icmp_type = -1,
			       .rule = -1,
			       .count = 1 };
}

static void on_packet(void *ctx, const struct nflog_packet *p)
{
	struct enforcer *f = ctx;
	struct span rest = p->prefix, word = { 0 };
	const struct plan_subject *s;
	struct packet packet;
	struct event ev;
	const char *text;
	bool by_rules;
	size_t place;

	if (!span_starts(rest, SPAN_LIT(NETWORK_LOG_PREFIX)))
		return;
	rest = span_from(rest, sizeof(NETWORK_LOG_PREFIX) - 1);
	if (!span_next(&rest, ':', &word) || !(s = subject_named(f, span_trim(rest), &place)))
		return;
	f->denials->of[place].logged++;
	f->denials->any = true;
	text = text_of(word, &by_rules);
	ev = blank(s);
	if (packet_read(p->payload, &packet)) {
		struct flow flow = { .proto = packet.proto,
				     .icmp_type = packet.icmp_type,
				     .port = packet.dport,
				     .addr = &packet.dst };

		ev.proto = (int16_t)packet.proto;
		ev.icmp_type = (int16_t)packet.icmp_type;
		ev.port = packet.dport;
		ev.addr = packet.dst;
		describe(f, s, &flow, text, &ev);
	} else {
		(void)snprintf(ev.reason, sizeof(ev.reason), "%s (type 0x%04x)",
			       text ? text : "no IP packet", p->ethertype);
	}
	tell(f, s, &ev);
}

static void on_readable(void *ctx, int events)
{
	struct enforcer *f = ctx;

	(void)events;
	(void)nflog_read(watch_fd(f->log), BATCH, on_packet, f);
}

/* ---- what was too much to be logged */

static void count_one(struct enforcer *f, size_t place, bool silent)
{
	const struct network_ports *p = &f->now.map.ports[place];
	struct tally_of *t = &f->denials->of[place];
	uint64_t inet = t->counted_inet, bridge = t->counted_bridge, more, logged;
	const struct plan_subject *s = &f->now.plan->subjects[p->subject];
	struct event ev = blank(s);
	struct err ignored;

	if (!tables_counter(f->tables, RS_INET, p->denied_inet, &inet, &ignored) ||
	    !tables_counter(f->tables, RS_BRIDGE, p->denied_bridge, &bridge, &ignored))
		return;
	more = inet - t->counted_inet + bridge - t->counted_bridge;
	/* Counters of tables that were made anew begin at nothing. */
	if (inet < t->counted_inet || bridge < t->counted_bridge)
		more = 0;
	logged = t->logged;
	*t = (struct tally_of){ .counted_inet = inet, .counted_bridge = bridge };
	if (silent || more <= logged)
		return;
	ev.count = (uint32_t)MIN(more - logged, UINT32_MAX);
	(void)snprintf(ev.reason, sizeof(ev.reason),
		       "so many more denials were not logged one by one");
	tell(f, s, &ev);
}

static void on_count(void *ctx)
{
	struct enforcer *f = ctx;
	struct denials *d = f->denials;
	bool fresh = d->generation != f->now.generation;

	if (fresh)
		memset(d->of, 0, sizeof(d->of));
	if (!f->torn_down && (d->any || fresh))
		for (size_t i = 0; i < f->now.map.n_ports; i++)
			count_one(f, i, fresh);
	d->generation = f->now.generation;
	d->any = false;
}

bool denials_start(struct enforcer *f, struct err *e)
{
	int fd;

	if (!nflog_open(NETWORK_LOG_GROUP, NETWORK_LOG_SNAPLEN, &fd, e))
		return false;
	f->denials = xcalloc(1, sizeof(*f->denials));
	f->log = watch_readable(&f->loop, fd, on_readable, f, "the packet log", e);
	if (!f->log)
		return false;
	f->counters = timer_new(&f->loop, COUNT_MS, COUNT_MS, on_count, f);
	return true;
}
