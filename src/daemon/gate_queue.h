/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Orders on their way to the gate. Whoever gives one never waits: what the socket has no room for stays
 * here, in the order given, each no larger than what it says.
 */
#ifndef SALLYPORT_DAEMON_GATE_QUEUE_H
#define SALLYPORT_DAEMON_GATE_QUEUE_H

#include "gate/gate.h"

struct gate_queued;

/* Zeroed: empty. */
struct gate_queue {
	struct gate_queued *items; /* owned; from `at` on not sent yet */
	size_t n, cap, at;
};

/* take_fd: goes with it, and is closed then; -1: none. */
void gate_queue_add(struct gate_queue *q, const struct gate_order *o, int take_fd);

/* Sends what there is room for. False: nobody reads there any more. */
bool gate_queue_send(struct gate_queue *q, int sock) _must_use_;

bool gate_queue_empty(const struct gate_queue *q);

/* Empties it. */
void gate_queue_done(struct gate_queue *q);

#endif
