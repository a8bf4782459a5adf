/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/listen.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/num.h"

/* Connections that wait to be accepted; the kernel cuts it to net.core.somaxconn. */
#define BACKLOG 4096

static bool err_form(struct span s, struct err *e)
{
	char shown[128];

	return err_set(
		e, ERR_INVALID,
		"\"%s\" is no place to listen at: expected ADDRESS:PORT, like 127.0.0.1:8888 "
		"or [::1]:8888",
		span_show(s, shown, sizeof(shown)));
}

bool listen_parse(struct span s, struct gate_listener *out, struct err *e)
{
	ptrdiff_t colon = span_rfind(s, ':');
	struct gate_listener l = { .fd = -1 };
	struct span host;
	uint64_t port;

	if (colon < 0)
		return err_form(s, e);
	host = span_first(s, (size_t)colon);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct span){ host.p + 1, host.n - 2 };
	else if (span_find(host, ':') >= 0)
		return err_form(s, e);
	if (!addr_parse(host, &l.addr, e) ||
	    !num_parse(span_from(s, (size_t)colon + 1), "port", 1, UINT16_MAX, &port, e))
		return err_form(s, e);
	l.port = (uint16_t)port;
	*out = l;
	return true;
}

bool listen_open(struct gate_listener *l, struct err *e)
{
	union sockaddr_any sa;
	socklen_t len = addr_to_sockaddr(&l->addr, l->port, &sa);
	_cleanup_(fd_closep) int fd =
		socket(sa.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char text[LISTEN_STR_MAX];
	int on = 1;

	if (fd < 0)
		return err_sys(e, errno, "listening at %s", listen_str(l, text));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Accepted connections have it from the listener; dial.c sets it towards servers. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, &sa.sa, len) != 0 || listen(fd, BACKLOG) != 0)
		return err_sys(e, errno, "listening at %s", listen_str(l, text));
	l->fd = fd;
	fd = -1;
	return true;
}

const char *listen_str(const struct gate_listener *l, char out[static LISTEN_STR_MAX])
{
	bool v6 = l->addr.family == AF_INET6;
	char text[ADDR_STR_MAX];

	(void)snprintf(out, LISTEN_STR_MAX, "%s%s%s:%u", v6 ? "[" : "", addr_str(&l->addr, text),
		       v6 ? "]" : "", l->port);
	return out;
}
