/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport daemon, sallyport apply: the networks of containers that a policy names. */
#include "cli/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/decisions.h"
#include "control/control.h"
#include "daemon/memory.h"
#include "jail/hostdns.h"

#define ENGINE_SOCKET "/var/run/docker.sock"

/* ---- running */

static void on_event(void *ctx, const struct event *ev, const char *subject,
		     const struct plan_policy *p)
{
	decisions_write(ctx, ev, subject, p);
}

static struct gate_host *names_of_host(struct cli_daemon *d)
{
	struct gate_host *hosts = NULL;

	if (d->o.n_upstreams == 0)
		d->o.n_upstreams =
			hostdns_servers("/etc/resolv.conf", d->o.upstreams, GATE_UPSTREAMS_MAX);
	d->o.n_hosts = hostdns_table("/etc/hosts", &hosts);
	d->o.hosts = hosts;
	return hosts;
}

static bool needs_root(struct err *e)
{
	return geteuid() == 0 ||
	       err_set(e, ERR_DENIED,
		       "the rules of the host's networks are root's to change: start it as root "
		       "(a single command is confined without: sallyport run)");
}

static int failed(const struct err *e)
{
	(void)fprintf(stderr, "sallyport: %s\n", e->msg);
	return e->kind == ERR_INVALID || e->kind == ERR_LIMIT ? CLI_USAGE : CLI_FAILED;
}

/* Who is not root and cannot go on still learns what is wrong with the files; else control reads them. */
static bool check_files(const struct cli_daemon *d, struct err *e)
{
	struct plan *plan;

	if (!cli_source_plan(&d->o.control.source, &plan, e))
		return false;
	cli_lints_print(plan);
	plan_free(plan);
	return true;
}

/* Runs by the files until it is over. *why: what is not enforced at the end, or "". */
static int run(struct cli_daemon *d, char *why, size_t size)
{
	struct decisions log;
	struct gate_host *hosts;
	struct err e;
	bool ok;

	if (geteuid() != 0 && !check_files(d, &e))
		return cli_usage_error(&e);
	if (!needs_root(&e))
		return failed(&e);
	if (!decisions_open(&log, d->log, &e))
		return cli_usage_error(&e);
	hosts = names_of_host(d);
	d->o.on_event = on_event;
	d->o.ctx = &log;
	ok = daemon_run(&d->o, why, size, &e);
	decisions_close(&log);
	free(hosts);
	/* Mistakes in the files are those of whoever typed the command. */
	return ok ? CLI_OK : d->o.unread ? cli_usage_error(&e) : failed(&e);
}

int cli_daemon_serve(struct cli_daemon *d)
{
	char why[256];

	return run(d, why, sizeof(why));
}

int cli_daemon_apply(struct cli_daemon *d)
{
	char why[256] = "";
	int status;

	d->o.once = d->o.control.once = true;
	alloc_ahead(MEMORY_ONCE_BYTES);
	d->o.socket = NULL;
	status = run(d, why, sizeof(why));
	if (status != CLI_OK || !why[0])
		return status;
	(void)fprintf(stderr, "sallyport: not all is enforced: %s\n", why);
	return CLI_NOT_ENFORCING;
}

/* ---- the commands */

enum {
	OPT_POLICY,
	OPT_NETWORK_CONFIG,
	OPT_FIREWALL_CONFIG,
	OPT_DOCKER,
	OPT_NO_DOCKER,
	OPT_DNS,
	OPT_APPLY_COUNT, /* those before it are apply's, too */
	OPT_CONTROL = OPT_APPLY_COUNT,
	OPT_SOCKET,
	OPT_LOG,
	OPT_NO_OWNER,
	OPT_COUNT
};

static const struct cli_option options[OPT_COUNT] = {
	[OPT_POLICY] = { "policy", 'p', "FILE", "the policy file" },
	[OPT_NETWORK_CONFIG] = { "network-config", 0, "FILE",
				 "Dockside's networks (" DOCKSIDE_NETWORK_CONFIG ")" },
	[OPT_FIREWALL_CONFIG] = { "firewall-config", 0, "FILE",
				  "Dockside's rules (" DOCKSIDE_FIREWALL_CONFIG ")" },
	[OPT_CONTROL] = { "control", 'c', "PATH", "the control socket (" CONTROL_SOCKET ")" },
	[OPT_SOCKET] = { "socket", 's', "PATH", "the same, as Dockside calls it" },
	[OPT_DOCKER] = { "docker", 0, "PATH", "the engine's socket (" ENGINE_SOCKET ")" },
	[OPT_NO_DOCKER] = { "no-docker", 0, NULL, "ask no engine: bridges go by their names" },
	[OPT_DNS] = { "dns", 0, "SERVER",
		      "ask this name server, ADDR or ADDR:PORT; may be repeated" },
	[OPT_LOG] = { "log", 'l', "FILE", "append every denial as a JSON line (-: stderr)" },
	[OPT_NO_OWNER] = { "no-owner", 0, NULL, "let other programs change the tables, too" },
};

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	struct cli_daemon *d = ctx;

	if (cli_source_take(&d->o.control.source, &options[option], arg))
		return true;
	switch (option) {
	case OPT_CONTROL:
	case OPT_SOCKET:
		d->o.socket = arg;
		break;
	case OPT_DOCKER:
		d->o.control.engine = arg;
		break;
	case OPT_NO_DOCKER:
		d->o.control.engine = NULL;
		break;
	case OPT_DNS:
		return hostdns_server_add(d->o.upstreams, &d->o.n_upstreams, arg, e);
	case OPT_LOG:
		d->log = arg;
		break;
	case OPT_NO_OWNER:
		d->o.free_tables = true;
		break;
	}
	return true;
}

/* False: the command is over. */
static bool read_options(const struct cli_command *c, int argc, char **argv, struct cli_daemon *d,
			 int *status)
{
	struct err e = { 0 };

	if (!cli_parse(c, argc, argv, take, d, NULL, status))
		return false;
	if (cli_source_check(&d->o.control.source, c->name, &e))
		return true;
	*status = cli_usage_error(&e);
	return false;
}

static int run_daemon(int argc, char **argv)
{
	struct cli_daemon d = { .o.control.engine = ENGINE_SOCKET };
	int status;

	if (!read_options(&cli_daemon, argc, argv, &d, &status))
		return status;
	/* Dockside's daemon has no socket unless it is told. */
	if (!d.o.socket)
		d.o.socket = d.o.control.source.policy ? CONTROL_SOCKET :
							 getenv("DOCKSIDE_FIREWALL_SOCKET");
	return cli_daemon_serve(&d);
}

static int run_apply(int argc, char **argv)
{
	struct cli_daemon d = { .o.control.engine = ENGINE_SOCKET };
	int status;

	if (!read_options(&cli_apply, argc, argv, &d, &status))
		return status;
	return cli_daemon_apply(&d);
}

static const char *const daemon_notes[] = {
	"Confines every network of the policy from the first packet of its first container on, for "
	"IPv4 and IPv6: what no rule allows is denied. SIGTERM leaves the rules in the kernel, "
	"and `sallyport teardown` removes them; SIGHUP and SIGUSR1 read the files again.",
	"While it runs, other programs cannot change its tables where the kernel has owned and "
	"persistent tables (Linux 6.9); elsewhere it puts them right as soon as they are touched.",
	NULL,
};

const struct cli_command cli_daemon = {
	.name = "daemon",
	.args = "",
	.summary = "confine the networks of containers, and keep doing so",
	.run = run_daemon,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = daemon_notes,
};

static const char *const apply_notes[] = {
	"Loads the rules once and ends: nobody then follows names, ports of bridges and other "
	"programs. Names are asked for once, and their addresses stay. Ends with 4 when a part is not "
	"enforced.",
	NULL,
};

const struct cli_command cli_apply = {
	.name = "apply",
	.args = "",
	.summary = "load the rules of a policy's networks once",
	.run = run_apply,
	.options = options,
	.n_options = OPT_APPLY_COUNT,
	.notes = apply_notes,
};
