/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of two plans that have networks in common, the second one is compiled as if there were no first, in less. */
#include "compile/network.h"
#include "network_cases.h"
#include "policy/flat.h"

/* Three networks; the first follows a name that a redirect leads to. */
#define RULES_A "{redirect: \"any:80\", to: \"a.test:8080\"}, {allow: [\"a.test\"]}"
#define RULES_B "{allow: [\"b.test\", \"203.0.113.0/24:443\"]}, {deny: [\"any\"]}"
#define RULES_C "{allow: [\"tcp/198.51.100.1:22\", \"b.test:8000-8099\"]}"

#define POLICY(a, b, c, subjects)                                                         \
	"version: 1\npolicies: {a: {rules: [" a "]}, b: {rules: [" b "]}, c: {rules: [" c \
	"]}}\nsubjects: [" subjects "]\n"

#define A "{network: na, policy: a}"
#define B "{network: nb, policy: b}"
#define C "{network: nc, policy: c}"

static const char before[] = POLICY(RULES_A, RULES_B, RULES_C, A ", " B ", " C);

/* shared: how many networks are not compiled again. */
static const struct {
	const char *name;
	const char *text;
	uint16_t dns_port;
	size_t shared;
} changes[] = {
	{ "nothing", before, 53, 2 },
	{ "a rule of one", POLICY(RULES_A, "{allow: [\"b.test\"]}", RULES_C, A ", " B ", " C), 53,
	  1 },
	{ "a comment of a rule",
	  POLICY(RULES_A, "{allow: [\"b.test\", \"203.0.113.0/24:443\"], comment: c}", RULES_C,
		 A ", " B ", " C),
	  53, 1 },
	{ "a bridge",
	  POLICY(RULES_A, RULES_B, RULES_C, A ", " B ", {network: nc, policy: c, bridge: other}"),
	  53, 1 },
	{ "a policy for another",
	  POLICY(RULES_A, RULES_B, RULES_C, A ", " B ", {network: nc, policy: b}"), 53, 1 },
	{ "lateral",
	  POLICY(RULES_A, RULES_B, RULES_C, A ", " B ", {network: nc, policy: c, lateral: allow}"),
	  53, 1 },
	{ "a network more",
	  POLICY(RULES_A, RULES_B, RULES_C, A ", " B ", " C ", {network: nd, policy: b}"), 53, 2 },
	{ "a network less", POLICY(RULES_A, RULES_B, RULES_C, A ", " C), 53, 1 },
	{ "another order", POLICY(RULES_A, RULES_B, RULES_C, C ", " A ", " B), 53, 2 },
	{ "another name for one",
	  POLICY(RULES_A, RULES_B, RULES_C, A ", " B ", {network: nx, policy: c, bridge: nc}"), 53,
	  1 },
	{ "the gate's port", before, 5353, 0 },
	{ "where the redirect leads",
	  POLICY("{redirect: \"any:80\", to: \"x.test:8080\"}", RULES_B, RULES_C, A ", " B ", " C),
	  53, 2 },
};

static struct plan *plan_of(const char *text, const struct plan *was)
{
	_cleanup_(plan_freep) struct plan *read = NULL;
	_cleanup_(buf_done) struct buf bytes;
	static const struct policy_options none;
	struct plan *plan = NULL;
	struct err e = { 0 };

	t_good(policy_load_text("p.yaml", span_of(text), &none, &read, &e), e);
	buf_init(&bytes, LIMIT_PLAN_FLAT);
	plan_encode(read, &bytes);
	t_good(plan_decode(buf_view(&bytes), was, &plan, &e), e);
	return plan;
}

struct compiled {
	struct ruleset *rules;
	struct network_map map;
	struct buf text;
};

static struct compiled compiled(const struct plan *p, uint16_t dns_port,
				const struct network_map *was)
{
	const struct network_options o = { .dns_port = dns_port, .address = network_case_address };
	struct compiled c = { 0 };
	struct err e = { 0 };

	t_good(compile_networks(p, &o, was, &c.rules, &c.map, &e), e);
	buf_init(&c.text, GOLDEN_TEXT_MAX);
	ruleset_text(c.rules, &c.text);
	for (size_t i = 0; i < c.map.n_uses; i++) {
		const struct network_map_use *u = &c.map.uses[i];

		buf_fmt(&c.text, "%s %u %s %s\n", c.map.names[u->name]->s, u->subject,
			u->use->set_v4->name, u->use->comment);
	}
	t_ok(buf_ok(&c.text));
	return c;
}

static void compiled_done(struct compiled *c)
{
	ruleset_free(c->rules);
	network_map_done(&c->map);
	buf_done(&c->text);
}

static size_t shared(const struct compiled *a, const struct compiled *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->map.n_ports; i++)
		for (size_t k = 0; k < a->map.n_ports; k++)
			n += b->map.parts[i] == a->map.parts[k];
	return n;
}

T(same_as_alone)
{
	T_EACH(row, changes)
	{
		_cleanup_(plan_freep) struct plan *first = plan_of(before, NULL);
		_cleanup_(plan_freep) struct plan *second = plan_of(row->text, first);
		struct compiled was = compiled(first, 53, NULL);
		struct compiled next = compiled(second, row->dns_port, &was.map);
		struct compiled alone = compiled(second, row->dns_port, NULL);

		t_eq_int(shared(&was, &next), row->shared);
		t_eq_str(buf_cstr(&next.text), buf_cstr(&alone.text));
		/* What is shared outlives the first. */
		compiled_done(&was);
		plan_free(steal(&first));
		ruleset_text(next.rules, &next.text);
		t_ok(buf_ok(&next.text));
		compiled_done(&next);
		compiled_done(&alone);
	}
}

T_MAIN(T_TEST(same_as_alone))
