/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "gate/learned.h"
#include "gate_help.h"

/* The names of an address in the order of the alphabet: "a.test b.test". */
static const char *names_of(struct learned *l, const char *addr, char *out, size_t size)
{
	struct addr a = addr_of(addr);
	struct name names[LEARNED_NAMES_MAX];
	size_t n = learned_names(l, &a, names), at = 0;

	t_ok(n <= LEARNED_NAMES_MAX);
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && strcmp(names[k - 1].s, names[k].s) > 0; k--) {
			struct name swap = names[k];

			names[k] = names[k - 1];
			names[k - 1] = swap;
		}
	out[0] = '\0';
	for (size_t i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", i ? " " : "", names[i].s);
	return out;
}

#define t_names(l, addr, want)                                               \
	do {                                                                 \
		char text_[8192];                                            \
		t_eq_str(names_of((l), (addr), text_, sizeof(text_)), want); \
	} while (0)

static void learn(struct learned *l, const char *addr, const char *name, uint32_t ttl_s)
{
	struct addr a = addr_of(addr);
	struct name n = name_of(name);

	learned_add(l, &a, &n, ttl_s);
}

T(several)
{
	struct learned *l = learned_new();

	t_names(l, "203.0.113.1", "");
	learn(l, "203.0.113.1", "b.test", 60);
	learn(l, "203.0.113.1", "a.test", 60);
	learn(l, "203.0.113.1", "a.test", 60);
	learn(l, "203.0.113.2", "c.test", 60);
	learn(l, "2001:db8::1", "d.test", 60);
	t_names(l, "203.0.113.1", "a.test b.test");
	t_names(l, "203.0.113.2", "c.test");
	t_names(l, "2001:db8::1", "d.test");
	t_names(l, "203.0.113.3", "");
	t_names(l, "::ffff:203.0.113.1", "");
	learned_free(l);
}

/* One name is learned with this TTL; so long after that, is it still there? */
static const struct {
	const char *name;
	uint32_t ttl_s;
	uint64_t after_s;
	bool there;
} ages[] = {
	{ "at once", 60, 0, true },
	{ "within the TTL", 60, 59, true },
	{ "in the grace", 60, 60 + LIMIT_DNS_GRACE_S - 1, true },
	{ "past the grace", 60, 60 + LIMIT_DNS_GRACE_S + 1, false },
	{ "zero TTL", 0, LIMIT_DNS_GRACE_S - 1, true },
	{ "zero TTL, past the grace", 0, LIMIT_DNS_GRACE_S + 1, false },
	{ "the longest TTL", UINT32_MAX, UINT32_MAX, true },
	{ "past the longest TTL", UINT32_MAX, UINT32_MAX + 301ULL, false },
};

T(ages)
{
	T_EACH(row, ages)
	{
		struct learned *l = learned_new();

		learn(l, "203.0.113.1", "a.test", row->ttl_s);
		clock_ahead_ms += row->after_s * 1000;
		t_names(l, "203.0.113.1", row->there ? "a.test" : "");
		learned_free(l);
	}
}

T(learned_again)
{
	struct learned *l = learned_new();

	learn(l, "203.0.113.1", "a.test", 60);
	learn(l, "203.0.113.1", "b.test", 60);
	clock_ahead_ms += 300 * 1000;
	learn(l, "203.0.113.1", "a.test", 60);
	clock_ahead_ms += 100 * 1000;
	t_names(l, "203.0.113.1", "a.test");
	clock_ahead_ms += 300 * 1000;
	t_names(l, "203.0.113.1", "");
	learn(l, "203.0.113.1", "b.test", 60);
	t_names(l, "203.0.113.1", "b.test");
	learned_free(l);
}

/* The latest are kept. */
T(too_many_names)
{
	struct learned *l = learned_new();
	char name[32];

	for (unsigned i = 0; i < LEARNED_NAMES_MAX + 3; i++) {
		(void)snprintf(name, sizeof(name), "n%02u.test", i);
		learn(l, "203.0.113.1", name, 60);
	}
	t_names(l, "203.0.113.1",
		"n03.test n04.test n05.test n06.test n07.test n08.test n09.test n10.test "
		"n11.test n12.test n13.test n14.test n15.test n16.test n17.test n18.test");
	learned_free(l);
}

T(too_many_addresses)
{
	struct learned *l = learned_new();
	char text[32];

	for (unsigned i = 0; i <= LIMIT_DNS_CACHE; i++) {
		(void)snprintf(text, sizeof(text), "203.0.%u.%u", i >> 8, i & 255);
		learn(l, text, "a.test", 60);
	}
	t_names(l, "203.0.0.0", "");
	t_names(l, "203.0.0.1", "a.test");
	t_names(l, text, "a.test");
	learned_free(l);
}

T_MAIN(T_TEST(several), T_TEST(ages), T_TEST(learned_again), T_TEST(too_many_names),
       T_TEST(too_many_addresses))
