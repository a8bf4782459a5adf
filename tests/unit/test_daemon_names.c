/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock is a number here. */
#include <malloc.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "daemon/names.h"
#include "gate_help.h"

#define START 1000000ULL
#define GRACE (LIMIT_DNS_GRACE_S * 1000ULL)

static struct names_wanted wanted(const char *name)
{
	return (struct names_wanted){ name_of(name), NAME_TUNING_DEFAULT };
}

/* An answer with addresses 203.0.113.N for the bits of v4, and 2001:db8::N for those of v6. */
static struct gate_resolved answer(const char *name, enum gate_outcome outcome, uint32_t ttl_s,
				   unsigned v4, unsigned v6)
{
	struct gate_resolved r = { .name = name_of(name), .outcome = outcome, .ttl_s = ttl_s };
	char text[32];

	for (unsigned i = 0; i < 8; i++) {
		if (v4 & 1U << i) {
			(void)snprintf(text, sizeof(text), "203.0.113.%u", i);
			r.addrs[r.n++] = addr_of(text);
		}
		if (v6 & 1U << i) {
			(void)snprintf(text, sizeof(text), "2001:db8::%u", i);
			r.addrs[r.n++] = addr_of(text);
		}
	}
	return r;
}

/* What changed, as "+1 -2 *3"; addresses of IPv6 as "+:1". The list is empty afterwards. */
static const char *changes_str(struct names_changes *c)
{
	static const char signs[] = { '+', '*', '-' };
	static char text[1024];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < c->n; i++) {
		const struct addr *a = &c->items[i].address.addr;

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%c%s%u", i ? " " : "",
				      signs[c->items[i].kind], a->family == AF_INET6 ? ":" : "",
				      a->bytes[addr_size(a) - 1]);
	}
	c->n = 0;
	return text;
}

static void changes_free(struct names_changes *c)
{
	free(c->items);
}

static bool asks(struct names *ns, uint64_t now, struct names_changes *c)
{
	struct names_question q;

	return names_due(ns, now, &q, 1, c) == 1;
}

/* One name, asked at START and answered so. */
static struct names *one(const struct name_tuning *t, const struct gate_resolved *r,
			 struct names_changes *c)
{
	struct names *ns = names_new(42);
	struct names_wanted w = wanted("a.test");

	if (t)
		w.tuning = *t;
	names_set(ns, &w, 1, START);
	t_ok(asks(ns, START, c));
	if (r)
		t_ok(names_answer(ns, r, START, c));
	return ns;
}

static const struct {
	const char *name;
	uint32_t ttl_s, refresh_s;
	enum gate_outcome outcome;
	uint32_t failures; /* in a row, before */
	uint64_t least_s;
} times[] = {
	{ "the TTL", 60, 0, GATE_FOUND, 0, 60 },
	{ "a zero TTL", 0, 0, GATE_FOUND, 0, LIMIT_DNS_TTL_FLOOR },
	{ "below the floor", LIMIT_DNS_TTL_FLOOR - 1, 0, GATE_FOUND, 0, LIMIT_DNS_TTL_FLOOR },
	{ "above the ceiling", 1000000, 0, GATE_FOUND, 0, LIMIT_DNS_TTL_CEIL },
	{ "an interval", 7, 60, GATE_FOUND, 0, 60 },
	{ "an interval of a second", 700, 1, GATE_FOUND, 0, 1 },
	{ "no such name", 30, 0, GATE_NO_NAME, 0, 30 },
	{ "the first failure", 0, 0, GATE_NO_ANSWER, 0, LIMIT_DNS_TTL_FLOOR },
	{ "the second failure", 0, 0, GATE_NO_ANSWER, 1, 2 * LIMIT_DNS_TTL_FLOOR },
	{ "the fifth failure", 0, 0, GATE_NO_ANSWER, 4, 16 * LIMIT_DNS_TTL_FLOOR },
	{ "the tenth failure", 0, 0, GATE_NO_ANSWER, 9, NAMES_BACKOFF_MAX_S },
	{ "the hundredth failure", 0, 0, GATE_NO_ANSWER, 99, NAMES_BACKOFF_MAX_S },
	{ "a failure with an interval", 0, 60, GATE_NO_ANSWER, 0, 60 },
	{ "the third with an interval", 0, 60, GATE_NO_ANSWER, 2, 240 },
	{ "the fourth with an interval", 0, 60, GATE_NO_ANSWER, 3, NAMES_BACKOFF_MAX_S },
	{ "a failure with a long interval", 0, 3000, GATE_NO_ANSWER, 0, NAMES_BACKOFF_MAX_S },
	{ "success after failures", 60, 0, GATE_FOUND, 20, 60 },
};

T(when)
{
	T_EACH(row, times)
	{
		struct name_tuning t = NAME_TUNING_DEFAULT;
		struct gate_resolved no = answer("a.test", GATE_NO_ANSWER, 0, 0, 0);
		struct gate_resolved r = answer("a.test", row->outcome, row->ttl_s, 0, 0);
		_cleanup_(changes_free) struct names_changes c = { 0 };
		uint64_t now = START, next;
		struct names *ns;

		t.refresh_s = row->refresh_s;
		ns = one(&t, NULL, &c);
		for (uint32_t i = 0; i < row->failures; i++) {
			t_ok(names_answer(ns, &no, now, &c));
			now = names_next_ms(ns);
			t_ok(asks(ns, now, &c));
		}
		t_ok(names_answer(ns, &r, now, &c));
		next = names_next_ms(ns) - now;
		t_ok(next >= row->least_s * 1000 && next <= row->least_s * 1100);
		t_ok(!asks(ns, names_next_ms(ns) - 1, &c));
		t_ok(asks(ns, names_next_ms(ns), &c));
		names_free(ns);
	}
}

/* Names with the same TTL do not stay in step. */
T(jitter)
{
	struct gate_resolved r = answer("a.test", GATE_FOUND, 1000, 1, 0);
	_cleanup_(changes_free) struct names_changes c = { 0 };
	struct names *ns = one(NULL, NULL, &c);
	uint64_t least = UINT64_MAX, most = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t next;

		t_ok(names_answer(ns, &r, START, &c));
		next = names_next_ms(ns) - START;
		least = MIN(least, next);
		most = MAX(most, next);
	}
	t_ok(least >= 1000000 && least < 1005000);
	t_ok(most <= 1100000 && most > 1095000);
	names_free(ns);
}

static const struct {
	const char *name;
	struct names_pace pace;
	uint32_t failures; /* in a row, this one included; 0: an answer with a TTL of 100 */
	uint64_t least_s, most_s;
} paces[] = {
	{ "no jitter", { 300, 0 }, 0, 100, 100 },
	{ "as much again", { 300, 100 }, 0, 100, 200 },
	{ "a failure", { 300, 0 }, 1, 5, 5 },
	{ "the limit", { 12, 0 }, 3, 12, 12 },
	{ "a limit below the interval", { 1, 0 }, 1, 1, 1 },
	{ "a long limit", { 3600, 0 }, 20, 3600, 3600 },
};

T(paced)
{
	T_EACH(row, paces)
	{
		struct gate_resolved no = answer("a.test", GATE_NO_ANSWER, 0, 0, 0);
		struct gate_resolved r = answer("a.test", GATE_FOUND, 100, 1, 0);
		_cleanup_(changes_free) struct names_changes c = { 0 };
		struct names *ns = one(NULL, NULL, &c);
		uint64_t next;

		names_set_pace(ns, &row->pace);
		for (uint32_t i = 0; i < row->failures; i++)
			t_ok(names_answer(ns, &no, START, &c));
		if (!row->failures)
			t_ok(names_answer(ns, &r, START, &c));
		next = names_next_ms(ns) - START;
		t_ok(next >= row->least_s * 1000 && next <= row->most_s * 1000);
		names_free(ns);
	}
}

/* What containers are told of a name without addresses. */
T(outcomes)
{
	struct gate_resolved none = answer("a.test", GATE_NO_NAME, 60, 0, 0);
	struct gate_resolved no = answer("a.test", GATE_NO_ANSWER, 0, 0, 0);
	struct gate_resolved empty = answer("a.test", GATE_FOUND, 60, 0, 0);
	_cleanup_(changes_free) struct names_changes c = { 0 };
	struct names *ns = one(NULL, NULL, &c);

	t_eq_int(names_outcome(ns, 0), GATE_NO_ANSWER);
	t_ok(names_answer(ns, &no, START, &c));
	t_eq_int(names_outcome(ns, 0), GATE_NO_ANSWER);
	t_ok(names_answer(ns, &none, START, &c));
	t_eq_int(names_outcome(ns, 0), GATE_NO_NAME);
	t_ok(names_answer(ns, &no, START, &c));
	t_eq_int(names_outcome(ns, 0), GATE_NO_NAME);
	t_ok(names_answer(ns, &empty, START, &c));
	t_eq_int(names_outcome(ns, 0), GATE_FOUND);
	names_free(ns);
}

/* While it is asked for it is not asked again; but an answer that never comes is given up. */
T(asked_once)
{
	_cleanup_(changes_free) struct names_changes c = { 0 };
	struct names *ns = one(NULL, NULL, &c);

	t_ok(!asks(ns, START, &c));
	names_refresh_all(ns, START);
	t_ok(!asks(ns, START + NAMES_ASKING_MS - 1, &c));
	t_eq_int(names_next_ms(ns), START + NAMES_ASKING_MS);
	t_ok(asks(ns, START + NAMES_ASKING_MS, &c));
	names_unanswered(ns, START + NAMES_ASKING_MS + 1);
	t_ok(asks(ns, START + NAMES_ASKING_MS + 1, &c));
	names_free(ns);
}

/* What happens from second to second to a.test, whose TTL is 60 and grace 300; each step is an
 * answer, or none: then time passes. */
struct step {
	uint64_t at_s;
	enum { PASS, ANSWERED } what;
	enum gate_outcome outcome;
	unsigned v4, v6;
	bool failed_v4, failed_v6;
	const char *changes;
};

static const struct {
	const char *name;
	struct step steps[8];
} stories[] = {
	{ "learned, confirmed",
	  { { 0, ANSWERED, GATE_FOUND, 6, 0, false, false, "+1 +2" },
	    { 70, ANSWERED, GATE_FOUND, 6, 0, false, false, "*1 *2" } } },
	{ "both families",
	  { { 0, ANSWERED, GATE_FOUND, 2, 4, false, false, "+1 +:2" },
	    { 70, ANSWERED, GATE_FOUND, 2, 4, false, false, "*1 *:2" } } },
	{ "vanished: its TTL and grace are over",
	  { { 0, ANSWERED, GATE_FOUND, 6, 0, false, false, "+1 +2" },
	    { 70, ANSWERED, GATE_FOUND, 4, 0, false, false, "*2" },
	    { 140, ANSWERED, GATE_FOUND, 4, 0, false, false, "*2" },
	    { 359, PASS, 0, 0, 0, false, false, "" },
	    { 370, ANSWERED, GATE_FOUND, 4, 0, false, false, "*2 -1" } } },
	{ "there again",
	  { { 0, ANSWERED, GATE_FOUND, 2, 0, false, false, "+1" },
	    { 70, ANSWERED, GATE_FOUND, 4, 0, false, false, "+2" },
	    { 140, ANSWERED, GATE_FOUND, 2, 0, false, false, "*1" },
	    { 400, ANSWERED, GATE_FOUND, 2, 0, false, false, "*1" },
	    { 440, ANSWERED, GATE_FOUND, 2, 0, false, false, "*1 -2" } } },
	{ "no such name: after the grace",
	  { { 0, ANSWERED, GATE_FOUND, 2, 0, false, false, "+1" },
	    { 70, ANSWERED, GATE_NO_NAME, 0, 0, false, false, "" },
	    { 350, ANSWERED, GATE_NO_NAME, 0, 0, false, false, "" },
	    { 370, ANSWERED, GATE_NO_NAME, 0, 0, false, false, "-1" } } },
	{ "no answer keeps",
	  { { 0, ANSWERED, GATE_FOUND, 2, 4, false, false, "+1 +:2" },
	    { 70, ANSWERED, GATE_NO_ANSWER, 0, 0, true, true, "*1 *:2" },
	    { 400, ANSWERED, GATE_NO_ANSWER, 0, 0, true, true, "*1 *:2" },
	    { 100000, ANSWERED, GATE_NO_ANSWER, 0, 0, true, true, "*1 *:2" } } },
	{ "no answer for one family keeps that",
	  { { 0, ANSWERED, GATE_FOUND, 2, 4, false, false, "+1 +:2" },
	    { 350, ANSWERED, GATE_FOUND, 8, 0, false, true, "+3 *:2" },
	    { 450, ANSWERED, GATE_FOUND, 8, 0, false, true, "*3 *:2 -1" } } },
	{ "nobody asks: it ends by itself",
	  { { 0, ANSWERED, GATE_FOUND, 2, 0, false, false, "+1" },
	    { 1000, PASS, 0, 0, 0, false, false, "-1" } } },
};

T(addresses)
{
	T_EACH(row, stories)
	{
		_cleanup_(changes_free) struct names_changes c = { 0 };
		struct names *ns = one(NULL, NULL, &c);

		for (const struct step *s = row->steps; s->changes; s++) {
			uint64_t now = START + s->at_s * 1000;

			if (s->what == PASS) {
				(void)asks(ns, now, &c);
			} else {
				struct gate_resolved r =
					answer("a.test", s->outcome, 60, s->v4, s->v6);

				r.failed_v4 = s->failed_v4;
				r.failed_v6 = s->failed_v6;
				t_ok(names_answer(ns, &r, now, &c));
			}
			t_eq_str(changes_str(&c), s->changes);
		}
		names_free(ns);
	}
}

/* While an answer is waited for nothing ends, though its time be over. */
T(kept_while_asked)
{
	struct gate_resolved r = answer("a.test", GATE_FOUND, 5, 2, 0);
	struct gate_resolved no = answer("a.test", GATE_NO_ANSWER, 0, 0, 0);
	struct name_tuning t = { .grace_s = 1, .queries = 1, .addresses = 1 };
	_cleanup_(changes_free) struct names_changes c = { 0 };
	struct names *ns = one(&t, &r, &c);
	uint64_t now = names_next_ms(ns);

	t_ok(asks(ns, now, &c));
	c.n = 0;
	t_ok(!asks(ns, now + 60000, &c));
	t_eq_str(changes_str(&c), "");
	t_ok(names_answer(ns, &no, now + 60000, &c));
	t_eq_str(changes_str(&c), "*1");
	names_free(ns);
}

T(no_more_than)
{
	struct gate_resolved r = answer("a.test", GATE_FOUND, 60, 0x3e, 0);
	struct name_tuning t = { .grace_s = 300, .queries = 1, .addresses = 3 };
	_cleanup_(changes_free) struct names_changes c = { 0 };
	struct names *ns = one(&t, &r, &c);

	t_eq_str(changes_str(&c), "+1 +2 +3");
	r = answer("a.test", GATE_FOUND, 60, 0xc0, 0);
	t_ok(names_answer(ns, &r, START + 60000, &c));
	t_eq_str(changes_str(&c), "-1 +6 -3 +7");
	names_free(ns);
}

/* An earlier daemon has left it: it goes like one that has vanished, or stays when it is confirmed. */
T(seeds)
{
	struct gate_resolved r = answer("a.test", GATE_FOUND, 60, 4, 0);
	struct addr known = addr_of("203.0.113.1"), again = addr_of("203.0.113.2");
	_cleanup_(changes_free) struct names_changes c = { 0 };
	struct names_wanted w = wanted("a.test");
	struct names *ns = names_new(1);
	size_t n;

	names_set(ns, &w, 1, START);
	names_seed(ns, 0, &known, 100000, START);
	names_seed(ns, 0, &again, 100000, START);
	t_eq_int(names_addresses(ns, 0, &n)[0].until_ms, START + 100000);
	t_eq_int(n, 2);
	t_ok(asks(ns, START, &c));
	t_ok(names_answer(ns, &r, START, &c));
	t_eq_str(changes_str(&c), "*2");
	t_ok(names_answer(ns, &r, START + 100000, &c));
	t_eq_str(changes_str(&c), "*2 -1");
	names_free(ns);
}

/* Names that stay keep what is known of them, wherever they are in the list now. */
T(another_list)
{
	struct names_wanted before[] = { wanted("a.test"), wanted("b.test"), wanted("c.test") };
	struct names_wanted after[] = { wanted("d.test"), wanted("c.test"), wanted("a.test") };
	struct gate_resolved a = answer("a.test", GATE_FOUND, 600, 2, 0);
	struct gate_resolved b = answer("b.test", GATE_FOUND, 600, 4, 0);
	_cleanup_(changes_free) struct names_changes c = { 0 };
	struct names_question q[4];
	struct names *ns = names_new(1);
	size_t n;

	names_set(ns, before, 3, START);
	t_eq_int(names_due(ns, START, q, 4, &c), 3);
	t_ok(names_answer(ns, &a, START, &c) && names_answer(ns, &b, START, &c));
	c.n = 0;
	after[2].tuning.refresh_s = 60;
	names_set(ns, after, 3, START + 1000);
	t_eq_addr(&names_addresses(ns, 2, &n)[0].addr, "203.0.113.1");
	t_eq_int(n, 1);
	(void)names_addresses(ns, 0, &n);
	t_eq_int(n, 0);
	t_ok(!names_answer(ns, &b, START + 1000, &c));
	/* d is new, c is under way, and a has a shorter interval now. */
	t_eq_int(names_due(ns, START + 1000, q, 4, &c), 1);
	t_eq_int(q[0].name, 0);
	t_eq_int(names_due(ns, START + 61000, q, 4, &c), 1);
	t_eq_int(q[0].name, 2);
	names_set(ns, NULL, 0, START);
	t_ok(names_next_ms(ns) == UINT64_MAX && names_due(ns, START, q, 4, &c) == 0);
	names_free(ns);
}

T(refresh_all)
{
	struct gate_resolved r = answer("a.test", GATE_FOUND, 600, 2, 0);
	_cleanup_(changes_free) struct names_changes c = { 0 };
	struct names *ns = one(NULL, &r, &c);

	t_ok(!asks(ns, START + 1, &c));
	names_refresh_all(ns, START + 1);
	t_ok(asks(ns, START + 1, &c));
	names_free(ns);
}

static void t_json(const struct names *ns, uint64_t now, const char *want)
{
	json_t *j = names_json(ns, 0, now);
	char *text = json_dumps(j, JSON_COMPACT);

	t_eq_str(text, want);
	free(text);
	json_decref(j);
}

T(status)
{
	struct gate_resolved r = answer("a.test", GATE_FOUND, 60, 2, 4);
	struct gate_resolved none = answer("a.test", GATE_NO_NAME, 60, 0, 0);
	struct gate_resolved no = answer("a.test", GATE_NO_ANSWER, 0, 0, 0);
	struct name_tuning t = NAME_TUNING_DEFAULT;
	_cleanup_(changes_free) struct names_changes c = { 0 };
	struct names_wanted w = wanted("a.test");
	struct names *ns = names_new(1);
	char want[512];
	uint64_t now;

	names_set(ns, &w, 1, START);
	t_json(ns, START,
	       "{\"name\":\"a.test\",\"addresses\":[],\"last_attempt_age\":null,"
	       "\"last_success_age\":null,\"next_refresh_seconds\":0,\"failures\":0,"
	       "\"last_error\":null}");
	names_free(ns);
	ns = one(&t, &r, &c);
	now = names_next_ms(ns);
	(void)snprintf(want, sizeof(want),
		       "{\"name\":\"a.test\",\"addresses\":[\"203.0.113.1\",\"2001:db8::2\"],"
		       "\"last_attempt_age\":7,\"last_success_age\":7,"
		       "\"next_refresh_seconds\":%d,\"failures\":0,\"last_error\":null}",
		       (int)((now - START - 7000 + 999) / 1000));
	t_json(ns, START + 7000, want);
	t_ok(asks(ns, now, &c) && names_answer(ns, &no, now, &c));
	now = names_next_ms(ns);
	(void)snprintf(want, sizeof(want),
		       "{\"name\":\"a.test\",\"addresses\":[\"203.0.113.1\",\"2001:db8::2\"],"
		       "\"last_attempt_age\":0,\"last_success_age\":%d,"
		       "\"next_refresh_seconds\":0,\"failures\":1,"
		       "\"last_error\":\"no upstream resolver gave an answer\"}",
		       (int)((now - START) / 1000));
	t_ok(asks(ns, now, &c));
	t_json(ns, now, want);
	t_ok(names_answer(ns, &none, now, &c));
	(void)snprintf(want, sizeof(want),
		       "\"failures\":0,\"last_error\":\"there is no such name\"");
	{
		json_t *j = names_json(ns, 0, now);

		t_eq_int(json_integer_value(json_object_get(j, "failures")), 0);
		t_eq_str(json_string_value(json_object_get(j, "last_error")),
			 "there is no such name");
		json_decref(j);
	}
	names_free(ns);
}

#define MANY 10000

/* Every one is asked for in its time, in the order of times, and they are small. */
T(many)
{
	_cleanup_(freep) struct names_wanted *list = xcalloc(MANY, sizeof(*list));
	struct gate_resolved r = answer("a.test", GATE_FOUND, 60, 0x6, 0x6);
	size_t before = mallinfo2().uordblks, asked = 0, n;
	struct names *ns = names_new(7);
	struct names_question q[64];
	uint64_t now = START;

	for (size_t i = 0; i < MANY; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "host-%zu.region.example-service.test",
			       (i * 7919) % MANY);
		list[i] = wanted(name);
	}
	names_set(ns, list, MANY, START);
	/* An hour, in which each is asked about every minute. */
	while (now < START + 3600000) {
		while ((n = names_due(ns, now, q, ARRAY_LEN(q), NULL)) > 0) {
			for (size_t i = 0; i < n; i++) {
				r.name = list[q[i].name].name;
				r.ttl_s = 30 + q[i].name % 60;
				t_ok(names_answer(ns, &r, now, NULL));
			}
			asked += n;
		}
		t_ok(names_next_ms(ns) > now);
		now = MAX(names_next_ms(ns), now + 100);
	}
	t_ok(asked > MANY * 50 && asked < MANY * 80);
	t_ok(mallinfo2().uordblks - before < 4 << 20);
	names_free(ns);
}

T_MAIN(T_TEST(when), T_TEST(jitter), T_TEST(paced), T_TEST(outcomes), T_TEST(asked_once),
       T_TEST(addresses), T_TEST(kept_while_asked), T_TEST(no_more_than), T_TEST(seeds),
       T_TEST(another_list), T_TEST(refresh_all), T_TEST(status), T_TEST(many))
