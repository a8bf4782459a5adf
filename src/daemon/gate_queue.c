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
	size_t head; /* bytes of the order, then left_s of as many addresses as it has */
	uint32_t n_left;
	int fd;
	char *bytes; /* owned */
};

static struct gate_queued pack(const struct gate_order *o, int take_fd)
{
	struct gate_queued q = { .head = offsetof(struct gate_order, resolve) + sizeof(o->resolve),
				 .fd = take_fd };

	if (o->kind == GATE_ORDER_RESOLVE)
		q.head = offsetof(struct gate_order, resolve.name) + NAME_SIZE(o->resolve.name.len);
	if (o->kind == GATE_ORDER_INSTALLED) {
		q.n_left = MIN(o->installed.n, (uint32_t)GATE_ADDRESSES_MAX);
		q.head = offsetof(struct gate_order, installed.addrs) +
			 q.n_left * sizeof(o->installed.addrs[0]);
	}
	q.bytes = xmalloc(q.head + q.n_left * sizeof(o->installed.left_s[0]));
	memcpy(q.bytes, o, q.head);
	memcpy(q.bytes + q.head, o->installed.left_s, q.n_left * sizeof(o->installed.left_s[0]));
	return q;
}

static void unpack(const struct gate_queued *q, struct gate_order *o)
{
	memset(o, 0, sizeof(*o));
	memcpy(o, q->bytes, q->head);
	memcpy(o->installed.left_s, q->bytes + q->head, q->n_left * sizeof(o->installed.left_s[0]));
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
