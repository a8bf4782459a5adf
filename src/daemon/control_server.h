/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers the clients of a control socket, a line for a line, as many as they send. At most
 * LIMIT_CONTROL_CLIENTS at one time, each of which has LIMIT_CONTROL_MS for the next whole request;
 * a slow one delays nobody.
 */
#ifndef SALLYPORT_DAEMON_CONTROL_SERVER_H
#define SALLYPORT_DAEMON_CONTROL_SERVER_H

#include <uv.h>

#include "control/control.h"

struct control_server;

/* Answers one request: *fields are those of the reply, or NULL; false: it is an error. */
typedef bool control_fn(void *ctx, const struct control_peer *peer, const json_t *request,
			json_t **fields, struct err *e);

/* Listens at the path. */
bool control_server_new(uv_loop_t *loop, const char *path, control_fn *fn, void *ctx,
			struct control_server **out, struct err *e) _must_use_;

/* Also removes the socket from its path. NULL is fine. */
void control_server_free(struct control_server *s);

#endif
