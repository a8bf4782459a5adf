/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links, addresses and routes of the caller's own network namespace, through rtnetlink. */
#ifndef SALLYPORT_KERNEL_NETNS_H
#define SALLYPORT_KERNEL_NETNS_H

#include "base/err.h"
#include "net/addr.h"

struct netns_lo {
	struct addr v4, v6; /* further addresses of lo, the source of what is sent to anywhere */
};

/*
 * Makes every address of the world local: brings lo up, gives it the two addresses, and adds the
 * routes `local 0.0.0.0/0` and `local ::/0` on lo with them as preferred sources. A packet to any
 * address is then delivered inside the namespace. Needs CAP_NET_ADMIN over it.
 *
 * Where IPv6 is switched off for new interfaces (net.ipv6.conf.*.disable_ipv6), its half is left
 * out.
 */
bool netns_all_local(const struct netns_lo *lo, struct err *e) _must_use_;

#endif
