/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/num.h"
#include "t.h"

static const struct {
	const char *name;
	const char *text;
	bool good;
	uint64_t value;
} numbers[] = {
	{ "lowest", "1", true, 1 },
	{ "highest", "65535", true, 65535 },
	{ "zero is below the range", "0", false, 0 },
	{ "one above the range", "65536", false, 0 },
	{ "empty", "", false, 0 },
	{ "leading zero", "080", false, 0 },
	{ "plus sign", "+80", false, 0 },
	{ "minus sign", "-80", false, 0 },
	{ "leading blank", " 80", false, 0 },
	{ "trailing blank", "80 ", false, 0 },
	{ "hex", "0x50", false, 0 },
	{ "exponent", "8e1", false, 0 },
	{ "letter at the end", "80a", false, 0 },
	{ "2^64 does not wrap", "18446744073709551616", false, 0 },
	{ "2^64 + 80 does not wrap", "18446744073709551696", false, 0 },
	{ "very long", "99999999999999999999999999999999999999999999", false, 0 },
};

T(parse)
{
	T_EACH(row, numbers)
	{
		struct err e = { 0 };
		uint64_t value = 7;

		t_ok(num_parse(span_of(row->text), "port", 1, 65535, &value, &e) == row->good);
		t_eq_int(value, row->good ? row->value : 7);
		if (!row->good)
			t_err(e, ERR_INVALID,
			      "is not a port: expected a whole number from 1 to 65535");
	}
}

T(whole_range)
{
	struct err e = { 0 };
	uint64_t value;

	t_good(num_parse(SPAN_LIT("0"), "number", 0, UINT64_MAX, &value, &e), e);
	t_eq_int(value, 0);
	t_good(num_parse(SPAN_LIT("18446744073709551615"), "number", 0, UINT64_MAX, &value, &e), e);
	t_ok(value == UINT64_MAX);
}

static const struct {
	const char *name;
	const char *text;
	bool good;
	uint64_t ms;
} durations[] = {
	{ "milliseconds", "500ms", true, 500 },
	{ "seconds", "30s", true, 30000 },
	{ "minutes", "15m", true, 900000 },
	{ "hours", "2h", true, 7200000 },
	{ "a day is out of range", "7d", false, 0 },
	{ "below the range", "99ms", false, 0 },
	{ "no unit", "30", false, 0 },
	{ "no number", "s", false, 0 },
	{ "fraction", "1.5s", false, 0 },
	{ "blank before the unit", "30 s", false, 0 },
	{ "upper case", "30S", false, 0 },
	{ "two units", "1h30m", false, 0 },
	{ "product overflows", "18446744073709551615d", false, 0 },
};

T(duration)
{
	T_EACH(row, durations)
	{
		struct err e = { 0 };
		uint64_t ms = 0;

		t_ok(num_parse_duration_ms(span_of(row->text), 100, 86400000 - 1, &ms, &e) ==
		     row->good);
		t_eq_int(ms, row->ms);
		if (!row->good)
			t_err(e, ERR_INVALID, "d, from 100ms to 86399999ms");
	}
}

static const struct {
	const char *name;
	const char *text;
	bool good;
	uint64_t bytes;
} sizes[] = {
	{ "plain", "512", true, 512 },
	{ "bytes", "512B", true, 512 },
	{ "thousand", "10kB", true, 10000 },
	{ "million", "2MB", true, 2000000 },
	{ "billion", "5GB", true, 5000000000 },
	{ "2^10", "10KiB", true, 10240 },
	{ "2^20", "1MiB", true, 1 << 20 },
	{ "2^30", "4GiB", true, 4ULL << 30 },
	{ "wrong case", "2mb", false, 0 },
	{ "unknown unit", "2TB", false, 0 },
	{ "product overflows", "18446744073709551615kB", false, 0 },
	{ "empty", "", false, 0 },
};

T(bytes)
{
	T_EACH(row, sizes)
	{
		struct err e = { 0 };
		uint64_t bytes = 0;

		t_ok(num_parse_bytes(span_of(row->text), &bytes, &e) == row->good);
		if (row->good)
			t_eq_int(bytes, row->bytes);
		else
			t_err(e, ERR_INVALID, "is not a size");
	}
}

T_MAIN(T_TEST(parse), T_TEST(whole_range), T_TEST(duration), T_TEST(bytes))
