/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Dockside's clients look for in a status: the sets, their addresses, and how they are refreshed. */
#ifndef SALLYPORT_DAEMON_DOCKSIDE_STATUS_H
#define SALLYPORT_DAEMON_DOCKSIDE_STATUS_H

#include <jansson.h>

#include "policy/dockside.h"

/* Adds "ipsets" and "ipset_details" to a status that has the enforcer's "names". */
void dockside_status(const struct dockside *d, json_t *fields);

#endif
