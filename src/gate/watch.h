/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors and timers in the event loop, as objects that own themselves: closing one never
 * calls back and may be done from any callback, its own included.
 */
#ifndef SALLYPORT_GATE_WATCH_H
#define SALLYPORT_GATE_WATCH_H

#include <stdint.h>

#include <uv.h>

#include "base/err.h"

struct watch;
struct timer;

/* events: UV_READABLE, UV_WRITABLE. Both are reported when the descriptor is in error, so that
 * the next read or write tells which. */
typedef void watch_fn(void *ctx, int events);
typedef void timer_fn(void *ctx);

/* Takes fd over, whatever happens. NULL when it cannot be watched (it is closed then). */
struct watch *watch_new(uv_loop_t *loop, int fd, watch_fn *fn, void *ctx);

/* The same for what is to be read from now on. When it cannot be watched, e says so of `what`. */
struct watch *watch_readable(uv_loop_t *loop, int fd, watch_fn *fn, void *ctx, const char *what,
			     struct err *e);

/* NULL is fine. */
void watch_close(struct watch *w);

/* Hands the descriptor back, unwatched; w is gone. */
int watch_release(struct watch *w);

/* Whom to call from now on. */
void watch_to(struct watch *w, watch_fn *fn, void *ctx);

/* What to wait for; 0: nothing. */
void watch_for(struct watch *w, int events);
int watch_fd(const struct watch *w);

/* How many events have been told to watches of this loop; the loop's data must be a struct
 * watch_count, or NULL, and then it is 0. */
struct watch_count {
	uint64_t events;
};
uint64_t watch_events(const uv_loop_t *loop);

/* Fires once after ms, and then every repeat_ms unless that is 0. */
struct timer *timer_new(uv_loop_t *loop, uint64_t ms, uint64_t repeat_ms, timer_fn *fn, void *ctx);
void timer_close(struct timer *t);

/* Starts it anew, to fire once after ms. */
void timer_restart(struct timer *t, uint64_t ms);

#endif
