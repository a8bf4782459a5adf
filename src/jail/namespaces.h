/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SALLYPORT_JAIL_NAMESPACES_H
#define SALLYPORT_JAIL_NAMESPACES_H

#include "base/err.h"

/*
 * Moves the calling process into new user, network and mount namespaces, with all capabilities over
 * them. Its own user and group, and no others, are mapped to themselves. Real root gets a user
 * namespace, too, because that keeps the command from tracing root's other processes; only where
 * none can be made does it go without.
 */
bool namespaces_enter(struct err *e) _must_use_;

#endif
