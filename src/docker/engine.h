/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of the container engine: Docker's Engine API over its Unix socket, which Podman serves
 * as well. It follows what the engine does and tells it as snapshots:
 *
 *	GET /_ping --> GET /events, for as long as the engine lives
 *		  \--> GET /networks --> GET /networks/ID for each that is watched --> on_snapshot
 *
 * and again from the second line whenever an event says that something changed, the engine said
 * nothing for a while (its events can be lost: it drops those that are not read within 100 ms), or
 * it had been away. While one snapshot is under way further events cause one more, not one each.
 * Whatever goes wrong, a broken answer included, counts as "the engine is gone", and is tried again
 * after 200 ms, then ever more slowly, up to 5 s.
 *
 * Paths have the version prefix that the engine itself is at (Api-Version of /_ping): paths without
 * one are on their way out, and a version of our own choosing stops working on the day on which an
 * engine no longer serves it. What is read here is the same in every version from 1.24 on.
 *
 * Everything happens in the event loop, by sockets of AF_UNIX alone. The engine is not trusted to
 * be well: what it sends is bounded in bytes, values and time (LIMIT_ENGINE_*).
 *
 *	engine.c	the connection and its states
 *	survey.c	how a snapshot is taken
 *	network.c	making and removing a network
 *	http.c, curl.c	requests in the event loop
 *	parse.c, lines.c, snapshot.c	what the engine says: pure
 */
#ifndef SALLYPORT_DOCKER_ENGINE_H
#define SALLYPORT_DOCKER_ENGINE_H

#include <stdbool.h>

#include <uv.h>

#include "base/err.h"
#include "docker/snapshot.h"

struct engine;

/* Neither may call engine_free(); everything else of this header they may. */
struct engine_callbacks {
	/* s is good until the next on_snapshot or on_gone, or engine_free(). */
	void (*on_snapshot)(void *ctx, const struct engine_snapshot *s);
	/* The engine does not answer, or no longer: once each time it goes, and again while it is
	 * away when the reason is another. why: one clause of printable text. */
	void (*on_gone)(void *ctx, const char *why);
};

/*
 * Loads libcurl and seeds jansson's tables. To be called once, while the process may still open
 * files; from then on the client opens none. The socket's path need not exist.
 */
bool engine_prepare(struct err *e) _must_use_;

/* The first attempt is made when the loop runs. The loop has to outlive it, and run once more after
 * engine_free(). */
struct engine *engine_new(uv_loop_t *loop, const char *socket_path,
			  const struct engine_callbacks *callbacks, void *ctx);

/* What is under way ends without a word. */
void engine_free(struct engine *en);

/* The networks whose containers are asked for, by name; replaces those of before, copied. A
 * snapshot that takes it into account follows. */
void engine_watch(struct engine *en, const char *const *names, size_t n);

/*
 * Takes a snapshot, if the engine is there: for when a port appears at a bridge of which no event
 * has told yet. `docker network connect` sends its event at its end, when the container could have
 * sent long ago; but the engine knows the port's MAC and addresses before the other end comes up,
 * and tells them when it is asked (the container's id is "ep-..." then).
 */
void engine_look(struct engine *en);

/* The latest; NULL while the engine is gone, or has not answered yet. */
const struct engine_snapshot *engine_latest(const struct engine *en);

/* ---- Networks */

struct engine_label {
	const char *key, *value;
};

struct engine_network_spec {
	const char *name;
	const char *bridge;	   /* the interface */
	struct plan_subnet v4, v6; /* family 0: the engine's choice; no IPv6 */
	unsigned mtu;		   /* 0: the engine's choice */
	bool icc;		   /* Docker leaves containers' traffic to each other alone */
	bool masquerade;	   /* the network's addresses are hidden behind the host's */
	struct addr host_binding;  /* where ports are published that name no address; family 0:
				       * the engine's choice */
	const struct engine_label *labels;
	size_t n_labels;
};

/* As the policy has it, and otherwise as Dockside's daemon makes its networks: MTU 1500, containers
 * may talk (whether they may is the policy's to say), masquerading, ports at 0.0.0.0.
 * Borrows both. */
struct engine_network_spec engine_network_spec_of(const char *name,
						  const struct plan_network *want);

/* The body of POST /networks/create. */
void engine_network_body(const struct engine_network_spec *s, struct buf *out);

/* why: NULL when it is done. Not called when the request could not be made, nor by
 * engine_free(). */
typedef void engine_done_fn(void *ctx, const struct err *why);

/*
 * Asks for a network; a snapshot with it follows. False, without a callback, while the engine is
 * gone. That it exists already is an error of the engine's.
 */
bool engine_network_create(struct engine *en, const struct engine_network_spec *s,
			   engine_done_fn *fn, void *ctx, struct err *e) _must_use_;

/*
 * Removes the network that the latest snapshot has under the name: the engine is given its id, as
 * it would take the beginning of another one's id for a name, too. False, without a callback, when
 * there is none, or the engine is gone.
 */
bool engine_network_remove(struct engine *en, const char *name, engine_done_fn *fn, void *ctx,
			   struct err *e) _must_use_;

#endif
