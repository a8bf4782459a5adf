/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to links and addresses, as it happens. */
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "kernel/link_attrs.h"
#include "kernel/talk.h"

#define MESSAGES_MAX 1024

/* A burst of a few thousand messages, as a host that starts all its containers makes. */
#define ROOM_BYTES (4 << 20)

static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR };

static bool listen_to(struct mnl_socket *sock, struct err *e)
{
	int on = 1, room = ROOM_BYTES;

	if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) != 0)
		return err_sys(e, errno, "link events: cannot bind");
	(void)setsockopt(mnl_socket_get_fd(sock), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	(void)mnl_socket_setsockopt(sock, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on));
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(sock, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0)
			return err_sys(e, errno, "link events: cannot listen");
	}
	return true;
}

bool links_monitor_open(int *out, struct err *e)
{
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	bool ok;

	if (!sock)
		return err_sys(e, errno, "link events: cannot open a socket");
	ok = listen_to(sock, e);
	if (ok) {
		*out = fcntl(mnl_socket_get_fd(sock), F_DUPFD_CLOEXEC, 3);
		ok = *out >= 0 || err_sys(e, errno, "link events");
	}
	(void)mnl_socket_close(sock);
	return ok;
}

static bool matters(const struct nlmsghdr *nlh)
{
	struct link_attrs a;

	switch (nlh->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return true;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_attrs_read(nlh, &a) &&
		       (a.bridge_port || a.master || strcmp(a.kind, "bridge") == 0 ||
			strcmp(a.kind, "veth") == 0);
	default:
		return false;
	}
}

bool links_monitor_read(int fd, bool *changed, struct err *e)
{
	_Alignas(struct nlmsghdr) char buf[16384];
	bool any = false;

	for (int i = 0; i < MESSAGES_MAX; i++) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
		int n = talk_receive(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n == -EAGAIN)
			break;
		if (n < 0 && n != -ENOBUFS)
			return err_sys(e, -n, "link events");
		any |= n < 0;
		for (; mnl_nlmsg_ok(nlh, n); nlh = mnl_nlmsg_next(nlh, &n))
			any |= matters(nlh);
	}
	*changed = any;
	return true;
}
