/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `bridge`, `subnet`, `gateway`, `lateral`, `create` and `controller` of a network. */
#include <string.h>

#include "net/mac.h"
#include "policy/bridge.h"
#include "policy/model.h"
#include "policy/network.h"

/* The network that the key belongs to. */
static struct model_network *network_of(void *into, const struct node *v)
{
	struct model_network *n = &((struct model_subject *)into)->network;

	if (!n->any)
		n->any = v;
	return n;
}

bool model_bridge_read(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_network *n = network_of(into, v);

	if (v->kind != NODE_TEXT || node_is_null(v) || !bridge_name_valid(node_span(v)))
		return schema_err(d, v, v->key,
				  "the name of an interface, 1 to 15 bytes without blanks, \"/\", "
				  "\":\", \"%\" and \"*\"",
				  e);
	n->bridge = v;
	n->plan.bridge_written = true;
	memcpy(n->plan.bridge, v->text, strlen(v->text) + 1);
	return true;
}

/* A text, or a list of one or two: nothing has more than one of each family. */
static bool read_pair(const struct doc *d, const struct node *v, const char *expected,
		      struct err *e)
{
	if (!schema_entries(d, v, 1, expected, e))
		return false;
	if (v->kind == NODE_LIST && v->n > 2)
		return doc_err(d, v->at, e, ERR_INVALID, "%s is a list of %zu: expected %s", v->key,
			       v->n, expected);
	return true;
}

bool model_subnet_read(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_network *n = network_of(into, v);

	if (!read_pair(d, v, "a prefix like 10.77.0.0/24, or a list of one of IPv4 and one of IPv6",
		       e))
		return false;
	n->subnet = v;
	for (const struct node *c = entries_first(v); c; c = entries_next(v, c))
		if (!network_set_subnet(&n->plan, node_span(c), e))
			return doc_err_at(d, c->at, e);
	return true;
}

/* Looked into when the subnet is known. */
bool model_gateway_read(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	network_of(into, v)->gateway = v;
	return read_pair(d, v, "an address of the subnet, or a list of one of IPv4 and one of IPv6",
			 e);
}

static bool read_choice(const struct doc *d, const struct node *v, const char *no, const char *yes,
			bool *out, struct err *e)
{
	const char *const words[] = { no, yes };
	size_t i;

	if (!schema_choice(d, v, words, ARRAY_LEN(words), &i, e))
		return false;
	*out = i == 1;
	return true;
}

bool model_lateral_read(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	return read_choice(d, v, "deny", "allow", &network_of(into, v)->plan.lateral, e);
}

bool model_create_read(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_network *n = network_of(into, v);

	n->create = v;
	return read_choice(d, v, "no", "yes", &n->plan.create, e);
}

/* ---- controller: {mac, ip, egress} ---- */

static bool read_mac(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_network *n = into;
	struct plan_controller *c = &n->plan.controller;

	if (v->kind != NODE_TEXT || node_is_null(v))
		return schema_err(d, v, v->key, "the address of an interface", e);
	if (!mac_parse(node_span(v), c->mac, e))
		return doc_err_at(d, v->at, e);
	c->has_mac = true;
	return true;
}

/* Looked into when the subnet is known. */
static bool read_ip(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	if (v->kind != NODE_TEXT || node_is_null(v))
		return schema_err(d, v, v->key, "an address", e);
	((struct model_network *)into)->controller_ip = v;
	return true;
}

static bool read_egress(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_network *n = into;
	size_t i;

	if (!schema_choice(d, v, controller_egress_names, CONTROLLER_EGRESS_COUNT, &i, e))
		return false;
	n->plan.controller.egress = (enum controller_egress)i;
	return true;
}

static const struct schema_key controller_keys[] = {
	{ "mac", read_mac, false },
	{ "ip", read_ip, false },
	{ "egress", read_egress, false },
};

bool model_controller_read(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_network *n = network_of(into, v);

	n->controller = v;
	n->plan.has_controller = true;
	return schema_map(d, v, "a controller", controller_keys, ARRAY_LEN(controller_keys), n, e);
}

/* ---- what the keys say together ---- */

bool model_network_finish(const struct doc *d, struct model_subject *s, struct err *e)
{
	struct model_network *n = &s->network;
	const struct node *ip = n->controller_ip;

	for (const struct node *g = n->gateway ? entries_first(n->gateway) : NULL; g;
	     g = entries_next(n->gateway, g))
		if (!network_set_gateway(&n->plan, node_span(g), e))
			return doc_err_at(d, g->at, e);
	if (ip && !network_set_controller(&n->plan, node_span(ip), e))
		return doc_err_at(d, ip->at, e);
	if (n->controller && !ip && !n->plan.controller.has_mac)
		return doc_err(d, n->controller->at, e, ERR_INVALID,
			       "a controller that nothing tells from the others: expected its mac, "
			       "its ip, or both");
	if (!n->create)
		n->plan.create = n->subnet != NULL;
	if (!n->bridge)
		bridge_name_default(node_span(s->id), n->plan.bridge);
	return true;
}
