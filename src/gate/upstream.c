/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/upstream.h"

#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cursor.h"
#include "base/fd.h"
#include "gate/watch.h"

/* Each upstream is tried twice, at least three tries in all; the last mixes no letter case, for
 * the rare server that answers in its own. */
#define TRIES_MIN 3U

struct upstream_query {
	uv_loop_t *loop;
	struct upstream_question question;
	resolver_fn *fn;
	void *ctx;
	unsigned tries; /* begun so far */
	struct dns_asked asked;
	bool tcp;
	struct watch *watch;
	struct timer *timer;
	struct buf out; /* what is left to send, on TCP */
	struct buf in;	/* what arrived, on TCP */
};

static void next_try(struct upstream_query *q);

static void stop_try(struct upstream_query *q)
{
	watch_close(q->watch);
	q->watch = NULL;
	timer_close(q->timer);
	q->timer = NULL;
	buf_done(&q->out);
	buf_done(&q->in);
}

void upstream_cancel(struct upstream_query *q)
{
	if (!q)
		return;
	stop_try(q);
	free(q);
}

static void finish(struct upstream_query *q, const struct resolved *r)
{
	q->fn(q->ctx, r); /* r may point into q->in */
	stop_try(q);
	free(q);
}

static unsigned max_tries(const struct upstream_query *q)
{
	return MAX(TRIES_MIN, 2 * (unsigned)q->question.n_upstreams);
}

static bool by_address(const struct upstream_query *q)
{
	return q->asked.qtype == DNS_TYPE_A || q->asked.qtype == DNS_TYPE_AAAA;
}

/* An rcode that is no answer: another upstream may know better. */
static bool refused(unsigned rcode)
{
	return rcode != DNS_NOERROR && rcode != DNS_NXDOMAIN;
}

/* Reads the message of an upstream. False: not an answer, the try has failed; true with *truncated
 * when it has to be asked for again. */
static bool read_answer(struct upstream_query *q, struct span msg, struct resolved *r,
			bool *truncated)
{
	struct dns_answer a;
	struct err ignored;

	*r = (struct resolved){ 0 };
	if (by_address(q)) {
		if (!dns_answer_parse(&q->asked, msg, &a, &ignored))
			return false;
		*truncated = a.truncated;
		r->rcode = a.rcode;
		r->n = a.n;
		memcpy(r->addrs, a.addrs, a.n * sizeof(a.addrs[0]));
		r->ttl_s = a.n ? a.ttl_s : a.negative_ttl_s;
	} else {
		if (!dns_answer_check(&q->asked, msg, &r->relay, &ignored))
			return false;
		*truncated = r->relay.truncated;
		r->rcode = r->relay.rcode;
		r->message = msg;
	}
	return *truncated || !refused(r->rcode);
}

static void open_try(struct upstream_query *q, bool tcp);

/* An answer that matches the question: the end, or a turn to TCP, or the next upstream's turn. */
static void on_message(struct upstream_query *q, struct span msg)
{
	bool truncated = false;
	struct resolved r;

	if (!read_answer(q, msg, &r, &truncated))
		next_try(q);
	else if (!truncated)
		finish(q, &r);
	else if (!q->tcp)
		open_try(q, true);
	else
		next_try(q);
}

static void on_datagram(void *ctx, int events)
{
	struct upstream_query *q = ctx;
	char msg[LIMIT_DNS_UDP];
	ssize_t n = recv(watch_fd(q->watch), msg, sizeof(msg), 0);

	(void)events;
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			next_try(q);
		return;
	}
	if (dns_answer_matches(&q->asked, span_bytes(msg, (size_t)n)))
		on_message(q, span_bytes(msg, (size_t)n));
}

/* The message in q->in, once all of it is there: RFC 1035 4.2.2. */
static void on_segment(struct upstream_query *q)
{
	struct cursor c = cursor(q->in.p, q->in.n);
	uint16_t len = cur_u16(&c);
	struct span msg = cur_take(&c, len);

	if (!cur_ok(&c))
		return;
	watch_for(q->watch, 0);
	if (dns_answer_matches(&q->asked, msg))
		on_message(q, msg);
	else
		next_try(q);
}

static void on_stream(void *ctx, int events)
{
	struct upstream_query *q = ctx;
	int fd = watch_fd(q->watch);
	char chunk[4096];
	ssize_t n;

	if ((events & UV_WRITABLE) && q->out.n) {
		n = send(fd, q->out.p, q->out.n, MSG_NOSIGNAL);
		if (n > 0)
			buf_drop(&q->out, (size_t)n);
		else if (errno != EAGAIN && errno != EINTR)
			return next_try(q);
		if (!q->out.n)
			watch_for(q->watch, UV_READABLE);
		return;
	}
	n = recv(fd, chunk, sizeof(chunk), 0);
	if (n > 0) {
		buf_add(&q->in, chunk, (size_t)n);
		on_segment(q);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		next_try(q);
	}
}

static void on_timeout(void *ctx)
{
	next_try(ctx);
}

/* A socket to the upstream whose turn it is, or -1. */
static int dial(const struct upstream_query *q)
{
	size_t turn = (q->tries - 1) % q->question.n_upstreams;
	const struct gate_upstream *up = &q->question.upstreams[turn];
	union sockaddr_any sa;
	socklen_t len = addr_to_sockaddr(&up->addr, up->port, &sa);
	int type = (q->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(sa.sa.sa_family, type, 0);

	if (fd >= 0 && connect(fd, &sa.sa, len) != 0 && errno != EINPROGRESS)
		fd_closep(&fd);
	return fd;
}

static bool send_query(struct upstream_query *q, int fd)
{
	_cleanup_(buf_done) struct buf msg;

	buf_init(&msg, LIMIT_DNS_UDP);
	dns_query_build(&q->asked, &msg);
	buf_init(&q->in, LIMIT_DNS_MESSAGE + 2);
	buf_init(&q->out, LIMIT_DNS_UDP + 2);
	if (!q->tcp)
		return send(fd, msg.p, msg.n, MSG_NOSIGNAL) == (ssize_t)msg.n;
	buf_u16(&q->out, (uint16_t)msg.n);
	buf_span(&q->out, buf_view(&msg));
	return true;
}

static void open_try(struct upstream_query *q, bool tcp)
{
	int fd;

	stop_try(q);
	q->tcp = tcp;
	q->asked = (struct dns_asked){ .name = q->question.name, .qtype = q->question.qtype };
	(void)!getrandom(&q->asked.id, sizeof(q->asked.id), 0);
	if (q->tries < max_tries(q))
		(void)!getrandom(&q->asked.case_seed, sizeof(q->asked.case_seed), 0);
	/* A try that cannot even be sent fails by its timer, so that nothing calls back early. */
	q->timer = timer_new(q->loop, LIMIT_DNS_TRY_MS, 0, on_timeout, q);
	fd = dial(q);
	if (fd >= 0 && !send_query(q, fd))
		fd_closep(&fd);
	if (fd >= 0)
		q->watch = watch_new(q->loop, fd, tcp ? on_stream : on_datagram, q);
	if (q->watch) {
		watch_for(q->watch, tcp ? UV_WRITABLE : UV_READABLE);
	} else {
		timer_close(q->timer);
		q->timer = timer_new(q->loop, 0, 0, on_timeout, q);
	}
}

static void next_try(struct upstream_query *q)
{
	const struct resolved failed = { .rcode = DNS_SERVFAIL };

	if (q->tries == max_tries(q)) {
		finish(q, &failed);
		return;
	}
	q->tries++;
	open_try(q, false);
}

struct upstream_query *upstream_ask(uv_loop_t *loop, const struct upstream_question *question,
				    resolver_fn *fn, void *ctx)
{
	struct upstream_query *q = xcalloc(1, sizeof(*q));

	*q = (struct upstream_query){ .loop = loop, .question = *question, .fn = fn, .ctx = ctx };
	next_try(q);
	return q;
}
