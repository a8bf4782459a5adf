/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our tables in the kernel: loads a ruleset, changes it, reads it back, and tells when another
 * program touches it. Everything goes through one netlink socket of our own, by libnftnl and libmnl.
 *
 * libnftables is not used for these: a table's owner is the socket that made it (NFT_TABLE_F_OWNER,
 * net/netfilter/nf_tables_api.c), and that library keeps its own; PERSIST, by which a table survives its
 * owner, it does not know; and its errors do not tell which rule is meant.
 */
#ifndef SALLYPORT_KERNEL_TABLES_H
#define SALLYPORT_KERNEL_TABLES_H

#include "compile/ruleset.h"

struct tables;

enum tables_owner {
	TABLES_OWNED, /* OWNER and PERSIST where the kernel has them, else neither */
	TABLES_FREE,  /* neither: for one-shot use, and where others are to manage them */
};

/* Opens the socket, in the caller's network namespace. Needs CAP_NET_ADMIN over it. */
bool tables_open(enum tables_owner owner, struct tables **out, struct err *e) _must_use_;

/* The tables stay. NULL is fine. */
void tables_close(struct tables *t);

/* The tables are OWNER and PERSIST: known after the first load. */
bool tables_owned(const struct tables *t);

/*
 * One transaction that makes the kernel have `next` and nothing else in our tables. was: what this
 * socket loaded last, so that only the difference is sent, of parts that are in both nothing, and
 * RS_SET_LEARNED sets that are in both keep their elements as they are in the kernel; NULL: both tables are deleted, if they are there, and made
 * anew with all elements of `next`. On failure nothing has changed, and the error tells which rule, set or
 * element the kernel refused and why, in nft's terms; or, where that could not be known (the answer was lost:
 * ENOBUFS, EINTR), it has been found out by reading back, and the result is right. Where that failed, too,
 * the error says so, and the next load makes all anew whatever its `was`.
 */
bool tables_load(struct tables *t, const struct ruleset *was, const struct ruleset *next,
		 struct err *e) _must_use_;

/*
 * Would the kernel take it, in place of what there is? Nothing is changed: the transaction ends with what has
 * to fail. False: that could not be found out.
 */
bool tables_would_take(struct tables *t, const struct ruleset *r, bool *would, struct err *e)
	_must_use_;

/* Removes our tables, and nothing else. Fine when there are none. *had: there were some. */
bool tables_remove(struct tables *t, bool *had, struct err *e) _must_use_;

/*
 * Compares the kernel with `want`: chains, hooks, priorities, policies, every rule, every set and every
 * element but those of RS_SET_LEARNED sets. but: rules and elements of parts that it has, too, are taken to be
 * as they were; NULL: nothing is. *differs: what is first found to be different, in one clause
 * ("chain forward of inet sallyport is missing"), in out; "" when all is as wanted. False only when it
 * could not be read.
 */
bool tables_compare(struct tables *t, const struct ruleset *want, const struct ruleset *but,
		    char *out, size_t size, struct err *e) _must_use_;

/* One thing in our tables that a ruleset does not have: a chain, else a set. */
typedef void tables_stranger_fn(void *ctx, enum rs_family f, bool chain, const char *name);

/* Calls fn for each chain and set of our tables that is not one of `want`. */
bool tables_strangers(struct tables *t, const struct ruleset *want, tables_stranger_fn *fn,
		      void *ctx, struct err *e) _must_use_;

/* A change of elements, of sets that exist. */
struct tables_change {
	bool add; /* else delete; deleting what is not there is no error, nor is adding what is */
	enum rs_family family;
	struct rs_set *set;	   /* its name and fields count */
	struct rs_element element; /* added over one that is there, the timeout begins anew */
};

/* All of them in one transaction (cut into several where they are more than a message's worth). */
bool tables_change(struct tables *t, const struct tables_change *c, size_t n, struct err *e)
	_must_use_;

/* What is in a set now, with timeout_ms the time that is left. *out is for rs_elements_done() either way. */
bool tables_elements(struct tables *t, enum rs_family family, const struct rs_set *set,
		     struct rs_elements *out, struct err *e) _must_use_;

/* Packets counted so far. */
bool tables_counter(struct tables *t, enum rs_family family, const char *name, uint64_t *packets,
		    struct err *e) _must_use_;

/*
 * A non-blocking socket that hears of every change of nftables in the namespace (NFNLGRP_NFTABLES).
 * tables_monitor_read() takes all that is there: *touched when another socket than t's changed one of our
 * tables, or when messages were lost (ENOBUFS) and it has to be assumed. tables_touched_by() then tells
 * the process that the last message names, 0 where none does; *name is good until the next read.
 */
bool tables_monitor_open(int *out, struct err *e) _must_use_;
bool tables_monitor_read(struct tables *t, int fd, bool *touched, struct err *e) _must_use_;
uint32_t tables_touched_by(const struct tables *t, const char **name);

#endif
