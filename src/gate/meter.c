/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/meter.h"

#include "base/macros.h"

/* What the bucket holds at least, so that a slow rate still moves whole segments. */
#define BURST_MIN 16384

#define HOUR_MS 3600000ULL

static uint64_t burst(const struct meter *m)
{
	return MAX(m->rate / 10, (uint64_t)BURST_MIN);
}

void meter_init(struct meter *m, const struct plan_limits *l, uint64_t now_ms)
{
	*m = (struct meter){ .rate = (l->rate_bits_s + 7) / 8,
			     .refilled_ms = now_ms,
			     .quota = l->quota_bytes,
			     .period_ms = l->quota_period_s * 1000ULL,
			     .period_began_ms = now_ms };
	m->tokens = burst(m);
}

void meter_carry(struct meter *m, const struct meter *before)
{
	if (m->rate && before->rate)
		m->tokens = MIN(m->tokens, before->tokens);
	if (m->quota && before->quota && m->period_ms == before->period_ms) {
		m->used = before->used;
		m->period_began_ms = before->period_began_ms;
	}
}

static void refill(struct meter *m, uint64_t now_ms)
{
	uint64_t passed = MIN(now_ms - m->refilled_ms, HOUR_MS); /* the product fits 64 bits */
	uint64_t more = m->rate * passed / 1000;

	if (!more)
		return;
	m->tokens = MIN(m->tokens + more, burst(m));
	m->refilled_ms = now_ms;
}

bool meter_exhausted(struct meter *m, uint64_t now_ms)
{
	if (m->quota && m->period_ms && now_ms - m->period_began_ms >= m->period_ms) {
		m->period_began_ms += (now_ms - m->period_began_ms) / m->period_ms * m->period_ms;
		m->used = 0;
	}
	return m->quota && m->used >= m->quota;
}

size_t meter_room(struct meter *m, uint64_t now_ms, size_t want)
{
	if (meter_exhausted(m, now_ms))
		return 0;
	if (m->quota)
		want = MIN(want, m->quota - m->used);
	if (!m->rate)
		return want;
	refill(m, now_ms);
	return MIN(want, m->tokens);
}

void meter_count(struct meter *m, size_t n)
{
	if (m->rate)
		m->tokens -= MIN(m->tokens, n);
	if (m->quota)
		m->used += n;
}
