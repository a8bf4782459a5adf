/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/gate_child.h"

#include <fcntl.h>
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

/* After this it is told that it does not. */
#define SLOW_MS 1000

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

/* What was offered is what the next one begins with. */
static void bury(struct gate_child *c)
{
	fd_closep(&c->report);
	process_end(&c->pid);
	gate_queue_done(&c->queue);
	c->under_way = 0;
	c->owed = 0;
	c->owed_since_ms = c->blocked_since_ms = 0;
}

/* ---- what is on its way */

static unsigned bit(enum gate_message_kind kind)
{
	return 1U << kind;
}

static void owe(struct gate_child *c, unsigned answers)
{
	c->owed |= answers;
	c->owed_since_ms = clock_ms();
	if (c->on_busy)
		c->on_busy(c->ctx);
}

static void settle_up(struct gate_child *c, unsigned answers)
{
	c->owed &= ~answers;
	c->owed_since_ms = c->owed ? c->owed_since_ms : 0;
}

/* False: the gate is gone. */
static bool flush(struct gate_child *c)
{
	size_t at = c->queue.at;

	if (!gate_queue_send(&c->queue, c->report)) {
		bury(c);
		return false;
	}
	if (gate_queue_empty(&c->queue))
		c->blocked_since_ms = 0;
	else if (c->queue.at != at || !c->blocked_since_ms)
		c->blocked_since_ms = clock_ms();
	if (gate_child_blocked(c) && c->on_busy)
		c->on_busy(c->ctx);
	return true;
}

/* take_fd: -1, or what goes with it. */
static bool order(struct gate_child *c, const struct gate_order *o, int take_fd, struct err *e)
{
	bool first = gate_queue_empty(&c->queue);

	gate_queue_add(&c->queue, o, take_fd);
	/* Behind others it waits for its turn anyway. */
	return !first || flush(c) || err_set(e, ERR_SYSTEM, "the gate has died");
}

bool gate_child_blocked(const struct gate_child *c)
{
	return !gate_queue_empty(&c->queue);
}

bool gate_child_busy(const struct gate_child *c)
{
	return c->owed || gate_child_blocked(c);
}

static bool has_waited(const struct gate_child *c, uint64_t ms)
{
	uint64_t now = clock_ms();

	return (c->owed_since_ms && now >= c->owed_since_ms + ms) ||
	       (c->blocked_since_ms && now >= c->blocked_since_ms + ms);
}

bool gate_child_up(const struct gate_child *c)
{
	return c->report >= 0 && !(c->owed & bit(GATE_READY));
}

bool gate_child_slow(const struct gate_child *c)
{
	return has_waited(c, SLOW_MS);
}

bool gate_child_late(struct gate_child *c)
{
	if (!has_waited(c, READY_MS))
		return false;
	bury(c);
	return true;
}

/* ---- setups */

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
	struct gate_order o;
	int fd = -1;

	memset(&o, 0, sizeof(o));
	o.kind = GATE_ORDER_SETUP;
	o.setup.generation = generation;
	if (!write_setup(s, &fd, &o.setup.size, e))
		return false;
	owe(c, bit(GATE_ADOPTED) | bit(GATE_SETTLED));
	return order(c, &o, fd, e);
}

static void refuse(struct gate_child *c, const char *why)
{
	(void)snprintf(c->refused, sizeof(c->refused), "%.*s", (int)sizeof(c->refused) - 1, why);
	gate_setup_free(c->coming);
	c->coming = NULL;
	if (c->on_refused)
		c->on_refused(c->ctx, why);
}

/* One after the other: what was offered meanwhile. */
static void hand_over_next(struct gate_child *c)
{
	struct err e;

	if (!c->next || c->coming || (c->owed & bit(GATE_SETTLED)))
		return;
	c->coming = steal(&c->next);
	if (!hand_over(c, c->coming, c->generation + 1, &e) && c->report >= 0)
		refuse(c, e.msg);
}

static void on_adopted(struct gate_child *c, struct gate_adopted *a)
{
	settle_up(c, bit(GATE_ADOPTED));
	a->why[sizeof(a->why) - 1] = '\0';
	c->refused[0] = '\0';
	if (a->why[0]) {
		settle_up(c, bit(GATE_SETTLED));
		refuse(c, a->why);
	} else if (c->coming) {
		gate_setup_free(c->setup);
		c->setup = steal(&c->coming);
		c->generation++;
	}
}

const struct gate_setup *gate_child_newest(const struct gate_child *c)
{
	return c->next ? c->next : c->coming ? c->coming : c->setup;
}

/* While there is no gate nothing passes; the next one begins with the newest. */
static void take_newest(struct gate_child *c)
{
	struct gate_setup *newest = c->next ? steal(&c->next) : steal(&c->coming);

	gate_setup_free(c->coming);
	c->coming = NULL;
	if (!newest)
		return;
	gate_setup_free(c->setup);
	c->setup = newest;
	c->generation++;
	c->ended = 0;
}

void gate_child_offer(struct gate_child *c, struct gate_setup *take_s)
{
	gate_setup_free(c->next);
	c->next = take_s;
	if (c->report < 0)
		take_newest(c);
	else
		hand_over_next(c);
}

/* ---- what it says */

static void hear(struct gate_child *c, struct gate_message *m)
{
	if (m->kind == GATE_RESOLVED && c->under_way > 0 && gate_resolved_valid(&m->resolved)) {
		c->under_way--;
		c->on_resolved(c->ctx, &m->resolved);
	} else if (m->kind == GATE_EVENT && c->on_event && c->setup && event_valid(&m->event) &&
		   m->event.subject < c->setup->n_clients + c->setup->n_networks) {
		c->on_event(c->ctx, c->setup, &m->event);
	} else if (!(c->owed & bit(m->kind))) {
		return;
	} else if (m->kind == GATE_ADOPTED) {
		on_adopted(c, &m->adopted);
	} else {
		if (m->kind == GATE_SETTLED)
			c->ended = m->settled.ended;
		if (m->kind == GATE_COUNTS)
			c->counts = m->counts;
		settle_up(c, bit(m->kind));
	}
	if (c->report >= 0)
		hand_over_next(c);
}

/* One message; 1: read, 0: none is there, -1: the gate is gone. */
static int read_one(struct gate_child *c, struct gate_message *m)
{
	ssize_t n = recv(c->report, m, sizeof(*m), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (!gate_message_whole(m, n))
		return -1;
	hear(c, m);
	return 1;
}

/* Reads and sends until the gate owes none of these; events on the way are told. */
static bool await(struct gate_child *c, unsigned answers, struct err *e)
{
	uint64_t until = clock_ms() + READY_MS, now;

	while (c->report >= 0 && (c->owed & answers) && (now = clock_ms()) < until) {
		struct pollfd fd = { .fd = c->report,
				     .events = POLLIN | (gate_child_blocked(c) ? POLLOUT : 0) };
		struct gate_message m;

		if (poll(&fd, 1, (int)(until - now)) != 1)
			continue;
		if (((fd.revents & POLLOUT) && !flush(c)) ||
		    ((fd.revents & ~POLLOUT) && read_one(c, &m) < 0)) {
			bury(c);
			return err_set(e, ERR_SYSTEM, "the gate has died");
		}
	}
	if (c->report >= 0 && !(c->owed & answers))
		return true;
	bury(c);
	return err_set(e, ERR_SYSTEM, "the gate does not answer, and was ended");
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

static bool open_channel(struct gate_child *c, int *theirs, struct err *e)
{
	int pair[2], size = 4 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_sys(e, errno, "a socket for the gate");
	/* Room for a burst of decisions while this process is busy with the last one. */
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	c->report = pair[0];
	*theirs = pair[1];
	return true;
}

bool gate_child_begin(struct gate_child *c, struct err *e)
{
	struct gate_options o = *c->o;
	bool ok;

	bury(c);
	take_newest(c);
	if (!open_channel(c, &o.report_fd, e))
		return false;
	ok = start_process(c, &o, e);
	fd_closep(&o.report_fd);
	if (!ok) {
		bury(c);
		return false;
	}
	owe(c, bit(GATE_READY));
	return !c->setup || hand_over(c, c->setup, c->generation, e);
}

struct watch *gate_child_watch(const struct gate_child *c, uv_loop_t *loop, watch_fn *fn, void *ctx,
			       struct err *e)
{
	/* The watch closes what it watches; the original stays the child's. */
	int fd = fcntl(c->report, F_DUPFD_CLOEXEC, 3);

	if (fd < 0) {
		(void)err_sys(e, errno, "watching the gate");
		return NULL;
	}
	return watch_readable(loop, fd, fn, ctx, "the gate", e);
}

/* Waits for what was handed over to be taken. */
static bool await_setup(struct gate_child *c, struct err *e)
{
	if (!await(c, bit(GATE_READY) | bit(GATE_ADOPTED) | bit(GATE_SETTLED), e))
		return false;
	return !c->refused[0] || err_set(e, ERR_SYSTEM, "the gate: %s", c->refused);
}

bool gate_child_start(struct gate_child *c, struct err *e)
{
	c->refused[0] = '\0';
	return gate_child_begin(c, e) && await_setup(c, e);
}

bool gate_child_setup(struct gate_child *c, struct gate_setup *take_s, struct err *e)
{
	c->refused[0] = '\0';
	gate_child_offer(c, take_s);
	if (c->report < 0 && !c->coming)
		return true;
	if (await_setup(c, e))
		return true;
	/* The next one begins with the old one. */
	gate_setup_free(c->coming);
	c->coming = NULL;
	return false;
}

bool gate_child_count(struct gate_child *c, struct err *e)
{
	struct gate_order o;

	memset(&o, 0, sizeof(o));
	o.kind = GATE_ORDER_COUNT;
	if (c->report < 0)
		return err_set(e, ERR_SYSTEM, "the gate is not there; it is being started anew");
	owe(c, bit(GATE_COUNTS));
	return order(c, &o, -1, e) && await(c, bit(GATE_COUNTS), e);
}

bool gate_child_resolve(struct gate_child *c, uint32_t id, const struct name *name,
			uint32_t queries, struct err *e)
{
	struct gate_order o;

	if (c->report < 0)
		return err_set(e, ERR_SYSTEM, "the gate is not there; it is being started anew");
	memset(&o, 0, sizeof(o));
	o.kind = GATE_ORDER_RESOLVE;
	o.resolve.id = id;
	o.resolve.queries = queries;
	name_copy(&o.resolve.name, name);
	c->under_way++;
	return order(c, &o, -1, e);
}

bool gate_child_installed(struct gate_child *c, const struct gate_installed *what, struct err *e)
{
	struct gate_order o;

	if (c->report < 0)
		return err_set(e, ERR_SYSTEM, "the gate is not there; it is being started anew");
	memset(&o, 0, sizeof(o));
	o.kind = GATE_ORDER_INSTALLED;
	o.installed = *what;
	return order(c, &o, -1, e);
}

bool gate_child_read(struct gate_child *c)
{
	struct gate_message m;
	int got = 1;

	for (int i = 0; i < BATCH && got > 0 && c->report >= 0; i++)
		got = read_one(c, &m);
	if (got >= 0 && c->report >= 0 && flush(c))
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
	take_newest(c);
	gate_setup_free(c->setup);
	c->setup = NULL;
}
