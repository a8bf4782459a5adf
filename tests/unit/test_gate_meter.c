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
	T_EACH(row, rows) {
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

T_MAIN(T_TEST(meter), T_TEST(exhausted))
