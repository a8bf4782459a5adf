/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Did you mean": the known word that is closest to what was typed. */
#ifndef SALLYPORT_BASE_NEAREST_H
#define SALLYPORT_BASE_NEAREST_H

#include "base/span.h"

/*
 * Offer the known words one after the other, then look at best:
 *
 *	struct nearest near = nearest_to(typed);
 *	for (i = 0; i < n; i++)
 *		nearest_offer(&near, known[i]);
 */
struct nearest {
	struct span typed;
	const char *best;  /* borrowed; NULL while no word is near enough to have been meant */
	unsigned distance; /* of best: letters to insert, drop, change or swap with a neighbour */
};

struct nearest nearest_to(struct span typed);
void nearest_offer(struct nearest *near, const char *word);

#endif
