/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/control_server.h"

#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "gate/watch.h"

#define SWEEP_MS 500

struct client {
	LIST_ENTRY(client) link;
	struct control_server *server;
	struct watch *watch;
	struct control_peer peer;
	uint64_t deadline_ms; /* uv_now() */
	struct buf in, out;
};

struct control_server {
	uv_loop_t *loop;
	char *path;
	control_fn *fn;
	void *ctx;
	struct watch *listener;
	struct timer *sweep;
	LIST_HEAD(, client) clients;
	size_t n;
};

static void client_close(struct client *c)
{
	watch_close(c->watch);
	buf_done(&c->in);
	buf_done(&c->out);
	LIST_REMOVE(c, link);
	c->server->n--;
	free(c);
}

static void answer(struct client *c, struct span line)
{
	json_t *request = NULL, *fields = NULL;
	struct err e = { 0 };

	if (control_parse(line, &request, &e) &&
	    c->server->fn(c->server->ctx, &c->peer, request, &fields, &e))
		control_ok(fields, &c->out);
	else
		control_error(&e, &c->out);
	json_decref(request);
}

/* False: the client is gone. */
static bool write_some(struct client *c)
{
	ssize_t n = c->out.n ? send(watch_fd(c->watch), c->out.p, c->out.n,
				    MSG_NOSIGNAL | MSG_DONTWAIT) :
			       0;

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	if (n > 0)
		buf_drop(&c->out, (size_t)n);
	/* Nothing more is read before the last reply is: a client cannot pile replies up. */
	watch_for(c->watch, c->out.n ? UV_WRITABLE : UV_READABLE);
	return true;
}

/* Answers the lines that are whole, while their replies are taken. False: the client is gone. */
static bool answer_lines(struct client *c)
{
	ptrdiff_t end;

	while (c->out.n == 0 && (end = span_find(buf_view(&c->in), '\n')) >= 0) {
		answer(c, span_first(buf_view(&c->in), (size_t)end));
		buf_drop(&c->in, (size_t)end + 1);
		c->deadline_ms = uv_now(c->server->loop) + LIMIT_CONTROL_MS;
		if (!write_some(c))
			return false;
	}
	return true;
}

/* False: the client is gone, or has sent what is no request. */
static bool read_some(struct client *c)
{
	char chunk[16384];
	ssize_t n = recv(watch_fd(c->watch), chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	buf_add(&c->in, chunk, (size_t)n);
	return n > 0 && buf_ok(&c->in);
}

static void on_client(void *ctx, int events)
{
	struct client *c = ctx;

	if ((events & UV_WRITABLE && c->out.n && !write_some(c)) ||
	    (events & UV_READABLE && !read_some(c)) || !answer_lines(c))
		client_close(c);
}

static void serve(struct control_server *s, int fd)
{
	struct client *c = xcalloc(1, sizeof(*c));
	struct err e;

	if (s->n == LIMIT_CONTROL_CLIENTS || !control_peer_of(fd, &c->peer, &e)) {
		(void)close(fd);
		free(c);
		return;
	}
	c->watch = watch_new(s->loop, fd, on_client, c);
	if (!c->watch) {
		free(c);
		return;
	}
	c->server = s;
	c->deadline_ms = uv_now(s->loop) + LIMIT_CONTROL_MS;
	buf_init(&c->in, LIMIT_CONTROL_BYTES);
	buf_init(&c->out, LIMIT_CONTROL_BYTES);
	LIST_INSERT_HEAD(&s->clients, c, link);
	s->n++;
	watch_for(c->watch, UV_READABLE);
}

static void on_acceptable(void *ctx, int events)
{
	struct control_server *s = ctx;
	int fd = accept4(watch_fd(s->listener), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0)
		serve(s, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
		watch_for(s->listener, 0); /* until the next sweep: it would spin */
}

static void on_sweep(void *ctx)
{
	struct control_server *s = ctx;
	uint64_t now = uv_now(s->loop);
	struct client *c = LIST_FIRST(&s->clients);

	watch_for(s->listener, UV_READABLE);
	while (c) {
		struct client *next = LIST_NEXT(c, link);

		if (now >= c->deadline_ms)
			client_close(c);
		c = next;
	}
}

bool control_server_new(uv_loop_t *loop, const char *path, control_fn *fn, void *ctx,
			struct control_server **out, struct err *e)
{
	struct control_server *s;
	int fd;

	if (!control_listen(path, &fd, e))
		return false;
	s = xcalloc(1, sizeof(*s));
	*s = (struct control_server){ .loop = loop, .path = xstrdup(path), .fn = fn, .ctx = ctx };
	s->listener = watch_new(loop, fd, on_acceptable, s);
	if (!s->listener) {
		free(s->path);
		free(s);
		return err_set(e, ERR_SYSTEM, "the event loop cannot watch the control socket");
	}
	s->sweep = timer_new(loop, SWEEP_MS, SWEEP_MS, on_sweep, s);
	watch_for(s->listener, UV_READABLE);
	*out = s;
	return true;
}

void control_server_free(struct control_server *s)
{
	if (!s)
		return;
	while (!LIST_EMPTY(&s->clients))
		client_close(LIST_FIRST(&s->clients));
	watch_close(s->listener);
	timer_close(s->sweep);
	(void)unlink(s->path);
	free(s->path);
	free(s);
}
