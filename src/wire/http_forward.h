/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a forward proxy does to the heads that pass it (RFC 9110 7.6, RFC 9112 3.2): the fields of
 * one hop end there, the target becomes the path, and there is one Host, written by us. All other
 * fields pass byte for byte and in order, and so does the body, which is why Transfer-Encoding and
 * Trailer stay. Nothing that is added tells who the client is.
 *
 * A connection to a server carries one request, so it is asked to close it. Taken out: Connection and every field it lists, Keep-Alive, Proxy-Connection,
 * Proxy-Authorization, Proxy-Authenticate, Proxy-Authentication-Info, TE and Upgrade. An upgrade
 * to websocket is passed on, with a Connection that lists nothing else.
 */
#ifndef SALLYPORT_WIRE_HTTP_FORWARD_H
#define SALLYPORT_WIRE_HTTP_FORWARD_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/span.h"
#include "wire/http.h"

/* The upgrade of a request or response is the one that is passed on. */
bool http_is_websocket(struct span upgrade);

/*
 * Appends what the server gets; head is all of the head from which http_head_read() made h. False
 * when there is nothing to send: the target is not absolute, Max-Forwards says that the proxy
 * itself is asked (0), or it does not fit. Otherwise Max-Forwards is one less.
 *
 * The version is the client's, not ours as RFC 9112 2.3 would have it: a server that is asked in
 * HTTP/1.1 may answer in chunks, which a client of HTTP/1.0 cannot read and we do not unpack.
 */
bool http_request_forward(struct span head, const struct http_head *h, struct buf *out) _must_use_;

/*
 * Appends what the client gets; head is all of the head from which http_response_read() made r.
 * client_keeps: the client may send another request on its connection, else a final response says
 * that it is the last. The version is ours, lines end in CR LF.
 */
void http_response_forward(struct span head, const struct http_response *r, bool client_keeps,
			   struct buf *out);

#endif
