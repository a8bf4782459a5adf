/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/macros.h"
#include "base/nearest.h"
#include "policy/warn.h"

#define HELP_MAX 16384

/* What getopt_long() is to return for the option at an index, clear of every letter. */
#define OPTION_VALUE 256

const struct cli_option cli_help_option = { "help", 'h', NULL, "print this help" };

/* The table in getopt's form; its last entry stays zero. */
static void make_table(const struct cli_command *c, struct option longs[static CLI_OPTIONS_MAX + 2],
		       struct buf *shorts)
{
	/* '+': stop at the first operand. ':': an option without its argument is not unknown. */
	buf_str(shorts, c->options_first ? "+:" : ":");
	for (size_t i = 0; i <= c->n_options; i++) {
		const struct cli_option *o = i < c->n_options ? &c->options[i] : &cli_help_option;

		longs[i] = (struct option){ .name = o->name,
					    .has_arg = o->arg ? required_argument : no_argument,
					    .val = OPTION_VALUE + (int)i };
		if (o->letter)
			buf_fmt(shorts, "%c%s", o->letter, o->arg ? ":" : "");
	}
}

/* The index in the table of what getopt_long() returned; -1: none of them. */
static int find_option(const struct cli_command *c, int value)
{
	if (value >= OPTION_VALUE)
		return value - OPTION_VALUE;
	for (size_t i = 0; i < c->n_options; i++)
		if (c->options[i].letter && c->options[i].letter == value)
			return (int)i;
	return value == cli_help_option.letter ? (int)c->n_options : -1;
}

static bool err_unknown(const struct cli_command *c, const char *typed, struct err *e)
{
	struct span word = span_of(typed);
	ptrdiff_t equals = span_find(word, '=');
	struct nearest near;
	char shown[64];

	if (equals >= 0)
		word = span_first(word, (size_t)equals);
	near = nearest_to(span_from(word, 2));
	for (size_t i = 0; i < c->n_options; i++)
		nearest_offer(&near, c->options[i].name);
	span_show(word, shown, sizeof(shown));
	if (near.best)
		return err_set(e, ERR_INVALID, "%s: unknown option %s: did you mean --%s?", c->name,
			       shown, near.best);
	return err_set(e, ERR_INVALID, "%s: unknown option %s: see \"sallyport help %s\"", c->name,
		       shown, c->name);
}

static bool err_option(const struct cli_command *c, int value, char **argv, struct err *e)
{
	int i = find_option(c, optopt);

	if (value == ':' && i >= 0)
		return err_set(e, ERR_INVALID, "%s: --%s needs %s", c->name, c->options[i].name,
			       c->options[i].arg);
	if (i >= 0)
		return err_set(e, ERR_INVALID, "%s: --%s takes no argument", c->name,
			       i < (int)c->n_options ? c->options[i].name : cli_help_option.name);
	if (optopt)
		return err_set(e, ERR_INVALID, "%s: unknown option -%c: see \"sallyport help %s\"",
			       c->name, optopt, c->name);
	return err_unknown(c, argv[optind - 1], e);
}

static int print_help(const struct cli_command *c)
{
	struct buf out;

	buf_init(&out, HELP_MAX);
	cli_help_command(c, &out);
	(void)fputs(buf_cstr(&out), stdout);
	buf_done(&out);
	return CLI_OK;
}

bool cli_parse(const struct cli_command *c, int argc, char **argv, cli_take_fn *take, void *ctx,
	       int *operands, int *status)
{
	struct option longs[CLI_OPTIONS_MAX + 2] = { 0 };
	struct err e = { 0 };
	struct buf shorts;
	bool ok = true;
	int value;

	buf_init(&shorts, 256);
	make_table(c, longs, &shorts);
	optind = 0; /* glibc: start anew, forgetting an earlier argv */
	opterr = 0;
	while (ok && (value = getopt_long(argc, argv, buf_cstr(&shorts), longs, NULL)) != -1) {
		int i = value == '?' || value == ':' ? -1 : find_option(c, value);

		if (i == (int)c->n_options) {
			*status = print_help(c);
			buf_done(&shorts);
			return false;
		}
		ok = i >= 0 ? take(ctx, (size_t)i, optarg, &e) : err_option(c, value, argv, &e);
	}
	buf_done(&shorts);
	if (ok && !c->args[0] && optind < argc)
		ok = err_set(&e, ERR_INVALID, "%s: expected no arguments, only options", c->name);
	if (operands)
		*operands = optind;
	if (!ok)
		*status = cli_usage_error(&e);
	return ok;
}

int cli_usage_error(const struct err *e)
{
	(void)fprintf(stderr, "%s%s\n", e->at.line ? "" : "sallyport: ", e->msg);
	return CLI_USAGE;
}

/* Words wrapped behind an indent of two. */
static void add_paragraph(struct buf *out, const char *text)
{
	struct span rest = span_of(text), word;
	size_t column = 0;

	buf_char(out, '\n');
	while (span_next(&rest, ' ', &word)) {
		if (column + word.n > 76) {
			buf_char(out, '\n');
			column = 0;
		}
		buf_str(out, column ? " " : "  ");
		buf_span(out, word);
		column += word.n + 1;
	}
	buf_char(out, '\n');
}

static void add_option(struct buf *out, const struct cli_option *o)
{
	char names[64];
	int n = o->letter ? snprintf(names, sizeof(names), "-%c, --%s", o->letter, o->name) :
			    snprintf(names, sizeof(names), "    --%s", o->name);

	if (o->arg && n > 0 && (size_t)n < sizeof(names))
		(void)snprintf(names + n, sizeof(names) - (size_t)n, " %s", o->arg);
	buf_fmt(out, "  %-26s %s\n", names, o->help);
}

void cli_help_command(const struct cli_command *c, struct buf *out)
{
	buf_fmt(out, "Usage: sallyport %s [OPTION...]%s%s\n", c->name, c->args[0] ? " " : "",
		c->args);
	add_paragraph(out, c->summary);
	buf_char(out, '\n');
	for (size_t i = 0; i < c->n_options; i++)
		add_option(out, &c->options[i]);
	add_option(out, &cli_help_option);
	for (const char *const *note = c->notes; note && *note; note++)
		add_paragraph(out, *note);
}

void cli_extras_add(struct cli_extras *x, enum rule_action action, const char *dest)
{
	vec_push(x->items, x->n, x->cap, ((struct policy_extra){ action, dest }));
}

void cli_extras_done(struct cli_extras *x)
{
	free(x->items);
	*x = (struct cli_extras){ 0 };
}

struct policy_options cli_policy_options(void)
{
	static const char *const group_dirs[] = { CLI_GROUP_DIR, NULL };

	return (struct policy_options){
		.group_dirs = group_dirs,
		.groups = policy_builtin_groups,
		.n_groups = policy_n_builtin_groups,
	};
}

bool cli_plan_load(const char *file, const struct cli_extras *x, const struct allowlist *lists,
		   const char *policy, struct plan **out, struct err *e)
{
	struct policy_options options = cli_policy_options();

	options.extras = x->items;
	options.n_extras = x->n;
	options.policy = policy;
	options.lists = lists;
	return policy_load(file, &options, out, e);
}

void cli_lints_print(const struct plan *p)
{
	plan_warn(p, stderr);
}
