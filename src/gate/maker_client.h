/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate's side of maker.h. */
#ifndef SALLYPORT_GATE_MAKER_CLIENT_H
#define SALLYPORT_GATE_MAKER_CLIENT_H

#include "gate/maker.h"

struct maker {
	int fd;		   /* borrowed */
	uint32_t seq;	   /* of the last request */
	unsigned refusals; /* ICMP errors that may still be sent before maker_refill() */
};

/*
 * A socket inside the jail, bound to local and connected to peer, or -1. For a moment, while it was
 * bound and not yet connected, it may have been given datagrams of other peers. Waits for the maker
 * at most MAKER_TIMEOUT_MS. The caller closes the socket.
 */
int maker_socket(struct maker *m, const struct sockaddr_in6 *local,
		 const struct sockaddr_in6 *peer);

/* Has the peer told that nobody listens at local, unless too many were told of late. */
void maker_refuse(struct maker *m, const struct sockaddr_in6 *local,
		  const struct sockaddr_in6 *peer);

/* Called every few seconds. */
void maker_refill(struct maker *m);

#endif
