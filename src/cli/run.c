/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport run: a command that reaches what the policy allows and nothing else. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/tally.h"
#include "base/alloc.h"
#include "base/num.h"
#include "cli/cli.h"
#include "cli/decisions.h"
#include "cli/show.h"
#include "jail/hostdns.h"
#include "jail/jail.h"

enum {
	OPT_ALLOW,
	OPT_DENY,
	OPT_POLICY,
	OPT_USE,
	OPT_BASELINE,
	OPT_ALLOW_FILE,
	OPT_AUDIT,
	OPT_LOG,
	OPT_DNS,
	OPT_KEEP_FD,
	OPT_ALLOW_UNIX,
	OPT_QUIET,
	OPT_COUNT
};

static const struct cli_option options[OPT_COUNT] = {
	[OPT_ALLOW] = { "allow", 'a', "DEST", "let the command reach DEST; may be repeated" },
	[OPT_DENY] = { "deny", 'd', "DEST", "keep it from DEST; may be repeated" },
	[OPT_POLICY] = { "policy", 'p', "FILE", "the policy file, tried after --allow and --deny" },
	[OPT_USE] = { "use", 'u', "NAME", "which policy of the file" },
	[OPT_BASELINE] = { "baseline", 'b', "FILE", "let it reach what this list has" },
	[OPT_ALLOW_FILE] = { "allow-file", 'f', "FILE",
			     "and this one, if it is there; may be repeated" },
	[OPT_AUDIT] = { "audit", 0, NULL, "let everything pass; end with the policy it needs" },
	[OPT_LOG] = { "log", 'l', "FILE", "append every decision as a JSON line (-: stderr)" },
	[OPT_DNS] = { "dns", 0, "SERVER",
		      "ask this name server, ADDR or ADDR:PORT; may be repeated" },
	[OPT_KEEP_FD] = { "keep-fd", 0, "N", "leave descriptor N open for the command" },
	[OPT_ALLOW_UNIX] = { "allow-unix", 0, "PATH",
			     "leave a Unix socket of the host within reach" },
	[OPT_QUIET] = { "quiet", 'q', NULL, "no closing report" },
};

static const char *const notes[] = {
	"DEST is [PROTOCOL/]TARGET[:PORTS]: api.github.com (TCP 443), '*.npmjs.org', db.example:5432, "
	"203.0.113.7:22, udp/ntp.example:123, group/github, host:3000 (the host's own loopback). "
	"Without --policy, --allow and lists everything is denied.",
	"A list has one DEST a line. It adds to the policy and is tried after it: what a rule denies "
	"stays denied. The baseline has to be there.",
	"The exit status is the command's own, 128 and the signal that ended it, 125 when sallyport "
	"failed, 126 when the command cannot be executed, 127 when there is none.",
	NULL,
};

struct args {
	struct cli_rules rules;
	const char *log;
	bool audit, quiet;
	struct gate_upstream dns[GATE_UPSTREAMS_MAX];
	size_t n_dns;
	int *keep_fds;
	size_t n_keep_fds, cap_keep_fds;
	const char **allow_unix; /* absolute; owned */
	size_t n_allow_unix, cap_allow_unix;
};

/* What becomes of each decision. */
struct recorder {
	const struct plan_policy *policy;
	char *subject;
	struct decisions log;
	struct tally *tally;
};

static void args_done(struct args *a)
{
	cli_rules_done(&a->rules);
	free(a->keep_fds);
	for (size_t i = 0; i < a->n_allow_unix; i++)
		free((char *)(uintptr_t)a->allow_unix[i]);
	free(a->allow_unix);
}

static bool take_keep_fd(struct args *a, const char *arg, struct err *e)
{
	uint64_t v;

	if (!num_parse(span_of(arg), "descriptor", 0, INT_MAX, &v, e))
		return err_wrap(e, "--keep-fd");
	if (fcntl((int)v, F_GETFD) < 0)
		return err_sys(e, errno, "--keep-fd %s", arg);
	vec_push(a->keep_fds, a->n_keep_fds, a->cap_keep_fds, (int)v);
	return true;
}

static bool take_allow_unix(struct args *a, const char *arg, struct err *e)
{
	char *real = realpath(arg, NULL);

	if (!real)
		return err_sys(e, errno, "--allow-unix %s", arg);
	vec_push(a->allow_unix, a->n_allow_unix, a->cap_allow_unix, real);
	return true;
}

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	struct args *a = ctx;

	if (cli_rules_take(&a->rules, &options[option], arg))
		return true;
	switch (option) {
	case OPT_AUDIT:
		a->audit = true;
		break;
	case OPT_LOG:
		a->log = arg;
		break;
	case OPT_DNS:
		return hostdns_server_add(a->dns, &a->n_dns, arg, e);
	case OPT_KEEP_FD:
		return take_keep_fd(a, arg, e);
	case OPT_ALLOW_UNIX:
		return take_allow_unix(a, arg, e);
	case OPT_QUIET:
		a->quiet = true;
		break;
	}
	return true;
}

/* What is different from what the policy seems to say; said once, before the start. What `check`
 * warns about is not said again at every run. */
static void warn_of_rules(const struct plan_policy *p)
{
	if (!p->n_rules && p->mode == MODE_ENFORCE)
		(void)fputs("sallyport: no rule allows anything: everything is denied\n", stderr);
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct plan_rule *r = &p->rules[i];
		char id[SHOW_ID_MAX], text[DEST_STR_MAX];

		if (r->action == RULE_ASK)
			(void)fprintf(
				stderr,
				"sallyport: rule %s asks, and in a jail there is nobody to ask: "
				"it denies\n",
				show_rule_id(r, id));
		for (size_t k = 0; r->action == RULE_ALLOW && k < r->n_dests; k++) {
			int proto = r->dests[k].proto;

			if (proto != DEST_PROTO_ANY && proto != IPPROTO_TCP && proto != IPPROTO_UDP)
				(void)fprintf(
					stderr,
					"sallyport: rule %s allows %s, but a jail carries TCP "
					"and UDP only: it stays denied\n",
					show_rule_id(r, id),
					dest_show(&r->dests[k], DEST_FOR_ALLOW, text));
		}
	}
}

static void on_event(void *ctx, const struct event *ev)
{
	struct recorder *r = ctx;

	tally_add(r->tally, ev);
	decisions_write(&r->log, ev, r->subject, r->policy);
}

static void close_report(const struct args *a, const struct recorder *r,
			 const struct jail_result *result)
{
	struct buf out;

	buf_init(&out, 1U << 20);
	if (!a->quiet)
		tally_report(r->tally, &out);
	if (result->farewell.lost_events || result->farewell.lost_packets)
		buf_fmt(&out,
			"sallyport: %llu decisions and %llu rejected packets came too fast to "
			"be told\n",
			(unsigned long long)result->farewell.lost_events,
			(unsigned long long)result->farewell.lost_packets);
	if (result->gate_died)
		buf_str(&out, "sallyport: the gate ended before the command did: from then on "
			      "everything was denied\n");
	if (r->policy->mode == MODE_AUDIT) {
		buf_str(&out, "sallyport: this policy allows what the run reached or tried:\n");
		tally_policy(r->tally, &out);
	}
	(void)fputs(buf_cstr(&out), stderr);
	buf_done(&out);
}

static int run_jail(const struct args *a, const struct jail_options *o, struct recorder *r)
{
	struct jail_result result;
	struct err e;

	if (!jail_run(o, &result, &e)) {
		(void)fprintf(stderr, "sallyport: %s\n", e.msg);
		return result.status;
	}
	close_report(a, r, &result);
	return result.status;
}

static int run_plan(const struct args *a, struct plan *plan, char **argv)
{
	struct recorder r = { 0 };
	const struct plan_policy *chosen;
	struct gate_host *hosts = NULL;
	struct jail_options o = { .argv = argv,
				  .plan = plan,
				  .keep_fds = a->keep_fds,
				  .n_keep_fds = a->n_keep_fds,
				  .allow_unix = a->allow_unix,
				  .n_allow_unix = a->n_allow_unix,
				  .on_event = on_event,
				  .ctx = &r };
	struct gate_upstream servers[GATE_UPSTREAMS_MAX];
	struct err e;
	int status;

	if (!plan_policy_pick(plan, a->rules.use, &chosen, &e) ||
	    !decisions_open(&r.log, a->log, &e))
		return cli_usage_error(&e);
	if (a->audit)
		plan_audit(plan);
	o.policy = r.policy = chosen;
	r.subject = xasprintf("jail:%s", argv[0]);
	r.tally = tally_new();
	o.tell_allowed = a->log || chosen->mode == MODE_AUDIT;
	o.upstreams = a->n_dns ? a->dns : servers;
	o.n_upstreams = a->n_dns ? a->n_dns :
				   hostdns_servers("/etc/resolv.conf", servers, GATE_UPSTREAMS_MAX);
	o.n_hosts = hostdns_table("/etc/hosts", &hosts);
	o.hosts = hosts;
	if (!a->quiet)
		warn_of_rules(chosen);
	status = run_jail(a, &o, &r);
	tally_free(r.tally);
	free(r.subject);
	free(hosts);
	decisions_close(&r.log);
	return status;
}

static int run(int argc, char **argv)
{
	_cleanup_(args_done) struct args a = { 0 };
	_cleanup_(plan_freep) struct plan *plan = NULL;
	int operands, status;
	struct err e;

	if (!cli_parse(&cli_run, argc, argv, take, &a, &operands, &status))
		return status;
	if (operands == argc) {
		(void)err_set(&e, ERR_INVALID,
			      "run: expected a command, as in: sallyport run --allow "
			      "api.github.com -- curl https://api.github.com/");
		return cli_usage_error(&e);
	}
	if (!cli_rules_load(&a.rules, a.quiet, &plan, &e))
		return cli_usage_error(&e);
	return run_plan(&a, plan, argv + operands);
}

const struct cli_command cli_run = {
	.name = "run",
	.args = "[--] COMMAND [ARG...]",
	.summary = "run a command that reaches only what is allowed",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
	.options_first = true,
	.notes = notes,
};
