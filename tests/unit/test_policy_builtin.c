/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ready groups of data/groups: each can be used as it is, and opens no more than it says. */
#include <netinet/in.h>
#include <stdio.h>

#include "policy/load.h"
#include "policy/model.h"
#include "policy_help.h"

/* A group and its destinations, read for one check. */
struct ready {
	struct doc doc;
	struct model_group group;
};

static void read_ready(const struct policy_group *g, struct ready *out)
{
	struct err e = { 0 };

	t_row = g->name;
	t_good(model_read_group(g->name, span_of(g->text), g->name, &out->doc, &out->group, &e), e);
}

#define EACH_READY(g)                                              \
	for (const struct policy_group *g = policy_builtin_groups; \
	     g < policy_builtin_groups + policy_n_builtin_groups; g++)

#define EACH_ENTRY(entry, group)                                                      \
	for (const struct node *entry = entries_first((group)->value); entry != NULL; \
	     entry = entries_next((group)->value, entry))

T(sorted)
{
	t_ok(policy_n_builtin_groups > 40);
	for (size_t i = 1; i < policy_n_builtin_groups; i++)
		t_ok(strcmp(policy_builtin_groups[i - 1].name, policy_builtin_groups[i].name) < 0);
}

/* What `sallyport groups` shows of it. */
T(purpose)
{
	EACH_READY(g)
	{
		const char *end = strchr(g->text, '\n');

		t_row = g->name;
		t_ok(strncmp(g->text, "# ", 2) == 0 && end && end[-1] == '.');
	}
}

/* In an allow rule, nothing is found in it that is probably not meant. */
T(no_lint)
{
	EACH_READY(g)
	{
		char dest[80];
		struct policy_extra extra = { RULE_ALLOW, dest };
		struct policy_options o = { .extras = &extra,
					    .n_extras = 1,
					    .groups = policy_builtin_groups,
					    .n_groups = policy_n_builtin_groups };
		struct plan *plan = NULL;
		struct err e = { 0 };

		t_row = g->name;
		(void)snprintf(dest, sizeof(dest), "group/%s", g->name);
		t_good(policy_load(NULL, &o, &plan, &e), e);
		if (plan->n_lints)
			t_fail("%s", plan->lints[0].text);
		t_ok(plan->policies[0]->rules[0].n_dests > 0);
		plan_free(plan);
	}
}

/* Written as they are printed, and once. */
T(canonical)
{
	EACH_READY(g)
	{
		struct ready r;

		read_ready(g, &r);
		EACH_ENTRY(entry, &r.group)
		{
			char shown[DEST_STR_MAX];
			_cleanup_(arena_done) struct arena arena = { 0 };
			struct dest d;
			struct err e = { 0 };

			t_good(dest_parse(node_span(entry), DEST_FOR_ALLOW, &arena, &d, &e), e);
			t_eq_str(entry->text, dest_show(&d, DEST_FOR_ALLOW, shown));
			for (const struct node *c = entry->next; c; c = c->next)
				if (strcmp(c->text, entry->text) == 0)
					t_fail("twice: %s", c->text);
		}
		doc_done(&r.doc);
	}
}

/* What opens more than port 443 of one name. A new row is a decision. */
static const struct {
	const char *name; /* the group */
	const char *dest;
} wide[] = {
	{ "azure-openai", "*.openai.azure.com" }, /* no name is everybody's; its text warns */
	{ "bitbucket", "bitbucket.org:22" },
	{ "debian", "deb.debian.org:80,443" },
	{ "debian", "security.debian.org:80,443" },
	{ "github", "github.com:22" },
	{ "gitlab", "gitlab.com:22" },
	{ "ubuntu", "archive.ubuntu.com:80,443" },
	{ "ubuntu", "ports.ubuntu.com:80,443" },
	{ "ubuntu", "security.ubuntu.com:80,443" },
};

static bool is_known_wide(const char *group, const char *dest)
{
	for (size_t i = 0; i < ARRAY_LEN(wide); i++)
		if (strcmp(wide[i].name, group) == 0 && strcmp(wide[i].dest, dest) == 0)
			return true;
	return strcmp(group, "ntp") == 0 && strncmp(dest, "udp/", 4) == 0 &&
	       span_ends(span_of(dest), SPAN_LIT(":123"));
}

T(narrow)
{
	size_t n_wide = 0;

	EACH_READY(g)
	{
		struct ready r;

		read_ready(g, &r);
		EACH_ENTRY(entry, &r.group)
		{
			_cleanup_(arena_done) struct arena arena = { 0 };
			struct dest d;
			struct err e = { 0 };

			t_good(dest_parse(node_span(entry), DEST_FOR_ALLOW, &arena, &d, &e), e);
			/* Printed without protocol and port: tcp 443. */
			if (d.target == DEST_GROUP ||
			    (d.target == DEST_NAME && d.proto == IPPROTO_TCP &&
			     strcmp(d.name->s, entry->text) == 0))
				continue;
			if (!is_known_wide(g->name, entry->text))
				t_fail("opens more than port 443 of a name: %s", entry->text);
			n_wide += strcmp(g->name, "ntp") != 0;
		}
		doc_done(&r.doc);
	}
	t_row = NULL;
	t_eq_int(n_wide, ARRAY_LEN(wide));
}

T_MAIN(T_TEST(sorted), T_TEST(purpose), T_TEST(no_lint), T_TEST(canonical), T_TEST(narrow))
