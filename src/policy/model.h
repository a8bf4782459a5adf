/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model: what is written in a policy file, key by key, before any name is looked up. Texts
 * stay nodes of the document, which the model owns, so that every later error has its place.
 */
#ifndef SALLYPORT_POLICY_MODEL_H
#define SALLYPORT_POLICY_MODEL_H

#include "policy/doc.h"
#include "policy/plan.h"
#include "policy/schema.h"

/* The longest name of a group or policy. */
#define MODEL_NAME_MAX DEST_GROUP_MAX

/* The policy that rules from the command line belong to. */
#define COMMAND_LINE "command-line"

/* The words of the file, by value; plan.c holds them. */
extern const char *const policy_mode_names[MODE_COUNT];
extern const char *const policy_dns_names[DNS_MODE_COUNT];
extern const char *const policy_ech_names[ECH_MODE_COUNT];
extern const char *const controller_egress_names[CONTROLLER_EGRESS_COUNT];

struct model_group {
	const char *name;	  /* borrowed from the document */
	const struct node *value; /* a text or a list of texts: destinations */
	const struct doc *doc;	  /* borrowed: the file it stands in */
	size_t written;		  /* resolve's: the last rule that it was written out in */
};

struct model_rule {
	enum rule_action action;
	const struct node *dests; /* a text or a list of at least one */
	const struct node *to;	  /* RULE_REDIRECT */
	const char *comment;	  /* or NULL */
	const struct node *types; /* a text or a list of texts, or NULL */
	struct pos at;
};

struct model_policy {
	const char *name;
	struct pos at;
	const struct node *extends; /* a text or a list of texts, or NULL */
	enum policy_mode mode;
	enum policy_dns dns;
	bool dns_written;
	enum policy_ech ech;
	struct plan_limits limits;
	struct model_rule *rules;
	size_t n_rules;
};

/* What is written about a network, and where what can only be judged together is written. */
struct model_network {
	struct plan_network plan;
	const struct node *any; /* the first key that only a network has, or NULL */
	const struct node *bridge, *subnet, *gateway, *create, *controller; /* or NULL */
	const struct node *controller_ip;				    /* or NULL */
};

struct model_subject {
	enum subject_kind kind;
	const struct node *id;
	const struct node *user; /* or NULL */
	const struct node *policy;
	struct model_network network; /* SUBJECT_NETWORK: whole once the subject is read */
	struct pos at;
};

/* Groups and policies are in the order of their names in by_name, in that of the file else. */
struct model {
	struct doc doc;
	bool empty;		    /* nothing is written in the file */
	struct model_group *groups; /* sorted by name */
	size_t n_groups;
	struct model_policy *policies;
	size_t n_policies;
	struct model_policy **by_name; /* sorted by name */
	struct model_subject *subjects;
	size_t n_subjects;
};

/* Reads a policy file's text. On failure *out is left empty. */
bool model_read(const char *file, struct span text, struct model *out, struct err *e) _must_use_;

/*
 * Reads a file that holds the one group `name` and nothing else. *out borrows from *doc, which is
 * the caller's, stays where it is, and is empty on failure.
 */
bool model_read_group(const char *file, struct span text, const char *name, struct doc *doc,
		      struct model_group *out, struct err *e) _must_use_;

void model_done(struct model *m);

/* Read the values of `policies` and `subjects` into the struct model that `into` points to. */
bool model_policies_read(const struct doc *d, const struct node *v, void *into, struct err *e)
	_must_use_;
bool model_subjects_read(const struct doc *d, const struct node *v, void *into, struct err *e)
	_must_use_;

/* Read the keys that only a network has, into a struct model_subject. */
schema_read_fn model_bridge_read, model_subnet_read, model_gateway_read, model_lateral_read,
	model_create_read, model_controller_read;

/* Once all keys of a network are read: what they say together, and what stands for the rest. */
bool model_network_finish(const struct doc *d, struct model_subject *s, struct err *e) _must_use_;

/* NULL when there is none of that name. */
struct model_group *model_group_find(const struct model *m, const char *name);
const struct model_policy *model_policy_find(const struct model *m, const char *name);

/* A text counts as a list of one: its first entry, and the one that follows. */
static inline const struct node *entries_first(const struct node *list)
{
	return list->kind == NODE_TEXT ? list : list->first;
}

static inline const struct node *entries_next(const struct node *list, const struct node *entry)
{
	return list->kind == NODE_TEXT ? NULL : entry->next;
}

/* "50mbit": kbit, mbit or gbit, powers of 1000, not 0. "2GB/day": a size and hour, day or week. */
bool limits_parse_rate(struct span s, struct plan_limits *out, struct err *e) _must_use_;
bool limits_parse_quota(struct span s, struct plan_limits *out, struct err *e) _must_use_;

/* Lowers each limit of l to that of the other where it is stricter. */
void limits_tighten(struct plan_limits *l, const struct plan_limits *other);

/* A DNS query type that a rule may list. A and AAAA are accepted: they are always answered. */
bool qtype_parse(struct span s, uint16_t *out, struct err *e) _must_use_;

#endif
