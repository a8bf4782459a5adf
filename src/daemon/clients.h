/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which policy the clients of each listener are under: from a plan, its subjects, and the users. */
#ifndef SALLYPORT_DAEMON_CLIENTS_H
#define SALLYPORT_DAEMON_CLIENTS_H

#include "daemon/users.h"
#include "gate/gate.h"
#include "gate/setup.h"

/*
 * The listeners that the plan's subjects name (`proxy: ADDR:PORT`) are added to those in list, of
 * which there are *n and may be GATE_LISTENERS_MAX; each once.
 */
bool clients_listeners(const struct plan *p, struct gate_listener *list, size_t *n, struct err *e)
	_must_use_;

struct clients_options {
	const struct gate_listener *listeners;
	size_t n_listeners;
	const char *use; /* the policy of listeners that no subject names; NULL: the only one */
	const struct users *users; /* NULL: there is no file of them */
};

/*
 * A listener that subjects name has the policies of those subjects: that of a subject with `user`
 * for this user, that of the one without for clients without credentials; where there is none such,
 * credentials are asked for. A listener that no subject names has the policy `use` for every client,
 * who must be one of the users where there is a file of them.
 *
 * The plan is taken over, also on failure. *out is the caller's.
 */
bool clients_setup(struct plan *take_plan, const struct clients_options *o, struct gate_setup **out,
		   struct err *e) _must_use_;

#endif
