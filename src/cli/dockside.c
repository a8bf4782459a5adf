/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport dockside: the command line of Dockside's firewall daemon, as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/daemon.h"
#include "cli/show.h"
#include "control/control.h"

#define ENGINE_SOCKET "/var/run/docker.sock"
#define TIMEOUT_MS    30000

enum {
	OPT_STATUS,
	OPT_TEARDOWN,
	OPT_DAEMON,
	OPT_SOCKET,
	OPT_NETWORK_CONFIG,
	OPT_FIREWALL_CONFIG,
	OPT_FORWARD_POLICY,
	OPT_DEBUG,
	OPT_DOCKER,
	OPT_COUNT
};

static const struct cli_option options[OPT_COUNT] = {
	[OPT_STATUS] = { "status", 0, NULL, "print a running daemon's status as JSON" },
	[OPT_TEARDOWN] = { "teardown", 0, NULL, "remove the rules; the networks stay" },
	[OPT_DAEMON] = { "daemon", 0, NULL, "load the rules and stay; else load them and end" },
	[OPT_SOCKET] = { "socket", 0, "PATH", "the control socket ($DOCKSIDE_FIREWALL_SOCKET)" },
	[OPT_NETWORK_CONFIG] = { "network-config", 0, "FILE",
				 "the networks (" DOCKSIDE_NETWORK_CONFIG ")" },
	[OPT_FIREWALL_CONFIG] = { "firewall-config", 0, "FILE",
				  "the rules (" DOCKSIDE_FIREWALL_CONFIG ")" },
	[OPT_FORWARD_POLICY] = { "forward-policy", 0, "POLICY",
				 "drop or allow-accept: both leave FORWARD alone under nft" },
	[OPT_DEBUG] = { "debug", 0, NULL, "append every denial to stderr as a JSON line" },
	[OPT_DOCKER] = { "docker", 0, "PATH", "the engine's socket (" ENGINE_SOCKET ")" },
};

struct args {
	struct cli_daemon d;
	bool status, teardown, daemon;
};

static bool take_forward_policy(const char *arg, struct err *e)
{
	if (strcmp(arg, "drop") != 0 && strcmp(arg, "allow-accept") != 0)
		return err_set(e, ERR_INVALID,
			       "--forward-policy is \"%s\": expected drop or allow-accept", arg);
	(void)fprintf(
		stderr,
		"sallyport: --forward-policy %s: the policy of iptables' FORWARD chain is left "
		"as it is; the networks of the files are confined whatever it says\n",
		arg);
	return true;
}

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	struct args *a = ctx;

	if (cli_source_take(&a->d.o.control.source, &options[option], arg))
		return true;
	switch (option) {
	case OPT_STATUS:
		a->status = true;
		break;
	case OPT_TEARDOWN:
		a->teardown = true;
		break;
	case OPT_DAEMON:
		a->daemon = true;
		break;
	case OPT_SOCKET:
		a->d.o.socket = arg;
		break;
	case OPT_FORWARD_POLICY:
		return take_forward_policy(arg, e);
	case OPT_DEBUG:
		a->d.log = "-";
		break;
	case OPT_DOCKER:
		a->d.o.control.engine = arg;
		break;
	}
	return true;
}

static int print_status(const char *socket)
{
	json_t *reply = NULL;
	bool reachable;
	struct err e;

	if (!socket)
		(void)err_set(&e, ERR_INVALID,
			      "--status: expected --socket PATH or $DOCKSIDE_FIREWALL_SOCKET");
	else if (control_call(socket, json_pack("{s:s}", "action", "status"), TIMEOUT_MS, &reply,
			      &reachable, &e)) {
		show_json_print(reply);
		return CLI_OK;
	}
	(void)fprintf(stderr, "sallyport: dockside: %s\n", e.msg);
	return CLI_DENIED;
}

/* In the order in which the original looks at its modes. */
static int run_mode(struct args *a)
{
	const char *reset = getenv("RESET");
	struct source_options *s = &a->d.o.control.source;
	struct err e = { 0 };

	if (!a->d.o.socket)
		a->d.o.socket = getenv("DOCKSIDE_FIREWALL_SOCKET");
	if (a->status)
		return print_status(a->d.o.socket);
	if (a->teardown)
		return cli_teardown_by(a->d.o.socket);
	if (!s->network_config)
		s->network_config = DOCKSIDE_NETWORK_CONFIG;
	if (!cli_source_check(s, "dockside", &e))
		return cli_usage_error(&e);
	a->d.o.control.recreate = reset && strcmp(reset, "1") == 0;
	return a->daemon ? cli_daemon_serve(&a->d) : cli_daemon_apply(&a->d);
}

static int run(int argc, char **argv)
{
	struct args a = { .d.o.control.engine = ENGINE_SOCKET };
	int status;

	if (!cli_parse(&cli_dockside, argc, argv, take, &a, NULL, &status))
		return status;
	return run_mode(&a);
}

static const char *const notes[] = {
	"Takes the options, the environment and the two files of Dockside's firewall daemon. Without "
	"--status, --teardown and --daemon it makes the networks, loads the rules and ends.",
	NULL,
};

const struct cli_command cli_dockside = {
	.name = "dockside",
	.args = "",
	.summary = "take the place of Dockside's firewall daemon",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = notes,
};
