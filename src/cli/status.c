/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/status.h"

#include <stdio.h>
#include <string.h>

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static bool is_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* "policy agent, 2 rules" */
static void print_policy(const json_t *o)
{
	const char *policy = text(o, "policy");
	long long n = (long long)number(o, "rules");

	(void)printf("policy %s, %lld rule%s", policy ? policy : "", n, n == 1 ? "" : "s");
}

/* ---- a proxy */

static void print_client(const json_t *c)
{
	const char *user = text(c, "user"), *listen = text(c, "listen");

	(void)printf("  %-22s %-16s ", listen ? listen : "", user ? user : "-");
	if (json_is_true(json_object_get(c, "needs_login")))
		(void)printf("has to log in");
	else
		print_policy(c);
	(void)printf("\n");
}

static void print_proxy(const json_t *o, bool serving)
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

/* ---- a daemon */

static void print_port(const json_t *p)
{
	const char *container = text(p, "container"), *name = text(p, "name"),
		   *mac = text(p, "mac");
	const json_t *a;
	size_t i;

	(void)printf("    %-15s %-20s %s", name ? name : "", container ? container : "-",
		     mac ? mac : "closed: nothing is known about it");
	json_array_foreach(json_object_get(p, "addresses"), i, a)(void)
		printf(" %s", json_string_value(a));
	(void)printf("\n");
}

static void print_network(const json_t *n)
{
	const json_t *p;
	size_t i;

	(void)printf("  %-16s bridge %-15s ", text(n, "name"), text(n, "bridge"));
	print_policy(n);
	(void)printf("%s, %lld denied, %lld at ports%s\n",
		     strcmp(text(n, "mode"), "audit") == 0 ? " (audit)" : "",
		     (long long)number(n, "denied"), (long long)number(n, "denied_at_ports"),
		     is_true(n, "bridge_exists") ? "" : "; the bridge does not exist yet");
	json_array_foreach(json_object_get(n, "ports"), i, p) print_port(p);
}

static void print_names(const json_t *o)
{
	const json_t *names = json_object_get(o, "names"), *n;
	size_t failing = 0, i;

	json_array_foreach(names, i, n)
	{
		const char *error = text(n, "last_error");

		if (!error)
			continue;
		failing++;
		(void)printf("  name %s: %s\n", text(n, "name"), error);
	}
	if (json_array_size(names))
		(void)printf("  %zu names, %zu of them without an answer\n", json_array_size(names),
			     failing);
	if (number(o, "names_left_out"))
		(void)printf("  and %lld more names than a reply has room for\n",
			     (long long)number(o, "names_left_out"));
}

/* By allow and deny; the last one stands first. */
static void print_added(const json_t *o)
{
	const json_t *rules = json_object_get(o, "added_rules"), *r;
	size_t i;

	json_array_foreach(rules, i, r)
	{
		const json_t *left = json_object_get(r, "seconds_left");
		const char *network = text(r, "network");

		(void)printf("  added: %s %s, %s%s", text(r, "action"), text(r, "destination"),
			     network ? "network " : "all networks", network ? network : "");
		if (json_is_integer(left))
			(void)printf(", for %lld more seconds",
				     (long long)json_integer_value(left));
		(void)printf("\n");
	}
}

static void print_daemon(const json_t *o)
{
	const char *wrong = text(o, "not_enforced"), *failure = text(o, "reload_failure");
	const json_t *engine = json_object_get(o, "engine"), *n;
	size_t i;

	if (wrong)
		(void)printf("NOT ENFORCING: %s\n", wrong);
	else
		(void)printf("enforcing by nft, generation %lld, tables %s\n",
			     (long long)number(o, "generation"),
			     is_true(o, "owned") ? "owned: other programs cannot change them" :
						   "watched");
	json_array_foreach(json_object_get(o, "degraded"), i, n)(void)
		printf("DEGRADED: %s\n", json_string_value(n));
	json_array_foreach(json_object_get(o, "network_status"), i, n) print_network(n);
	json_array_foreach(json_object_get(o, "engine_differs"), i, n)(void)
		printf("  network %s differs: %s\n", text(n, "network"), text(n, "why"));
	if (json_is_object(engine) && !is_true(engine, "reachable"))
		(void)printf("  the engine cannot be reached: %s\n", text(engine, "why"));
	print_added(o);
	print_names(o);
	json_array_foreach(json_object_get(o, "warnings"), i, n)(void)
		printf("  warning: %s\n", json_string_value(n));
	json_array_foreach(json_object_get(o, "left_out"), i, n)(void)
		printf("  %s: left out, since a reply has no room for it\n", json_string_value(n));
	if (number(o, "repairs"))
		(void)printf("  put right %lld times after other programs changed the tables\n",
			     (long long)number(o, "repairs"));
	if (is_true(o, "on_trial"))
		(void)printf("  on trial: sallyport reload --confirm keeps it\n");
	if (failure)
		(void)printf("  the last reload failed: %s\n", failure);
}

/* ---- either */

static bool is_daemon(const json_t *o)
{
	const char *kind = text(o, "kind");

	return kind && strcmp(kind, "daemon") == 0;
}

bool status_is_good(const json_t *o)
{
	if (!is_daemon(o))
		return is_true(o, "serving");
	return is_true(o, "enforcing") && json_array_size(json_object_get(o, "degraded")) == 0;
}

void status_print(const json_t *o)
{
	if (is_daemon(o))
		print_daemon(o);
	else
		print_proxy(o, is_true(o, "serving"));
}
