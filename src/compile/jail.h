/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nft ruleset inside a jail.
 *
 * A jail's namespace has nothing but lo, so no rule is needed to keep packets in. The rules are
 * there to bring each packet to the gate, which decides, and to make what can never be allowed
 * fail at once and be counted. There is one chain, where packets come back in from lo:
 *
 *	from the gate			passes: known by the mark of its sockets
 *	TCP and UDP that some rule	handed to the gate's listeners (TPROXY), which judges exactly
 *	  of the policy could allow
 *	all else			logged (NFLOG) and rejected, TCP by a reset, the rest by ICMP
 *
 * UDP to port 53 needs no TPROXY: the gate's socket is bound to it, and every address is local.
 */
#ifndef SALLYPORT_COMPILE_JAIL_H
#define SALLYPORT_COMPILE_JAIL_H

#include "base/buf.h"
#include "net/addr.h"
#include "policy/plan.h"

/* The private pools of virtual addresses; the first address of each is the jail's own on lo. */
#define JAIL_POOL4	 "198.18.0.0/15"
#define JAIL_POOL6	 "fd73:616c:6c79::/64"
#define JAIL_ADDR4	 "198.18.0.1"
#define JAIL_ADDR6	 "fd73:616c:6c79::1"
#define JAIL_MARK	 0x5a11U /* of the gate's sockets; setting it needs CAP_NET_ADMIN */
#define JAIL_LOG_GROUP	 1U
#define JAIL_LOG_SNAPLEN 128U /* an IPv6 header, a few extension headers and the ports */

struct jail_ports {
	uint16_t tcp; /* where the gate's TCP listener is bound */
	uint16_t udp; /* the same for UDP other than DNS; 0: the policy has none */
};

/* UDP other than DNS may pass: some rule allows it, or nothing is enforced. */
bool compile_jail_wants_udp(const struct plan_policy *p);

/* The ruleset as nft text. The policy's mode counts: in audit every TCP and UDP packet goes to the
 * gate. The caller checks buf_ok(). */
void compile_jail(const struct plan_policy *p, const struct jail_ports *ports, struct buf *out);

#endif
