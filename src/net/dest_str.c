/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "net/dest_impl.h"
#include "net/proto.h"

static void put_prefix(const struct prefix *p, bool with_ports, struct buf *out)
{
	char text[PREFIX_STR_MAX];
	bool brackets;

	prefix_str(p, text);
	brackets = p->addr.family == AF_INET6 && (with_ports || dest_reads_two_ways(span_of(text)));
	buf_fmt(out, brackets ? "[%s]" : "%s", text);
}

static void put_target(const struct dest *d, bool with_ports, struct buf *out)
{
	switch (d->target) {
	case DEST_NAME:
		buf_span(out, name_span(d->name));
		break;
	case DEST_WILDCARD:
		buf_str(out, "*.");
		buf_span(out, name_span(d->name));
		break;
	case DEST_ANY_NAME:
		buf_char(out, '*');
		break;
	case DEST_PREFIX:
		put_prefix(&d->prefix, with_ports, out);
		break;
	case DEST_ANY:
		buf_str(out, "any");
		break;
	case DEST_GROUP:
		buf_fmt(out, "group/%s", d->group);
		break;
	case DEST_HOST:
		buf_str(out, "host");
		break;
	case DEST_TARGET_COUNT:
		break;
	}
}

/* The target alone stands for this protocol and these ports. */
static bool goes_without_saying(const struct dest *d, enum dest_use use)
{
	struct port_range r = ports_at(&d->ports, 0);

	if (d->target == DEST_GROUP)
		return true;
	if (d->ports.n != 1 || d->target == DEST_HOST)
		return false;
	if (use == DEST_FOR_DENY)
		return d->proto == DEST_PROTO_ANY && ports_are_all(&d->ports);
	return dest_is_named(d) && d->proto == IPPROTO_TCP && r.lo == 443 && r.hi == 443;
}

static void put_icmp(const struct dest *d, const char *proto, struct buf *out)
{
	const char *type = icmp_type_name(d->proto, d->icmp_type);

	buf_str(out, proto);
	if (type)
		buf_fmt(out, "/%s", type);
	else if (d->icmp_type >= 0)
		buf_fmt(out, "/%d", d->icmp_type);
	if (d->target != DEST_ANY) {
		buf_char(out, '/');
		put_target(d, false, out);
	}
}

void dest_str(const struct dest *d, enum dest_use use, struct buf *out)
{
	bool like_proto = d->target == DEST_NAME && proto_is_name(name_span(d->name));
	bool all = ports_are_all(&d->ports);
	bool with_proto, with_ports;
	char proto[PROTO_STR_MAX];

	proto_str(d->proto, proto);
	if (!like_proto && goes_without_saying(d, use)) {
		put_target(d, false, out);
		return;
	}
	if (proto_is_icmp(d->proto)) {
		put_icmp(d, proto, out);
		return;
	}
	with_proto = d->proto != IPPROTO_TCP || like_proto;
	with_ports = d->ports.n && (!all || !with_proto || d->target == DEST_HOST);
	if (with_proto)
		buf_fmt(out, "%s/", proto);
	put_target(d, with_ports, out);
	if (with_ports) {
		buf_char(out, ':');
		ports_str(&d->ports, out);
	}
}

const char *dest_show(const struct dest *d, enum dest_use use, char out[static DEST_STR_MAX])
{
	struct buf text;

	buf_init(&text, 2U * DEST_STR_MAX);
	dest_str(d, use, &text);
	(void)snprintf(out, DEST_STR_MAX, "%s", buf_cstr(&text));
	buf_done(&text);
	return out;
}
