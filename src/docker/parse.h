/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Readers of what the engine sends. They are pure, hold every bound of limits.h, and pass over what
 * they do not know. What has the wrong shape is an error; a value that does not parse where there
 * could be none (an address, a MAC) counts as none.
 */
#ifndef SALLYPORT_DOCKER_PARSE_H
#define SALLYPORT_DOCKER_PARSE_H

#include "base/err.h"
#include "base/span.h"
#include "docker/snapshot.h"

#define ENGINE_VERSION_MAX 16

/* "1.41" of the header Api-Version. Below 1.24 is an error: there containers and events are told
 * in other shapes. */
bool parse_version(struct span s, char out[static ENGINE_VERSION_MAX], struct err *e) _must_use_;

/*
 * The answer of GET /networks, without containers. podman: the interface of a network without the
 * option for it is not known; Docker calls it br- and 12 digits of the id.
 */
bool parse_networks(struct span body, bool podman, struct engine_snapshot **out, struct err *e)
	_must_use_;

/* The answer of GET /networks/ID, with its containers. *out is the caller's, to be done with
 * engine_network_done(). */
bool parse_network(struct span body, bool podman, struct engine_network *out, struct err *e)
	_must_use_;

/* Can the networks or who is attached to them be other than before? True for what is no event. */
bool parse_event(struct span line);

/* Why the engine refused, {"message": "..."}, as printable text into out. Returns out. */
const char *parse_message(struct span body, char *out, size_t size);

#endif
