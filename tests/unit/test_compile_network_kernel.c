/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel makes of the rules for networks: loaded, listed, and the list loaded again. The golden
 * files are of the form that needs no further parts of the kernel (by_port, no reject in table bridge),
 * so that they are the same everywhere; the other form is loaded where it can be.
 */
#include "network_cases.h"
#include "nft_namespace.h"

static const char full_bridge[] =
	"table bridge t {\n\tchain c {\n\t\ttype filter hook prerouting priority -300;\n"
	"\t\tmeta ibrname \"br0\" reject with icmpx admin-prohibited\n\t}\n}\n";

static void load(const char *text, struct buf *listed)
{
	t_ok(nft_in_namespace(text, listed));
	if (listed->p[0] != '+')
		t_fail("the rules do not load: %s\n%s", listed->p + 1, text);
}

static void loads_as_written(const char *dir)
{
	_cleanup_(freep) char *golden = xasprintf("%s/ruleset.kernel", dir);
	struct network_options o = network_case_options(dir);
	_cleanup_(network_map_done) struct network_map map = { 0 };
	_cleanup_(buf_done) struct buf text = { 0 }, listed = { 0 }, again = { 0 };

	o.by_port = true;
	o.no_bridge_reject = true;
	network_case_compile(dir, &o, &text, &map);
	load(buf_cstr(&text), &listed);
	jail_golden(golden, span_from(buf_view(&listed), 1));
	load(buf_cstr(&listed) + 1, &again);
	t_eq_span(buf_view(&again), buf_cstr(&listed));
}

T(golden)
{
	network_each_case(loads_as_written);
}

static void loads_in_full(const char *dir)
{
	struct network_options o = network_case_options(dir);
	_cleanup_(network_map_done) struct network_map map = { 0 };
	_cleanup_(buf_done) struct buf text = { 0 }, listed = { 0 };

	network_case_compile(dir, &o, &text, &map);
	load(buf_cstr(&text), &listed);
}

T(full)
{
	_cleanup_(buf_done) struct buf listed = { 0 };

	t_ok(nft_in_namespace(full_bridge, &listed));
	if (listed.p[0] == '+')
		network_each_case(loads_in_full);
	else
		print_message("not tried: this kernel has no meta ibrname or reject for bridges\n");
}

/* With --update the golden files are written anew. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { T_TEST(golden), T_TEST(full) };

	if (!nft_can_compare())
		return T_SKIP_PROGRAM;
	jail_update = argc == 2 && strcmp(argv[1], "--update") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
