/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Holds the first bytes of a tunnel until they have said the name that the tunnel was asked for: the
 * server name (SNI) of a TLS ClientHello. It is a filter for the pump from the client; once the
 * hello is judged, bytes pass by it.
 */
#ifndef SALLYPORT_GATE_HELLO_GUARD_H
#define SALLYPORT_GATE_HELLO_GUARD_H

#include "gate/pump.h"
#include "net/name.h"

struct hello_guard;

struct hello_rules {
	const struct name *host; /* copied */
	/* Only TLS with this name may pass. Else what is no TLS passes, or has no name in it; a
	 * name that is there has to be this one all the same. */
	bool required;
	bool allow_ech;
};

/* Sets the filter of `up` (client to server), which outlives the guard. */
struct hello_guard *hello_guard_new(const struct hello_rules *rules, struct pump *up);
void hello_guard_free(struct hello_guard *g);

/* The first bytes were judged, and passed on: the guard can be freed. */
bool hello_guard_over(const struct hello_guard *g);

/* They are still awaited, and nothing else may pass. */
bool hello_guard_required(const struct hello_guard *g);

/* Why the filter said no, for the event; NULL while all is well. */
const char *hello_guard_why(const struct hello_guard *g);

#endif
