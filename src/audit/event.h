/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one event type: what was decided about one destination, by whatever layer. It is a fixed-size
 * value without pointers, so that an unprivileged process can send it to the one that writes it
 * down; strings are NUL-terminated and may hold bytes that a sandbox chose.
 */
#ifndef SALLYPORT_AUDIT_EVENT_H
#define SALLYPORT_AUDIT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/addr.h"
#include "net/dest.h"
#include "net/name.h"

enum event_kind {
	EVENT_CONNECT, /* a connection or a flow of datagrams */
	EVENT_DNS,     /* a question */
	EVENT_PACKET,  /* a packet that was rejected before it reached anyone */
	EVENT_KIND_COUNT
};

enum event_layer {
	LAYER_DNS,
	LAYER_PROXY, /* the gate's relay */
	LAYER_NFT,
	LAYER_COUNT
};

enum event_verdict {
	EVENT_ALLOW,
	EVENT_DENY,
	EVENT_AUDIT, /* let through, and would have been denied */
	EVENT_ERROR, /* allowed, but the other end could not be reached */
	EVENT_VERDICT_COUNT
};

/* What a new `allow` would have to name for this not to be denied. */
enum event_remedy {
	REMEDY_NONE, /* nothing would help: the traffic is not what its destination says */
	REMEDY_DEST, /* the destination: the name, or the address where there is none */
	REMEDY_ADDR, /* the address, besides the name: it is in a range that no name opens */
	REMEDY_COUNT
};

struct event {
	uint64_t time_ms; /* since 1970 */
	enum event_kind kind;
	enum event_layer layer;
	enum event_verdict verdict;
	enum event_remedy remedy;
	int16_t proto;
	int16_t icmp_type; /* -1 unless ICMP */
	uint16_t port;
	uint16_t qtype;	  /* EVENT_DNS: the query type; else 0 */
	uint16_t subject; /* whom it is about: an index known to who writes the event down */
	uint32_t count;	  /* how many alike this one stands for; at least 1 */
	int32_t rule;	  /* index into plan_policy.rules, -1: none */
	struct addr addr; /* family 0: not known */
	struct name name; /* len 0: none */
	char reason[192];
};

/* What only the process that writes the event knows. */
struct event_context {
	const char *subject; /* "jail:npm" */
	const char *policy;
	const char *rule; /* "agent:12", or NULL */
	uint64_t pid;	  /* 0: not known */
};

/*
 * One JSON object and a newline, the fields of architecture.md section 9: time (RFC 3339, UTC,
 * milliseconds), kind, verdict, subject, policy, rule, layer, proto, dst, port, name, reason, pid,
 * count. `port` is the port wanted; a question has none, and its type is part of the reason. What is not known is null. Bytes outside printable ASCII are escaped.
 */
void event_encode(const struct event *ev, const struct event_context *ctx, struct buf *out);

/* All numbers are in range, the name is canonical and the reason terminated: for events that came
 * from another process. */
bool event_valid(const struct event *ev);

/* The destination as a person would write it in a rule: by name, the event's, where it has one. False for
 * a question that is no host name. */
bool event_dest(const struct event *ev, struct dest *out);

/* A rule can name it: what a host called "any" or "host" is written as would open something else. */
bool event_dest_writable(const struct dest *d);

/* The same as event_dest() for its remedy. False: there is none, or no rule can name it. */
bool event_remedy_dest(const struct event *ev, struct dest *out);

#endif
