/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks the upstream resolvers for names that the policy lets out, and remembers the answers.
 *
 * Every try has a socket of its own, connected to one upstream (so that the kernel picks a random
 * port and drops what others send), a random id and a random mix of letter case: RFC 5452. A try
 * that is not answered in time goes to the next upstream; a truncated answer is asked for again
 * over TCP. Answers are kept for their TTL between LIMIT_DNS_TTL_FLOOR and LIMIT_DNS_TTL_CEIL, and
 * an expired one is used for LIMIT_DNS_STALE_S more when upstream does not answer (RFC 8767).
 */
#ifndef SALLYPORT_GATE_RESOLVER_H
#define SALLYPORT_GATE_RESOLVER_H

#include <sys/queue.h>

#include <uv.h>

#include "gate/gate.h"
#include "wire/dns.h"

struct resolver;

struct resolved {
	enum dns_rcode rcode; /* NOERROR, NXDOMAIN, or SERVFAIL when nobody answered */
	struct addr addrs[LIMIT_DNS_ADDRESSES];
	size_t n;
	uint32_t ttl_s; /* how long this may still be remembered */
	/* For types other than A and AAAA: the whole message, until the callback returns. */
	struct span message;
	struct dns_relay relay;
};

typedef void resolver_fn(void *ctx, const struct resolved *r);

/* One question that is waited for; lives in whatever waits. Zeroed: waits for nothing. */
struct resolver_wait {
	LIST_ENTRY(resolver_wait) link;
	resolver_fn *fn;
	void *ctx;
	bool waiting;
};

struct resolver *resolver_new(uv_loop_t *loop, const struct gate_upstream *upstreams, size_t n);
void resolver_free(struct resolver *r);

/* From now on answers are not remembered: whoever asks, upstream is asked. */
void resolver_forget(struct resolver *r);

/* The name has this address, for good: it is never asked for. May be said again for another one. */
void resolver_know(struct resolver *r, const struct name *name, const struct addr *a);

/*
 * Calls w->fn with the answer exactly once: before this returns when it is known, later otherwise,
 * at the latest when each try upstream has had its LIMIT_DNS_TRY_MS; never after resolver_cancel().
 */
void resolver_ask(struct resolver *r, struct resolver_wait *w, const struct name *name,
		  uint16_t qtype);

/* Also fine on one that waits for nothing. */
void resolver_cancel(struct resolver_wait *w);

#endif
