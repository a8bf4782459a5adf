/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport teardown: removes what is ours from the kernel. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/daemon.h"
#include "control/control.h"
#include "daemon/daemon.h"

#define TIMEOUT_MS 30000

enum { OPT_SOCKET, OPT_CONTROL, OPT_COUNT };

static const struct cli_option options[OPT_COUNT] = {
	[OPT_SOCKET] = { "socket", 's', "PATH", "a daemon's control socket (" CONTROL_SOCKET ")" },
	[OPT_CONTROL] = { "control", 'c', "PATH", "the same, as daemon calls it" },
};

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	const char **socket = ctx;

	(void)option;
	(void)e;
	*socket = arg;
	return true;
}

static int told(bool had)
{
	(void)printf("%s\n",
		     had ? "removed: nothing is confined any more" : "there was nothing of ours");
	return CLI_OK;
}

/* A daemon that runs would put right what is taken away behind its back: it is asked. */
int cli_teardown_by(const char *socket)
{
	json_t *reply = NULL;
	bool reachable = false, had;
	struct err e;

	if (socket && control_call(socket, json_pack("{s:s}", "action", "teardown"), TIMEOUT_MS,
				   &reply, &reachable, &e)) {
		had = json_is_true(json_object_get(reply, "removed"));
		json_decref(reply);
		return told(had);
	}
	if (!reachable && daemon_teardown(&had, &e))
		return told(had);
	(void)fprintf(stderr, "sallyport: teardown: %s%s\n", e.msg,
		      geteuid() != 0 ? ": the rules are root's to remove" :
		      reachable	     ? "" :
				  ": a daemon with a socket of its own is asked by --socket PATH");
	return reachable ? CLI_DENIED : CLI_FAILED;
}

static int run(int argc, char **argv)
{
	const char *socket = CONTROL_SOCKET;
	int status;

	if (!cli_parse(&cli_teardown, argc, argv, take, &socket, NULL, &status))
		return status;
	return cli_teardown_by(socket);
}

static const char *const notes[] = {
	"Removes the tables `inet sallyport` and `bridge sallyport` and nothing else: neither the "
	"engine's networks nor any other program's rules. A daemon that runs is asked to do it, and "
	"confines again at its next reload.",
	NULL,
};

const struct cli_command cli_teardown = {
	.name = "teardown",
	.args = "",
	.summary = "remove the rules of daemon and apply from the kernel",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = notes,
};
