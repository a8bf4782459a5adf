/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual addresses: one IPv4 and one IPv6 address from the private pools for each name, given
 * once and never to another name while the gate lives, so that a connection's destination says
 * exactly which name was asked for.
 */
#ifndef SALLYPORT_GATE_VADDR_H
#define SALLYPORT_GATE_VADDR_H

#include "net/addr.h"
#include "net/name.h"

struct vaddrs;

struct vaddrs *vaddrs_new(void);
void vaddrs_free(struct vaddrs *v);

/* The name's address of the family, given now if it had none. False when the pool is used up. */
bool vaddr_give(struct vaddrs *v, const struct name *n, int family, struct addr *out) _must_use_;

/* In one of the pools, whether given or not. */
bool vaddr_in_pool(const struct addr *a);

/* The name it stands for, which lives as long as v; NULL when it was never given. */
const struct name *vaddr_name(const struct vaddrs *v, const struct addr *a);

#endif
