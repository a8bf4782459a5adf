/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/alloc.h"
#include "base/buf.h"
#include "t.h"

T(append)
{
	struct buf b;

	buf_init(&b, 1000);
	t_eq_str(buf_cstr(&b), "");
	t_eq_span(buf_view(&b), "");
	buf_str(&b, "one");
	buf_char(&b, ' ');
	buf_span(&b, SPAN_LIT("two "));
	buf_fmt(&b, "%d-%s", 3, "three");
	buf_add(&b, NULL, 0);
	t_eq_str(buf_cstr(&b), "one two 3-three");
	t_ok(buf_ok(&b));
	buf_clear(&b);
	t_eq_str(buf_cstr(&b), "");
	buf_done(&b);
	buf_done(&b);
}

T(ceiling)
{
	struct buf b;

	buf_init(&b, 4);
	buf_str(&b, "abcd");
	t_ok(buf_ok(&b));
	buf_char(&b, 'e');
	t_ok(!buf_ok(&b));
	t_eq_str(buf_cstr(&b), "abcd");
	buf_clear(&b);
	t_ok(buf_ok(&b));
	buf_str(&b, "abc");
	buf_str(&b, "de"); /* does not fit: not even its first byte is kept */
	buf_str(&b, "f");  /* would fit, but the buffer has failed for good */
	t_ok(!buf_ok(&b));
	t_eq_str(buf_cstr(&b), "abc");
	buf_clear(&b);
	buf_fmt(&b, "%s", "abcde");
	t_ok(!buf_ok(&b));
	t_eq_str(buf_cstr(&b), "");
	buf_done(&b);
}

T(grows)
{
	struct buf b;

	buf_init(&b, 100000);
	for (unsigned i = 0; i < 100000; i++)
		buf_char(&b, (char)('a' + i % 26));
	t_ok(buf_ok(&b));
	t_eq_int(b.n, 100000);
	t_eq_int(b.p[99999], 'a' + 99999 % 26);
	t_eq_int(b.p[100000], '\0');
	buf_char(&b, 'x');
	t_ok(!buf_ok(&b));
	buf_done(&b);
}

T(network_order)
{
	static const uint8_t want[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd };
	struct buf b;

	buf_init(&b, 64);
	buf_u8(&b, 0x01);
	buf_u16(&b, 0);
	buf_u32(&b, 0x6789abcd);
	buf_put_u16(&b, 1, 0x2345);
	t_eq_int(b.n, sizeof(want));
	t_eq_mem(b.p, want, sizeof(want));
	buf_drop(&b, 5);
	t_eq_int(b.n, 2);
	t_eq_mem(b.p, want + 5, 2);
	buf_drop(&b, 0);
	buf_drop(&b, 2);
	t_eq_int(b.n, 0);
	buf_done(&b);
}

T(put_u32)
{
	static const uint8_t want[] = { 0xff, 0x01, 0x23, 0x45, 0x67, 0xff };
	struct buf b;

	buf_init(&b, 64);
	buf_u8(&b, 0xff);
	buf_u32(&b, 0);
	buf_u8(&b, 0xff);
	buf_put_u32(&b, 1, 0x01234567);
	t_eq_int(b.n, sizeof(want));
	t_eq_mem(b.p, want, sizeof(want));
	buf_done(&b);
}

/* Bytes for the caller to write, up to the ceiling and no further. */
T(extend)
{
	struct buf b;
	uint8_t *p;

	buf_init(&b, 100);
	p = buf_extend(&b, 3);
	memcpy(p, "abc", 3);
	t_eq_str(buf_cstr(&b), "abc");
	p = buf_extend(&b, 97);
	t_ok(p == (uint8_t *)b.p + 3);
	memset(p, 'x', 97);
	t_eq_int(b.n, 100);
	t_eq_int(b.p[100], '\0');
	t_ok(buf_extend(&b, 0));
	t_ok(!buf_extend(&b, 1) && !buf_ok(&b));
	t_ok(!buf_extend(&b, 0));
	buf_clear(&b);
	t_ok(!buf_extend(&b, 101) && !buf_ok(&b));
	buf_done(&b);
}

T(take)
{
	struct buf b;
	char *text;

	buf_init(&b, 64);
	text = buf_take(&b);
	t_eq_str(text, "");
	free(text);
	buf_str(&b, "mine");
	text = buf_take(&b);
	t_eq_str(text, "mine");
	free(text);
	t_eq_int(b.n, 0);
	buf_str(&b, "again");
	t_eq_str(buf_cstr(&b), "again");
	buf_done(&b);
}

T(vectors)
{
	unsigned *items = NULL;
	size_t n = 0, cap = 0;

	for (unsigned i = 0; i < 1000; i++)
		vec_push(items, n, cap, i * 3);
	t_eq_int(n, 1000);
	for (unsigned i = 0; i < 1000; i++)
		t_eq_int(items[i], i * 3);
	free(items);
}

T_MAIN(T_TEST(append), T_TEST(ceiling), T_TEST(grows), T_TEST(network_order), T_TEST(put_u32),
       T_TEST(extend), T_TEST(take), T_TEST(vectors))
