/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/jail.h"
#include "jail_cases.h"

static void compiles_as_written(const char *dir)
{
	_cleanup_(freep) char *policy = xasprintf("%s/policy.yaml", dir);
	_cleanup_(freep) char *golden = xasprintf("%s/ruleset.nft", dir);
	_cleanup_(plan_freep) struct plan *plan = jail_plan(policy);
	_cleanup_(buf_done) struct buf text;

	buf_init(&text, GOLDEN_TEXT_MAX);
	jail_ruleset(plan, &text);
	golden_check(golden, buf_view(&text));
}

T(golden)
{
	golden_each_case(JAIL_CASES, compiles_as_written);
}

/*
 * nft resolves a host name that stands where an address is expected, while it loads the rules: a
 * query for it would leave the machine. So every word behind "daddr" and "saddr" has to be an
 * address or a prefix.
 */
static size_t check_addresses(struct span text)
{
	struct span word;
	bool expected = false, set = false;
	size_t n = 0;

	while (span_next(&text, ' ', &word)) {
		struct prefix p;
		struct err e = { 0 };

		if (!expected) {
			expected = span_eq(word, SPAN_LIT("daddr")) ||
				   span_eq(word, SPAN_LIT("saddr"));
		} else if (span_eq(word, SPAN_LIT("{"))) {
			set = true;
		} else if (set && span_eq(word, SPAN_LIT("}"))) {
			set = expected = false;
		} else {
			if (span_ends(word, SPAN_LIT(",")))
				word.n--;
			t_good(prefix_parse(word, &p, &e), e);
			expected = set;
			n++;
		}
	}
	t_ok(!expected);
	return n;
}

static bool contains(struct span text, struct span part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (span_starts(span_from(text, i), part))
			return true;
	return false;
}

/* No name of the policy is in the text at all. */
static void check_no_names(const struct plan_policy *p, struct span text)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		for (size_t k = 0; k < p->rules[i].n_dests; k++) {
			const struct name *n = dest_name(&p->rules[i].dests[k]);

			t_ok(!n || !contains(text, name_span(n)));
		}
	}
}

static void has_no_names(const char *dir)
{
	_cleanup_(freep) char *policy = xasprintf("%s/policy.yaml", dir);
	_cleanup_(plan_freep) struct plan *plan = jail_plan(policy);
	_cleanup_(buf_done) struct buf text;

	buf_init(&text, GOLDEN_TEXT_MAX);
	jail_ruleset(plan, &text);
	t_ok(check_addresses(buf_view(&text)) >= 4); /* the jail's own are always there */
	check_no_names(plan->policies[0], buf_view(&text));
}

T(no_names)
{
	golden_each_case(JAIL_CASES, has_no_names);
}

static const struct {
	const char *name;
	const char *policy; /* what the policy p holds */
	bool udp;
} wants_udp[] = {
	{ "no rules", "rules: []", false },
	{ "a name", "rules: [{allow: a.test}]", false },
	{ "a name by UDP", "rules: [{allow: udp/a.test}]", true },
	{ "any is TCP", "rules: [{allow: 'any:443'}]", false },
	{ "UDP to the second destination", "rules: [{allow: [a.test, 'udp/any:123']}]", true },
	{ "every protocol", "rules: [{allow: any/203.0.113.7}]", true },
	{ "another protocol", "rules: [{allow: icmp/echo-request}]", false },
	{ "denied", "rules: [{deny: udp/a.test}]", false },
	{ "asked about", "rules: [{ask: udp/a.test}]", false },
	{ "audit", "mode: audit, rules: []", true },
};

T(wants_udp)
{
	T_EACH(row, wants_udp)
	{
		_cleanup_(freep) char *text =
			xasprintf("version: 1\npolicies: {p: {%s}}\n", row->policy);
		_cleanup_(plan_freep) struct plan *plan = NULL;
		static const struct policy_options none;
		struct err e = { 0 };

		t_good(policy_load_text("p.yaml", span_of(text), &none, &plan, &e), e);
		t_eq_int(compile_jail_wants_udp(plan->policies[0]), row->udp);
	}
}

/* What does not fit is said to be cut, so that nobody loads it. */
T(too_small)
{
	_cleanup_(plan_freep) struct plan *plan = jail_plan(JAIL_CASES "/port-ranges/policy.yaml");
	struct jail_ports ports = { .tcp = 10001, .udp = 10002 };
	_cleanup_(buf_done) struct buf whole;

	buf_init(&whole, GOLDEN_TEXT_MAX);
	jail_ruleset(plan, &whole);
	for (size_t max = 1; max < whole.n; max += 7) {
		_cleanup_(buf_done) struct buf cut;

		buf_init(&cut, max);
		compile_jail(plan->policies[0], &ports, &cut);
		t_ok(!buf_ok(&cut));
	}
}

/* With --update the golden files are written anew. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { T_TEST(golden), T_TEST(no_names), T_TEST(wants_udp),
					    T_TEST(too_small) };

	golden_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
