/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/watch.h"

#include <assert.h>
#include <unistd.h>

#include "base/alloc.h"

struct watch {
	uv_poll_t poll;
	watch_fn *fn;
	void *ctx;
	int fd;
	int events;
};

struct timer {
	uv_timer_t timer;
	timer_fn *fn;
	void *ctx;
};

static void free_handle(uv_handle_t *h)
{
	free(h->data);
}

uint64_t watch_events(const uv_loop_t *loop)
{
	const struct watch_count *c = uv_loop_get_data(loop);

	return c ? c->events : 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch_count *c = uv_loop_get_data(poll->loop);
	struct watch *w = poll->data;

	if (c)
		c->events++;
	if (status < 0) {
		/* libuv stopped it; whoever owns it learns why from the descriptor itself. */
		w->events = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	w->fn(w->ctx, events);
}

struct watch *watch_new(uv_loop_t *loop, int fd, watch_fn *fn, void *ctx)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	*w = (struct watch){ .fn = fn, .ctx = ctx, .fd = fd };
	if (uv_poll_init(loop, &w->poll, fd) != 0) {
		(void)close(fd);
		free(w);
		return NULL;
	}
	w->poll.data = w;
	return w;
}

struct watch *watch_readable(uv_loop_t *loop, int fd, watch_fn *fn, void *ctx, const char *what,
			     struct err *e)
{
	struct watch *w = watch_new(loop, fd, fn, ctx);

	if (w)
		watch_for(w, UV_READABLE);
	else
		(void)err_set(e, ERR_SYSTEM, "the event loop cannot watch %s", what);
	return w;
}

void watch_close(struct watch *w)
{
	if (w)
		(void)close(watch_release(w));
}

int watch_release(struct watch *w)
{
	int fd = w->fd;

	uv_close((uv_handle_t *)&w->poll, free_handle);
	return fd;
}

void watch_to(struct watch *w, watch_fn *fn, void *ctx)
{
	w->fn = fn;
	w->ctx = ctx;
}

void watch_for(struct watch *w, int events)
{
	if (w->events == events)
		return;
	w->events = events;
	if (events == 0)
		(void)uv_poll_stop(&w->poll);
	else
		(void)uv_poll_start(&w->poll, events, on_poll);
}

int watch_fd(const struct watch *w)
{
	return w->fd;
}

static void on_timer(uv_timer_t *timer)
{
	struct timer *t = timer->data;

	t->fn(t->ctx);
}

struct timer *timer_new(uv_loop_t *loop, uint64_t ms, uint64_t repeat_ms, timer_fn *fn, void *ctx)
{
	struct timer *t = xcalloc(1, sizeof(*t));

	*t = (struct timer){ .fn = fn, .ctx = ctx };
	(void)uv_timer_init(loop, &t->timer);
	t->timer.data = t;
	(void)uv_timer_start(&t->timer, on_timer, ms, repeat_ms);
	return t;
}

void timer_restart(struct timer *t, uint64_t ms)
{
	(void)uv_timer_start(&t->timer, on_timer, ms, 0);
}

void timer_close(struct timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->timer, free_handle);
}
