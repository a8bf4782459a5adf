/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel makes of the rules for networks: loaded, listed, and the list loaded again. The golden
 * files are of the form that needs no further parts of the kernel (by_port, no reject in table bridge),
 * so that they are the same everywhere; the other form is loaded where it can be.
 */
#include "kernel/tables.h"
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
	golden_check(golden, span_from(buf_view(&listed), 1));
	load(buf_cstr(&listed) + 1, &again);
	t_eq_span(buf_view(&again), buf_cstr(&listed));
}

T(golden)
{
	golden_each_case(NETWORK_CASES, loads_as_written);
}

static bool load_tables(const void *what, struct err *e)
{
	struct tables *t = NULL;
	char differs[256] = "";
	bool good;

	if (!tables_open(TABLES_FREE, &t, e))
		return false;
	good = tables_load(t, NULL, what, e) &&
	       tables_compare(t, what, NULL, differs, sizeof(differs), e) &&
	       (differs[0] == '\0' || err_set(e, ERR_SYSTEM, "read back: %s", differs));
	tables_close(t);
	return good;
}

/* By what the key is made of, which is text's way to say a type that nft 1.0.6 has no word for; in a
 * message it is said by number. */
static void say_types(struct span text, struct buf *out)
{
	static const char by_key[] = "\t\ttypeof iifname . @th,64,128";
	struct span line;

	while (text.n > 0 && span_next(&text, '\n', &line)) {
		if (span_eq(line, SPAN_LIT(by_key)))
			line = SPAN_LIT("\t\ttype ifname . ipv6_addr");
		buf_span(out, line);
		buf_char(out, '\n');
	}
}

/* The messages that the daemon sends make the same as the text does. */
static void loads_as_messages(const char *dir)
{
	_cleanup_(plan_freep) struct plan *plan = network_case_plan(dir);
	struct network_options o = network_case_options(dir);
	_cleanup_(network_map_done) struct network_map map = { 0 };
	_cleanup_(ruleset_freep) struct ruleset *r = NULL;
	_cleanup_(buf_done) struct buf text = { 0 }, of_text = { 0 }, want, listed = { 0 };
	struct err e = { 0 };

	o.by_port = true;
	o.no_bridge_reject = true;
	t_good(compile_networks(plan, &o, NULL, &r, &map, &e), e);
	t_ok(nft_in_namespace_by(load_tables, r, &listed));
	if (listed.p[0] != '+')
		t_fail("the tables do not load: %s", listed.p + 1);
	buf_init(&text, GOLDEN_TEXT_MAX);
	buf_init(&want, GOLDEN_TEXT_MAX);
	ruleset_text(r, &text);
	load(buf_cstr(&text), &of_text);
	say_types(buf_view(&of_text), &want);
	t_eq_span(buf_view(&listed), buf_cstr(&want));
}

T(messages)
{
	golden_each_case(NETWORK_CASES, loads_as_messages);
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
		golden_each_case(NETWORK_CASES, loads_in_full);
	else
		print_message("not tried: this kernel has no meta ibrname or reject for bridges\n");
}

/* With --update the golden files are written anew. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { T_TEST(golden), T_TEST(messages), T_TEST(full) };

	if (!nft_can_compare())
		return T_SKIP_PROGRAM;
	golden_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
