/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Holds every request of a plain HTTP connection to the host it was opened for, so that the second
 * one cannot name another on the same address. It is a pair of filters for the connection's two
 * pumps: requests are let through unchanged, each head once it is whole; responses are not looked
 * at, except the one to an upgrade to WebSocket that is the first request: "101" ends the guard's
 * work.
 */
#ifndef SALLYPORT_GATE_HTTP_GUARD_H
#define SALLYPORT_GATE_HTTP_GUARD_H

#include "gate/pump.h"
#include "net/addr.h"
#include "net/name.h"

struct http_guard;

/* Sets the filter of `up` (client to server), and later that of `down`; both outlive the guard. */
struct http_guard *http_guard_new(const struct name *host, struct pump *up, struct pump *down);
void http_guard_free(struct http_guard *g);

/* Why a filter said no, for the event; NULL while all is well. */
const char *http_guard_why(const struct http_guard *g);

#endif
