/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two languages share in which a proxy is asked: conn_proxy.c (HTTP), conn_socks.c. */
#ifndef SALLYPORT_GATE_CONN_PROXY_H
#define SALLYPORT_GATE_CONN_PROXY_H

#include "gate/conn_internal.h"
#include "wire/http.h"
#include "wire/socks.h"

enum request_phase {
	REQUEST_FIRST, /* the first byte tells HTTP from SOCKS */
	REQUEST_HTTP,
	REQUEST_SOCKS_LOGIN,
	REQUEST_SOCKS, /* whatever else is SOCKS */
	REQUEST_PHASE_COUNT
};

/* What the client asks for, until there is a tunnel; with HTTP also while it is answered. */
struct request {
	enum request_phase phase;
	size_t seen; /* bytes of c->first that were read before, and did not suffice */
	size_t len;  /* of the request in c->first, once it is whole */
	bool tunnel; /* CONNECT, SOCKS */
	/* SOCKS: what a malformed request is answered with. */
	enum socks_code socks;
	/* HTTP, once it is whole; the spans point into c->first, until there is a relay. */
	struct http_head head;
	/* The same, for a refusal, which may come later. */
	bool json, to_head;
};

/* The connection is one of this subject's clients from now on, or, with the answer given, nobody's:
 * false. token: as subject_of() wants it. */
bool proxy_login(struct conn *c, struct span token, const char **why) _must_use_;

/* It wants this host and port: asks the policy, and goes on to connect, or refuses. */
void proxy_want(struct conn *c, const struct http_host *host, uint16_t port);

/* The same for a tunnel, which goes to the ports of --connect-ports alone; SOCKS also takes plain
 * HTTP. */
void proxy_want_tunnel(struct conn *c, const struct http_host *host);

/* Answers, and goes on as far as the bytes in c->first reach. */
void proxy_socks_advance(struct conn *c);

/* Appends the reply to the request. */
void proxy_socks_refuse(struct conn *c, const struct refusal *r, struct buf *out);
void proxy_socks_agree(struct buf *out);

#endif
