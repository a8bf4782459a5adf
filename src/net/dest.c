/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/dest.h"

#include "net/dest_impl.h"
#include "net/proto.h"

/* How a text falls apart: [proto/]target[:ports]. */
struct parts {
	bool has_proto;
	int16_t proto;
	int16_t icmp_type;
	bool bracketed;
	struct span target; /* without brackets */
	bool has_ports;
	struct span ports;
};

/* ICMP that is written without a target is for any. */
static const struct span any = SPAN_LIT("any");

/* Every byte is one of these. */
static bool made_of(struct span s, const char *bytes)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || !strchr(bytes, s.p[i]))
			return false;
	return true;
}

/* Letters, digits, '-' and '_': what no address, wildcard or name with dots is. */
static bool is_word(struct span s)
{
	return s.n && made_of(s, LETTERS DIGITS "-_");
}

/* Takes "TYPE/", or "TYPE" at the end. */
static bool take_icmp_type(const struct reading *r, struct span *rest, struct parts *p)
{
	struct span head = span_before(*rest, '/');
	bool last = head.n == rest->n;

	if (!icmp_type_find(p->proto, head, &p->icmp_type))
		return !is_word(head) || (last && !made_of(head, DIGITS)) ||
		       dest_refuse_icmp_type(r, p->proto, head);
	*rest = last ? any : span_from(*rest, head.n + 1);
	return true;
}

/* Takes "PROTO/"; of the protocols only ICMP can stand alone. */
static bool take_proto(const struct reading *r, struct span *rest, struct parts *p)
{
	struct span head = span_before(*rest, '/');
	bool alone = head.n == rest->n;

	if (alone && !proto_is_name(head))
		return true;
	if (!proto_find(head, &p->proto))
		return !is_word(head) || dest_refuse_proto(r, head);
	if (alone && !proto_is_icmp(p->proto))
		return true;
	p->has_proto = true;
	*rest = alone ? any : span_from(*rest, head.n + 1);
	return alone || !proto_is_icmp(p->proto) || take_icmp_type(r, rest, p);
}

/* "[2001:db8::1]", "[2001:db8::/32]:443" */
static bool split_brackets(const struct reading *r, struct span rest, struct parts *p)
{
	struct span inside = span_before(span_from(rest, 1), ']');
	struct span after = span_from(rest, inside.n + 2);

	if (!span_has(rest, ']') || !span_has(inside, ':') || (after.n && after.p[0] != ':'))
		return dest_refuse_brackets(r, rest);
	p->bracketed = true;
	p->target = inside;
	p->has_ports = after.n > 0;
	p->ports = span_from(after, 1);
	return true;
}

static bool split_ports(const struct reading *r, struct span rest, struct parts *p)
{
	ptrdiff_t colon = span_find(rest, ':');

	p->target = rest;
	if (rest.n && rest.p[0] == '[') {
		if (!split_brackets(r, rest, p))
			return false;
	} else if (colon >= 0 && colon == span_rfind(rest, ':')) { /* more than one: IPv6 */
		p->target = span_first(rest, (size_t)colon);
		p->has_ports = true;
		p->ports = span_from(rest, (size_t)colon + 1);
	}
	if (p->target.n == 0)
		return dest_bad(r, "is not a destination: expected a name, an address, \"any\" or "
				   "\"*\" as its target");
	if (p->has_ports && p->ports.n == 0)
		return dest_refuse_no_ports(r);
	if (p->has_ports && span_has(p->ports, '/'))
		return dest_refuse_path(r, p->ports);
	return true;
}

static bool read_group(const struct reading *r, struct span rest, struct dest *d)
{
	struct span name = span_from(rest, sizeof("group/") - 1);

	if (rest.p != r->all.p || name.n == 0 || name.n > DEST_GROUP_MAX ||
	    !made_of(name, LETTERS DIGITS "_.-"))
		return dest_refuse_group(r, name);
	d->target = DEST_GROUP;
	d->proto = DEST_PROTO_ANY;
	d->group = arena_strndup(r->arena, name.p, name.n);
	return true;
}

/* The prefix in the form that decisions are made on. */
static bool read_prefix(const struct reading *r, struct span s, struct dest *d)
{
	struct prefix p = { 0 };

	if (!prefix_parse(s, &p, r->e))
		return false;
	d->target = DEST_PREFIX;
	d->prefix = prefix_canonical(&p);
	return true;
}

static bool read_v6(const struct reading *r, const struct parts *p, struct dest *d)
{
	if (p->bracketed)
		return read_prefix(r, p->target, d);
	if (dest_reads_two_ways(p->target))
		return dest_refuse_two_ways(r, p->target);
	return read_prefix(r, p->target, d) || dest_refuse_colons(r, p->target);
}

static bool read_wildcard(const struct reading *r, struct span target, struct dest *d)
{
	struct span apex = span_from(target, 2);
	struct name name;

	if (!span_starts(target, SPAN_LIT("*.")) || apex.n == 0 || span_has(apex, '*'))
		return dest_refuse_wildcard(r, target);
	if (!name_parse_idna(apex, &name, r->e))
		return false;
	if (name.len + 2 > LIMIT_NAME)
		return dest_bad(r, "is not a destination: a name below it is longer than %d bytes",
				LIMIT_NAME);
	if (name_is_public_suffix(&name))
		return dest_refuse_public_suffix(r, target, &name);
	d->target = DEST_WILDCARD;
	d->name = name_keep(&name, r->arena);
	return true;
}

/* A word of the grammar that came as a name: by its trailing dot, or by IDNA. */
static bool is_own_word(const struct parts *p, struct span name)
{
	int16_t ignored;

	return span_eq(name, SPAN_LIT("any")) || span_eq(name, SPAN_LIT("host")) ||
	       (p->has_proto && proto_is_icmp(p->proto) && p->icmp_type < 0 &&
		icmp_type_find(p->proto, name, &ignored));
}

static bool read_name(const struct reading *r, const struct parts *p, struct dest *d)
{
	struct name name;

	if (!name_parse_idna(p->target, &name, r->e))
		return false;
	if (is_own_word(p, name_span(&name)))
		return dest_bad(r,
				"is not a destination: \"%s\" is a word of its own here, no name",
				name.s);
	if (!p->has_proto && proto_is_name(name_span(&name)))
		return dest_refuse_like_proto(r, &name);
	d->target = DEST_NAME;
	d->name = name_keep(&name, r->arena);
	return true;
}

static bool read_target(const struct reading *r, const struct parts *p, struct dest *d)
{
	struct span t = p->target;

	if (span_has(t, ':'))
		return read_v6(r, p, d);
	if (made_of(t, DIGITS "./") && t.p[0] != '/')
		return read_prefix(r, t, d);
	if (span_has(t, '/'))
		return dest_refuse_path(r, t);
	if (span_eq(t, SPAN_LIT("*")))
		d->target = DEST_ANY_NAME;
	else if (span_has(t, '*'))
		return read_wildcard(r, t, d);
	else if (span_eq_nocase(t, any))
		d->target = DEST_ANY;
	else if (span_eq_nocase(t, SPAN_LIT("host")))
		d->target = DEST_HOST;
	else
		return read_name(r, p, d);
	return true;
}

/* What a protocol that is written cannot go with. */
static bool check_proto(const struct reading *r, const struct parts *p, const struct dest *d)
{
	char name[PROTO_STR_MAX], text[PREFIX_STR_MAX];

	proto_str(p->proto, name);
	if (p->has_ports && p->proto != DEST_PROTO_ANY && !proto_has_ports(p->proto))
		return dest_bad(r, "is not a destination: %s has no ports: write it without \":\"",
				name);
	if (proto_is_icmp(p->proto) && d->target == DEST_PREFIX &&
	    (p->proto == IPPROTO_ICMP) != (d->prefix.addr.family == AF_INET))
		return dest_bad(r, "is not a destination: %s never goes there: write \"%s/%s\"",
				name, p->proto == IPPROTO_ICMP ? "icmpv6" : "icmp",
				prefix_str(&d->prefix, text));
	return true;
}

static bool check_host(const struct reading *r, const struct parts *p)
{
	bool relayed = !p->has_proto || p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP;

	return (p->has_ports && relayed) ||
	       dest_bad(r, "is not a destination: the host's loopback takes tcp or udp and a port: "
			   "write \"host:8080\" or \"udp/host:5353\"");
}

/* Protocol and ports, as written or as they go without saying. */
static bool read_rest(const struct reading *r, const struct parts *p, struct dest *d)
{
	bool deny = r->use == DEST_FOR_DENY;

	if (d->target == DEST_HOST && !check_host(r, p))
		return false;
	if (p->has_proto && !check_proto(r, p, d))
		return false;
	d->proto = p->proto;
	d->icmp_type = p->icmp_type;
	if (p->has_proto && p->proto != DEST_PROTO_ANY && !proto_has_ports(p->proto))
		return true;
	if (!p->has_proto)
		d->proto = deny && !p->has_ports ? DEST_PROTO_ANY : IPPROTO_TCP;
	if (p->has_ports)
		return ports_parse(p->ports, r->arena, &d->ports, r->e);
	if (!p->has_proto && !deny && !dest_is_named(d))
		return dest_refuse_bare(r, d);
	d->ports = p->has_proto || deny ? PORTS_ALL : ports_one(443);
	return true;
}

bool dest_parse(struct span s, enum dest_use use, struct arena *a, struct dest *out, struct err *e)
{
	const struct reading r = { s, use, a, e };
	struct parts p = { .icmp_type = -1 };
	struct dest d = { .icmp_type = -1 };
	struct span rest = s;
	ptrdiff_t colon = span_find(s, ':');
	bool good;

	if (s.n == 0)
		return dest_bad(&r, "is not a destination: expected [proto/]target[:ports]");
	if (colon >= 0 && span_starts(span_from(s, (size_t)colon), SPAN_LIT("://")))
		return dest_refuse_url(&r, (size_t)colon);
	if (span_has(s, '@'))
		return dest_refuse_user(&r);
	if (!span_starts(s, SPAN_LIT("group/")) && !take_proto(&r, &rest, &p))
		return false;
	if (span_starts(rest, SPAN_LIT("group/")))
		good = read_group(&r, rest, &d);
	else
		good = split_ports(&r, rest, &p) && read_target(&r, &p, &d) &&
		       read_rest(&r, &p, &d);
	if (good)
		*out = d;
	return good;
}

struct dest dest_keep(const struct dest *d, struct arena *a)
{
	struct dest kept = *d;

	if (d->ports.n > 1)
		kept.ports = ports_of(d->ports.more, d->ports.n, a);
	if (dest_name(d))
		kept.name = name_keep(d->name, a);
	else if (d->target == DEST_GROUP)
		kept.group = arena_strdup(a, d->group);
	return kept;
}
