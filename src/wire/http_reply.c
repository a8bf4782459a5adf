/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Responses: ours, written, and the status of the server's. */
#include "base/limits.h"
#include "base/macros.h"
#include "wire/http.h"

static const struct status {
	unsigned code;
	const char *text;
} statuses[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 405, "Method Not Allowed" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *http_status_text(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].code == status)
			return statuses[i].text;
	return "Error";
}

void http_reply_build(const struct http_reply *r, struct buf *out)
{
	buf_fmt(out, "HTTP/1.1 %u %s\r\n", r->status, http_status_text(r->status));
	buf_fmt(out, "Content-Type: %s\r\n", r->content_type);
	buf_fmt(out, "Content-Length: %zu\r\n", r->body.n);
	buf_str(out, "Cache-Control: no-store\r\n"
		     "Connection: close\r\n"
		     "\r\n");
	if (!r->head_only)
		buf_span(out, r->body);
}

/* Takes a line off *rest, without LF or CR LF: a server may be laxer than we let clients be. */
static bool take_line(struct span *rest, struct span *line)
{
	ptrdiff_t lf = span_find(*rest, '\n');

	if (lf < 0)
		return false;
	*line = span_first(*rest, (size_t)lf);
	*rest = span_from(*rest, (size_t)lf + 1);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK", of which the text may be missing. */
static bool parse_status_line(struct span line, unsigned *out)
{
	const char *p = line.p;

	if (line.n < 12 || !digit(p[7]) || p[8] != ' ' || p[9] < '1' || p[9] > '9' ||
	    !digit(p[10]) || !digit(p[11]) || (line.n > 12 && p[12] != ' '))
		return false;
	*out = (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
	return true;
}

/* One response head at the start of *rest; final when *status says so, else it is skipped. */
static int read_response(struct span *rest, unsigned *status)
{
	const struct span prefix = SPAN_LIT("HTTP/1.");
	struct span line;

	if (!span_starts(prefix, span_first(*rest, prefix.n)))
		return -1;
	if (!take_line(rest, &line))
		return 0;
	if (!parse_status_line(line, status))
		return -1;
	if (*status >= 200 || *status == 101)
		return 1;
	do {
		if (!take_line(rest, &line))
			return 0;
	} while (line.n > 0);
	return 1;
}

ptrdiff_t http_status_read(struct span bytes, unsigned *out_status)
{
	struct span window = span_first(bytes, LIMIT_HTTP_HEAD), rest = window;
	unsigned status = 0;
	int got;

	do {
		got = read_response(&rest, &status);
	} while (got > 0 && status < 200 && status != 101);
	if (got < 0 || (got == 0 && window.n == LIMIT_HTTP_HEAD))
		return -1;
	if (got == 0)
		return 0;
	*out_status = status;
	return rest.p - window.p;
}
