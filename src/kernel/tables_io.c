/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/netlink.h>
#include <sys/socket.h>

#include "kernel/tables_internal.h"

#define DRAIN_MAX  100000 /* messages of an answer that was given up, before the next request */
#define ERRORS_MAX 16	  /* of one answer; overruns are told one by one */
#define ASK_TRIES  10	  /* a dump that others' changes cut in two, or an answer that was lost */
#define SEND_SLACK 4096U  /* netlink_sendmsg() wants 32 bytes more than the message */

static ssize_t system_send(int fd, const void *p, size_t n, int flags)
{
	return send(fd, p, n, flags);
}

static ssize_t system_recv(int fd, void *p, size_t n, int flags)
{
	return recv(fd, p, n, flags);
}

const struct tables_io tables_io_system = { system_send, system_recv };

/* The next part of an answer. 0, EAGAIN when there is none, or another errno: it may be lost then. */
static int next(struct tables *t, size_t *n)
{
	ssize_t got = t->io->recv(t->fd, t->rx, TABLES_RX, MSG_DONTWAIT | MSG_TRUNC);

	*n = 0;
	if (got < 0)
		return errno;
	if ((size_t)got > TABLES_RX)
		return EMSGSIZE;
	*n = (size_t)got;
	return 0;
}

/* Answers to what was given up before; a dump that is under way would make the next one EBUSY. */
static void drain(struct tables *t)
{
	int rc = 0, errors = 0;
	size_t n;

	for (int i = 0; i < DRAIN_MAX && errors < ERRORS_MAX && rc != EAGAIN; i++) {
		rc = next(t, &n);
		errors += rc != 0;
	}
}

/* A batch has to be one message: sk_sndbuf bounds it (netlink_sendmsg()). */
static void make_room(struct tables *t, size_t n)
{
	int size = (int)MIN(n + SEND_SLACK, (size_t)INT32_MAX / 2);

	if (n + SEND_SLACK <= t->sndbuf)
		return;
	if (setsockopt(t->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) == 0 ||
	    setsockopt(t->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0)
		t->sndbuf = n + SEND_SLACK;
}

static int put(struct tables *t, const void *p, size_t n)
{
	drain(t);
	make_room(t, n);
	return RETRY_EINTR(t->io->send(t->fd, p, n, 0)) < 0 ? errno : 0;
}

/* The kernel's word and the place, of an error message with NETLINK_EXT_ACK and NETLINK_CAP_ACK. */
static void details(const struct nlmsghdr *nlh, struct refusal *r)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	*r = (struct refusal){ .errnum = -err->error, .seq = nlh->nlmsg_seq };
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || !(nlh->nlmsg_flags & NLM_F_CAPPED))
		return;
	TABLES_EACH_OF(a, nlh, sizeof(*err))
	{
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_OFFS &&
		    mnl_attr_validate(a, MNL_TYPE_U32) == 0)
			r->offset = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
			(void)span_show(span_of(mnl_attr_get_str(a)), r->said, sizeof(r->said));
	}
}

static bool is_error(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == NLMSG_ERROR &&
	       mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct nlmsgerr);
}

/* What one part of the answer to a batch says; a refusal that came first stays. */
static void read_acks(const struct tables *t, const struct batch *b, size_t n, bool *taken,
		      struct refusal *r)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)t->rx;
	uint32_t last = b->seq + (uint32_t)b->n_items - 2; /* before the end: see batch_end() */
	struct refusal one;
	int left = (int)n;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (!is_error(nlh) || nlh->nlmsg_seq - b->seq >= b->n_items)
			continue;
		details(nlh, &one);
		if (one.errnum == 0)
			*taken = *taken || one.seq == last;
		else if (r->errnum == 0)
			*r = one;
	}
}

enum sent tables_send(struct tables *t, const struct batch *b, struct refusal *r)
{
	int rc, errors = 0;
	bool taken = false;
	size_t n;

	*r = (struct refusal){ 0 };
	t->seq = b->seq + (uint32_t)b->n_items - 1;
	rc = put(t, b->p, b->n);
	if (rc) {
		r->errnum = rc;
		return SENT_NOT;
	}
	for (int i = 0; i < DRAIN_MAX && errors < ERRORS_MAX && rc != EAGAIN; i++) {
		rc = next(t, &n);
		if (rc == 0)
			read_acks(t, b, n, &taken, r);
		else if (rc != EAGAIN)
			errors++;
	}
	if (r->errnum)
		return SENT_REFUSED; /* one error is enough for nothing to be changed */
	return taken && errors == 0 ? SENT_DONE : SENT_UNKNOWN;
}

/* 0: more is to come; -1: that was all; an errno. */
static int one_message(const struct nlmsghdr *nlh, const struct tables_reader *r)
{
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		return EINTR;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return -1;
	if (is_error(nlh)) {
		int error = ((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;

		return error ? -error : -1;
	}
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
		return 0;
	return r->message(nlh, r->ctx);
}

static int read_answer(struct tables *t, uint32_t seq, const struct tables_reader *r)
{
	int rc = 0, left;
	size_t n;

	for (;;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)t->rx;

		rc = next(t, &n);
		if (rc)
			return rc == EMSGSIZE ? -EAGAIN : -rc;
		for (left = (int)n; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_seq != seq)
				continue;
			rc = one_message(nlh, r);
			if (rc)
				return rc < 0 ? 0 : rc;
		}
	}
}

/* The answer is lost, in parts, of two generations, or one that was given up is under way. */
static bool again(int errnum)
{
	return errnum == EAGAIN || errnum == EINTR || errnum == ENOBUFS || errnum == ENOMEM ||
	       errnum == EBUSY;
}

int tables_ask(struct tables *t, struct nlmsghdr *req, const struct tables_reader *r)
{
	int rc = -EAGAIN;

	for (int i = 0; i < ASK_TRIES; i++) {
		if (r->reset)
			r->reset(r->ctx);
		req->nlmsg_seq = ++t->seq;
		rc = put(t, req, req->nlmsg_len);
		if (rc)
			return -rc;
		rc = read_answer(t, req->nlmsg_seq, r);
		if (!again(abs(rc)))
			return rc;
	}
	return rc;
}
