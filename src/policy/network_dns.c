/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/network_dns.h"

#include <netinet/in.h>

#define PORT_DNS 53

static bool carries(const struct dest *d, int proto)
{
	return d->proto == DEST_PROTO_ANY || d->proto == proto;
}

static bool every_port(const struct ports *p)
{
	return p->n == 0 || (ports_at(p, 0).lo <= 1 && ports_at(p, 0).hi == UINT16_MAX);
}

/* Many ports of a name are not about DNS; 53 by itself is. */
static bool alone(const struct ports *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (ports_at(p, i).lo == PORT_DNS && ports_at(p, i).hi == PORT_DNS)
			return true;
	return false;
}

static bool names_port(const struct dest *d)
{
	if (!carries(d, IPPROTO_UDP) && !carries(d, IPPROTO_TCP))
		return false;
	if (d->target == DEST_NAME)
		return alone(&d->ports);
	return (d->target == DEST_PREFIX || d->target == DEST_ANY || d->target == DEST_HOST) &&
	       ports_contain(&d->ports, PORT_DNS) && !every_port(&d->ports);
}

static bool opens_every_server(const struct plan_rule *r, const struct dest *d)
{
	return r->action == RULE_ALLOW && d->target == DEST_ANY && carries(d, IPPROTO_UDP) &&
	       every_port(&d->ports);
}

static bool opens_name(const struct plan_rule *r, const struct dest *d)
{
	return (r->action == RULE_ALLOW || r->action == RULE_REDIRECT) && d->target == DEST_NAME;
}

bool policy_captures_dns(const struct plan_policy *p)
{
	bool named = false;

	if (p->dns == DNS_OFF || p->dns_by_rules)
		return false;
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct plan_rule *r = &p->rules[i];

		for (size_t j = 0; j < r->n_dests; j++) {
			const struct dest *d = &r->dests[j];

			if (names_port(d) || opens_every_server(r, d))
				return false;
			named = named || opens_name(r, d);
		}
	}
	return named;
}
