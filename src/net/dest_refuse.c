/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "base/macros.h"
#include "net/dest_impl.h"
#include "net/proto.h"

/* Of a text that a message quotes: three such and the words around them fit struct err. */
#define SHOWN_MAX 140

bool dest_bad(const struct reading *r, const char *fmt, ...)
{
	char shown[SHOWN_MAX], wrong[sizeof(r->e->msg)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(wrong, sizeof(wrong), fmt, ap);
	va_end(ap);
	span_show(r->all, shown, sizeof(shown));
	return err_set(r->e, ERR_INVALID, "\"%s\" %s", shown, wrong);
}

/* A part of the text, to be quoted. Returns out. */
static const char *show(struct span s, char out[static SHOWN_MAX])
{
	return span_show(s, out, SHOWN_MAX);
}

/* The whole text with the part (of r->all) replaced, to be quoted. Returns out. */
static _printf_(4, 5) const char *replace(const struct reading *r, struct span part,
					  char out[static SHOWN_MAX], const char *fmt, ...)
{
	size_t at = (size_t)(part.p - r->all.p);
	struct buf text;
	va_list ap;

	buf_init(&text, 2 * r->all.n + 64);
	buf_span(&text, span_first(r->all, at));
	va_start(ap, fmt);
	buf_vfmt(&text, fmt, ap);
	va_end(ap);
	buf_span(&text, span_from(r->all, at + part.n));
	show(buf_view(&text), out);
	buf_done(&text);
	return out;
}

static bool is_prefix(struct span s)
{
	struct prefix p;
	struct err ignored;

	return prefix_parse(s, &p, &ignored);
}

static bool is_ports(struct span s)
{
	_cleanup_(arena_done) struct arena a = { 0 };
	struct ports p;
	struct err ignored;

	return ports_parse(s, &a, &p, &ignored);
}

bool dest_reads_two_ways(struct span s)
{
	ptrdiff_t colon = span_rfind(s, ':');

	return colon > 0 && !span_has(s, '/') && is_prefix(s) &&
	       is_prefix(span_first(s, (size_t)colon)) && is_ports(span_from(s, (size_t)colon + 1));
}

static const struct {
	const char *scheme;
	const char *ports; /* what the host needs behind it */
} schemes[] = {
	{ "https", "" },    { "wss", "" },    { "http", ":80" }, { "ws", ":80" },
	{ "git", ":9418" }, { "ssh", ":22" }, { "ftp", ":21" },
};

bool dest_refuse_url(const struct reading *r, size_t colon)
{
	struct span scheme = span_first(r->all, colon);
	struct span host = span_from(r->all, colon + 3);
	const char *ports = "";
	char shown[SHOWN_MAX];

	host = span_before(span_before(span_before(host, '/'), '?'), '#');
	host = span_from(host, (size_t)(span_rfind(host, '@') + 1));
	if (host.n == 0)
		return dest_bad(r, "is not a destination: expected a host, not a URL");
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (span_eq_nocase(scheme, span_of(schemes[i].scheme)) && !span_has(host, ':'))
			ports = schemes[i].ports;
	return dest_bad(r, "is not a destination: expected a host, not a URL: write \"%s%s\"",
			show(host, shown), ports);
}

bool dest_refuse_path(const struct reading *r, struct span part)
{
	struct span path = span_from(part, span_before(part, '/').n);
	char shown[SHOWN_MAX];

	path.n = r->all.n - (size_t)(path.p - r->all.p);
	return dest_bad(r, "is not a destination: expected no path: write \"%s\"",
			replace(r, path, shown, "%s", ""));
}

bool dest_refuse_user(const struct reading *r)
{
	struct span host = span_from(r->all, (size_t)(span_rfind(r->all, '@') + 1));
	struct span ports = span_from(host, span_before(host, ':').n + 1);
	char a[SHOWN_MAX], b[SHOWN_MAX];

	host = span_before(span_before(host, ':'), '/');
	if (host.n == 0)
		return dest_bad(r, "is not a destination: expected a host and no user");
	if (!is_ports(ports))
		ports = SPAN_LIT("22");
	return dest_bad(r, "is not a destination: expected no user: write \"%s:%s\"", show(host, a),
			show(ports, b));
}

bool dest_refuse_proto(const struct reading *r, struct span head)
{
	const char *meant = proto_nearest(head);
	char a[SHOWN_MAX], b[SHOWN_MAX];

	show(head, a);
	if (meant)
		return dest_bad(
			r, "is not a destination: \"%s\" is not a protocol: did you mean \"%s\"?",
			a, replace(r, head, b, "%s", meant));
	return dest_bad(r,
			"is not a destination: \"%s\" is not a protocol: expected tcp, udp, icmp, "
			"another name, a number from 0 to 255, any, or group/NAME",
			a);
}

bool dest_refuse_icmp_type(const struct reading *r, int proto, struct span head)
{
	char name[PROTO_STR_MAX], shown[SHOWN_MAX];

	return dest_bad(r,
			"is not a destination: \"%s\" is not a type of %s: expected echo-request, "
			"another name, or a number from 0 to 255",
			show(head, shown), proto_str(proto, name));
}

bool dest_refuse_public_suffix(const struct reading *r, struct span target, const struct name *n)
{
	char shown[SHOWN_MAX];

	return dest_bad(r,
			"is not a destination: \"%s\" is a public suffix, below which anyone can "
			"register a name: write each name, or \"%s\"",
			n->s, replace(r, target, shown, "*.example.%s", n->s));
}

bool dest_refuse_wildcard(const struct reading *r, struct span target)
{
	struct span ending = target;
	char shown[SHOWN_MAX];
	struct name name;
	struct err ignored;

	while (ending.n && (ending.p[0] == '*' || ending.p[0] == '.'))
		ending = span_from(ending, 1);
	if (ending.n == 0)
		return dest_bad(r, "is not a destination: for any name write \"%s\"",
				replace(r, target, shown, "*"));
	if (span_ends(target, SPAN_LIT(".*")) && span_find(target, '*') + 1 == (ptrdiff_t)target.n)
		return dest_bad(
			r,
			"is not a destination: a wildcard is only ever a leading \"*.\": write "
			"each name, such as \"%s\"",
			replace(r, span_from(target, target.n - 1), shown, "com"));
	if (ending.n == target.n || !name_parse_idna(ending, &name, &ignored))
		return dest_bad(r,
				"is not a destination: a wildcard is only ever a leading \"*.\": "
				"expected each name that is meant");
	if (name_is_public_suffix(&name))
		return dest_refuse_public_suffix(r, target, &name);
	return dest_bad(r,
			"is not a destination: a wildcard is a leading \"*.\" at a label boundary: "
			"write \"%s\"",
			replace(r, target, shown, "*." SPAN_FMT, SPAN_ARG(ending)));
}

bool dest_refuse_colons(const struct reading *r, struct span target)
{
	size_t colon = (size_t)span_rfind(target, ':');
	struct span address = span_first(target, colon), ports = span_from(target, colon + 1);
	char shown[SHOWN_MAX];

	if (is_prefix(address) && is_ports(ports))
		return dest_bad(r, "is not a destination: write \"%s\"",
				replace(r, address, shown, "[" SPAN_FMT "]", SPAN_ARG(address)));
	if (is_prefix(span_before(target, '/')) || span_has(target, '%'))
		return false; /* prefix_parse() has said it better */
	return dest_bad(r, "is not a destination: expected an IPv6 address, or one \":\" before "
			   "the ports");
}

bool dest_refuse_two_ways(const struct reading *r, struct span target)
{
	struct span shorter = span_first(target, (size_t)span_rfind(target, ':'));
	bool needs_port = r->use == DEST_FOR_ALLOW && target.p == r->all.p;
	char one[SHOWN_MAX], other[SHOWN_MAX];

	return dest_bad(r, "can be read two ways: write \"%s\", or \"%s\"",
			replace(r, shorter, one, "[" SPAN_FMT "]", SPAN_ARG(shorter)),
			replace(r, target, other, "[" SPAN_FMT "]%s", SPAN_ARG(target),
				needs_port ? ":443" : ""));
}

bool dest_refuse_brackets(const struct reading *r, struct span rest)
{
	struct span inside = span_before(span_from(rest, 1), ']');
	struct span after = span_from(rest, inside.n + 2);
	char shown[SHOWN_MAX];

	if (!span_has(rest, ']'))
		return dest_bad(r, "is not a destination: \"[\" without \"]\": write \"%s\"",
				is_prefix(inside) ?
					replace(r, rest, shown, SPAN_FMT "]:443", SPAN_ARG(rest)) :
					"[2001:db8::1]:443");
	if (inside.n == 0)
		return dest_bad(r, "is not a destination: expected an IPv6 address in brackets");
	if (!span_has(inside, ':'))
		return dest_bad(r, "is not a destination: brackets are for IPv6: write \"%s\"",
				replace(r, rest, shown, SPAN_FMT SPAN_FMT, SPAN_ARG(inside),
					SPAN_ARG(after)));
	if (after.n && after.p[0] == '/') {
		struct span length = span_before(after, ':');

		return dest_bad(
			r, "is not a destination: a prefix stands whole in brackets: write \"%s\"",
			replace(r, rest, shown, "[" SPAN_FMT SPAN_FMT "]" SPAN_FMT,
				SPAN_ARG(inside), SPAN_ARG(length),
				SPAN_ARG(span_from(after, length.n))));
	}
	return dest_bad(r, "is not a destination: expected \":\" and ports after \"]\"");
}

bool dest_refuse_no_ports(const struct reading *r)
{
	char shown[SHOWN_MAX];

	show(r->all, shown);
	return dest_bad(
		r,
		"is not a destination: no port after \":\": write \"%s443\", or \"%s*\" for "
		"every port",
		shown, shown);
}

bool dest_refuse_group(const struct reading *r, struct span name)
{
	struct span only = span_before(name, ':');
	char shown[SHOWN_MAX];

	if (only.n == name.n && span_starts(r->all, SPAN_LIT("group/")))
		return dest_bad(r, "is not a group: expected group/NAME, where a name is 1 to 63 "
				   "letters, digits, \"_\", \".\" and \"-\"");
	return dest_bad(r,
			"is not a destination: a group brings its own protocols and ports: write "
			"\"group/%s\"",
			show(only, shown));
}

bool dest_refuse_like_proto(const struct reading *r, const struct name *n)
{
	return dest_bad(r,
			"is not a destination: \"%s\" is a protocol: write \"%s/any\", or "
			"\"tcp/%s:80\" for a host of that name",
			n->s, n->s, n->s);
}

/* An address or `any` alone, which in an allow is more than most people mean. */
bool dest_refuse_bare(const struct reading *r, const struct dest *d)
{
	uint16_t port = d->target == DEST_ANY ? 443 : 8080;
	struct dest instead = *d;
	char one[DEST_STR_MAX], all[DEST_STR_MAX];

	instead.proto = IPPROTO_TCP;
	instead.ports = ports_one(port);
	dest_show(&instead, r->use, one);
	instead.proto = DEST_PROTO_ANY;
	instead.ports = PORTS_ALL;
	dest_show(&instead, r->use, all);
	return dest_bad(r, "needs a port in an allow: write \"%s\", or \"%s\" for everything", one,
			all);
}
