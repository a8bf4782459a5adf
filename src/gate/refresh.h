/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names that a daemon's supervisor has asked for: upstream is asked for both families, anew each
 * time. They wait here for their turn, so that there may be any number of them, and an answer waits
 * until the supervisor reads; none is lost.
 */
#ifndef SALLYPORT_GATE_REFRESH_H
#define SALLYPORT_GATE_REFRESH_H

#include "gate/gate.h"

struct gate;
struct refreshes;

/* Of g's options it uses the upstreams and the hosts. */
struct refreshes *refreshes_new(struct gate *g);

/* NULL is fine. */
void refreshes_free(struct refreshes *all);

void refreshes_order(struct refreshes *all, const struct gate_resolve *order);

/* The supervisor may have read: tells it what it is still to be told. */
void refreshes_tell(struct refreshes *all);

#endif
