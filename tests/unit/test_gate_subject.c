/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a proxy's clients are, and what they may use up. */
#include <stdio.h>

#include "gate/internal.h"
#include "gate_help.h"
#include "policy_help.h"

#define NOBODY -1

static const struct gate_client clients[] = {
	/* Users, and everybody else. */
	{ .listener = 0 },
	{ .listener = 0, .user = "ada", .token = "YWRhOng=" },
	{ .listener = 0, .user = "bob", .token = "Ym9iOng=" },
	/* Everybody. */
	{ .listener = 1 },
	/* Users alone. */
	{ .listener = 2, .user = "ada", .token = "YWRhOnk=" },
	{ .listener = 2, .needs_login = true },
	/* Users, of whom there are none. */
	{ .listener = 3, .needs_login = true },
};

static const struct {
	const char *name;
	uint16_t listener;
	struct span token;
	int who; /* index of clients */
} rows[] = {
	{ "no credentials", 0, SPAN_LIT(""), 0 },
	{ "a user", 0, SPAN_LIT("YWRhOng="), 1 },
	{ "another user", 0, SPAN_LIT("Ym9iOng="), 2 },
	{ "a wrong secret", 0, SPAN_LIT("YWRhOno="), NOBODY },
	{ "her secret elsewhere", 0, SPAN_LIT("YWRhOnk="), NOBODY },
	{ "the beginning of a token", 0, SPAN_LIT("YWRhOng"), NOBODY },
	{ "more than a token", 0, SPAN_LIT("YWRhOng=="), NOBODY },
	{ "another case", 0, SPAN_LIT("ywrhong="), NOBODY },
	{ "a NUL", 0, SPAN_LIT("\0"), NOBODY },
	{ "two tokens", 0, SPAN_LIT("YWRhOng=\0Ym9iOng="), NOBODY },

	{ "no users, no credentials", 1, SPAN_LIT(""), 3 },
	{ "no users, whoever it is", 1, SPAN_LIT("YWRhOng="), 3 },
	{ "no users, no token", 1, SPAN_LIT("\xff\xff"), 3 },

	{ "users alone, no credentials", 2, SPAN_LIT(""), 5 },
	{ "users alone, a user", 2, SPAN_LIT("YWRhOnk="), 4 },
	{ "users alone, a wrong secret", 2, SPAN_LIT("YWRhOng="), NOBODY },
	{ "none of no users", 3, SPAN_LIT("YWRhOng="), 6 },
};

struct house {
	struct gate gate;
	struct plan *plan;
	struct subject subjects[ARRAY_LEN(clients)];
};

static void house_open(struct house *h)
{
	*h = (struct house){ .plan = load_rules("") };
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		subject_init(&h->subjects[i], &h->gate, (uint16_t)i, h->plan, h->plan->policies[0],
			     &clients[i]);
	h->gate.subjects = h->subjects;
	h->gate.n_subjects = ARRAY_LEN(clients);
}

static void house_close(struct house *h)
{
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		subject_done(&h->subjects[i]);
	plan_free(h->plan);
}

T(who)
{
	struct house h;

	house_open(&h);
	T_EACH(row, rows)
	{
		const struct subject *s = subject_of(&h.gate, row->listener, row->token);

		t_eq_int(s ? s - h.subjects : NOBODY, row->who);
	}
	house_close(&h);
}

/* Whatever its length: a token is compared within its room. */
T(long_tokens)
{
	static const size_t lengths[] = { GATE_TOKEN_MAX - 1, GATE_TOKEN_MAX, GATE_TOKEN_MAX + 1,
					  32768 };
	char token[32768];
	struct house h;

	house_open(&h);
	memset(token, 'Y', sizeof(token));
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		t_ok(!subject_of(&h.gate, 0, span_bytes(token, lengths[i])));
	house_close(&h);
}

T(users)
{
	static const bool has_users[] = { true, false, true, false, false };
	struct house h;

	house_open(&h);
	for (uint16_t i = 0; i < ARRAY_LEN(has_users); i++)
		t_eq_int(subject_users(&h.gate, i), has_users[i]);
	house_close(&h);
}

static const struct {
	const char *name;
	const char *settings;
	size_t max_conns;
	bool limited;
} limits[] = {
	{ "none", "", LIMIT_CONNECTIONS, false },
	{ "connections", "limits: {connections: 5},", 5, false },
	{ "as many as there may be", "limits: {connections: 16384},", LIMIT_CONNECTIONS, false },
	{ "a rate", "limits: {rate: 1mbit},", LIMIT_CONNECTIONS, true },
	{ "a quota", "limits: {quota: 1MB/hour},", LIMIT_CONNECTIONS, true },
	{ "audit", "mode: audit, limits: {connections: 5, rate: 1mbit, quota: 1MB/hour},", 5,
	  false },
};

static struct plan *plan_with(const char *settings)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "version: 1\npolicies: {p: {%s rules: []}}\n", settings);
	return load_text(text);
}

T(limits)
{
	T_EACH(row, limits)
	{
		_cleanup_(plan_freep) struct plan *plan = plan_with(row->settings);
		struct subject s;

		subject_init(&s, NULL, 7, plan, plan->policies[0], NULL);
		t_eq_int(s.max_conns, row->max_conns);
		t_eq_int(s.limited, row->limited);
		t_eq_int(s.index, 7);
		t_ok(!subject_exhausted(&s));
		subject_done(&s);
	}
}

T(exhausted)
{
	_cleanup_(plan_freep) struct plan *plan = plan_with("limits: {quota: 1MB/hour},");
	struct subject s;

	subject_init(&s, NULL, 0, plan, plan->policies[0], NULL);
	meter_count(&s.meter, 999999);
	t_ok(!subject_exhausted(&s));
	meter_count(&s.meter, 1);
	t_ok(subject_exhausted(&s));
	clock_ahead_ms += 3600U * 1000;
	t_ok(!subject_exhausted(&s));
	subject_done(&s);
}

T_MAIN(T_TEST(who), T_TEST(long_tokens), T_TEST(users), T_TEST(limits), T_TEST(exhausted))
