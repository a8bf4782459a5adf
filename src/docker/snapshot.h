/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the container engine said, as values: its networks, and of those that matter the containers
 * that are attached. Whatever is text in here is printable ASCII, whatever the engine sent;
 * whatever counts is below its limit of limits.h.
 */
#ifndef SALLYPORT_DOCKER_SNAPSHOT_H
#define SALLYPORT_DOCKER_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/addr.h"
#include "net/mac.h"
#include "policy/plan.h"

#define ENGINE_NAME_MAX	   256 /* each with its NUL */
#define ENGINE_ID_MAX	   72  /* 64 hex digits, "ep-" in front of them */
#define ENGINE_DRIVER_MAX  64
#define ENGINE_SUBNETS_MAX 8 /* of one network that are kept; Docker's bridge takes one a family */

struct engine_container {
	/* "ep-..." instead of the container's: an address was given out, the container has not
	 * begun to use it, or never will again. */
	char id[ENGINE_ID_MAX];
	char name[ENGINE_NAME_MAX]; /* for people: odd bytes are escaped, a long one is cut */
	bool has_mac;
	uint8_t mac[MAC_BYTES];
	struct addr addr4, addr6; /* family 0: none */
};

struct engine_network {
	char name[ENGINE_NAME_MAX];
	char id[ENGINE_ID_MAX];
	char driver[ENGINE_DRIVER_MAX];
	/* The interface; "" where the engine does not say: Podman never does, and a network of
	 * another driver has none. */
	char bridge[PLAN_BRIDGE_MAX];
	struct plan_subnet subnets[ENGINE_SUBNETS_MAX]; /* gateway: family 0 where it is not told */
	size_t n_subnets;
	bool internal;
	bool detailed; /* containers were asked for; else there are none in here */
	struct engine_container *containers; /* owned */
	size_t n_containers, cap_containers;
};

struct engine_snapshot {
	struct engine_network *networks; /* owned; those whose name is no plain text are left out */
	size_t n_networks, cap_networks;
};

void engine_network_done(struct engine_network *n);
void engine_snapshot_free(struct engine_snapshot *s);
void engine_snapshot_freep(struct engine_snapshot **s);

/* NULL when there is none of that name. An engine can have several; this is the first. */
const struct engine_network *engine_network_find(const struct engine_snapshot *s, const char *name);

/*
 * Is the network as the policy has it? Where not, appends one clause that says what differs, "its
 * subnet is 10.77.0.0/24 where the policy has 10.77.1.0/24". What the policy leaves open is never a
 * difference: a subnet or gateway that is not written, a bridge that only follows from the name.
 */
bool engine_network_matches(const struct engine_network *n, const struct plan_network *want,
			    struct buf *why);

#endif
