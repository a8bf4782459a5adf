/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Responses of servers: whole heads, and the status alone. */
#include "base/limits.h"
#include "wire/http_fields.h"

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

/* RFC 9112 6.1 and 6.3: there is none, whatever the fields say, but not every client knows. */
static bool has_body_of_none(const struct http_response *r)
{
	return (r->status < 200 || r->status == 204) &&
	       (r->framing.chunked || r->framing.content_length);
}

static ptrdiff_t read_head(struct span window, struct http_response *out, struct http_bad *bad)
{
	struct http_fields f = { 0 };
	struct span rest = window;
	int got = take_status_line(&rest, out, &bad->why);

	if (got > 0)
		got = http_fields_read(&rest, HTTP_LINE_LF, &f, NULL, NULL, bad);
	if (got <= 0)
		return got;
	if (!http_fields_finish(&f, out->minor, bad))
		return -1;
	out->framing = f.framing;
	if (has_body_of_none(out)) {
		bad->why = "a body where there is none";
		return -1;
	}
	return rest.p - window.p;
}

ptrdiff_t http_response_read(struct span bytes, size_t seen, struct http_response *out,
			     const char **why)
{
	struct span window = span_first(bytes, LIMIT_HTTP_HEAD);
	struct http_response r = { 0 };
	struct http_bad bad = { 0 };
	ptrdiff_t n;

	/* A first line that goes on may still turn out to be no HTTP. */
	n = seen > HTTP_STATUS_END && http_line_grew(window, seen) ? 0 :
								     read_head(window, &r, &bad);
	if (n == 0 && window.n == LIMIT_HTTP_HEAD) {
		*why = "the head is too long";
		return -1;
	}
	if (n < 0)
		*why = bad.why;
	if (n > 0)
		*out = r;
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
