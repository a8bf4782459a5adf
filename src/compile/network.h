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
#define NETWORK_LOG_RATE    50U /* a second, network and reason; what is more is counted */
#define NETWORK_LOG_BURST   100U

/*
 * Where an address of a name goes: into the set of the segment that the rule belongs to, which is of
 * RS_INET. Elements of one set either are the same or do not overlap, whatever addresses the names have: the
 * same one for two names is one element, which goes when neither has the address any more.
 */
struct network_name_use {
	const struct name *name;	/* the policy's */
	struct rs_set *set_v4, *set_v6; /* NULL: addresses of that family go nowhere */
	const char *comment;		/* "agent:3 api.github.com" */
	uint16_t port_lo, port_hi;	/* where the key has a port */
	int16_t icmp_type; /* -1: the key has none; else it has no protocol and no port */
	uint8_t proto_lo, proto_hi;
	bool every_port; /* the key has no port */
	bool opens;	 /* an allow or a redirect: a forbidden address does not go in */
};

/* The same in a plan. */
struct network_map_use {
	const struct network_name_use *use;
	uint32_t name;	  /* index in network_map.names */
	uint32_t subject; /* index in plan.subjects */
};

/*
 * The sets that hold what is known about a network's ports, all RS_SET_LEARNED and of RS_BRIDGE, but for
 * the last two.
 */
struct network_ports {
	size_t subject;
	char macs[RULESET_NAME_MAX];  /* iifname . ether saddr */
	char arp[RULESET_NAME_MAX];   /* iifname . arp saddr ip */
	char ip4[RULESET_NAME_MAX];   /* iifname . ip saddr */
	char ip6[RULESET_NAME_MAX];   /* iifname . ip6 saddr, the link-local ones among them */
	char nd[RULESET_NAME_MAX];    /* iifname . target of a neighbour advertisement: as ip6 */
	char peers[RULESET_NAME_MAX]; /* ether daddr */
	char port_chain[RULESET_NAME_MAX], bridged_chain[RULESET_NAME_MAX]; /* with by_port */
	char denied_inet[RULESET_NAME_MAX]; /* the counters of denials */
	char denied_bridge[RULESET_NAME_MAX];
	/* With by_port, of RS_INET; else "": ether saddr . ip saddr, ether saddr . ip6 saddr. */
	char known4[RULESET_NAME_MAX], known6[RULESET_NAME_MAX];
};

/* With by_port: the maps from a port's name, of RS_BRIDGE. */
#define NETWORK_MAP_PORTS   "ports"   /* to `goto port_chain` */
#define NETWORK_MAP_LATERAL "lateral" /* to `goto bridged_chain` */

/*
 * Of RS_INET and RS_SET_LEARNED, by iifname: networks whose sets are being changed. What sets decide does not pass
 * there meanwhile, in either direction of a change; it is dropped and not answered.
 */
#define NETWORK_SET_HELD "held"

struct network_part; /* what became of one network */

struct network_map {
	/* To be resolved, each once, sorted; a redirect's target among them. They are the policies'. */
	const struct name **names;
	size_t n_names;
	struct network_map_use *uses; /* sorted by name */
	size_t n_uses;
	struct network_ports *ports; /* one for each network subject */
	size_t n_ports;
	bool by_port;		     /* of the options: the ports' maps are the daemon's to fill */
	struct network_part **parts; /* likewise one each; with what it refers to */
	struct rs_part *constants;   /* what all of them refer to */
};

/* Where a redirect leads when its target is a name: its address of the family now; family 0: not known,
 * and then what would be redirected is denied. */
typedef struct addr network_address_fn(void *ctx, const struct name *n, int family);

struct network_options {
	/* Of the gate's DNS on every bridge address, for the networks whose policy_captures_dns(); 0: it
	 * has none. */
	uint16_t dns_port;
	network_address_fn *address; /* NULL: none is known */
	void *ctx;
	/*
	 * The kernel has no `meta ibrname` (CONFIG_NFT_BRIDGE_META): a port is known by its own name
	 * alone. What comes from one that is not known yet then gets as far as the host, which takes
	 * it for nobody: MAC and address together have to be those of a port that is known.
	 */
	bool by_port;
	/* Nobody is going to fill the sets of ports: what does not need them is enforced all the same. */
	bool unpinned;
	bool no_bridge_reject; /* CONFIG_NFT_BRIDGE_REJECT: what is denied there fails by time-out */
	/* To be resolved, too, though no rule has them; they have to outlive the map. */
	const struct name *const *names;
	size_t n_names;
};

void network_map_done(struct network_map *m);

/*
 * *out is the caller's, for ruleset_free(); *map for network_map_done(). An error names the rule and
 * says what a network cannot enforce: `quota`, for one.
 *
 * was: the map of another plan, compiled with the same by_port, unpinned and no_bridge_reject; or NULL.
 * Networks that are the same in both, under the same policy, are not compiled again: their parts are in both
 * rulesets.
 */
bool compile_networks(const struct plan *p, const struct network_options *o,
		      const struct network_map *was, struct ruleset **out, struct network_map *map,
		      struct err *e) _must_use_;

/*
 * The name that a network's chains and sets begin with: its own where nft takes it and it is not too
 * long, else what is left of it and a hash. What follows it begins with '-' and has a fixed number of
 * further ones, so that "a-host" and the host's chain of "a" differ.
 */
void network_prefix(const struct plan_subject *s, char out[static RULESET_NAME_MAX]);

#endif
