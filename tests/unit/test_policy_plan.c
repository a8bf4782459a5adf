/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies as objects: what plans share, what they do not, and what never changes. */
#include "base/alloc.h"
#include "plan_same.h"
#include "policy/flat.h"
#include "policy_help.h"

#define POLICIES(a, b)            \
	"version: 1\n"            \
	"policies:\n"             \
	"  a: {rules: [" a "]}\n" \
	"  b: {rules: [" b "]}\n"

#define SUBJECTS                                                \
	"subjects:\n"                                           \
	"  - {network: one, policy: a, subnet: 10.77.0.0/24}\n" \
	"  - {network: two, policy: b}\n"                       \
	"  - {proxy: '127.0.0.1:8888', user: ann, policy: a}\n"

#define A "{allow: 'a.test:80,443', comment: why}, {redirect: 'any:1', to: 'b.test:2'}"
#define B "{deny: '203.0.113.0/24'}, {allow: '*.b.test'}"

/* The plan of that text as a process reads it that works by `was`. */
static struct plan *read_again(const char *text, const struct plan *was)
{
	_cleanup_(plan_freep) struct plan *p = load_text(text);
	_cleanup_(buf_done) struct buf bytes;
	struct plan *out = NULL;
	struct err e = { 0 };

	buf_init(&bytes, LIMIT_PLAN_FLAT);
	plan_encode(p, &bytes);
	t_good(plan_decode(buf_view(&bytes), was, &out, &e), e);
	t_ok(plan_alike(p, out));
	return out;
}

/* ---- What is read again ---- */

static const struct {
	const char *name;
	const char *text;
	bool same_a, same_b; /* the policies of that name are those that there were */
	bool same;	     /* the whole plan is */
} rows[] = {
	{ "nothing changed", POLICIES(A, B) SUBJECTS, true, true, true },
	{ "moved lines", "# a comment\n\n" POLICIES(A, B) SUBJECTS, true, true, true },
	{ "a rule more", POLICIES(A, B ", {allow: c.test}") SUBJECTS, true, false, false },
	{ "a rule less", POLICIES("{allow: 'a.test:80,443', comment: why}", B) SUBJECTS, false,
	  true, false },
	{ "another order of rules",
	  POLICIES(A, "{allow: '*.b.test'}, {deny: '203.0.113.0/24'}") SUBJECTS, true, false,
	  false },
	{ "another port",
	  POLICIES("{allow: 'a.test:80,444', comment: why}, "
		   "{redirect: 'any:1', to: 'b.test:2'}",
		   B) SUBJECTS,
	  false, true, false },
	{ "another comment",
	  POLICIES("{allow: 'a.test:80,443', comment: who}, "
		   "{redirect: 'any:1', to: 'b.test:2'}",
		   B) SUBJECTS,
	  false, true, false },
	{ "another place to lead to",
	  POLICIES("{allow: 'a.test:80,443', comment: why}, "
		   "{redirect: 'any:1', to: 'b.test:3'}",
		   B) SUBJECTS,
	  false, true, false },
	{ "a policy before them",
	  "version: 1\npolicies:\n  new: {rules: []}\n  a: {rules: [" A "]}\n  b: {rules: [" B
	  "]}\n" SUBJECTS,
	  true, true, false },
	{ "the other order",
	  "version: 1\npolicies:\n  b: {rules: [" B "]}\n  a: {rules: [" A "]}\n" SUBJECTS, true,
	  true, false },
	{ "another mode",
	  "version: 1\npolicies:\n  a: {mode: audit, rules: [" A "]}\n  b: {rules: [" B
	  "]}\n" SUBJECTS,
	  false, true, false },
	{ "another that extends it",
	  "version: 1\npolicies:\n  a: {rules: [" A "]}\n  b: {rules: [" B
	  "]}\n  c: {extends: b, rules: []}\n" SUBJECTS,
	  true, false, false },
	{ "no subjects", POLICIES(A, B), true, true, false },
	{ "a subject under another policy",
	  POLICIES(A, B) "subjects:\n"
			 "  - {network: one, policy: b, subnet: 10.77.0.0/24}\n"
			 "  - {network: two, policy: b}\n"
			 "  - {proxy: '127.0.0.1:8888', user: ann, policy: a}\n",
	  true, true, false },
	{ "another subnet",
	  POLICIES(A, B) "subjects:\n"
			 "  - {network: one, policy: a, subnet: 10.77.1.0/24}\n"
			 "  - {network: two, policy: b}\n"
			 "  - {proxy: '127.0.0.1:8888', user: ann, policy: a}\n",
	  true, true, false },
	{ "another user",
	  POLICIES(A, B) "subjects:\n"
			 "  - {network: one, policy: a, subnet: 10.77.0.0/24}\n"
			 "  - {network: two, policy: b}\n"
			 "  - {proxy: '127.0.0.1:8888', user: bob, policy: a}\n",
	  true, true, false },
};

static bool is_same(const struct plan *was, const struct plan *now, const char *name)
{
	return plan_policy_find(was, span_of(name)) == plan_policy_find(now, span_of(name));
}

T(read_again)
{
	T_EACH(row, rows)
	{
		struct plan *was = read_again(POLICIES(A, B) SUBJECTS, NULL);
		struct plan *now = read_again(row->text, was);

		t_eq_int(is_same(was, now, "a"), row->same_a);
		t_eq_int(is_same(was, now, "b"), row->same_b);
		t_eq_int(plan_same(was, now), row->same);
		t_eq_int(plan_same(now, was), row->same);
		/* What they share outlives either. */
		if (now->n_policies % 2)
			plan_free(steal(&was));
		else
			plan_free(steal(&now));
		for (size_t i = 0; was && i < was->n_policies; i++)
			t_eq_int(was->policies[i]->refs, 1);
		for (size_t i = 0; now && i < now->n_policies; i++)
			t_eq_int(now->policies[i]->refs, 1);
		plan_free(was);
		plan_free(now);
	}
}

/* The places are those of the newer text, although the policies are the older ones. */
T(places_move)
{
	_cleanup_(plan_freep) struct plan *was = read_again(POLICIES(A, B), NULL);
	_cleanup_(plan_freep) struct plan *now = read_again("\n\n" POLICIES(A, B), was);
	const struct plan_rule *r = &was->policies[1]->rules[0];
	char before[64], after[64];

	t_ok(r == &now->policies[1]->rules[0]);
	t_eq_str(plan_rule_where(was, r, before, sizeof(before)), "p.yaml:4:15");
	t_eq_str(plan_rule_where(now, r, after, sizeof(after)), "p.yaml:6:15");
}

/* A plan that was not read from bytes has none to be known by. */
T(was_never_bytes)
{
	_cleanup_(plan_freep) struct plan *was = load_text(POLICIES(A, B));
	_cleanup_(plan_freep) struct plan *now = read_again(POLICIES(A, B), was);

	t_ok(!is_same(was, now, "a") && !plan_same(was, now));
}

T(copy)
{
	struct plan *p = load_text(POLICIES(A, B) SUBJECTS), *copy = plan_copy(p);

	t_ok(plan_same(p, copy) && plan_alike(p, copy));
	t_eq_int(p->policies[0]->refs, 2);
	plan_free(p);
	t_eq_int(copy->policies[0]->refs, 1);
	t_eq_str(copy->subjects[2].user, "ann");
	t_eq_str(copy->policies[0]->rules[0].dests[0].name->s, "a.test");
	plan_free(copy);
}

/* ---- A rule in front ---- */

static void prepend(struct plan *p, size_t policy, const char *dest, unsigned index)
{
	struct err e = { 0 };

	t_good(plan_rule_prepend(p, policy, RULE_ALLOW, dest, "added", index, &e), e);
}

/* "added:2 added:1 a:1 a:2" */
static const char *rules(const struct plan_policy *p, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < p->n_rules; i++)
		buf_fmt(out, "%s%s:%u", i ? " " : "", p->rules[i].policy, p->rules[i].index);
	return buf_cstr(out);
}

/* Another plan that has the policy, and whoever looks at it, sees none of it. */
T(prepend_to_shared)
{
	_cleanup_(plan_freep) struct plan *was = read_again(POLICIES(A, B) SUBJECTS, NULL);
	_cleanup_(plan_freep) struct plan *now = read_again(POLICIES(A, B) SUBJECTS, was);
	const struct plan_policy *shared = was->policies[0];
	_cleanup_(buf_done) struct buf text;
	char dest[DEST_STR_MAX], where[64];

	buf_init(&text, 1024);
	prepend(now, 0, "new.test:22,80", 1);
	t_ok(was->policies[0] == shared && now->policies[0] != shared);
	t_ok(now->policies[1] == was->policies[1]);
	t_eq_str(rules(shared, &text), "a:1 a:2");
	t_eq_str(rules(now->policies[0], &text), "added:1 a:1 a:2");
	t_ok(!plan_same(was, now));
	/* Its subjects have gone along, and the others have not. */
	t_ok(now->subjects[0].policy == now->policies[0]);
	t_ok(now->subjects[1].policy == now->policies[1]);
	t_ok(now->subjects[2].policy == now->policies[0]);
	t_ok(was->subjects[0].policy == shared);

	plan_free(steal(&was));
	t_eq_str(dest_show(&now->policies[0]->rules[0].dests[0], DEST_FOR_ALLOW, dest),
		 "new.test:22,80");
	t_eq_str(now->policies[0]->rules[1].dests[0].name->s, "a.test");
	t_eq_str(plan_rule_where(now, &now->policies[0]->rules[0], where, sizeof(where)),
		 "command line");
	t_eq_str(plan_rule_where(now, &now->policies[0]->rules[1], where, sizeof(where)),
		 "p.yaml:3:15");
}

/* Many, of which most find room, and as bytes they are what they are. */
T(prepend_many)
{
	_cleanup_(plan_freep) struct plan *p = read_again(POLICIES(A, B) SUBJECTS, NULL);
	_cleanup_(plan_freep) struct plan *back = NULL, *copy = NULL;
	_cleanup_(buf_done) struct buf bytes;
	struct err e = { 0 };

	for (unsigned i = 1; i <= 50; i++) {
		char dest[64];

		(void)snprintf(dest, sizeof(dest), "h%u.test", i);
		prepend(p, 0, dest, i);
		t_eq_int(p->policies[0]->n_rules, i + 2);
		t_eq_str(p->policies[0]->rules[0].dests[0].name->s, dest);
		t_eq_str(p->policies[0]->rules[i].policy, "a");
		t_ok(p->subjects[0].policy == p->policies[0]);
	}
	/* There is room, but the policy is another plan's as well. */
	copy = plan_copy(p);
	prepend(p, 0, "last.test", 51);
	t_eq_int(copy->policies[0]->n_rules, 52);
	t_eq_int(p->policies[0]->n_rules, 53);

	buf_init(&bytes, LIMIT_PLAN_FLAT);
	plan_encode(p, &bytes);
	t_good(plan_decode(buf_view(&bytes), NULL, &back, &e), e);
	t_ok(plan_alike(p, back));
}

/* Every copy of the others is kept for as long as the last one: there are few. */
T(prepend_a_thousand)
{
	_cleanup_(plan_freep) struct plan *p = read_again(POLICIES(A, B) SUBJECTS, NULL);
	int copies = 0;

	for (unsigned i = 1; i <= 1000; i++)
		prepend(p, 0, "h.test", i);
	t_eq_int(p->policies[0]->n_rules, 1002);
	t_eq_int(p->policies[0]->rules[0].index, 1000);
	t_eq_int(p->policies[0]->rules[999].index, 1);
	for (const struct plan_policy *o = p->policies[0]; o->base; o = o->base)
		copies++;
	t_ok(copies < 10);
}

static const struct {
	const char *name;
	const char *dest;
	const char *message;
} refused[] = {
	{ "no destination", "http://x.test/", "expected a host, not a URL" },
	{ "a group", "group/github", "\"group/github\" is a group: expected one destination" },
	{ "an address alone", "10.1.2.3", "needs a port in an allow" },
};

T(prepend_refused)
{
	_cleanup_(plan_freep) struct plan *p = load_text(POLICIES(A, B));
	const struct plan_policy *before = p->policies[0];

	T_EACH(row, refused)
	{
		struct err e = { 0 };

		t_bad(plan_rule_prepend(p, 0, RULE_ALLOW, row->dest, "added", 1, &e), e,
		      ERR_INVALID, row->message);
		t_ok(p->policies[0] == before && before->n_rules == 2);
	}
}

/* What allows goes again, what denies stays, and nobody else sees it. */
T(drop_added_allows)
{
	_cleanup_(plan_freep) struct plan *p = read_again(POLICIES(A, B) SUBJECTS, NULL);
	_cleanup_(plan_freep) struct plan *copy = NULL;
	const struct plan_policy *b = p->policies[1];
	_cleanup_(buf_done) struct buf text;
	struct err e = { 0 };
	char where[64];

	buf_init(&text, 1024);
	t_ok(!plan_drop_added_allows(p));
	t_good(plan_rule_prepend(p, 0, RULE_DENY, "x.test", "added", 1, &e), e);
	t_ok(!plan_drop_added_allows(p));
	prepend(p, 0, "y.test", 2);
	t_good(plan_rule_prepend(p, 0, RULE_DENY, "z.test", "added", 3, &e), e);
	prepend(p, 0, "a.test", 4);
	copy = plan_copy(p);

	t_ok(plan_drop_added_allows(p));
	t_eq_str(rules(p->policies[0], &text), "added:3 added:1 a:1 a:2");
	t_eq_str(plan_rule_where(p, &p->policies[0]->rules[2], where, sizeof(where)),
		 "p.yaml:3:15");
	t_ok(p->policies[1] == b);
	t_ok(p->subjects[0].policy == p->policies[0]);
	t_eq_str(rules(copy->policies[0], &text), "added:4 added:3 added:2 added:1 a:1 a:2");
	t_ok(!plan_drop_added_allows(p));
}

/* ---- Networks that left ---- */

T(deny_network)
{
	_cleanup_(plan_freep) struct plan *p = load_text(POLICIES(A, B) SUBJECTS);
	_cleanup_(plan_freep) struct plan *was =
		load_text("version: 1\npolicies: {p: {rules: []}}\nsubjects:\n"
			  "  - {network: gone, policy: p}\n  - {network: lost, policy: p}\n");
	const struct plan_policy *a = p->policies[0];

	plan_deny_network(p, &was->subjects[0]);
	plan_deny_network(p, &was->subjects[1]);
	t_eq_int(p->n_policies, 4);
	t_eq_int(p->n_subjects, 5);
	t_ok(p->subjects[0].policy == a && p->policies[0] == a);
	t_eq_str(p->subjects[4].network.bridge, "lost");
	t_ok(p->subjects[4].network.left && p->subjects[4].policy == p->policies[3]);
	t_ok(p->policies[3]->n_rules == 0 && p->policies[3]->dns == DNS_OFF);
	t_eq_int(plan_policy_number(p, p->subjects[4].policy), 3);
}

T(audit)
{
	_cleanup_(plan_freep) struct plan *p = load_text(POLICIES(A, B));

	plan_audit(p);
	t_eq_int(p->policies[0]->mode, MODE_AUDIT);
	t_eq_int(p->policies[1]->mode, MODE_AUDIT);
}

T_MAIN(T_TEST(read_again), T_TEST(places_move), T_TEST(was_never_bytes), T_TEST(copy),
       T_TEST(prepend_to_shared), T_TEST(prepend_many), T_TEST(prepend_a_thousand),
       T_TEST(prepend_refused), T_TEST(drop_added_allows), T_TEST(deny_network), T_TEST(audit))
