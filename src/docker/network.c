/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "docker/internal.h"

struct errand {
	struct engine *en;
	struct errand *next;
	struct http_call *call;
	unsigned status; /* when it is done */
	engine_done_fn *fn;
	void *ctx;
};

struct engine_network_spec engine_network_spec_of(const char *name, const struct plan_network *want)
{
	static const struct addr everywhere = { .family = AF_INET };

	return (struct engine_network_spec){ .name = name,
					     .bridge = want->bridge,
					     .v4 = want->v4,
					     .v6 = want->v6,
					     .mtu = 1500,
					     .icc = true,
					     .masquerade = true,
					     .host_binding = everywhere };
}

/* ---- The request's text */

static void add(json_t *o, const char *key, const char *text)
{
	json_object_set_new(o, key, json_string(text));
}

static void add_bool(json_t *options, const char *key, bool value)
{
	add(options, key, value ? "true" : "false");
}

static void add_subnet(json_t *config, const struct plan_subnet *s)
{
	char text[PREFIX_STR_MAX];
	json_t *o;

	if (s->prefix.addr.family == 0)
		return;
	o = json_object();
	add(o, "Subnet", prefix_str(&s->prefix, text));
	if (s->gateway.family)
		add(o, "Gateway", addr_str(&s->gateway, text));
	json_array_append_new(config, o);
}

static json_t *ipam_of(const struct engine_network_spec *s)
{
	json_t *ipam = json_object(), *config = json_array();

	add_subnet(config, &s->v4);
	add_subnet(config, &s->v6);
	add(ipam, "Driver", "default");
	json_object_set_new(ipam, "Config", config);
	return ipam;
}

static json_t *options_of(const struct engine_network_spec *s)
{
	json_t *o = json_object();
	char text[ADDR_STR_MAX];
	struct buf mtu;

	add(o, "com.docker.network.bridge.name", s->bridge);
	add_bool(o, "com.docker.network.bridge.enable_icc", s->icc);
	add_bool(o, "com.docker.network.bridge.enable_ip_masquerade", s->masquerade);
	if (s->host_binding.family)
		add(o, "com.docker.network.bridge.host_binding_ipv4",
		    addr_str(&s->host_binding, text));
	if (s->mtu) {
		buf_init(&mtu, 16);
		buf_fmt(&mtu, "%u", s->mtu);
		add(o, "com.docker.network.driver.mtu", buf_cstr(&mtu));
		buf_done(&mtu);
	}
	return o;
}

void engine_network_body(const struct engine_network_spec *s, struct buf *out)
{
	json_t *o = json_object(), *labels = json_object();
	char *text;

	for (size_t i = 0; i < s->n_labels; i++)
		add(labels, s->labels[i].key, s->labels[i].value);
	add(o, "Name", s->name);
	/* Without it engines before 25 make a second network of the same name. */
	json_object_set_new(o, "CheckDuplicate", json_true());
	add(o, "Driver", "bridge");
	json_object_set_new(o, "EnableIPv6", json_boolean(s->v6.prefix.addr.family != 0));
	json_object_set_new(o, "IPAM", ipam_of(s));
	json_object_set_new(o, "Options", options_of(s));
	json_object_set_new(o, "Labels", labels);
	text = json_dumps(o, JSON_COMPACT);
	buf_str(out, text);
	free(text);
	json_decref(o);
}

/* ---- Errands */

static void unlink_errand(struct errand *x)
{
	struct errand **at = &x->en->errands;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
}

static void on_done(void *ctx, const struct http_reply *r, const struct err *e)
{
	struct errand *x = ctx;
	struct err why = { 0 };

	unlink_errand(x);
	if (e) {
		x->fn(x->ctx, e);
	} else if (r->status == x->status) {
		x->fn(x->ctx, NULL);
	} else {
		(void)engine_refused(r, &why);
		x->fn(x->ctx, &why);
	}
	free(x);
}

void errands_stop(struct engine *en)
{
	struct errand *x;

	while ((x = en->errands)) {
		en->errands = x->next;
		http_cancel(x->call);
		free(x);
	}
}

static void run(struct engine *en, const struct http_request *asked, unsigned status,
		engine_done_fn *fn, void *ctx)
{
	struct errand *x = xcalloc(1, sizeof(*x));
	struct http_request r = *asked;

	*x = (struct errand){
		.en = en, .next = en->errands, .status = status, .fn = fn, .ctx = ctx
	};
	en->errands = x;
	r.done = on_done;
	r.ctx = x;
	x->call = http_start(en->http, &r);
}

static bool is_here(const struct engine *en, struct err *e)
{
	if (en->state == ENGINE_HERE)
		return true;
	return err_set(e, ERR_SYSTEM, "the engine is not there%s%s", en->why ? ": " : "",
		       en->why ? en->why : "");
}

bool engine_network_create(struct engine *en, const struct engine_network_spec *s,
			   engine_done_fn *fn, void *ctx, struct err *e)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(buf_done) struct buf body;

	buf_init(&body, LIMIT_ENGINE_BODY);
	if (!is_here(en, e))
		return false;
	engine_network_body(s, &body);
	if (!buf_ok(&body))
		return err_set(e, ERR_LIMIT, "network %s is too much to be asked for", s->name);
	path = engine_path(en, "/networks/create");
	run(en, &(struct http_request){ .method = "POST", .path = path, .body = buf_view(&body) },
	    201, fn, ctx);
	return true;
}

bool engine_network_remove(struct engine *en, const char *name, engine_done_fn *fn, void *ctx,
			   struct err *e)
{
	const struct engine_network *n;
	_cleanup_(freep) char *path = NULL;

	if (!is_here(en, e))
		return false;
	n = en->latest ? engine_network_find(en->latest, name) : NULL;
	if (!n)
		return err_set(e, ERR_INVALID, "the engine has no network %s", name);
	path = engine_path(en, "/networks/%s", n->id);
	run(en, &(struct http_request){ .method = "DELETE", .path = path }, 204, fn, ctx);
	return true;
}
