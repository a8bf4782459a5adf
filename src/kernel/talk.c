/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/talk.h"

#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock.h"

/* The kernel answers from within the request; only a machine that hardly runs gets near it. */
#define ANSWER_MS 2000U

static int open_socket(struct talk *t)
{
	const struct timeval wait = { .tv_sec = ANSWER_MS / 1000 };
	int on = 1;

	t->sock = mnl_socket_open2(t->bus, SOCK_CLOEXEC);
	if (!t->sock || mnl_socket_bind(t->sock, 0, MNL_SOCKET_AUTOPID) != 0)
		return -errno;
	(void)mnl_socket_setsockopt(t->sock, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(t->sock, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(mnl_socket_get_fd(t->sock), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) !=
	    0)
		return -errno;
	return 0;
}

bool talk_open(struct talk *t, int bus, struct err *e)
{
	int r;

	*t = (struct talk){ .bus = bus, .limit_ms = ANSWER_MS };
	r = open_socket(t);
	return r == 0 || err_sys(e, -r, "netlink: cannot open a socket");
}

void talk_done(struct talk *t)
{
	if (t->sock)
		(void)mnl_socket_close(t->sock);
	t->sock = NULL;
}

struct nlmsghdr *talk_request(struct talk *t, void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = ++t->seq;
	return nlh;
}

int talk_receive(int fd, void *buf, size_t size, int flags)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	ssize_t n =
		RETRY_EINTR(recvfrom(fd, buf, size, flags, (struct sockaddr *)&from, &from_len));

	if (n < 0)
		return -errno;
	return from.nl_pid == 0 ? (int)n : 0;
}

static int receive(const struct talk *t, void *buf, size_t size)
{
	int n = talk_receive(mnl_socket_get_fd(t->sock), buf, size, 0);

	return n == -EAGAIN ? -ETIMEDOUT : n;
}

static int error_of(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *why = mnl_nlmsg_get_payload(nlh);

	return mnl_nlmsg_get_payload_len(nlh) >= sizeof(*why) ? why->error : -EBADMSG;
}

static void take(struct talk_dump *a, const struct nlmsghdr *nlh)
{
	const int *status = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		a->error = error_of(nlh);
		a->whole = true;
	} else if (nlh->nlmsg_type == NLMSG_DONE) {
		/* A dump that fails on its way says so in its last message. */
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*status))
			a->error = MIN(*status, 0);
		a->whole = true;
	} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
		a->enough = !a->fn(a->ctx, nlh);
		a->whole = a->enough || !(nlh->nlmsg_flags & NLM_F_MULTI);
	}
}

/* A socket has one dump at a time, which would have to be read to its end. */
static void begin_anew(struct talk *t)
{
	talk_done(t);
	if (open_socket(t) != 0)
		talk_done(t);
}

int talk_begin(struct talk *t, struct nlmsghdr *nlh, talk_fn *fn, void *ctx, struct talk_dump *out)
{
	*out = (struct talk_dump){ .fn = fn, .ctx = ctx, .seq = nlh->nlmsg_seq };
	if (!t->sock)
		return -EBADF;
	return mnl_socket_sendto(t->sock, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

static int read_some(struct talk *t, struct talk_dump *d)
{
	_Alignas(struct nlmsghdr) char buf[TALK_ANSWER];
	int left = receive(t, buf, sizeof(buf));
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	if (left < 0)
		return left;
	for (; mnl_nlmsg_ok(nlh, left) && !d->whole; nlh = mnl_nlmsg_next(nlh, &left))
		if (nlh->nlmsg_seq == d->seq) /* else of a question that was given up */
			take(d, nlh);
	return d->error;
}

int talk_some(struct talk *t, struct talk_dump *d)
{
	int r = read_some(t, d);

	if (d->enough || r == -ETIMEDOUT)
		begin_anew(t);
	return r == 0 && d->whole && d->interrupted && !d->enough ? -EINTR : r;
}

void talk_abandon(struct talk *t, struct talk_dump *d)
{
	if (!d->whole && !d->error)
		begin_anew(t);
	d->whole = true;
}

int talk_ask(struct talk *t, struct nlmsghdr *nlh, talk_fn *fn, void *ctx)
{
	uint64_t until_ms = clock_ms() + t->limit_ms;
	struct talk_dump d;
	int r = talk_begin(t, nlh, fn, ctx, &d);

	while (r == 0 && !d.whole) {
		r = talk_some(t, &d);
		if (r == 0 && !d.whole && clock_ms() > until_ms) {
			talk_abandon(t, &d);
			r = -ETIMEDOUT;
		}
	}
	return r;
}

int talk_tell(struct talk *t, const void *requests, size_t n, talk_ack_fn *fn, void *ctx)
{
	_Alignas(struct nlmsghdr) char buf[TALK_ANSWER];
	const struct nlmsghdr *first = requests;
	uint32_t seq = first->nlmsg_seq;

	if (!t->sock)
		return -EBADF;
	if (mnl_socket_sendto(t->sock, requests, n) < 0)
		return -errno;
	while (seq - 1 != t->seq) {
		int left = receive(t, buf, sizeof(buf));
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

		if (left < 0)
			return left;
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq != seq)
				continue;
			fn(ctx, error_of(nlh));
			seq++;
		}
	}
	return 0;
}

bool talk_is_of(int fd, int bus)
{
	int domain = 0, protocol = -1;
	socklen_t n = sizeof(domain), m = sizeof(protocol);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain == AF_NETLINK &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &m) == 0 && protocol == bus;
}
