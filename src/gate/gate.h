/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate: the unprivileged process that forwards DNS and relays connections by name.
 *
 * It lives in the host's network namespace and serves sockets that were made inside a jail's, so
 * it is the only way from one to the other. Its rooms and the life of a connection:
 *
 *	dns.c		a question arrives; the policy decides on the name alone; only then
 *	resolver.c	is it asked upstream, and the answer cached;
 *	vaddr.c		the name gets an address of its own, which the reply carries.
 *	conn.c		A connection to that address arrives: it is one to that name.
 *	inspect.c	On 80 and 443 Host or SNI has to say the same name.
 *	dial.c		The name's real addresses are judged and tried, both families;
 *	relay.c		then bytes are spliced both ways.
 *	meter.c		what the policy's limits on bytes leave;
 *	udp.c		The same for datagrams.
 *	denied.c	Packets that the kernel rejected inside the jail.
 *	report.c	Every decision becomes one event for the supervisor.
 *	sandbox.c	What the process itself may no longer do.
 *
 * One thread, one libuv loop. Nothing it reads from the jail or from the network makes it exit.
 */
#ifndef SALLYPORT_GATE_GATE_H
#define SALLYPORT_GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/name.h"
#include "policy/plan.h"

#define GATE_UPSTREAMS_MAX 8

struct gate_upstream {
	struct addr addr;
	uint16_t port;
};

/* A name that the host's own table (hosts(5)) gives an address. */
struct gate_host {
	struct name name;
	struct addr addr;
};

struct gate_options {
	const struct plan *plan;	  /* borrowed, as is policy, which is one of its own */
	const struct plan_policy *policy; /* mode MODE_AUDIT: let pass what would be denied */
	struct gate_upstream upstreams[GATE_UPSTREAMS_MAX];
	size_t n_upstreams;
	const struct gate_host *hosts; /* borrowed; never asked for upstream */
	size_t n_hosts;
	bool tell_allowed; /* send an event for what is allowed, too */
	/* Sockets made inside the jail; the gate owns them. */
	int tcp_fd;    /* IP_TRANSPARENT listener, AF_INET6 dual-stack */
	int udp_fd;    /* IP_TRANSPARENT, IP_RECVORIGDSTADDR; -1: no UDP but DNS */
	int dns_fd;    /* UDP port 53, IP_TRANSPARENT, IPV6_RECVPKTINFO */
	int nflog_fd;  /* kernel/nflog.h */
	int maker_fd;  /* jail/maker.h; -1 with udp_fd */
	int report_fd; /* SOCK_SEQPACKET to the supervisor */
};

/*
 * What goes over report_fd, told apart by size: one GATE_READY byte once everything is armed, then
 * struct event for each decision, then one struct gate_farewell. The supervisor shuts its side
 * down to ask for the farewell.
 */
#define GATE_READY 'r'

struct gate_farewell {
	uint64_t lost_events;  /* the supervisor did not read fast enough */
	uint64_t lost_packets; /* the kernel logged more rejected packets than were read */
};

/* The body of the process: never returns before the supervisor is gone. Returns its exit status. */
int gate_main(const struct gate_options *o);

#endif
