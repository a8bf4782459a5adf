/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/http_forward.h"

#include "wire/http_line.h"
#include "wire/http_text.h"

#define CRLF	"\r\n"
#define CLOSE	"Connection: close" CRLF
#define UPGRADE "Connection: Upgrade" CRLF "Upgrade: websocket" CRLF

struct field {
	struct span line; /* without its end */
	struct span name;
	struct span value;
};

/* Takes a line off a head that was read before, so that none is malformed. False at the end. */
static bool next_line(struct span *rest, struct span *line)
{
	const char *why;

	return http_line_take(rest, HTTP_LINE_LF, line, &why) > 0 && line->n > 0;
}

static bool next_field(struct span *rest, struct field *f)
{
	return next_line(rest, &f->line) && !http_field_split(f->line, &f->name, &f->value);
}

static bool is_of_one_hop(struct span name)
{
	static const char *const names[] = {
		"connection",
		"keep-alive",
		"proxy-connection",
		"proxy-authorization",
		"proxy-authenticate",
		"proxy-authentication-info",
		"te",
		"upgrade",
	};

	return http_is_one_of(name, names, ARRAY_LEN(names));
}

static struct http_options listed(struct span fields)
{
	struct http_options o = { .n = 0 };
	struct field f;

	while (next_field(&fields, &f))
		if (span_eq_nocase(f.name, SPAN_LIT("connection")) && http_options_add(&o, f.value))
			break; /* refused: the reader would have said so */
	return o;
}

/* Copies the fields behind the first line, but those of one hop and the n written by us. */
static void copy_fields(struct span fields, const char *const *ours, size_t n, struct buf *out)
{
	const struct http_options options = listed(fields);
	struct field f;

	while (next_field(&fields, &f)) {
		if (is_of_one_hop(f.name) || http_options_have(&options, f.name) ||
		    http_is_one_of(f.name, ours, n))
			continue;
		buf_span(out, f.line);
		buf_str(out, CRLF);
	}
}

/* RFC 9112 3.2.1 and 3.2.4. */
static void put_target(const struct http_head *h, struct buf *out)
{
	if (h->path.n == 0)
		buf_char(out, span_eq(h->method, SPAN_LIT("OPTIONS")) ? '*' : '/');
	else if (h->path.p[0] == '?')
		buf_char(out, '/');
	buf_span(out, h->path);
}

/* A port that goes without saying is not said: servers compare this with the names they have. */
static void put_host(struct http_host host, struct buf *out)
{
	if (host.port == HTTP_PORT)
		host.port = 0;
	buf_str(out, "Host: ");
	http_host_write(&host, out);
	buf_str(out, CRLF);
}

/* RFC 9110 7.6.3: the version in which the message came to us. */
static void put_via(unsigned minor, struct buf *out)
{
	buf_fmt(out, "Via: 1.%u sallyport" CRLF, minor);
}

bool http_is_websocket(struct span upgrade)
{
	return span_eq_nocase(upgrade, SPAN_LIT("websocket"));
}

bool http_request_forward(struct span head, const struct http_head *h, struct buf *out)
{
	static const char *const ours[] = { "host", "max-forwards" };
	const bool counts = h->has_max_forwards;
	struct span line;

	if (h->form != HTTP_FORM_ABSOLUTE || (counts && h->max_forwards == 0) ||
	    !next_line(&head, &line))
		return false;
	buf_span(out, h->method);
	buf_char(out, ' ');
	put_target(h, out);
	buf_fmt(out, " HTTP/1.%u" CRLF, (unsigned)h->minor);
	put_host(h->host, out);
	copy_fields(head, ours, counts ? 2 : 1, out);
	if (counts)
		buf_fmt(out, "Max-Forwards: %u" CRLF, h->max_forwards - 1);
	buf_str(out, http_is_websocket(h->framing.upgrade) ? UPGRADE : CLOSE);
	put_via(h->minor, out);
	buf_str(out, CRLF);
	return buf_ok(out);
}

void http_response_forward(struct span head, const struct http_response *r, bool client_keeps,
			   struct buf *out)
{
	struct span line;

	if (!next_line(&head, &line))
		return;
	buf_fmt(out, "HTTP/1.1 %u ", r->status);
	buf_span(out, span_from(line, HTTP_STATUS_END + 1));
	buf_str(out, CRLF);
	copy_fields(head, NULL, 0, out);
	if (r->status == 101 && http_is_websocket(r->framing.upgrade))
		buf_str(out, UPGRADE);
	put_via(r->minor, out);
	if (r->status >= 200 && !client_keeps)
		buf_str(out, CLOSE);
	buf_str(out, CRLF);
}
