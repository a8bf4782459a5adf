/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/limits.h"
#include "t.h"
#include "wire/http_body.h"

enum end { ENDS, GOES_ON, BAD };

/* Feeds the bytes in pieces of `step`; how many belong to the body goes to *used. */
static enum end feed(const struct http_head *h, struct span bytes, size_t step, size_t *used)
{
	struct http_body b;

	http_body_init(&b, h);
	*used = 0;
	while (*used < bytes.n && !http_body_ended(&b)) {
		struct span piece = span_first(span_from(bytes, *used), step);
		ptrdiff_t n = http_body_step(&b, piece);

		if (n < 0) {
			t_eq_int(http_body_step(&b, piece), -1);
			return BAD;
		}
		if ((size_t)n < piece.n)
			t_ok(http_body_ended(&b));
		*used += (size_t)n;
	}
	return http_body_ended(&b) ? ENDS : GOES_ON;
}

static void check(const struct http_head *h, struct span bytes, enum end want, size_t want_used)
{
	for (size_t step = 1; step <= bytes.n + 1; step++) {
		size_t used;

		t_eq_int(feed(h, bytes, step, &used), want);
		if (want != BAD)
			t_eq_int(used, want_used);
	}
}

static const struct {
	const char *name;
	uint64_t length;
	struct span bytes;
	enum end end;
	size_t used;
} lengths[] = {
	{ "no body", 0, SPAN_LIT("GET"), ENDS, 0 },
	{ "all of it", 5, SPAN_LIT("hello"), ENDS, 5 },
	{ "the next request behind it", 5, SPAN_LIT("helloGET / HTTP/1.1\r\n"), ENDS, 5 },
	{ "not all of it", 6, SPAN_LIT("hello"), GOES_ON, 5 },
	{ "nothing yet", 6, SPAN_LIT(""), GOES_ON, 0 },
	{ "the longest", INT64_MAX, SPAN_LIT("\r\n\r\n\0"), GOES_ON, 5 },
};

T(length)
{
	T_EACH(row, lengths)
	{
		const struct http_head h = { .framing.has_length = true,
					     .framing.content_length = row->length };

		check(&h, row->bytes, row->end, row->used);
	}
}

static const struct {
	const char *name;
	struct span bytes;
	enum end end;
	size_t used;
} chunked[] = {
	{ "no chunk", SPAN_LIT("0\r\n\r\n"), ENDS, 5 },
	{ "two chunks", SPAN_LIT("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), ENDS, 21 },
	{ "the next request behind it", SPAN_LIT("1\r\nx\r\n0\r\n\r\nGET"), ENDS, 11 },
	{ "upper and lower case", SPAN_LIT("A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n"),
	  ENDS, 36 },
	{ "line ends and zeros in the data", SPAN_LIT("6\r\n0\r\n\r\n\0\r\n0\r\n\r\n"), ENDS, 16 },
	{ "leading zeros", SPAN_LIT("000001\r\nx\r\n000\r\n\r\n"), ENDS, 18 },
	{ "trailer", SPAN_LIT("0\r\nX-Sum: 1\r\n\r\n"), ENDS, 15 },
	{ "two trailers, one empty", SPAN_LIT("0\r\nA:\r\nB: \xc3\xa4\tb\r\n\r\n"), ENDS, 18 },
	{ "trailer that begins like a banned one", SPAN_LIT("0\r\nHost-Sum: 1\r\n\r\n"), ENDS, 18 },
	{ "trailer with a name longer than is kept",
	  SPAN_LIT("0\r\nTransfer-Encoding-Transfer-Encoding-2: 1\r\n\r\n"), ENDS, 47 },
	{ "size cut", SPAN_LIT("5"), GOES_ON, 1 },
	{ "data cut", SPAN_LIT("5\r\nhel"), GOES_ON, 6 },
	{ "data without its end", SPAN_LIT("5\r\nhello"), GOES_ON, 8 },
	{ "last chunk without its end", SPAN_LIT("0\r\n"), GOES_ON, 3 },
	{ "last line cut", SPAN_LIT("0\r\n\r"), GOES_ON, 4 },
	{ "15 digits", SPAN_LIT("fffffffffffffff\r\nx"), GOES_ON, 18 },

	{ "16 digits", SPAN_LIT("0000000000000001\r\nx"), BAD, 0 },
	{ "a size that wraps to 5", SPAN_LIT("10000000000000005\r\nhello"), BAD, 0 },
	{ "no size", SPAN_LIT("\r\n"), BAD, 0 },
	{ "blank before the size", SPAN_LIT(" 5\r\nhello"), BAD, 0 },
	{ "blank behind the size", SPAN_LIT("5 \r\nhello"), BAD, 0 },
	{ "tab behind the size", SPAN_LIT("5\t\r\nhello"), BAD, 0 },
	{ "sign", SPAN_LIT("+5\r\nhello"), BAD, 0 },
	{ "minus", SPAN_LIT("-1\r\n"), BAD, 0 },
	{ "0x", SPAN_LIT("0x5\r\nhello"), BAD, 0 },
	{ "extension", SPAN_LIT("5;a=b\r\nhello"), BAD, 0 },
	{ "extension with a line end in quotes", SPAN_LIT("5;a=\"\r\n0\r\n\r\n\""), BAD, 0 },
	{ "comma", SPAN_LIT("5,5\r\nhello"), BAD, 0 },
	{ "letter g", SPAN_LIT("g\r\n"), BAD, 0 },
	{ "8 bits", SPAN_LIT("\xb5\r\n"), BAD, 0 },
	{ "NUL", SPAN_LIT("5\0\r\nhello"), BAD, 0 },
	{ "LF alone behind the size", SPAN_LIT("5\nhello\r\n"), BAD, 0 },
	{ "CR alone behind the size", SPAN_LIT("5\rhello\r\n"), BAD, 0 },
	{ "LF alone behind the data", SPAN_LIT("5\r\nhello\n0\r\n\r\n"), BAD, 0 },
	{ "data longer than its size", SPAN_LIT("5\r\nhelloo\r\n"), BAD, 0 },
	{ "data shorter than its size", SPAN_LIT("6\r\nhello\r\n0\r\n\r\n"), BAD, 0 },
	{ "line ends missing behind the data", SPAN_LIT("5\r\nhello0\r\n\r\n"), BAD, 0 },
	{ "LF alone at the end", SPAN_LIT("0\r\n\n"), BAD, 0 },
	{ "CR and another byte at the end", SPAN_LIT("0\r\n\rG"), BAD, 0 },
	{ "the next request for trailers", SPAN_LIT("0\r\nGET / HTTP/1.1\r\n"), BAD, 0 },
	{ "folded trailer", SPAN_LIT("0\r\nA: b\r\n c\r\n\r\n"), BAD, 0 },
	{ "blank before the colon", SPAN_LIT("0\r\nA : b\r\n\r\n"), BAD, 0 },
	{ "trailer without a colon", SPAN_LIT("0\r\nA\r\n\r\n"), BAD, 0 },
	{ "trailer without a name", SPAN_LIT("0\r\n: b\r\n\r\n"), BAD, 0 },
	{ "LF alone behind a trailer", SPAN_LIT("0\r\nA: b\n\r\n"), BAD, 0 },
	{ "CR alone in a trailer", SPAN_LIT("0\r\nA: b\rc\r\n\r\n"), BAD, 0 },
	{ "NUL in a trailer", SPAN_LIT("0\r\nA: \0\r\n\r\n"), BAD, 0 },
	{ "Host", SPAN_LIT("0\r\nHost: evil.test\r\n\r\n"), BAD, 0 },
	{ "Content-Length", SPAN_LIT("0\r\nX: y\r\ncontent-length: 5\r\n\r\n"), BAD, 0 },
	{ "Transfer-Encoding", SPAN_LIT("0\r\nTRANSFER-ENCODING: chunked\r\n\r\n"), BAD, 0 },
	{ "Connection", SPAN_LIT("0\r\nConnection: close\r\n\r\n"), BAD, 0 },
	{ "Upgrade", SPAN_LIT("0\r\nUpgrade: h2c\r\n\r\n"), BAD, 0 },
};

T(chunks)
{
	const struct http_head h = { .framing.chunked = true };

	T_EACH(row, chunked)
	check(&h, row->bytes, row->end, row->used);
}

/* The trailers, with the line that ends them, may have just so many bytes. */
T(trailer_bytes)
{
	const struct http_head h = { .framing.chunked = true };

	for (size_t n = LIMIT_HTTP_TRAILERS - 1; n <= LIMIT_HTTP_TRAILERS + 1; n++) {
		_cleanup_(buf_done) struct buf b = { 0 };
		size_t used;

		buf_init(&b, 2 * LIMIT_HTTP_TRAILERS);
		buf_str(&b, "0\r\nX:");
		while (b.n < 3 + n - 4)
			buf_char(&b, 'v');
		buf_str(&b, "\r\n\r\n");
		t_eq_int(feed(&h, buf_view(&b), b.n, &used), n <= LIMIT_HTTP_TRAILERS ? ENDS : BAD);
	}
}

/* Many chunks: the limit is of the trailers only. */
T(many_chunks)
{
	const struct http_head h = { .framing.chunked = true };
	struct http_body b;

	http_body_init(&b, &h);
	for (unsigned i = 0; i < 100000; i++)
		t_eq_int(http_body_step(&b, SPAN_LIT("3\r\nabc\r\n")), 8);
	t_eq_int(http_body_step(&b, SPAN_LIT("0\r\n\r\n0\r\n")), 5);
	t_ok(http_body_ended(&b));
	t_eq_int(http_body_step(&b, SPAN_LIT("x")), 0);
}

static const struct {
	const char *name;
	struct http_response r;
	bool to_head;
	enum http_body_state state;
	uint64_t left;
} responses[] = {
	{ "length",
	  { .status = 200, .framing.has_length = true, .framing.content_length = 5 },
	  false,
	  HTTP_BODY_LENGTH,
	  5 },
	{ "length 0", { .status = 200, .framing.has_length = true }, false, HTTP_BODY_DONE, 0 },
	{ "chunked", { .status = 404, .framing.chunked = true }, false, HTTP_BODY_CHUNK_SIZE, 0 },
	{ "neither", { .status = 200 }, false, HTTP_BODY_UNTIL_CLOSE, 0 },
	{ "neither, HTTP/1.1 that stays",
	  { .status = 599, .minor = 1 },
	  false,
	  HTTP_BODY_UNTIL_CLOSE,
	  0 },
	{ "to HEAD, length",
	  { .status = 200, .framing.has_length = true, .framing.content_length = 5 },
	  true,
	  HTTP_BODY_DONE,
	  0 },
	{ "to HEAD, chunked", { .status = 200, .framing.chunked = true }, true, HTTP_BODY_DONE, 0 },
	{ "to HEAD, neither", { .status = 200 }, true, HTTP_BODY_DONE, 0 },
	{ "100", { .status = 100 }, false, HTTP_BODY_DONE, 0 },
	{ "101", { .status = 101 }, false, HTTP_BODY_DONE, 0 },
	{ "199", { .status = 199 }, false, HTTP_BODY_DONE, 0 },
	{ "204", { .status = 204 }, false, HTTP_BODY_DONE, 0 },
	{ "205 is like others", { .status = 205 }, false, HTTP_BODY_UNTIL_CLOSE, 0 },
	{ "304, length",
	  { .status = 304, .framing.has_length = true, .framing.content_length = 5 },
	  false,
	  HTTP_BODY_DONE,
	  0 },
	{ "304, chunked", { .status = 304, .framing.chunked = true }, false, HTTP_BODY_DONE, 0 },
};

T(response)
{
	T_EACH(row, responses)
	{
		struct http_body b = { .state = HTTP_BODY_BAD, .digits = 3, .left = 9 };

		http_body_init_response(&b, &row->r, row->to_head);
		t_eq_int(b.state, row->state);
		t_eq_int(b.left, row->left);
		t_eq_int(b.digits, 0);
	}
}

/* It takes everything, and never ends by itself. */
T(until_close)
{
	const struct http_response r = { .status = 200 };
	struct http_body b;

	http_body_init_response(&b, &r, false);
	for (unsigned i = 0; i < 3; i++)
		t_eq_int(http_body_step(&b, SPAN_LIT("0\r\n\r\nHTTP/1.1 200 OK\r\n\0")), 23);
	t_eq_int(http_body_step(&b, SPAN_LIT("")), 0);
	t_ok(!http_body_ended(&b));
}

T_MAIN(T_TEST(length), T_TEST(chunks), T_TEST(trailer_bytes), T_TEST(many_chunks), T_TEST(response),
       T_TEST(until_close))
