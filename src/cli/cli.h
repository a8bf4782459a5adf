/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line. Each command is one file that fills in one struct cli_command; help, shell
 * completion and the parser itself are made from these tables. Answers go to stdout, the story to
 * stderr.
 */
#ifndef SALLYPORT_CLI_CLI_H
#define SALLYPORT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/load.h"

/* Exit statuses. `run` otherwise ends with its command's own, or 128 and the signal. */
enum cli_exit {
	CLI_OK = 0,
	CLI_DENIED = 1,		  /* explain: it would be denied */
	CLI_USAGE = 2,		  /* the command line or the policy is wrong */
	CLI_UNREACHABLE = 3,	  /* status, reload: nobody listens at the control socket */
	CLI_NOT_ENFORCING = 4,	  /* doctor: `run` cannot confine here; status: nothing is served */
	CLI_FAILED = 125,	  /* run: sallyport itself failed */
	CLI_CANNOT_EXECUTE = 126, /* run: the command cannot be executed */
	CLI_NOT_FOUND = 127,	  /* run: there is no such command */
};

struct cli_option {
	const char *name; /* the long name, without the dashes */
	char letter;	  /* the short one, or 0 */
	const char *arg;  /* what its argument is called in the help; NULL: it takes none */
	const char *help; /* one line */
};

/* The most options of one command. */
#define CLI_OPTIONS_MAX 24

struct cli_command {
	const char *name;
	const char *args;    /* after the options: "FILE", "[--] COMMAND [ARG...]"; "": nothing */
	const char *summary; /* one line, no full stop */
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the status */
	const struct cli_option *options;
	size_t n_options;	  /* <= CLI_OPTIONS_MAX */
	bool options_first;	  /* what follows the first operand is not looked at */
	const char *const *notes; /* paragraphs that end the help; NULL-terminated, or NULL */
};

extern const struct cli_command cli_run, cli_proxy, cli_check, cli_explain, cli_groups,
	cli_merge_allowlist, cli_daemon, cli_apply, cli_compile, cli_status, cli_reload,
	cli_refresh, cli_reconcile, cli_allow, cli_deny, cli_teardown, cli_dockside,
	cli_healthcheck, cli_doctor, cli_completion, cli_help;

/* All of them, in the order of the help; NULL-terminated. */
extern const struct cli_command *const cli_commands[];

/* The option that every command has besides its own. */
extern const struct cli_option cli_help_option;

/*
 * Takes one option: its index in the command's table and its argument (NULL where it has none).
 * Called in the order typed.
 */
typedef bool cli_take_fn(void *ctx, size_t option, const char *arg, struct err *e);

/*
 * Reads the options of c; --help is added to them. False: the command is over and *status is what
 * to return, because the help was printed (CLI_OK) or an error was (CLI_USAGE). Else the operands
 * are argv[*operands] up to argv[argc - 1]; without options_first, argv is reordered so that they
 * come last. A command whose args are "" is refused any, and operands may be NULL; so may `take` of one
 * without options.
 */
bool cli_parse(const struct cli_command *c, int argc, char **argv, cli_take_fn *take, void *ctx,
	       int *operands, int *status) _must_use_;

/*
 * Prints "sallyport: MESSAGE" on stderr, or "FILE:LINE:COLUMN: MESSAGE" where the error has a
 * place, and returns CLI_USAGE.
 */
int cli_usage_error(const struct err *e);

/* The help of one command, and of the program, into out. */
void cli_help_command(const struct cli_command *c, struct buf *out);
void cli_help_program(struct buf *out);

/* The command of that name; the error names the nearest. */
bool cli_command_find(const char *name, const struct cli_command **out, struct err *e) _must_use_;

/* The rules given on the command line: --allow DEST, --deny DEST, in the order typed. */
struct cli_extras {
	struct policy_extra *items; /* owned; the texts are borrowed from argv */
	size_t n, cap;
};

void cli_extras_add(struct cli_extras *x, enum rule_action action, const char *dest);
void cli_extras_done(struct cli_extras *x);

/* What the administrator of this machine wrote here wins over the groups built in. */
#define CLI_GROUP_DIR "/etc/sallyport/groups"

/* Where every command looks groups up; nothing else is set. */
struct policy_options cli_policy_options(void);

/* The allow-list files of the command line: --baseline FILE, --allow-file FILE. */
struct cli_lists {
	const char *baseline; /* has to be there; NULL: none was given */
	const char **files; /* need not; owned, in the order typed, the texts borrowed from argv */
	size_t n, cap;
	struct allowlist merged; /* what was read, the baseline first */
};

void cli_lists_add(struct cli_lists *x, const char *file);

/*
 * Reads and merges them, anew where it was done before. Unless quiet, a file that is not there is
 * told on stderr.
 */
bool cli_lists_load(struct cli_lists *x, bool quiet, struct err *e) _must_use_;
void cli_lists_done(struct cli_lists *x);

/*
 * Loads the plan that file (NULL: none), the extras and the lists that were read (NULL: none) make.
 * policy: which policy of the file they are added to; NULL: every one.
 */
bool cli_plan_load(const char *file, const struct cli_extras *x, const struct allowlist *lists,
		   const char *policy, struct plan **out, struct err *e) _must_use_;

/*
 * Which rules hold, from the options of these names: --policy FILE, --use NAME, --allow DEST, --deny
 * DEST, --baseline FILE, --allow-file FILE. Zeroed: none.
 */
struct cli_rules {
	const char *policy, *use; /* borrowed from argv */
	struct cli_extras extras;
	struct cli_lists lists;
};

/* Takes the option, if it is one of them; else false. */
bool cli_rules_take(struct cli_rules *x, const struct cli_option *o, const char *arg);

/* Reads the files, anew where that was done before; quiet as in cli_lists_load(). */
bool cli_rules_load(struct cli_rules *x, bool quiet, struct plan **out, struct err *e) _must_use_;
void cli_rules_done(struct cli_rules *x);

/* Prints what the plan warns about on stderr: "FILE:LINE:COLUMN: warning: TEXT". */
void cli_lints_print(const struct plan *p);

#endif
