/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who answers the questions of a network's containers for names. */
#ifndef SALLYPORT_POLICY_NETWORK_DNS_H
#define SALLYPORT_POLICY_NETWORK_DNS_H

#include "policy/plan.h"

/*
 * Whatever server a container of a network under the policy asks at port 53, the daemon answers in its
 * place, from the names of the rules. So it is where a rule allows or redirects a name, but
 * for policies
 *
 * - with `dns: off`, where nobody answers;
 * - that say themselves where DNS goes: a rule, of whatever verdict, has a list or range of ports of
 *   tcp or udp in which 53 is and not every port, for an address, a prefix, `any` or the host; or port
 *   53 by itself for a name; or they are Dockside's (dns_by_rules);
 * - that allow all UDP to any address: then every server is open, and to answer in its place would
 *   only take names away.
 */
bool policy_captures_dns(const struct plan_policy *p);

#endif
