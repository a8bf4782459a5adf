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

#define LINKS_NAME_MAX	16 /* IFNAMSIZ */
#define LINKS_ADDRS_MAX 8  /* of one end; more are not looked at */

struct links_bridge {
	char name[LINKS_NAME_MAX];
	int index;
	uint8_t mac[6];
	bool up;
	struct prefix subnets
		[LINKS_ADDRS_MAX]; /* its own addresses' networks, link-local ones included */
	struct addr addrs[LINKS_ADDRS_MAX]; /* its own addresses */
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

/* *found is false when there is no bridge of that name. */
bool links_bridge(struct links *l, const char *name, bool *found, struct links_bridge *out,
		  struct err *e) _must_use_;

/* The ports of the bridge with that index. *out is the caller's to free(). */
bool links_ports(struct links *l, int bridge, struct links_port **out, size_t *n, struct err *e)
	_must_use_;

/*
 * A non-blocking socket that hears of links that come, go and change, and of addresses, in this namespace
 * and in those it has an id for (NETLINK_LISTEN_ALL_NSID; needs CAP_NET_BROADCAST, without which it is
 * only this one). links_monitor_read() takes all that is there. *changed: something about a bridge, a port
 * of one, or an address; also when messages were lost.
 */
bool links_monitor_open(int *out, struct err *e) _must_use_;
bool links_monitor_read(int fd, bool *changed, struct err *e) _must_use_;

#endif
