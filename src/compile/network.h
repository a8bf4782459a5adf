/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel is given to confine the networks of a plan: docs/daemon.md, "The rules".
 *
 * Pure and deterministic: the same plan makes the same ruleset, so that a change of one rule is a
 * small difference. What is not the plan's (addresses of names, ports of bridges) goes into sets that
 * are RS_SET_LEARNED; network_map tells which.
 */
#ifndef SALLYPORT_COMPILE_NETWORK_H
#define SALLYPORT_COMPILE_NETWORK_H

#include "compile/ruleset.h"
#include "policy/plan.h"

#define NETWORK_LOG_GROUP   0x5a11U
#define NETWORK_LOG_SNAPLEN 128U
#define NETWORK_LOG_PREFIX  "sallyport:"
#define NETWORK_LOG_RATE    50U /* a second and network; what is more is counted */
#define NETWORK_LOG_BURST   100U

/* Where an address of a name goes: into the set of the segment that the rule belongs to. */
struct network_name_use {
	size_t name;	       /* index in network_map.names */
	size_t subject;	       /* index in plan.subjects */
	enum rs_family family; /* RS_INET */
	uint8_t proto_lo, proto_hi;
	uint16_t port_lo, port_hi; /* 0, 65535 with set_v4 .. of every port */
	bool every_port;	   /* the key has no port */
	bool opens;		   /* an allow or a redirect: a forbidden address does not go in */
	char set_v4[RULESET_NAME_MAX], set_v6[RULESET_NAME_MAX];
	char comment[RULESET_COMMENT_MAX]; /* "agent:3 api.github.com" */
};

/* The sets that hold what is known about a network's ports, all RS_SET_LEARNED, of RS_BRIDGE. */
struct network_ports {
	size_t subject;
	char macs[RULESET_NAME_MAX];	    /* iifname . ether saddr */
	char arp[RULESET_NAME_MAX];	    /* iifname . arp saddr ip */
	char ip4[RULESET_NAME_MAX];	    /* iifname . ip saddr */
	char ip6[RULESET_NAME_MAX];	    /* iifname . ip6 saddr */
	char peers[RULESET_NAME_MAX];	    /* ether daddr */
	char denied_inet[RULESET_NAME_MAX]; /* the counters of denials */
	char denied_bridge[RULESET_NAME_MAX];
};

struct network_map {
	struct name *names; /* to be resolved; each once */
	size_t n_names;
	struct network_name_use *uses; /* sorted by name */
	size_t n_uses;
	struct network_ports *ports; /* one for each network subject */
	size_t n_ports;
};

/* Where a redirect leads when its target is a name: its address now; family 0: not known, and then
 * what would be redirected is denied. */
typedef struct addr network_address_fn(void *ctx, const struct name *n);

struct network_options {
	uint16_t dns_port; /* of the gate's DNS on every bridge address; 0: it has none */
	network_address_fn *address;
	void *ctx;
};

void network_map_done(struct network_map *m);

/*
 * *out is the caller's, for ruleset_free(); *map for network_map_done(). An error names the rule and
 * says what a network cannot enforce: `quota`, for one.
 */
bool compile_networks(const struct plan *p, const struct network_options *o, struct ruleset **out,
		      struct network_map *map, struct err *e) _must_use_;

/* The name that a network's chains and sets begin with. */
void network_prefix(const struct plan_subject *s, char out[static RULESET_NAME_MAX]);

#endif
