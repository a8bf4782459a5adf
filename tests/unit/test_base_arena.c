/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdint.h>

#include "base/arena.h"
#include "t.h"

static const struct {
	const char *name;
	size_t size, align, reserve;
	unsigned n;
} rows[] = {
	{ "nothing", 0, 1, 0, 3 },
	{ "single bytes", 1, 1, 0, 5000 },
	{ "odd sizes, aligned", 13, 8, 0, 5000 },
	{ "aligned for anything", 24, alignof(max_align_t), 0, 1000 },
	{ "larger than a chunk", 100000, 8, 0, 20 },
	{ "in a reserve", 16, 8, 4096, 256 },
};

/* Every piece is zeroed and aligned, and stays as it was filled. */
T(pieces)
{
	T_EACH(row, rows)
	{
		_cleanup_(arena_done) struct arena a = { 0 };
		unsigned char *pieces[5000];
		size_t total = 0;

		if (row->reserve) {
			arena_reserve(&a, row->reserve + row->n * ARENA_GAP);
			total = a.total;
		}
		for (unsigned i = 0; i < row->n; i++) {
			pieces[i] = arena_alloc(&a, row->size, row->align);
			t_ok(pieces[i]);
			t_eq_int((uintptr_t)pieces[i] % row->align, 0);
			for (size_t k = 0; k < row->size; k++)
				t_ok(pieces[i][k] == 0);
			memset(pieces[i], (int)(i % 251) + 1, row->size);
		}
		for (unsigned i = 0; i < row->n; i++)
			for (size_t k = 0; k < row->size; k++)
				t_ok(pieces[i][k] == i % 251 + 1);
		if (row->reserve)
			t_eq_int(a.total, total);
		/* Little of it is never used. */
		t_ok(a.total <=
		     1024 + row->reserve + row->n * (row->size + row->align + ARENA_GAP) * 2);
	}
}

T(texts)
{
	_cleanup_(arena_done) struct arena a = { 0 };
	const char *one = arena_strdup(&a, "one"), *cut = arena_strndup(&a, "two and more", 3);

	t_eq_str(one, "one");
	t_eq_str(cut, "two");
	t_eq_str(arena_strdup(&a, ""), "");
	t_eq_str(arena_strndup(&a, NULL, 0), "");
	t_eq_str(arena_fmt(&a, "%s-%d", "three", 3), "three-3");
	t_eq_str(one, "one");
}

T(done)
{
	struct arena a = { 0 };
	int *numbers = arena_array(&a, 1000, int);

	numbers[999] = 1;
	arena_done(&a);
	t_ok(!a.chunks && a.at == a.end && a.total == 0);
	arena_done(&a);
	t_eq_str(arena_strdup(&a, "again"), "again");
	arena_done(&a);
}

T_MAIN(T_TEST(pieces), T_TEST(texts), T_TEST(done))
