/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/dial.h"

#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "gate/watch.h"

struct attempt {
	struct dial *dial;
	struct watch *watch; /* NULL: not begun, or over */
};

struct dial {
	uv_loop_t *loop;
	dial_fn *fn;
	void *ctx;
	struct addr addrs[DIAL_MAX];
	size_t n, next;
	size_t open; /* attempts under way */
	uint16_t port;
	int errnum;
	struct timer *stagger, *limit;
	struct attempt attempts[DIAL_MAX];
};

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->next; i++)
		watch_close(d->attempts[i].watch);
	timer_close(d->stagger);
	timer_close(d->limit);
	free(d);
}

static void finish(struct dial *d, struct watch *server)
{
	dial_fn *fn = d->fn;
	void *ctx = d->ctx;
	int errnum = d->errnum;

	dial_cancel(d);
	fn(ctx, server, errnum);
}

static void on_writable(void *ctx, int events);

/* Begins the attempt; false when it has failed at once. */
static bool begin(struct dial *d, size_t i)
{
	union sockaddr_any sa;
	socklen_t len = addr_to_sockaddr(&d->addrs[i], d->port, &sa);
	int fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	d->attempts[i].dial = d;
	if (fd >= 0 && connect(fd, &sa.sa, len) != 0 && errno != EINPROGRESS) {
		d->errnum = errno;
		fd_closep(&fd);
		return false;
	}
	if (fd < 0) {
		d->errnum = errno;
		return false;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	d->attempts[i].watch = watch_new(d->loop, fd, on_writable, &d->attempts[i]);
	if (!d->attempts[i].watch) {
		d->errnum = ENOMEM;
		return false;
	}
	watch_for(d->attempts[i].watch, UV_WRITABLE);
	d->open++;
	return true;
}

/* Begins the next attempt that does not fail at once. */
static void try_next(struct dial *d)
{
	while (d->next < d->n)
		if (begin(d, d->next++))
			break;
	if (d->next < d->n)
		timer_restart(d->stagger, LIMIT_ATTEMPT_MS);
}

static void on_stagger(void *ctx)
{
	struct dial *d = ctx;

	try_next(d);
	if (d->open == 0)
		finish(d, NULL);
}

static void on_limit(void *ctx)
{
	struct dial *d = ctx;

	d->errnum = ETIMEDOUT;
	finish(d, NULL);
}

static void on_writable(void *ctx, int events)
{
	struct attempt *a = ctx;
	struct dial *d = a->dial;
	struct watch *server = a->watch;
	socklen_t len = sizeof(d->errnum);

	(void)events;
	if (getsockopt(watch_fd(a->watch), SOL_SOCKET, SO_ERROR, &d->errnum, &len) != 0)
		d->errnum = errno;
	if (d->errnum == 0) {
		watch_for(server, 0);
		a->watch = NULL;
		finish(d, server);
		return;
	}
	watch_close(a->watch);
	a->watch = NULL;
	d->open--;
	on_stagger(d);
}

struct dial *dial_new(uv_loop_t *loop, const struct addr *addrs, size_t n, uint16_t port,
		      dial_fn *fn, void *ctx)
{
	struct dial *d = xcalloc(1, sizeof(*d));

	d->loop = loop;
	d->fn = fn;
	d->ctx = ctx;
	d->port = port;
	d->n = MIN(n, (size_t)DIAL_MAX);
	memcpy(d->addrs, addrs, d->n * sizeof(addrs[0]));
	/* When nothing can even be begun, the timer says so, so that nothing calls back early. */
	d->stagger = timer_new(loop, 0, 0, on_stagger, d);
	d->limit = timer_new(loop, LIMIT_CONNECT_MS, 0, on_limit, d);
	try_next(d);
	if (d->open && d->next == d->n)
		timer_restart(d->stagger, LIMIT_CONNECT_MS);
	return d;
}
