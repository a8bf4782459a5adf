/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sources of policy/dockside.h share. */
#ifndef SALLYPORT_POLICY_DOCKSIDE_IMPL_H
#define SALLYPORT_POLICY_DOCKSIDE_IMPL_H

#include "policy/dockside.h"
#include "policy/jsonc.h"

/* One of the two files, shared by all that were read from it. */
struct dockside_text {
	unsigned refs;
	char *file;
	char *text; /* n bytes and a NUL */
	size_t n;
};

static inline struct span dockside_text_span(const struct dockside_text *t)
{
	return (struct span){ t->text, t->n };
}

/* What the rules of one network are: shared by all that have the same, and never changed. */
struct dockside_rules {
	unsigned refs;
	struct plan_policy *policy; /* NULL: the network is not managed */
	struct pos
		*places; /* of each of its rules; all places here are counted from where the entry
				     * begins: 0, 0 is there */
	size_t n_dests;
	struct lint *lints;
	size_t n_lints, cap_lints;
};

/* Entries that a text has in common with one that was read before. */
struct dockside_cuts {
	struct jsonc_cut *items; /* in the order of the text */
	size_t *networks;	 /* which of those before, each at most once */
	size_t n;
};

struct dockside_rules *dockside_rules_ref(struct dockside_rules *r);
void dockside_rules_unref(struct dockside_rules *r);

/* What firewall-config.json has for a network, and where. */
struct dockside_entry {
	size_t at, end;	    /* bytes; end 0: it has nothing */
	struct pos pos;	    /* of `at`; 1, 1: it has nothing */
	struct pos subject; /* in network-config.json */
	struct dockside_rules *rules;
};

/* The longest name of a network or set. */
#define DOCKSIDE_NAME_MAX 64

/* Being made from the two files. */
struct dockside_reader {
	struct dockside *d;
	const struct dockside *was;	/* that rules can be taken over from; or NULL */
	struct dockside_cuts cuts;	/* with it: what is left out of: */
	struct jsonc network, firewall; /* d's texts */
	struct dockside_entry *entry;	/* being read */
	size_t n_dests;			/* in all rules */
};

/* A name of at most 64 letters, digits, "_", ".", ":" and "-". */
bool dockside_name_ok(const char *name);

/* ---- one value; absent and null are the same. Each gives false, and *e, on what does not fit. ---- */

/* A text, or NULL where there is none. Control characters are refused. */
bool dockside_string(const struct jsonc_at *at, const char **out, struct err *e) _must_use_;

/* An integer of that range; *out stays as it is where there is none. */
bool dockside_number(const struct jsonc_at *at, unsigned lo, unsigned hi, unsigned *out,
		     struct err *e) _must_use_;

/* One of the n words, and *out its index, or *out stays as it is where there is none. */
bool dockside_choice(const struct jsonc_at *at, const char *const *words, size_t n, size_t *out,
		     struct err *e) _must_use_;

/* At most 200 characters, which are kept in the arena; *out is NULL where there are none. */
bool dockside_comment(const struct jsonc_at *at, struct arena *a, const char **out, struct err *e)
	_must_use_;

/* A list or nothing; an object or nothing. */
bool dockside_is_list(const struct jsonc_at *at, struct err *e) _must_use_;
bool dockside_is_object(const struct jsonc_at *at, struct err *e) _must_use_;

/* An IPv4 prefix, host bits or not, or an address: a.b.c.d, a.b.c.d/len, a.b.c.d/m.a.s.k. */
bool dockside_cidr(const struct jsonc_at *at, struct prefix *out, struct err *e) _must_use_;

/* A host name, which is kept in the arena, an address or a prefix, as the target of out. */
bool dockside_host(const struct jsonc_at *at, struct arena *a, struct dest *out, struct err *e)
	_must_use_;

/* ---- parts of a file ---- */

bool dockside_read_networks(struct dockside_reader *r, const struct jsonc_at *root, struct err *e)
	_must_use_;
bool dockside_read_ipsets(struct dockside_reader *r, const struct jsonc_at *root, struct err *e)
	_must_use_;

/* Of a new text of firewall-config.json. *out is the caller's. */
void dockside_find_cuts(struct span text, const struct dockside *was, struct dockside_cuts *out);
void dockside_cuts_done(struct dockside_cuts *c);

/*
 * Gives the entries of r->d that were cut the rules they had; the sets are read, and the places of all entries
 * known. False: what was cut is not what it seemed, and the text has to be read as a whole.
 */
bool dockside_take_rules(struct dockside_reader *r) _must_use_;

/* The rules of one network: its entry in firewall-config.json, an object or nothing, whose egress and
 * nat are lists or nothing. They become the rules of r->entry's policy, which has none yet. */
bool dockside_read_rules(struct dockside_reader *r, const struct jsonc_at *at, struct err *e)
	_must_use_;

/* The value's place, counted from where the entry begins. */
struct pos dockside_pos_within(const struct dockside_entry *entry, const struct jsonc_at *at);

/* Notes what is probably not meant, at the value's place. */
void dockside_note(struct dockside_reader *r, const struct jsonc_at *at, const char *fmt, ...)
	_printf_(3, 4);

#endif
