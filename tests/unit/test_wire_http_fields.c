/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fields of heads, which are read alike in a request and in a response. */
#include "base/limits.h"
#include "http_pieces.h"

/* Both are good (status 0), or refused with this in the reason; a request is answered with the status. */
static void check(struct span of_request, struct span of_response, unsigned status,
		  const char *part)
{
	_cleanup_(buf_done) struct buf request = { 0 }, response = { 0 };
	struct http_bad bad = { 0, "" };
	struct http_response r;
	struct http_head h;
	const char *why = "";

	buf_init(&request, 8192);
	buf_str(&request, "POST / HTTP/1.1\r\nHost: good.test\r\n");
	buf_span(&request, of_request);
	buf_init(&response, 8192);
	buf_str(&response, "HTTP/1.1 200 OK\r\n");
	buf_span(&response, of_response);
	t_eq_int(read_head(buf_view(&request), &h, &bad), status ? -1 : (ptrdiff_t)request.n);
	t_eq_int(bad.status, status);
	t_eq_int(read_response(buf_view(&response), &r, &why), status ? -1 : (ptrdiff_t)response.n);
	t_eq_str(why, bad.why);
	if (!strstr(why, part))
		t_fail("reason \"%s\", expected \"%s\"", why, part);
}

static const struct {
	const char *name;
	struct span fields;
	unsigned status; /* that a request is answered with */
	const char *why;
} refused[] = {
	/* Lines. */
	{ "CR alone in a value", SPAN_LIT("X: a\rHost: evil.test\r\n\r\n"), 400, "CR without LF" },
	{ "CR CR LF", SPAN_LIT("X: a\r\r\n\r\n"), 400, "CR without LF" },
	{ "NUL in a value", SPAN_LIT("X: a\0b\r\n\r\n"), 400, "control byte" },
	{ "NUL in a name", SPAN_LIT("X\0: a\r\n\r\n"), 400, "control byte" },
	{ "DEL in a value", SPAN_LIT("X: a\x7f\r\n\r\n"), 400, "control byte" },
	{ "form feed", SPAN_LIT("Content-Length:\f5\r\n\r\n"), 400, "control byte" },
	{ "vertical tab", SPAN_LIT("Transfer-Encoding:\vchunked\r\n\r\n"), 400, "control byte" },

	/* Fields. */
	{ "folded by a blank", SPAN_LIT("X: a\r\n b\r\n\r\n"), 400, "folded" },
	{ "folded by a tab", SPAN_LIT("X: a\r\n\tb\r\n\r\n"), 400, "folded" },
	{ "a folded length", SPAN_LIT("X: a\r\n Content-Length: 5\r\n\r\n"), 400, "folded" },
	{ "folded before any field", SPAN_LIT(" Host: good.test\r\n\r\n"), 400, "folded" },
	{ "folded Transfer-Encoding", SPAN_LIT("Transfer-Encoding: chunked\r\n , identity\r\n\r\n"),
	  400, "folded" },
	{ "a line of blanks", SPAN_LIT("  \r\n\r\n"), 400, "folded" },
	{ "no colon", SPAN_LIT("X\r\n\r\n"), 400, "colon" },
	{ "no colon behind a length", SPAN_LIT("Content-Length 5\r\n\r\n"), 400, "colon" },
	{ "no name", SPAN_LIT(": a\r\n\r\n"), 400, "field name" },
	{ "blank before the colon", SPAN_LIT("Content-Length : 5\r\n\r\n"), 400, "field name" },
	{ "tab before the colon", SPAN_LIT("Transfer-Encoding\t: chunked\r\n\r\n"), 400,
	  "field name" },
	{ "blank in a name", SPAN_LIT("Content Length: 5\r\n\r\n"), 400, "field name" },
	{ "8 bits in a name", SPAN_LIT("Hos\xc5\xa7: a\r\n\r\n"), 400, "field name" },
	{ "quote in a name", SPAN_LIT("\"Host\": a\r\n\r\n"), 400, "field name" },
	{ "slash in a name", SPAN_LIT("a/b: c\r\n\r\n"), 400, "field name" },

	/* Framing. */
	{ "both lengths", SPAN_LIT("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400,
	  "both" },
	{ "both lengths, the other way",
	  SPAN_LIT("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"), 400, "both" },
	{ "two lengths", SPAN_LIT("Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), 400,
	  "two Content-Length" },
	{ "the same length twice", SPAN_LIT("Content-Length: 5\r\nCONTENT-LENGTH: 5\r\n\r\n"), 400,
	  "two Content-Length" },
	{ "list of lengths", SPAN_LIT("Content-Length: 5, 5\r\n\r\n"), 400,
	  "malformed Content-Length" },
	{ "length with a plus", SPAN_LIT("Content-Length: +5\r\n\r\n"), 400,
	  "malformed Content-Length" },
	{ "length below zero", SPAN_LIT("Content-Length: -5\r\n\r\n"), 400,
	  "malformed Content-Length" },
	{ "length in hex", SPAN_LIT("Content-Length: 0x5\r\n\r\n"), 400,
	  "malformed Content-Length" },
	{ "length with a leading zero", SPAN_LIT("Content-Length: 010\r\n\r\n"), 400,
	  "malformed Content-Length" },
	{ "length with a blank", SPAN_LIT("Content-Length: 1 0\r\n\r\n"), 400,
	  "malformed Content-Length" },
	{ "length with a comma", SPAN_LIT("Content-Length: 1,000\r\n\r\n"), 400,
	  "malformed Content-Length" },
	{ "length with a fraction", SPAN_LIT("Content-Length: 5.0\r\n\r\n"), 400,
	  "malformed Content-Length" },
	{ "empty length", SPAN_LIT("Content-Length:\r\n\r\n"), 400, "malformed Content-Length" },
	{ "length in quotes", SPAN_LIT("Content-Length: \"5\"\r\n\r\n"), 400,
	  "malformed Content-Length" },
	{ "length of 2^63", SPAN_LIT("Content-Length: 9223372036854775808\r\n\r\n"), 400,
	  "malformed Content-Length" },
	{ "length of 2^64 and 5", SPAN_LIT("Content-Length: 18446744073709551621\r\n\r\n"), 400,
	  "malformed Content-Length" },
	{ "two codings",
	  SPAN_LIT("Transfer-Encoding: chunked\r\n"
		   "Transfer-Encoding: chunked\r\n\r\n"),
	  400, "two Transfer-Encoding" },
	{ "chunked and identity",
	  SPAN_LIT("Transfer-Encoding: chunked\r\n"
		   "Transfer-Encoding: identity\r\n\r\n"),
	  400, "two Transfer-Encoding" },
	{ "gzip, chunked", SPAN_LIT("Transfer-Encoding: gzip, chunked\r\n\r\n"), 501,
	  "other than chunked" },
	{ "chunked, chunked", SPAN_LIT("Transfer-Encoding: chunked, chunked\r\n\r\n"), 501,
	  "other than chunked" },
	{ "chunked, identity", SPAN_LIT("Transfer-Encoding: chunked, identity\r\n\r\n"), 501,
	  "other than chunked" },
	{ "identity", SPAN_LIT("Transfer-Encoding: identity\r\n\r\n"), 501, "other than chunked" },
	{ "xchunked", SPAN_LIT("Transfer-Encoding: xchunked\r\n\r\n"), 501, "other than chunked" },
	{ "chunked;q=1", SPAN_LIT("Transfer-Encoding: chunked;q=1\r\n\r\n"), 501,
	  "other than chunked" },
	{ "\"chunked\" in quotes", SPAN_LIT("Transfer-Encoding: \"chunked\"\r\n\r\n"), 501,
	  "other than chunked" },
	{ "chunked in upper case", SPAN_LIT("Transfer-Encoding: CHUNKED\r\n\r\n"), 501,
	  "other than chunked" },
	{ "chunked with a capital", SPAN_LIT("Transfer-Encoding: Chunked\r\n\r\n"), 501,
	  "other than chunked" },
	{ "empty coding", SPAN_LIT("Transfer-Encoding:\r\n\r\n"), 501, "other than chunked" },
	{ "Connection: Content-Length",
	  SPAN_LIT("Connection: close, Content-Length\r\nContent-Length: 5\r\n\r\n"), 400,
	  "must stay" },
	{ "Connection: Host", SPAN_LIT("Connection: host\r\n\r\n"), 400, "must stay" },
	{ "Connection: Transfer-Encoding", SPAN_LIT("Connection: ,transfer-encoding\r\n\r\n"), 400,
	  "must stay" },
	{ "two Upgrades", SPAN_LIT("Upgrade: websocket\r\nUpgrade: h2c\r\n\r\n"), 400,
	  "two Upgrade" },
};

T(refuse)
{
	T_EACH(row, refused)
	check(row->fields, row->fields, row->status, row->why);
}

/* Connection may list so many fields, in one line or in several; empty places do not count. */
T(options)
{
	for (unsigned n = LIMIT_HTTP_OPTIONS - 1; n <= LIMIT_HTTP_OPTIONS + 1; n++) {
		_cleanup_(buf_done) struct buf b = { 0 };
		bool good = n <= LIMIT_HTTP_OPTIONS;

		buf_init(&b, 4096);
		buf_str(&b, "Connection: ,,, ,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\r\n");
		for (unsigned i = 0; i < n; i++)
			buf_fmt(&b, i % 2 ? ", b%u\r\n" : "Connection: a%u", i);
		buf_str(&b, n % 2 ? "\r\n\r\n" : "\r\n");
		check(buf_view(&b), buf_view(&b), good ? 0 : 400, good ? "" : "too many fields");
	}
}

#define FIELD "X: y\r\n"

/* The request has one already: Host. */
T(too_many_fields)
{
	for (unsigned n = LIMIT_HTTP_FIELDS; n <= LIMIT_HTTP_FIELDS + 1; n++) {
		_cleanup_(buf_done) struct buf b = { 0 };
		bool good = n <= LIMIT_HTTP_FIELDS;

		buf_init(&b, 8192);
		for (unsigned i = 0; i < n; i++)
			buf_str(&b, FIELD);
		buf_str(&b, "\r\n");
		check(span_from(buf_view(&b), strlen(FIELD)), buf_view(&b), good ? 0 : 431,
		      good ? "" : "too many fields");
	}
}

T_MAIN(T_TEST(refuse), T_TEST(options), T_TEST(too_many_fields))
