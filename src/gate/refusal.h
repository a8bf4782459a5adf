/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client is told before its connection is closed, in its own protocol. */
#ifndef SALLYPORT_GATE_REFUSAL_H
#define SALLYPORT_GATE_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* The most that one takes. */
#define REFUSAL_MAX 8192

struct refusal {
	uint16_t port;		 /* that the client wanted to reach */
	unsigned status;	 /* HTTP: 400, 403, 407, 502, 503, ... */
	const char *destination; /* in the grammar of destinations; NULL: none was read */
	const char *rule;	 /* "agent:2", or NULL */
	const char *why;
	const char *remedy; /* the destination that an allow would have to name, or NULL */
};

/* How a response is to be written. */
struct refusal_form {
	bool json;	  /* for programs: application/json */
	bool head_only;	  /* the request was HEAD */
	const char *more; /* further fields, each with its CR LF, or NULL */
};

/* Before the process gives up the file system: the JSON library wants a random seed once. */
void refusal_init(void);

/* A whole HTTP response, whose body says what was denied, by which rule, why, and what would
 * allow it. */
void refusal_http(const struct refusal *r, const struct refusal_form *form, struct buf *out);

/* A TLS alert. */
void refusal_tls(const struct refusal *r, struct buf *out);

#endif
