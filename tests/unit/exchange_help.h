/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What client and server say in the tests of exchanges, and who carries it. */
#ifndef SALLYPORT_TESTS_EXCHANGE_HELP_H
#define SALLYPORT_TESTS_EXCHANGE_HELP_H

#include "gate/exchange.h"
#include "gate_help.h"

#define REQUEST(method, version, fields) \
	method " http://good.test/ HTTP/1." version "\r\nHost: good.test\r\n" fields "\r\n"
#define GET	     REQUEST("GET", "1", "")
#define POST(fields) REQUEST("POST", "1", fields)
#define POST_5	     POST("Content-Length: 5\r\n")
#define CHUNKED	     "Transfer-Encoding: chunked\r\n"
#define WEBSOCKET    "Connection: Upgrade\r\nUpgrade: websocket\r\n"

/* What the server says, and what the client gets of it. */
#define OK(fields)	   "HTTP/1.1 200 OK\r\n" fields "\r\n"
#define GIVEN(fields)	   "HTTP/1.1 200 OK\r\n" fields "Via: 1.1 sallyport\r\n\r\n"
#define LAST(fields)	   "HTTP/1.1 200 OK\r\n" fields "Via: 1.1 sallyport\r\nConnection: close\r\n\r\n"
#define INTERIM(status)	   "HTTP/1.1 " status "\r\n\r\n"
#define INTERIM_TO(status) "HTTP/1.1 " status "\r\nVia: 1.1 sallyport\r\n\r\n"
#define L5		   "Content-Length: 5\r\n"
#define SWITCH		   "HTTP/1.1 101 Switching Protocols\r\n"

struct talk {
	struct pipes pipes;
	struct pump up, down;
	struct exchange *x;
	bool alive;
};

#endif
