/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question to the kernel by netlink, and its answer: what links.c and conntrack.c stand on. And how any
 * socket of netlink is read. */
#ifndef SALLYPORT_KERNEL_TALK_H
#define SALLYPORT_KERNEL_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "base/err.h"

#define TALK_REQUEST 512   /* bytes of a request */
#define TALK_ANSWER  16384 /* of one part of an answer; the kernel fits dumps to what is read with */
#define TALK_TRIES   16	   /* dumps that are begun again because what they list changed meanwhile */

struct talk {
	struct mnl_socket *sock; /* owned */
	int bus;		 /* NETLINK_ROUTE, NETLINK_NETFILTER */
	uint32_t seq;
	unsigned limit_ms; /* for one answer; talk_open() makes it 2 s */
};

/* Opens the socket in the caller's network namespace. With strict checks of dumps (NETLINK_GET_STRICT_CHK),
 * by which the kernel filters them. *t is for talk_done() either way. */
bool talk_open(struct talk *t, int bus, struct err *e) _must_use_;
void talk_done(struct talk *t);

/* Begins a request in buf, which has TALK_REQUEST bytes and is aligned as a message is. */
struct nlmsghdr *talk_request(struct talk *t, void *buf, uint16_t type, uint16_t flags);

/* Called with each message of an answer. False: that is enough, the rest is not read. */
typedef bool talk_fn(void *ctx, const struct nlmsghdr *nlh);

/*
 * Sends the request and reads its answer, for limit_ms at the most. 0, or what went wrong as a negative
 * errno: the kernel's own word; EINTR for a dump during which what it lists changed; ETIMEDOUT.
 */
int talk_ask(struct talk *t, struct nlmsghdr *nlh, talk_fn *fn, void *ctx) _must_use_;

/* An answer that is read part by part; good as long as nothing else is asked by the same talk. */
struct talk_dump {
	talk_fn *fn;
	void *ctx;
	uint32_t seq;
	bool interrupted, enough, whole;
	int error;
};

/* Sends the request. 0 or a negative errno. */
int talk_begin(struct talk *t, struct nlmsghdr *nlh, talk_fn *fn, void *ctx, struct talk_dump *out)
	_must_use_;

/* Reads the next part of the answer: 0, or what went wrong as talk_ask() has it; d->whole: it was the last. */
int talk_some(struct talk *t, struct talk_dump *d) _must_use_;

/* The rest of the answer is not wanted. */
void talk_abandon(struct talk *t, struct talk_dump *d);

/* Called with what became of one request: 0 or a negative errno. */
typedef void talk_ack_fn(void *ctx, int error);

/*
 * Sends n bytes of requests, each with NLM_F_ACK and begun by talk_request() one after the other, and reads
 * as many acknowledgements. At most TALK_TOGETHER: what a socket's receive buffer holds of answers.
 */
#define TALK_TOGETHER 128
int talk_tell(struct talk *t, const void *requests, size_t n, talk_ack_fn *fn, void *ctx)
	_must_use_;

/*
 * Reads one datagram of the kernel's: its bytes, or a negative errno. 0: another process has sent it, as any
 * process can to a netlink socket that it knows. flags: of recv().
 */
int talk_receive(int fd, void *buf, size_t size, int flags) _must_use_;

/* The descriptor is a socket of that bus, as it was when it was opened. */
bool talk_is_of(int fd, int bus);

#endif
