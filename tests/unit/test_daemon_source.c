/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon reads again when it is asked to, and what of it is as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "daemon/source.h"
#include "t.h"

/* Nothing is read at a place of its own; times are those of the tests. */
struct host {
	char *dir, *policy, *network, *firewall, *group;
	struct source *source;
};

static void put(const char *path, const char *text)
{
	struct err e;

	t_good(fd_write_file_atomic(path, span_of(text), 0644, &e), e);
}

static struct host make_host(bool dockside)
{
	struct host h = { .dir = xstrdup("/tmp/test-source-XXXXXX") };
	static const char *dirs[2];
	struct source_options o = { .load.group_dirs = dirs };

	t_ok(mkdtemp(h.dir));
	h.policy = xasprintf("%s/p.yaml", h.dir);
	h.network = xasprintf("%s/n.json", h.dir);
	h.firewall = xasprintf("%s/f.json", h.dir);
	h.group = xasprintf("%s/g.yaml", h.dir);
	dirs[0] = h.dir;
	o.policy = dockside ? NULL : h.policy;
	o.network_config = dockside ? h.network : NULL;
	o.firewall_config = dockside ? h.firewall : NULL;
	h.source = source_new(&o);
	return h;
}

static void host_done(struct host *h)
{
	char *files[] = { h->policy, h->network, h->firewall, h->group };

	source_free(h->source);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)unlink(files[i]);
		free(files[i]);
	}
	(void)rmdir(h->dir);
	free(h->dir);
}

static struct candidate *load(const struct host *h, uint64_t now)
{
	struct candidate *c = NULL;
	struct err e;

	t_good(source_load(h->source, now, &c, &e), e);
	return c;
}

static void keep(const struct host *h, struct candidate *take_c)
{
	struct err e;

	t_good(source_keep(h->source, take_c, &e), e);
}

/* How many of the candidate's policies are those that were kept. */
static size_t n_same(const struct host *h, struct candidate *c)
{
	const struct plan *kept = source_plan(h->source), *p = candidate_plan(c);
	size_t n = 0;

	for (size_t i = 0; i < p->n_policies; i++)
		n += plan_policy_number(kept, p->policies[i]) < kept->n_policies;
	return n;
}

/* Of the text before, with files as they are; *out: how many policies are the same objects. */
static size_t n_same_after(const struct host *h, const char *file, const char *text)
{
	struct candidate *c;
	size_t n;

	put(file, text);
	c = load(h, 0);
	n = n_same(h, c);
	candidate_free(c);
	return n;
}

#define POLICY(rules)                                                             \
	"version: 1\npolicies:\n  a:\n    rules:\n" rules "  b:\n    rules: []\n" \
	"subjects:\n  - network: one\n    policy: a\n"

T(policy_file)
{
	static const struct {
		const char *name, *before, *after;
		size_t same;
	} rows[] = {
		{ "as it was", POLICY("      - allow: a.example\n"),
		  POLICY("      - allow: a.example\n"), 2 },
		{ "changed", POLICY("      - allow: a.example\n"),
		  POLICY("      - allow: b.example\n"), 0 },
		{ "longer", POLICY("      - allow: a.example\n"),
		  POLICY("      - allow: a.example\n") "\n", 0 },
		{ "with a group, whose file may be other", POLICY("      - allow: group/g\n"),
		  POLICY("      - allow: group/g\n"), 0 },
		{ "with a group by an escape", POLICY("      - allow: \"gro\\u0075p/g\"\n"),
		  POLICY("      - allow: \"gro\\u0075p/g\"\n"), 0 },
	};

	T_EACH(row, rows)
	{
		_cleanup_(host_done) struct host h = make_host(false);

		put(h.group, "groups: {g: [g.example]}\n");
		put(h.policy, row->before);
		keep(&h, load(&h, 0));
		t_eq_int(n_same_after(&h, h.policy, row->after), row->same);
	}
}

#define NETWORKS                                                             \
	"{\"networks\": [{\"name\": \"one\", \"subnet\": \"10.77.1.0/24\"}," \
	" {\"name\": \"two\", \"subnet\": \"10.77.2.0/24\"}]}"
#define FIREWALL(port)                                                                           \
	"{\"networks\": {\"one\": {\"egress\": [{\"action\": \"drop\"}]}, \"two\": {\"egress\":" \
	" [{\"to\": \"all\", \"proto\": \"tcp\", \"ports\": [" port "]}]}}}"

T(dockside_files)
{
	static const struct {
		const char *name, *after;
		size_t same;
	} rows[] = {
		{ "as they were", FIREWALL("1"), 2 },
		{ "one rule", FIREWALL("2"), 1 },
		{ "everything", "{\"networks\": {\"two\": {\"egress\": [{\"action\": \"drop\"}]}}}",
		  0 },
	};

	T_EACH(row, rows)
	{
		_cleanup_(host_done) struct host h = make_host(true);

		put(h.network, NETWORKS);
		put(h.firewall, FIREWALL("1"));
		keep(&h, load(&h, 0));
		t_eq_int(n_same_after(&h, h.firewall, row->after), row->same);
	}
}

/* ---- rules that are added */

/* The first rule of the plan's first policy. */
static void t_first_rule(struct candidate *c, const char *policy, size_t n_rules)
{
	const struct plan_policy *p = candidate_plan(c)->policies[0];

	t_eq_int(p->n_rules, n_rules);
	t_eq_str(p->rules[0].policy, policy);
}

static void added_rules(struct host *h, const char *policy)
{
	/* The last is the first anew: it takes its place. */
	static const struct source_rule rules[] = {
		{ RULE_ALLOW, "c.example", "one", 2000, false },
		{ RULE_ALLOW, "c.example", NULL, 1000, false },
		{ RULE_ALLOW, "c.example", "one", 1000, false },
	};
	struct candidate *c;
	struct err e;

	keep(h, load(h, 0));
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		t_good(source_add_rule(h->source, &rules[i], 0, &c, &e), e);
		t_first_rule(c, "added", i < 2 ? 2 + i : 3);
		keep(h, c);
	}
	/* What is read again, or is as it was, has them until their time is over. */
	c = load(h, 999);
	t_first_rule(c, "added", 3);
	keep(h, c);
	t_good(source_expire(h->source, NULL, 1000, &c, &e), e);
	t_first_rule(c, policy, 1);
	candidate_free(c);
	c = load(h, 1000);
	t_first_rule(c, policy, 1);
	keep(h, c);
	t_eq_int(source_next_end(h->source, 0), 0);
}

T(added_to_a_policy_file)
{
	_cleanup_(host_done) struct host h = make_host(false);

	put(h.policy, POLICY("      - allow: a.example\n"));
	added_rules(&h, "a");
}

T(added_to_dockside_files)
{
	_cleanup_(host_done) struct host h = make_host(true);

	put(h.network, NETWORKS);
	put(h.firewall, FIREWALL("1"));
	added_rules(&h, "one");
}

T_MAIN(T_TEST(policy_file), T_TEST(dockside_files), T_TEST(added_to_a_policy_file),
       T_TEST(added_to_dockside_files))
