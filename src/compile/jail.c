/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/jail.h"

/* Where packets are let through to the gate, for one transport protocol. */
struct openings {
	int proto;
	const char *keyword;
	struct buf any;	      /* port ranges open to every address */
	struct buf virtual;   /* ... to the virtual pools */
	struct buf addresses; /* whole rules, one for each prefix */
};

/* Ample for LIMIT_POLICY_DESTS; a policy past it is refused, not cut. */
#define OPENINGS_MAX (32U << 20)

static void openings_init(struct openings *o, int proto, const char *keyword)
{
	*o = (struct openings){ .proto = proto, .keyword = keyword };
	buf_init(&o->any, OPENINGS_MAX);
	buf_init(&o->virtual, OPENINGS_MAX);
	buf_init(&o->addresses, OPENINGS_MAX);
}

static void openings_done(struct openings *o)
{
	buf_done(&o->any);
	buf_done(&o->virtual);
	buf_done(&o->addresses);
}

static bool openings_ok(const struct openings *o)
{
	return buf_ok(&o->any) && buf_ok(&o->virtual) && buf_ok(&o->addresses);
}

static bool may_open(const struct plan_rule *r)
{
	return r->action == RULE_ALLOW || r->action == RULE_REDIRECT;
}

static bool has_proto(const struct dest *d, int proto)
{
	return d->proto == proto || d->proto == DEST_PROTO_ANY;
}

static void add_ports(struct buf *b, const struct ports *ports)
{
	for (size_t i = 0; i < ports->n; i++) {
		struct port_range r = ports_at(ports, i);

		buf_str(b, b->n ? ", " : "");
		if (r.lo == r.hi)
			buf_fmt(b, "%u", r.lo);
		else
			buf_fmt(b, "%u-%u", r.lo, r.hi);
	}
}

static void add_prefix(struct openings *o, const struct dest *d)
{
	_cleanup_(buf_done) struct buf ports;
	char text[PREFIX_STR_MAX];

	buf_init(&ports, OPENINGS_MAX);
	add_ports(&ports, &d->ports);
	buf_fmt(&o->addresses, "\t\t%s daddr %s %s dport { %s } goto gate\n",
		d->prefix.addr.family == AF_INET ? "ip" : "ip6", prefix_str(&d->prefix, text),
		o->keyword, buf_cstr(&ports));
}

static void add_dest(struct openings *o, const struct plan_policy *p, const struct dest *d)
{
	/* With real addresses any address may be the one that a name stands for. */
	bool real = p->dns == DNS_REAL && d->target != DEST_HOST;

	if (d->target == DEST_PREFIX)
		add_prefix(o, d);
	else
		add_ports(d->target == DEST_ANY || real ? &o->any : &o->virtual, &d->ports);
}

/* Over all rules that open something, whatever denies stand before them: the gate decides, this
 * only has to let through all that it might allow. */
static void collect(struct openings *o, const struct plan_policy *p)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct plan_rule *r = &p->rules[i];

		for (size_t k = 0; may_open(r) && k < r->n_dests; k++)
			if (has_proto(&r->dests[k], o->proto))
				add_dest(o, p, &r->dests[k]);
	}
}

bool compile_jail_wants_udp(const struct plan_policy *p)
{
	if (p->mode == MODE_AUDIT)
		return true;
	for (size_t i = 0; i < p->n_rules; i++)
		for (size_t k = 0; k < p->rules[i].n_dests; k++)
			if (may_open(&p->rules[i]) && has_proto(&p->rules[i].dests[k], IPPROTO_UDP))
				return true;
	return false;
}

/* What the policy opens. */
static void open_rules(struct buf *out, const struct openings *o)
{
	if (o->any.n)
		buf_fmt(out, "\t\t%s dport { %s } goto gate\n", o->keyword, buf_cstr(&o->any));
	if (o->virtual.n)
		buf_fmt(out,
			"\t\tip daddr " JAIL_POOL4 " %s dport { %s } goto gate\n"
			"\t\tip6 daddr " JAIL_POOL6 " %s dport { %s } goto gate\n",
			o->keyword, buf_cstr(&o->virtual), o->keyword, buf_cstr(&o->virtual));
	buf_span(out, buf_view(&o->addresses));
}

static void gate_chain(struct buf *out, const struct jail_ports *ports)
{
	buf_fmt(out, "\tchain gate {\n\t\tmeta l4proto tcp tproxy to :%u accept\n", ports->tcp);
	if (ports->udp)
		buf_fmt(out, "\t\tmeta l4proto udp tproxy to :%u accept\n", ports->udp);
	/* A segment from a socket of the command to another one of it: TPROXY passes it over. */
	buf_str(out, "\t\taccept\n\t}\n");
}

/* What stands before the policy's openings: the gate, DNS, the command's own loopback, and what
 * opens nothing. 80 and 443 always go to the gate, which can say why it refuses. */
static const char chain_head[] =
	"\tchain prerouting {\n"
	"\t\ttype filter hook prerouting priority mangle; policy drop;\n"
	"\t\tmeta mark %u accept\n"
	"\t\ttcp dport 53 goto gate\n"
	"\t\tudp dport 53 accept\n"
	"\t\tip daddr { 127.0.0.0/8, " JAIL_ADDR4 " } accept\n"
	"\t\tip6 daddr { ::1, " JAIL_ADDR6 " } accept\n"
	"\t\ttcp flags & (syn | ack | rst) != syn goto gate\n"
	"\t\ttcp dport { 80, 443 } goto gate\n"
	"\t\ticmp type destination-unreachable accept\n"
	"\t\ticmpv6 type { destination-unreachable, packet-too-big } accept\n";

static const char chain_tail[] = "\t\tlog group %u snaplen %u\n"
				 "\t\tmeta l4proto tcp reject with tcp reset\n"
				 "\t\tmeta l4proto udp reject\n"
				 "\t\treject with icmpx admin-prohibited\n"
				 "\t}\n";

void compile_jail(const struct plan_policy *p, const struct jail_ports *ports, struct buf *out)
{
	_cleanup_(openings_done) struct openings tcp;
	_cleanup_(openings_done) struct openings udp;

	openings_init(&tcp, IPPROTO_TCP, "tcp");
	openings_init(&udp, IPPROTO_UDP, "udp");
	collect(&tcp, p);
	collect(&udp, p);
	buf_str(out, "table inet sallyport {\n");
	gate_chain(out, ports);
	buf_fmt(out, chain_head, JAIL_MARK);
	if (p->mode == MODE_AUDIT) {
		buf_str(out, "\t\tmeta l4proto { tcp, udp } goto gate\n");
	} else {
		open_rules(out, &tcp);
		open_rules(out, &udp);
	}
	buf_fmt(out, chain_tail, JAIL_LOG_GROUP, JAIL_LOG_SNAPLEN);
	buf_str(out, "}\n");
	if (!openings_ok(&tcp) || !openings_ok(&udp))
		out->overflow = true;
}
