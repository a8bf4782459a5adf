/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport reload, sallyport status: asked over the control socket. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/show.h"
#include "control/control.h"

/* A reload may read large files. */
#define TIMEOUT_MS 30000

enum { OPT_SOCKET, OPT_JSON, OPT_COUNT };

static const struct cli_option options[OPT_COUNT] = {
	[OPT_SOCKET] = { "socket", 's', "PATH", "the control socket (" CONTROL_SOCKET ")" },
	[OPT_JSON] = { "json", 0, NULL, "print the reply as JSON" },
};

struct args {
	const char *socket;
	bool json;
};

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	struct args *a = ctx;

	(void)e;
	if (option == OPT_SOCKET)
		a->socket = arg;
	else
		a->json = true;
	return true;
}

/* Asks for the action. NULL: *status is what to return, and why has been told. */
static json_t *ask(const struct cli_command *c, int argc, char **argv, struct args *a, int *status)
{
	json_t *reply = NULL;
	bool reachable;
	struct err e;
	int operands;

	if (!cli_parse(c, argc, argv, take, a, &operands, status))
		return NULL;
	if (operands != argc) {
		(void)err_set(&e, ERR_INVALID, "%s: expected no arguments", c->name);
		e.at.line = 0;
		*status = cli_usage_error(&e);
		return NULL;
	}
	if (control_call(a->socket, json_pack("{s:s}", "action", c->name), TIMEOUT_MS, &reply,
			 &reachable, &e))
		return reply;
	(void)fprintf(stderr, "sallyport: %s: %s\n", c->name, e.msg);
	*status = reachable ? CLI_DENIED : CLI_UNREACHABLE;
	return NULL;
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static int run_reload(int argc, char **argv)
{
	struct args a = { .socket = CONTROL_SOCKET };
	json_t *reply;
	int status;

	reply = ask(&cli_reload, argc, argv, &a, &status);
	if (!reply)
		return status;
	if (a.json) {
		show_json_print(reply);
		return CLI_OK;
	}
	(void)printf("reloaded: generation %lld, %lld connections ended that are no longer "
		     "allowed\n",
		     (long long)number(reply, "generation"), (long long)number(reply, "ended"));
	json_decref(reply);
	return CLI_OK;
}

static void print_client(const json_t *c)
{
	const char *user = text(c, "user"), *listen = text(c, "listen"),
		   *policy = text(c, "policy");

	(void)printf("  %-22s %-16s ", listen ? listen : "", user ? user : "-");
	if (json_is_true(json_object_get(c, "needs_login")))
		(void)printf("has to log in\n");
	else
		(void)printf("policy %s, %lld rules\n", policy ? policy : "",
			     (long long)number(c, "rules"));
}

static void print_status(const json_t *o, bool serving)
{
	const char *failure = text(o, "reload_failure");
	const json_t *c;
	size_t i;

	(void)printf("%s, generation %lld, %lld connections, gate %lld",
		     serving ? "serving" : "NOT SERVING: the gate is down and nothing passes",
		     (long long)number(o, "generation"), (long long)number(o, "connections"),
		     (long long)number(o, "gate_pid"));
	if (number(o, "restarts"))
		(void)printf(", started anew %lld times", (long long)number(o, "restarts"));
	(void)printf("\n");
	if (number(o, "lost_events"))
		(void)printf("  %lld decisions came too fast to be told\n",
			     (long long)number(o, "lost_events"));
	if (failure)
		(void)printf("  the last reload failed: %s\n", failure);
	json_array_foreach(json_object_get(o, "clients"), i, c) print_client(c);
}

static int run_status(int argc, char **argv)
{
	struct args a = { .socket = CONTROL_SOCKET };
	json_t *reply;
	bool serving;
	int status;

	reply = ask(&cli_status, argc, argv, &a, &status);
	if (!reply)
		return status;
	serving = json_is_true(json_object_get(reply, "serving"));
	if (a.json) {
		show_json_print(reply);
	} else {
		print_status(reply, serving);
		json_decref(reply);
	}
	return serving ? CLI_OK : CLI_NOT_ENFORCING;
}

static const char *const notes[] = {
	"Ends with 0, 1 when the answer is an error, 3 when nobody listens at the socket, 4 when "
	"what is asked does not serve.",
	NULL,
};

const struct cli_command cli_reload = {
	.name = "reload",
	.args = "",
	.summary = "have a running sallyport read its files again",
	.run = run_reload,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = notes,
};

const struct cli_command cli_status = {
	.name = "status",
	.args = "",
	.summary = "tell how a running sallyport is, and who is under which policy",
	.run = run_status,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = notes,
};
