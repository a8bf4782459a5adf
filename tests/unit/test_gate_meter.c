/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/meter.h"
#include "t.h"

/* One call after the other on one meter: at a time, so much is wanted, so much has room, and all
 * of that is taken. */
struct step {
	uint64_t at_ms;
	size_t want, room;
};

static const struct {
	const char *name;
	struct plan_limits limits;
	struct step steps[6]; /* up to one that wants nothing */
} rows[] = {
	{ "no limit", { 0 }, { { 0, 1U << 30, 1U << 30 }, { 0, 7, 7 } } },
	{ "a slow rate has a least burst",
	  { .rate_bits_s = 8000 },
	  { { 0, 1U << 20, 16384 }, { 0, 1, 0 }, { 1, 9, 1 }, { 11, 99, 10 } } },
	{ "a fast rate's burst is a tenth of a second",
	  { .rate_bits_s = 80000000 },
	  { { 0, 1U << 30, 1000000 }, { 10, 1U << 30, 100000 }, { 5000, 1U << 30, 1000000 } } },
	{ "a fraction of a byte is not lost",
	  { .rate_bits_s = 800 },
	  { { 0, 16384, 16384 }, { 9, 1, 0 }, { 10, 1, 1 }, { 19, 1, 0 }, { 20, 1, 1 } } },
	{ "a quota is used up, and begins anew",
	  { .quota_bytes = 100, .quota_period_s = 60 },
	  { { 0, 60, 60 }, { 59000, 60, 40 }, { 59999, 1, 0 }, { 60000, 60, 60 } } },
	{ "periods count from the beginning, not from the last use",
	  { .quota_bytes = 100, .quota_period_s = 60 },
	  { { 0, 100, 100 }, { 150000, 100, 100 }, { 179999, 1, 0 }, { 180000, 1, 1 } } },
	{ "both: the lesser of the two",
	  { .rate_bits_s = 8000, .quota_bytes = 20000, .quota_period_s = 60 },
	  { { 0, 50000, 16384 }, { 9000, 50000, 3616 }, { 18000, 50000, 0 } } },
};

T(meter)
{
	T_EACH(row, rows)
	{
		struct meter m;

		meter_init(&m, &row->limits, 0);
		for (const struct step *s = row->steps; s->want; s++) {
			size_t room = meter_room(&m, s->at_ms, s->want);

			t_eq_int(room, s->room);
			meter_count(&m, room);
		}
	}
}

T(exhausted)
{
	const struct plan_limits l = { .quota_bytes = 1, .quota_period_s = 1 };
	struct meter m;

	meter_init(&m, &l, 5000);
	t_ok(!meter_exhausted(&m, 5000));
	meter_count(&m, 1);
	t_ok(meter_exhausted(&m, 5999));
	t_ok(!meter_exhausted(&m, 6000));
}

/* So much of one meter is used up when another takes its place. */
static const struct {
	const char *name;
	struct plan_limits before, after;
	size_t used;
	uint64_t at_ms;
	size_t room; /* of what the other lets through then */
	uint64_t later_ms;
	size_t room_later;
} carried[] = {
	{ "no limits", { 0 }, { 0 }, 1000, 10, 1U << 20, 20, 1U << 20 },
	{ "the same rate",
	  { .rate_bits_s = 8000 },
	  { .rate_bits_s = 8000 },
	  16384,
	  0,
	  0,
	  1000,
	  1000 },
	{ "a faster one",
	  { .rate_bits_s = 8000 },
	  { .rate_bits_s = 80000000 },
	  16000,
	  0,
	  384,
	  10,
	  100000 },
	{ "a slower one holds less",
	  { .rate_bits_s = 80000000 },
	  { .rate_bits_s = 8000 },
	  0,
	  0,
	  16384,
	  1000,
	  1000 },
	{ "none before", { 0 }, { .rate_bits_s = 8000 }, 1U << 20, 0, 16384, 1000, 1000 },
	{ "none afterwards", { .rate_bits_s = 8000 }, { 0 }, 16384, 0, 1U << 20, 1, 1U << 20 },
	{ "the same quota",
	  { .quota_bytes = 100, .quota_period_s = 60 },
	  { .quota_bytes = 100, .quota_period_s = 60 },
	  90,
	  30000,
	  10,
	  59999,
	  0 },
	{ "its period goes on",
	  { .quota_bytes = 100, .quota_period_s = 60 },
	  { .quota_bytes = 100, .quota_period_s = 60 },
	  90,
	  30000,
	  10,
	  60000,
	  100 },
	{ "a larger quota",
	  { .quota_bytes = 100, .quota_period_s = 60 },
	  { .quota_bytes = 1000, .quota_period_s = 60 },
	  90,
	  30000,
	  910,
	  59999,
	  0 },
	{ "a smaller one is used up already",
	  { .quota_bytes = 100, .quota_period_s = 60 },
	  { .quota_bytes = 50, .quota_period_s = 60 },
	  90,
	  30000,
	  0,
	  60000,
	  50 },
	{ "of another period",
	  { .quota_bytes = 100, .quota_period_s = 60 },
	  { .quota_bytes = 100, .quota_period_s = 3600 },
	  90,
	  30000,
	  100,
	  60000,
	  0 },
	{ "a quota in place of a rate",
	  { .rate_bits_s = 8000 },
	  { .quota_bytes = 100, .quota_period_s = 60 },
	  16384,
	  30000,
	  100,
	  60000,
	  0 },
};

T(carry)
{
	T_EACH(row, carried)
	{
		struct meter before, after;
		size_t room;

		meter_init(&before, &row->before, 0);
		meter_count(&before, row->used);
		meter_init(&after, &row->after, row->at_ms);
		meter_carry(&after, &before);
		room = meter_room(&after, row->at_ms, 1U << 20);
		t_eq_int(room, row->room);
		meter_count(&after, room);
		t_eq_int(meter_room(&after, row->later_ms, 1U << 20), row->room_later);
	}
}

T_MAIN(T_TEST(meter), T_TEST(exhausted), T_TEST(carry))
