/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two JSON files of the Dockside firewall daemon, as a plan: one network subject and one policy
 * for each managed network.
 *
 *	network-config.json   {"networks": [{name, subnet, gateway_ip, dockside_ip, dockside_mac,
 *			       dockside_egress}]}
 *	firewall-config.json  {"ipsets": {SET: [HOST...]}, "networks": {NAME: {egress, nat}}}
 *
 * What an egress rule means is kept, and so is what a drop does: everything to its destination,
 * whatever its proto and ports. `"to": "all"` of an allow is every address, private ones too. A rule
 * goes by its network and its place, "ds-priv:3"; one of `nat` by "ds-priv.nat:1", and those come
 * first, as the kernel translates before it filters. What is not kept:
 *
 * - what no rule allows is denied, also without a drop at the end;
 * - an allow whose selector is missing, or is not the one that `to` says, is an error, and so is a
 *   set that is not defined;
 * - an allow without a protocol, or of tcp or udp without ports, was passed over and still is: what
 *   it was meant to open stays denied, and a lint says so;
 * - a host that anybody could register a name for, like www.example.com, opens no private address:
 *   a rule with its cidr does; one like db.internal still opens the address it has;
 * - an ICMP rule is for its destination only, and a nat rule opens the one place that it leads to.
 *
 * A network is managed when it has a controller, egress or nat rules. Others are not in the plan:
 * they are made when they are missing, and left alone. Files from before the keys dockside_ip and
 * dockside_mac are told by `gateway_mac`: where it is written, it and `gateway_ip` are the
 * controller's, and the gateway is the subnet's first address.
 */
#ifndef SALLYPORT_POLICY_DOCKSIDE_H
#define SALLYPORT_POLICY_DOCKSIDE_H

#include <jansson.h>

#include "policy/plan.h"

/* How often a set's names are asked for, and how long their addresses are kept. */
struct dockside_tuning {
	unsigned dns_queries;	   /* of each name, each time */
	unsigned stale_ttl;	   /* seconds an address stays after it was last seen */
	unsigned refresh_interval; /* seconds */
	unsigned max_entries;	   /* addresses */
};

/* The environment of the daemon: what stands for tunings that a set does not write, and the rest. */
struct dockside_env {
	struct dockside_tuning tuning;
	unsigned max_hostnames;	      /* of one set; 0: IPSET_MAX_HOSTNAMES is not set, and any */
	unsigned failure_backoff_max; /* seconds */
	unsigned refresh_jitter_pct;
};

#define DOCKSIDE_ENV_DEFAULT ((struct dockside_env){ { 1, 300, 60, 4096 }, 0, 300, 10 })

/* getenv(), or something like it. */
typedef const char *dockside_getenv_fn(void *ctx, const char *name);

/* Reads IPSET_STALE_TTL and its like; a value out of its bounds is an error that names both. */
bool dockside_env_parse(dockside_getenv_fn *get, void *ctx, struct dockside_env *out, struct err *e)
	_must_use_;

struct dockside_network {
	char *name;
	bool managed; /* it is a subject of the plan */
	struct plan_network network;
};

struct dockside_ipset {
	char *name;
	char **hostnames; /* as written: names, addresses and prefixes */
	size_t n;
	struct dockside_tuning tuning;
};

struct dockside_text;  /* of one of the files */
struct dockside_entry; /* what the text has for one network */

/* Both files, read. It changes no more: each change makes another one. */
struct dockside {
	struct dockside_text *network_text, *firewall_text;
	struct dockside_entry *entries; /* one for each network */
	struct dockside_env env;
	struct dockside_network *networks; /* in the order of the file */
	size_t n_networks;
	struct dockside_ipset *ipsets; /* likewise */
	size_t n_ipsets;
	struct plan *plan; /* with its lints; the file of its rules is firewall-config.json */
};

/*
 * Reads the two files, each of at most LIMIT_DOCKSIDE_BYTES; lines may end in `// comment`, and keys
 * that are not known are passed over. The error begins with "FILE:LINE:COLUMN: networks[2].subnet: ".
 */
bool dockside_load(const char *network_file, const char *firewall_file,
		   const struct dockside_env *env, struct dockside **out, struct err *e) _must_use_;

/* The same from texts; the files are for messages and for dockside_save(). */
bool dockside_read(const char *network_file, struct span network_text, const char *firewall_file,
		   struct span firewall_text, const struct dockside_env *env, struct dockside **out,
		   struct err *e) _must_use_;

/*
 * The same, with the same outcome for less: what the texts have in common with those of `was` is taken over,
 * the policies of the plan as objects, where that is sure. The first reads was's files as they are by now.
 */
bool dockside_reload(const struct dockside *was, const struct dockside_env *env,
		     struct dockside **out, struct err *e) _must_use_;
bool dockside_reread(const struct dockside *was, struct span network_text,
		     struct span firewall_text, const struct dockside_env *env,
		     struct dockside **out, struct err *e) _must_use_;

void dockside_free(struct dockside *d);
void dockside_freep(struct dockside **d);

/* NULL when there is none of that name. */
const struct dockside_network *dockside_network_find(const struct dockside *d, const char *name);
const struct dockside_ipset *dockside_ipset_find(const struct dockside *d, const char *name);

/*
 * The changes. Each reads d, which stays as it is, and makes *out, the caller's, from texts in which
 * only what changes is other: comments, unknown keys and the order of the lines are kept, but for
 * comments inside of a value that is written over.
 */

/*
 * Adds the network, or sets those of subnet, gateway_ip, dockside_ip, dockside_mac and dockside_egress
 * that `network` (an object or NULL) has. A network that exists keeps its subnet: another one is an
 * error. `firewall` becomes its rules: egress and nat; NULL or nothing in it removes them.
 */
bool dockside_set_network(const struct dockside *d, const char *name, const json_t *network,
			  const json_t *firewall, struct dockside **out, struct err *e) _must_use_;

/* Removes the network and its rules; an error where there is none of that name. */
bool dockside_remove_network(const struct dockside *d, const char *name, struct dockside **out,
			     struct err *e) _must_use_;

/*
 * Adds or replaces a set. hostnames: a list. tunings: an object that has those of dns_queries,
 * stale_ttl, refresh_interval and max_entries that are to be written, other keys do not matter; NULL:
 * none. A set with every tuning at its default is written as a plain list.
 */
bool dockside_set_ipset(const struct dockside *d, const char *name, const json_t *hostnames,
			const json_t *tunings, struct dockside **out, struct err *e) _must_use_;

/* An error where there is none of that name, and where rules refer to it: it names their networks. */
bool dockside_remove_ipset(const struct dockside *d, const char *name, struct dockside **out,
			   struct err *e) _must_use_;

/* Other contents for both. Of the comments, those that the texts begin with are kept. */
bool dockside_replace(const struct dockside *d, const json_t *network_config,
		      const json_t *firewall_config, struct dockside **out, struct err *e)
	_must_use_;

/* The text as it is to be saved. */
struct span dockside_network_text(const struct dockside *d);
struct span dockside_firewall_text(const struct dockside *d);

/*
 * Makes the texts the contents of the two files. Where the second cannot be written the first is put
 * back, and the error says so.
 */
bool dockside_save(const struct dockside *d, struct err *e) _must_use_;

#endif
