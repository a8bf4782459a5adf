/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decide(): the single oracle. The gate, `explain`, the tests and the fuzzers all call it, and
 * what the kernel is given to enforce is held against it.
 */
#ifndef SALLYPORT_POLICY_DECIDE_H
#define SALLYPORT_POLICY_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/name.h"
#include "policy/plan.h"

/* The name under which a jail sees the host's own loopback. */
#define HOST_LOOPBACK_NAME "host.sallyport.internal"

/* NULL is no name. */
static inline bool is_host_loopback(const struct name *n)
{
	return n && span_eq(name_span(n), SPAN_LIT(HOST_LOOPBACK_NAME));
}

/*
 * One thing that a subject wants to reach. A name that is not resolved yet has no address; an
 * address that no name stands for has no name. For host.sallyport.internal addr stays NULL.
 */
struct flow {
	int proto;		 /* IPPROTO_* */
	int icmp_type;		 /* -1 unless ICMP */
	uint16_t port;		 /* 0 where the protocol has none */
	const struct name *name; /* or NULL */
	const struct addr *addr; /* or NULL */
};

enum verdict_kind { VERDICT_DENY, VERDICT_ALLOW, VERDICT_REDIRECT, VERDICT_ASK };

enum verdict_reason {
	REASON_RULE,	  /* the rule says so */
	REASON_NO_RULE,	  /* nothing matched: deny */
	REASON_FORBIDDEN, /* a name or `any` matched, but it never opens this address range */
	REASON_COUNT
};

struct verdict {
	enum verdict_kind kind;
	enum verdict_reason reason;
	const struct plan_rule *rule; /* of the plan; NULL with REASON_NO_RULE */
	const struct dest *dest;      /* the destination in it that matched; NULL likewise */
};

/*
 * The first rule one of whose destinations matches. A name or wildcard target looks at flow->name,
 * a prefix at flow->addr in canonical form (addr_canonical; a deny also at the form as it came),
 * `any` matches everything.
 *
 * When the match is an allow or ask by name, `*` or `any` and flow->addr is in a forbidden range
 * (addr_forbidden), it stands only if some allow rule of the policy has a prefix that contains the
 * address for this protocol and port; else the verdict is DENY with REASON_FORBIDDEN and the rule
 * that would have allowed it. The name HOST_LOOPBACK_NAME is opened by DEST_HOST alone, never by
 * a name, wildcard, `*` or `any`; a deny by those does include it.
 *
 * The policy's mode does not matter here: audit is what the caller makes of a denial.
 */
struct verdict decide(const struct plan_policy *p, const struct flow *f);

/*
 * May the name be asked for: is there a protocol and a port for which decide() allows or redirects
 * it? What has to be asked for first (`ask`) is not resolved first: the question alone would tell.
 * A protocol without ports counts only in a rule that names the name or a wildcard above it, so
 * that "icmp/echo-request" does not open DNS for every name. With `dns: off` nothing may be asked.
 *
 * *rule is an allow rule that opens it; else a redirect, and then no server needs to know the name;
 * or, when the answer is no, the rule that denies it, or NULL. qtype 0 means A and AAAA; another
 * query type is allowed only where an opening rule lists it.
 */
bool decide_name(const struct plan_policy *p, const struct name *n, uint16_t qtype,
		 const struct plan_rule **rule);

/*
 * A name of this rule, or the name that it redirects to, opens the address although it is in a
 * range that names do not open: the rule says so (private_names), the name is local (name_is_local)
 * and the address private (addr_is_private). decide() is by it.
 */
bool rule_opens_private(const struct plan_rule *r, const struct name *n, const struct addr *a);

/* "no rule allows it", "denied by agent:2 (policy.yaml:14:9)", ...: one clause, into out. */
void verdict_why(const struct plan *p, const struct plan_policy *policy, const struct flow *f,
		 const struct verdict *v, struct buf *out);

/* The destination that an `allow` would have to name for this flow: "api.example.com",
 * "203.0.113.5:22", "udp/ntp.example:123". Its name is the flow's. */
void flow_dest(const struct flow *f, struct dest *out);

#endif
