/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the questions of containers arrive. */
#ifndef SALLYPORT_DAEMON_DNS_SOCKETS_H
#define SALLYPORT_DAEMON_DNS_SOCKETS_H

#include <stdint.h>

#include "base/err.h"

/*
 * A socket for datagrams and a listener, both at *port of every address of both families; 0: one
 * that is free, which *port then is. For gate_options.dns_fd and dns_tcp_fd: each tells by which
 * interface a question came. They are the caller's.
 */
bool dns_sockets_open(uint16_t *port, int *udp, int *tcp, struct err *e) _must_use_;

#endif
