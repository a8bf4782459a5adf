/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport completion: scripts for shells, made from the tables of commands and options. */
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "cli/cli.h"

#define SCRIPT_MAX 65536

/* In single quotes; what ends them is escaped as the shell wants it. */
static void add_quoted(struct buf *out, const char *s, const char *escape)
{
	buf_char(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_str(out, escape);
		else
			buf_char(out, *s);
	}
	buf_char(out, '\'');
}

static void add_names(struct buf *out)
{
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		buf_fmt(out, "%s%s", c == cli_commands ? "" : " ", (*c)->name);
}

static void bash_script(struct buf *out)
{
	buf_str(out, "_sallyport() {\n"
		     "\tlocal word=${COMP_WORDS[COMP_CWORD]} options\n"
		     "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
		     "\t\toptions='");
	add_names(out);
	buf_str(out, " --help --version'\n"
		     "\telse\n"
		     "\t\tcase ${COMP_WORDS[1]} in\n");
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		buf_fmt(out, "\t\t%s) options='--help", (*c)->name);
		for (size_t i = 0; i < (*c)->n_options; i++)
			buf_fmt(out, " --%s", (*c)->options[i].name);
		buf_str(out, "' ;;\n");
	}
	buf_str(out, "\t\tesac\n"
		     "\t\t[[ $word == -* ]] || options=\n"
		     "\tfi\n"
		     "\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
		     "}\n"
		     "complete -o default -F _sallyport sallyport\n");
}

/* _describe wants "word:text". */
static void zsh_list(struct buf *out, const struct cli_option *o)
{
	char word[64];

	(void)snprintf(word, sizeof(word), "--%s:", o->name);
	buf_char(out, ' ');
	add_quoted(out, word, "");
	add_quoted(out, o->help, "'\\''");
}

static void zsh_script(struct buf *out)
{
	buf_str(out, "#compdef sallyport\n"
		     "_sallyport() {\n"
		     "\tlocal -a words_\n"
		     "\tif (( CURRENT == 2 )); then\n"
		     "\t\twords_=(");
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		buf_fmt(out, " %s:", (*c)->name);
		add_quoted(out, (*c)->summary, "'\\''");
	}
	buf_str(out, ")\n"
		     "\t\t_describe command words_\n"
		     "\t\treturn\n"
		     "\tfi\n"
		     "\tcase $words[2] in\n");
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		buf_fmt(out, "\t%s) words_=(", (*c)->name);
		for (size_t i = 0; i < (*c)->n_options; i++)
			zsh_list(out, &(*c)->options[i]);
		zsh_list(out, &cli_help_option);
		buf_str(out, ") ;;\n");
	}
	buf_str(out, "\tesac\n"
		     "\tif [[ $PREFIX == -* ]]; then _describe option words_; else _default; fi\n"
		     "}\n"
		     "compdef _sallyport sallyport\n");
}

static void fish_script(struct buf *out)
{
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		buf_fmt(out, "complete -c sallyport -f -n __fish_use_subcommand -a %s -d ",
			(*c)->name);
		add_quoted(out, (*c)->summary, "\\'");
		buf_char(out, '\n');
		for (size_t i = 0; i < (*c)->n_options; i++) {
			const struct cli_option *o = &(*c)->options[i];

			buf_fmt(out,
				"complete -c sallyport -n '__fish_seen_subcommand_from %s' -l %s%s -d ",
				(*c)->name, o->name, o->arg ? " -r" : "");
			add_quoted(out, o->help, "\\'");
			buf_char(out, '\n');
		}
	}
}

static const struct {
	const char *shell;
	void (*write)(struct buf *out);
} shells[] = {
	{ "bash", bash_script },
	{ "zsh", zsh_script },
	{ "fish", fish_script },
};

static int run(int argc, char **argv)
{
	struct err e = { 0 };
	int operands, status;
	struct buf out;

	if (!cli_parse(&cli_completion, argc, argv, NULL, NULL, &operands, &status))
		return status;
	for (size_t i = 0; argc - operands == 1 && i < ARRAY_LEN(shells); i++) {
		if (strcmp(argv[operands], shells[i].shell) != 0)
			continue;
		buf_init(&out, SCRIPT_MAX);
		shells[i].write(&out);
		(void)fputs(buf_cstr(&out), stdout);
		buf_done(&out);
		return CLI_OK;
	}
	(void)err_set(&e, ERR_INVALID, "completion: expected bash, zsh or fish");
	return cli_usage_error(&e);
}

static const char *const notes[] = {
	"For one session: source <(sallyport completion bash), or the same with zsh; for fish: "
	"sallyport completion fish | source.",
	NULL,
};

const struct cli_command cli_completion = {
	.name = "completion",
	.args = "bash|zsh|fish",
	.summary = "print a script that completes commands and options in a shell",
	.run = run,
	.notes = notes,
};
