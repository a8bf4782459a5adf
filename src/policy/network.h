/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses of a network as people write them, in a policy or in Dockside's files: each is
 * judged together with what was set before it, the subnets first. The error has no place.
 */
#ifndef SALLYPORT_POLICY_NETWORK_H
#define SALLYPORT_POLICY_NETWORK_H

#include "policy/plan.h"

/*
 * A prefix with room for a gateway and a container: /8 to /30, or /16 to /126; the one of its
 * family.
 */
bool network_set_subnet(struct plan_network *n, struct span s, struct err *e) _must_use_;

/* An address that a container of the subnet of its family could have; the one of its family. */
bool network_set_gateway(struct plan_network *n, struct span s, struct err *e) _must_use_;

/* The same for the controller; where there is no subnet of its family, any. Never the gateway's. */
bool network_set_controller(struct plan_network *n, struct span s, struct err *e) _must_use_;

/* What the three above take, as it stands in a plan; for a plan that another process wrote. */
bool network_addresses_ok(const struct plan_network *n);

#endif
