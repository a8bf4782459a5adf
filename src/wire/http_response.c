/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Responses of servers: whole heads, and the status alone. */
#include "base/limits.h"
#include "base/macros.h"
#include "wire/http.h"
#include "wire/http_line.h"

/* What has been read of a head. */
struct reading {
	struct http_response r;
	struct http_options options;
	const char **why;
};

static bool refuse(struct reading *r, const char *why)
{
	*r->why = why;
	return false;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK", of which the text may be missing. */
static bool parse_status_line(struct span line, struct http_response *out)
{
	const char *p = line.p;

	if (line.n < HTTP_STATUS_END || !digit(p[7]) || p[8] != ' ' || p[9] < '1' || p[9] > '9' ||
	    !digit(p[10]) || !digit(p[11]) ||
	    (line.n > HTTP_STATUS_END && p[HTTP_STATUS_END] != ' '))
		return false;
	out->minor = p[7] > '0';
	out->status = (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
	return true;
}

/*
 * Takes the first line. What is no HTTP/1.x is refused by its first bytes. Returns 1, 0 when its
 * end is not there yet, or -1.
 */
static int take_status_line(struct span *rest, struct http_response *out, const char **why)
{
	const struct span prefix = SPAN_LIT("HTTP/1.");
	struct span line;
	int got;

	*why = "the server does not answer in HTTP/1.x";
	if (!span_starts(prefix, span_first(*rest, prefix.n)))
		return -1;
	got = http_line_take(rest, HTTP_LINE_LF, &line, why);
	if (got <= 0)
		return got;
	return parse_status_line(line, out) ? 1 : -1;
}

static bool take_length(struct reading *r, struct span value)
{
	if (r->r.has_length)
		return refuse(r, "two Content-Length fields");
	if (!http_length_parse(value, &r->r.content_length))
		return refuse(r, "a malformed Content-Length");
	r->r.has_length = true;
	return true;
}

/* Lower case only: the client gets the field as it is, and may compare bytes. */
static bool take_coding(struct reading *r, struct span value)
{
	if (r->r.chunked)
		return refuse(r, "two Transfer-Encoding fields");
	if (!span_eq(value, SPAN_LIT("chunked")))
		return refuse(r, "a Transfer-Encoding other than chunked");
	r->r.chunked = true;
	return true;
}

static bool take_connection(struct reading *r, struct span value)
{
	const char *why = http_options_add(&r->options, value);

	return !why || refuse(r, why);
}

static bool take_upgrade(struct reading *r, struct span value)
{
	if (r->r.upgrade.p)
		return refuse(r, "two Upgrade fields");
	r->r.upgrade = value;
	return true;
}

static const struct field {
	const char *name;
	bool (*take)(struct reading *r, struct span value);
} fields[] = {
	{ "content-length", take_length },
	{ "transfer-encoding", take_coding },
	{ "connection", take_connection },
	{ "upgrade", take_upgrade },
};

static bool read_field(struct reading *r, struct span line)
{
	struct span name, value;
	const char *why = http_field_split(line, &name, &value);

	if (why)
		return refuse(r, why);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (span_eq_nocase(name, span_of(fields[i].name)))
			return fields[i].take(r, value);
	return true;
}

/* What only the whole head tells. */
static bool finish(struct reading *r)
{
	struct http_response *h = &r->r;

	if (h->chunked && h->has_length)
		return refuse(r, "both Content-Length and Transfer-Encoding");
	if (h->chunked && h->minor == 0)
		return refuse(r, "Transfer-Encoding in HTTP/1.0");
	/* RFC 9112 6.1 and 6.3: there is none, whatever the fields say, but not every client knows. */
	if ((h->status < 200 || h->status == 204) && (h->chunked || h->content_length))
		return refuse(r, "a body where there is none");
	h->close = http_options_have(&r->options, SPAN_LIT("close")) ||
		   (h->minor == 0 && !http_options_have(&r->options, SPAN_LIT("keep-alive")));
	if (!http_options_have(&r->options, SPAN_LIT("upgrade")) || h->minor == 0)
		h->upgrade = (struct span){ "", 0 };
	return true;
}

static ptrdiff_t read_head(struct reading *r, struct span window)
{
	struct span rest = window, line;
	int got = take_status_line(&rest, &r->r, r->why);

	if (got <= 0)
		return got;
	for (unsigned n = 0; n <= LIMIT_HTTP_FIELDS; n++) {
		got = http_line_take(&rest, HTTP_LINE_LF, &line, r->why);
		if (got <= 0)
			return got;
		if (line.n == 0)
			return finish(r) ? rest.p - window.p : -1;
		if (n == LIMIT_HTTP_FIELDS)
			break;
		if (!read_field(r, line))
			return -1;
	}
	(void)refuse(r, "too many fields");
	return -1;
}

ptrdiff_t http_response_read(struct span bytes, size_t seen, struct http_response *out,
			     const char **why)
{
	struct span window = span_first(bytes, LIMIT_HTTP_HEAD);
	const char *reason = NULL;
	struct reading r = { .why = &reason };
	ptrdiff_t n;

	/* A first line that goes on may still turn out to be no HTTP. */
	n = seen > HTTP_STATUS_END && http_line_grew(window, seen) ? 0 : read_head(&r, window);
	if (n == 0 && window.n == LIMIT_HTTP_HEAD) {
		*why = "the head is too long";
		return -1;
	}
	if (n < 0)
		*why = reason;
	if (n > 0)
		*out = r.r;
	return n;
}

/* One response head at the start of *rest; final when the status says so, else it is skipped. */
static int skip_response(struct span *rest, struct http_response *r)
{
	const char *why;
	struct span line;
	int got = take_status_line(rest, r, &why);

	if (got <= 0 || r->status >= 200 || r->status == 101)
		return got;
	do {
		got = http_line_take(rest, HTTP_LINE_LF, &line, &why);
	} while (got > 0 && line.n > 0);
	return got;
}

ptrdiff_t http_status_read(struct span bytes, unsigned *out_status)
{
	struct span window = span_first(bytes, LIMIT_HTTP_HEAD), rest = window;
	struct http_response r = { 0 };
	int got;

	do {
		got = skip_response(&rest, &r);
	} while (got > 0 && r.status < 200 && r.status != 101);
	if (got < 0 || (got == 0 && window.n == LIMIT_HTTP_HEAD))
		return -1;
	if (got == 0)
		return 0;
	*out_status = r.status;
	return rest.p - window.p;
}
