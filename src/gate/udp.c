/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams other than DNS, as flows: one socket inside the jail, bound to where the client sends
 * and connected to the client, and one outside, connected to the server. The first datagram of a
 * flow comes to the listener (TPROXY); once the inner socket is there the kernel hands it the rest.
 */
#include <string.h>
#include <sys/socket.h>

#include <uthash.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "gate/internal.h"
#include "gate/learned.h"
#include "gate/lookup.h"
#include "gate/maker_client.h"

#define BATCH	  32
#define SWEEP_MS  2000
#define QUEUE_MAX 8 /* datagrams that wait for a name to be resolved */
#define DATAGRAM  65535

/* Both ends as AF_INET6 addresses; padding is zero, so the bytes can be hashed. */
struct key {
	struct in6_addr client, dst;
	uint16_t client_port, dst_port; /* network order */
};

struct udp_flow {
	UT_hash_handle hh;
	struct key key;
	struct flows *all;
	struct watch *client, *server;
	struct lookup *lookup;
	struct name name; /* len 0: an address */
	bool learned;	  /* dns: real: name was an answer for dst, which is what is dialled */
	struct addr dst;
	struct verdict verdict;
	bool audited;
	struct span queue[QUEUE_MAX]; /* owned */
	size_t n_queue;
	uint64_t last_ms; /* uv_now() */
};

struct flows {
	struct gate *gate;
	struct watch *listener;
	struct timer *sweep;
	struct udp_flow *flows;
	struct maker maker;
	char datagram[DATAGRAM];
};

static void dispatch(struct flows *all, const struct key *key, struct span datagram);

static void flow_close(struct udp_flow *u)
{
	lookup_cancel(&u->lookup);
	watch_close(u->client);
	watch_close(u->server);
	for (size_t i = 0; i < u->n_queue; i++)
		free((void *)(uintptr_t)u->queue[i].p);
	HASH_DEL(u->all->flows, u);
	free(u);
}

static struct flow flow_of(const struct udp_flow *u)
{
	return (struct flow){ .proto = IPPROTO_UDP,
			      .icmp_type = -1,
			      .port = ntohs(u->key.dst_port),
			      .name = u->name.len ? &u->name : NULL,
			      .addr = u->name.len && !u->learned ? NULL : &u->dst };
}

static void tell(struct udp_flow *u, enum event_verdict verdict, const char *why)
{
	struct gate *g = u->all->gate;
	struct flow f = flow_of(u);
	struct event ev = event_of(&f, EVENT_CONNECT, LAYER_PROXY);

	if (why)
		event_because(&ev, "%s", why);
	else
		event_explain(g->subjects, &ev, &f, &u->verdict);
	ev.verdict = verdict;
	report(g->subjects, &ev, &u->verdict);
}

static struct sockaddr_in6 sockaddr_of(const struct in6_addr *a, uint16_t port)
{
	return (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = *a, .sin6_port = port };
}

/* Nothing comes of it, and the client is told so at once. */
static void flow_refuse(struct udp_flow *u)
{
	struct sockaddr_in6 local = sockaddr_of(&u->key.dst, u->key.dst_port);
	struct sockaddr_in6 peer = sockaddr_of(&u->key.client, u->key.client_port);

	maker_refuse(&u->all->maker, &local, &peer);
	flow_close(u);
}

/* A datagram over the rate or the quota is lost, as on any network. */
static bool within_limits(struct gate *g, size_t n)
{
	if (meter_room(&g->subjects->meter, clock_ms(), n) < n)
		return false;
	meter_count(&g->subjects->meter, n);
	return true;
}

/* What the receiver cannot take is lost, as on any network. */
static void forward(struct udp_flow *u, const struct watch *to, struct span datagram)
{
	u->last_ms = uv_now(&u->all->gate->loop);
	if (within_limits(u->all->gate, datagram.n))
		(void)send(watch_fd(to), datagram.p, datagram.n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_client(void *ctx, int events)
{
	struct udp_flow *u = ctx;
	struct flows *all = u->all;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_in6 from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(watch_fd(u->client), all->datagram, DATAGRAM, MSG_DONTWAIT,
				     (struct sockaddr *)&from, &len);
		struct key key = u->key;

		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				flow_close(u);
			return;
		}
		key.client = from.sin6_addr;
		key.client_port = from.sin6_port;
		if (memcmp(&key, &u->key, sizeof(key)) != 0) {
			/* It came between bind and connect: see maker_socket(). */
			dispatch(all, &key, span_bytes(all->datagram, (size_t)n));
			return; /* u may have made room for it */
		}
		forward(u, u->server, span_bytes(all->datagram, (size_t)n));
	}
}

static void on_server(void *ctx, int events)
{
	struct udp_flow *u = ctx;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		ssize_t n = recv(watch_fd(u->server), u->all->datagram, DATAGRAM, MSG_DONTWAIT);

		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				flow_refuse(u); /* the server's host says that nobody listens */
			return;
		}
		forward(u, u->client, span_bytes(u->all->datagram, (size_t)n));
	}
}

/* A socket inside the jail for this flow, or -1. */
static int make(struct udp_flow *u)
{
	struct sockaddr_in6 local = sockaddr_of(&u->key.dst, u->key.dst_port);
	struct sockaddr_in6 peer = sockaddr_of(&u->key.client, u->key.client_port);

	return maker_socket(&u->all->maker, &local, &peer);
}

/* A socket connected to the first of the addresses that the host has a route to, or -1. */
static int dial(const struct addr *addrs, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++) {
		union sockaddr_any sa;
		socklen_t len = addr_to_sockaddr(&addrs[i], port, &sa);
		int fd = socket(sa.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd >= 0 && connect(fd, &sa.sa, len) == 0)
			return fd;
		fd_closep(&fd);
	}
	return -1;
}

static bool join(struct udp_flow *u, const struct addr *addrs, size_t n, uint16_t port)
{
	uv_loop_t *loop = &u->all->gate->loop;
	int client, server = dial(addrs, n, port);

	if (server < 0) {
		tell(u, EVENT_ERROR, "no route to the address");
		return false;
	}
	u->server = watch_new(loop, server, on_server, u);
	client = make(u);
	if (client < 0) {
		tell(u, EVENT_ERROR, "no socket could be made inside the jail");
		return false;
	}
	u->client = watch_new(loop, client, on_client, u);
	if (!u->server || !u->client)
		return false;
	watch_for(u->client, UV_READABLE);
	watch_for(u->server, UV_READABLE);
	for (size_t i = 0; i < u->n_queue; i++) {
		(void)send(server, u->queue[i].p, u->queue[i].n, MSG_DONTWAIT | MSG_NOSIGNAL);
		free((void *)(uintptr_t)u->queue[i].p);
	}
	u->n_queue = 0;
	if (!u->audited)
		tell(u, EVENT_ALLOW, NULL);
	return true;
}

/* The addresses that may be sent to, in place; how many. */
static size_t choose(struct udp_flow *u, struct addr *addrs, size_t n)
{
	struct gate *g = u->all->gate;
	bool redirected = u->verdict.kind == VERDICT_REDIRECT;
	size_t good = 0;

	for (size_t i = 0; i < n; i++) {
		struct flow f = flow_of(u);
		struct verdict v;

		f.addr = &addrs[i];
		if (redirected ? judge_redirected(g->subjects, &addrs[i]) :
				 judge_address(g->subjects, &f, &v))
			addrs[good++] = addrs[i];
	}
	return good;
}

static void on_found(void *ctx, const struct lookup_result *found)
{
	struct udp_flow *u = ctx;
	struct lookup_result r = *found;
	bool redirected = u->verdict.kind == VERDICT_REDIRECT;
	struct flow f = flow_of(u);
	size_t n = choose(u, r.addrs, r.n);

	if (n &&
	    join(u, r.addrs, n, redirected ? ports_at(&u->verdict.rule->to->ports, 0).lo : f.port))
		return;
	if (!n && r.n)
		tell(u, EVENT_DENY, "none of its addresses may stand for a name");
	else if (!n)
		tell(u, EVENT_ERROR, "the name could not be resolved");
	flow_refuse(u);
}

static bool start_at(struct udp_flow *u, const struct addr *a, uint16_t port)
{
	return join(u, a, 1, port);
}

static bool to_host(struct udp_flow *u, uint16_t port)
{
	static const uint8_t v4[4] = { 127, 0, 0, 1 };
	struct addr loopback = addr_from_v4(v4);

	return start_at(u, &loopback, port);
}

static bool to_address(struct udp_flow *u)
{
	struct flow f = flow_of(u);
	struct verdict v;

	f.addr = &u->dst;
	if (judge_address(u->all->gate->subjects, &f, &v))
		return start_at(u, &u->dst, f.port);
	u->verdict = v;
	tell(u, EVENT_DENY,
	     v.kind == VERDICT_ALLOW ? "this is one of the host's own addresses" : NULL);
	return false;
}

static void by_name(struct udp_flow *u, const struct name *n)
{
	lookup_start(&u->lookup, u->all->gate->resolver, n, on_found, u);
}

/* Begins what was allowed. False: over already, to be closed. by_name() closes by itself. */
static bool begin(struct udp_flow *u)
{
	struct flow f = flow_of(u);
	const struct dest *to;

	if (u->verdict.kind == VERDICT_REDIRECT) {
		to = u->verdict.rule->to;
		if (to->target == DEST_HOST)
			return to_host(u, ports_at(&to->ports, 0).lo);
		if (to->target == DEST_PREFIX)
			return start_at(u, &to->prefix.addr, ports_at(&to->ports, 0).lo);
		by_name(u, to->name);
	} else if (!u->name.len || u->learned) {
		return to_address(u);
	} else if (is_host_loopback(&u->name)) {
		return to_host(u, f.port);
	} else {
		by_name(u, &u->name);
	}
	return true;
}

static void enqueue(struct udp_flow *u, struct span datagram)
{
	char *copy;

	if (u->n_queue == QUEUE_MAX)
		return;
	copy = xmalloc(datagram.n);
	memcpy(copy, datagram.p, datagram.n);
	u->queue[u->n_queue++] = span_bytes(copy, datagram.n);
}

/* Judges a new flow. False: not let through. */
static bool judge(struct udp_flow *u)
{
	struct gate *g = u->all->gate;
	struct flow f = { .proto = IPPROTO_UDP, .icmp_type = -1, .port = ntohs(u->key.dst_port) };
	struct name names[LEARNED_NAMES_MAX];
	size_t n;

	if (!judge_target(g, &u->dst, &f)) {
		tell(u, EVENT_DENY, "this virtual address stands for no name");
		return false;
	}
	if (f.name)
		name_copy(&u->name, f.name);
	u->verdict = decide(g->subjects->policy, &f);
	n = !f.name && g->subjects->policy->dns == DNS_REAL ?
		    learned_names(g->learned, &u->dst, names) :
		    0;
	for (size_t i = 0; i < n && u->verdict.kind == VERDICT_DENY; i++) {
		f.name = &names[i];
		u->verdict = decide(g->subjects->policy, &f);
		u->learned = u->verdict.kind != VERDICT_DENY;
		if (u->learned)
			u->name = names[i];
	}
	if (u->verdict.kind == VERDICT_ALLOW || u->verdict.kind == VERDICT_REDIRECT)
		return true;
	u->audited = audit_mode(g->subjects);
	tell(u, u->audited ? EVENT_AUDIT : EVENT_DENY, NULL);
	return u->audited;
}

/* The flow on which nothing has moved for longest makes room. */
static void evict(struct flows *all)
{
	struct udp_flow *u, *next, *oldest = NULL;

	HASH_ITER(hh, all->flows, u, next)
	if (!oldest || u->last_ms < oldest->last_ms)
		oldest = u;
	flow_close(oldest);
}

static void new_flow(struct flows *all, const struct key *key, struct span datagram)
{
	struct udp_flow *u = xcalloc(1, sizeof(*u));
	union sockaddr_any sa = { .in6 = { .sin6_family = AF_INET6, .sin6_addr = key->dst } };

	if (HASH_COUNT(all->flows) >= LIMIT_UDP_FLOWS)
		evict(all);
	u->all = all;
	memcpy(&u->key, key, sizeof(*key));
	u->last_ms = uv_now(&all->gate->loop);
	(void)addr_from_sockaddr(&sa, &u->dst, NULL);
	HASH_ADD(hh, all->flows, key, sizeof(u->key), u);
	enqueue(u, datagram);
	if (!judge(u) || !begin(u))
		flow_refuse(u);
}

/* Gives a client's datagram to its flow, which may be a new one. */
static void dispatch(struct flows *all, const struct key *key, struct span datagram)
{
	struct udp_flow *u;

	HASH_FIND(hh, all->flows, key, sizeof(*key), u);
	if (!u)
		new_flow(all, key, datagram);
	else if (!u->server)
		enqueue(u, datagram);
	else
		forward(u, u->server, datagram);
}

/* The original destination, from the control data of a datagram that TPROXY brought. */
static bool original(struct msghdr *mh, struct key *key)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		union sockaddr_any sa;

		if (cm->cmsg_level == IPPROTO_IPV6 && cm->cmsg_type == IPV6_ORIGDSTADDR) {
			memcpy(&sa.in6, CMSG_DATA(cm), sizeof(sa.in6));
			key->dst = sa.in6.sin6_addr;
			key->dst_port = sa.in6.sin6_port;
			return true;
		}
		if (cm->cmsg_level == IPPROTO_IP && cm->cmsg_type == IP_ORIGDSTADDR) {
			memcpy(&sa.in, CMSG_DATA(cm), sizeof(sa.in));
			memset(&key->dst, 0, sizeof(key->dst));
			key->dst.s6_addr[10] = key->dst.s6_addr[11] = 0xff;
			memcpy(&key->dst.s6_addr[12], &sa.in.sin_addr, 4);
			key->dst_port = sa.in.sin_port;
			return true;
		}
	}
	return false;
}

static bool receive(struct flows *all)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct sockaddr_in6)) * 2];
	} control;
	struct iovec iov = { all->datagram, DATAGRAM };
	struct sockaddr_in6 from;
	struct msghdr mh = { .msg_name = &from,
			     .msg_namelen = sizeof(from),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes) };
	ssize_t n = recvmsg(watch_fd(all->listener), &mh, MSG_DONTWAIT);
	struct key key = { 0 };

	if (n < 0)
		return false;
	if (!original(&mh, &key))
		return true;
	key.client = from.sin6_addr;
	key.client_port = from.sin6_port;
	dispatch(all, &key, span_bytes(all->datagram, (size_t)n));
	return true;
}

static void on_readable(void *ctx, int events)
{
	(void)events;
	for (int i = 0; i < BATCH; i++)
		if (!receive(ctx))
			return;
}

static void on_sweep(void *ctx)
{
	struct flows *all = ctx;
	uint64_t now = uv_now(&all->gate->loop);
	struct udp_flow *u, *next;

	maker_refill(&all->maker);
	HASH_ITER(hh, all->flows, u, next)
	if (now - u->last_ms >= LIMIT_UDP_IDLE_MS)
		flow_close(u);
}

struct flows *flows_new(struct gate *g)
{
	struct flows *all = xcalloc(1, sizeof(*all));

	all->gate = g;
	all->maker.fd = g->o->maker_fd;
	maker_refill(&all->maker);
	all->listener = watch_new(&g->loop, g->o->udp_fd, on_readable, all);
	all->sweep = timer_new(&g->loop, SWEEP_MS, SWEEP_MS, on_sweep, all);
	if (all->listener)
		watch_for(all->listener, UV_READABLE);
	return all;
}

void flows_free(struct flows *all)
{
	struct udp_flow *u, *next;

	if (!all)
		return;
	HASH_ITER(hh, all->flows, u, next)
	flow_close(u);
	watch_close(all->listener);
	timer_close(all->sweep);
	free(all);
}
