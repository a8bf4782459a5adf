/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `limits: {connections: 200, rate: 50mbit, quota: 2GB/day}`: the units, read and written. */
#include <inttypes.h>

#include "base/num.h"
#include "policy/model.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first, so that the first that divides a number writes it shortest. */
static const struct unit rates[] = {
	{ "gbit", 1000000000 },
	{ "mbit", 1000000 },
	{ "kbit", 1000 },
};

static const struct unit sizes[] = {
	{ "GiB", 1ULL << 30 },
	{ "GB", 1000000000 },
	{ "MiB", 1ULL << 20 },
	{ "MB", 1000000 },
	{ "KiB", 1ULL << 10 },
	{ "kB", 1000 },
	{ "B", 1 },
};

static const struct unit periods[] = {
	{ "week", 7 * 86400 },
	{ "day", 86400 },
	{ "hour", 3600 },
};

/* The fastest rate that is written: 1000 gbit. */
#define RATE_MAX 1000000000000U

bool limits_parse_rate(struct span s, struct plan_limits *out, struct err *e)
{
	struct err number = { 0 };
	char shown[64];
	uint64_t v;

	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		struct span name = span_of(rates[i].name);

		if (!span_ends(s, name))
			continue;
		if (!num_parse(span_first(s, s.n - name.n), "rate", 1, RATE_MAX / rates[i].factor,
			       &v, &number))
			break;
		out->rate_bits_s = v * rates[i].factor;
		return true;
	}
	return err_set(e, ERR_INVALID,
		       "\"%s\" is not a rate: expected a whole number and kbit, mbit or gbit, from "
		       "1kbit to 1000gbit",
		       span_show(s, shown, sizeof(shown)));
}

bool limits_parse_quota(struct span s, struct plan_limits *out, struct err *e)
{
	struct span period = s, size = { 0 };
	struct err ignored = { 0 };
	char shown[64];
	uint64_t v;

	if (span_next(&period, '/', &size) && num_parse_bytes(size, &v, &ignored) && v > 0 &&
	    v <= INT64_MAX)
		for (size_t i = 0; i < ARRAY_LEN(periods); i++)
			if (span_eq(period, span_of(periods[i].name))) {
				out->quota_bytes = v;
				out->quota_period_s = (uint32_t)periods[i].factor;
				return true;
			}
	return err_set(
		e, ERR_INVALID,
		"\"%s\" is not a quota: expected a size and a time, as in 500MB/hour, 2GB/day "
		"or 20GB/week",
		span_show(s, shown, sizeof(shown)));
}

/* b is a limit, and lower than a or the only one. */
static bool stricter(uint64_t b, uint64_t a)
{
	return b && (!a || b < a);
}

/* Two quotas compare by what they let through in the long run. */
static uint64_t quota_bytes_s(const struct plan_limits *l)
{
	return l->quota_bytes ? MAX(l->quota_bytes / l->quota_period_s, 1) : 0;
}

void limits_tighten(struct plan_limits *l, const struct plan_limits *other)
{
	if (stricter(other->connections, l->connections))
		l->connections = other->connections;
	if (stricter(other->rate_bits_s, l->rate_bits_s))
		l->rate_bits_s = other->rate_bits_s;
	if (stricter(quota_bytes_s(other), quota_bytes_s(l))) {
		l->quota_bytes = other->quota_bytes;
		l->quota_period_s = other->quota_period_s;
	}
}

static void add_number(struct buf *out, uint64_t v, const struct unit *units, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v % units[i].factor == 0) {
			buf_fmt(out, "%" PRIu64 "%s", v / units[i].factor, units[i].name);
			return;
		}
}

void plan_limits_str(const struct plan_limits *l, struct buf *out)
{
	const char *comma = "";

	if (l->connections) {
		buf_fmt(out, "connections %" PRIu32, l->connections);
		comma = ", ";
	}
	if (l->rate_bits_s) {
		buf_fmt(out, "%srate ", comma);
		add_number(out, l->rate_bits_s, rates, ARRAY_LEN(rates));
		comma = ", ";
	}
	if (l->quota_bytes) {
		buf_fmt(out, "%squota ", comma);
		add_number(out, l->quota_bytes, sizes, ARRAY_LEN(sizes));
		for (size_t i = 0; i < ARRAY_LEN(periods); i++)
			if (l->quota_period_s == periods[i].factor)
				buf_fmt(out, "/%s", periods[i].name);
	}
}
