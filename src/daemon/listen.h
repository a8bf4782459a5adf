/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a proxy is spoken to. */
#ifndef SALLYPORT_DAEMON_LISTEN_H
#define SALLYPORT_DAEMON_LISTEN_H

#include "gate/gate.h"

/* "127.0.0.1:8888", "[::1]:8888", "0.0.0.0:8888": an address as addr_parse() takes it, and a port.
 * The descriptor is -1. */
bool listen_parse(struct span s, struct gate_listener *out, struct err *e) _must_use_;

/* Makes the socket, which listens from then on. */
bool listen_open(struct gate_listener *l, struct err *e) _must_use_;

/* The text that listen_parse() takes. Returns out. */
#define LISTEN_STR_MAX 64
const char *listen_str(const struct gate_listener *l, char out[static LISTEN_STR_MAX]);

#endif
