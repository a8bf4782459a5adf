/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From one plan to the next and so on, each compiled by what is the same in the one before and loaded as a
 * difference: the kernel has the last one and nothing else, and what was learned is where it was.
 */
#include "compile/network.h"
#include "daemon/kernel_probe.h"
#include "policy/flat.h"
#include "policy/load.h"
#include "tables_cases.h"

#define NETWORKS  5
#define STEPS	  40
#define RULES_MAX 5
#define TEXT_MAX  16384

static const char *const rules[] = {
	"allow: [\"a.test\", \"203.0.113.0/24:443\"]",
	"allow: [\"a.test\", \"b.test:8000-8099\", \"*.c.test\"]",
	"allow: [\"any/b.test:*\", \"icmp/203.0.113.9\"]",
	"allow: [\"tcp/198.51.100.1:22\", \"[2001:db8::1]:22\"]",
	"allow: [\"udp/198.51.100.0/25:1000-2000\", \"udp/[2001:db8::/48]:53\"]",
	"allow: [\"any:443\"]",
	"allow: [\"host:8080\"]",
	"deny: [\"203.0.113.128/25\", \"2001:db8:1::/64\"]",
	"deny: [\"b.test\"]",
	"deny: [\"any:25\"]",
	"redirect: \"any:80\", to: \"a.test:8080\"",
	"redirect: \"203.0.113.7:81\", to: \"10.9.9.9:8081\"",
};

static const char *const settings[] = {
	"",
	"mode: audit, ",
	"dns: off, ",
	"limits: {connections: 100}, ",
	"limits: {rate: 10mbit}, ",
};

static uint32_t seed = 2463534242U;

static uint32_t below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % (uint32_t)n;
}

/* What a policy file says of one network. */
struct draft {
	bool there, lateral, by_other_name;
	const char *settings;
	const char *rules[RULES_MAX];
	size_t n_rules;
};

static void draw(struct draft *d)
{
	*d = (struct draft){ .there = below(6) != 0,
			     .lateral = below(3) == 0,
			     .by_other_name = below(8) == 0,
			     .settings = settings[below(ARRAY_LEN(settings))],
			     .n_rules = below(RULES_MAX + 1) };
	for (size_t i = 0; i < d->n_rules; i++)
		d->rules[i] = rules[below(ARRAY_LEN(rules))];
}

static struct plan *plan_of(const struct draft *d, size_t first, const struct plan *was)
{
	static const struct policy_options none;
	_cleanup_(plan_freep) struct plan *read = NULL;
	_cleanup_(buf_done) struct buf text, bytes;
	struct plan *plan = NULL;
	struct err e = { 0 };

	buf_init(&text, TEXT_MAX);
	buf_fmt(&text, "version: 1\npolicies:\n");
	for (size_t i = 0; i < NETWORKS; i++) {
		buf_fmt(&text, "  p%zu: {%srules: [", i, d[i].settings);
		for (size_t k = 0; k < d[i].n_rules; k++)
			buf_fmt(&text, "%s{%s}", k ? ", " : "", d[i].rules[k]);
		buf_fmt(&text, "]}\n");
	}
	buf_fmt(&text, "subjects:\n  - {network: always, policy: p0}\n");
	for (size_t k = 0; k < NETWORKS; k++) {
		size_t i = (first + k) % NETWORKS;

		if (d[i].there)
			buf_fmt(&text,
				"  - {network: %s%zu, bridge: br%zu, lateral: %s, policy: p%zu}\n",
				d[i].by_other_name ? "other" : "net", i, i,
				d[i].lateral ? "allow" : "deny", i);
	}
	t_good(policy_load_text("p.yaml", buf_view(&text), &none, &read, &e), e);
	buf_init(&bytes, LIMIT_PLAN_FLAT);
	plan_encode(read, &bytes);
	t_good(plan_decode(buf_view(&bytes), was, &plan, &e), e);
	return plan;
}

/* ---- what is in force ---- */

struct force {
	struct plan *plan;
	struct ruleset *rules;
	struct network_map map;
};

static void force_done(struct force *f)
{
	ruleset_free(f->rules);
	network_map_done(&f->map);
	plan_free(f->plan);
	*f = (struct force){ 0 };
}

/* Where a redirect by name leads changes now and then. */
static struct addr leads_to(void *ctx, const struct name *n, int family)
{
	uint8_t at[4] = { 10, 1, 1, *(const uint8_t *)ctx };

	return family == AF_INET && name_span(n).n && at[3] ? addr_from_v4(at) : (struct addr){ 0 };
}

static struct force make(const struct draft *d, const struct kernel_lacks *lacks,
			 const struct force *was)
{
	uint8_t at = (uint8_t)below(3);
	const struct network_options o = { .dns_port = 53,
					   .address = leads_to,
					   .ctx = &at,
					   .by_port = lacks->bridge_name,
					   .no_bridge_reject = lacks->bridge_reject };
	struct force f = { .plan = plan_of(d, below(NETWORKS), was->plan) };
	struct err e = { 0 };

	t_good(compile_networks(f.plan, &o, was->rules ? &was->map : NULL, &f.rules, &f.map, &e),
	       e);
	return f;
}

/* ---- what is learned ---- */

static void learned_key(const struct rs_set *s, uint8_t key[static RULESET_KEY_MAX])
{
	static const uint8_t value[16] = "\x0a\x01\x02\x03";
	size_t n = 0;

	for (size_t i = 0; i < s->n_fields; i++)
		rs_key_append(key, &n, s->fields[i], value);
}

/* One element in each of those sets. */
static void learn(struct tables *t, const struct ruleset *r)
{
	struct err e = { 0 };

	for (int family = 0; family < RS_FAMILY_COUNT; family++)
		for (size_t i = 0; i < r->tables[family].n_sets; i++) {
			struct rs_set *s = r->tables[family].sets[i];
			uint8_t key[RULESET_KEY_MAX] = { 0 };
			struct tables_change c = { .add = true,
						   .family = (enum rs_family)family,
						   .set = s,
						   .element = { key, key, "", { 0 }, 0 } };

			if (!(s->flags & RS_SET_LEARNED))
				continue;
			learned_key(s, key);
			c.element.timeout_ms = s->flags & RS_SET_TIMEOUT ? 3600000 : 0;
			t_good(tables_change(t, &c, 1, &e), e);
		}
}

static size_t count(struct tables *t, enum rs_family family, const struct rs_set *s)
{
	_cleanup_(rs_elements_done) struct rs_elements list = { 0 };
	struct err e = { 0 };

	t_good(tables_elements(t, family, s, &list, &e), e);
	return list.n;
}

/* It is where both have the set, and nowhere else. */
static void check_learned(struct tables *t, const struct ruleset *was, const struct ruleset *next)
{
	for (int family = 0; family < RS_FAMILY_COUNT; family++)
		for (size_t i = 0; i < next->tables[family].n_sets; i++) {
			const struct rs_set *s = next->tables[family].sets[i];
			const struct rs_set *old = rs_set_find(&was->tables[family], s->name);
			bool kept = old && tables_set_eq(old, s);

			if (s->flags & RS_SET_LEARNED)
				t_eq_int(count(t, (enum rs_family)family, s), kept);
		}
}

/* ---- steps ---- */

static void check_kernel(struct tables *t, const struct ruleset *r)
{
	char said[256];
	struct err e = { 0 };

	t_good(tables_compare(t, r, NULL, said, sizeof(said), &e), e);
	t_eq_str(said, "");
}

static size_t shared(const struct force *a, const struct force *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->map.n_ports; i++)
		for (size_t k = 0; k < a->map.n_ports; k++)
			n += b->map.parts[i] == a->map.parts[k];
	return n;
}

T(steps)
{
	struct draft d[NETWORKS];
	struct kernel_lacks lacks;
	struct force now = { 0 };
	struct err e = { 0 };
	struct tables *t;
	size_t n_shared = 0;

	t_ok(fresh());
	t_good(tables_open(TABLES_OWNED, &t, &e), e);
	t_good(kernel_probe(t, &lacks, &e), e);
	for (size_t i = 0; i < NETWORKS; i++)
		draw(&d[i]);
	for (unsigned step = 0; step < STEPS; step++) {
		struct force next = make(d, &lacks, &now);

		t_good(tables_load(t, now.rules, next.rules, &e), e);
		check_kernel(t, next.rules);
		if (now.rules)
			check_learned(t, now.rules, next.rules);
		n_shared += shared(&now, &next);
		force_done(&now);
		now = next;
		learn(t, now.rules);
		for (uint32_t more = below(3); more > 0; more--)
			draw(&d[below(NETWORKS)]);
	}
	t_ok(n_shared > STEPS);
	tables_close(t);
	force_done(&now);
}

int main(void)
{
	const struct CMUnitTest tests[] = { T_TEST(steps) };

	if (!namespaces()) {
		print_message("skipped: network namespaces: %s\n", strerror(errno));
		return T_SKIP_PROGRAM;
	}
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
