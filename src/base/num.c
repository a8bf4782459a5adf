/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};

static const struct unit sizes[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "kB", 1000 },
	{ "MB", 1000000 },
	{ "GB", 1000000000 },
	{ "KiB", 1ULL << 10 },
	{ "MiB", 1ULL << 20 },
	{ "GiB", 1ULL << 30 },
};

/* The value of a run of digits; false when it is none or does not fit 64 bits. */
static bool digits(struct span s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || (s.n > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10U, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool num_parse(struct span s, const char *what, uint64_t lo, uint64_t hi, uint64_t *out,
	       struct err *e)
{
	char shown[64];
	uint64_t v;

	if (!digits(s, &v) || v < lo || v > hi)
		return err_set(e, ERR_INVALID,
			       "\"%s\" is not a %s: expected a whole number from %" PRIu64
			       " to %" PRIu64,
			       span_show(s, shown, sizeof(shown)), what, lo, hi);
	*out = v;
	return true;
}

/* A number followed by one of the suffixes. */
static bool with_unit(struct span s, const struct unit *units, size_t n_units, uint64_t *out)
{
	size_t n_digits = 0;
	struct span suffix;
	uint64_t v;

	while (n_digits < s.n && s.p[n_digits] >= '0' && s.p[n_digits] <= '9')
		n_digits++;
	if (!digits(span_first(s, n_digits), &v))
		return false;
	suffix = span_from(s, n_digits);
	for (size_t i = 0; i < n_units; i++)
		if (span_eq(suffix, span_of(units[i].suffix)))
			return !__builtin_mul_overflow(v, units[i].factor, out);
	return false;
}

/* In the largest unit in which it is a whole number. */
static const char *in_units(uint64_t ms, char out[static 32])
{
	const struct unit *best = &durations[0];

	for (size_t i = 0; i < ARRAY_LEN(durations); i++)
		if (ms % durations[i].factor == 0 && durations[i].factor > best->factor)
			best = &durations[i];
	(void)snprintf(out, 32, "%" PRIu64 "%s", ms / best->factor, best->suffix);
	return out;
}

bool num_parse_duration_ms(struct span s, uint64_t lo, uint64_t hi, uint64_t *out, struct err *e)
{
	char shown[64], from[32], to[32];
	uint64_t v;

	if (!with_unit(s, durations, ARRAY_LEN(durations), &v) || v < lo || v > hi)
		return err_set(e, ERR_INVALID,
			       "\"%s\" is not a duration: expected a number and ms, s, m, h or d, "
			       "from %s to %s",
			       span_show(s, shown, sizeof(shown)), in_units(lo, from),
			       in_units(hi, to));
	*out = v;
	return true;
}

bool num_parse_bytes(struct span s, uint64_t *out, struct err *e)
{
	char shown[64];

	if (with_unit(s, sizes, ARRAY_LEN(sizes), out))
		return true;
	return err_set(e, ERR_INVALID,
		       "\"%s\" is not a size: expected a number and kB, MB, GB, KiB, MiB or GiB",
		       span_show(s, shown, sizeof(shown)));
}
