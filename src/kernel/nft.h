/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads nft text into the caller's network namespace.
 *
 * libnftables and not libnftnl carries the rules of a jail: they are loaded once, by text a person
 * can read, into a namespace that dies with the jail and that no other program shares. What the
 * library cannot do (one socket of our own for the whole transaction, and with it OWNER and PERSIST
 * tables) matters on a host, not here.
 */
#ifndef SALLYPORT_KERNEL_NFT_H
#define SALLYPORT_KERNEL_NFT_H

#include "base/err.h"

/* One transaction: all of the text or nothing. Needs CAP_NET_ADMIN over the namespace. The error
 * holds what the kernel or the library said, first line first. */
bool nft_load(const char *text, struct err *e) _must_use_;

#endif
