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
	bool ended;		       /* nothing more comes from it */
	struct control_request *asked; /* it waits for the answer; NULL: nothing is asked */
	uint64_t deadline_ms;	       /* uv_now() */
	struct buf in, out;
};

struct control_server {
	uv_loop_t *loop;
	control_fn *fn;
	void *ctx;
	struct watch *listener;
	struct timer *sweep;
	LIST_HEAD(, client) clients;
	size_t n;
};

static void client_close(struct client *c)
{
	if (c->asked)
		c->asked->client = NULL;
	watch_close(c->watch);
	buf_done(&c->in);
	buf_done(&c->out);
	LIST_REMOVE(c, link);
	c->server->n--;
	free(c);
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
	watch_for(c->watch, c->out.n ? UV_WRITABLE : c->asked || c->ended ? 0 : UV_READABLE);
	return c->out.n || c->asked || !c->ended || c->in.n;
}

static void request_free(struct control_request *r)
{
	json_decref(r->json);
	free(r);
}

/* The reply is written from the loop: whoever answers may be in the middle of taking the request. */
static void answered(struct control_request *r)
{
	struct client *c = r->client;

	c->asked = NULL;
	c->deadline_ms = uv_now(c->server->loop) + LIMIT_CONTROL_MS;
	watch_for(c->watch, UV_WRITABLE);
}

void control_request_ok(struct control_request *r, json_t *take_fields)
{
	if (r->client) {
		control_ok(take_fields, &r->client->out);
		answered(r);
	} else {
		json_decref(take_fields);
	}
	request_free(r);
}

void control_request_error(struct control_request *r, const struct err *why)
{
	if (r->client) {
		control_error(why, &r->client->out);
		answered(r);
	}
	request_free(r);
}

static void ask(struct client *c, struct span line)
{
	struct control_request *r;
	json_t *json = NULL;
	struct err e = { 0 };

	if (!control_parse(line, &json, &e)) {
		control_error(&e, &c->out);
		c->deadline_ms = uv_now(c->server->loop) + LIMIT_CONTROL_MS;
		watch_for(c->watch, UV_WRITABLE);
		return;
	}
	r = xcalloc(1, sizeof(*r));
	*r = (struct control_request){ .peer = c->peer, .json = json, .client = c };
	c->asked = r;
	watch_for(c->watch, 0);
	c->server->fn(c->server->ctx, r);
}

/* Asks what the lines say, one after the other. */
static void ask_lines(struct client *c)
{
	ptrdiff_t end;

	while (!c->asked && c->out.n == 0 && (end = span_find(buf_view(&c->in), '\n')) >= 0) {
		_cleanup_(freep) char *line = xstrndup(c->in.p, (size_t)end);

		buf_drop(&c->in, (size_t)end + 1);
		ask(c, (struct span){ line, (size_t)end });
	}
}

/* False: the client is gone, or has sent what is no request. */
static bool read_some(struct client *c)
{
	char chunk[16384];
	ssize_t n = recv(watch_fd(c->watch), chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	/* A last line may be without its end. */
	if (n == 0) {
		c->ended = true;
		buf_str(&c->in, c->in.n ? "\n" : "");
		return c->in.n > 0;
	}
	buf_add(&c->in, chunk, (size_t)n);
	return buf_ok(&c->in);
}

static void on_client(void *ctx, int events)
{
	struct client *c = ctx;

	if ((events & UV_WRITABLE && !write_some(c)) || (events & UV_READABLE && !read_some(c)))
		client_close(c);
	else
		ask_lines(c);
}

/* So that it does not look like a crash. A new socket's buffer is empty: this does not wait. */
static void turn_away(int fd)
{
	_cleanup_(buf_done) struct buf out;
	struct err e;

	(void)err_set(&e, ERR_LIMIT, "%d clients are being served: try again",
		      LIMIT_CONTROL_CLIENTS);
	buf_init(&out, LIMIT_CONTROL_BYTES);
	control_error(&e, &out);
	(void)send(fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void serve(struct control_server *s, int fd)
{
	struct client *c = xcalloc(1, sizeof(*c));
	struct err e;

	if (s->n == LIMIT_CONTROL_CLIENTS || !control_peer_of(fd, &c->peer, &e)) {
		if (s->n == LIMIT_CONTROL_CLIENTS)
			turn_away(fd);
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

		if (!c->asked && now >= c->deadline_ms)
			client_close(c);
		c = next;
	}
}

bool control_server_new(uv_loop_t *loop, int take_fd, control_fn *fn, void *ctx,
			struct control_server **out, struct err *e)
{
	struct control_server *s = xcalloc(1, sizeof(*s));

	*s = (struct control_server){ .loop = loop, .fn = fn, .ctx = ctx };
	s->listener = watch_readable(loop, take_fd, on_acceptable, s, "the control socket", e);
	if (!s->listener) {
		free(s);
		return false;
	}
	s->sweep = timer_new(loop, SWEEP_MS, SWEEP_MS, on_sweep, s);
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
	free(s);
}
