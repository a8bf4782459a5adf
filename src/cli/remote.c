/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked of a running sallyport over its control socket: status, reload, refresh, ... */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "cli/status.h"
#include "control/control.h"

/* A reload may read large files, and wait for the engine to make networks. */
#define TIMEOUT_MS 30000

/* All of them; each command has those of its table. */
struct args {
	const char *socket;
	bool json, confirm, save;
	uint64_t trial_s, for_s;
	const char *network;
};

static bool take_seconds(const char *arg, const char *option, uint64_t most, uint64_t *out,
			 struct err *e)
{
	uint64_t ms;

	if (!num_parse_duration_ms(span_of(arg), 1000, most * 1000, &ms, e))
		return err_wrap(e, "%s", option);
	*out = ms / 1000;
	return true;
}

static bool take_option(struct args *a, const struct cli_option *o, const char *arg, struct err *e)
{
	if (strcmp(o->name, "socket") == 0 || strcmp(o->name, "control") == 0)
		a->socket = arg;
	else if (strcmp(o->name, "json") == 0)
		a->json = true;
	else if (strcmp(o->name, "confirm") == 0)
		a->confirm = true;
	else if (strcmp(o->name, "save") == 0)
		a->save = true;
	else if (strcmp(o->name, "network") == 0)
		a->network = arg;
	else if (strcmp(o->name, "try") == 0)
		return take_seconds(arg, "--try", LIMIT_TRIAL_S, &a->trial_s, e);
	else
		return take_seconds(arg, "--for", LIMIT_RULE_FOR_S, &a->for_s, e);
	return true;
}

struct taking {
	const struct cli_command *c;
	struct args *a;
};

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	struct taking *t = ctx;

	return take_option(t->a, &t->c->options[option], arg, e);
}

/* False: *status is what to return. first: of the operands. */
static bool read_args(const struct cli_command *c, int argc, char **argv, struct args *a,
		      int *first, int *status)
{
	struct taking t = { c, a };

	*a = (struct args){ .socket = CONTROL_SOCKET };
	return cli_parse(c, argc, argv, take, &t, first, status);
}

static int usage(const char *text)
{
	struct err e;

	(void)err_set(&e, ERR_INVALID, "%s", text);
	return cli_usage_error(&e);
}

/* Asks. NULL: *status is what to return, and why has been told. */
static json_t *ask(const struct cli_command *c, const struct args *a, json_t *take_request,
		   int *status)
{
	json_t *reply = NULL;
	bool reachable;
	struct err e;

	if (control_call(a->socket, take_request, TIMEOUT_MS, &reply, &reachable, &e))
		return reply;
	*status = reachable ? CLI_DENIED : CLI_UNREACHABLE;
	(void)fprintf(
		stderr, "sallyport: %s: %s%s\n", c->name, e.msg,
		reachable	     ? "" :
		e.kind == ERR_DENIED ? ": it is for root and the group of the socket" :
		e.kind == ERR_SYSTEM ? ": does a daemon or a proxy run? --socket names its socket" :
				       "");
	return NULL;
}

/* Asks for the action of the command's name, which is all there is to say. NULL: as ask(). */
static json_t *ask_alone(const struct cli_command *c, int argc, char **argv, struct args *a,
			 int *status)
{
	if (!read_args(c, argc, argv, a, NULL, status))
		return NULL;
	return ask(c, a, json_pack("{s:s}", "action", c->name), status);
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static int print_change(json_t *take_reply, const struct args *a, const char *what)
{
	if (a->json) {
		show_json_print(take_reply);
		return CLI_OK;
	}
	if (json_is_false(json_object_get(take_reply, "changed"))) {
		(void)printf("%s: nothing has changed, generation %lld\n", what,
			     (long long)number(take_reply, "generation"));
		json_decref(take_reply);
		return CLI_OK;
	}
	(void)printf("%s: generation %lld, %lld connections ended that are no longer allowed\n",
		     what, (long long)number(take_reply, "generation"),
		     (long long)number(take_reply, "ended"));
	json_decref(take_reply);
	return CLI_OK;
}

static int run_reload(int argc, char **argv)
{
	json_t *request, *reply;
	struct args a;
	int status;

	if (!read_args(&cli_reload, argc, argv, &a, NULL, &status))
		return status;
	if (a.trial_s && a.confirm)
		return usage(
			"reload: --try begins a trial and --confirm ends it: expected one of them");
	request = json_pack("{s:s}", "action", "reload");
	if (a.trial_s)
		json_object_set_new(request, "try", json_integer((json_int_t)a.trial_s));
	if (a.confirm)
		json_object_set_new(request, "confirm", json_true());
	reply = ask(&cli_reload, &a, request, &status);
	if (!reply)
		return status;
	if (a.trial_s && json_is_true(json_object_get(reply, "on_trial")))
		(void)fprintf(stderr,
			      "sallyport: on trial for %llu s; to keep it: sallyport reload "
			      "--confirm\n",
			      (unsigned long long)a.trial_s);
	else if (a.trial_s && json_is_true(json_object_get(reply, "changed")))
		(void)fprintf(stderr,
			      "sallyport: nothing was in force that could come back: there is no "
			      "trial, and the policy stays\n");
	return print_change(reply, &a, a.confirm ? "confirmed" : "reloaded");
}

/* The name is, as in "*.example.com:443", not the port. */
static bool is_wildcard(const char *dest)
{
	const char *slash = strrchr(dest, '/');

	return (slash ? slash[1] : dest[0]) == '*';
}

static int run_rule(const struct cli_command *c, int argc, char **argv)
{
	json_t *request, *reply;
	const char *dest;
	struct args a;
	int first, status;
	struct err e;

	if (!read_args(c, argc, argv, &a, &first, &status))
		return status;
	if (argc - first != 1) {
		(void)err_set(&e, ERR_INVALID, "%s: expected one destination", c->name);
		return cli_usage_error(&e);
	}
	dest = argv[first];
	if (a.save && a.for_s)
		return usage("--save writes the rule for good: expected --save or --for");
	if (a.save && !a.network)
		return usage("--save writes into the policy of a network: expected --network NAME");
	request = json_pack("{s:s, s:s, s:s*, s:b, s:o*}", "action", c->name, "destination", dest,
			    "network", a.network, "save", a.save, "for",
			    a.for_s ? json_integer((json_int_t)a.for_s) : NULL);
	if (!request)
		return usage("the destination or the network is no text in UTF-8");
	reply = ask(c, &a, request, &status);
	if (!reply)
		return status;
	if (strcmp(c->name, "allow") == 0 && is_wildcard(dest))
		(void)fprintf(stderr,
			      "sallyport: a wildcard opens no address on a network: allow the "
			      "names that are meant\n");
	return print_change(reply, &a, "in force");
}

static int run_allow(int argc, char **argv)
{
	return run_rule(&cli_allow, argc, argv);
}

static int run_deny(int argc, char **argv)
{
	return run_rule(&cli_deny, argc, argv);
}

static int run_refresh(int argc, char **argv)
{
	json_t *reply;
	struct args a;
	int status;

	reply = ask_alone(&cli_refresh, argc, argv, &a, &status);
	if (!reply)
		return status;
	if (a.json) {
		show_json_print(reply);
		return CLI_OK;
	}
	(void)printf("all names are being asked for again: see sallyport status\n");
	json_decref(reply);
	return CLI_OK;
}

static int run_reconcile(int argc, char **argv)
{
	const char *differed;
	json_t *reply;
	struct args a;
	size_t n;
	int status;

	reply = ask_alone(&cli_reconcile, argc, argv, &a, &status);
	if (!reply)
		return status;
	if (a.json) {
		show_json_print(reply);
		return CLI_OK;
	}
	differed = json_string_value(json_object_get(reply, "differed"));
	n = json_array_size(json_object_get(reply, "docker_orphans"));
	if (differed)
		(void)printf("put right: %s\n", differed);
	else
		(void)printf("the tables are as they should be\n");
	if (n)
		(void)printf("%zu networks of the engine look like ours and are in no file: see "
			     "--json\n",
			     n);
	json_decref(reply);
	return CLI_OK;
}

static int run_status(int argc, char **argv)
{
	json_t *reply;
	struct args a;
	int status;

	reply = ask_alone(&cli_status, argc, argv, &a, &status);
	if (!reply)
		return status;
	status = status_is_good(reply) ? CLI_OK : CLI_NOT_ENFORCING;
	if (a.json) {
		show_json_print(reply);
		return status;
	}
	status_print(reply);
	json_decref(reply);
	return status;
}

static const char *const notes[] = {
	"Ends with 0, 1 when the answer is an error, 3 when nobody listens at the socket, 4 when "
	"what is asked does not serve or does not enforce.",
	NULL,
};

#define SOCKET_OPTION                                                            \
	{                                                                        \
		"socket", 's', "PATH", "the control socket (" CONTROL_SOCKET ")" \
	}
#define CONTROL_OPTION                                                          \
	{                                                                       \
		"control", 'c', "PATH", "the same, as daemon and proxy call it" \
	}
#define JSON_OPTION                                        \
	{                                                  \
		"json", 0, NULL, "print the reply as JSON" \
	}

static const struct cli_option plain_options[] = { SOCKET_OPTION, CONTROL_OPTION, JSON_OPTION };

static const struct cli_option reload_options[] = {
	SOCKET_OPTION,
	CONTROL_OPTION,
	JSON_OPTION,
	{ "try", 't', "TIME", "take it back after this time (15s, 5m) unless it is confirmed" },
	{ "confirm", 0, NULL, "keep what is on trial" },
};

static const struct cli_option rule_options[] = {
	SOCKET_OPTION,
	CONTROL_OPTION,
	JSON_OPTION,
	{ "network", 'n', "NAME", "for the policy of this network; else for all" },
	{ "for", 'f', "TIME", "until this time is over (30m, 2h); else until the daemon ends" },
	{ "save", 0, NULL, "write it into the policy file" },
};

#define REMOTE(variable, command, operand, text, function, table) \
	const struct cli_command variable = {                     \
		.name = command,                                  \
		.args = operand,                                  \
		.summary = text,                                  \
		.run = function,                                  \
		.options = table,                                 \
		.n_options = ARRAY_LEN(table),                    \
		.notes = notes,                                   \
	}

REMOTE(cli_reload, "reload", "", "have a running sallyport read its files again", run_reload,
       reload_options);
REMOTE(cli_status, "status", "", "tell how a running sallyport is, and what it enforces",
       run_status, plain_options);
REMOTE(cli_refresh, "refresh", "", "have a daemon ask for all names again", run_refresh,
       plain_options);
REMOTE(cli_reconcile, "reconcile", "", "have a daemon read its tables back and put them right",
       run_reconcile, plain_options);
REMOTE(cli_allow, "allow", "DEST", "allow one destination while a daemon runs", run_allow,
       rule_options);
REMOTE(cli_deny, "deny", "DEST", "deny one destination while a daemon runs", run_deny,
       rule_options);
