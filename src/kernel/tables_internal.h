/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files behind kernel/tables.h share.
 *
 *	tables.c	  what the caller sees: open, load, remove
 *	tables_change.c	  elements that come and go
 *	tables_diff.c	  two rulesets -> the messages that lead from one to the other
 *	tables_twins.c	  what a table is replaced under
 *	tables_same.c	  when two of them are the same
 *	tables_batch.c	  the messages of a transaction, one behind the other
 *	tables_expr.c	  a rule as the kernel's expressions, by libnftnl
 *	tables_io.c	  the socket: requests, transactions, lost answers
 *	tables_refusal.c  what the kernel refused, in nft's terms
 *	tables_read.c	  sets, elements and counters read back
 *	tables_compare.c  the kernel beside a ruleset
 *	tables_strangers.c what others have put into our tables
 *	tables_monitor.c  changes that others make
 *
 * nfnetlink works a request off inside the sender's send() (net/netfilter/nfnetlink.c), so every answer is in
 * the socket's queue when send() returns, and what is not there then was lost: nothing here ever waits.
 *
 * Functions that return int return 0 or a positive errno.
 */
#ifndef SALLYPORT_KERNEL_TABLES_INTERNAL_H
#define SALLYPORT_KERNEL_TABLES_INTERNAL_H

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/types.h>

#include <libmnl/libmnl.h>

#include "kernel/tables.h"

/* In Linux since 6.9; the headers that are built against may be older. */
#define TABLES_F_PERSIST 0x4U

/* In Linux since 6.3: deletes what may not be there. */
#define TABLES_MSG_DESTROYSETELEM 30

/* The system calls that the kernel hears and answers through; a test puts its own in their place. */
struct tables_io {
	ssize_t (*send)(int fd, const void *p, size_t n, int flags);
	ssize_t (*recv)(int fd, void *p, size_t n, int flags);
};

struct tables {
	int fd;
	uint32_t portid;
	uint32_t seq; /* of the last message */
	enum tables_owner want;
	bool plain;   /* the kernel has no PERSIST: TABLES_OWNED is as TABLES_FREE */
	bool owned;   /* as loaded last */
	bool destroy; /* the kernel has TABLES_MSG_DESTROYSETELEM */
	bool unsure;  /* which of two rulesets the kernel has could not be read: all is made anew */
	uint32_t touched_pid;
	char touched_name[64]; /* of TASK_COMM_LEN, with what does not print escaped */
	size_t sndbuf;
	const struct tables_io *io;
	uint8_t *rx; /* owned, TABLES_RX bytes */
};

/* A key of one field is not padded. */
static inline size_t tables_key_len(const struct rs_set *s)
{
	if (s->n_fields == 1)
		return rs_field_of(s->fields[0])->len;
	return MIN(rs_set_key_len(s), (size_t)RULESET_KEY_MAX);
}

#define TABLES_RX (64U << 10) /* a part of a dump has 32 KiB (net/netlink/af_netlink.c) */

static inline uint8_t tables_nfproto(enum rs_family f)
{
	return f == RS_INET ? NFPROTO_INET : NFPROTO_BRIDGE;
}

static inline const char *tables_family_word(enum rs_family f)
{
	return f == RS_INET ? "inet" : "bridge";
}

/* What a message of a batch is about. */
enum batch_what {
	BATCH_BEGIN,
	BATCH_TABLE,
	BATCH_COUNTER,
	BATCH_CHAIN,
	BATCH_SET,
	BATCH_ELEMENTS,
	BATCH_RULE,
	BATCH_END
};

struct batch_item {
	enum batch_what what;
	enum rs_family family;
	const char *name;	  /* borrowed: of the chain, set or counter */
	const struct rs_set *set; /* borrowed: BATCH_ELEMENTS */
	size_t rule;		  /* BATCH_RULE: counted from 1; 0: all of the chain */
	size_t at;		  /* where the message begins */
};

/* The messages of one transaction. What it is made of has to live as long as it does. */
struct batch {
	uint8_t *p; /* owned */
	size_t n, cap;
	uint32_t seq;		  /* of the first message; items[i] is about message seq + i */
	struct batch_item *items; /* owned */
	size_t n_items, cap_items;
	uint32_t set_id;
	struct batch_item of; /* the elements that are being added, by messages of this type */
	uint16_t type;
	size_t nest; /* where they begin in the last message; 0: none is open */
};

void batch_init(struct batch *b, uint32_t seq);
void batch_done(struct batch *b);

/* The last message; nothing can be added then. */
void batch_end(struct batch *b);

/* Nothing but its begin. */
bool batch_empty(const struct batch *b);

void batch_table_add(struct batch *b, enum rs_family f, uint32_t flags);
void batch_table_del(struct batch *b, enum rs_family f);
void batch_counter_add(struct batch *b, enum rs_family f, const char *name);
void batch_counter_del(struct batch *b, enum rs_family f, const char *name);
void batch_chain_add(struct batch *b, enum rs_family f, const struct rs_chain *c);
void batch_chain_del(struct batch *b, enum rs_family f, const struct rs_chain *c);
/* A base chain that the kernel has listed (tb: by NFTA_CHAIN_*), by another name and one priority before. */
void batch_chain_before(struct batch *b, enum rs_family f, const char *name,
			const struct nlattr *const *tb);
/* A rule that the kernel has listed (tb: by NFTA_RULE_*), in another chain. */
void batch_rule_copy(struct batch *b, enum rs_family f, const char *chain_name,
		     const struct nlattr *const *tb);
void batch_set_add(struct batch *b, enum rs_family f, const struct rs_set *s);
void batch_set_del(struct batch *b, enum rs_family f, const struct rs_set *s);
/* Its elements, all of them. */
void batch_set_flush(struct batch *b, enum rs_family f, const struct rs_set *s);
void batch_rule_add(struct batch *b, enum rs_family f, const struct rs_chain *c, size_t i);
/* All rules of the chain. */
void batch_rules_del(struct batch *b, enum rs_family f, const struct rs_chain *c);

/* Elements of one set, in as many messages as it takes. type: NFT_MSG_NEWSETELEM, ... */
void batch_elements_begin(struct batch *b, enum rs_family f, const struct rs_set *s, uint16_t type);
void batch_element(struct batch *b, const struct rs_element *el);
void batch_elements_end(struct batch *b);

/* The header of a message to nf_tables, and its attributes as they are in the ruleset. */
struct nlmsghdr *tables_header(void *at, uint16_t type, uint8_t nfproto, uint16_t flags,
			       uint32_t seq);
uint32_t tables_set_key_type(const struct rs_set *s);
uint32_t tables_set_flags(const struct rs_set *s);
uint32_t tables_hook(enum rs_hook hook);
int32_t tables_verdict_code(enum rs_verdict_kind kind);

/* False, with an error, for a ruleset that has no form as messages. */
bool tables_expressible(const struct ruleset *r, struct err *e) _must_use_;

struct nftnl_rule;

/* The caller's, for nftnl_rule_free(); without table and chain. */
struct nftnl_rule *tables_rule(const struct rs_rule *r);

/* ---- the socket ---- */

extern const struct tables_io tables_io_system;

/* Why the kernel refused a transaction. */
struct refusal {
	int errnum;
	uint32_t seq;	 /* of the message */
	uint32_t offset; /* of the attribute in it; 0: not told */
	char said[96];	 /* the kernel's own words, or "" */
};

enum sent {
	SENT_DONE,
	SENT_NOT,     /* the kernel never saw it: errnum */
	SENT_REFUSED, /* nothing was changed */
	SENT_UNKNOWN, /* the answer was lost */
};

enum sent tables_send(struct tables *t, const struct batch *b, struct refusal *r);

/* What an answer's messages are handed to. */
struct tables_reader {
	int (*message)(const struct nlmsghdr *nlh, void *ctx); /* 0, or an errno that ends it */
	void (*reset)(void *ctx); /* the answer comes once more from its beginning */
	void *ctx;
};

/* A request without change, of which NLM_F_DUMP may be a part; answers that are lost or that a
 * change cut in two are asked for again. Returns 0, the errno that the kernel answered with, or the
 * negative errno of a system call. */
int tables_ask(struct tables *t, struct nlmsghdr *req, const struct tables_reader *r);

/* Fails with the words for a transaction that did not take place. Always returns false. */
bool tables_refused(const struct batch *b, enum sent sent, const struct refusal *r, struct err *e);

/* ---- reading ---- */

static inline bool tables_attr_ok(const struct nlattr *a, const uint8_t *end)
{
	return mnl_attr_ok(a, (int)(end - (const uint8_t *)a));
}

/* Walks the attributes in a nest, or behind the `skip` bytes that a message begins with, as those
 * macros of libmnl do whose arithmetic our warnings do not let pass. */
#define TABLES_EACH(a, first, end) \
	for ((a) = (first); tables_attr_ok((a), (end)); (a) = mnl_attr_next(a))
#define TABLES_EACH_NESTED(a, nest)                \
	TABLES_EACH(a, mnl_attr_get_payload(nest), \
		    (const uint8_t *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest))
#define TABLES_EACH_OF(a, nlh, skip)                                \
	TABLES_EACH(a, mnl_nlmsg_get_payload_offset((nlh), (skip)), \
		    (const uint8_t *)mnl_nlmsg_get_payload_tail(nlh))

/* tb[i]: the attribute of type i, or NULL, of those below n. */
void tables_attrs(const struct nlmsghdr *nlh, const struct nlattr **tb, size_t n);
void tables_nested(const struct nlattr *nest, const struct nlattr **tb, size_t n);

/* A number in network order; 0 where the attribute is missing or short. */
uint32_t tables_u32(const struct nlattr *a);
uint64_t tables_u64(const struct nlattr *a);
/* "" where it is missing. */
const char *tables_str(const struct nlattr *a);

/* Adds an element to the list. False for what cannot be one of ours. */
bool tables_element_read(const struct nlattr *a, const struct rs_set *s, struct rs_elements *out);

struct tables_found {
	bool there;
	bool owned;	 /* by a socket that lives */
	uint32_t portid; /* of that */
	uint32_t flags;
};

bool tables_find(struct tables *t, enum rs_family f, struct tables_found *out, struct err *e)
	_must_use_;

/*
 * Before the table of that family, which is there, is replaced in one transaction: from then on no packet finds
 * both tables empty. Where it cannot be done, everything is as before.
 */
void tables_twins(struct tables *t, enum rs_family f);
/* It was not replaced. */
void tables_twins_remove(struct tables *t, enum rs_family f);

/* ---- elements ---- */

/* A hash of elements by key and end. */
struct element_index {
	const struct rs_element **slots; /* owned */
	size_t mask;
	size_t len;
	bool interval;
};

void element_index_init(struct element_index *x, const struct rs_set *s,
			const struct rs_element *els, size_t n);
void element_index_done(struct element_index *x);
const struct rs_element *element_index_find(const struct element_index *x,
					    const struct rs_element *el);

/* The same key, verdict and comment. */
bool tables_element_eq(const struct rs_set *s, const struct rs_element *a,
		       const struct rs_element *b);
bool tables_set_eq(const struct rs_set *a, const struct rs_set *b);
bool tables_chain_eq(const struct rs_chain *a, const struct rs_chain *b);
bool tables_rule_eq(const struct rs_rule *a, const struct rs_rule *b);
bool tables_has_counter(const struct rs_table *t, const char *name);
/* To a chain. */
bool tables_verdict_leads(const struct rs_verdict *v);

/* Nothing is in it, so the kernel does not get it. */
bool tables_table_empty(const struct rs_table *t);

/* The messages that make `next` of `was`, behind the batch's begin. */
void tables_diff(struct batch *b, const struct ruleset *was, const struct ruleset *next,
		 uint32_t flags, bool destroy);

/* "1.2.3.4 . tcp . 443-445", as nft writes it. end: NULL for a key alone. */
void tables_key_text(const struct rs_set *s, const uint8_t *key, const uint8_t *end,
		     struct buf *out);

#endif
