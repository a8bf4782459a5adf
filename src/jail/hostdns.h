/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host knows about names: its name servers (resolv.conf(5)) and its own table (hosts(5)). */
#ifndef SALLYPORT_JAIL_HOSTDNS_H
#define SALLYPORT_JAIL_HOSTDNS_H

#include "gate/gate.h"

/*
 * The name servers of the file, at most max of them; 127.0.0.1 where it names none or cannot be
 * read, as the C library has it. Addresses with a zone are passed over.
 */
size_t hostdns_servers(const char *path, struct gate_upstream *out, size_t max);

/* "192.168.1.1", "192.168.1.1:5353", "[2001:db8::53]:53". */
bool hostdns_server_parse(const char *text, struct gate_upstream *out, struct err *e) _must_use_;

/* Adds one to a list of *n, which has room for GATE_UPSTREAMS_MAX. */
bool hostdns_server_add(struct gate_upstream *list, size_t *n, const char *text, struct err *e)
	_must_use_;

/*
 * The names of the file with their addresses, at most LIMIT_HOSTS; loopback addresses are left out,
 * because inside a jail they are not the host's. The caller frees *out.
 */
size_t hostdns_table(const char *path, struct gate_host **out);

#endif
