/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/netns.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <libmnl/libmnl.h>

#include "base/fd.h"

/* The first link of every network namespace (net/core/dev.c: LOOPBACK_IFINDEX). */
#define LO_IFINDEX 1

struct rtnl {
	struct mnl_socket *sock;
	uint32_t seq;
	_Alignas(struct nlmsghdr) char buf[512]; /* a request, then its acknowledgement */
};

static void rtnl_done(struct rtnl *r)
{
	if (r->sock)
		(void)mnl_socket_close(r->sock);
}

static bool rtnl_init(struct rtnl *r, struct err *e)
{
	*r = (struct rtnl){ .sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC) };
	if (!r->sock)
		return err_sys(e, errno, "rtnetlink: cannot open a socket");
	if (mnl_socket_bind(r->sock, 0, MNL_SOCKET_AUTOPID) != 0)
		return err_sys(e, errno, "rtnetlink: cannot bind");
	return true;
}

static struct nlmsghdr *request(struct rtnl *r, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(r->buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	nlh->nlmsg_seq = ++r->seq;
	return nlh;
}

/* Sends the request in r->buf and waits for the kernel's answer to it. */
static bool talk(struct rtnl *r, const char *what, struct err *e)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)r->buf;
	ssize_t n = mnl_socket_sendto(r->sock, nlh, nlh->nlmsg_len);

	if (n >= 0)
		n = mnl_socket_recvfrom(r->sock, r->buf, sizeof(r->buf));
	if (n < 0 ||
	    mnl_cb_run(r->buf, (size_t)n, r->seq, mnl_socket_get_portid(r->sock), NULL, NULL) < 0)
		return err_sys(e, errno, "%s", what);
	return true;
}

static bool lo_up(struct rtnl *r, struct err *e)
{
	struct nlmsghdr *nlh = request(r, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = LO_IFINDEX;
	ifi->ifi_change = IFF_UP;
	ifi->ifi_flags = IFF_UP;
	return talk(r, "bringing lo up", e);
}

static bool lo_addr(struct rtnl *r, const struct addr *a, struct err *e)
{
	struct nlmsghdr *nlh = request(r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = a->family;
	ifa->ifa_prefixlen = (uint8_t)(addr_size(a) * 8);
	ifa->ifa_flags = IFA_F_PERMANENT | IFA_F_NODAD;
	ifa->ifa_index = LO_IFINDEX;
	mnl_attr_put(nlh, IFA_LOCAL, addr_size(a), a->bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, addr_size(a), a->bytes);
	return talk(r, "adding an address to lo", e);
}

/* ip route add local default dev lo src ADDR table local */
static bool local_default(struct rtnl *r, const struct addr *src, struct err *e)
{
	struct nlmsghdr *nlh = request(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = src->family;
	rtm->rtm_table = RT_TABLE_LOCAL;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = RT_SCOPE_HOST;
	rtm->rtm_type = RTN_LOCAL;
	mnl_attr_put_u32(nlh, RTA_OIF, LO_IFINDEX);
	mnl_attr_put(nlh, RTA_PREFSRC, addr_size(src), src->bytes);
	return talk(r, "adding the local default route", e);
}

bool netns_all_local(const struct netns_lo *lo, struct err *e)
{
	_cleanup_(rtnl_done) struct rtnl r = { 0 };

	struct err v6;

	if (!rtnl_init(&r, e) || !lo_up(&r, e) || !lo_addr(&r, &lo->v4, e) ||
	    !local_default(&r, &lo->v4, e))
		return false;
	if (lo_addr(&r, &lo->v6, &v6) && local_default(&r, &lo->v6, &v6))
		return true;
	if (v6.kind == ERR_DENIED)
		return true; /* switched off by sysctl: there is no IPv6 to reach anything by */
	*e = v6;
	return false;
}
