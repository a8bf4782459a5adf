/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the gate asks the policy; nothing else in it decides. */
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "gate/internal.h"

bool judge_target(struct gate *g, const struct addr *dst, struct flow *f)
{
	f->addr = dst;
	f->name = vaddr_name(g->vaddrs, dst);
	if (f->name)
		f->addr = NULL;
	return f->name || !vaddr_in_pool(dst);
}

/*
 * Connecting a datagram socket sends nothing, but has the kernel choose a source, and for the
 * host's own addresses it chooses the destination itself.
 */
static bool kernel_owns(const struct addr *a)
{
	union sockaddr_any to, from;
	socklen_t len = addr_to_sockaddr(a, 9, &to), from_len = sizeof(from);
	_cleanup_(fd_closep) int fd = socket(to.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct addr source;

	if (fd < 0)
		return true; /* what cannot be told is taken for our own */
	if (connect(fd, &to.sa, len) != 0)
		return errno != ENETUNREACH && errno != EHOSTUNREACH;
	return getsockname(fd, &from.sa, &from_len) != 0 ||
	       !addr_from_sockaddr(&from, &source, NULL) || addr_eq(&source, a);
}

/* One of the host's own addresses, or an IPv6 one that is written for one, like ::ffff:10.0.0.1. */
static bool is_own(const struct addr *a)
{
	struct addr c = addr_canonical(a);

	return kernel_owns(&c) || (!addr_eq(&c, a) && kernel_owns(a));
}

/* A rule opens exactly this address, not a range or a name that leads to it. */
static bool named_exactly(const struct plan_policy *p, const struct flow *f)
{
	struct flow bare = *f;
	struct verdict v;

	bare.name = NULL;
	v = decide(p, &bare);
	return v.kind == VERDICT_ALLOW && v.dest->target == DEST_PREFIX &&
	       v.dest->prefix.len == addr_size(&v.dest->prefix.addr) * 8;
}

bool judge_address(const struct subject *s, const struct flow *f, struct verdict *v)
{
	*v = decide(s->policy, f);
	if (addr_is_loopback(f->addr))
		return false;
	if (audit_mode(s))
		return true;
	if (v->kind != VERDICT_ALLOW)
		return false;
	return !is_own(f->addr) || named_exactly(s->policy, f);
}

bool judge_may_stand(const struct subject *s, const struct addr *a)
{
	const struct plan_policy *p = s->policy;
	struct addr c = addr_canonical(a);

	if (!addr_forbidden(a))
		return true;
	for (size_t i = 0; i < p->n_rules; i++)
		for (size_t k = 0; p->rules[i].action == RULE_ALLOW && k < p->rules[i].n_dests; k++)
			if (p->rules[i].dests[k].target == DEST_PREFIX &&
			    prefix_contains(&p->rules[i].dests[k].prefix, &c))
				return true;
	return false;
}

bool judge_redirected(const struct subject *s, const struct addr *a)
{
	return judge_may_stand(s, a) && !addr_is_loopback(a) && !is_own(a);
}

bool judge_is_listener(const struct gate *g, const struct addr *a, uint16_t port)
{
	static const struct addr any;
	struct addr c = addr_canonical(a);

	for (size_t i = 0; i < g->o->n_listeners; i++) {
		const struct gate_listener *l = &g->o->listeners[i];
		struct addr at = addr_canonical(&l->addr);
		bool wildcard = memcmp(at.bytes, any.bytes, sizeof(any.bytes)) == 0;

		if (l->port == port &&
		    (wildcard ? addr_is_loopback(&c) || is_own(&c) : addr_eq(&at, &c)))
			return true;
	}
	return false;
}
