/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport merge-allowlist: several allow-lists as one, for sallyport or for other programs. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/show.h"

enum { OPT_BASELINE, OPT_FORMAT, OPT_EXPAND, OPT_OUTPUT, OPT_JSON, OPT_QUIET, OPT_COUNT };

static const struct cli_option options[OPT_COUNT] = {
	[OPT_BASELINE] = { "baseline", 'b', "FILE", "the first list, which has to be there" },
	[OPT_FORMAT] = { "format", 'f', "FORMAT", "plain (the default) or tinyproxy" },
	[OPT_EXPAND] = { "expand", 'e', NULL, "write the destinations of groups out" },
	[OPT_OUTPUT] = { "output", 'o', "FILE", "replace FILE, whole or not at all" },
	[OPT_JSON] = { "json", 0, NULL, "print the list as JSON" },
	[OPT_QUIET] = { "quiet", 'q', NULL, "do not tell which lists are not there" },
};

struct args {
	struct cli_lists lists;
	const char *output;
	bool tinyproxy, expand, json, quiet;
};

static bool take_format(struct args *a, const char *arg, struct err *e)
{
	char shown[64];

	a->tinyproxy = strcmp(arg, "tinyproxy") == 0;
	if (a->tinyproxy || strcmp(arg, "plain") == 0)
		return true;
	return err_set(e, ERR_INVALID,
		       "merge-allowlist: --format is \"%s\": expected plain or tinyproxy",
		       span_show(span_of(arg), shown, sizeof(shown)));
}

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	struct args *a = ctx;

	switch (option) {
	case OPT_BASELINE:
		a->lists.baseline = arg;
		break;
	case OPT_FORMAT:
		return take_format(a, arg, e);
	case OPT_EXPAND:
		a->expand = true;
		break;
	case OPT_OUTPUT:
		a->output = arg;
		break;
	case OPT_JSON:
		a->json = true;
		break;
	case OPT_QUIET:
		a->quiet = true;
		break;
	}
	return true;
}

/* The list with groups written out: plan holds a rule for each of its entries, in order. */
static void expand(const struct allowlist *merged, const struct plan *plan, struct allowlist *out)
{
	const struct plan_policy *p = plan->policies[0];

	for (size_t i = 0; i < merged->n; i++)
		for (size_t j = 0; j < p->rules[i].n_dests; j++)
			allowlist_add(out, &p->rules[i].dests[j], &merged->items[i]);
}

static bool write_filter(const struct allowlist *l, struct buf *out, struct err *e)
{
	/* Short: tinyproxy cuts lines at 511 bytes and would take the rest for a pattern. */
	buf_str(out, "# for tinyproxy: FilterType ere, FilterDefaultDeny Yes, FilterURLs Off\n");
	for (size_t i = 0; i < l->n; i++) {
		const struct allow_entry *en = &l->items[i];
		bool any_port;

		if (!allow_entry_filter(en, out, &any_port, e))
			return false;
		if (any_port)
			(void)fprintf(stderr,
				      "%s:%u:%u: warning: \"%s\": a tinyproxy filter has no ports: "
				      "ConnectPort decides\n",
				      en->file, en->at.line, en->at.column, en->text);
	}
	return true;
}

static void write_json(const struct allowlist *l, struct buf *out)
{
	json_t *o = json_object(), *entries = json_array();
	_cleanup_(freep) char *text = NULL;

	for (size_t i = 0; i < l->n; i++) {
		const struct allow_entry *en = &l->items[i];
		json_t *entry = json_object();

		json_object_set_new(entry, "destination", show_json(en->text));
		if (en->comment)
			json_object_set_new(entry, "comment", show_json(en->comment));
		json_object_set_new(entry, "file", show_json(en->file));
		json_object_set_new(entry, "line", json_integer(en->at.line));
		json_object_set_new(entry, "column", json_integer(en->at.column));
		json_array_append_new(entries, entry);
	}
	json_object_set_new(o, "entries", entries);
	text = json_dumps(o, JSON_INDENT(2));
	buf_str(out, text);
	buf_char(out, '\n');
	json_decref(o);
}

static bool write_list(const struct args *a, const struct allowlist *l, struct buf *out,
		       struct err *e)
{
	if (a->tinyproxy && !write_filter(l, out, e))
		return false;
	if (a->json)
		write_json(l, out);
	else if (!a->tinyproxy)
		allowlist_str(l, out);
	return buf_ok(out) ||
	       err_set(e, ERR_LIMIT, "the list is longer than %u bytes", LIMIT_MERGED_BYTES);
}

/* Nothing stays half done behind a signal: those that can wait do, and a limit is an error. */
static bool replace(const char *path, struct span text, struct err *e)
{
	sigset_t all, before;
	bool ok;

	(void)signal(SIGXFSZ, SIG_IGN);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	ok = fd_write_file_atomic(path, text, 0666, e);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return ok;
}

static int put_out(const struct args *a, const struct allowlist *l)
{
	struct err e = { 0 };
	int status = CLI_OK;
	struct buf out;

	buf_init(&out, LIMIT_MERGED_BYTES);
	if (!write_list(a, l, &out, &e)) {
		status = cli_usage_error(&e);
	} else if (!a->output) {
		(void)fputs(buf_cstr(&out), stdout);
	} else if (!replace(a->output, buf_view(&out), &e)) {
		(void)fprintf(stderr, "sallyport: %s\n", e.msg);
		status = CLI_FAILED;
	}
	buf_done(&out);
	return status;
}

static int merge(struct args *a)
{
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct allowlist expanded = { 0 };
	struct cli_extras none = { 0 };
	struct err e = { 0 };
	int status;

	/* The plan knows every group, and what is probably not meant. */
	if (!cli_lists_load(&a->lists, a->quiet, &e) ||
	    !cli_plan_load(NULL, &none, &a->lists.merged, NULL, &plan, &e))
		return cli_usage_error(&e);
	if (a->lists.merged.n > 0)
		cli_lints_print(plan);
	if (!a->expand && !a->tinyproxy)
		return put_out(a, &a->lists.merged);
	expand(&a->lists.merged, plan, &expanded);
	status = put_out(a, &expanded);
	allowlist_done(&expanded);
	return status;
}

static int run(int argc, char **argv)
{
	struct args a = { 0 };
	struct err e = { 0 };
	int operands, status;

	if (cli_parse(&cli_merge_allowlist, argc, argv, take, &a, &operands, &status)) {
		for (int i = operands; i < argc; i++)
			cli_lists_add(&a.lists, argv[i]);
		if (a.tinyproxy && a.json) {
			(void)err_set(&e, ERR_INVALID,
				      "merge-allowlist: expected --json or --format tinyproxy, "
				      "not both");
			status = cli_usage_error(&e);
		} else {
			status = merge(&a);
		}
	}
	cli_lists_done(&a.lists);
	return status;
}

static const char *const notes[] = {
	"Merges allow-lists, one destination a line, in the order given; what is there twice stands "
	"where it came first. A FILE that is not there adds nothing.",
	"tinyproxy: a filter of regular expressions, anchored at both ends, groups written out. "
	"What such a filter cannot say without opening more is an error.",
	"Ends with 0, with 2 when a list has an error, or with 125 when the FILE of --output cannot "
	"be replaced. It is as it was unless all of it could be written.",
	NULL,
};

const struct cli_command cli_merge_allowlist = {
	.name = "merge-allowlist",
	.args = "[FILE...]",
	.summary = "print several allow-lists as one, or as a filter for tinyproxy",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = notes,
};
