/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Responses of our own. */
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
	if (r->retry_after_s)
		buf_fmt(out, "Retry-After: %u\r\n", r->retry_after_s);
	if (r->more)
		buf_str(out, r->more);
	buf_str(out, "Cache-Control: no-store\r\n"
		     "Connection: close\r\n"
		     "\r\n");
	if (!r->head_only)
		buf_span(out, r->body);
}
