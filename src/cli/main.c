/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "daemon/control_child.h"
#include "daemon/gate_process.h"
#include "daemon/process.h"

static int print(struct buf *text)
{
	bool ok = fputs(buf_cstr(text), stdout) >= 0;

	buf_done(text);
	return ok ? CLI_OK : CLI_FAILED;
}

/* The program's own options, which stand where a command is expected. */
static bool own_option(const char *arg, int *status)
{
	struct buf out;

	buf_init(&out, 16384);
	if (strcmp(arg, "--version") == 0 || strcmp(arg, "-V") == 0)
		buf_str(&out, "sallyport " SALLYPORT_VERSION "\n");
	else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
		cli_help_program(&out);
	else
		return false;
	*status = print(&out);
	return true;
}

/* An answer that could not be written whole is no answer. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	(void)fprintf(stderr, "sallyport: cannot write to standard output\n");
	return status == CLI_OK ? CLI_FAILED : status;
}

/* A standard descriptor that was closed would be given to the next file or socket that is opened,
 * and be read or written by mistake, or inherited by a jailed command. */
static bool open_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

/* The daemon's process that reads policies. */
static int run_control(void)
{
	struct control_options o = { .source.load = cli_policy_options(),
				     .enforcer_fd = PROCESS_FD,
				     .listen_fd = fcntl(PROCESS_FD + 1, F_GETFD) < 0 ?
							  -1 :
							  PROCESS_FD + 1 };

	return control_main(&o);
}

int main(int argc, char **argv)
{
	const struct cli_command *command;
	struct err e = { 0 };
	int status;

	if (!open_standard_descriptors())
		return CLI_FAILED;
	if (argc < 2) {
		(void)err_set(&e, ERR_INVALID, "expected a command: see \"sallyport help\"");
		return cli_usage_error(&e);
	}
	if (process_is(argc, argv, PROCESS_GATE))
		return gate_process_main();
	if (process_is(argc, argv, PROCESS_CONTROL))
		return run_control();
	if (own_option(argv[1], &status))
		return finish(status);
	if (!cli_command_find(argv[1], &command, &e))
		return cli_usage_error(&e);
	return finish(command->run(argc - 1, argv + 1));
}
