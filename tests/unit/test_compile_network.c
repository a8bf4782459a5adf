/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/network.h"
#include "network_cases.h"

/* ---- Golden files ---- */

static void add_use(struct buf *out, const struct network_name_use *u)
{
	buf_fmt(out, "  %s %s", u->set_v4 ? u->set_v4->name : "-",
		u->set_v6 ? u->set_v6->name : "-");
	if (u->icmp_type >= 0)
		buf_fmt(out, " type %d", u->icmp_type);
	else
		buf_fmt(out, " protocol %u-%u", u->proto_lo, u->proto_hi);
	if (!u->every_port && u->icmp_type < 0)
		buf_fmt(out, " port %u-%u", u->port_lo, u->port_hi);
	buf_fmt(out, "%s \"%s\"\n", u->opens ? " opens" : "", u->comment);
}

static void print_map(const struct network_map *map, struct buf *out)
{
	size_t use = 0;

	for (size_t i = 0; i < map->n_names; i++) {
		buf_fmt(out, "%s\n", map->names[i]->s);
		for (; use < map->n_uses && map->uses[use].name == i; use++)
			add_use(out, map->uses[use].use);
	}
	t_eq_int(use, map->n_uses);
}

static void compiles_as_written(const char *dir)
{
	_cleanup_(freep) char *golden = xasprintf("%s/ruleset.nft", dir);
	_cleanup_(freep) char *names = xasprintf("%s/names.txt", dir);
	struct network_options o = network_case_options(dir);
	_cleanup_(network_map_done) struct network_map map = { 0 };
	_cleanup_(buf_done) struct buf text = { 0 }, said;

	buf_init(&said, GOLDEN_TEXT_MAX);
	network_case_compile(dir, &o, &text, &map);
	golden_check(golden, buf_view(&text));
	print_map(&map, &said);
	if (map.n_names)
		golden_check(names, buf_view(&said));
}

T(golden)
{
	golden_each_case(NETWORK_CASES, compiles_as_written);
}

/* ---- What is refused ---- */

static const struct {
	const char *name;
	const char *subjects;
	const char *policy;
	const char *error; /* NULL: none */
} refused[] = {
	{ "fine", "[{network: a, policy: p}]", "", NULL },
	{ "quota", "[{network: a, policy: p}]", "limits: {quota: 2GB/day}, ",
	  "network a: policy p has a quota, which a network cannot enforce" },
	{ "not a network", "[{container: a, policy: p}]", "limits: {quota: 2GB/day}, ", NULL },
};

T(refused)
{
	T_EACH(row, refused)
	{
		_cleanup_(freep) char *text =
			xasprintf("version: 1\npolicies: {p: {%srules: []}}\nsubjects: %s\n",
				  row->policy, row->subjects);
		_cleanup_(plan_freep) struct plan *plan = NULL;
		_cleanup_(ruleset_freep) struct ruleset *r = NULL;
		_cleanup_(network_map_done) struct network_map map = { 0 };
		static const struct policy_options none;
		static const struct network_options o;
		struct err e = { 0 };

		t_good(policy_load_text("p.yaml", span_of(text), &none, &plan, &e), e);
		if (row->error)
			t_bad(compile_networks(plan, &o, NULL, &r, &map, &e), e, e.kind,
			      row->error);
		else
			t_good(compile_networks(plan, &o, NULL, &r, &map, &e), e);
	}
}

/* The policy's reader refuses these first; a plan can come from elsewhere. */
T(pairs)
{
	_cleanup_(plan_freep) struct plan *plan = network_case_plan(NETWORK_CASES "/several");
	static const struct network_options o;
	struct ruleset *r = NULL;
	struct network_map map;
	struct err e = { 0 };

	memcpy(plan->subjects[1].network.bridge, "a", 2);
	t_bad(compile_networks(plan, &o, NULL, &r, &map, &e), e, ERR_INVALID,
	      "networks a and b have the same bridge, a");
	memcpy(plan->subjects[1].network.bridge, "c", 2);
	plan->subjects[1].id[0] = 'a';
	t_bad(compile_networks(plan, &o, NULL, &r, &map, &e), e, ERR_INVALID,
	      "networks a and a would have the same name in the kernel, a");
}

/* nft reads a star at the end as "whatever follows", and a quote as the end. */
T(bridges)
{
	static const char *const bad[] = { "", "br*", "br\"", "br 0", "br\n", "br\\" };
	static const struct network_options o;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_(plan_freep) struct plan *plan =
			network_case_plan(NETWORK_CASES "/simple");
		_cleanup_(ruleset_freep) struct ruleset *r = NULL;
		_cleanup_(network_map_done) struct network_map map = { 0 };
		struct err e = { 0 };

		memcpy(plan->subjects[0].network.bridge, bad[i], strlen(bad[i]) + 1);
		t_bad(compile_networks(plan, &o, NULL, &r, &map, &e), e, ERR_INVALID,
		      "is not the name of a bridge");
	}
}

/* What does not fit of a comment begins with a whole character. */
T(long_comments)
{
	static const struct policy_options none;
	static const struct network_options o;

	for (int odd = 0; odd < 2; odd++) {
		_cleanup_(buf_done) struct buf yaml, out;
		_cleanup_(plan_freep) struct plan *plan = NULL;
		_cleanup_(ruleset_freep) struct ruleset *r = NULL;
		_cleanup_(network_map_done) struct network_map map = { 0 };
		struct err e = { 0 };

		buf_init(&yaml, GOLDEN_TEXT_MAX);
		buf_init(&out, GOLDEN_TEXT_MAX);
		buf_fmt(&yaml,
			"version: 1\npolicies: {p: {rules: [{allow: [\"203.0.113.5:80\"], comment: \"%s",
			odd ? "x" : "");
		for (int i = 0; i < 90; i++)
			buf_str(&yaml, "\xc3\xa9");
		buf_str(&yaml, "\"}]}}\nsubjects: [{network: a, policy: p}]\n");
		t_good(policy_load_text("p.yaml", buf_view(&yaml), &none, &plan, &e), e);
		t_good(compile_networks(plan, &o, NULL, &r, &map, &e), e);
		ruleset_text(r, &out);
		t_eq_int(span_not_utf8(buf_view(&out)), -1);
	}
}

/* ---- Names in the kernel ---- */

static const struct {
	const char *name;
	const char *id;
	const char *prefix;
} prefixes[] = {
	{ "plain", "ds-priv", "ds-priv" },
	{ "upper case", "DS_priv.2", "DS_priv.2" },
	{ "forty bytes", "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd",
	  "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd" },
	{ "forty-one", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddX",
	  "aaaaaaaaaabbbbbbbbbbccccccccccd_0036586f" },
	{ "a digit first", "1st", "n1st_35d9a56b" },
	{ "strange bytes", "a b{c}", "abc_01e273bf" },
	{ "nothing else", "\"\n", "n_27cae97d" },
};

T(prefix)
{
	T_EACH(row, prefixes)
	{
		_cleanup_(freep) char *id = xstrdup(row->id);
		struct plan_subject s = { .id = id };
		char out[RULESET_NAME_MAX];

		network_prefix(&s, out);
		t_eq_str(out, row->prefix);
	}
}

/* ---- The same again ---- */

/* The same plan makes the same ruleset, and a text that does not fit is known not to. */
T(deterministic)
{
	struct network_options o = network_case_options("");
	_cleanup_(network_map_done) struct network_map map_a = { 0 }, map_b = { 0 };
	_cleanup_(buf_done) struct buf a = { 0 }, b = { 0 };

	network_case_compile(NETWORK_CASES "/dns", &o, &a, &map_a);
	network_case_compile(NETWORK_CASES "/dns", &o, &b, &map_b);
	t_ok(map_a.n_uses > 10);
	print_map(&map_a, &a);
	print_map(&map_b, &b);
	t_eq_span(buf_view(&a), buf_cstr(&b));
}

/* With --update the golden files are written anew. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { T_TEST(golden),	   T_TEST(refused),
					    T_TEST(pairs),	   T_TEST(bridges),
					    T_TEST(long_comments), T_TEST(prefix),
					    T_TEST(deterministic) };

	golden_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
