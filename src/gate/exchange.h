/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request in absolute form, and its answer. It is a pair of filters for the pumps between the
 * client and the server: the request's body passes as it comes, the answer's head is rewritten for
 * the client, and its end is found, so that the next request of the client can be judged anew.
 *
 * A connection to a server carries one request only. What a server could take for a second one,
 * because it sees another end of the first, is therefore never answered to anybody.
 */
#ifndef SALLYPORT_GATE_EXCHANGE_H
#define SALLYPORT_GATE_EXCHANGE_H

#include "gate/pump.h"
#include "wire/http.h"

struct exchange;

/* For a request whose head, as the server is to see it, waits in up->pending. Sets the filters of
 * both pumps, which outlive the exchange. */
struct exchange *exchange_new(const struct http_head *h, struct pump *up, struct pump *down);

/* NULL is fine, here and below: no exchange, for which nothing ever goes wrong or ends. */
void exchange_free(struct exchange *x);

/* The server takes no more of the request: its answer still counts. False: no exchange. */
bool exchange_stop_sending(struct exchange *x);

/* The server has ended the connection. False: before the answer was whole, see exchange_bad(). */
bool exchange_ended(struct exchange *x) _must_use_;

/* What went wrong, with the status for the client; NULL while all is well. */
const struct http_bad *exchange_bad(const struct exchange *x);

/* Something of the answer has been handed to the client, so that no other can be given. */
bool exchange_answered(const struct exchange *x);

/* The whole answer was handed on. */
bool exchange_over(const struct exchange *x);

/* When it is over: the client's connection is good for another request. */
bool exchange_keeps(const struct exchange *x);

/* What the client has sent behind the request. */
struct span exchange_next(const struct exchange *x);

#endif
