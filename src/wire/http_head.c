/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/limits.h"
#include "base/macros.h"
#include "base/num.h"
#include "wire/http_fields.h"
#include "wire/http_text.h"

/* What has been read of a head. */
struct reading {
	struct http_head h;
	struct http_host host; /* of the Host field */
	bool has_host;
	bool has_expect;
	struct http_bad *bad;
};

static bool refuse(struct reading *r, unsigned status, const char *why)
{
	*r->bad = (struct http_bad){ status, why };
	return false;
}

static bool read_version(struct reading *r, struct span s)
{
	const struct span prefix = SPAN_LIT("HTTP/");

	if (span_eq(s, SPAN_LIT("HTTP/1.1")) || span_eq(s, SPAN_LIT("HTTP/1.0"))) {
		r->h.minor = (uint8_t)(s.p[s.n - 1] - '0');
		return true;
	}
	if (span_starts(s, prefix) && s.n > prefix.n && s.p[prefix.n] >= '0' &&
	    s.p[prefix.n] <= '9')
		return refuse(r, 505, "a version other than HTTP/1.0 and HTTP/1.1");
	return refuse(r, 400, "the request line does not end in an HTTP version");
}

/*
 * Visible bytes. RFC 3986 has no others, but clients send paths in UTF-8 as they are, and nothing
 * rests on the path. A fragment is never sent, except to be read as part of a host.
 */
static bool target_bytes_ok(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '#')
			return false;
	return s.n > 0;
}

/* Where an authority ends: RFC 3986 3.2. */
static size_t authority_size(struct span s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != '/' && s.p[n] != '?')
		n++;
	return n;
}

/*
 * A query may follow the host at once. A reader that ends hosts at '/' alone must not find another
 * one in it: http://good.test?.evil.test/ or http://good.test?@evil.test/.
 */
static bool query_ok(struct span path)
{
	return path.n == 0 || path.p[0] == '/' ||
	       (span_find(path, '.') < 0 && span_find(path, '@') < 0 && span_find(path, ':') < 0);
}

/* RFC 9112 3.2.2. */
static bool read_absolute(struct reading *r)
{
	const struct span scheme = SPAN_LIT("http://");
	struct span rest;
	size_t n;

	if (!span_eq_nocase(span_first(r->h.target, scheme.n), scheme))
		return refuse(r, 400, "a target that is neither a path nor http://host/path");
	rest = span_from(r->h.target, scheme.n);
	n = authority_size(rest);
	r->h.path = span_from(rest, n);
	if (!http_host_parse(span_first(rest, n), &r->h.host))
		return refuse(r, 400, "a malformed host in the target");
	return query_ok(r->h.path) ||
	       refuse(r, 400, "a query without a path, which could be read as part of the host");
}

static bool read_target(struct reading *r)
{
	struct span target = r->h.target;

	if (!target_bytes_ok(target))
		return refuse(r, 400, "a malformed target");
	if (span_eq(r->h.method, SPAN_LIT("CONNECT"))) {
		r->h.form = HTTP_FORM_AUTHORITY;
		if (!http_host_parse(target, &r->h.host) || r->h.host.port == 0)
			return refuse(r, 400, "CONNECT without a plain host:port");
		return true;
	}
	if (target.p[0] == '/') {
		r->h.form = HTTP_FORM_ORIGIN;
		return true;
	}
	if (span_eq(target, SPAN_LIT("*")) && span_eq(r->h.method, SPAN_LIT("OPTIONS"))) {
		r->h.form = HTTP_FORM_ASTERISK;
		return true;
	}
	r->h.form = HTTP_FORM_ABSOLUTE;
	return read_absolute(r);
}

static bool read_request_line(struct reading *r, struct span line)
{
	struct span version;

	if (!span_next(&line, ' ', &r->h.method) || !http_is_token(r->h.method))
		return refuse(r, 400, "the request line does not begin with a method");
	if (!span_next(&line, ' ', &r->h.target) || !span_next(&line, ' ', &version) || line.p)
		return refuse(r, 400, "the request line is not method, target, version");
	return read_version(r, version) && read_target(r);
}

static bool take_host(struct reading *r, struct span value)
{
	if (r->has_host)
		return refuse(r, 400, "two Host fields");
	if (!http_host_parse(value, &r->host))
		return refuse(r, 400, "a malformed Host");
	r->has_host = true;
	return true;
}

static bool take_expect(struct reading *r, struct span value)
{
	if (r->has_expect || !span_eq_nocase(value, SPAN_LIT("100-continue")))
		return refuse(r, 417, "an Expect other than 100-continue");
	r->has_expect = true;
	return true;
}

static bool take_authorization(struct reading *r, struct span value)
{
	if (r->h.proxy_authorization.p)
		return refuse(r, 400, "two Proxy-Authorization fields");
	r->h.proxy_authorization = value;
	return true;
}

/* RFC 9110 7.6.2: for other methods it means nothing. */
static bool take_max_forwards(struct reading *r, struct span value)
{
	struct err e;
	uint64_t n;

	if (!span_eq(r->h.method, SPAN_LIT("OPTIONS")) && !span_eq(r->h.method, SPAN_LIT("TRACE")))
		return true;
	if (r->h.has_max_forwards || !num_parse(value, "count", 0, UINT32_MAX, &n, &e))
		return refuse(r, 400, "a malformed Max-Forwards, or two");
	r->h.has_max_forwards = true;
	r->h.max_forwards = (uint32_t)n;
	return true;
}

static const struct field {
	const char *name;
	bool (*take)(struct reading *r, struct span value);
} fields[] = {
	{ "host", take_host },
	{ "expect", take_expect },
	{ "proxy-authorization", take_authorization },
	{ "max-forwards", take_max_forwards },
};

static bool take_field(void *ctx, struct span name, struct span value)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (span_eq_nocase(name, span_of(fields[i].name)))
			return fields[i].take(ctx, value);
	return true;
}

static bool same_host(const struct http_host *a, const struct http_host *b)
{
	return name_eq(&a->name, &b->name) && addr_eq(&a->addr, &b->addr);
}

/* Host beside a host in the target: RFC 9112 3.2.2 has the target win, but not every server does. */
static bool check_host(struct reading *r)
{
	const struct http_host *target = &r->h.host, *field = &r->host;
	bool same;

	if (!r->has_host)
		return r->h.minor == 0 || refuse(r, 400, "no Host");
	if (!http_host_given(target)) {
		r->h.host = *field;
		return true;
	}
	same = same_host(target, field);
	if (r->h.form == HTTP_FORM_AUTHORITY)
		same = same && (field->port == 0 || field->port == target->port);
	else
		same = same && (field->port ? field->port : HTTP_PORT) ==
				       (target->port ? target->port : HTTP_PORT);
	return same || refuse(r, 400, "Host is not the host of the target");
}

/* What only the whole head tells. */
static bool finish(struct reading *r, struct http_fields *f)
{
	struct http_head *h = &r->h;

	if (!check_host(r) || !http_fields_finish(f, h->minor, r->bad))
		return false;
	h->framing = f->framing;
	if (h->form == HTTP_FORM_AUTHORITY && (h->framing.chunked || h->framing.content_length))
		return refuse(r, 400, "CONNECT with a body");
	/* RFC 9110 10.1.1: in HTTP/1.0 it means nothing. */
	h->expect_continue = r->has_expect && h->minor == 1;
	return true;
}

static ptrdiff_t read_head(struct reading *r, struct span window)
{
	struct span rest = window, line;
	struct http_fields f = { 0 };
	const char *why = NULL;
	int got = http_line_take(&rest, HTTP_LINE_CRLF, &line, &why);

	if (got < 0)
		(void)refuse(r, 400, why);
	if (got <= 0)
		return got;
	if (!read_request_line(r, line))
		return -1;
	got = http_fields_read(&rest, HTTP_LINE_CRLF, &f, take_field, r, r->bad);
	if (got <= 0)
		return got;
	return finish(r, &f) ? rest.p - window.p : -1;
}

ptrdiff_t http_head_read(struct span bytes, size_t seen, struct http_head *out,
			 struct http_bad *bad)
{
	struct span window = span_first(bytes, LIMIT_HTTP_HEAD);
	struct reading r = { .bad = bad };
	ptrdiff_t n = http_line_grew(window, seen) ? 0 : read_head(&r, window);

	if (n == 0 && window.n == LIMIT_HTTP_HEAD) {
		(void)refuse(&r, 431, "the head is too long");
		return -1;
	}
	if (n > 0)
		*out = r.h;
	return n;
}
