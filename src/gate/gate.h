/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate: the unprivileged process that forwards DNS and relays connections by name. It serves a
 * jail, by sockets that were made inside the jail's network, so that it is the only way from there
 * to the host's; or the clients of a proxy, by listeners; or a daemon, which has it resolve the names
 * of its rules and answer the questions of its networks' containers, and relays nothing. Its rooms and the life of a connection:
 *
 *	dns.c		In a jail a question arrives; the policy decides on the name alone; only then
 *	resolver.c	is it asked upstream, and the answer cached;
 *	vaddr.c		the name gets an address of its own, which the reply carries.
 *	conn_jail.c	A connection to that address arrives: it is one to that name;
 *	inspect.c	on 80 and 443 Host or SNI has to say the same name.
 *	conn_proxy.c	To a proxy the client says the name, by CONNECT or an absolute target,
 *	conn_socks.c	or by SOCKS;
 *	hello_guard.c	what it says in the tunnel has to be about the same name,
 *	exchange.c	and without a tunnel every request is one of its own.
 *	dial.c		The name's real addresses are judged and tried, both families;
 *	pump.c		then bytes are spliced both ways.
 *	meter.c		What the policy's limits on bytes leave;
 *	udp.c		the same for a jail's datagrams.
 *	denied.c	Packets that the kernel rejected inside the jail.
 *	report.c	Every decision becomes one event for the supervisor.
 *	adopt.c		The supervisor of a proxy has another policy.
 *	refresh.c	That of a daemon wants to know where names lead now;
 *	installed.c	what of it the kernel lets pass is what its networks are answered.
 *	sandbox.c	What the process itself may no longer do.
 *
 * One thread, one libuv loop. Nothing it reads from its clients or from the network makes it exit.
 */
#ifndef SALLYPORT_GATE_GATE_H
#define SALLYPORT_GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "audit/event.h"
#include "net/addr.h"
#include "net/dest.h"
#include "net/name.h"
#include "policy/plan.h"

#define GATE_UPSTREAMS_MAX 8
#define GATE_LISTENERS_MAX 16

struct gate_upstream {
	struct addr addr;
	uint16_t port;
};

/* A name that the host's own table (hosts(5)) gives an address. */
struct gate_host {
	struct name name;
	struct addr addr;
};

/* Where a proxy is spoken to. */
struct gate_listener {
	int fd; /* listening, non-blocking */
	struct addr addr;
	uint16_t port;
};

enum gate_kind { GATE_JAIL, GATE_PROXY, GATE_DAEMON };

struct gate_options {
	enum gate_kind kind;
	const struct gate_host *hosts; /* borrowed; never asked for upstream */
	size_t n_hosts;
	struct gate_upstream upstreams[GATE_UPSTREAMS_MAX];
	size_t n_upstreams;
	bool tell_allowed; /* send an event for what is allowed, too */
	int report_fd;	   /* SOCK_SEQPACKET to the supervisor */

	/* A jail's. The sockets were made inside it; the gate owns them. */
	const struct plan *plan;	  /* borrowed, as is policy, which is one of its own */
	const struct plan_policy *policy; /* mode MODE_AUDIT: let pass what would be denied */
	int tcp_fd;			  /* IP_TRANSPARENT listener, AF_INET6 dual-stack */
	int udp_fd;   /* IP_TRANSPARENT, IP_RECVORIGDSTADDR; -1: no UDP but DNS */
	int dns_fd;   /* UDP port 53, IP_TRANSPARENT, IPV6_RECVPKTINFO. A daemon's: any port */
	int nflog_fd; /* kernel/nflog.h */
	int maker_fd; /* jail/maker.h; -1 with udp_fd */

	/* A proxy's. Its policies come with the first order, and change with the later ones. */
	struct gate_listener listeners[GATE_LISTENERS_MAX]; /* the gate owns the descriptors */
	size_t n_listeners;
	struct ports connect_ports; /* that CONNECT may name */

	/* A daemon's, besides dns_fd: a listener, IPV6_RECVPKTINFO. Both 0 or -1: it answers nobody. */
	int dns_tcp_fd;
};

/* What the gate tells its supervisor over report_fd, in the order in which it happened. */
enum gate_message_kind {
	GATE_READY,    /* everything is armed */
	GATE_EVENT,    /* a decision */
	GATE_ADOPTED,  /* a setup: events after this one are about its plan */
	GATE_SETTLED,  /* what it no longer allows has ended */
	GATE_COUNTS,   /* the answer to GATE_ORDER_COUNT */
	GATE_RESOLVED, /* the answer to a GATE_ORDER_RESOLVE */
	GATE_FAREWELL, /* the last one, after the supervisor has shut its side down */
	GATE_MESSAGE_COUNT
};

struct gate_farewell {
	uint64_t lost_events;  /* the supervisor did not read fast enough */
	uint64_t lost_packets; /* the kernel logged more rejected packets than were read */
};

struct gate_adopted {
	uint64_t generation; /* of the order */
	char why[192];	     /* not empty: it could not be read, and nothing has changed */
};

struct gate_settled {
	uint64_t generation;
	uint64_t ended; /* connections */
};

struct gate_counts {
	uint64_t generation; /* of the setup in force */
	uint64_t connections;
	struct gate_farewell lost;
};

/* Addresses of one name, of both families. */
#define GATE_ADDRESSES_MAX (2 * LIMIT_DNS_ADDRESSES)

enum gate_outcome {
	GATE_FOUND,	/* the name is there; it may have no address */
	GATE_NO_NAME,	/* upstream says that there is no such name */
	GATE_NO_ANSWER, /* no upstream gave an answer, for either family */
	GATE_OUTCOME_COUNT
};

struct gate_resolved {
	uint32_t id; /* of the order, as is the name */
	struct name name;
	enum gate_outcome outcome;
	bool failed_v4, failed_v6; /* for this family no upstream gave an answer */
	uint32_t ttl_s;		   /* of the shortest-lived, between the resolver's bounds */
	uint32_t n;
	struct addr addrs[GATE_ADDRESSES_MAX];
};

struct gate_message {
	enum gate_message_kind kind;
	union {
		struct event event;
		struct gate_adopted adopted;
		struct gate_settled settled;
		struct gate_counts counts;
		struct gate_farewell farewell;
		struct gate_resolved resolved; /* last: the others are sent without its length */
	};
};

/* How much of it is sent: an event is to be small, for there are many. */
static inline size_t gate_message_size(const struct gate_message *m)
{
	return m->kind == GATE_RESOLVED ?
		       sizeof(*m) :
		       offsetof(struct gate_message, event) + sizeof(struct event);
}

/* n bytes that were received into m are a whole message. */
static inline bool gate_message_whole(const struct gate_message *m, ssize_t n)
{
	return n >= (ssize_t)offsetof(struct gate_message, event) && m->kind < GATE_MESSAGE_COUNT &&
	       (size_t)n == gate_message_size(m);
}

/* A daemon's: numbers are in range and names canonical. For what another process sent. */
bool gate_resolved_valid(const struct gate_resolved *r);

/* What the supervisor of a proxy or a daemon tells the gate over the same socket. */
enum gate_order_kind {
	GATE_ORDER_SETUP, /* with one descriptor: size bytes of setup_encode() */
	GATE_ORDER_COUNT,
	GATE_ORDER_RESOLVE,
	GATE_ORDER_INSTALLED,
};

/* Questions that one order can have asked. */
#define GATE_QUERIES_MAX 50

/* Upstream is really asked; names of the host's table are answered from it. */
struct gate_resolve {
	uint32_t id;	  /* the supervisor's own */
	uint32_t queries; /* 1 to GATE_QUERIES_MAX: the answers to so many are put together */
	struct name name;
};

/* What is in the kernel's sets for a name, and so what networks are answered from now on. */
struct gate_installed {
	struct name name;
	enum gate_outcome
		outcome; /* without addresses: why. GATE_NO_ANSWER: not known (any more) */
	uint32_t n;
	struct addr addrs[GATE_ADDRESSES_MAX];
	uint32_t left_s[GATE_ADDRESSES_MAX]; /* how long each stays there */
};

struct gate_order {
	enum gate_order_kind kind;
	union {
		struct {
			uint64_t generation;
			uint64_t size;
		} setup;
		struct gate_resolve resolve;
		struct gate_installed installed;
	};
};

/* The body of the process: never returns before the supervisor is gone. Returns its exit status. */
int gate_main(const struct gate_options *o);

#endif
