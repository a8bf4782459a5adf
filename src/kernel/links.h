/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports of bridges, and who is behind them, through rtnetlink.
 *
 * A container's port is one end of a veth; the other end is in the container's namespace. The kernel tells
 * that end's MAC and addresses by RTM_GETLINK and RTM_GETADDR with the namespace's id (IFLA_TARGET_NETNSID,
 * IFA_TARGET_NETNSID: net/core/rtnetlink.c), which needs no engine and no entering of namespaces.
 */
#ifndef SALLYPORT_KERNEL_LINKS_H
#define SALLYPORT_KERNEL_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/addr.h"

#define LINKS_NAME_MAX 16 /* IFNAMSIZ */

/*
 * Addresses of one far end: so many IPv4, global IPv6 and link-local IPv6 ones, each in the kernel's order.
 * A container chooses how many it has, so more are not looked at.
 */
#define LINKS_V4_MAX	3
#define LINKS_V6_MAX	3
#define LINKS_LOCAL_MAX 2
#define LINKS_ADDRS_MAX (LINKS_V4_MAX + LINKS_V6_MAX + LINKS_LOCAL_MAX)

/* Of a bridge. One that has more is an error: what is not known could not be kept from its ports. */
#define LINKS_BRIDGE_ADDRS_MAX 32

struct links_bridge {
	char name[LINKS_NAME_MAX];
	int index;
	uint8_t mac[6];
	bool up;
	bool learns_groups;			   /* links_ignore_groups() has something to do */
	struct addr addrs[LINKS_BRIDGE_ADDRS_MAX]; /* its own, link-local ones included */
	struct prefix subnets[LINKS_BRIDGE_ADDRS_MAX]; /* the network of each of them */
	size_t n_addrs;
};

struct links_port {
	char name[LINKS_NAME_MAX];
	int index;
	int bridge;	/* index of the bridge it belongs to */
	bool running;	/* IFF_RUNNING: the other end is up */
	bool veth;	/* the other end could be read; else nothing below is known */
	uint8_t mac[6]; /* of the other end */
	struct addr addrs[LINKS_ADDRS_MAX]; /* of the other end, link-local ones included */
	size_t n_addrs;
};

struct links;

bool links_open(struct links **out, struct err *e) _must_use_;
void links_close(struct links *l);

/* *found is false when there is no bridge of that name. A further name of a link (altname) is none: the
 * rules would not know the bridge by it. */
bool links_bridge(struct links *l, const char *name, bool *found, struct links_bridge *out,
		  struct err *e) _must_use_;

/* Every address of this namespace, of all links, unsorted. *out is the caller's to free(). */
bool links_own(struct links *l, struct addr **out, size_t *n, struct err *e) _must_use_;

/*
 * The bridge no longer learns where a MAC is from frames to groups of the link (01:80:c2:00:00:0x), which pass its
 * hooks by: br_handle_frame() in net/bridge/br_input.c, BR_BOOLOPT_NO_LL_LEARN.
 */
bool links_ignore_groups(struct links *l, int bridge, struct err *e) _must_use_;

/*
 * The ports of the bridge with that index. *out is the caller's to free(). Looking at a veth gives the
 * other end's namespace an id in this one where it has none yet (peernet2id_alloc() in rtnl_fill_link_netnsid()).
 */
bool links_ports(struct links *l, int bridge, struct links_port **out, size_t *n, struct err *e)
	_must_use_;

/*
 * A non-blocking socket that hears of links that come, go and change, and of addresses, in this namespace
 * and in those it has an id for (NETLINK_LISTEN_ALL_NSID; needs CAP_NET_BROADCAST while it is opened, without
 * which it is only this one). links_monitor_read() takes what is there, 1,024 messages at the most, so that a
 * container that changes its addresses all the time does not keep the caller. *changed: something about a
 * bridge, a port of one, a veth, or an address; also when messages were lost.
 */
bool links_monitor_open(int *out, struct err *e) _must_use_;
bool links_monitor_read(int fd, bool *changed, struct err *e) _must_use_;

#endif
