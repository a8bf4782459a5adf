/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cursor.h"
#include "t.h"

static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

T(fields)
{
	struct cursor c = cursor(bytes, sizeof(bytes));

	t_eq_int(cur_u8(&c), 0x01);
	t_eq_int(cur_u16(&c), 0x0203);
	t_eq_int(cur_u24(&c), 0x040506);
	t_eq_int(cur_u32(&c), 0x0708090a);
	t_eq_int(cur_left(&c), 0);
	t_ok(cur_ok(&c));
	t_eq_int(cur_take(&c, 0).n, 0);
	t_ok(cur_ok(&c));
}

/* Past the end everything is zero, for good, even what would have fitted. */
T(sticky)
{
	struct cursor c = cursor(bytes, 3);

	t_eq_int(cur_u32(&c), 0);
	t_ok(!cur_ok(&c));
	t_eq_int(cur_left(&c), 0);
	t_eq_int(cur_u8(&c), 0);
	t_eq_int(cur_take(&c, 0).n, 0);
	t_ok(!cur_ok(&c));
}

T(takes)
{
	struct cursor c = cursor(bytes, sizeof(bytes));
	struct span s;

	cur_skip(&c, 2);
	s = cur_take(&c, 3);
	t_eq_int(s.n, 3);
	t_eq_int(s.p[0], 3);
	t_eq_int(cur_take(&c, SIZE_MAX).n, 0); /* no wrap */
	t_ok(!cur_ok(&c));
}

T(nested)
{
	struct cursor c = cursor(bytes, sizeof(bytes));
	struct cursor sub = cur_sub(&c, 4);

	t_eq_int(cur_u32(&sub), 0x01020304);
	t_eq_int(cur_u8(&sub), 0); /* the outer bytes are out of its reach */
	t_ok(!cur_ok(&sub));
	t_ok(cur_ok(&c));
	t_eq_int(cur_u8(&c), 5);
	sub = cur_sub(&c, 6);
	t_ok(!cur_ok(&sub));
	t_ok(!cur_ok(&c));
}

T(empty)
{
	struct cursor c = cursor(NULL, 0);

	t_eq_int(cur_left(&c), 0);
	t_ok(cur_ok(&c));
	t_eq_int(cur_u8(&c), 0);
	t_ok(!cur_ok(&c));
}

T_MAIN(T_TEST(fields), T_TEST(sticky), T_TEST(takes), T_TEST(nested), T_TEST(empty))
