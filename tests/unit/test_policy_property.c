/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decide() and decide_name() against a second opinion that shares no code with them, over random
 * small policies. The policies are written as text and read back, so that the whole way is tested.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/decide.h"
#include "policy_help.h"

#define POLICIES 4000
#define FLOWS	 60
#define LAST	 12 /* the highest port of a flow; rules end at 9 or at 65535 */

enum what { NAME, BELOW, ANY_NAME, RANGE, ANY, WHAT_COUNT };

struct target {
	enum what what;
	const char *text; /* the name; of a range, its first address */
	int bits;
};

struct rule {
	enum rule_action action;
	int proto; /* -1: any */
	int lo, hi;
	struct target target;
};

struct policy {
	struct rule rules[6];
	int n;
};

/* What a flow leads to: at most one of the two forms of an address, in IPv4. */
struct trip {
	int proto, port;
	const char *name;
	uint32_t addr; /* 0: none */
	bool mapped;   /* it comes as ::ffff:a.b.c.d */
};

static const struct target targets[] = {
	{ NAME, "a.test", 0 },	      { NAME, "b.a.test", 0 },	    { NAME, "c.test", 0 },
	{ BELOW, "a.test", 0 },	      { BELOW, "b.a.test", 0 },	    { ANY_NAME, "*", 0 },
	{ RANGE, "203.0.113.0", 24 }, { RANGE, "203.0.113.5", 32 }, { RANGE, "10.0.0.0", 8 },
	{ RANGE, "10.1.0.0", 16 },    { RANGE, "0.0.0.0", 0 },	    { ANY, "any", 0 },
};

static const char *const names[] = {
	NULL, "a.test", "b.a.test", "c.b.a.test", "ba.test", "c.test"
};

static const uint32_t addrs[] = { 0, 0xcb007105, 0xcb007106, 0x0a010101, 0x0a020202, 0xc6336401 };

static uint32_t seed = 2463534242;

static uint32_t below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

/* ---- The second opinion ---- */

static uint32_t number(const char *dotted)
{
	uint32_t v = 0, part = 0;

	for (; *dotted; dotted++) {
		if (*dotted == '.') {
			v = v << 8 | part;
			part = 0;
		} else {
			part = part * 10 + (uint32_t)(*dotted - '0');
		}
	}
	return v << 8 | part;
}

static bool in_range(const struct target *t, uint32_t addr)
{
	return addr && (t->bits == 0 || (addr ^ number(t->text)) >> (32 - t->bits) == 0);
}

static bool leads_to(const struct target *t, const struct trip *trip)
{
	size_t n = trip->name ? strlen(trip->name) : 0, m = strlen(t->text);

	switch (t->what) {
	case NAME:
		return n && strcmp(trip->name, t->text) == 0;
	case BELOW:
		return n > m && trip->name[n - m - 1] == '.' &&
		       strcmp(trip->name + n - m, t->text) == 0;
	case ANY_NAME:
		return n;
	case RANGE:
		return in_range(t, trip->addr);
	case ANY:
	case WHAT_COUNT:
		break;
	}
	return true;
}

static bool applies(const struct rule *r, const struct trip *t)
{
	return (r->proto < 0 || r->proto == t->proto) && t->port >= r->lo && t->port <= r->hi &&
	       leads_to(&r->target, t);
}

/* "+2": rule 2 lets it pass, "-2": it denies it, "-0": no rule. */
static int second_opinion(const struct policy *p, const struct trip *t)
{
	for (int i = 0; i < p->n; i++) {
		const struct rule *r = &p->rules[i];
		bool named = false;

		if (!applies(r, t))
			continue;
		if (r->action == RULE_DENY || r->target.what == RANGE || t->addr >> 24 != 10)
			return r->action == RULE_DENY ? -(i + 1) : i + 1;
		/* A name, `*` or `any` to 10.0.0.0/8. */
		for (int j = 0; j < p->n; j++)
			if (p->rules[j].action == RULE_ALLOW && p->rules[j].target.what == RANGE &&
			    applies(&p->rules[j], t))
				named = true;
		return named ? i + 1 : -(i + 1);
	}
	return 0;
}

/* ---- The way through the program ---- */

static void write_rule(const struct rule *r, struct buf *out)
{
	const char *proto = r->proto < 0 ? "any" : r->proto == IPPROTO_TCP ? "tcp" : "udp";

	buf_fmt(out, "{%s: '%s/%s%s", rule_action_str(r->action), proto,
		r->target.what == BELOW ? "*." : "", r->target.text);
	if (r->target.what == RANGE && r->target.bits < 32)
		buf_fmt(out, "/%d", r->target.bits);
	if (r->lo == 0)
		buf_str(out, ":*'}, ");
	else
		buf_fmt(out, ":%d-%d'}, ", r->lo, r->hi);
}

static struct rule random_rule(void)
{
	static const enum rule_action actions[] = { RULE_ALLOW, RULE_ALLOW, RULE_DENY, RULE_DENY,
						    RULE_ASK };
	static const int protos[] = { -1, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP };
	struct rule r = { .action = actions[below(ARRAY_LEN(actions))],
			  .proto = protos[below(ARRAY_LEN(protos))],
			  .hi = 65535,
			  .target = targets[below(ARRAY_LEN(targets))] };

	if (below(4) == 0)
		return r;
	r.lo = (int)below(9) + 1;
	if (below(3) != 0)
		r.hi = r.lo + (int)below((uint32_t)(10 - r.lo));
	return r;
}

static struct plan *random_policy(struct policy *p)
{
	struct plan *plan;
	struct buf text;

	buf_init(&text, 4096);
	p->n = (int)below(ARRAY_LEN(p->rules) + 1);
	for (int i = 0; i < p->n; i++) {
		p->rules[i] = random_rule();
		write_rule(&p->rules[i], &text);
	}
	plan = load_rules(buf_cstr(&text));
	buf_done(&text);
	return plan;
}

static int first_opinion(const struct plan *plan, const struct trip *t)
{
	uint8_t v6[16] = { [10] = 0xff, [11] = 0xff };
	struct flow f = { .proto = t->proto, .icmp_type = -1, .port = (uint16_t)t->port };
	struct addr addr;
	struct err e = { 0 };
	struct verdict v;
	struct name name;
	int rule;

	for (int i = 0; i < 4; i++)
		v6[12 + i] = (uint8_t)(t->addr >> (24 - 8 * i));
	addr = t->mapped ? addr_from_v6(v6) : addr_from_v4(v6 + 12);
	if (t->name) {
		t_good(name_parse(span_of(t->name), &name, &e), e);
		f.name = &name;
	}
	if (t->addr)
		f.addr = &addr;
	v = decide(plan->policies[0], &f);
	rule = v.rule ? (int)v.rule->index : 0;
	return v.kind == VERDICT_DENY ? -rule : rule;
}

static void explain_difference(const struct policy *p, const struct trip *t)
{
	struct buf text;

	buf_init(&text, 4096);
	for (int i = 0; i < p->n; i++)
		write_rule(&p->rules[i], &text);
	print_error("%s\n%d/%s %08x port %d\n", buf_cstr(&text), t->proto, t->name ? t->name : "-",
		    t->addr, t->port);
	buf_done(&text);
}

T(decide_agrees)
{
	for (int i = 0; i < POLICIES; i++) {
		struct policy p;
		struct plan *plan = random_policy(&p);

		for (int j = 0; j < FLOWS; j++) {
			struct trip t = { .proto = below(2) ? IPPROTO_TCP : IPPROTO_UDP,
					  .port = (int)below(LAST) + 1,
					  .name = names[below(ARRAY_LEN(names))],
					  .addr = addrs[below(ARRAY_LEN(addrs))],
					  .mapped = below(2) };
			int got = first_opinion(plan, &t), want = second_opinion(&p, &t);

			if (got != want)
				explain_difference(&p, &t);
			t_eq_int(got, want);
		}
		plan_free(plan);
	}
}

/* Some port of some protocol is open to the name: tried one after the other. */
static bool open_somewhere(const struct policy *p, const char *name)
{
	static const int protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	struct trip t = { .name = name };

	for (size_t i = 0; i < ARRAY_LEN(protos); i++)
		for (t.port = 1; t.port <= LAST; t.port++) {
			int rule;

			t.proto = protos[i];
			rule = second_opinion(p, &t);
			if (rule > 0 && p->rules[rule - 1].action != RULE_ASK)
				return true;
		}
	return false;
}

T(decide_name_agrees)
{
	for (int i = 0; i < POLICIES; i++) {
		const struct plan_rule *rule;
		struct policy p;
		struct plan *plan = random_policy(&p);

		for (size_t j = 1; j < ARRAY_LEN(names); j++) {
			struct trip t = { .name = names[j] };
			struct err e = { 0 };
			struct name name;
			bool got;

			t_good(name_parse(span_of(names[j]), &name, &e), e);
			got = decide_name(plan->policies[0], &name, 0, &rule);
			if (got != open_somewhere(&p, names[j]))
				explain_difference(&p, &t);
			t_eq_int(got, open_somewhere(&p, names[j]));
			t_ok(!got || rule);
		}
		plan_free(plan);
	}
}

T_MAIN(T_TEST(decide_agrees), T_TEST(decide_name_agrees))
