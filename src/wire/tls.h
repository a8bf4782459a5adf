/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first message of a TLS client, for the name in it (RFC 8446 4.1.2, RFC 6066 3). Nothing is
 * decrypted, nothing is changed.
 */
#ifndef SALLYPORT_WIRE_TLS_H
#define SALLYPORT_WIRE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/span.h"
#include "net/name.h"

struct client_hello {
	bool has_sni;
	struct name sni; /* canonical; with has_sni */
	bool ech;	 /* Encrypted Client Hello, or a dummy of it: they look the same */
};

enum tls_result {
	TLS_MORE = 0,	  /* more bytes are needed */
	TLS_NOT_TLS = -1, /* the first bytes are not those of a TLS client */
	TLS_BAD = -2,	  /* TLS, but not a hello that can be judged */
};

/*
 * Reads the ClientHello at the start of bytes. Returns the number of bytes up to the end of its
 * last record, or a tls_result with, below 0, the reason in *why, a constant; *out is written
 * only on success. The same bytes give the same result however they arrive.
 *
 * The hello may span records. Refused: more than LIMIT_CLIENT_HELLO bytes in all or
 * LIMIT_TLS_RECORDS records, SSL 3 and older, bytes behind the hello in its last record,
 * lengths that do not add up, an extension given twice, a server name list that is not exactly one
 * host name that name_parse() takes (an address is none). What follows in further records is not
 * looked at.
 */
ptrdiff_t tls_hello_read(struct span bytes, struct client_hello *out, const char **why) _must_use_;

enum tls_alert {
	TLS_ALERT_ACCESS_DENIED = 49,
	TLS_ALERT_DECODE_ERROR = 50,
	TLS_ALERT_INTERNAL_ERROR = 80,
	TLS_ALERT_UNRECOGNIZED_NAME = 112,
};

/* Appends a record with one fatal alert. */
void tls_alert_build(enum tls_alert description, struct buf *out);

#endif
