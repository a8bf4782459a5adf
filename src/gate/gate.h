/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate: the unprivileged process that forwards DNS and relays connections by name. It serves a
 * jail, by sockets that were made inside the jail's network, so that it is the only way from there
 * to the host's; or the clients of a proxy, by listeners. Its rooms and the life of a connection:
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
 *	sandbox.c	What the process itself may no longer do.
 *
 * One thread, one libuv loop. Nothing it reads from its clients or from the network makes it exit.
 */
#ifndef SALLYPORT_GATE_GATE_H
#define SALLYPORT_GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* A jail or a proxy, told apart by n_listeners. */
struct gate_options {
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
	int dns_fd;   /* UDP port 53, IP_TRANSPARENT, IPV6_RECVPKTINFO */
	int nflog_fd; /* kernel/nflog.h */
	int maker_fd; /* jail/maker.h; -1 with udp_fd */

	/* A proxy's. Its policies come with the first order, and change with the later ones. */
	struct gate_listener listeners[GATE_LISTENERS_MAX]; /* the gate owns the descriptors */
	size_t n_listeners;
	struct ports connect_ports; /* that CONNECT may name */
};

/* What the gate tells its supervisor over report_fd, in the order in which it happened. */
enum gate_message_kind {
	GATE_READY,    /* everything is armed */
	GATE_EVENT,    /* a decision */
	GATE_ADOPTED,  /* a setup: events after this one are about its plan */
	GATE_SETTLED,  /* what it no longer allows has ended */
	GATE_COUNTS,   /* the answer to GATE_ORDER_COUNT */
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

struct gate_message {
	enum gate_message_kind kind;
	union {
		struct event event;
		struct gate_adopted adopted;
		struct gate_settled settled;
		struct gate_counts counts;
		struct gate_farewell farewell;
	};
};

/* What the supervisor of a proxy tells the gate over the same socket. */
enum gate_order_kind {
	GATE_ORDER_SETUP, /* with one descriptor: size bytes of setup_encode() */
	GATE_ORDER_COUNT,
};

struct gate_order {
	enum gate_order_kind kind;
	uint64_t generation;
	uint64_t size;
};

/* The body of the process: never returns before the supervisor is gone. Returns its exit status. */
int gate_main(const struct gate_options *o);

#endif
