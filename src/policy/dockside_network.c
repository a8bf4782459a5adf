/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The networks of network-config.json, and the sets of firewall-config.json. */
#include <string.h>

#include "base/alloc.h"
#include "net/mac.h"
#include "policy/bridge.h"
#include "policy/dockside_impl.h"
#include "policy/model.h"
#include "policy/network.h"

/* ---- networks ---- */

/* An IPv4 address that `set` takes; nothing where there is none. */
static bool read_address(const struct jsonc_at *at, struct plan_network *n,
			 bool (*set)(struct plan_network *n, struct span s, struct err *e),
			 struct err *e)
{
	struct err ignored = { 0 };
	struct addr addr;
	const char *text;

	if (!dockside_string(at, &text, e))
		return false;
	if (!text)
		return true;
	if (!addr_parse(span_of(text), &addr, &ignored) || addr.family != AF_INET)
		return jsonc_err(at, e, "an IPv4 address");
	return set(n, span_of(text), e) || jsonc_err_at(at, e);
}

/*
 * The written prefix with 1 for its last number, as Dockside tells the engine; where that is not in
 * the subnet, its first address.
 */
static void default_gateway(const struct jsonc_at *subnet, struct plan_network *n)
{
	struct span written = span_of(json_string_value(subnet->v));
	ptrdiff_t slash = span_find(written, '/');
	struct err ignored = { 0 };
	char text[ADDR_STR_MAX];
	struct addr a;

	if (slash >= 0)
		written = span_first(written, (size_t)slash);
	/* It was read as a prefix before. */
	if (addr_parse(written, &a, &ignored)) {
		a.bytes[3] = 1;
		if (network_set_gateway(n, span_of(addr_str(&a, text)), &ignored))
			return;
	}
	n->v4.gateway = n->v4.prefix.addr;
	n->v4.gateway.bytes[3] |= 1;
}

static bool read_subnet(const struct jsonc_at *at, struct plan_network *n, struct err *e)
{
	char text[PREFIX_STR_MAX];
	struct prefix p;

	return dockside_cidr(at, &p, e) &&
	       (network_set_subnet(n, span_of(prefix_str(&p, text)), e) || jsonc_err_at(at, e));
}

/* The identity under its present or its former keys. */
static bool read_identity(const struct jsonc_at *at, bool former, struct plan_network *n,
			  struct err *e)
{
	const struct jsonc_at ip = jsonc_key(at, former ? "gateway_ip" : "dockside_ip");
	const struct jsonc_at mac = jsonc_key(at, former ? "gateway_mac" : "dockside_mac");
	struct plan_controller *c = &n->controller;
	const char *text;

	if (!read_address(&ip, n, network_set_controller, e) || !dockside_string(&mac, &text, e))
		return false;
	if (text && !mac_parse(span_of(text), c->mac, e))
		return jsonc_err_at(&mac, e);
	c->has_mac = text;
	n->has_controller = c->has_mac || c->addr.family;
	return true;
}

static bool read_egress(const struct jsonc_at *at, struct plan_network *n, struct err *e)
{
	const struct jsonc_at egress = jsonc_key(at, "dockside_egress");
	size_t i = CONTROLLER_EXEMPT;

	if (!dockside_choice(&egress, controller_egress_names, CONTROLLER_EGRESS_COUNT, &i, e))
		return false;
	n->controller.egress = (enum controller_egress)i;
	if (i == CONTROLLER_POLICED && !n->has_controller)
		return jsonc_err_text(&egress, e,
				      "nothing tells the controller from others: expected "
				      "dockside_ip, dockside_mac or both beside \"policed\"");
	return true;
}

static bool read_network(const struct jsonc_at *at, struct plan_network *n, struct err *e)
{
	const struct jsonc_at subnet = jsonc_key(at, "subnet");
	const struct jsonc_at gateway = jsonc_key(at, "gateway_ip");
	const struct jsonc_at mac = jsonc_key(at, "gateway_mac");
	bool former = mac.v,
	     present = jsonc_key(at, "dockside_ip").v || jsonc_key(at, "dockside_mac").v;

	if (former && present)
		return jsonc_err_text(&mac, e,
				      "the former name of dockside_mac, beside the present ones: "
				      "expected one or the other");
	if (!read_subnet(&subnet, n, e) ||
	    (!former && !read_address(&gateway, n, network_set_gateway, e)))
		return false;
	/* Where the former keys make it the controller's, the host has another. */
	if (!n->v4.gateway.family)
		default_gateway(&subnet, n);
	return read_identity(at, former, n, e) && read_egress(at, n, e);
}

static bool read_name(const struct jsonc_at *at, const char **out, struct err *e)
{
	if (!dockside_string(at, out, e))
		return false;
	if (!*out || !dockside_name_ok(*out))
		return jsonc_err(at, e,
				 "a name of at most %d letters, digits, \"_\", \".\", \":\" and "
				 "\"-\"",
				 DOCKSIDE_NAME_MAX);
	return true;
}

/* A bridge is what the kernel knows a network by. */
static bool check_network(const struct dockside *d, const struct dockside_network *n,
			  const struct jsonc_at *name, struct err *e)
{
	for (const struct dockside_network *o = d->networks; o < n; o++) {
		if (strcmp(o->name, n->name) == 0)
			return jsonc_err_text(name, e, "there is a network \"%s\" already",
					      o->name);
		if (strcmp(o->network.bridge, n->network.bridge) == 0)
			return jsonc_err_text(name, e,
					      "the bridge \"%s\" is that of the network \"%s\" "
					      "already: expected a name that is not the same in "
					      "lower case",
					      o->network.bridge, o->name);
	}
	return true;
}

bool dockside_read_networks(struct dockside_reader *r, const struct jsonc_at *root, struct err *e)
{
	const struct jsonc_at list = jsonc_key(root, "networks");
	struct dockside *d = r->d;
	size_t n;

	if (!dockside_is_list(&list, e))
		return false;
	n = json_array_size(list.v);
	if (n > LIMIT_NETWORKS)
		return jsonc_err_text(&list, e, "%zu networks, expected at most %d", n,
				      LIMIT_NETWORKS);
	d->networks = xcalloc(n, sizeof(*d->networks));
	for (size_t i = 0; i < n; i++) {
		const struct jsonc_at at = jsonc_element(&list, i);
		const struct jsonc_at name_at = jsonc_key(&at, "name");
		struct dockside_network *to = &d->networks[i];
		const char *name;

		if (!json_is_object(at.v))
			return jsonc_err(&at, e, "an object");
		if (!read_name(&name_at, &name, e))
			return false;
		to->name = xstrdup(name);
		d->n_networks++;
		to->network.create = true;
		bridge_name_default(span_of(name), to->network.bridge);
		if (!check_network(d, to, &name_at, e) || !read_network(&at, &to->network, e))
			return false;
	}
	return true;
}

/* ---- sets ---- */

static bool read_hostnames(struct dockside_reader *r, const struct jsonc_at *list,
			   struct dockside_ipset *set, struct err *e)
{
	size_t max = r->d->env.max_hostnames;
	size_t n = json_array_size(list->v);
	_cleanup_(arena_done) struct arena arena = { 0 };

	if (!dockside_is_list(list, e))
		return false;
	if (max && n > max)
		return jsonc_err_text(list, e, "%zu hosts, expected at most %zu", n, max);
	set->hostnames = xcalloc(n, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const struct jsonc_at at = jsonc_element(list, i);
		struct dest ignored;

		if (!dockside_host(&at, &arena, &ignored, e))
			return false;
		set->hostnames[set->n++] = xstrdup(json_string_value(at.v));
	}
	return true;
}

static bool read_tuning(const struct jsonc_at *at, struct dockside_tuning *t, struct err *e)
{
	const struct {
		const char *key;
		unsigned hi;
		unsigned *to;
	} keys[] = {
		{ "dns_queries", 50, &t->dns_queries },
		{ "stale_ttl", 86400, &t->stale_ttl },
		{ "refresh_interval", 86400, &t->refresh_interval },
		{ "max_entries", 65536, &t->max_entries },
	};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct jsonc_at v = jsonc_key(at, keys[i].key);

		if (!dockside_number(&v, 1, keys[i].hi, keys[i].to, e))
			return false;
	}
	return true;
}

static bool read_ipset(struct dockside_reader *r, const struct jsonc_at *at, const char *name,
		       struct dockside_ipset *set, struct err *e)
{
	const struct jsonc_at hostnames = jsonc_key(at, "hostnames");

	set->name = xstrdup(name);
	set->tuning = r->d->env.tuning;
	if (!dockside_name_ok(name))
		return jsonc_err_text(at, e,
				      "cannot be the name of a set: expected at most %d letters, "
				      "digits, \"_\", \".\", \":\" and \"-\"",
				      DOCKSIDE_NAME_MAX);
	if (json_is_array(at->v))
		return read_hostnames(r, at, set, e);
	if (!json_is_object(at->v))
		return jsonc_err(at, e, "a list of hosts, or an object with \"hostnames\"");
	return read_hostnames(r, &hostnames, set, e) && read_tuning(at, &set->tuning, e);
}

bool dockside_read_ipsets(struct dockside_reader *r, const struct jsonc_at *root, struct err *e)
{
	const struct jsonc_at sets = jsonc_key(root, "ipsets");
	struct dockside *d = r->d;
	const char *name;
	json_t *v;

	if (!dockside_is_object(&sets, e))
		return false;
	d->ipsets = xcalloc(json_object_size(sets.v), sizeof(*d->ipsets));
	json_object_foreach((json_t *)(uintptr_t)sets.v, name, v)
	{
		const struct jsonc_at at = jsonc_key(&sets, name);

		(void)v;
		if (!read_ipset(r, &at, name, &d->ipsets[d->n_ipsets++], e))
			return false;
	}
	return true;
}
