/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of protocols and of ICMP types. Our own tables rather than getprotobyname(): a policy
 * means the same on every machine, whatever its /etc/protocols says.
 */
#ifndef SALLYPORT_NET_PROTO_H
#define SALLYPORT_NET_PROTO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* "tcp", "any" (DEST_PROTO_ANY), or 0-255. Case is ignored. */
bool proto_find(struct span s, int16_t *proto);

/* "tcp": a name only. */
bool proto_is_name(struct span s);

/* The name that was probably meant, "group" among them, or NULL. */
const char *proto_nearest(struct span s);

/* proto is IPPROTO_ICMP or IPPROTO_ICMPV6; "echo-request", or 0-255. Case is ignored. */
bool icmp_type_find(int proto, struct span s, int16_t *type);

/* The name of a type, or NULL where it has none. */
const char *icmp_type_name(int proto, int type);

static inline bool proto_is_icmp(int proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

#endif
