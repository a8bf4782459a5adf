/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions of containers, in the gate of a daemon. They come from bridges of the host to its own
 * addresses; by which bridge tells which policy they are under, never what they say of themselves.
 * Connections to what is answered are the kernel's to let pass, by address, so nothing is answered
 * that is not in its sets.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "gate/dns_internal.h"
#include "gate/installed.h"

/* Connections accepted before others get their turn. */
#define BATCH 32

/* How long a client may remember an address: what a rule no longer opens is soon asked for anew. */
#define TTL_MAX_S 60

/* The address that the question came to, which is one of the host's on the network's bridge. */
static bool local_address(const struct dns_job *job, struct addr *out)
{
	union sockaddr_any sa = { .in6 = { .sin6_family = AF_INET6,
					   .sin6_addr = job->local.ipi6_addr } };

	if (job->stream)
		return dns_stream_local(job->stream, out);
	return addr_from_sockaddr(&sa, out, NULL);
}

bool dns_network_find(const struct dns_job *job, struct resolved *out)
{
	const struct installed_name *in =
		installed_find(job->dns->gate->installed, &job->question.name);
	int family = job->question.qtype == DNS_TYPE_A ? AF_INET : AF_INET6;
	uint64_t now = clock_ms();
	size_t valid = 0;

	*out = (struct resolved){ .rcode = DNS_NOERROR, .ttl_s = TTL_MAX_S };
	if (is_host_loopback(&job->question.name)) {
		out->n = local_address(job, out->addrs) && out->addrs[0].family == family;
		return true;
	}
	if (!in)
		return false;
	for (size_t i = 0; i < in->n; i++) {
		const struct installed_address *a = &in->addrs[i];

		if (a->until_ms < now + 1000)
			continue;
		valid++;
		if (a->addr.family != family || out->n == LIMIT_DNS_ADDRESSES)
			continue;
		out->addrs[out->n++] = a->addr;
		out->ttl_s = (uint32_t)MIN(out->ttl_s, (a->until_ms - now) / 1000);
	}
	if (in->n == 0 && in->outcome == GATE_NO_NAME)
		out->rcode = DNS_NXDOMAIN;
	return in->n == 0 || valid > 0;
}

/*
 * The interface that an accepted connection's packets come in by. The kernel keeps it for listeners
 * with IPV6_RECVPKTINFO, and tells it in the form of RFC 2292 6 alone (net/ipv6/ipv6_sockglue.c).
 * 0: it does not say.
 */
static uint32_t arrival(int fd)
{
	union {
		struct cmsghdr align;
		char bytes[256];
	} control;
	socklen_t len = sizeof(control);
	struct msghdr mh = { .msg_control = control.bytes };
	struct in6_pktinfo info;

	if (getsockopt(fd, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, control.bytes, &len) != 0)
		return 0;
	mh.msg_controllen = len;
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(&mh); cm; cm = CMSG_NXTHDR(&mh, cm)) {
		if (cm->cmsg_level != IPPROTO_IPV6 || cm->cmsg_type != IPV6_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(cm), sizeof(info));
		return (uint32_t)info.ipi6_ifindex;
	}
	return 0;
}

static void on_acceptable(void *ctx, int events)
{
	struct dns *d = ctx;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		int fd = accept4(watch_fd(d->listener), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		dns_stream_new(d, arrival(fd), fd);
	}
}

void dns_network_listen(struct dns *d)
{
	d->listener = watch_new(&d->gate->loop, d->gate->o->dns_tcp_fd, on_acceptable, d);
	if (d->listener)
		watch_for(d->listener, UV_READABLE);
}
