/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "docker/parse.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/num.h"

#define OLDEST_MINOR 24U

/*
 * A value takes up to some 300 bytes once it is read, two in the text: so they are counted before
 * anything is allocated. Each but the first comes behind one of these bytes.
 */
static bool few_values(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == ',' || s.p[i] == ':' || s.p[i] == '[' || s.p[i] == '{';
	return n < LIMIT_ENGINE_VALUES;
}

/* The caller's; NULL with an error when it is no JSON of that type. */
static json_t *load(struct span s, json_type type, struct err *e)
{
	char shown[200];
	json_error_t why;
	json_t *j;

	if (s.n > LIMIT_ENGINE_BYTES || !few_values(s)) {
		err_set(e, ERR_LIMIT, "what the engine says is too long to be read");
		return NULL;
	}
	j = json_loadb(s.p, s.n, JSON_REJECT_DUPLICATES, &why);
	if (j && json_typeof(j) == type)
		return j;
	if (j)
		err_set(e, ERR_INVALID, "what the engine says is not of the shape that is known");
	else
		err_set(e, ERR_INVALID, "what the engine says is no JSON: %s",
			span_show(span_of(why.text), shown, sizeof(shown)));
	json_decref(j);
	return NULL;
}

/* Empty where there is none. */
static struct span text_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? span_bytes(json_string_value(v), json_string_length(v)) :
				   SPAN_LIT("");
}

static bool is_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return s.n > 0;
}

/* What stands in a path of the API as it is. */
static bool is_id(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'z') ||
		      (s.p[i] >= 'A' && s.p[i] <= 'Z') || s.p[i] == '-'))
			return false;
	return s.n > 0;
}

static bool copy(struct span s, char *out, size_t size)
{
	if (s.n >= size)
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

/* ---- Values ---- */

bool parse_version(struct span s, char out[static ENGINE_VERSION_MAX], struct err *e)
{
	ptrdiff_t dot = span_find(s, '.');
	uint64_t a, b;
	char shown[64];

	if (dot < 0 || !num_parse(span_first(s, (size_t)dot), "version", 0, 99, &a, e) ||
	    !num_parse(span_from(s, (size_t)dot + 1), "version", 0, 9999, &b, e))
		return err_set(e, ERR_INVALID, "the engine's API version is \"%s\"",
			       span_show(s, shown, sizeof(shown)));
	if (a < 1 || (a == 1 && b < OLDEST_MINOR))
		return err_set(e, ERR_UNSUPPORTED,
			       "the engine's API version is %u.%u; it takes 1.%u or later",
			       (unsigned)a, (unsigned)b, OLDEST_MINOR);
	(void)snprintf(out, ENGINE_VERSION_MAX, "%u.%u", (unsigned)a, (unsigned)b);
	return true;
}

/* "10.77.0.2/24" or without a length, of the family; else none. */
static struct addr read_addr(struct span s, uint8_t family)
{
	ptrdiff_t slash = span_find(s, '/');
	struct addr a;
	struct err ignored;

	if (addr_parse(slash < 0 ? s : span_first(s, (size_t)slash), &a, &ignored) &&
	    (family == 0 || a.family == family))
		return a;
	return (struct addr){ 0 };
}

/* ---- Networks ---- */

static bool is_interface(struct span s)
{
	return is_plain(s) && s.n < PLAN_BRIDGE_MAX && span_find(s, '/') < 0 &&
	       span_find(s, ' ') < 0 && span_find(s, ':') < 0 && !span_eq(s, SPAN_LIT(".")) &&
	       !span_eq(s, SPAN_LIT(".."));
}

static void read_bridge(const json_t *o, bool podman, struct engine_network *n)
{
	const json_t *options = json_object_get(o, "Options");
	struct span name = text_of(options, "com.docker.network.bridge.name");

	if (strcmp(n->driver, "bridge") != 0)
		return;
	if (name.n > 0) {
		if (is_interface(name))
			(void)copy(name, n->bridge, sizeof(n->bridge));
	} else if (!podman) {
		(void)snprintf(n->bridge, sizeof(n->bridge), "br-%.12s", n->id);
	}
}

static void read_subnets(const json_t *o, struct engine_network *n)
{
	const json_t *config = json_object_get(json_object_get(o, "IPAM"), "Config"), *c;
	struct err ignored;
	size_t i;

	json_array_foreach(config, i, c)
	{
		struct plan_subnet s = { 0 };

		if (n->n_subnets == ENGINE_SUBNETS_MAX)
			return;
		if (!prefix_parse(text_of(c, "Subnet"), &s.prefix, &ignored))
			continue;
		s.gateway = read_addr(text_of(c, "Gateway"), s.prefix.addr.family);
		n->subnets[n->n_subnets++] = s;
	}
}

static bool read_container(const char *id, const json_t *o, struct engine_network *n, struct err *e)
{
	struct engine_container c = { 0 };
	struct err ignored;

	if (!json_is_object(o) || !is_id(span_of(id)) || !copy(span_of(id), c.id, sizeof(c.id)))
		return err_set(e, ERR_INVALID, "the engine lists a container without a valid id");
	(void)span_show(text_of(o, "Name"), c.name, sizeof(c.name));
	c.has_mac = mac_parse(text_of(o, "MacAddress"), c.mac, &ignored);
	c.addr4 = read_addr(text_of(o, "IPv4Address"), AF_INET);
	c.addr6 = read_addr(text_of(o, "IPv6Address"), AF_INET6);
	vec_push(n->containers, n->n_containers, n->cap_containers, c);
	return true;
}

static bool read_containers(json_t *o, struct engine_network *n, struct err *e)
{
	json_t *containers = json_object_get(o, "Containers"), *c;
	const char *id;

	if (json_object_size(containers) > LIMIT_ENGINE_CONTAINERS)
		return err_set(e, ERR_LIMIT, "network %s has more than %u containers", n->name,
			       LIMIT_ENGINE_CONTAINERS);
	json_object_foreach(containers, id, c) if (!read_container(id, c, n, e)) return false;
	n->detailed = true;
	return true;
}

/* Without containers. *plain: the name is one that can be managed. */
static bool read_network(const json_t *o, bool podman, struct engine_network *n, bool *plain,
			 struct err *e)
{
	struct span name = text_of(o, "Name"), id = text_of(o, "Id");

	if (!json_is_object(o) || !is_id(id) || !copy(id, n->id, sizeof(n->id)))
		return err_set(e, ERR_INVALID, "the engine lists a network without a valid id");
	*plain = is_plain(name) && copy(name, n->name, sizeof(n->name));
	(void)span_show(text_of(o, "Driver"), n->driver, sizeof(n->driver));
	n->internal = json_is_true(json_object_get(o, "Internal"));
	read_bridge(o, podman, n);
	read_subnets(o, n);
	return true;
}

bool parse_networks(struct span body, bool podman, struct engine_snapshot **out, struct err *e)
{
	_cleanup_(json_decrefp) json_t *list = load(body, JSON_ARRAY, e);
	_cleanup_(engine_snapshot_freep) struct engine_snapshot *s = NULL;
	json_t *o;
	size_t i;

	if (!list)
		return false;
	if (json_array_size(list) > LIMIT_ENGINE_NETWORKS)
		return err_set(e, ERR_LIMIT, "the engine has more than %u networks",
			       LIMIT_ENGINE_NETWORKS);
	s = xcalloc(1, sizeof(*s));
	json_array_foreach(list, i, o)
	{
		struct engine_network n = { 0 };
		bool plain = false;

		if (!read_network(o, podman, &n, &plain, e))
			return false;
		if (plain)
			vec_push(s->networks, s->n_networks, s->cap_networks, n);
	}
	*out = steal(&s);
	return true;
}

bool parse_network(struct span body, bool podman, struct engine_network *out, struct err *e)
{
	_cleanup_(json_decrefp) json_t *o = load(body, JSON_OBJECT, e);
	_cleanup_(engine_network_done) struct engine_network n = { 0 };
	bool plain = false;

	if (!o || !read_network(o, podman, &n, &plain, e))
		return false;
	if (!plain)
		return err_set(e, ERR_INVALID, "the engine renamed a network");
	if (!read_containers(o, &n, e))
		return false;
	*out = n;
	n.containers = NULL;
	return true;
}

/* ---- Events and messages ---- */

bool parse_event(struct span line)
{
	/* Docker's words and Podman's own. */
	static const char *const network[] = { "create", "connect", "disconnect", "destroy",
					       "remove" };
	static const char *const container[] = { "start", "die", "died", "rename" };
	struct err ignored;
	_cleanup_(json_decrefp) json_t *o = load(line, JSON_OBJECT, &ignored);
	struct span type = text_of(o, "Type"), action = text_of(o, "Action");

	if (!o || type.n == 0 || action.n == 0)
		return true;
	if (span_eq(type, SPAN_LIT("network"))) {
		for (size_t i = 0; i < ARRAY_LEN(network); i++)
			if (span_eq(action, span_of(network[i])))
				return true;
	} else if (span_eq(type, SPAN_LIT("container"))) {
		for (size_t i = 0; i < ARRAY_LEN(container); i++)
			if (span_eq(action, span_of(container[i])))
				return true;
	}
	return false;
}

const char *parse_message(struct span body, char *out, size_t size)
{
	struct err ignored;
	_cleanup_(json_decrefp) json_t *o = load(body, JSON_OBJECT, &ignored);
	struct span message = text_of(o, "message");

	return span_show(message.n ? message : SPAN_LIT("no reason is given"), out, size);
}
