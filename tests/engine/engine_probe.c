/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine_probe SOCKET [NAME...]: follows the engine and prints what it is told, one JSON object a
 * line, each with the time of CLOCK_MONOTONIC in ns. The networks NAME are watched. On stdin it
 * takes lines:
 *
 *	watch [NAME...]
 *	look
 *	create NAME BRIDGE SUBNET GATEWAY [SUBNET GATEWAY]	(IPv4, IPv6)
 *	matches NAME BRIDGE SUBNET GATEWAY [SUBNET GATEWAY]	with the latest snapshot
 *	remove NAME
 *
 * and ends with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <uv.h>

#include "base/macros.h"
#include "docker/engine.h"

#define WORDS_MAX 64

static struct engine *engine;
static uv_poll_t commands;

static void print(json_t *take_o)
{
	char *text;

	json_object_set_new(take_o, "at", json_integer((json_int_t)uv_hrtime()));
	text = json_dumps(take_o, JSON_COMPACT);
	puts(text);
	(void)fflush(stdout);
	free(text);
	json_decref(take_o);
}

/* ---- Snapshots */

static json_t *addr_json(const struct addr *a)
{
	char text[ADDR_STR_MAX];

	return a->family ? json_string(addr_str(a, text)) : json_null();
}

static json_t *container_json(const struct engine_container *c)
{
	char mac[MAC_STR_MAX] = "";

	if (c->has_mac)
		(void)mac_str(c->mac, mac);
	return json_pack("{ss ss ss so so}", "id", c->id, "name", c->name, "mac", mac, "addr4",
			 addr_json(&c->addr4), "addr6", addr_json(&c->addr6));
}

static json_t *network_json(const struct engine_network *n)
{
	json_t *subnets = json_array(), *containers = json_array();
	char text[PREFIX_STR_MAX];

	for (size_t i = 0; i < n->n_subnets; i++)
		json_array_append_new(subnets,
				      json_pack("[so]", prefix_str(&n->subnets[i].prefix, text),
						addr_json(&n->subnets[i].gateway)));
	for (size_t i = 0; i < n->n_containers; i++)
		json_array_append_new(containers, container_json(&n->containers[i]));
	return json_pack("{ss ss ss so sb sb so}", "id", n->id, "driver", n->driver, "bridge",
			 n->bridge, "subnets", subnets, "internal", n->internal, "detailed",
			 n->detailed, "containers", containers);
}

static void on_snapshot(void *ctx, const struct engine_snapshot *s)
{
	json_t *networks = json_object();

	(void)ctx;
	for (size_t i = 0; i < s->n_networks; i++)
		json_object_set_new(networks, s->networks[i].name, network_json(&s->networks[i]));
	print(json_pack("{so}", "networks", networks));
}

static void on_gone(void *ctx, const char *why)
{
	(void)ctx;
	print(json_pack("{ss}", "gone", why));
}

/* ---- Commands */

static void report(const char *what, const struct err *why)
{
	print(json_pack("{ss ss?}", "done", what, "why", why ? why->msg : NULL));
}

static void on_created(void *ctx, const struct err *why)
{
	(void)ctx;
	report("create", why);
}

static void on_removed(void *ctx, const struct err *why)
{
	(void)ctx;
	report("remove", why);
}

static bool read_subnet(char *const *words, struct plan_subnet *out, struct err *e)
{
	return prefix_parse(span_of(words[0]), &out->prefix, e) &&
	       addr_parse(span_of(words[1]), &out->gateway, e);
}

/* NAME BRIDGE SUBNET GATEWAY [SUBNET GATEWAY] */
static bool read_network(char *const *words, size_t n, struct plan_network *out, struct err *e)
{
	if (n != 4 && n != 6)
		return err_set(e, ERR_INVALID, "four or six words");
	(void)snprintf(out->bridge, sizeof(out->bridge), "%s", words[1]);
	out->bridge_written = true;
	return read_subnet(words + 2, &out->v4, e) &&
	       (n == 4 || read_subnet(words + 4, &out->v6, e));
}

static bool create(char *const *words, size_t n, struct err *e)
{
	static const struct engine_label labels[] = { { "sallyport.test", "yes" } };
	struct plan_network want = { 0 };
	struct engine_network_spec spec;

	if (!read_network(words, n, &want, e))
		return false;
	spec = engine_network_spec_of(words[0], &want);
	spec.labels = labels;
	spec.n_labels = ARRAY_LEN(labels);
	return engine_network_create(engine, &spec, on_created, NULL, e);
}

static bool matches(char *const *words, size_t n, struct err *e)
{
	const struct engine_snapshot *s = engine_latest(engine);
	const struct engine_network *network;
	struct plan_network want = { 0 };
	struct buf why;

	if (!read_network(words, n, &want, e))
		return false;
	network = s ? engine_network_find(s, words[0]) : NULL;
	if (!network)
		return err_set(e, ERR_INVALID, "no such network");
	buf_init(&why, 1024);
	(void)engine_network_matches(network, &want, &why);
	print(json_pack("{ss ss}", "done", "matches", "why", buf_cstr(&why)));
	buf_done(&why);
	return true;
}

static void obey(char *line)
{
	char *words[WORDS_MAX], *rest = line;
	struct err e = { 0 };
	size_t n = 0;
	bool ok = true;

	while (n < WORDS_MAX && (words[n] = strsep(&rest, " \n")))
		n += words[n][0] != '\0';
	if (n == 0)
		return;
	if (strcmp(words[0], "watch") == 0)
		engine_watch(engine, (const char *const *)(words + 1), n - 1);
	else if (strcmp(words[0], "look") == 0)
		engine_look(engine);
	else if (strcmp(words[0], "create") == 0)
		ok = create(words + 1, n - 1, &e);
	else if (strcmp(words[0], "matches") == 0)
		ok = matches(words + 1, n - 1, &e);
	else if (n == 2 && strcmp(words[0], "remove") == 0)
		ok = engine_network_remove(engine, words[1], on_removed, NULL, &e);
	else
		ok = err_set(&e, ERR_INVALID, "what?");
	if (!ok)
		report(words[0], &e);
}

/* Lines are short, and written as one. */
static void on_command(uv_poll_t *poll, int status, int events)
{
	char text[4096], *rest = text, *line;
	ssize_t n = read(STDIN_FILENO, text, sizeof(text) - 1);

	(void)status;
	(void)events;
	if (n <= 0) {
		uv_close((uv_handle_t *)poll, NULL);
		engine_free(engine);
		return;
	}
	text[n] = '\0';
	while ((line = strsep(&rest, "\n")))
		obey(line);
}

int main(int argc, char **argv)
{
	static const struct engine_callbacks callbacks = { on_snapshot, on_gone };
	struct err e = { 0 };
	uv_loop_t loop;

	if (argc < 2 || !engine_prepare(&e)) {
		(void)fprintf(stderr, "engine_probe: %s\n", argc < 2 ? "SOCKET [NAME...]" : e.msg);
		return 2;
	}
	(void)uv_loop_init(&loop);
	engine = engine_new(&loop, argv[1], &callbacks, NULL);
	engine_watch(engine, (const char *const *)(argv + 2), (size_t)argc - 2);
	(void)uv_poll_init(&loop, &commands, STDIN_FILENO);
	(void)uv_poll_start(&commands, UV_READABLE, on_command);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop) == 0 ? 0 : 1;
}
