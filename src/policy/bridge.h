/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of bridges: which ones an interface can have, and which one a network's has. */
#ifndef SALLYPORT_POLICY_BRIDGE_H
#define SALLYPORT_POLICY_BRIDGE_H

#include "policy/plan.h"

/*
 * An interface can have this name, and it means only itself wherever it is written down. The kernel
 * (dev_valid_name() in net/core/dev.c, IFNAMSIZ in linux/if.h) takes 1 to 15 bytes but ".", ".." and
 * what has "/", ":" or blanks; "%" makes it count up. Further refused are bytes that are no visible
 * ASCII, and those that nft gives a meaning: "*", the quote and the backslash.
 */
bool bridge_name_valid(struct span s);

/*
 * The bridge of a network for which none is written: the network's name in lower case, as Dockside
 * has it, or, where no interface can be called so, "sp-" and 8 hexadecimal digits that the name
 * always gives.
 */
void bridge_name_default(struct span network, char out[static PLAN_BRIDGE_MAX]);

#endif
