/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control protocol: a Unix stream socket, one JSON object a line with an "action", one JSON
 * object a line in reply:
 *
 *	{"action":"reload"}
 *	{"status":"ok","generation":2,"ended":0}
 *	{"status":"error","message":"policy.yaml:3:5: ..."}
 *
 * Used by both ends. Whoever asks is known by SO_PEERCRED, not by what it says.
 */
#ifndef SALLYPORT_CONTROL_CONTROL_H
#define SALLYPORT_CONTROL_CONTROL_H

#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#define CONTROL_SOCKET "/run/sallyport/control.sock"

struct control_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/*
 * A listening, non-blocking socket at the path, mode 0660. A socket there that nobody listens at is
 * replaced; one that is in use, and what is no socket, is an error.
 */
bool control_listen(const char *path, int *out_fd, struct err *e) _must_use_;

/* Who is at the other end (unix(7)). */
bool control_peer_of(int fd, struct control_peer *out, struct err *e) _must_use_;

/* A request: an object with a text "action". *out is the caller's. */
bool control_parse(struct span line, json_t **out, struct err *e) _must_use_;

/* Appends {"status":"ok", ...} with the fields of take_fields, an object or NULL; an error where there is no room
 * for it. */
void control_ok(json_t *take_fields, struct buf *out);

/* Appends {"status":"error","message":...}. */
void control_error(const struct err *why, struct buf *out);

/*
 * The client's side: sends the request and waits at most timeout_ms for the reply, which is the
 * caller's. A reply with "status":"error" is an error with its message. *reachable is false when
 * nobody is there to be asked.
 */
bool control_call(const char *path, json_t *take_request, int timeout_ms, json_t **reply,
		  bool *reachable, struct err *e) _must_use_;

#endif
