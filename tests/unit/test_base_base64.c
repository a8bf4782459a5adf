/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/base64.h"
#include "t.h"

static const struct {
	const char *name;
	struct span bytes;
	const char *text;
} rows[] = {
	/* RFC 4648 10. */
	{ "nothing", SPAN_LIT(""), "" },
	{ "1 byte", SPAN_LIT("f"), "Zg==" },
	{ "2 bytes", SPAN_LIT("fo"), "Zm8=" },
	{ "3 bytes", SPAN_LIT("foo"), "Zm9v" },
	{ "4 bytes", SPAN_LIT("foob"), "Zm9vYg==" },
	{ "5 bytes", SPAN_LIT("fooba"), "Zm9vYmE=" },
	{ "6 bytes", SPAN_LIT("foobar"), "Zm9vYmFy" },

	{ "RFC 7617 2", SPAN_LIT("Aladdin:open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
	{ "RFC 7617 2.1, in UTF-8", SPAN_LIT("test:123\xc2\xa3"), "dGVzdDoxMjPCow==" },
	{ "the last two letters", SPAN_LIT("\xfb\xff\xfe"), "+//+" },
	{ "every bit", SPAN_LIT("\xff\xff\xff"), "////" },
	{ "no bit", SPAN_LIT("\0\0\0"), "AAAA" },
	{ "one NUL", SPAN_LIT("\0"), "AA==" },
	{ "8 bits at the end", SPAN_LIT("a\xff"), "Yf8=" },
	{ "8 bits alone", SPAN_LIT("\xff"), "/w==" },
};

T(encode)
{
	T_EACH(row, rows)
	{
		_cleanup_(buf_done) struct buf out = { 0 };

		buf_init(&out, 64);
		buf_char(&out, '>');
		base64_encode(row->bytes, &out);
		t_eq_span(span_first(buf_view(&out), 1), ">");
		t_eq_span(span_from(buf_view(&out), 1), row->text);
	}
}

/* Every letter, in the order of the alphabet: 48 bytes that count up in steps of 6 bits. */
T(alphabet)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	uint8_t bytes[48];

	for (size_t i = 0; i < 16; i++) {
		size_t first = 4 * i;
		size_t bits = first << 18 | (first + 1) << 12 | (first + 2) << 6 | (first + 3);

		bytes[3 * i] = (uint8_t)(bits >> 16);
		bytes[3 * i + 1] = (uint8_t)(bits >> 8);
		bytes[3 * i + 2] = (uint8_t)bits;
	}
	buf_init(&out, 64);
	base64_encode(span_bytes(bytes, sizeof(bytes)), &out);
	t_eq_span(buf_view(&out),
		  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

/* What does not fit shows in the buffer. */
T(overflow)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	buf_init(&out, 7);
	base64_encode(SPAN_LIT("foob"), &out);
	t_ok(!buf_ok(&out));
}

T_MAIN(T_TEST(encode), T_TEST(alphabet), T_TEST(overflow))
