/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SALLYPORT_JAIL_NETWORK_H
#define SALLYPORT_JAIL_NETWORK_H

#include "base/err.h"
#include "policy/plan.h"

/* The sockets of a jail that its gate serves: gate/gate.h says what each is. -1: none. */
struct network {
	int tcp, udp, dns, nflog;
};

void network_done(struct network *n);

/* Makes the caller's new network namespace a jail's for the policy, all or nothing. */
bool network_make(const struct plan_policy *p, struct network *out, struct err *e) _must_use_;

/* A socket for the gate: AF_INET6 for both families, transparent, marked as the gate's. The caller
 * closes it. -1 with errno when it cannot be made. */
int network_socket(int type);

#endif
