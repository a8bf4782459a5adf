/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses of names as elements of the sets that a ruleset has for them (struct network_map): which
 * elements there are to be, and how they change.
 *
 * Two names of one rule's segment can have one address; their element is one, and stays until the last of
 * them has lost it.
 */
#ifndef SALLYPORT_DAEMON_NAMED_H
#define SALLYPORT_DAEMON_NAMED_H

#include "compile/network.h"
#include "daemon/changes.h"

struct named;

/* For the names of m, whose sets r has, made from the plan p. All are borrowed for as long as it lives. */
struct named *named_new(const struct plan *p, const struct ruleset *r, const struct network_map *m);
void named_free(struct named *l);

/*
 * The name (an index in the map) has the address until until_ms (clock_ms(); 0: for good). fresh: it had
 * not before. Appends the elements to out, unless out is NULL.
 */
void named_put(struct named *l, size_t name, const struct addr *a, uint64_t until_ms, bool fresh,
	       uint64_t now_ms, struct changes *out);

/* It has it no longer. */
void named_drop(struct named *l, size_t name, const struct addr *a, struct changes *out);

/* Adds all elements to the sets, for a load of all of the ruleset. */
void named_fill(const struct named *l, uint64_t now_ms);

/*
 * What has to change in sets that both rulesets have when next follows was. They are in force before and
 * after the load, which cannot contain them; so that no moment lets through what neither policy does,
 * addresses that a rule opens go before it and come after it, and those that a rule denies the other
 * way round.
 */
void named_step(const struct named *was, const struct named *next, uint64_t now_ms,
		struct changes *before, struct changes *after);

/*
 * Somebody who is told that the name has the address gets there: there is an element for it in a set that
 * opens, or the policy is on audit.
 */
bool named_opens(const struct named *l, size_t name, const struct addr *a);

/* The sets of the one's name are those of the other's, and for the same rules. */
bool named_alike(const struct named *a, size_t of_a, const struct named *b, size_t of_b);

/* The name (an index in the map) has places in sets. */
bool named_used(const struct named *l, size_t name);

#endif
