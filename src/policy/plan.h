/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan: the resolved, canonical, immutable form of a whole policy file, from which every other
 * part of the program works.
 *
 *	bytes --policy_read()--> model --policy_resolve()--> plan --decide()--> verdict
 *
 * A plan has no groups, no `extends` and no names of policies to look up: each policy holds every
 * rule that applies, in the order in which they are tried.
 *
 * A policy is an object of its own, which several plans can hold: what a new plan has in common with the one
 * before is not made again. Whoever makes one may fill it in until the plan is handed on; from then on it never
 * changes, but for plan_rule_prepend() as long as no other plan holds it. Where its rules stand in the file
 * moves without any of them changing, and belongs to the plan.
 */
#ifndef SALLYPORT_POLICY_PLAN_H
#define SALLYPORT_POLICY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "net/dest.h"

enum __attribute__((packed)) rule_action {
	RULE_ALLOW,
	RULE_DENY,
	RULE_REDIRECT,
	RULE_ASK,
	RULE_ACTION_COUNT
};

enum policy_mode { MODE_ENFORCE, MODE_AUDIT, MODE_COUNT };

enum policy_dns {
	DNS_VIRTUAL, /* each name gets an address of its own from a private pool */
	DNS_REAL,    /* the addresses that upstream answered */
	DNS_OFF,     /* no name resolves */
	DNS_MODE_COUNT
};

/* Encrypted Client Hello hides the name that is checked on 443; browsers send a dummy one. */
enum policy_ech { ECH_DENY, ECH_ALLOW, ECH_MODE_COUNT };

struct plan_limits {
	uint32_t connections;	 /* at one time; 0: the program's own limit */
	uint64_t rate_bits_s;	 /* 0: none */
	uint64_t quota_bytes;	 /* 0: none */
	uint32_t quota_period_s; /* with quota_bytes: 3600, 86400, ... */
};

/* All that it points to is its policy's. */
struct plan_rule {
	struct dest *dests; /* groups expanded; never DEST_GROUP */
	struct dest *
		to; /* RULE_REDIRECT: one name, address or host, with exactly one port; else NULL */
	const char *policy; /* the policy in whose text it stands (not the one that extends it) */
	const char
		*file; /* of an allow-list, whose name and line `policy` and `index` are; or NULL */
	const char *comment; /* or NULL */
	uint16_t *qtypes;    /* further DNS query types answered for its names: MX, TXT, ... */
	uint32_t n_dests, n_qtypes;
	uint32_t index; /* its place among that policy's rules, from 1: "agent:2" */
	enum rule_action action;
	/*
	 * Its names open private addresses as well, where nobody but the network's own people can have
	 * such a name: see rule_opens_private(). Of Dockside's files, which have no other way to say
	 * so; never of a policy file.
	 */
	bool private_names;
	bool added; /* by plan_rule_prepend() */
};

/* There are tens of thousands of them. */
_Static_assert(sizeof(struct plan_rule) <= 64, "a rule is small");

struct plan_policy {
	unsigned refs;		  /* plan_policy_ref() */
	struct arena arena;	  /* has all that the policy points to */
	struct plan_policy *base; /* holds what the arena does not have; or NULL */
	struct span flat;	  /* the bytes it was read from (policy/flat.h), or empty */
	size_t room;		  /* for so many further rules before `rules` */

	const char *name;
	enum policy_mode mode;
	enum policy_dns dns;
	/*
	 * At a network nobody answers questions for names in the place of the servers that the rules
	 * open. Of Dockside's files, whose rules say where DNS goes; never of a policy file.
	 */
	bool dns_by_rules;
	enum policy_ech ech;
	struct plan_limits limits;
	struct plan_rule *rules; /* the first that matches wins; none matches: deny */
	size_t n_rules;
	bool extended; /* another policy of the file builds on it */
};

enum subject_kind {
	SUBJECT_JAIL,
	SUBJECT_NETWORK,
	SUBJECT_CONTAINER, /* by name */
	SUBJECT_LABEL,	   /* container: { label: KEY=VALUE } */
	SUBJECT_CGROUP,
	SUBJECT_PROXY,
	SUBJECT_KIND_COUNT
};

/* Bytes of an interface's name, with its NUL: IFNAMSIZ. */
#define PLAN_BRIDGE_MAX 16

/* Whether the controller's own traffic is judged. */
enum controller_egress {
	CONTROLLER_EXEMPT,  /* the policy is not for it */
	CONTROLLER_POLICED, /* it is; only its way to the other containers is free */
	CONTROLLER_EGRESS_COUNT
};

/*
 * The one container of a network that manages the others. It is known by all that is given here,
 * never by less, and what it is known by is pinned to its port of the bridge.
 */
struct plan_controller {
	bool has_mac;
	uint8_t mac[6];
	struct addr addr; /* family 0: none */
	enum controller_egress egress;
};

/* What the engine is told when it makes the network, and what it is compared with when it exists. */
struct plan_subnet {
	struct prefix prefix; /* addr.family 0: none */
	struct addr gateway;  /* family 0: the engine's choice */
};

/* SUBJECT_NETWORK */
struct plan_network {
	char bridge[PLAN_BRIDGE_MAX]; /* the interface; from the name where none is written */
	bool bridge_written;
	struct plan_subnet v4, v6;
	bool lateral; /* its containers may reach one another */
	bool left;    /* it has left the policy: plan_deny_network() */
	bool create;  /* the engine is asked to make it when it is not there */
	struct plan_controller controller;
	bool has_controller;
};

struct plan_subject {
	enum subject_kind kind;
	char *id;   /* "ds-priv", "sallyport.policy=agent", "127.0.0.1:8888" */
	char *user; /* SUBJECT_PROXY: who logs in; NULL: clients without credentials */
	struct plan_policy *policy;  /* of the same plan */
	struct plan_network network; /* SUBJECT_NETWORK */
	struct pos at;
};

struct plan {
	char *file; /* the path as given, or NULL when it came from the command line alone */
	struct plan_policy **policies; /* a reference to each */
	struct pos **places; /* of each policy: where each of its rules stands; or NULL: nowhere */
	size_t n_policies;
	struct plan_subject *subjects;
	size_t n_subjects;
	struct lint *lints; /* what is allowed but probably not meant */
	size_t n_lints;
};

struct lint {
	char *file;    /* NULL: the plan's own */
	struct pos at; /* line 0: the command line */
	char *text;
};

void plan_free(struct plan *p);
void plan_freep(struct plan **p);

/* A policy of that name (NULL: it gets one yet) without rules: the caller's one reference. */
struct plan_policy *plan_policy_new(const char *name) _must_use_;

/* One reference more, to be given back. Returns p. */
struct plan_policy *plan_policy_ref(struct plan_policy *p);
void plan_policy_unref(struct plan_policy *p);

/* Room for n rules, all zeros, of which the policy has none yet. */
void plan_policy_reserve(struct plan_policy *p, size_t n);

/* Appends a policy, whose reference becomes the plan's, and places for `n_places` rules, which are returned. */
struct pos *plan_policy_add(struct plan *p, struct plan_policy *take, size_t n_places);

/* A plan of the same policies, with equal subjects, for plan_free(). It has no lints. */
struct plan *plan_copy(const struct plan *p) _must_use_;

/*
 * The same policies in the same order, as objects, and equal subjects under them: what is done by one is done
 * by the other. Files and places are not compared.
 */
bool plan_same(const struct plan *a, const struct plan *b);
/* Of two that are the same: each rule's place in the one is now that in the other. */
void plan_swap_places(struct plan *a, struct plan *b);

bool plan_subject_same(const struct plan_subject *a, const struct plan_subject *b);

/* Every policy lets pass what it denies: of a plan that was just made. */
void plan_audit(struct plan *p);

/*
 * Adds a network of another plan under a policy without rules, which denies everything: what has left a policy
 * while somebody is still in it. Pointers to subjects of the plan are no longer good.
 */
void plan_deny_network(struct plan *p, const struct plan_subject *was);

/* Takes all of them away again. */
void plan_drop_left(struct plan *p);

/*
 * Puts a rule in front of all of the plan's policy number `policy`: `dest` as dest_parse() reads it, which goes
 * by the name and the index given, "added:1". Where other plans hold the policy, this one gets another in its
 * place, and pointers to it and its rules are no longer those of the plan. An error says what is wrong with
 * dest.
 */
bool plan_rule_prepend(struct plan *p, size_t policy, enum rule_action action, const char *dest,
		       const char *name, unsigned index, struct err *e) _must_use_;

/*
 * Takes away the rules that were put in front and allow; those that deny stay. False: there are none. As with
 * plan_rule_prepend(), a policy that is not the plan's alone is replaced.
 */
bool plan_drop_added_allows(struct plan *p);

/* The number of one of the plan's policies; n_policies where it is none of them. */
size_t plan_policy_number(const struct plan *p, const struct plan_policy *policy);

/* Where one of the plan's rules stands in its file; line 0: nowhere, it came from the command line. */
struct pos plan_rule_at(const struct plan *p, const struct plan_rule *r);

/* NULL when there is none of that name. */
const struct plan_policy *plan_policy_find(const struct plan *p, struct span name);

/*
 * The policy that a command is run under: the one called `use`, or, where use is NULL, the only
 * one, or the only one that no other extends. The error names those there are.
 */
bool plan_policy_pick(const struct plan *p, const char *use, const struct plan_policy **out,
		      struct err *e) _must_use_;

/* "file.yaml:12:5" or "command line" for a rule, into out. Returns out. */
const char *plan_rule_where(const struct plan *p, const struct plan_rule *r, char *out,
			    size_t size);

const char *rule_action_str(enum rule_action a);
const char *policy_mode_str(enum policy_mode m);
const char *policy_dns_str(enum policy_dns d);
const char *policy_ech_str(enum policy_ech v);
const char *subject_kind_str(enum subject_kind k);
const char *controller_egress_str(enum controller_egress c);

/* The types of addresses, A and AAAA, which every allowed name has and no rule has to list. */
static inline bool plan_qtype_is_address(uint16_t qtype)
{
	return qtype == 1 || qtype == 28;
}

/* "MX" for 15; NULL for a type that no rule can list. */
const char *plan_qtype_str(uint16_t qtype);

/* As the file writes them, "connections 200, rate 50mbit, quota 2GB/day"; "" for none. */
void plan_limits_str(const struct plan_limits *l, struct buf *out);

#endif
