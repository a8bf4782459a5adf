/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An nftables ruleset of ours as a value: tables of sets and chains, in terms that have exactly one
 * form as nft text and one as netlink messages.
 *
 *	plan --compile_networks()--> ruleset --ruleset_text()--> what a person reads
 *					 \---kernel/tables.h---> what the kernel gets
 *
 * It is built once, by the functions below, and then only read. Keys and values are bytes as they
 * stand in a packet (network order); interface names are padded with NULs to 16 bytes.
 *
 * It is made of parts, such as all that one network has. A part can be of many rulesets: where a policy
 * changes, what does not change is the same object in the next one, which nobody has to compile, compare or
 * load again.
 */
#ifndef SALLYPORT_COMPILE_RULESET_H
#define SALLYPORT_COMPILE_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "net/addr.h"

#define RULESET_TABLE	    "sallyport"
#define RULESET_NAME_MAX    64	/* of a chain, set or counter, with its NUL; the kernel takes 255 */
#define RULESET_FIELDS_MAX  4	/* of one key */
#define RULESET_KEY_MAX	    40	/* bytes of a key: each field is padded to a multiple of 4 */
#define RULESET_COMMENT_MAX 128 /* bytes of a comment, which nft's own limit is too */
#define RULESET_PREFIX_MAX  128 /* of a log line, with its NUL: NF_LOG_PREFIXLEN */

enum rs_family { RS_INET, RS_BRIDGE, RS_FAMILY_COUNT };

/* What of a packet is looked at. rs_field_of() tells its length and nft's word for it. */
enum rs_field {
	RS_IIFNAME,	    /* 16 bytes */
	RS_OIFNAME,	    /* 16 */
	RS_IBRNAME,	    /* 16; the bridge that the port of arrival belongs to */
	RS_NFPROTO,	    /* 1; NFPROTO_IPV4, NFPROTO_IPV6 */
	RS_L4PROTO,	    /* 1; behind IPv6's extension headers */
	RS_ETHER_TYPE,	    /* 2; as it stands in the frame: 0x8100 when it is tagged */
	RS_ETHER_SADDR,	    /* 6 */
	RS_ETHER_DADDR,	    /* 6 */
	RS_ARP_OPERATION,   /* 2 */
	RS_ARP_SADDR_ETHER, /* 6 */
	RS_ARP_SADDR_IP,    /* 4 */
	RS_IP_SADDR,	    /* 4 */
	RS_IP_DADDR,	    /* 4 */
	RS_IP_HEADER,	    /* 1; version and length of the header, for options */
	RS_IP6_SADDR,	    /* 16 */
	RS_IP6_DADDR,	    /* 16 */
	RS_IP6_ROUTING,	    /* 1; only with RS_EXISTS: a routing header */
	RS_TH_SPORT,	    /* 2 */
	RS_TH_DPORT,	    /* 2 */
	RS_TCP_FLAGS,	    /* 1 */
	RS_ICMP_TYPE,	    /* 1 */
	RS_ICMPV6_TYPE,	    /* 1 */
	RS_ND_TARGET, /* 16; of a neighbour solicitation or advertisement. nft 1.0.6 has no type for
			     * it: a set of it is keyed by it alone or with an interface's name, and is
			     * printed as `typeof` */
	RS_CT_STATE,  /* 4, host order: NF_CT_STATE_* */
	RS_CT_STATUS, /* 4, host order: IPS_* */
	RS_IIFTYPE, /* 2, host order: ARPHRD_*; stands before what reads an Ethernet header in RS_INET */
	RS_DADDR_TYPE, /* 4, host order: RTN_* of the destination at the interface of arrival (fib) */
	RS_FIELD_COUNT
};

/* Bits of RS_CT_STATE as nft has them (linux/netfilter/nf_tables.h: NF_CT_STATE_BIT), and of
 * RS_CT_STATUS (linux/netfilter/nf_conntrack_common.h). */
#define RS_CT_INVALID	  1U
#define RS_CT_ESTABLISHED 2U
#define RS_CT_RELATED	  4U
#define RS_CT_NEW	  8U
#define RS_CT_DNAT	  32U

struct rs_field_info {
	const char *word; /* "ip daddr" */
	const char *type; /* "ipv4_addr": of a set's key; NULL: none has it, or by typeof alone */
	uint8_t len;	  /* bytes */
};

const struct rs_field_info *rs_field_of(enum rs_field f);

enum rs_verdict_kind { RS_ACCEPT, RS_DROP, RS_RETURN, RS_JUMP, RS_GOTO, RS_VERDICT_COUNT };

struct rs_verdict {
	enum rs_verdict_kind kind;
	const char *chain; /* RS_JUMP, RS_GOTO; else "" */
};

enum rs_compare {
	RS_EQ,	      /* field == value */
	RS_NE,	      /* field != value */
	RS_MASKED_EQ, /* field & mask == value */
	RS_MASKED_NE, /* field & mask != value */
	RS_EXISTS,    /* a header is there */
};

enum rs_expr_kind {
	RS_COMPARE,
	RS_LOOKUP,	 /* the fields, joined, are (not) in the set */
	RS_VMAP,	 /* the verdict that the map has for them, if it has them */
	RS_COUNTER,	 /* a named counter of the table */
	RS_LIMIT,	 /* passes on while under the rate; `over`: while above it */
	RS_CT_COUNT,	 /* passes on while more than n connections are open */
	RS_LOG,		 /* NFLOG */
	RS_REJECT_TCP,	 /* a reset */
	RS_REJECT_ADMIN, /* ICMP or ICMPv6 "administratively prohibited" */
	RS_DNAT,
	RS_REDIRECT, /* to a port of this host, at the address the packet came in by */
	RS_VERDICT,
	RS_EXPR_COUNT
};

struct rs_expr {
	enum rs_expr_kind kind;
	union {
		struct {
			enum rs_field field;
			enum rs_compare op;
			uint8_t value[16], mask[16];
		} compare;
		struct {
			enum rs_field fields[RULESET_FIELDS_MAX];
			uint8_t n_fields;
			bool not ; /* RS_LOOKUP */
			const char *set;
		} lookup; /* and RS_VMAP */
		const char *counter;
		struct {
			uint64_t rate;	/* a second */
			uint32_t burst; /* in the same unit */
			bool bytes;	/* else packets */
			bool over;
		} limit;
		uint32_t ct_count;
		struct {
			const char *prefix;
			uint16_t group;
			uint32_t snaplen;
		} log;
		struct {
			struct addr addr;
			uint16_t port;
		} dnat;
		uint16_t redirect_port;
		struct rs_verdict verdict;
	};
};

struct rs_part;

/* What is behind the pointers of a rule or chain belongs to its part. */
struct rs_rule {
	struct rs_expr *exprs;
	size_t n_exprs, cap_exprs;
	const char *comment; /* "": none */
	struct rs_part *part;
};

enum rs_hook { RS_NO_HOOK, RS_PREROUTING, RS_INPUT, RS_FORWARD, RS_OUTPUT, RS_POSTROUTING };

struct rs_chain {
	const char *name;  /* first: ruleset_seal() */
	enum rs_hook hook; /* base chains: their policy is accept, what is denied is a rule's */
	bool nat;	   /* type nat; else filter */
	int32_t priority;
	struct rs_rule *rules;
	size_t n_rules, cap_rules;
	struct rs_part *part;
};

struct rs_element {
	const uint8_t *key; /* the fields, each padded with NULs to a multiple of 4 */
	const uint8_t
		*end; /* RS_SET_INTERVAL: the last one, inclusive, field by field; else the key */
	const char *comment;	   /* "": none */
	struct rs_verdict verdict; /* RS_SET_VMAP */
	uint64_t timeout_ms;	   /* RS_SET_TIMEOUT: how long it stays from now; 0: for good */
};

/* Elements, with all that they point to. */
struct rs_elements {
	struct rs_element *items;
	size_t n, cap;
	struct arena arena;
};

enum rs_set_flags {
	RS_SET_INTERVAL = 1, /* elements are ranges that do not overlap; two fields or more */
	RS_SET_TIMEOUT = 2,  /* elements expire by themselves */
	RS_SET_VMAP = 4,     /* a map to verdicts */
	RS_SET_LEARNED = 8,  /* not the plan's: elements come and go while it is in force */
};

struct rs_set {
	const char *name; /* first */
	enum rs_field fields[RULESET_FIELDS_MAX];
	uint8_t n_fields;
	unsigned flags;
	uint32_t size;	     /* the most elements; 0: no ceiling of its own */
	const char *comment; /* "": none */
	struct rs_elements elements;
	struct rs_part *part;
};

/* The lists are owned, what is in them belongs to its part. */
struct rs_table {
	enum rs_family family;
	struct rs_set **sets;
	size_t n_sets, cap_sets;
	struct rs_chain **chains;
	size_t n_chains, cap_chains;
	const char **counters;
	size_t n_counters, cap_counters;
	struct rs_part *part; /* that is being built */
	uint32_t *sets_by_name,
		*chains_by_name; /* places in the lists, once ruleset_seal() was called */
};

/* With one more reference for each ruleset that it is in. */
struct rs_part {
	unsigned refs;
	struct arena arena;			 /* chains, sets and texts */
	struct rs_table tables[RS_FAMILY_COUNT]; /* what belongs to it */
};

struct ruleset {
	struct rs_table tables[RS_FAMILY_COUNT];
	struct rs_part **parts;
	size_t n_parts, cap_parts;
};

/* Empty, in its first part. */
struct ruleset *ruleset_new(void) _must_use_;
void ruleset_free(struct ruleset *r);
void ruleset_freep(struct ruleset **r);

/* Begins another part: what is added from now on belongs to it. It is the ruleset's. */
struct rs_part *ruleset_begin(struct ruleset *r);

/* Adds a part of another ruleset, behind what there is. */
void ruleset_take(struct ruleset *r, struct rs_part *p);

/* Nothing more is added to it: what its lists have taken ahead is given back. */
void rs_part_fit(struct rs_part *p);

struct rs_part *rs_part_ref(struct rs_part *p);
void rs_part_unref(struct rs_part *p);

bool ruleset_has(const struct ruleset *r, const struct rs_part *p);

/* Those parts of r that `other` has not: sealed, and the caller's. */
struct ruleset *ruleset_without(const struct ruleset *r, const struct ruleset *other) _must_use_;

/* Nothing more is added: what is looked for by its name is found faster from now on. */
void ruleset_seal(struct ruleset *r);

/*
 * All of it as nft text, which `nft -f` takes: it replaces the tables that are there. Protocols,
 * ports and types are numbers, and addresses are addresses: nothing is left to a resolver. The caller
 * checks buf_ok().
 */
void ruleset_text(const struct ruleset *r, struct buf *out);

/* NULL when there is none of that name. */
struct rs_set *rs_set_find(const struct rs_table *t, const char *name);
struct rs_chain *rs_chain_find(const struct rs_table *t, const char *name);

/* Its place in the table's list; SIZE_MAX when there is none of that name. */
size_t rs_set_place(const struct rs_table *t, const char *name);
size_t rs_chain_place(const struct rs_table *t, const char *name);

/*
 * What follows builds. A pointer to a rule or an element is good until the next of its kind is added;
 * names are cut when they are too long, so callers make them short. Comments lose control bytes
 * and '"', and are cut at a character.
 */
struct rs_chain *rs_chain_add(struct rs_table *t, const char *name);
struct rs_chain *rs_base_chain_add(struct rs_table *t, const char *name, enum rs_hook hook,
				   int32_t priority);
struct rs_set *rs_set_add(struct rs_table *t, const char *name, unsigned flags,
			  const enum rs_field *fields, size_t n);
void rs_counter_add(struct rs_table *t, const char *name);
struct rs_rule *rs_rule_add(struct rs_chain *c, const char *comment);

/* Makes room for n more elements at once: a large set then takes no more memory than it needs. */
void rs_set_reserve(struct rs_set *s, size_t n);

/* Takes all its elements away: of an RS_SET_LEARNED set. */
void rs_set_clear(struct rs_set *s);

/*
 * key: rs_set_key_len() bytes; end: NULL for the key itself. A comment that is the same as that of the
 * element before takes no room.
 */
struct rs_element *rs_element_add(struct rs_set *s, const uint8_t *key, const uint8_t *end,
				  const char *comment);

/* Where an element leads. */
void rs_element_leads(struct rs_set *s, struct rs_element *el, enum rs_verdict_kind kind,
		      const char *chain);

/* The same for elements that belong to no set; len: of the key. Comments are taken as they are. */
struct rs_element *rs_elements_add(struct rs_elements *l, size_t len, const uint8_t *key,
				   const uint8_t *end, const char *comment);
void rs_elements_done(struct rs_elements *l);

/* Bytes of a key: its fields, each padded to a multiple of 4. */
size_t rs_set_key_len(const struct rs_set *s);

/* Appends a field's bytes to a key that is *n long, with its padding. */
void rs_key_append(uint8_t *key, size_t *n, enum rs_field f, const void *value);

void rs_compare(struct rs_rule *r, enum rs_field f, enum rs_compare op, const void *value);
void rs_compare_masked(struct rs_rule *r, enum rs_field f, enum rs_compare op, const void *mask,
		       const void *value);
/* By the set's own fields; not: where it is not among them. */
void rs_lookup(struct rs_rule *r, const struct rs_set *s, bool not );
/* By other fields of the same lengths, as many as the set has. */
void rs_lookup_by(struct rs_rule *r, const struct rs_set *s, const enum rs_field *fields,
		  bool not );
void rs_vmap(struct rs_rule *r, const struct rs_set *s);
void rs_vmap_by(struct rs_rule *r, const struct rs_set *s, const enum rs_field *fields);
void rs_counter(struct rs_rule *r, const char *name);
void rs_limit(struct rs_rule *r, uint64_t packets_s, uint32_t burst);
void rs_limit_bytes_over(struct rs_rule *r, uint64_t bytes_s, uint32_t burst);
void rs_ct_count_over(struct rs_rule *r, uint32_t n);
void rs_log(struct rs_rule *r, uint16_t group, uint32_t snaplen, const char *prefix);
void rs_reject_tcp(struct rs_rule *r);
void rs_reject_admin(struct rs_rule *r);
void rs_dnat(struct rs_rule *r, const struct addr *a, uint16_t port);
void rs_redirect(struct rs_rule *r, uint16_t port);
void rs_verdict(struct rs_rule *r, enum rs_verdict_kind kind, const char *chain);

#endif
