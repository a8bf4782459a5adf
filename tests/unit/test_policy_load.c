/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the golden policies cannot show: the command line, directories of groups, large inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/load.h"
#include "policy_help.h"

static const char two[] = "version: 1\n"
			  "groups: {web: [a.example, b.example]}\n"
			  "policies:\n"
			  "  base: {rules: [{deny: 10.0.0.0/8}]}\n"
			  "  agent: {extends: [base], rules: [{allow: group/web}]}\n";

/* The rules' ids, "agent:1 base:2". */
static const char *ids(const struct plan_policy *p, struct buf *out)
{
	for (size_t i = 0; i < p->n_rules; i++)
		buf_fmt(out, "%s%s:%u", i ? " " : "", p->rules[i].policy, p->rules[i].index);
	return buf_cstr(out);
}

#define t_rules(policy, want)                         \
	do {                                          \
		struct buf ids_;                      \
		buf_init(&ids_, 4096);                \
		t_eq_str(ids((policy), &ids_), want); \
		buf_done(&ids_);                      \
	} while (0)

static const struct policy_extra extras[] = {
	{ RULE_ALLOW, "c.example:8443" },
	{ RULE_DENY, "203.0.113.0/24" },
	{ RULE_ALLOW, "group/web" },
};

T(nothing_at_all)
{
	static const struct policy_options none;
	struct plan *plan = NULL;
	struct err e = { 0 };
	char where[64];

	t_good(policy_load(NULL, &none, &plan, &e), e);
	t_ok(!plan->file);
	t_eq_int(plan->n_policies, 1);
	t_eq_str(plan->policies[0]->name, "command-line");
	t_eq_int(plan->policies[0]->n_rules, 0);
	t_eq_int(plan->policies[0]->mode, MODE_ENFORCE);
	t_eq_int(plan->n_lints, 1);
	t_eq_int(plan->lints[0].at.line, 0);
	plan_free(plan);

	t_good(policy_load(NULL, &(struct policy_options){ .extras = extras, .n_extras = 2 }, &plan,
			   &e),
	       e);
	t_rules(plan->policies[0], "command-line:1 command-line:2");
	t_eq_int(plan->policies[0]->rules[1].action, RULE_DENY);
	t_eq_str(plan_rule_where(plan, &plan->policies[0]->rules[0], where, sizeof(where)),
		 "command line");
	plan_free(plan);
}

T(extras_before_a_file)
{
	struct policy_options all = { .extras = extras, .n_extras = 3 };
	struct policy_options one = { .extras = extras, .n_extras = 1, .policy = "agent" };
	struct plan *plan = NULL;
	struct err e = { 0 };

	t_good(policy_load_text("p.yaml", span_of(two), &all, &plan, &e), e);
	t_eq_int(plan->n_policies, 2);
	t_rules(plan->policies[0], "command-line:1 command-line:2 command-line:3 base:1");
	t_rules(plan->policies[1], "command-line:1 command-line:2 command-line:3 base:1 agent:1");
	t_eq_int(plan->policies[1]->rules[2].n_dests, 2);
	plan_free(plan);

	t_good(policy_load_text("p.yaml", span_of(two), &one, &plan, &e), e);
	t_rules(plan->policies[0], "base:1");
	t_rules(plan->policies[1], "command-line:1 base:1 agent:1");
	plan_free(plan);

	/* A file without policies: what the command line allows is all there is. */
	all.n_extras = 1;
	t_good(policy_load_text("p.yaml", SPAN_LIT("# empty\n"), &all, &plan, &e), e);
	t_eq_int(plan->n_policies, 1);
	t_rules(plan->policies[0], "command-line:1");
	t_eq_int(plan->n_lints, 0);
	plan_free(plan);
}

static const struct {
	const char *name;
	struct policy_extra extra;
	const char *policy;
	const char *msg;
} bad_options[] = {
	{ "bare address", { RULE_ALLOW, "10.1.2.3" }, NULL, "--allow: \"10.1.2.3\" needs a port" },
	{ "empty", { RULE_DENY, "" }, NULL, "--deny: \"\"" },
	{ "group",
	  { RULE_DENY, "group/wep" },
	  NULL,
	  "--deny: there is no group \"wep\": did you mean group/web?" },
	{ "host's name",
	  { RULE_ALLOW, "host.sallyport.internal" },
	  NULL,
	  "expected \"host:PORT\"" },
	{ "policy",
	  { RULE_ALLOW, "a.example" },
	  "agnet",
	  "p.yaml: there is no policy \"agnet\": did you mean \"agent\"?" },
};

T(bad_options)
{
	T_EACH(row, bad_options)
	{
		struct policy_options o = { .extras = &row->extra,
					    .n_extras = 1,
					    .policy = row->policy };
		struct plan *plan = NULL;
		struct err e = { 0 };

		t_bad(policy_load_text("p.yaml", span_of(two), &o, &plan, &e), e, ERR_INVALID,
		      row->msg);
		t_eq_int(e.at.line, 0);
		t_ok(!plan);
	}
}

T(pick)
{
	struct plan *plan = load_text(two);
	const struct plan_policy *p;
	struct err e = { 0 };

	t_good(plan_policy_pick(plan, NULL, &p, &e), e);
	t_eq_str(p->name, "agent");
	t_ok(plan->policies[0]->extended && !plan->policies[1]->extended);
	t_good(plan_policy_pick(plan, "base", &p, &e), e);
	t_eq_str(p->name, "base");
	t_bad(plan_policy_pick(plan, "bas", &p, &e), e, ERR_INVALID, "did you mean \"base\"?");
	t_ok(plan_policy_find(plan, SPAN_LIT("base")) == plan->policies[0]);
	t_ok(!plan_policy_find(plan, SPAN_LIT("bas")));
	plan_free(plan);

	plan = load_text("version: 1\npolicies: {one: {}, two: {}}\n");
	t_bad(plan_policy_pick(plan, NULL, &p, &e), e, ERR_INVALID, "\"one\", \"two\"");
	plan_free(plan);
}

/* ---- Directories of groups ---- */

struct dirs {
	char root[64], early[80], late[80];
	const char *list[3];
};

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[160];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	t_ok(f);
	t_ok(fputs(text, f) >= 0 && fclose(f) == 0);
}

static void make_dirs(struct dirs *d)
{
	(void)snprintf(d->root, sizeof(d->root), "/tmp/sallyport-test-XXXXXX");
	t_ok(mkdtemp(d->root));
	(void)snprintf(d->early, sizeof(d->early), "%s/early", d->root);
	(void)snprintf(d->late, sizeof(d->late), "%s/late", d->root);
	t_ok(mkdir(d->early, 0700) == 0 && mkdir(d->late, 0700) == 0);
	d->list[0] = d->early;
	d->list[1] = d->late;
	d->list[2] = NULL;
}

static const char *const group_files[] = { "web", "db", "both", "wrong", "two", "bad", "empty" };

static void remove_dirs(const struct dirs *d)
{
	char path[160];

	for (size_t i = 0; i < ARRAY_LEN(group_files); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s.yaml", d->early, group_files[i]);
		(void)unlink(path);
		(void)snprintf(path, sizeof(path), "%s/%s.yaml", d->late, group_files[i]);
		(void)unlink(path);
	}
	t_ok(rmdir(d->early) == 0 && rmdir(d->late) == 0 && rmdir(d->root) == 0);
}

/* The destinations of one rule that allows group/NAME, or the error's text. d may be NULL. */
static void expand(const struct dirs *d, const char *name, struct buf *out)
{
	static const struct policy_group ready[] = {
		{ "bad", "groups: {bad: [ready.example]}" },
		{ "db", "groups: {db: [ready.example]}" },
		{ "mixed", "# Of all kinds.\ngroups: {mixed: [group/db, group/ready, group/web]}" },
		{ "ready", "groups: {ready: [ready.example, udp/ready.example:123]}" },
		{ "web", "groups: {web: [ready.example]}" },
	};
	struct policy_options o = { .group_dirs = d ? d->list : NULL,
				    .groups = ready,
				    .n_groups = ARRAY_LEN(ready) };
	struct plan *plan = NULL;
	struct err e = { 0 };
	char text[256], shown[DEST_STR_MAX];

	(void)snprintf(text, sizeof(text),
		       "version: 1\ngroups: {web: [file.example]}\n"
		       "policies: {p: {rules: [{allow: group/%s}, {deny: group/%s}]}}\n",
		       name, name);
	if (!policy_load_text("p.yaml", span_of(text), &o, &plan, &e)) {
		buf_str(out, e.msg);
		return;
	}
	for (size_t i = 0; i < plan->policies[0]->rules[0].n_dests; i++)
		buf_fmt(out, "%s%s", i ? " " : "",
			dest_show(&plan->policies[0]->rules[0].dests[i], DEST_FOR_ALLOW, shown));
	plan_free(plan);
}

static const struct {
	const char *name;
	const char *group;
	const char *want; /* behind the directory's path, for errors */
} group_rows[] = {
	{ "the file wins over both", "web", "file.example" },
	{ "the later directory wins", "db", "late.example:5432" },
	{ "groups in a group", "both", "file.example late.example:5432 x.example" },
	{ "a ready one", "ready", "ready.example udp/ready.example:123" },
	{ "a ready one of all kinds", "mixed",
	  "late.example:5432 ready.example udp/ready.example:123 file.example" },
	{ "another group's name", "wrong",
	  "/wrong.yaml:1:1: expected the one group that the file is named after: \"groups: {wrong: "
	  "[...]}\"" },
	{ "more than one", "two",
	  "/two.yaml:1:1: expected the one group that the file is named after: \"groups: {two: "
	  "[...]}\"" },
	{ "a bad destination", "bad", "/bad.yaml:2:13: \"a..example\" is not a host name" },
	{ "an empty file", "empty", "/empty.yaml: is empty: expected \"groups: {empty: [...]}\"" },
	{ "nowhere", "none",
	  "p.yaml:3:32: there is no group \"none\": expected one of this file or one that "
	  "\"sallyport groups\" lists" },
	{ "nearly a ready one", "raedy",
	  "p.yaml:3:32: there is no group \"raedy\": did you mean group/ready? \"sallyport "
	  "groups\" lists the ready ones" },
	{ "no way out of the directory", "..", "p.yaml:3:32: there is no group \"..\"" },
};

T(group_dirs)
{
	struct dirs d;

	make_dirs(&d);
	write_file(d.early, "web.yaml", "groups: {web: [early.example]}\n");
	write_file(d.early, "db.yaml", "groups: {db: [early.example]}\n");
	write_file(d.late, "db.yaml", "version: 1\ngroups: {db: 'late.example:5432'}\n");
	write_file(d.early, "both.yaml", "groups: {both: [group/web, group/db, x.example]}\n");
	write_file(d.late, "wrong.yaml", "groups: {other: [x.example]}\n");
	write_file(d.late, "two.yaml", "groups: {two: [x.example], other: []}\n");
	write_file(d.late, "bad.yaml", "groups:\n  bad: [    a..example]\n");
	write_file(d.late, "empty.yaml", "# nothing\n");
	T_EACH(row, group_rows)
	{
		struct buf got;

		buf_init(&got, 1024);
		expand(&d, row->group, &got);
		if (row->want[0] == '/')
			t_ok(strncmp(buf_cstr(&got), d.late, strlen(d.late)) == 0);
		if (!strstr(buf_cstr(&got), row->want))
			t_eq_str(buf_cstr(&got), row->want);
		buf_done(&got);
	}
	remove_dirs(&d);
}

T(ready_groups_without_directories)
{
	struct buf got;

	buf_init(&got, 1024);
	expand(NULL, "mixed", &got);
	t_eq_str(buf_cstr(&got), "ready.example ready.example udp/ready.example:123 file.example");
	buf_done(&got);
}

static const struct {
	const char *name;
	const char *group;
	const char *file, *text; /* NULL: there is none; a path is below the root directory */
} read_rows[] = {
	{ "the later directory", "db", "/late/db.yaml", "late" },
	{ "the earlier directory", "web", "/early/web.yaml", "early" },
	{ "a ready one", "ready", "built-in group/ready", "ready" },
	{ "no way out of the directory", "../late/db", NULL, NULL },
	{ "nowhere", "none", NULL, NULL },
};

T(group_read)
{
	static const struct policy_group ready[] = { { "db", "ready" }, { "ready", "ready" } };
	struct dirs d;

	make_dirs(&d);
	write_file(d.early, "db.yaml", "early");
	write_file(d.early, "web.yaml", "early");
	write_file(d.late, "db.yaml", "late");
	T_EACH(row, read_rows)
	{
		struct policy_options o = { .group_dirs = d.list,
					    .groups = ready,
					    .n_groups = ARRAY_LEN(ready) };
		struct policy_group_text got;
		struct err e = { 0 };

		t_good(policy_group_read(&o, row->group, &got, &e), e);
		t_ok(!got.text == !row->text && !got.file == !row->text);
		if (row->text) {
			t_eq_span(((struct span){ got.text, got.n }), row->text);
			t_eq_int(got.built_in, row->file[0] != '/');
			t_eq_str(got.file + (got.built_in ? 0 : strlen(d.root)), row->file);
		}
		policy_group_text_done(&got);
	}
	remove_dirs(&d);
}

/* ---- Large inputs ---- */

static void load_large(struct buf *text, const char *msg)
{
	static const struct policy_options none;
	struct plan *plan = NULL;
	struct err e = { 0 };
	bool ok = policy_load_text("p.yaml", buf_view(text), &none, &plan, &e);

	t_ok(buf_ok(text));
	if (msg) {
		t_ok(!ok);
		t_err(e, ERR_LIMIT, msg);
	} else {
		t_good(ok, e);
		plan_free(plan);
	}
	buf_done(text);
}

T(large_text)
{
	char too_large[64];
	struct buf text;

	buf_init(&text, 2 * (size_t)LIMIT_POLICY_BYTES);
	buf_str(&text, "version: 1\n");
	while (text.n < LIMIT_POLICY_BYTES - 1)
		buf_char(&text, '#');
	buf_char(&text, '\n');
	load_large(&text, NULL);

	(void)snprintf(too_large, sizeof(too_large), "p.yaml: larger than %u bytes",
		       LIMIT_POLICY_BYTES);
	buf_init(&text, 2 * (size_t)LIMIT_POLICY_BYTES);
	while (text.n <= LIMIT_POLICY_BYTES)
		buf_char(&text, '\n');
	load_large(&text, too_large);
}

T(many_rules)
{
	struct buf text;

	buf_init(&text, 2 << 20);
	buf_str(&text, "version: 1\npolicies:\n  p:\n    rules:\n");
	for (unsigned i = 0; i < LIMIT_POLICY_RULES; i++)
		buf_fmt(&text, "    - deny: h%u.example\n", i);
	load_large(&text, NULL);

	buf_init(&text, 2 << 20);
	buf_str(&text, "version: 1\npolicies:\n  p:\n    rules:\n");
	for (unsigned i = 0; i <= LIMIT_POLICY_RULES; i++)
		buf_str(&text, "    - deny: a.example\n");
	load_large(&text, "p.yaml:5:5: 20001 rules: expected at most 20000");

	/* Each within the limit, together over it. */
	buf_init(&text, 2 << 20);
	buf_str(&text,
		"version: 1\npolicies:\n  p:\n    rules: [{deny: a}]\n    extends: [q]\n  q:\n    rules:\n");
	for (unsigned i = 0; i < LIMIT_POLICY_RULES; i++)
		buf_str(&text, "    - deny: a.example\n");
	load_large(&text, "p.yaml:3:3: the policy \"p\" has 20001 rules");
}

T(many_destinations)
{
	struct buf text;

	/* 300 rules of one group with 1000 entries. */
	buf_init(&text, 2 << 20);
	buf_str(&text, "version: 1\ngroups:\n  big:\n");
	for (unsigned i = 0; i < 1000; i++)
		buf_fmt(&text, "  - h%u.example\n", i);
	buf_str(&text, "policies:\n  p:\n    rules:\n");
	for (unsigned i = 0; i < 300; i++)
		buf_str(&text, "    - deny: group/big\n");
	load_large(&text, "more than 200000 destinations");

	/* Many keys, looked up and compared without going through all for each. */
	buf_init(&text, 2 << 20);
	buf_str(&text, "version: 1\ngroups:\n");
	for (unsigned i = 0; i < 30000; i++)
		buf_fmt(&text, "  g%05u: [group/g%05u]\n", i, i / 2);
	load_large(&text, NULL);
}

T_MAIN(T_TEST(nothing_at_all), T_TEST(extras_before_a_file), T_TEST(bad_options), T_TEST(pick),
       T_TEST(group_dirs), T_TEST(ready_groups_without_directories), T_TEST(group_read),
       T_TEST(large_text), T_TEST(many_rules), T_TEST(many_destinations))
