/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connects to the first of several addresses that answers: they are tried in order, the next one
 * as soon as one has failed or LIMIT_ATTEMPT_MS have passed (RFC 8305 5), and the first connection
 * that stands wins.
 */
#ifndef SALLYPORT_GATE_DIAL_H
#define SALLYPORT_GATE_DIAL_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "net/addr.h"

struct dial;
struct watch;

#define DIAL_MAX 16

/* server: connected, watched for nothing, the callee's, who takes it over by watch_to(); or NULL, and
 * errnum says why the last attempt failed. */
typedef void dial_fn(void *ctx, struct watch *server, int errnum);

/* At most DIAL_MAX of the n addresses are tried, n > 0. fn is called once, later, unless it is
 * cancelled, at the latest after LIMIT_CONNECT_MS. */
struct dial *dial_new(uv_loop_t *loop, const struct addr *addrs, size_t n, uint16_t port,
		      dial_fn *fn, void *ctx);

/* NULL is fine. */
void dial_cancel(struct dial *d);

#endif
