/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/nearest.h"

#include "base/macros.h"

/* Longer words than any that this program knows; a longer one is near nothing. */
#define WORD_MAX 64

/* The edit distance with neighbours swapped as one step (optimal string alignment). */
static unsigned distance(struct span a, struct span b)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	for (unsigned j = 0; j <= b.n; j++)
		above[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *spare = before;

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned changed = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);

			row[j] = MIN(changed, MIN(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[b.n];
}

struct nearest nearest_to(struct span typed)
{
	/* A third of the letters may be wrong, and one of a short word. */
	return (struct nearest){ .typed = typed, .distance = MAX((unsigned)typed.n / 3, 1U) + 1 };
}

void nearest_offer(struct nearest *near, const char *word)
{
	struct span w = span_of(word);
	unsigned d;

	if (near->typed.n > WORD_MAX || w.n > WORD_MAX)
		return;
	d = distance(near->typed, w);
	if (d < near->distance && d < w.n) {
		near->distance = d;
		near->best = word;
	}
}
