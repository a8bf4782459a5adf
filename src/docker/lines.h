/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stream of bytes as lines, none of them kept longer than a bound. */
#ifndef SALLYPORT_DOCKER_LINES_H
#define SALLYPORT_DOCKER_LINES_H

#include "base/buf.h"
#include "base/span.h"

struct lines {
	struct buf part; /* of the line that is being read; or the one that was handed out */
	bool skip;	 /* that line is longer than the bound */
	bool whole;	 /* it was handed out */
};

void lines_init(struct lines *l, size_t max);
void lines_done(struct lines *l);

/*
 * Takes bytes off *rest. True: a line is complete, *line is what it holds without its end, good
 * until the next call. One that is longer than the bound comes with line->p NULL. False: all of
 * *rest is taken.
 */
bool lines_next(struct lines *l, struct span *rest, struct span *line);

#endif
