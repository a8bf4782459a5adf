/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the supervisor of a proxy or of a daemon has read from files and hands to its gate, which has
 * none: a plan, and who is under which of its policies. As bytes it is the supervisor's word: the gate checks that it
 * is whole, not that it is right.
 */
#ifndef SALLYPORT_GATE_SETUP_H
#define SALLYPORT_GATE_SETUP_H

#include "base/limits.h"
#include "policy/plan.h"

/* Base64 of "user:secret" (RFC 7617 2, RFC 1929 2: 255 bytes each), padded with NULs. */
#define GATE_TOKEN_MAX 700

struct gate_client {
	uint16_t listener;	    /* index in gate_options */
	uint16_t policy;	    /* index in the plan */
	bool needs_login;	    /* with user "": without credentials there is nothing */
	char user[256];		    /* "": clients without credentials; one for each listener */
	char token[GATE_TOKEN_MAX]; /* with user */
};

/* A daemon's. */
struct gate_network {
	uint32_t ifindex; /* of the bridge that its containers' questions come in by */
	uint16_t policy;  /* index in the plan */
	uint16_t subject; /* the supervisor's own number for it */
};

struct gate_setup {
	struct plan *plan;	     /* owned */
	struct gate_client *clients; /* owned; a proxy's: at least one for each listener */
	size_t n_clients;
	struct gate_network *networks; /* owned; a daemon's */
	size_t n_networks;
};

void gate_setup_free(struct gate_setup *s);
void gate_setup_freep(struct gate_setup **s);

/* Appends it; a ceiling of LIMIT_PLAN_FLAT holds every setup. */
void setup_encode(const struct gate_setup *s, struct buf *out);

/* *out is the caller's. */
bool setup_decode(struct span bytes, struct gate_setup **out, struct err *e) _must_use_;

#endif
