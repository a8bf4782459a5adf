/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/limits.h"
#include "http_pieces.h"

#define OK  "HTTP/1.1 200 OK\r\n"
#define END "\r\n"

static const struct {
	const char *name;
	struct span bytes;
	size_t used; /* 0: all of it */
	struct http_response want;
} taken[] = {
	{ "plain", SPAN_LIT(OK END), 0, { .status = 200, .minor = 1 } },
	{ "no text", SPAN_LIT("HTTP/1.1 204\r\n\r\n"), 0, { .status = 204, .minor = 1 } },
	{ "no text, a blank", SPAN_LIT("HTTP/1.1 204 \r\n\r\n"), 0, { .status = 204, .minor = 1 } },
	{ "8 bits in the text",
	  SPAN_LIT("HTTP/1.1 200 \xc3\x84\t \r\n\r\n"),
	  0,
	  { .status = 200, .minor = 1 } },
	{ "HTTP/1.0",
	  SPAN_LIT("HTTP/1.0 200 OK\r\n\r\n"),
	  0,
	  { .status = 200, .framing.close = true } },
	{ "HTTP/1.0 with keep-alive",
	  SPAN_LIT("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n"),
	  0,
	  { .status = 200 } },
	{ "a newer minor version",
	  SPAN_LIT("HTTP/1.2 200 OK\r\n\r\n"),
	  0,
	  { .status = 200, .minor = 1 } },
	{ "status 999", SPAN_LIT("HTTP/1.1 999 No\r\n\r\n"), 0, { .status = 999, .minor = 1 } },
	{ "interim, and the next one behind it",
	  SPAN_LIT("HTTP/1.1 100 Continue\r\n\r\n" OK END),
	  25,
	  { .status = 100, .minor = 1 } },
	{ "101, and what is no HTTP behind it",
	  SPAN_LIT("HTTP/1.1 101 x\r\n\r\n\x81\0"),
	  18,
	  { .status = 101, .minor = 1 } },
	{ "close",
	  SPAN_LIT(OK "Connection: a, Close\r\n\r\n"),
	  0,
	  { .status = 200, .minor = 1, .framing.close = true } },
	{ "close and keep-alive",
	  SPAN_LIT(OK "Connection: keep-alive\r\nConnection: close\r\n\r\n"),
	  0,
	  { .status = 200, .minor = 1, .framing.close = true } },
	{ "length",
	  SPAN_LIT(OK "Content-Length: 5\r\n\r\nhello"),
	  38,
	  { .status = 200, .minor = 1, .framing.has_length = true, .framing.content_length = 5 } },
	{ "length 0 of 204",
	  SPAN_LIT("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n"),
	  0,
	  { .status = 204, .minor = 1, .framing.has_length = true } },
	{ "length of 304",
	  SPAN_LIT("HTTP/1.1 304 No\r\ncontent-length:7\r\n\r\n"),
	  0,
	  { .status = 304, .minor = 1, .framing.has_length = true, .framing.content_length = 7 } },
	{ "longest length",
	  SPAN_LIT(OK "Content-Length: 9223372036854775807\r\n\r\n"),
	  0,
	  { .status = 200,
	    .minor = 1,
	    .framing.has_length = true,
	    .framing.content_length = INT64_MAX } },
	{ "chunked",
	  SPAN_LIT(OK "transfer-encoding: \tchunked \r\n\r\n"),
	  0,
	  { .status = 200, .minor = 1, .framing.chunked = true } },
	{ "chunked of 304",
	  SPAN_LIT("HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  0,
	  { .status = 304, .minor = 1, .framing.chunked = true } },
	{ "LF alone",
	  SPAN_LIT("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
	  35,
	  { .status = 200, .minor = 1, .framing.has_length = true, .framing.content_length = 5 } },
	{ "LF and CR LF",
	  SPAN_LIT(OK "Content-Length: 5\n\r\nhello"),
	  37,
	  { .status = 200, .minor = 1, .framing.has_length = true, .framing.content_length = 5 } },
	{ "CR LF and LF",
	  SPAN_LIT(OK "Content-Length: 5\r\n\n\r\n"),
	  37,
	  { .status = 200, .minor = 1, .framing.has_length = true, .framing.content_length = 5 } },
	{ "upgrade",
	  SPAN_LIT("HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
	  0,
	  { .status = 101, .minor = 1, .framing.upgrade = SPAN_LIT("websocket") } },
	{ "upgrade that Connection does not list",
	  SPAN_LIT("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n"),
	  0,
	  { .status = 101, .minor = 1 } },
	{ "upgrade in HTTP/1.0",
	  SPAN_LIT("HTTP/1.0 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
	  0,
	  { .status = 101, .framing.close = true } },
	{ "8 bits and tabs in a value",
	  SPAN_LIT(OK "X: \xff\x80\t!\r\nY:\r\n\r\n"),
	  0,
	  { .status = 200, .minor = 1 } },
	{ "junk behind the head", SPAN_LIT(OK END "\0\r"), 19, { .status = 200, .minor = 1 } },
};

T(take)
{
	T_EACH(row, taken)
	{
		struct http_response r = { 0 };
		const char *why = NULL;
		ptrdiff_t n = read_response(row->bytes, &r, &why);

		if (n < 0)
			t_fail("refused: %s", why);
		t_eq_int(n, row->used ? row->used : row->bytes.n);
		t_eq_int(r.status, row->want.status);
		t_eq_int(r.minor, row->want.minor);
		t_eq_int(r.framing.close, row->want.framing.close);
		t_eq_int(r.framing.chunked, row->want.framing.chunked);
		t_eq_int(r.framing.has_length, row->want.framing.has_length);
		t_eq_int(r.framing.content_length, row->want.framing.content_length);
		t_eq_span(r.framing.upgrade,
			  row->want.framing.upgrade.p ? row->want.framing.upgrade.p : "");
	}
}

static const struct {
	const char *name;
	struct span bytes;
	const char *why;
} refused[] = {
	/* The status line. */
	{ "not HTTP", SPAN_LIT("SSH-2.0-x\r\n"), "HTTP/1.x" },
	{ "a line first", SPAN_LIT("\r\n" OK END), "HTTP/1.x" },
	{ "a request", SPAN_LIT("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.x" },
	{ "HTTP/2", SPAN_LIT("HTTP/2 200\r\n\r\n"), "HTTP/1.x" },
	{ "HTTP/0.9", SPAN_LIT("<html>\n"), "HTTP/1.x" },
	{ "lower case", SPAN_LIT("http/1.1 200 OK\r\n\r\n"), "HTTP/1.x" },
	{ "another protocol", SPAN_LIT("ICY 200 OK\r\n\r\n"), "HTTP/1.x" },
	{ "long minor version", SPAN_LIT("HTTP/1.10 200 OK\r\n\r\n"), "HTTP/1.x" },
	{ "two blanks", SPAN_LIT("HTTP/1.1  200 OK\r\n\r\n"), "HTTP/1.x" },
	{ "tab", SPAN_LIT("HTTP/1.1\t200 OK\r\n\r\n"), "HTTP/1.x" },
	{ "two digits", SPAN_LIT("HTTP/1.1 20 OK\r\n\r\n"), "HTTP/1.x" },
	{ "four digits", SPAN_LIT("HTTP/1.1 2000 OK\r\n\r\n"), "HTTP/1.x" },
	{ "status 099", SPAN_LIT("HTTP/1.1 099 OK\r\n\r\n"), "HTTP/1.x" },
	{ "minus", SPAN_LIT("HTTP/1.1 -20 OK\r\n\r\n"), "HTTP/1.x" },
	{ "no status", SPAN_LIT("HTTP/1.1\r\n\r\n"), "HTTP/1.x" },

	/* Lines. */
	{ "CR in the text", SPAN_LIT("HTTP/1.1 200 O\rK\r\n\r\n"), "CR without LF" },
	{ "NUL in the text", SPAN_LIT("HTTP/1.1 200 \0\r\n\r\n"), "control" },
	{ "folded behind LF", SPAN_LIT(OK "X: a\n b\n\n"), "folded" },

	/* Framing. */
	{ "chunked in HTTP/1.0", SPAN_LIT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  "HTTP/1.0" },
	{ "length of 204", SPAN_LIT("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n"),
	  "where there is none" },
	{ "chunked of 204", SPAN_LIT("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  "where there is none" },
	{ "length of 100", SPAN_LIT("HTTP/1.1 100 x\r\nContent-Length: 5\r\n\r\n"),
	  "where there is none" },
	{ "chunked of 101", SPAN_LIT("HTTP/1.1 101 x\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  "where there is none" },
};

T(refuse)
{
	T_EACH(row, refused)
	{
		struct http_response r;
		const char *why = NULL;

		t_eq_int(read_response(row->bytes, &r, &why), -1);
		if (!strstr(why, row->why))
			t_fail("refused for another reason: %s", why);
	}
}

T(unfinished)
{
	static const struct span head = SPAN_LIT(OK "X: y\r\nContent-Length: 5\r\n\r\n");
	struct http_response r;
	const char *why;

	for (size_t n = 0; n < head.n; n++)
		for (size_t seen = 0; seen <= n; seen++)
			t_eq_int(http_response_read(span_first(head, n), seen, &r, &why), 0);
}

/* What cannot become a head is refused as soon as that is seen. */
T(early)
{
	struct http_response r;
	const char *why;

	t_eq_int(http_response_read(SPAN_LIT("S"), 0, &r, &why), -1);
	t_eq_int(http_response_read(SPAN_LIT("HTTX"), 3, &r, &why), -1);
	t_eq_int(http_response_read(SPAN_LIT("HTTP/2"), 5, &r, &why), -1);
	t_eq_int(http_response_read(SPAN_LIT(OK "X: \1"), 0, &r, &why), -1);
}

T(too_long)
{
	for (size_t n = LIMIT_HTTP_HEAD - 1; n <= LIMIT_HTTP_HEAD + 1; n++) {
		_cleanup_(buf_done) struct buf b = { 0 };
		struct http_response r;
		const char *why = "";
		bool good = n <= LIMIT_HTTP_HEAD;

		buf_init(&b, 2 * LIMIT_HTTP_HEAD);
		buf_str(&b, OK "X: ");
		while (b.n < n - 4)
			buf_char(&b, 'v');
		buf_str(&b, "\r\n\r\n");
		t_eq_int(http_response_read(buf_view(&b), 0, &r, &why), good ? (ptrdiff_t)n : -1);
		t_eq_int(http_response_read(buf_view(&b), n - 1, &r, &why),
			 good ? (ptrdiff_t)n : -1);
		t_eq_str(why, good ? "" : "the head is too long");
	}
}

T_MAIN(T_TEST(take), T_TEST(refuse), T_TEST(unfinished), T_TEST(early), T_TEST(too_long))
