/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/dns_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "net/addr.h"

/* A port that is free for datagrams may be taken for streams. */
#define ATTEMPTS 16

#define BACKLOG 256

static bool bind_one(int type, uint16_t *port, int *out, struct err *e)
{
	union sockaddr_any sa = { .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(*port) } };
	socklen_t len = sizeof(sa.in6);
	_cleanup_(fd_closep) int fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, off = 0;

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) != 0 ||
	    (type == SOCK_STREAM &&
	     setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) ||
	    bind(fd, &sa.sa, len) != 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) != 0) ||
	    getsockname(fd, &sa.sa, &len) != 0)
		return err_sys(e, errno, "DNS for containers at port %u", (unsigned)*port);
	*port = ntohs(sa.in6.sin6_port);
	*out = fd;
	fd = -1;
	return true;
}

bool dns_sockets_open(uint16_t *port, int *udp, int *tcp, struct err *e)
{
	int attempts = *port ? 1 : ATTEMPTS;

	for (int i = 0; i < attempts; i++) {
		_cleanup_(fd_closep) int datagrams = -1;
		uint16_t at = *port;

		if (!bind_one(SOCK_DGRAM, &at, &datagrams, e))
			return false;
		if (!bind_one(SOCK_STREAM, &at, tcp, e))
			continue;
		*port = at;
		*udp = datagrams;
		datagrams = -1;
		return true;
	}
	return false;
}
