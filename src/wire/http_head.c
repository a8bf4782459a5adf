/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/limits.h"
#include "base/macros.h"
#include "base/num.h"
#include "wire/http.h"
#include "wire/http_text.h"

#define HTTP_PORT 80

/* What has been read of a head. */
struct reading {
	struct http_head h;
	struct http_host host; /* of the Host field */
	bool has_host;
	bool has_expect;
	bool says_close;
	bool says_keep_alive;
	bool says_upgrade;
	struct http_bad *bad;
};

static bool refuse(struct reading *r, unsigned status, const char *why)
{
	*r->bad = (struct http_bad){ status, why };
	return false;
}

static int bad_line(struct reading *r, const char *why)
{
	(void)refuse(r, 400, why);
	return -1;
}

/*
 * Takes a line off *rest, without its CR LF. Returns 1, 0 when its end is not there yet, or -1 for
 * a byte that no line has.
 */
static int take_line(struct reading *r, struct span *rest, struct span *line)
{
	size_t n = 0;

	while (n < rest->n && http_is_text(rest->p[n]))
		n++;
	if (n == rest->n)
		return 0;
	if (rest->p[n] == '\n')
		return bad_line(r, "a line ends in LF without CR");
	if (rest->p[n] != '\r')
		return bad_line(r, "a control byte in the head");
	if (n + 1 == rest->n)
		return 0;
	if (rest->p[n + 1] != '\n')
		return bad_line(r, "a CR without LF");
	*line = span_first(*rest, n);
	*rest = span_from(*rest, n + 2);
	return 1;
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

/* RFC 9112 3.2.2. */
static bool read_absolute(struct reading *r)
{
	const struct span scheme = SPAN_LIT("http://");
	struct span authority;
	ptrdiff_t end;

	if (!span_eq_nocase(span_first(r->h.target, scheme.n), scheme))
		return refuse(r, 400, "a target that is neither a path nor http://host/path");
	authority = span_from(r->h.target, scheme.n);
	end = span_find(authority, '/');
	if (end >= 0)
		authority = span_first(authority, (size_t)end);
	if (!http_host_parse(authority, &r->h.host))
		return refuse(r, 400, "a malformed host in the target");
	return true;
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

static bool take_length(struct reading *r, struct span value)
{
	struct err e;

	if (r->h.has_length)
		return refuse(r, 400, "two Content-Length fields");
	if (!num_parse(value, "length", 0, INT64_MAX, &r->h.content_length, &e))
		return refuse(r, 400, "a malformed Content-Length");
	r->h.has_length = true;
	return true;
}

/* Lower case only: a server that compares bytes would not take it for "chunked". */
static bool take_coding(struct reading *r, struct span value)
{
	if (r->h.chunked)
		return refuse(r, 400, "two Transfer-Encoding fields");
	if (!span_eq(value, SPAN_LIT("chunked")))
		return refuse(r, 501, "a Transfer-Encoding other than chunked");
	r->h.chunked = true;
	return true;
}

static bool take_connection(struct reading *r, struct span value)
{
	/* A proxy behind us would take these out before it reads them. */
	static const char *const kept[] = { "host", "content-length", "transfer-encoding" };
	struct span option;

	while (span_next(&value, ',', &option)) {
		option = span_trim(option);
		if (http_is_one_of(option, kept, ARRAY_LEN(kept)))
			return refuse(r, 400, "Connection lists a field that must stay");
		r->says_close |= span_eq_nocase(option, SPAN_LIT("close"));
		r->says_keep_alive |= span_eq_nocase(option, SPAN_LIT("keep-alive"));
		r->says_upgrade |= span_eq_nocase(option, SPAN_LIT("upgrade"));
	}
	return true;
}

static bool take_upgrade(struct reading *r, struct span value)
{
	if (r->h.upgrade.p)
		return refuse(r, 400, "two Upgrade fields");
	r->h.upgrade = value;
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

static const struct field {
	const char *name;
	bool (*take)(struct reading *r, struct span value);
} fields[] = {
	{ "host", take_host },
	{ "content-length", take_length },
	{ "transfer-encoding", take_coding },
	{ "connection", take_connection },
	{ "upgrade", take_upgrade },
	{ "expect", take_expect },
	{ "proxy-authorization", take_authorization },
};

static bool read_field(struct reading *r, struct span line)
{
	ptrdiff_t colon = span_find(line, ':');
	struct span name, value;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return refuse(r, 400, "a folded line");
	if (colon < 0)
		return refuse(r, 400, "a field without a colon");
	name = span_first(line, (size_t)colon);
	value = span_trim(span_from(line, (size_t)colon + 1));
	if (!http_is_token(name))
		return refuse(r, 400, "a malformed field name");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (span_eq_nocase(name, span_of(fields[i].name)))
			return fields[i].take(r, value);
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
static bool finish(struct reading *r)
{
	struct http_head *h = &r->h;

	if (!check_host(r))
		return false;
	if (h->chunked && h->has_length)
		return refuse(r, 400, "both Content-Length and Transfer-Encoding");
	if (h->chunked && h->minor == 0)
		return refuse(r, 400, "Transfer-Encoding in HTTP/1.0");
	if (h->form == HTTP_FORM_AUTHORITY && (h->chunked || h->content_length))
		return refuse(r, 400, "CONNECT with a body");
	h->close = r->says_close || (h->minor == 0 && !r->says_keep_alive);
	/* RFC 9110 7.8 and 10.1.1: neither means anything in HTTP/1.0. */
	h->expect_continue = r->has_expect && h->minor == 1;
	if (!r->says_upgrade || h->minor == 0)
		h->upgrade = (struct span){ "", 0 };
	return true;
}

static ptrdiff_t read_head(struct reading *r, struct span window)
{
	struct span rest = window, line;
	int got = take_line(r, &rest, &line);

	if (got <= 0)
		return got;
	if (!read_request_line(r, line))
		return -1;
	for (unsigned n = 0; n <= LIMIT_HTTP_FIELDS; n++) {
		got = take_line(r, &rest, &line);
		if (got <= 0)
			return got;
		if (line.n == 0)
			return finish(r) ? rest.p - window.p : -1;
		if (n == LIMIT_HTTP_FIELDS)
			break;
		if (!read_field(r, line))
			return -1;
	}
	(void)refuse(r, 431, "too many fields");
	return -1;
}

/* What came since the last call only made its last line longer. */
static bool nothing_new(struct span window, size_t seen)
{
	if (seen == 0)
		return false;
	/* From one byte before: a CR there may now have its LF. */
	for (size_t i = seen - 1; i < window.n; i++)
		if (!http_is_text(window.p[i]))
			return false;
	return true;
}

ptrdiff_t http_head_read(struct span bytes, size_t seen, struct http_head *out,
			 struct http_bad *bad)
{
	struct span window = span_first(bytes, LIMIT_HTTP_HEAD);
	struct reading r = { .bad = bad };
	ptrdiff_t n = nothing_new(window, seen) ? 0 : read_head(&r, window);

	if (n == 0 && window.n == LIMIT_HTTP_HEAD) {
		(void)refuse(&r, 431, "the head is too long");
		return -1;
	}
	if (n > 0)
		*out = r.h;
	return n;
}
