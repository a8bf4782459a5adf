/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP over a Unix socket, in the event loop: libcurl says which descriptors it wants to hear of
 * and when, libuv tells it.
 *
 * Every request has a connection of its own, so that none ever goes to an engine that has been
 * replaced. No callback comes from inside another call of this file, nor from inside libcurl: each
 * may start and cancel requests, but not free the whole.
 */
#ifndef SALLYPORT_DOCKER_HTTP_H
#define SALLYPORT_DOCKER_HTTP_H

#include <uv.h>

#include "base/err.h"
#include "base/span.h"

struct http;
struct http_call;

struct http_reply {
	unsigned status;
	struct span body;	 /* good during the callback; empty for a stream */
	struct span api_version; /* Api-Version of the head, or empty */
	bool podman;		 /* Libpod-Api-Version is there */
};

/*
 * The end of a request; nothing of it is left afterwards. r is NULL when there was no whole answer,
 * and then e says why. An answer of any status is an answer.
 */
typedef void http_done_fn(void *ctx, const struct http_reply *r, const struct err *e);

/* The head of a stream's answer has come, of status 200. */
typedef void http_open_fn(void *ctx);

/* The next bytes of a stream's body. */
typedef void http_bytes_fn(void *ctx, struct span bytes);

struct http_request {
	const char *method; /* "GET", "POST", "DELETE" */
	const char *path;   /* "/v1.41/networks", with its query, escaped */
	struct span body;   /* JSON, copied; empty: none */
	http_done_fn *done;
	http_open_fn *open;   /* streams: */
	http_bytes_fn *bytes; /* one that goes on for ever; then there is no limit to its time */
	void *ctx;
};

/* curl_load() comes first. The loop has to outlive it. */
struct http *http_new(uv_loop_t *loop, const char *socket_path);

/* Ends all requests without a word. */
void http_free(struct http *h);

/* The call is good until its `done` is called. */
struct http_call *http_start(struct http *h, const struct http_request *r);

/* Ends it without a word. NULL is fine. */
void http_cancel(struct http_call *c);

#endif
