/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets that nft `log group N` copies out (linux/netfilter/nfnetlink_log.h). */
#ifndef SALLYPORT_KERNEL_NFLOG_H
#define SALLYPORT_KERNEL_NFLOG_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/*
 * A non-blocking netlink socket that receives the first `snaplen` bytes of every packet logged to
 * the group in the caller's network namespace, numbered so that losses can be counted. Setting it
 * up needs CAP_NET_ADMIN over the namespace; reading needs nothing, so it can be handed to another
 * process. The caller closes *out.
 */
bool nflog_open(uint16_t group, uint32_t snaplen, int *out, struct err *e) _must_use_;

#endif
