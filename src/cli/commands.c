/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of commands, and `help`. */
#include <stdio.h>

#include "base/nearest.h"
#include "cli/cli.h"

#define HELP_MAX 16384

const struct cli_command *const cli_commands[] = {
	&cli_run,      &cli_proxy,    &cli_daemon,	&cli_apply,	      &cli_check,
	&cli_explain,  &cli_compile,  &cli_groups,	&cli_merge_allowlist, &cli_status,
	&cli_reload,   &cli_refresh,  &cli_reconcile,	&cli_allow,	      &cli_deny,
	&cli_teardown, &cli_dockside, &cli_healthcheck, &cli_doctor,	      &cli_completion,
	&cli_help,     NULL,
};

bool cli_command_find(const char *name, const struct cli_command **out, struct err *e)
{
	struct nearest near = nearest_to(span_of(name));
	char shown[64];

	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		nearest_offer(&near, (*c)->name);
		if (!span_eq(span_of(name), span_of((*c)->name)))
			continue;
		*out = *c;
		return true;
	}
	span_show(span_of(name), shown, sizeof(shown));
	if (near.best)
		return err_set(e, ERR_INVALID, "there is no command \"%s\": did you mean \"%s\"?",
			       shown, near.best);
	return err_set(e, ERR_INVALID, "there is no command \"%s\": see \"sallyport help\"", shown);
}

void cli_help_program(struct buf *out)
{
	buf_str(out, "Usage: sallyport COMMAND [OPTION...] [ARGUMENT...]\n\n"
		     "  Runs commands that reach only the destinations that a policy allows.\n\n");
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		buf_fmt(out, "  %-16s %s\n", (*c)->name, (*c)->summary);
	buf_str(out, "\n"
		     "  -h, --help        print this help; \"sallyport help COMMAND\" tells more\n"
		     "  -V, --version     print the version\n");
}

static int run(int argc, char **argv)
{
	const struct cli_command *command;
	struct err e = { 0 };
	int operands, status;
	struct buf out;

	if (!cli_parse(&cli_help, argc, argv, NULL, NULL, &operands, &status))
		return status;
	if (argc - operands > 1) {
		(void)err_set(&e, ERR_INVALID, "help: expected at most one command");
		return cli_usage_error(&e);
	}
	buf_init(&out, HELP_MAX);
	if (operands == argc) {
		cli_help_program(&out);
	} else if (cli_command_find(argv[operands], &command, &e)) {
		cli_help_command(command, &out);
	} else {
		return cli_usage_error(&e);
	}
	(void)fputs(buf_cstr(&out), stdout);
	buf_done(&out);
	return CLI_OK;
}

const struct cli_command cli_help = {
	.name = "help",
	.args = "[COMMAND]",
	.summary = "tell what a command does and what it takes",
	.run = run,
};
