/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/network.h"

#include "policy/bridge.h"

static const char *family_name(uint8_t family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

static struct plan_subnet *subnet_of(struct plan_network *n, uint8_t family)
{
	return family == AF_INET ? &n->v4 : &n->v6;
}

static bool has_room(const struct prefix *p)
{
	return p->addr.family == AF_INET ? p->len >= 8 && p->len <= 30 :
					   p->len >= 16 && p->len <= 126;
}

/* In the subnet, and neither its first address nor, with IPv4, its last. */
static bool is_host_of(const struct prefix *p, const struct addr *a)
{
	unsigned first = 0, last = 0xff;

	if (!prefix_contains(p, a))
		return false;
	for (size_t i = 0; i < addr_size(a); i++) {
		unsigned bits = p->len > 8 * i ? MIN(p->len - 8U * (unsigned)i, 8U) : 0;
		unsigned host = 0xffU >> bits;

		first |= a->bytes[i] & host;
		last &= a->bytes[i] | (~host & 0xffU);
	}
	return first != 0 && (a->family != AF_INET || last != 0xff);
}

bool network_set_subnet(struct plan_network *n, struct span s, struct err *e)
{
	struct prefix p, canonical;
	char shown[PREFIX_STR_MAX];
	struct plan_subnet *to;

	if (!prefix_parse(s, &p, e))
		return false;
	canonical = prefix_canonical(&p);
	if (!has_room(&p) || canonical.addr.family != p.addr.family)
		return err_set(e, ERR_INVALID,
			       "\"%s\" cannot be the subnet of a network: expected a prefix of /8 "
			       "to /30, or with IPv6 of /16 to /126",
			       prefix_str(&p, shown));
	to = subnet_of(n, p.addr.family);
	if (to->prefix.addr.family)
		return err_set(e, ERR_INVALID, "\"%s\" is a second subnet with %s: expected one",
			       prefix_str(&p, shown), family_name(p.addr.family));
	to->prefix = p;
	return true;
}

bool network_set_gateway(struct plan_network *n, struct span s, struct err *e)
{
	char shown[ADDR_STR_MAX], subnet[PREFIX_STR_MAX];
	struct plan_subnet *of;
	struct addr a;

	if (!addr_parse(s, &a, e))
		return false;
	of = subnet_of(n, a.family);
	addr_str(&a, shown);
	if (!of->prefix.addr.family)
		return err_set(e, ERR_INVALID,
			       "\"%s\" is a gateway of a network without a subnet with %s", shown,
			       family_name(a.family));
	if (of->gateway.family)
		return err_set(e, ERR_INVALID, "\"%s\" is a second gateway with %s: expected one",
			       shown, family_name(a.family));
	if (!is_host_of(&of->prefix, &a))
		return err_set(e, ERR_INVALID,
			       "\"%s\" is no address for a gateway: expected one in %s", shown,
			       prefix_str(&of->prefix, subnet));
	of->gateway = a;
	return true;
}

bool network_set_controller(struct plan_network *n, struct span s, struct err *e)
{
	char shown[ADDR_STR_MAX], subnet[PREFIX_STR_MAX];
	const struct plan_subnet *of;
	struct addr a;

	if (!addr_parse(s, &a, e))
		return false;
	of = subnet_of(n, a.family);
	addr_str(&a, shown);
	if (of->prefix.addr.family && !is_host_of(&of->prefix, &a))
		return err_set(e, ERR_INVALID,
			       "\"%s\" is no address for a controller: expected one in %s", shown,
			       prefix_str(&of->prefix, subnet));
	if (addr_eq(&of->gateway, &a))
		return err_set(e, ERR_INVALID,
			       "\"%s\" is the gateway: expected the controller's own address",
			       shown);
	n->controller.addr = a;
	return true;
}

static bool subnet_ok(const struct plan_subnet *s, uint8_t family)
{
	const struct addr *base = &s->prefix.addr;

	if (!base->family)
		return !s->gateway.family;
	return base->family == family && has_room(&s->prefix) &&
	       (!s->gateway.family || is_host_of(&s->prefix, &s->gateway));
}

bool network_addresses_ok(const struct plan_network *n)
{
	const struct plan_controller *c = &n->controller;

	return subnet_ok(&n->v4, AF_INET) && subnet_ok(&n->v6, AF_INET6) &&
	       n->has_controller == (c->has_mac || c->addr.family);
}
