/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/gate_child.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "daemon/gate_process.h"
#include "daemon/process.h"

/* How long the gate may take to arm itself, or to do what it was told: it judges 16,384
 * connections anew in a few milliseconds. */
#define READY_MS 10000

/* How long it may take for what it still has to tell. */
#define FAREWELL_MS 2000

/* Messages that are read before others get their turn. */
#define BATCH 256

static _noreturn_ void child(const struct gate_options *o)
{
	int keep[GATE_LISTENERS_MAX + 1];
	size_t n = 0;
	sigset_t none;
	struct err e;

	keep[n++] = o->report_fd;
	for (size_t i = 0; i < o->n_listeners; i++)
		keep[n++] = o->listeners[i].fd;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (!fd_close_others(3, keep, n, 0, &e) || !process_become_nobody(&e)) {
		(void)dprintf(STDERR_FILENO, "sallyport: the gate cannot start: %s\n", e.msg);
		_exit(1);
	}
	_exit(gate_main(o));
}

static void bury(struct gate_child *c)
{
	fd_closep(&c->report);
	process_end(&c->pid);
	c->n_queue = c->queue_at = c->under_way = 0;
}

/* One message; 1: read, 0: none is there, -1: the gate is gone. */
static int read_one(struct gate_child *c, struct gate_message *m)
{
	ssize_t n = recv(c->report, m, sizeof(*m), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (!gate_message_whole(m, n))
		return -1;
	if (m->kind == GATE_RESOLVED && c->under_way > 0 && gate_resolved_valid(&m->resolved)) {
		c->under_way--;
		c->on_resolved(c->ctx, &m->resolved);
	}
	if (m->kind == GATE_EVENT && c->on_event && c->setup && event_valid(&m->event) &&
	    m->event.subject < c->setup->n_clients + c->setup->n_networks)
		c->on_event(c->ctx, c->setup, &m->event);
	return 1;
}

/* Reads until a message of the kind comes; events on the way are told. */
static bool await(struct gate_child *c, enum gate_message_kind kind, struct gate_message *m,
		  struct err *e)
{
	uint64_t until = clock_ms() + READY_MS, now;

	while (c->report >= 0 && (now = clock_ms()) < until) {
		struct pollfd fd = { .fd = c->report, .events = POLLIN };
		int got;

		if (poll(&fd, 1, (int)(until - now)) != 1)
			continue;
		got = read_one(c, m);
		if (got < 0) {
			bury(c);
			return err_set(e, ERR_SYSTEM, "the gate has died");
		}
		if (got > 0 && m->kind == kind)
			return true;
	}
	bury(c);
	return err_set(e, ERR_SYSTEM, "the gate does not answer, and was ended");
}

/* On failure the gate is ended: what it was told last, it may have heard or not. */
static bool order(struct gate_child *c, const struct gate_order *o, const int *fds, size_t n,
		  struct err *e)
{
	if (fd_send(c->report, o, sizeof(*o), fds, n, e))
		return true;
	bury(c);
	return err_wrap(e, "the gate");
}

/* A file without a name that holds the setup, to be read from its beginning. */
static bool write_setup(const struct gate_setup *s, int *out_fd, uint64_t *size, struct err *e)
{
	_cleanup_(fd_closep) int fd = memfd_create("sallyport-setup", MFD_CLOEXEC);
	_cleanup_(buf_done) struct buf bytes;

	buf_init(&bytes, LIMIT_PLAN_FLAT);
	setup_encode(s, &bytes);
	if (!buf_ok(&bytes))
		return err_set(e, ERR_LIMIT, "the policy is too large to be handed to the gate");
	if (fd < 0 || !fd_write_all(fd, buf_view(&bytes), e) || lseek(fd, 0, SEEK_SET) != 0)
		return err_sys(e, errno, "a file for the gate's setup");
	*size = bytes.n;
	*out_fd = fd;
	fd = -1;
	return true;
}

/* Adoption is told before what ends by it, so that its events are about the right plan. */
static bool hand_over(struct gate_child *c, const struct gate_setup *s, uint64_t generation,
		      struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;
	struct gate_message m;
	struct gate_order o;

	memset(&o, 0, sizeof(o));
	o.kind = GATE_ORDER_SETUP;
	o.setup.generation = generation;
	if (!write_setup(s, &fd, &o.setup.size, e) || !order(c, &o, &fd, 1, e) ||
	    !await(c, GATE_ADOPTED, &m, e))
		return false;
	m.adopted.why[sizeof(m.adopted.why) - 1] = '\0';
	if (m.adopted.why[0])
		return err_set(e, ERR_SYSTEM, "the gate: %s", m.adopted.why);
	return true;
}

static bool settle(struct gate_child *c, struct err *e)
{
	struct gate_message m;

	if (!await(c, GATE_SETTLED, &m, e))
		return false;
	c->ended = m.settled.ended;
	return true;
}

/* On failure, too, c->pid is the process if there is one. */
static bool start_process(struct gate_child *c, const struct gate_options *o, struct err *e)
{
	if (o->kind == GATE_DAEMON)
		return gate_process_start(o, c->report, &c->pid, e);
	c->pid = fork();
	if (c->pid == 0)
		child(o);
	return c->pid > 0 || err_sys(e, errno, "starting the gate");
}

bool gate_child_start(struct gate_child *c, struct err *e)
{
	struct gate_options o = *c->o;
	struct gate_message m;
	struct timeval wait = { READY_MS / 1000, READY_MS % 1000 * 1000 };
	int pair[2], size = 4 << 20;
	bool ok;

	bury(c);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_sys(e, errno, "a socket for the gate");
	/* Room for a burst of decisions while this process is busy with the last one. */
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	/* A gate that reads no orders must not stop this process. */
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	c->report = pair[0];
	o.report_fd = pair[1];
	ok = start_process(c, &o, e);
	fd_closep(&pair[1]);
	if (!ok) {
		bury(c);
		return false;
	}
	return await(c, GATE_READY, &m, e) &&
	       (!c->setup || (hand_over(c, c->setup, c->generation, e) && settle(c, e)));
}

bool gate_child_setup(struct gate_child *c, struct gate_setup *take_s, struct err *e)
{
	_cleanup_(gate_setup_freep) struct gate_setup *s = take_s;

	/* While there is no gate nothing passes; the next one begins with this. */
	if (c->report < 0) {
		gate_setup_free(c->setup);
		c->setup = steal(&s);
		c->generation++;
		c->ended = 0;
		return true;
	}
	if (!hand_over(c, s, c->generation + 1, e))
		return false;
	gate_setup_free(c->setup);
	c->setup = steal(&s);
	c->generation++;
	return settle(c, e);
}

bool gate_child_count(struct gate_child *c, struct err *e)
{
	struct gate_message m;
	struct gate_order o;

	memset(&o, 0, sizeof(o));
	o.kind = GATE_ORDER_COUNT;
	if (c->report < 0)
		return err_set(e, ERR_SYSTEM, "the gate is not there; it is being started anew");
	if (!order(c, &o, NULL, 0, e) || !await(c, GATE_COUNTS, &m, e))
		return false;
	c->counts = m.counts;
	return true;
}

/* Sends what of the queue there is room for. The next call comes with an answer; where none is under
 * way there is none to come, and then this waits until the gate has read. */
static bool send_queue(struct gate_child *c)
{
	struct gate_order o;

	memset(&o, 0, sizeof(o));
	o.kind = GATE_ORDER_RESOLVE;
	for (; c->queue_at < c->n_queue; c->queue_at++, c->under_way++) {
		int flags = MSG_NOSIGNAL | (c->under_way ? MSG_DONTWAIT : 0);

		o.resolve = c->queue[c->queue_at];
		if (RETRY_EINTR(send(c->report, &o, sizeof(o), flags)) < 0)
			return errno == EAGAIN && c->under_way;
	}
	c->n_queue = c->queue_at = 0;
	return true;
}

bool gate_child_resolve(struct gate_child *c, uint32_t id, const struct name *name,
			uint32_t queries, struct err *e)
{
	struct gate_resolve r = { .id = id, .queries = queries };

	name_copy(&r.name, name);
	if (c->report < 0)
		return err_set(e, ERR_SYSTEM, "the gate is not there; it is being started anew");
	vec_push(c->queue, c->n_queue, c->cap_queue, r);
	if (send_queue(c))
		return true;
	bury(c);
	return err_set(e, ERR_SYSTEM, "the gate has died");
}

bool gate_child_installed(struct gate_child *c, const struct gate_installed *what, struct err *e)
{
	struct gate_order o;

	if (c->report < 0)
		return err_set(e, ERR_SYSTEM, "the gate is not there; it is being started anew");
	memset(&o, 0, sizeof(o));
	o.kind = GATE_ORDER_INSTALLED;
	o.installed = *what;
	return order(c, &o, NULL, 0, e);
}

bool gate_child_read(struct gate_child *c)
{
	struct gate_message m;
	int got = 1;

	for (int i = 0; i < BATCH && got > 0 && c->report >= 0; i++)
		got = read_one(c, &m);
	if (got >= 0 && c->report >= 0 && send_queue(c))
		return true;
	bury(c);
	return false;
}

void gate_child_stop(struct gate_child *c)
{
	uint64_t until = clock_ms() + FAREWELL_MS, now;
	struct gate_message m = { 0 };

	if (c->report >= 0)
		(void)shutdown(c->report, SHUT_WR);
	while (c->report >= 0 && m.kind != GATE_FAREWELL && (now = clock_ms()) < until) {
		struct pollfd fd = { .fd = c->report, .events = POLLIN };

		if (poll(&fd, 1, (int)(until - now)) == 1 && read_one(c, &m) < 0)
			break;
	}
	if (m.kind == GATE_FAREWELL)
		c->farewell = m.farewell;
	bury(c);
	free(c->queue);
	c->queue = NULL;
	c->cap_queue = 0;
	gate_setup_free(c->setup);
	c->setup = NULL;
}
