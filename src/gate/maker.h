/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the gate asks of the process inside the jail that acts for it there: an answer to a datagram
 * has to come from where the datagram was sent to, and only a socket of the jail's namespace, bound
 * there with CAP_NET_ADMIN, can do that; and only ICMP tells a client at once that there is none.
 */
#ifndef SALLYPORT_GATE_MAKER_H
#define SALLYPORT_GATE_MAKER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum maker_wish {
	MAKER_SOCKET,	   /* a socket between the two, answered as below */
	MAKER_UNREACHABLE, /* tell the peer that nobody listens there; no answer */
};

/* One message on a SOCK_SEQPACKET; both addresses are AF_INET6, IPv4 v4-mapped. */
struct maker_request {
	enum maker_wish wish;
	uint32_t seq;		   /* comes back in the answer */
	struct sockaddr_in6 local; /* bound to: what the client thinks it talks to */
	struct sockaddr_in6 peer;  /* connected to: the client */
};

/* The answer, with the socket, non-blocking, if it could be made. */
struct maker_answer {
	uint32_t seq;
	bool made;
};

/* How long an answer is waited for; a later one is thrown away. */
#define MAKER_TIMEOUT_MS 200

#endif
