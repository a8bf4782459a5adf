/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SOCKS 5 (RFC 1928) with user and secret (RFC 1929), the server's side:
 *
 *	client --greeting--> which methods it has  --(choice)--> socks_method_build()
 *	client --login-----> user and secret       --(check)---> socks_login_reply_build()
 *	client --request---> command, host, port   --(policy)--> socks_reply_build()
 *
 * The login is only there where its method was chosen. Behind the last reply come the bytes of the
 * connection itself.
 *
 * A reader looks at the start of bytes and returns how many of them are the message, 0 when more
 * are needed, or -1 with the reason, a constant; *out is written only on success. The same bytes
 * give the same result however they arrive.
 */
#ifndef SALLYPORT_WIRE_SOCKS_H
#define SALLYPORT_WIRE_SOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/span.h"
#include "wire/http.h"

enum socks_method {
	SOCKS_NO_AUTH = 0,
	SOCKS_LOGIN = 2,       /* RFC 1929 */
	SOCKS_NO_METHOD = 255, /* none of those that were offered: the client has to go */
};

/* Which of the methods that we know the client has. */
struct socks_greeting {
	bool no_auth;
	bool login;
};

ptrdiff_t socks_greeting_read(struct span bytes, struct socks_greeting *out, const char **why)
	_must_use_;

/* Spans into the bytes that were read, of 1 to 255 bytes, any of them. */
struct socks_login {
	struct span user;
	struct span secret;
};

ptrdiff_t socks_login_read(struct span bytes, struct socks_login *out, const char **why) _must_use_;

enum socks_command {
	SOCKS_CONNECT = 1,
	SOCKS_BIND = 2,
	SOCKS_UDP_ASSOCIATE = 3,
};

/* RFC 1928 6. */
enum socks_code {
	SOCKS_OK = 0,
	SOCKS_FAILURE = 1,
	SOCKS_NOT_ALLOWED = 2,
	SOCKS_NET_UNREACHABLE = 3,
	SOCKS_HOST_UNREACHABLE = 4,
	SOCKS_REFUSED = 5,
	SOCKS_TTL_EXPIRED = 6,
	SOCKS_NO_COMMAND = 7,
	SOCKS_NO_ADDRESS_TYPE = 8,
};

struct socks_request {
	enum socks_command command;
	struct http_host host; /* an address is as it came: v4-mapped ones are not made canonical */
};

/* Why a request is refused: the code to answer with, and one clause, a constant. */
struct socks_bad {
	enum socks_code code;
	const char *why;
};

/*
 * A domain is read as http_host_parse() reads the host of a CONNECT, without a port: what is no
 * name and no address in its one canonical form is refused, and an IPv6 address has to stand in
 * brackets. Refused as well: a command or an address type that RFC 1928 does not have, a reserved
 * byte that is not 0, CONNECT to port 0 (the other two may leave their port open).
 */
ptrdiff_t socks_request_read(struct span bytes, struct socks_request *out, struct socks_bad *bad)
	_must_use_;

/* Append what the server says. The address of a reply is 0.0.0.0:0: ours is nobody's business. */
void socks_method_build(enum socks_method method, struct buf *out);
void socks_login_reply_build(bool good, struct buf *out);
void socks_reply_build(enum socks_code code, struct buf *out);

#endif
