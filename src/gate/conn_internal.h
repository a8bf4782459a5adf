/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by the files that carry one TCP connection of the jail:
 *
 *	conn.c		accepted on behalf of whatever server it was meant for; its first bytes
 *			are read (80 and 443); refused, or
 *	conn_connect.c	the name is resolved and one of its addresses answers;
 *	conn_relay.c	bytes go both ways until both sides have closed.
 */
#ifndef SALLYPORT_GATE_CONN_INTERNAL_H
#define SALLYPORT_GATE_CONN_INTERNAL_H

#include <sys/queue.h>

#include "gate/dial.h"
#include "gate/http_guard.h"
#include "gate/inspect.h"
#include "gate/internal.h"
#include "gate/lookup.h"
#include "gate/pump.h"

/* Only while bytes go both ways. */
struct relay {
	struct watch *server;
	struct pump up, down;	  /* client to server, and back */
	struct http_guard *guard; /* port 80 by name, else NULL */
};

enum conn_state { CONN_READ, CONN_CONNECT, CONN_RELAY, CONN_LINGER };

struct conn {
	LIST_ENTRY(conn) link;
	struct conns *all;
	enum conn_state state;
	uint64_t deadline_ms; /* uv_now() */
	struct watch *client;
	struct addr dst; /* as the client wrote it */
	uint16_t port;
	bool audited;		 /* the policy denies it, and that is told already */
	const struct name *name; /* what dst stands for: of vaddrs or names; NULL: an address */
	struct name *names;	 /* dns: real: all names that led to dst; owned */
	size_t n_names;
	struct verdict verdict;
	struct buf first; /* what the client sent before there was a server */
	struct lookup *lookup;
	struct dial *dial;
	struct relay *relay;
};

struct conns {
	struct gate *gate;
	struct watch *listener;
	struct timer *sweep, *rest, *refill;
	LIST_HEAD(, conn) list;
	size_t n, max;
	struct pipes pipes;
};

/* ---- conn.c */

/* What the connection wants, by name or by address. */
struct flow conn_flow(const struct conn *c);

/*
 * The policy does not allow it, for the reason given (NULL: the verdict's own). In audit mode that
 * is told and false returned: go on. Else the client has been refused and c is closing: true.
 */
bool conn_denied(struct conn *c, unsigned status, const char *why) _must_use_;

/* The same for an event that says why; its verdict is filled in. */
bool conn_denied_by(struct conn *c, unsigned status, struct event *ev) _must_use_;

/* It was allowed, but cannot be served: told, the client refused, and c is closing. */
void conn_failed(struct conn *c, const char *why);

/* Ends it at once, with a reset so that the client does not take it for the end of the data. */
void conn_reset(struct conn *c);
void conn_close(struct conn *c);

/* Some connection waits for the meter: all that do are resumed soon. */
void conns_throttled(struct conns *all);

#define QUOTA_USED_UP "the quota of the policy's limits is used up"

/* ---- conn_connect.c */
void conn_connect(struct conn *c);
void conn_connect_done(struct conn *c); /* frees what the state holds */

/* ---- conn_relay.c: server is connected and is taken over */
void conn_relay(struct conn *c, int server);
void conn_relay_done(struct conn *c);

/* Goes on where the meter had stopped it, or ends where the quota is used up. */
void conn_relay_resume(struct conn *c);

#endif
