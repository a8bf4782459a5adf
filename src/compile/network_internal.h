/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How compile_networks() does it: network.c has the tables, their base chains and maps, and puts together what
 * each network has become:
 *
 *	network_segments.c	the policy's rules become segments, each a heap of boxes
 *	network_boxes.c		the boxes are sorted into layers that do not overlap
 *	network_sets.c		each layer becomes a set
 *	network_names.c		the names of a segment become sets to be filled
 *	network_chains.c	the chains of table inet
 *	network_bridge.c	the chains of table bridge
 *	network_rule.c		what the rules of both are made of
 *	network_part.c		all of it together, for as many plans as have the same network
 */
#ifndef SALLYPORT_COMPILE_NETWORK_INTERNAL_H
#define SALLYPORT_COMPILE_NETWORK_INTERNAL_H

#include "compile/network.h"

#define ARPHRD_ETHER 1 /* linux/if_arp.h */

/* ---- Boxes ---- */

/* Some addresses, and some of what is asked of them: one element of a set. */
struct box {
	struct prefix prefix; /* of SCOPE_HOST: none */
	uint32_t lo, hi;      /* box_range(); protocols; types of ICMP */
	const struct plan_rule *rule;
	size_t layer; /* BOX_COVERED: another one says the same */
};

#define BOX_COVERED SIZE_MAX

struct boxes {
	struct box *items; /* owned; in the order of the rules */
	size_t n, cap;
};

/* Ports of one protocol as one range of numbers. */
static inline uint32_t box_port(uint8_t proto, uint16_t port)
{
	return (uint32_t)proto << 16 | port;
}

/*
 * Gives each box its layer, so that no two in a layer overlap. What another box says is taken off one,
 * where it is all of it or the other one has the same prefix. With keep_all nothing is, and only equal
 * boxes share what they are. At least one box. Returns how many layers there are.
 */
size_t boxes_layer(struct boxes *b, bool keep_all);

/* The same for single addresses with single ports, of which only equal ones overlap. */
size_t boxes_unique(struct boxes *b);

/* ---- Segments ---- */

/* Whose packets a set is asked about. */
enum scope {
	SCOPE_4,
	SCOPE_6,
	SCOPE_HOST, /* to the host itself, at the addresses of the bridge */
	SCOPE_COUNT
};

enum set_kind {
	KIND_EXACT, /* one address, one port */
	KIND_RANGE, /* prefixes, ranges of ports */
	KIND_PROTO, /* every port, and protocols without ports */
	KIND_ICMP,  /* types of ICMP */
	KIND_COUNT
};

enum segment_kind {
	SEGMENT_ALLOW,
	SEGMENT_ANY, /* an allow of `any`: what no name opens is denied here */
	SEGMENT_DENY,
	SEGMENT_REDIRECT,
};

/* A name in a rule. */
struct learned {
	const struct plan_rule *rule;
	const struct dest *dest;
};

/* A set of the segment, by which its rules look packets up. */
struct segment_set {
	enum scope scope;
	enum set_kind kind;
	struct rs_set *set;
};

struct segment {
	enum segment_kind kind;
	const struct dest *to; /* SEGMENT_REDIRECT */
	struct addr v4, v6;    /* where it is now; family 0: not known, or the host */
	const struct plan_rule *first, *last; /* that it holds something of */
	char label[16];			      /* behind the network's prefix: "1", "ranges" */
	struct boxes boxes[SCOPE_COUNT][KIND_COUNT];
	struct learned *learned; /* owned */
	size_t n_learned, cap_learned;
	struct segment_set *sets; /* owned */
	size_t n_sets, cap_sets;
};

void segment_done(struct segment *s);

/* ---- What became of a network ---- */

/* The network's bridge in one of the maps that base chains ask. */
struct map_entry {
	enum rs_family family;
	const char *map;
	enum rs_field field;
	enum rs_verdict_kind kind;
	const char *chain;
};

struct network_part {
	unsigned refs;
	struct rs_part *rules;	     /* a reference */
	struct plan_policy *policy;  /* likewise */
	struct plan_subject subject; /* a copy, under the policy */
	uint16_t dns_port;
	bool follows_names; /* a redirect leads to where a name leads: nobody else can have it */
	struct network_ports ports;
	struct network_name_use *uses;
	size_t n_uses, cap_uses;
	const struct name **targets; /* of redirects */
	size_t n_targets, cap_targets;
	struct map_entry *entries;
	size_t n_entries, cap_entries;
};

struct network_part *network_part_new(const struct plan_subject *s, uint16_t dns_port,
				      struct rs_part *rules);
struct network_part *network_part_ref(struct network_part *p);
void network_part_unref(struct network_part *p);

/* The part of such a network; NULL: there is none. */
struct network_part *network_part_find(const struct network_map *was, const struct plan_subject *s,
				       uint16_t dns_port);

/* Fills in names and uses from the parts, and the names of the options. */
void map_finish(struct network_map *m, const struct network_options *o);

/* One network while it is compiled. */
struct network {
	const struct plan_subject *subject;
	const struct plan_network *net;
	const struct plan_policy *policy;
	const struct network_options *options;
	struct rs_table *inet, *bridge; /* what is added to */
	struct network_part *part;
	struct network_ports *ports; /* the part's */
	char prefix[RULESET_NAME_MAX];
	struct segment *segments; /* owned; in the order of the rules, none of them empty */
	size_t n_segments, cap_segments;
	struct segment ranges;	   /* allowed prefixes where no name leads; with a SEGMENT_ANY */
	struct segment redirected; /* what redirects lead to */
	bool has_any, has_redirect;
	uint16_t dns_port; /* of the gate, which answers this network; 0: it does not */
};

/* Each of which "any" with a port stands for. */
#define PROTOS_WITH_PORTS 5
extern const uint8_t protos_with_ports[PROTOS_WITH_PORTS];

/* As in decide(): protocols without ports are meant too. */
bool ports_every(const struct ports *p);

/* Fills in segments, ranges and redirected with boxes and names. */
void network_segments(struct network *n);

/* ---- Sets ---- */

/* Makes the sets of the segment's boxes and notes them in s->sets. */
void segment_sets(struct network *n, struct segment *s);

/* The same for its names, and their uses in the map. */
void segment_names(struct network *n, struct segment *s);

/* "ds-priv-3-4r2" is the second layer of segment 3's ranges. */
void segment_set_name(const struct network *n, const struct segment *s, enum scope scope,
		      const char *suffix, size_t layer, char out[static RULESET_NAME_MAX]);

/* The fields of a set's key; returns how many. */
size_t set_fields(enum scope scope, enum set_kind kind,
		  enum rs_field out[static RULESET_FIELDS_MAX]);

/* "agent:12 ping for diagnostics" */
void rule_comment(const struct plan_rule *r, const char *more,
		  char out[static RULESET_COMMENT_MAX]);

/* ---- Chains ---- */

void network_chains(struct network *n);
void network_bridge(struct network *n);

/* "PREFIX-SUFFIX". Returns out. */
const char *network_name(const struct network *n, const char *suffix,
			 char out[static RULESET_NAME_MAX]);

/* A chain of the network. */
struct rs_chain *network_chain(const struct network *n, struct rs_table *t, const char *suffix);

/* Ends the rule in a chain of the network. */
void go_to(const struct network *n, struct rs_rule *r, const char *suffix);

/* One rule that sends there all that comes so far. */
void end_in(const struct network *n, struct rs_chain *c, const char *suffix);

/* The network's bridge leads to a chain of the network in that map. */
void add_to_map(const struct network *n, struct rs_table *t, const char *map, enum rs_field f,
		enum rs_verdict_kind kind, const char *suffix);

/* Ends the rule for what is not wanted but no attempt at anything: in audit it passes all the same. */
void drop_quietly(const struct network *n, struct rs_rule *r);

struct denial {
	const char *reason; /* of the log's prefix */
	const char *suffix; /* of its chain */
	bool rejected;	    /* else dropped without an answer */
	bool forged;	    /* dropped in an audit, too */
};

/* The counter and the chains that denials go to. reject: the table's family has it. */
void network_denials(const struct network *n, struct rs_table *t, const struct denial *d,
		     size_t n_denials, bool reject);

/* The network has a controller that can be known; exempt: and the policy is not for it. */
bool has_controller(const struct network *n);
bool has_exempt(const struct network *n);

/* field == value, of a byte or two in network order, or a name. */
void match_u8(struct rs_rule *r, enum rs_field f, uint8_t v);
void match_u16(struct rs_rule *r, enum rs_field f, uint16_t v);
void match_interface(struct rs_rule *r, enum rs_field f, const char *interface);

/* In the set of that name, or (not) outside. */
void match_in(struct rs_rule *r, const struct rs_table *t, const char *set, bool not );

/* The maps that base chains ask. */
#define MAP_FORWARD   "forward"
#define MAP_INBOUND   "inbound"
#define MAP_RATE_FROM "rate-from"
#define MAP_RATE_TO   "rate-to"
#define MAP_INPUT     "input"
#define MAP_OUTPUT    "output"
#define MAP_NAT	      "nat"

/* The sets that networks share. */
#define SET_ICMP_ERRORS	  "icmp-errors"
#define SET_ICMPV6_ERRORS "icmpv6-errors"
#define SET_NEIGHBOURS	  "icmpv6-neighbours"
#define SET_CHATTER	  "icmpv6-chatter" /* what hosts say to their link, unasked */
#define SET_EMBEDDED	  "embedded"
#define SET_FORBIDDEN4	  "forbidden-4"
#define SET_FORBIDDEN6	  "forbidden-6"

#endif
