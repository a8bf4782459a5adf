/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "docker/snapshot.h"

#include <stdlib.h>
#include <string.h>

void engine_network_done(struct engine_network *n)
{
	free(n->containers);
	*n = (struct engine_network){ 0 };
}

void engine_snapshot_free(struct engine_snapshot *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_networks; i++)
		engine_network_done(&s->networks[i]);
	free(s->networks);
	free(s);
}

void engine_snapshot_freep(struct engine_snapshot **s)
{
	engine_snapshot_free(*s);
}

const struct engine_network *engine_network_find(const struct engine_snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->n_networks; i++)
		if (strcmp(s->networks[i].name, name) == 0)
			return &s->networks[i];
	return NULL;
}

/* ---- What differs ---- */

static void differs(struct buf *why, size_t from, const char *what, const char *is,
		    const char *wanted)
{
	buf_fmt(why, "%sits %s is %s where the policy has %s", why->n > from ? ", " : "", what, is,
		wanted);
}

/* The only one of the family; NULL for none, or several. */
static const struct plan_subnet *only_of(const struct engine_network *n, uint8_t family,
					 size_t *count)
{
	const struct plan_subnet *found = NULL;

	*count = 0;
	for (size_t i = 0; i < n->n_subnets; i++) {
		if (n->subnets[i].prefix.addr.family != family)
			continue;
		found = &n->subnets[i];
		++*count;
	}
	return *count == 1 ? found : NULL;
}

static bool prefix_eq(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_eq(&a->addr, &b->addr);
}

static void compare_subnet(const struct engine_network *n, const struct plan_subnet *want,
			   struct buf *why, size_t from)
{
	char is[PREFIX_STR_MAX], wanted[PREFIX_STR_MAX];
	const struct plan_subnet *have;
	size_t count;

	if (want->prefix.addr.family == 0)
		return;
	have = only_of(n, want->prefix.addr.family, &count);
	if (!have) {
		const char *family = want->prefix.addr.family == AF_INET ? "IPv4" : "IPv6";

		buf_fmt(why, "%sit has %s %s subnet where the policy has %s",
			why->n > from ? ", " : "", count ? "more than one" : "no", family,
			prefix_str(&want->prefix, wanted));
		return;
	}
	if (!prefix_eq(&have->prefix, &want->prefix))
		differs(why, from, "subnet", prefix_str(&have->prefix, is),
			prefix_str(&want->prefix, wanted));
	if (want->gateway.family && have->gateway.family &&
	    !addr_eq(&have->gateway, &want->gateway))
		differs(why, from, "gateway", addr_str(&have->gateway, is),
			addr_str(&want->gateway, wanted));
}

bool engine_network_matches(const struct engine_network *n, const struct plan_network *want,
			    struct buf *why)
{
	size_t from = why->n;

	if (strcmp(n->driver, "bridge") != 0)
		buf_fmt(why, "its driver is %s, which has no bridge",
			n->driver[0] ? n->driver : "not told");
	if (want->bridge_written && n->bridge[0] && strcmp(n->bridge, want->bridge) != 0)
		differs(why, from, "bridge", n->bridge, want->bridge);
	compare_subnet(n, &want->v4, why, from);
	compare_subnet(n, &want->v6, why, from);
	return why->n == from;
}
