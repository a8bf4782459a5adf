/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SALLYPORT_JAIL_NAMESPACES_H
#define SALLYPORT_JAIL_NAMESPACES_H

#include "base/err.h"

/*
 * Moves the calling process into new network and mount namespaces, with all capabilities over
 * them. A process that has CAP_SYS_ADMIN keeps its user namespace; any other gets a new one in
 * which its own user and group, and no others, are mapped to themselves.
 */
bool namespaces_enter(struct err *e) _must_use_;

#endif
