/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SALLYPORT_JAIL_UNREACHABLE_H
#define SALLYPORT_JAIL_UNREACHABLE_H

#include <netinet/in.h>

/*
 * Tells whoever sent a UDP datagram from `peer` to `local` that nobody listens there: ICMP port
 * unreachable (RFC 792), or ICMPv6 (RFC 4443 3.1) where they are no v4-mapped addresses. Needs
 * CAP_NET_RAW and CAP_NET_ADMIN over the network namespace. Best effort, as ICMP is.
 */
void unreachable_send(const struct sockaddr_in6 *local, const struct sockaddr_in6 *peer);

#endif
