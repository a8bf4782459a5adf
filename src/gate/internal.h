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
#include "gate/setup.h"
#include "gate/vaddr.h"
#include "gate/watch.h"
#include "gate/wild.h"
#include "policy/decide.h"

struct conns;
struct dns;
struct flows;
struct installed;
struct refreshes;

/*
 * Who is confined by a policy: the jail; the clients of a proxy's listener: each user, and those
 * without credentials together; or the containers of a network.
 */
struct subject {
	struct gate *gate;
	const struct plan *plan;
	const struct plan_policy *policy;   /* of plan */
	const struct gate_client *client;   /* a proxy's; of the setup; else NULL */
	const struct gate_network *network; /* a daemon's; likewise */
	struct meter meter; /* of the policy's limits; in audit mode it limits nothing */
	bool limited;	    /* the meter limits something */
	size_t n_conns, max_conns;
	struct wild wild;
	uint16_t index; /* in events */
};

struct gate {
	const struct gate_options *o;
	uv_loop_t loop;
	struct watch_count count;
	bool stop; /* the supervisor wants the farewell, or is gone */
	struct resolver *resolver;
	struct vaddrs *vaddrs;
	struct learned *learned; /* dns: real */
	struct dns *dns;
	struct conns *conns; /* a daemon has none */
	struct flows *flows; /* NULL: no UDP but DNS */
	struct watch *nflog;
	struct watch *supervisor;    /* report_fd */
	struct refreshes *refreshes; /* a daemon's, as is what the kernel lets pass: */
	struct installed *installed;
	struct subject *subjects; /* one in a jail; else those of the setup */
	size_t n_subjects;
	struct gate_setup *setup; /* NULL before the first, and in a jail */
	uint64_t generation;	  /* of it */
	uint32_t packet_seq;	  /* of the next logged packet */
	struct gate_farewell farewell;
};

/* ---- gate.c */

/* Sends the supervisor a message; false when it does not read fast enough. Never blocks. */
bool gate_tell(const struct gate *g, const struct gate_message *m);

/* The same for what must not be lost: waits until there is room. */
void gate_insist(const struct gate *g, const struct gate_message *m);

/* Names of the host's own table that the policy lets be asked for are known from now on. */
void gate_know_hosts(struct gate *g, const struct plan_policy *p);

/* ---- subject.c */

/* client: NULL but in a proxy. */
void subject_init(struct subject *s, struct gate *g, uint16_t index, const struct plan *plan,
		  const struct plan_policy *policy, const struct gate_client *client);
void subject_done(struct subject *s);

/* The policy's quota is used up until its period ends. */
bool subject_exhausted(struct subject *s);

/*
 * Whose connection to the listener this is: token is what the client says of itself, the base64 of
 * "user:secret", or empty. NULL: nobody's, for the token is wrong. The subject of those without
 * credentials is always there; its client says whether they may do anything (needs_login).
 */
struct subject *subject_of(struct gate *g, uint16_t listener, struct span token);

/* The listener has users, who say their name and secret. */
bool subject_users(const struct gate *g, uint16_t listener);

/* ---- adopt.c: orders of the supervisor of a proxy or a daemon */

/* Reads one. False: the supervisor wants the farewell, or is gone. */
bool adopt_order(struct gate *g);

/* ---- report.c */

/* The event's time, count, subject and rule are filled in here; v may be NULL. Never blocks. */
void report(struct subject *s, struct event *ev, const struct verdict *v);

/* An event about a flow: name, address, protocol and port are the flow's. */
struct event event_of(const struct flow *f, enum event_kind kind, enum event_layer layer);

/* printf into the event's reason; cut to fit. */
void event_because(struct event *ev, const char *fmt, ...) _printf_(2, 3);

/* The reason in words for a verdict about f, and what would change it, into the event. */
void event_explain(const struct subject *s, struct event *ev, const struct flow *f,
		   const struct verdict *v);

/* ---- judge.c */

static inline bool audit_mode(const struct subject *s)
{
	return s->policy->mode == MODE_AUDIT;
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
bool judge_address(const struct subject *s, const struct flow *f, struct verdict *v);

/* A name may stand for this address: it is public, or some allow rule names its range. */
bool judge_may_stand(const struct subject *s, const struct addr *a);

/* The name that a rule redirects to led there: it may stand for it, and it is none of the host's
 * own, which such a rule has to name itself. */
bool judge_redirected(const struct subject *s, const struct addr *a);

/* ---- denied.c: packets the kernel logged */
void denied_read(struct gate *g);

/*
 * One of a proxy's own listeners: dialling it would have the proxy talk to itself, with rights
 * that its clients do not have.
 */
bool judge_is_listener(const struct gate *g, const struct addr *a, uint16_t port);

/* ---- conn.c */
struct conns *conns_new(struct gate *g);
void conns_free(struct conns *c);

/* Serves the listeners; a proxy's once it has a setup. */
void conns_accept(struct conns *c);

/*
 * The subjects have changed: next[i] is the one that connections of g->subjects[i] belong to from
 * now on, NULL: they end. A connection that its new policy does not allow ends, too. Returns how
 * many ended.
 */
size_t conns_rejudge(struct conns *c, struct subject *const *next);

size_t conns_count(const struct conns *c);

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
