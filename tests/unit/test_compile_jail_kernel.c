/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel makes of the rules inside a jail: loaded, and listed back, each in a network
 * namespace of its own. */
#include "jail_cases.h"
#include "nft_namespace.h"

static void loads_as_written(const char *dir)
{
	_cleanup_(freep) char *policy = xasprintf("%s/policy.yaml", dir);
	_cleanup_(freep) char *golden = xasprintf("%s/ruleset.kernel", dir);
	_cleanup_(plan_freep) struct plan *plan = jail_plan(policy);
	_cleanup_(buf_done) struct buf text = { 0 }, listed = { 0 };

	buf_init(&text, GOLDEN_TEXT_MAX);
	jail_ruleset(plan, &text);
	t_ok(nft_in_namespace(buf_cstr(&text), &listed));
	if (listed.p[0] != '+')
		t_fail("the rules do not load: %s\n%s", listed.p + 1, buf_cstr(&text));
	golden_check(golden, span_from(buf_view(&listed), 1));
}

T(golden)
{
	golden_each_case(JAIL_CASES, loads_as_written);
}

/* The test would see it if rules did not load. */
T(refused)
{
	_cleanup_(buf_done) struct buf listed = { 0 };

	t_ok(nft_in_namespace("table inet t {\n\tchain c {\n\t\tip daddr 1.2.3 accept\n\t}\n}\n",
			      &listed));
	t_ok(span_starts(buf_view(&listed), SPAN_LIT("-the kernel refused the rules: ")));
}

/* With --update the golden files are written anew. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { T_TEST(golden), T_TEST(refused) };

	if (!nft_can_compare())
		return T_SKIP_PROGRAM;
	golden_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
