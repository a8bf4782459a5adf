/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the chains of both tables are made of. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "compile/network_internal.h"

const char *network_name(const struct network *n, const char *suffix,
			 char out[static RULESET_NAME_MAX])
{
	int len = snprintf(out, RULESET_NAME_MAX, "%s-%s", n->prefix, suffix);

	assert(len < RULESET_NAME_MAX);
	return out;
}

struct rs_chain *network_chain(const struct network *n, struct rs_table *t, const char *suffix)
{
	char name[RULESET_NAME_MAX];

	return rs_chain_add(t, network_name(n, suffix, name));
}

void go_to(const struct network *n, struct rs_rule *r, const char *suffix)
{
	char name[RULESET_NAME_MAX];

	rs_verdict(r, RS_GOTO, network_name(n, suffix, name));
}

void end_in(const struct network *n, struct rs_chain *c, const char *suffix)
{
	go_to(n, rs_rule_add(c, NULL), suffix);
}

void add_to_map(const struct network *n, struct rs_table *t, const char *map, enum rs_field f,
		enum rs_verdict_kind kind, const char *suffix)
{
	struct network_part *p = n->part;
	char chain[RULESET_NAME_MAX];
	struct map_entry e = { t->family, map, f, kind,
			       arena_strdup(&p->rules->arena, network_name(n, suffix, chain)) };

	vec_push(p->entries, p->n_entries, p->cap_entries, e);
}

static bool audits(const struct network *n)
{
	return n->policy->mode == MODE_AUDIT;
}

void drop_quietly(const struct network *n, struct rs_rule *r)
{
	rs_verdict(r, audits(n) ? RS_ACCEPT : RS_DROP, NULL);
}

/* What an audit does not let through either: with another's source it would be another's doing. */
static void add_forged(const struct network *n, struct rs_table *t)
{
	struct rs_chain *c = network_chain(n, t, "forged");
	char counter[RULESET_NAME_MAX];

	rs_counter(rs_rule_add(c, NULL), network_name(n, "denied", counter));
	rs_verdict(rs_rule_add(c, NULL), RS_DROP, NULL);
}

/* Counts, and ends what was denied. */
static void add_end(const struct network *n, struct rs_table *t, const char *suffix, bool reject)
{
	struct rs_chain *c = network_chain(n, t, suffix);
	char counter[RULESET_NAME_MAX];
	struct rs_rule *r;

	rs_counter(rs_rule_add(c, NULL), network_name(n, "denied", counter));
	if (reject && !audits(n)) {
		r = rs_rule_add(c, NULL);
		match_u8(r, RS_L4PROTO, IPPROTO_TCP);
		rs_reject_tcp(r);
		rs_reject_admin(rs_rule_add(c, NULL));
	}
	drop_quietly(n, rs_rule_add(c, NULL));
}

void network_denials(const struct network *n, struct rs_table *t, const struct denial *d,
		     size_t n_denials, bool reject)
{
	char name[RULESET_NAME_MAX], prefix[RULESET_PREFIX_MAX];

	rs_counter_add(t, network_name(n, "denied", name));
	add_end(n, t, "denied", reject);
	add_end(n, t, "dropped", false);
	add_forged(n, t);
	for (size_t i = 0; i < n_denials; i++) {
		struct rs_chain *c = network_chain(n, t, d[i].suffix);
		struct rs_rule *r = rs_rule_add(c, NULL);

		(void)snprintf(prefix, sizeof(prefix), NETWORK_LOG_PREFIX "%s:%s", d[i].reason,
			       n->prefix);
		rs_limit(r, NETWORK_LOG_RATE, NETWORK_LOG_BURST);
		rs_log(r, NETWORK_LOG_GROUP, NETWORK_LOG_SNAPLEN, prefix);
		end_in(n, c, d[i].forged ? "forged" : d[i].rejected ? "denied" : "dropped");
	}
}

bool has_controller(const struct network *n)
{
	return n->net->has_controller &&
	       (n->net->controller.has_mac || n->net->controller.addr.family);
}

bool has_exempt(const struct network *n)
{
	return has_controller(n) && n->net->controller.egress == CONTROLLER_EXEMPT;
}

void match_u8(struct rs_rule *r, enum rs_field f, uint8_t v)
{
	rs_compare(r, f, RS_EQ, &v);
}

void match_u16(struct rs_rule *r, enum rs_field f, uint16_t v)
{
	uint8_t bytes[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	rs_compare(r, f, RS_EQ, bytes);
}

void match_interface(struct rs_rule *r, enum rs_field f, const char *interface)
{
	char name[16] = { 0 };

	memcpy(name, interface, strnlen(interface, sizeof(name) - 1));
	rs_compare(r, f, RS_EQ, name);
}

void match_in(struct rs_rule *r, const struct rs_table *t, const char *set, bool not )
{
	rs_lookup(r, rs_set_find(t, set), not );
}
