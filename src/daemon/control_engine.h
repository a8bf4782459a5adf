/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control and the engine: networks are made, and who is at which port is told to the enforcer. */
#ifndef SALLYPORT_DAEMON_CONTROL_ENGINE_H
#define SALLYPORT_DAEMON_CONTROL_ENGINE_H

#include "daemon/controller.h"

/* Begins to follow it, if there is one. */
void control_engine_start(struct controller *c);

/*
 * Makes the networks of the plan that was kept last and that the engine does not have; then done() is
 * called, from here or later. What cannot be made is told on stderr and in the status.
 */
void control_engine_make(struct controller *c, void (*done)(struct controller *c));

/* Bridges that the policy does not name are called what the engine calls them. */
void control_engine_name_bridges(const struct controller *c, struct plan *p);

/* Something has happened at a port: what the engine says about it is asked for. */
void control_engine_look(struct controller *c);

/* Adds to a status what the engine says, and how it differs from the plan. */
void control_engine_status(struct controller *c, json_t *fields);

/* Adds to a reconciliation the engine's networks that look like ours and are nobody's. */
void control_engine_orphans(struct controller *c, json_t *fields);

#endif
