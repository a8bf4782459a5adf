/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions by UDP. The socket is bound to a port of every address. Inside a jail every address is
 * local, so a question to any server arrives here; a daemon has those of its networks brought here.
 * Each is answered from the address it was sent to.
 */
#include <string.h>
#include <sys/socket.h>

#include "gate/dns_internal.h"

/* Questions read before others get their turn. */
#define BATCH 32

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static bool local_address(struct msghdr *mh, struct in6_pktinfo *out)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level != IPPROTO_IPV6 || cm->cmsg_type != IPV6_PKTINFO)
			continue;
		memcpy(out, CMSG_DATA(cm), sizeof(*out));
		return true;
	}
	return false;
}

static bool receive(struct dns *d)
{
	char msg[LIMIT_DNS_UDP];
	union control control;
	struct iovec iov = { msg, sizeof(msg) };
	union sockaddr_any peer;
	struct msghdr mh = { .msg_name = &peer,
			     .msg_namelen = sizeof(peer),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes) };
	struct in6_pktinfo local;
	struct dns_job *job;
	ssize_t n = recvmsg(watch_fd(d->udp), &mh, MSG_DONTWAIT);

	if (n < 0)
		return false;
	if ((mh.msg_flags & MSG_TRUNC) || !local_address(&mh, &local))
		return true;
	job = dns_job_new(d, d->gate->o->kind == GATE_DAEMON ? local.ipi6_ifindex : 0);
	if (!job)
		return true; /* the client asks again */
	job->peer = peer;
	job->local = local;
	dns_question(job, span_bytes(msg, (size_t)n));
	return true;
}

static void on_readable(void *ctx, int events)
{
	struct dns *d = ctx;

	(void)events;
	for (int i = 0; i < BATCH; i++)
		if (!receive(d))
			return;
}

void dns_datagram_start(struct dns *d)
{
	d->udp = watch_new(&d->gate->loop, d->gate->o->dns_fd, on_readable, d);
	if (d->udp)
		watch_for(d->udp, UV_READABLE);
}

void dns_datagram_send(const struct dns_job *job, struct span msg)
{
	union control control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)msg.p, msg.n };
	union sockaddr_any peer = job->peer;
	struct msghdr mh = { .msg_name = &peer,
			     .msg_namelen = sizeof(peer.in6),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

	cm->cmsg_level = IPPROTO_IPV6;
	cm->cmsg_type = IPV6_PKTINFO;
	cm->cmsg_len = CMSG_LEN(sizeof(job->local));
	memcpy(CMSG_DATA(cm), &job->local, sizeof(job->local));
	/* A reply that does not fit the client's socket is lost, as on any network. */
	(void)sendmsg(watch_fd(job->dns->udp), &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
}
