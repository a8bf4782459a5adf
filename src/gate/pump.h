/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One direction of a relayed connection. Bytes go from socket to socket through a pipe (splice),
 * so they never enter this process; only where a filter has to see them, or no pipe is to be had,
 * are they read and written.
 * A slow receiver stops the reading: at most a pipe's or a filter's buffer is held.
 */
#ifndef SALLYPORT_GATE_PUMP_H
#define SALLYPORT_GATE_PUMP_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"
#include "gate/meter.h"

/* A pipe, empty while no pump has it. */
struct pipe {
	int fd[2]; /* -1: none */
	bool large;
};

/* Pipes, kept for reuse. Zeroed: none. */
struct pipes {
	struct pipe kept[LIMIT_PIPES];
	size_t n;
	size_t n_open, n_large; /* of all, kept and in use */
};

void pipes_done(struct pipes *p);

/*
 * Sees the bytes of one read and appends to out what may go on, now or at a later call. False:
 * the connection has to end.
 */
typedef bool pump_filter(void *ctx, struct span in, struct buf *out);

struct pump {
	int from, to; /* sockets; borrowed, non-blocking */
	struct pipes *pipes;
	struct meter *meter; /* borrowed; NULL: no limits */
	struct pipe pipe;    /* while bytes are in it; else none */
	size_t in_pipe;
	bool drained;	     /* what is in the pipe is all that there was */
	struct buf pending;  /* goes out before anything else */
	pump_filter *filter; /* NULL: splice */
	void *filter_ctx;
	bool paused;	/* not read for now: the filter's wish */
	bool throttled; /* not read for now: the meter's */
	bool ends_here; /* `to` is not told of the end of `from`: the filter's wish */
	bool eof;	/* from has ended */
	bool lost;	/* from is in error */
	bool done;	/* and all of it was handed on */
	uint64_t bytes;
};

void pump_init(struct pump *p, int from, int to, struct pipes *pipes);
void pump_done(struct pump *p);

/* Moves what can be moved without blocking, for a bounded time. False: a socket is in error, or
 * the filter said no. When the meter has no room, p->throttled is set, and the caller clears it
 * when there may be some again. */
bool pump_run(struct pump *p) _must_use_;

/* Bytes of `from` that were read before: they go through the filter, or out next. False: the filter
 * said no. */
bool pump_offer(struct pump *p, struct span bytes) _must_use_;

/* All that was read has been handed on. */
static inline bool pump_empty(const struct pump *p)
{
	return p->pending.n == 0 && p->in_pipe == 0;
}

/* What the pump waits for now. */
bool pump_wants_read(const struct pump *p);
bool pump_wants_write(const struct pump *p);

#endif
