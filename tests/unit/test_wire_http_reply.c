/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/limits.h"
#include "t.h"
#include "wire/http.h"

T(reply)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	struct http_reply r = { .status = 403,
				.content_type = "text/plain",
				.body = SPAN_LIT("denied\n") };

	buf_init(&out, 1024);
	http_reply_build(&r, &out);
	t_eq_span(buf_view(&out), "HTTP/1.1 403 Forbidden\r\n"
				  "Content-Type: text/plain\r\n"
				  "Content-Length: 7\r\n"
				  "Cache-Control: no-store\r\n"
				  "Connection: close\r\n"
				  "\r\n"
				  "denied\n");
	buf_clear(&out);
	r.head_only = true;
	http_reply_build(&r, &out);
	t_ok(span_ends(buf_view(&out), SPAN_LIT("Connection: close\r\n\r\n")));
	t_ok(strstr(buf_cstr(&out), "Content-Length: 7\r\n") != NULL);
}

/* What only some answers say stands in front of what all do. */
T(more)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	const struct http_reply r = {
		.status = 503,
		.content_type = "text/plain",
		.retry_after_s = 7,
		.more = "Proxy-Authenticate: Basic realm=\"sallyport\"\r\nX: y\r\n",
	};

	buf_init(&out, 1024);
	http_reply_build(&r, &out);
	t_eq_span(buf_view(&out), "HTTP/1.1 503 Service Unavailable\r\n"
				  "Content-Type: text/plain\r\n"
				  "Content-Length: 0\r\n"
				  "Retry-After: 7\r\n"
				  "Proxy-Authenticate: Basic realm=\"sallyport\"\r\n"
				  "X: y\r\n"
				  "Cache-Control: no-store\r\n"
				  "Connection: close\r\n"
				  "\r\n");
}

T(text)
{
	t_eq_str(http_status_text(431), "Request Header Fields Too Large");
	t_eq_str(http_status_text(999), "Error");
}

/* used: bytes up to the end of the final status line; 0: more are needed; -1: bad. */
static const struct {
	const char *name;
	const char *bytes;
	ptrdiff_t used;
	unsigned status;
} rows[] = {
	{ "200", "HTTP/1.1 200 OK\r\nX: y\r\n\r\n", 17, 200 },
	{ "HTTP/1.0", "HTTP/1.0 404 Not Found\r\n", 24, 404 },
	{ "no text", "HTTP/1.1 204\r\n", 14, 204 },
	{ "LF alone", "HTTP/1.1 200 OK\nX: y\n\n", 16, 200 },
	{ "101 is final", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x81", 34, 101 },
	{ "100, then 200", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", 42, 200 },
	{ "103 with fields, then 101",
	  "HTTP/1.1 103 Early Hints\r\nLink: a\r\nHTTP/1.1 101 x: y\r\n\r\nHTTP/1.1 101 x\r\n", 72,
	  101 },
	{ "status cut", "HTTP/1.1 20", 0, 0 },
	{ "line cut", "HTTP/1.1 200 OK\r", 0, 0 },
	{ "interim head cut", "HTTP/1.1 100 Continue\r\nX: y\r\n", 0, 0 },
	{ "nothing behind the interim one", "HTTP/1.1 100 Continue\r\n\r\n", 0, 0 },
	{ "nothing", "", 0, 0 },

	{ "not HTTP", "SSH-2.0-x\r\n", -1, 0 },
	{ "not HTTP, one byte", "S", -1, 0 },
	{ "HTTP/2", "HTTP/2 200\r\n", -1, 0 },
	{ "two digits", "HTTP/1.1 20 OK\r\n", -1, 0 },
	{ "four digits", "HTTP/1.1 2000 OK\r\n", -1, 0 },
	{ "no digits", "HTTP/1.1 abc OK\r\n", -1, 0 },
	{ "status 099", "HTTP/1.1 099 OK\r\n", -1, 0 },
	{ "two blanks", "HTTP/1.1  200 OK\r\n", -1, 0 },
	{ "minor of a letter", "HTTP/1.x 200 OK\r\n", -1, 0 },
	{ "junk behind the interim one", "HTTP/1.1 100 Continue\r\n\r\nhello\r\n", -1, 0 },
	{ "line too short", "HTTP/1.1\r\n", -1, 0 },
	{ "CR alone", "HTTP/1.1 200 O\rK\r\n", -1, 0 },
	{ "control byte in an interim one", "HTTP/1.1 100 \1\r\n", -1, 0 },
};

T(status)
{
	T_EACH(row, rows)
	{
		const struct span bytes = span_of(row->bytes);
		unsigned status = 0;
		ptrdiff_t part = 0;

		t_eq_int(http_status_read(bytes, &status), row->used);
		t_eq_int(status, row->status);
		status = 0;
		for (size_t n = 1; n <= bytes.n && part == 0; n++)
			part = http_status_read(span_first(bytes, n), &status);
		t_eq_int(part, row->used);
		t_eq_int(status, row->status);
	}
}

/* Interim responses without end. */
T(endless)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	unsigned status;

	buf_init(&b, 2 * LIMIT_HTTP_HEAD);
	while (b.n < LIMIT_HTTP_HEAD)
		buf_str(&b, "HTTP/1.1 100 Continue\r\n\r\n");
	t_eq_int(http_status_read(buf_view(&b), &status), -1);
	t_eq_int(http_status_read(span_first(buf_view(&b), LIMIT_HTTP_HEAD - 1), &status), 0);
}

T_MAIN(T_TEST(reply), T_TEST(more), T_TEST(text), T_TEST(status), T_TEST(endless))
