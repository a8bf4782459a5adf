/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is at which port of a bridge: one MAC address and the addresses that go with it, and nothing
 * else passes there. Pure: what the kernel and the engine say comes in, what the sets of the kernel are to
 * hold comes out.
 *
 * - A port is its name and its index: one that comes again under a name begins anew.
 * - Its MAC is that of the far end of the veth when that was first up, and stays.
 * - Its addresses are those that the engine has for that MAC; where the engine knows nothing, those that the
 *   far end had when it was first seen with one of that family (IPv4, IPv6, link-local IPv6), and they stay.
 * - An address has to lie in one of the bridge's own networks, be neither the bridge's nor the gateway, and be
 *   no other port's; the first one keeps it, unless the engine has it for another container.
 * - What the policy knows the controller by is given to a port that has all of it, and to no other. Where that is
 *   its address alone and an engine is followed, to the port of the container that the engine has it for.
 * - A port that an earlier daemon knew, and whose far end still has the MAC, begins with what it had then.
 * - What a port has is taken back when the bridge, the policy or the engine no longer lets it.
 */
#ifndef SALLYPORT_DAEMON_PINS_H
#define SALLYPORT_DAEMON_PINS_H

#include "compile/network.h"
#include "daemon/messages.h"
#include "kernel/links.h"

#define PIN_ADDRS_MAX (2 * LINKS_ADDRS_MAX)

struct pin {
	char port[LINKS_NAME_MAX];
	int index;
	bool open; /* it has a MAC; else nothing passes */
	uint8_t mac[6];
	struct addr addrs[PIN_ADDRS_MAX];
	size_t n_addrs;
	char container[64]; /* as the engine calls it; "": not known */
	char problem[128];  /* why it is closed, or has not all it claims; "": nothing */
};

/* Of one bridge. Zeroed: none. */
struct pins {
	struct pin *items; /* owned; in the order of the ports' indexes */
	size_t n;
};

/* What an earlier daemon had found at a port. */
struct pins_seed {
	char port[LINKS_NAME_MAX]; /* padded with NULs */
	uint8_t mac[6];
	struct addr addrs[PIN_ADDRS_MAX];
	size_t n_addrs;
};

/* What the kernel and the engine say now. */
struct pins_seen {
	const struct plan_network *network;
	const struct links_bridge *bridge; /* NULL: it is not there */
	const struct links_port *ports;
	size_t n_ports;
	const struct ctl_fact *facts; /* of all bridges */
	size_t n_facts;
	const struct pins_seed *seeds; /* of all bridges */
	size_t n_seeds;
	bool engine; /* there is one that is followed, whatever it has said yet */
};

void pins_update(struct pins *p, const struct pins_seen *s);
void pins_done(struct pins *p);

/* The sets of network_ports, and its maps; those from PINS_KNOWN4 on only with by_port. */
enum pins_set {
	PINS_MACS,
	PINS_ARP,
	PINS_IP4,
	PINS_IP6,
	PINS_ND,
	PINS_PEERS,
	PINS_KNOWN4,
	PINS_KNOWN6,
	PINS_MAP_PORTS, /* every port, also one that is closed */
	PINS_MAP_LATERAL,
	PINS_SET_COUNT
};

struct pins_element {
	enum pins_set set;
	uint8_t key[RULESET_KEY_MAX];
	char comment[RULESET_COMMENT_MAX];
};

/* What the sets are to hold (by_port: all of them), sorted for pins_element_compare(). *out is the caller's to free(). */
void pins_elements(const struct pins *p, bool by_port, struct pins_element **out, size_t *n);

/* By set and key, for qsort(). */
int pins_element_compare(const void *a, const void *b);

/* A port is up and has not all it could have: a later look may find more. */
bool pins_unfinished(const struct pins *p, const struct pins_seen *s);

#endif
