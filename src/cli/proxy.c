/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport proxy: an allow-list proxy for what can reach nothing else. */
#include "daemon/proxy.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/tally.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/decisions.h"
#include "daemon/clients.h"
#include "daemon/listen.h"
#include "daemon/users.h"
#include "jail/hostdns.h"

enum {
	OPT_LISTEN,
	OPT_POLICY,
	OPT_USE,
	OPT_ALLOW,
	OPT_DENY,
	OPT_BASELINE,
	OPT_ALLOW_FILE,
	OPT_CONNECT_PORTS,
	OPT_USERS,
	OPT_CONTROL,
	OPT_AUDIT,
	OPT_LOG,
	OPT_DNS,
	OPT_QUIET,
	OPT_COUNT
};

static const struct cli_option options[OPT_COUNT] = {
	[OPT_LISTEN] = { "listen", 'L', "ADDR:PORT", "listen here; may be repeated" },
	[OPT_POLICY] = { "policy", 'p', "FILE",
			 "the policy file; --allow and --deny come before it" },
	[OPT_USE] = { "use", 'u', "NAME", "the policy of listeners that the file does not name" },
	[OPT_ALLOW] = { "allow", 'a', "DEST", "let clients reach DEST; may be repeated" },
	[OPT_DENY] = { "deny", 'd', "DEST", "keep them from DEST; may be repeated" },
	[OPT_BASELINE] = { "baseline", 'b', "FILE", "allow what this list has" },
	[OPT_ALLOW_FILE] = { "allow-file", 'f', "FILE",
			     "the same, if the list is there; may be repeated" },
	[OPT_CONNECT_PORTS] = { "connect-ports", 0, "PORTS",
				"what CONNECT is for (443); SOCKS also for 80" },
	[OPT_USERS] = { "users", 0, "FILE", "who may log in: a line NAME:SECRET each" },
	[OPT_CONTROL] = { "control", 0, "SOCKET",
			  "listen to `sallyport reload` and `status` here" },
	[OPT_AUDIT] = { "audit", 0, NULL, "let everything pass, and tell what would be denied" },
	[OPT_LOG] = { "log", 'l', "FILE", "append every decision as a JSON line (-: stderr)" },
	[OPT_DNS] = { "dns", 0, "SERVER",
		      "ask this name server, ADDR or ADDR:PORT; may be repeated" },
	[OPT_QUIET] = { "quiet", 'q', NULL, "do not tell what is denied, nor at the end" },
};

static const char *const notes[] = {
	"Takes HTTP CONNECT, plain HTTP in absolute form and SOCKS5 on the same port. What no rule "
	"allows is denied; names are judged before anyone is asked for them, and what is said in a "
	"tunnel to port 443 has to be TLS for the same name. Needs no privilege.",
	"The subjects of the policy file say where to listen as well (`proxy: ADDR:PORT`), which policy "
	"holds there and, with `user:`, which one each user has.",
	"SIGHUP reads all files again. Connections that are still allowed go on, others end; when "
	"a file has an error, what was in force stays.",
	NULL,
};

/* Lines about decisions that are shown in one second; the log has them all. */
#define SHOWN_MAX 20

struct args {
	struct cli_rules rules;
	struct arena arena; /* has the ports that are given */
	const char *users;
	bool audit, quiet;
	bool told; /* which files are not there */
	const char *log;
	struct proxy_options proxy;
};

struct recorder {
	struct args *a;
	struct decisions log;
	struct tally *tally;
	uint64_t second;
	unsigned shown, held_back;
};

static void args_done(struct args *a)
{
	cli_rules_done(&a->rules);
	arena_done(&a->arena);
}

static bool take_listen(struct gate_options *g, const char *arg, struct err *e)
{
	if (g->n_listeners == GATE_LISTENERS_MAX)
		return err_set(e, ERR_LIMIT, "--listen: at most %d places", GATE_LISTENERS_MAX);
	if (!listen_parse(span_of(arg), &g->listeners[g->n_listeners], e))
		return err_wrap(e, "--listen");
	g->n_listeners++;
	return true;
}

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	struct args *a = ctx;
	struct gate_options *g = &a->proxy.gate;

	if (cli_rules_take(&a->rules, &options[option], arg))
		return true;
	switch (option) {
	case OPT_LISTEN:
		return take_listen(g, arg, e);
	case OPT_CONNECT_PORTS:
		return ports_parse(span_of(arg), &a->arena, &g->connect_ports, e) ||
		       err_wrap(e, "--connect-ports");
	case OPT_USERS:
		a->users = arg;
		break;
	case OPT_CONTROL:
		a->proxy.control = arg;
		break;
	case OPT_AUDIT:
		a->audit = true;
		break;
	case OPT_LOG:
		a->log = arg;
		break;
	case OPT_DNS:
		return hostdns_server_add(g->upstreams, &g->n_upstreams, arg, e);
	case OPT_QUIET:
		a->quiet = true;
		break;
	}
	return true;
}

/* ---- what the files say */

static bool load_plan(struct args *a, struct plan **out, struct err *e)
{
	if (!cli_rules_load(&a->rules, a->quiet || a->told, out, e))
		return false;
	a->told = true;
	if (a->audit)
		plan_audit(*out);
	return true;
}

static void warn_of_mode(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & S_IRWXO))
		(void)fprintf(stderr,
			      "sallyport: warning: everybody may read the secrets in %s: chmod o= "
			      "it\n",
			      path);
}

static bool load_setup(struct args *a, struct gate_setup **out, struct err *e)
{
	struct users users = { 0 };
	struct clients_options o = { .listeners = a->proxy.gate.listeners,
				     .n_listeners = a->proxy.gate.n_listeners,
				     .use = a->rules.use,
				     .users = a->users ? &users : NULL };
	struct plan *plan;
	bool ok;

	if (a->users && !users_read(a->users, &users, e))
		return err_wrap(e, "--users");
	ok = load_plan(a, &plan, e) && clients_setup(plan, &o, out, e);
	users_done(&users);
	return ok;
}

static bool load(void *ctx, struct gate_setup **out, struct err *e)
{
	const struct recorder *r = ctx;

	return load_setup(r->a, out, e);
}

/* ---- what is told */

/* "proxy:127.0.0.1:8888", "proxy:alice@127.0.0.1:8888" */
static const char *subject_of(const struct args *a, const struct gate_client *c, char *out,
			      size_t size)
{
	char at[LISTEN_STR_MAX];

	(void)snprintf(out, size, "proxy:%s%s%s", c->user, c->user[0] ? "@" : "",
		       listen_str(&a->proxy.gate.listeners[c->listener], at));
	return out;
}

static void print_decision(const struct event *ev, const char *subject)
{
	static const char *const words[EVENT_VERDICT_COUNT] = {
		[EVENT_ALLOW] = "allowed",
		[EVENT_DENY] = "denied",
		[EVENT_AUDIT] = "would deny",
		[EVENT_ERROR] = "could not reach",
	};
	char dest[DEST_STR_MAX], who[512], why[512];
	struct dest d;

	span_show(span_of(subject), who, sizeof(who));
	span_show(span_of(ev->reason), why, sizeof(why));
	if (!event_dest(ev, &d)) {
		(void)fprintf(stderr, "sallyport: %s: refused a request: %s\n", who, why);
		return;
	}
	(void)fprintf(stderr, "sallyport: %s: %s %s: %s", who, words[ev->verdict],
		      dest_show(&d, DEST_FOR_ALLOW, dest), why);
	if (event_remedy_dest(ev, &d))
		(void)fprintf(stderr, "; to allow it: --allow %s",
			      dest_show(&d, DEST_FOR_ALLOW, dest));
	(void)fputc('\n', stderr);
}

/* A flood is counted, not shown. */
static bool may_show(struct recorder *r)
{
	uint64_t now = clock_ms() / 1000;

	if (now != r->second) {
		if (r->held_back)
			(void)fprintf(stderr, "sallyport: %u more were not shown\n", r->held_back);
		r->second = now;
		r->shown = r->held_back = 0;
	}
	if (r->shown == SHOWN_MAX) {
		r->held_back++;
		return false;
	}
	r->shown++;
	return true;
}

static void on_event(void *ctx, const struct gate_setup *s, const struct event *ev)
{
	struct recorder *r = ctx;
	const struct gate_client *c = &s->clients[ev->subject];
	const struct plan_policy *p = c->needs_login ? NULL : s->plan->policies[c->policy];
	char subject[512];

	if (ev->rule >= (p ? (int32_t)p->n_rules : 0))
		return;
	tally_add(r->tally, ev);
	subject_of(r->a, c, subject, sizeof(subject));
	decisions_write(&r->log, ev, subject, p);
	if (!r->a->quiet && ev->verdict != EVENT_ALLOW && !(r->a->log && !strcmp(r->a->log, "-")) &&
	    may_show(r))
		print_decision(ev, subject);
}

static void close_report(const struct recorder *r, const struct gate_farewell *lost)
{
	struct buf out;

	buf_init(&out, 1U << 20);
	if (!r->a->quiet)
		tally_report(r->tally, &out);
	if (lost->lost_events)
		buf_fmt(&out, "sallyport: %llu decisions came too fast to be told\n",
			(unsigned long long)lost->lost_events);
	if (r->a->audit) {
		buf_str(&out, "sallyport: this policy allows what the clients reached or tried:\n");
		tally_policy(r->tally, &out);
	}
	(void)fputs(buf_cstr(&out), stderr);
	buf_done(&out);
}

/* ---- the command */

/* Where to listen, and what is said once about the files: mistakes in them, too, are those of
 * whoever typed the command. */
static bool prepare(struct args *a, struct err *e)
{
	_cleanup_(gate_setup_freep) struct gate_setup *setup = NULL;
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct gate_options *g = &a->proxy.gate;

	if (!load_plan(a, &plan, e) || !clients_listeners(plan, g->listeners, &g->n_listeners, e))
		return false;
	if (g->n_listeners == 0)
		return err_set(e, ERR_INVALID,
			       "proxy: expected --listen ADDR:PORT, or a policy with subjects like "
			       "\"proxy: 127.0.0.1:8888\"");
	cli_lints_print(plan);
	if (a->users)
		warn_of_mode(a->users);
	return load_setup(a, &setup, e);
}

static int serve(struct args *a)
{
	struct gate_options *g = &a->proxy.gate;
	struct recorder r = { .a = a };
	struct gate_farewell lost;
	struct gate_host *hosts;
	struct err e;
	bool ok;

	if (!decisions_open(&r.log, a->log, &e))
		return cli_usage_error(&e);
	r.tally = tally_new();
	g->tell_allowed = a->log || a->audit;
	if (g->n_upstreams == 0)
		g->n_upstreams =
			hostdns_servers("/etc/resolv.conf", g->upstreams, GATE_UPSTREAMS_MAX);
	g->n_hosts = hostdns_table("/etc/hosts", &hosts);
	g->hosts = hosts;
	a->proxy.load = load;
	a->proxy.on_event = on_event;
	a->proxy.ctx = &r;
	ok = proxy_serve(&a->proxy, &lost, &e);
	if (ok)
		close_report(&r, &lost);
	else
		(void)fprintf(stderr, "sallyport: %s\n", e.msg);
	tally_free(r.tally);
	decisions_close(&r.log);
	free(hosts);
	return ok ? CLI_OK : CLI_FAILED;
}

static int run(int argc, char **argv)
{
	_cleanup_(args_done) struct args a = {
		.proxy.gate.connect_ports = ports_one(443),
	};
	struct err e = { 0 };
	int status;

	if (!cli_parse(&cli_proxy, argc, argv, take, &a, NULL, &status))
		return status;
	if (!prepare(&a, &e))
		return cli_usage_error(&e);
	return serve(&a);
}

const struct cli_command cli_proxy = {
	.name = "proxy",
	.args = "",
	.summary = "be a proxy that lets its clients reach only what is allowed",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = notes,
};
