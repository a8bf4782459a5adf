/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tunings of Dockside's sets and environment, for the names that its rules have. */
#ifndef SALLYPORT_DAEMON_DOCKSIDE_TUNING_H
#define SALLYPORT_DAEMON_DOCKSIDE_TUNING_H

#include "daemon/tuning.h"
#include "policy/dockside.h"

/*
 * *out is the caller's. Names that stand in a rule, in no set, go by the environment. At most
 * LIMIT_POLICY_DESTS names are told; those of further sets go by it, too.
 */
void dockside_tunings(const struct dockside *d, struct tunings *out);

#endif
