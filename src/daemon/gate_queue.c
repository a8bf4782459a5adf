/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/gate_queue.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/fd.h"

/* An order as far as it says something: it has room for a long name and many addresses. */
struct gate_queued {
	enum gate_order_kind kind;
	uint32_t n; /* addresses */
	uint8_t name_len;
	int fd;
	char *bytes; /* owned: its ranges, one behind the other */
};

/* Bytes of an order. */
struct range {
	size_t at, n;
};

/* Those of an order of that kind that say something; returns how many bytes they are. */
static size_t ranges_of(const struct gate_queued *q, struct range out[static 3])
{
	memset(out, 0, 3 * sizeof(*out));
	switch (q->kind) {
	case GATE_ORDER_RESOLVE:
		out[0].n = offsetof(struct gate_order, resolve.name) + NAME_SIZE(q->name_len);
		break;
	case GATE_ORDER_INSTALLED:
		out[0].n = offsetof(struct gate_order, installed.name) + NAME_SIZE(q->name_len);
		out[1].at = offsetof(struct gate_order, installed.outcome);
		out[1].n = offsetof(struct gate_order, installed.addrs) - out[1].at +
			   q->n * sizeof(struct addr);
		out[2].at = offsetof(struct gate_order, installed.left_s);
		out[2].n = q->n * sizeof(uint32_t);
		break;
	default:
		out[0].n = offsetof(struct gate_order, setup) +
			   sizeof(((struct gate_order *)NULL)->setup);
	}
	return out[0].n + out[1].n + out[2].n;
}

static struct gate_queued pack(const struct gate_order *o, int take_fd)
{
	struct gate_queued q = { .kind = o->kind, .fd = take_fd };
	struct range ranges[3];
	char *at;

	if (o->kind == GATE_ORDER_RESOLVE)
		q.name_len = o->resolve.name.len;
	if (o->kind == GATE_ORDER_INSTALLED) {
		q.name_len = o->installed.name.len;
		q.n = MIN(o->installed.n, (uint32_t)GATE_ADDRESSES_MAX);
	}
	at = q.bytes = xmalloc(ranges_of(&q, ranges));
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		memcpy(at, (const char *)o + ranges[i].at, ranges[i].n);
		at += ranges[i].n;
	}
	return q;
}

static void unpack(const struct gate_queued *q, struct gate_order *o)
{
	struct range ranges[3];
	const char *at = q->bytes;

	memset(o, 0, sizeof(*o));
	(void)ranges_of(q, ranges);
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		memcpy((char *)o + ranges[i].at, at, ranges[i].n);
		at += ranges[i].n;
	}
}

void gate_queue_add(struct gate_queue *q, const struct gate_order *o, int take_fd)
{
	vec_push(q->items, q->n, q->cap, pack(o, take_fd));
}

/* 1: sent, 0: there is no room, -1: it cannot be. */
static int send_one(const struct gate_queued *q, int sock)
{
	struct pollfd room = { .fd = sock, .events = POLLOUT };
	struct gate_order o;
	struct err ignored;

	unpack(q, &o);
	if (q->fd >= 0)
		return poll(&room, 1, 0) != 1				 ? 0 :
		       fd_send(sock, &o, sizeof(o), &q->fd, 1, &ignored) ? 1 :
									   -1;
	if (RETRY_EINTR(send(sock, &o, sizeof(o), MSG_NOSIGNAL | MSG_DONTWAIT)) >= 0)
		return 1;
	return errno == EAGAIN ? 0 : -1;
}

static void drop(struct gate_queued *q)
{
	fd_closep(&q->fd);
	free(q->bytes);
	q->bytes = NULL;
}

bool gate_queue_send(struct gate_queue *q, int sock)
{
	for (; q->at < q->n; q->at++) {
		int sent = send_one(&q->items[q->at], sock);

		if (sent <= 0)
			return sent == 0;
		drop(&q->items[q->at]);
	}
	gate_queue_done(q);
	return true;
}

bool gate_queue_empty(const struct gate_queue *q)
{
	return q->at == q->n;
}

void gate_queue_done(struct gate_queue *q)
{
	for (size_t i = q->at; i < q->n; i++)
		drop(&q->items[i]);
	free(q->items);
	*q = (struct gate_queue){ 0 };
}
