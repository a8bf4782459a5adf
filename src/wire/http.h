/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/1.x heads (RFC 9112), as strict as the RFC lets a recipient be. What two programs could read
 * in two ways is refused: the server behind the gate must not see another host, or another end of
 * the message, than the one that was judged, and the client no other end of the response.
 */
#ifndef SALLYPORT_WIRE_HTTP_H
#define SALLYPORT_WIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/span.h"
#include "net/addr.h"
#include "net/name.h"

#define HTTP_PORT 80 /* where none is written */

/* RFC 9112 3.2. */
enum http_form {
	HTTP_FORM_ORIGIN,    /* GET /path */
	HTTP_FORM_ABSOLUTE,  /* GET http://host/path: a client that talks to a proxy */
	HTTP_FORM_AUTHORITY, /* CONNECT host:port */
	HTTP_FORM_ASTERISK,  /* OPTIONS * */
	HTTP_FORM_COUNT
};

/* Either a name (name.len > 0) or an address (addr.family != 0), or neither. */
struct http_host {
	struct name name;
	struct addr addr;
	uint16_t port; /* 0: none is written */
};

/* Where a message ends, and what becomes of the connection behind it. */
struct http_framing {
	bool close; /* its sender does not mean to go on with another one */
	bool chunked;
	bool has_length;
	uint64_t content_length; /* 0 without has_length */
	struct span upgrade;	 /* Upgrade's value when Connection lists it, else empty */
};

/* A head. The spans point into the bytes that were read and live as long as those. */
struct http_head {
	struct span method;
	struct span target;
	enum http_form form;
	struct http_host host; /* of the target where it has one, else of Host */
	struct span path;      /* of an absolute target: what follows the host; may be empty */
	uint8_t minor;	       /* HTTP/1.minor: 0 or 1 */
	struct http_framing framing;
	bool expect_continue;
	bool has_max_forwards;		 /* with OPTIONS and TRACE only */
	uint32_t max_forwards;		 /* 0: who reads this is the one who is asked */
	struct span proxy_authorization; /* its value, or empty */
};

/* Why a head is refused: the status to answer with, and one clause, a constant. */
struct http_bad {
	unsigned status; /* 400, 417, 431, 501, 505 */
	const char *why;
};

/*
 * Reads the head at the start of bytes. Returns its length, 0 when more bytes are needed, or -1
 * with *bad; *out is written only on success. The same bytes give the same result however they
 * arrive. `seen` is how many of them the last call was given, 0 at first: it only saves time.
 *
 * Refused: over LIMIT_HTTP_HEAD bytes or LIMIT_HTTP_FIELDS fields, empty lines before the head,
 * line ends other than CR LF, folded lines, blanks before a colon, control bytes, HTTP/0.9 and
 * HTTP/2, no Host in HTTP/1.1, two of them, one that is no host (http_host_parse) or is not that
 * of the target; a scheme other than http; Content-Length together with Transfer-Encoding, twice
 * or not plain digits; a transfer coding other than "chunked"; CONNECT with a body; a Connection
 * that lists one of the fields on which host and framing rest, or over LIMIT_HTTP_OPTIONS of them.
 */
ptrdiff_t http_head_read(struct span bytes, size_t seen, struct http_head *out,
			 struct http_bad *bad) _must_use_;

/*
 * `host[:port]` of Host, CONNECT and absolute targets: a name (name_parse), four decimal numbers,
 * or an RFC 5952 address in brackets; a port is 1-65535 in plain digits. No userinfo, no escapes.
 */
bool http_host_parse(struct span s, struct http_host *out) _must_use_;

/* Appends the canonical text, which http_host_parse() reads back. */
void http_host_write(const struct http_host *h, struct buf *out);

/* There is a host. */
static inline bool http_host_given(const struct http_host *h)
{
	return h->name.len > 0 || h->addr.family != 0;
}

/* An answer of our own. */
struct http_reply {
	unsigned status;
	const char *content_type;
	struct span body;
	bool head_only;		/* the request was HEAD: say the length, leave out the body */
	unsigned retry_after_s; /* 0: not said */
	const char *more;	/* further fields, each with its CR LF, or NULL */
};

/* Appends the whole response, after which the connection is closed; never to be cached. */
void http_reply_build(const struct http_reply *r, struct buf *out);

/* "Forbidden" for 403; "Error" for a status we never send. */
const char *http_status_text(unsigned status);

/* A server's response head. The spans point into the bytes that were read. */
struct http_response {
	unsigned status; /* 100 to 999 */
	uint8_t minor;	 /* HTTP/1.minor: 0 or 1, which also stands for what is newer */
	struct http_framing framing;
};

/* Where the status ends in its line. */
#define HTTP_STATUS_END (sizeof("HTTP/1.1 200") - 1)

/*
 * Reads one response head at the start of bytes, also an interim one (1xx), behind which another
 * follows. Returns its length, 0 when more bytes are needed, or -1 with *why, a constant; *out is
 * written only on success. The same bytes give the same result however they arrive; `seen` as in
 * http_head_read().
 *
 * A line may end in LF alone: servers' programs write them so, RFC 9112 2.2 allows it, and
 * http_response_forward() writes the lines anew. Refused as in requests: over LIMIT_HTTP_HEAD bytes
 * or LIMIT_HTTP_FIELDS fields, folded lines, blanks before a colon, control bytes, two framings;
 * and a body of 1xx and 204, which have none.
 */
ptrdiff_t http_response_read(struct span bytes, size_t seen, struct http_response *out,
			     const char **why) _must_use_;

/*
 * Looks for the status of the final response at the start of bytes: interim ones (1xx) are
 * skipped, but 101 is final, for nothing after it is HTTP. Returns the number of bytes up to the
 * end of that status line, 0 when more are needed, -1 when this is no HTTP/1.x response or the
 * interim ones go on past LIMIT_HTTP_HEAD.
 */
ptrdiff_t http_status_read(struct span bytes, unsigned *out_status) _must_use_;

#endif
