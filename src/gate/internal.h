/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the gate share: the process's one object, and each file's few entry points. */
#ifndef SALLYPORT_GATE_INTERNAL_H
#define SALLYPORT_GATE_INTERNAL_H

#include <uv.h>

#include "audit/event.h"
#include "base/err.h"
#include "gate/gate.h"
#include "gate/meter.h"
#include "gate/resolver.h"
#include "gate/vaddr.h"
#include "gate/watch.h"
#include "policy/decide.h"

struct conns;
struct dns;
struct flows;

struct gate {
	const struct gate_options *o;
	uv_loop_t loop;
	struct watch_count count;
	bool stop; /* the supervisor wants the farewell, or is gone */
	struct resolver *resolver;
	struct vaddrs *vaddrs;
	struct learned *learned; /* dns: real */
	struct dns *dns;
	struct conns *conns;
	struct flows *flows; /* NULL: no UDP but DNS */
	struct watch *nflog;
	struct meter meter;  /* of the policy's limits; in audit mode it limits nothing */
	bool limited;	     /* the meter limits something */
	uint32_t packet_seq; /* of the next logged packet */
	struct gate_farewell farewell;
};

/* ---- report.c */

/* The event's time, count and rule are filled in here; v may be NULL. Never blocks. */
void report(struct gate *g, struct event *ev, const struct verdict *v);

/* An event about a flow: name, address, protocol and port are the flow's. */
struct event event_of(const struct flow *f, enum event_kind kind, enum event_layer layer);

/* printf into the event's reason; cut to fit. */
void event_because(struct event *ev, const char *fmt, ...) _printf_(2, 3);

/* The reason in words for a verdict about f, and what would change it, into the event. */
void event_explain(struct gate *g, struct event *ev, const struct flow *f, const struct verdict *v);

/* ---- judge.c */

static inline bool audit_mode(const struct gate *g)
{
	return g->o->policy->mode == MODE_AUDIT;
}

/*
 * What a packet's destination is: a name when it is a virtual address, else the address itself.
 * False for a virtual address that stands for no name.
 */
bool judge_target(struct gate *g, const struct addr *dst, struct flow *f);

/*
 * May this address be dialled for the flow: the policy's word on name and address together, and
 * none of the host's own addresses unless a rule names exactly that one. With dns: virtual and a
 * name, f->addr is the candidate. Loopback
 * addresses never are: the host's is dialled for HOST_LOOPBACK_NAME alone. In audit mode everything
 * else may be.
 */
bool judge_address(struct gate *g, const struct flow *f, struct verdict *v);

/* A name may stand for this address: it is public, or some allow rule names its range. */
bool judge_may_stand(const struct gate *g, const struct addr *a);

/* ---- denied.c: packets the kernel logged */
void denied_read(struct gate *g);

/* ---- conn.c */
struct conns *conns_new(struct gate *g);
void conns_free(struct conns *c);

/* ---- dns.c */
struct dns *dns_new(struct gate *g);
void dns_free(struct dns *d);

/* Takes over an accepted connection to port 53. */
void dns_accept(struct dns *d, int fd);

/* ---- udp.c */
struct flows *flows_new(struct gate *g);
void flows_free(struct flows *f);

/* ---- sandbox.c */

/* From here on: no file system, no new privileges, no capability, only the system calls that the
 * gate makes, only Internet sockets. Everything that is needed is open by now. */
bool gate_sandbox(struct err *e) _must_use_;

#endif
