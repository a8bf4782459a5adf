/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by the files that carry one TCP connection of a subject:
 *
 *	conn.c		accepted, counted, refused, closed;
 *	conn_jail.c	a jail's: meant for some server, and said so by its destination; or
 *	conn_proxy.c	a proxy's: it asks for a server by CONNECT, an absolute target or SOCKS;
 *	conn_connect.c	the name is resolved and one of its addresses answers;
 *	conn_relay.c	bytes go both ways until both sides have closed.
 */
#ifndef SALLYPORT_GATE_CONN_INTERNAL_H
#define SALLYPORT_GATE_CONN_INTERNAL_H

#include <sys/queue.h>

#include "gate/dial.h"
#include "gate/exchange.h"
#include "gate/hello_guard.h"
#include "gate/http_guard.h"
#include "gate/inspect.h"
#include "gate/internal.h"
#include "gate/lookup.h"
#include "gate/pump.h"
#include "gate/refusal.h"

/* Only while bytes go both ways. At most one of the three watches what is said. */
struct relay {
	struct watch *server;
	struct addr addr;	   /* of the server */
	struct pump up, down;	   /* client to server, and back */
	struct http_guard *guard;  /* a server's plain HTTP by name */
	struct hello_guard *hello; /* until the first bytes of a tunnel are judged */
	struct exchange *exchange; /* one request to a proxy, and its answer */
};

enum conn_state { CONN_READ, CONN_CONNECT, CONN_RELAY, CONN_LINGER };

struct conn;

/* What differs between the connections of a jail and of a proxy. */
struct conn_front {
	watch_fn *on_readable; /* in CONN_READ; ctx is the conn */
	/* Its deadline has passed in CONN_READ. */
	void (*overdue)(struct conn *c);
	/* Appends what tells the client in its own protocol; false: it would not understand. */
	bool (*refuse)(struct conn *c, const struct refusal *r, struct buf *out);
	/* The server answers; it is taken over. */
	void (*connected)(struct conn *c, struct watch *server);
	/* The exchange of the relay is over, and the connection is good for another one. */
	void (*again)(struct conn *c);
	void (*done)(struct conn *c);
};

struct conn {
	LIST_ENTRY(conn) link;
	struct conns *all;
	struct conn_listener *listener;
	struct subject *subject;
	bool counted; /* among the connections of the subject */
	const struct conn_front *front;
	enum conn_state state;
	uint64_t deadline_ms; /* uv_now() */
	struct watch *client;
	struct addr dst; /* as the client wrote it; family 0: it did not */
	uint16_t port;
	bool audited;		 /* the policy denies it, and that is told already */
	const struct name *name; /* what is wanted, of vaddrs or names; NULL: the address */
	struct name *names; /* a jail with dns: real: all names that led to dst; else name; owned */
	size_t n_names;	    /* of a jail with dns: real, else 0 */
	struct verdict verdict;
	struct buf first; /* what the client sent and nobody has taken yet */
	struct lookup *lookup;
	struct dial *dial;
	struct relay *relay;
	struct request *request; /* a proxy's: conn_proxy.c */
};

/* Where connections come in. */
struct conn_listener {
	struct conns *all;
	struct watch *watch;
	uint16_t index; /* in gate_options; a jail has one */
	size_t n;	/* a proxy's: open connections that came in here */
};

struct conns {
	struct gate *gate;
	struct conn_listener *listeners;
	size_t n_listeners;
	struct timer *sweep, *rest, *refill;
	LIST_HEAD(, conn) list;
	size_t n, max; /* a proxy's, of all listeners together */
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

/* There is nothing that a policy could allow, or an audit could let pass: told, the client refused,
 * and c is closing. */
void conn_rejected(struct conn *c, unsigned status, const char *why);

/* It was allowed, but cannot be served: told, the client refused, and c is closing. */
void conn_failed(struct conn *c, const char *why);

/* Reads what the client says. Returns how many bytes, 0 at its end or an error, -1 when there are none now. */
ssize_t conn_receive(struct conn *c, char *out, size_t size) _must_use_;

/* Ends it at once, with a reset so that the client does not take it for the end of the data. */
void conn_reset(struct conn *c);
void conn_close(struct conn *c);

/* All was said to the client: it is closed once that is read, for what the client still sends would
 * otherwise have the kernel take it back (RFC 9112 9.6). */
void conn_part(struct conn *c);

/* Some connection waits for the meter: all that do are resumed soon. */
void conns_throttled(struct conns *all);

/* It belongs to the subject from now on, and counts as one of its connections. NULL: to none. */
void conn_belongs(struct conn *c, struct subject *s);

#define QUOTA_USED_UP "the quota of the policy's limits is used up"

/* ---- conn_jail.c, conn_proxy.c */
extern const struct conn_front conn_jail, conn_proxy;

/* Just accepted. */
void conn_jail_begin(struct conn *c);
void conn_proxy_begin(struct conn *c);

/* ---- conn_connect.c */
void conn_connect(struct conn *c);
void conn_connect_done(struct conn *c); /* frees what the state holds */

/* ---- conn_relay.c: server is connected and is taken over */

/* Makes c->relay. Nothing moves before conn_relay_run(). */
struct relay *conn_relay(struct conn *c, struct watch *server);

/* Moves what can be moved, first of all what is in c->first. c may be closed when this returns. */
void conn_relay_run(struct conn *c);
void conn_relay_done(struct conn *c);

/* Goes on where the meter had stopped it, or ends where the quota is used up. */
void conn_relay_resume(struct conn *c);

/* The subject, and with it the meter, is another. */
void conn_relay_remeter(struct conn *c);

#endif
