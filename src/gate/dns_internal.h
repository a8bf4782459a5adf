/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by dns.c, which decides, and the two ways by which questions come: dns_datagram.c and
 * dns_stream.c. */
#ifndef SALLYPORT_GATE_DNS_INTERNAL_H
#define SALLYPORT_GATE_DNS_INTERNAL_H

#include <stdio.h>
#include <sys/queue.h>

#include "base/limits.h"
#include "gate/internal.h"
#include "wire/dns.h"

struct dns_stream;

/* One question, until it is answered. */
struct dns_job {
	LIST_ENTRY(dns_job) link;
	struct dns *dns;
	uint32_t ifindex;	 /* of the network that asks; 0: the jail */
	struct subject *subject; /* who that is; NULL: nobody any more */
	uint64_t generation;	 /* of the setup that the subject is of */
	struct dns_question question;
	struct resolver_wait wait;
	const struct plan_rule *rule; /* that allows the name */
	bool audited;		      /* would have been denied; told already */
	struct dns_stream *stream; /* where it came from; NULL: by datagram, from peer to local */
	union sockaddr_any peer;
	struct in6_pktinfo local;
};

struct dns {
	struct gate *gate;
	struct watch *udp;
	struct watch *listener; /* a daemon's */
	LIST_HEAD(, dns_job) jobs;
	size_t n_jobs;
	LIST_HEAD(, dns_stream) streams;
	size_t n_streams;
};

/* Who asks; NULL: nobody that is answered. ifindex: 0 in a jail. */
struct subject *dns_subject(const struct dns *d, uint32_t ifindex);

/* How many of max are for each: one network cannot use up what the others need. */
size_t dns_share(const struct dns *d, size_t max);

/* NULL when too many are under way, or it is nobody who asks. The caller sets where it came from,
 * then calls dns_question(). */
struct dns_job *dns_job_new(struct dns *d, uint32_t ifindex);
void dns_job_end(struct dns_job *job);
void dns_job_send(struct dns_job *job, struct span msg);

/* Answers the message, now or later, and ends the job. */
void dns_question(struct dns_job *job, struct span msg);

void dns_datagram_start(struct dns *d);
void dns_datagram_send(const struct dns_job *job, struct span msg);

void dns_stream_send(struct dns_stream *s, struct span msg);

/* The address that the connection is to. */
bool dns_stream_local(const struct dns_stream *s, struct addr *out);
void dns_stream_job_ended(struct dns_stream *s);

/* Ends its jobs, too. */
void dns_stream_close(struct dns_stream *s);

/* Takes over a connection from the network. */
void dns_stream_new(struct dns *d, uint32_t ifindex, int fd);

/* ---- dns_network.c: what is different for the containers of a network */

/* Of what the kernel lets pass for the name, what the question is about: rcode, addresses and TTL.
 * False: nothing is known about it. */
bool dns_network_find(const struct dns_job *job, struct resolved *out);

/* Waits for connections at dns_tcp_fd. */
void dns_network_listen(struct dns *d);

#endif
