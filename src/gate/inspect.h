/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a client says at the start of a connection to port 80 or 443: which name it means to talk
 * to. Nothing has left for the network yet.
 */
#ifndef SALLYPORT_GATE_INSPECT_H
#define SALLYPORT_GATE_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "net/addr.h"
#include "net/name.h"

enum inspect_result {
	INSPECT_MORE,
	INSPECT_NAME, /* out->name */
	INSPECT_ADDR, /* HTTP with an address for a host: out->addr */
	INSPECT_NONE, /* well formed, but without a name */
	INSPECT_BAD,  /* out->why */
};

struct inspected {
	struct name name;
	struct addr addr;
	uint16_t port;	      /* HTTP: written behind the host, or 80 */
	bool ech;	      /* TLS: Encrypted Client Hello */
	unsigned http_status; /* INSPECT_BAD: to answer with */
	const char *why;      /* INSPECT_BAD: one clause, a constant */
};

/* port: 80 (HTTP) or 443 (TLS). `seen`: how many of the bytes the last call was given. */
enum inspect_result inspect(uint16_t port, struct span bytes, size_t seen, struct inspected *out);

static inline bool inspects(uint16_t port)
{
	return port == 80 || port == 443;
}

#endif
