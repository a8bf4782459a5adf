/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of `types: [MX, TXT]`. */
#include "policy/model.h"
#include "policy/plan.h"
#include "t.h"
#include "wire/dns.h"

static const struct {
	const char *name;
	uint16_t type;
} taken[] = {
	{ "A", 1 },    { "aaaa", 28 }, { "Mx", 15 },   { "TXT", 16 },
	{ "SRV", 33 }, { "CAA", 257 }, { "uri", 256 }, { "NSEC3", 50 },
};

static const struct {
	const char *name;
	const char *says;
} refused[] = {
	{ "HTTPS", "never answered" },
	{ "https", "never answered" },
	{ "SVCB", "never answered" },
	{ "ANY", "never answered" },
	{ "AXFR", "never answered" },
	{ "IXFR", "never answered" },
	{ "OPT", "not a DNS type" },
	{ "TSIG", "not a DNS type" },
	{ "NULL", "not a DNS type" },
	/* No numbers: each would need a word about what it opens. */
	{ "TYPE1", "not a DNS type" },
	{ "TYPE65", "not a DNS type" },
	{ "TYPE65535", "not a DNS type" },
	{ "15", "not a DNS type" },
	{ "AAAAA", "did you mean AAAA" },
	{ "A ", "not a DNS type" },
	{ "*", "not a DNS type" },
	{ "", "not a DNS type" },
};

T(words)
{
	T_EACH(row, taken)
	{
		struct err e = { 0 };
		uint16_t type = 0;

		t_good(qtype_parse(span_of(row->name), &type, &e), e);
		t_eq_int(type, row->type);
	}
}

T(no_words)
{
	T_EACH(row, refused)
	{
		struct err e = { 0 };
		uint16_t type = 0;

		t_bad(qtype_parse(span_of(row->name), &type, &e), e, ERR_INVALID, row->says);
	}
}

/* What is printed reads back, and is nothing that a resolver refuses whatever the policy says. */
T(all)
{
	unsigned n = 0;

	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		const char *name = plan_qtype_str((uint16_t)type);
		struct err e = { 0 };
		uint16_t back = 0;

		if (!name)
			continue;
		n++;
		t_good(qtype_parse(span_of(name), &back, &e), e);
		t_eq_int(back, type);
		t_ok(!dns_type_refused(back));
	}
	t_eq_int(n, 21);
}

T_MAIN(T_TEST(words), T_TEST(no_words), T_TEST(all))
