/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport groups: the ready groups, and what one of them stands for. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/show.h"

enum { OPT_JSON, OPT_COUNT };

static const struct cli_option options[OPT_COUNT] = {
	[OPT_JSON] = { "json", 0, NULL, "print the groups, or the one, as JSON" },
};

/* A group as a policy would use it now. */
struct group {
	const char *name; /* borrowed */
	struct policy_group_text text;
	struct span purpose; /* of text: what its first comment says */
	struct plan *plan;   /* of one policy with one rule: what the group stands for */
};

struct names {
	char **items; /* owned, and so is each */
	size_t n, cap;
};

static void group_done(struct group *g)
{
	policy_group_text_done(&g->text);
	plan_free(g->plan);
}

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
}

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	(void)option;
	(void)arg;
	(void)e;
	*(bool *)ctx = true;
	return true;
}

/* ---- Which there are ---- */

static bool is_name(struct span name, struct err *e)
{
	_cleanup_(freep) char *text = xasprintf("group/" SPAN_FMT, SPAN_ARG(name));
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct dest d;

	return dest_parse(span_of(text), DEST_FOR_DENY, &arena, &d, e);
}

static void add_from_dir(const char *path, struct names *names)
{
	DIR *dir = opendir(path);
	struct err ignored;
	struct dirent *entry;

	/* Without it there are only the built-in ones. */
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		struct span file = span_of(entry->d_name), suffix = SPAN_LIT(".yaml");
		struct span name = span_first(file, file.n - suffix.n);

		if (file.p[0] != '.' && span_ends(file, suffix) && is_name(name, &ignored))
			vec_push(names->items, names->n, names->cap, xstrndup(name.p, name.n));
	}
	(void)closedir(dir);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted; a name that is in two places is there twice. */
static void find_names(const struct policy_options *o, struct names *names)
{
	for (size_t i = 0; i < o->n_groups; i++)
		vec_push(names->items, names->n, names->cap, xstrdup(o->groups[i].name));
	for (const char *const *dir = o->group_dirs; *dir; dir++)
		add_from_dir(*dir, names);
	qsort(names->items, names->n, sizeof(names->items[0]), compare);
}

static bool err_unknown(const char *name, const struct names *names, struct err *e)
{
	struct nearest near = nearest_to(span_of(name));

	for (size_t i = 0; i < names->n; i++)
		nearest_offer(&near, names->items[i]);
	if (near.best)
		return err_set(e, ERR_INVALID, "there is no group \"%s\": did you mean \"%s\"?",
			       name, near.best);
	return err_set(e, ERR_INVALID, "there is no group \"%s\": see \"sallyport groups\"", name);
}

/* ---- One of them ---- */

/* The first line that is a comment and not about the licence. */
static struct span find_purpose(struct span text)
{
	struct span line;

	while (span_next(&text, '\n', &line)) {
		struct span comment = span_trim(span_from(line, 1));

		if (!span_starts(line, SPAN_LIT("#")))
			break;
		if (comment.n && !span_starts(comment, SPAN_LIT("SPDX-")))
			return comment;
	}
	return SPAN_LIT("");
}

/* An empty text in *out: there is no such group. */
static bool load(const char *name, struct group *out, struct err *e)
{
	_cleanup_(freep) char *dest = xasprintf("group/%s", name);
	struct policy_extra extra = { RULE_ALLOW, dest };
	struct policy_options o = cli_policy_options();
	struct err ignored;

	*out = (struct group){ .name = name };
	if (!policy_group_read(&o, name, &out->text, e))
		return false;
	if (!out->text.text)
		return true;
	out->purpose = find_purpose((struct span){ out->text.text, out->text.n });
	o.extras = &extra;
	o.n_extras = 1;
	if (policy_load(NULL, &o, &out->plan, &ignored))
		return true;
	/* A deny takes more: addresses without ports. */
	extra.action = RULE_DENY;
	return policy_load(NULL, &o, &out->plan, e);
}

static const struct plan_rule *rule_of(const struct group *g)
{
	return &g->plan->policies[0]->rules[0];
}

static json_t *group_json(const struct group *g)
{
	_cleanup_(freep) char *purpose = xstrndup(g->purpose.p, g->purpose.n);
	json_t *o = json_object(), *dests = json_array();
	const struct plan_rule *r = rule_of(g);
	char shown[DEST_STR_MAX];

	json_object_set_new(o, "name", show_json(g->name));
	json_object_set_new(o, "built_in", json_boolean(g->text.built_in));
	json_object_set_new(o, "file", g->text.built_in ? json_null() : show_json(g->text.file));
	json_object_set_new(o, "purpose", show_json(purpose));
	for (size_t i = 0; i < r->n_dests; i++)
		json_array_append_new(
			dests, show_json(dest_show(&r->dests[i], show_use(r->action), shown)));
	json_object_set_new(o, "destinations", dests);
	return o;
}

/* The text on stdout is whole, so that it can become a file of the administrator's. */
static void print_text(const struct group *g)
{
	if (g->text.built_in)
		(void)fprintf(stderr,
			      "sallyport: group/%s is built in; " CLI_GROUP_DIR
			      "/%s.yaml would take its place\n",
			      g->name, g->name);
	else
		(void)fprintf(stderr, "sallyport: group/%s is %s\n", g->name, g->text.file);
	(void)fwrite(g->text.text, 1, g->text.n, stdout);
}

static int show_one(const char *name, const struct names *names, bool json)
{
	_cleanup_(group_done) struct group g = { 0 };
	struct err e = { 0 };
	json_t *o;

	if (!is_name(span_of(name), &e) || !load(name, &g, &e))
		return cli_usage_error(&e);
	if (!g.text.text) {
		(void)err_unknown(name, names, &e);
		return cli_usage_error(&e);
	}
	if (!json) {
		print_text(&g);
		return CLI_OK;
	}
	o = group_json(&g);
	json_object_set_new(o, "text", show_json(g.text.text));
	show_json_print(o);
	return CLI_OK;
}

/* ---- All of them ---- */

static void print_line(const struct group *g, int width)
{
	printf("%-*s  %12u  " SPAN_FMT, width, g->name, rule_of(g)->n_dests, SPAN_ARG(g->purpose));
	if (!g->text.built_in)
		printf("%s(%s)", g->purpose.n ? "  " : "", g->text.file);
	printf("\n");
}

/* One that has an error is told of and left out. */
static int show_all(const struct names *names, bool json)
{
	json_t *list = json_array();
	int status = CLI_OK, width = 0;

	for (size_t i = 0; i < names->n; i++)
		width = MAX(width, (int)strlen(names->items[i]));
	if (!json)
		printf("%-*s  %12s  %s\n", width, "GROUP", "DESTINATIONS", "PURPOSE");
	for (size_t i = 0; i < names->n; i++) {
		_cleanup_(group_done) struct group g = { 0 };
		struct err e = { 0 };

		if (i > 0 && strcmp(names->items[i - 1], names->items[i]) == 0)
			continue;
		if (!load(names->items[i], &g, &e))
			status = cli_usage_error(&e);
		else if (g.plan && json)
			json_array_append_new(list, group_json(&g));
		else if (g.plan)
			print_line(&g, width);
	}
	if (json)
		show_json_print(list);
	else
		json_decref(list);
	return status;
}

static int run(int argc, char **argv)
{
	_cleanup_(names_done) struct names names = { 0 };
	struct policy_options o = cli_policy_options();
	int operands, status;
	struct err e = { 0 };
	bool json = false;

	if (!cli_parse(&cli_groups, argc, argv, take, &json, &operands, &status))
		return status;
	if (argc - operands > 1) {
		(void)err_set(&e, ERR_INVALID, "groups: expected at most one NAME");
		return cli_usage_error(&e);
	}
	find_names(&o, &names);
	if (operands < argc)
		return show_one(argv[operands], &names, json);
	return show_all(&names, json);
}

static const char *const notes[] = {
	"A group is used as group/NAME, in policies and with --allow and --deny. With a NAME, its text "
	"is printed, which says what each destination is for and what risk it brings.",
	"A file " CLI_GROUP_DIR "/NAME.yaml takes the place of a built-in group, or adds one.",
	NULL,
};

const struct cli_command cli_groups = {
	.name = "groups",
	.args = "[NAME]",
	.summary = "list the ready groups of destinations, or print one of them",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = notes,
};
