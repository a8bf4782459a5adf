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

/* One request, until it is answered. */
struct control_request {
	struct control_peer peer;
	json_t *json;	       /* an object with a text "action" */
	struct client *client; /* the server's own; NULL: it has gone away */
};

/*
 * Takes a request, which it answers by exactly one of the two calls below, at once or later; the
 * client waits as long.
 */
typedef void control_fn(void *ctx, struct control_request *r);

/* Answer it, and free it. take_fields: those of the reply, or NULL. */
void control_request_ok(struct control_request *r, json_t *take_fields);
void control_request_error(struct control_request *r, const struct err *why);

/* Serves the listening, non-blocking socket (control_listen()), which is taken over. */
bool control_server_new(uv_loop_t *loop, int take_fd, control_fn *fn, void *ctx,
			struct control_server **out, struct err *e) _must_use_;

/* Requests that wait for an answer lose their clients. The path stays. NULL is fine. */
void control_server_free(struct control_server *s);

#endif
