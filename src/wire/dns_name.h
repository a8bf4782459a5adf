/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names as DNS messages carry them: labels that each begin with their length (RFC 1035 3.1). For
 * the files of this room. */
#ifndef SALLYPORT_WIRE_DNS_NAME_H
#define SALLYPORT_WIRE_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "net/name.h"
#include "wire/dns.h"

/* Any bytes may stand in the labels; letters keep their case. The root is one zero byte. */
struct dns_name {
	size_t len; /* the final zero byte included */
	uint8_t b[DNS_NAME_MAX];
};

/*
 * Reads the name at the cursor, which is one over the whole message, and moves behind it.
 * Compression pointers (RFC 1035 4.1.4), at most LIMIT_DNS_JUMPS, have to point behind the header
 * and to what stands whole in front of all that was read of this name: so they cannot loop, and
 * nothing behind the name is part of it. False: no name; the cursor has failed.
 */
bool dns_name_read(struct cursor *c, struct dns_name *out) _must_use_;

/* From canonical text; bit i % 32 of case_seed makes the i-th letter upper case. */
void dns_name_from_text(const struct name *n, uint32_t case_seed, struct dns_name *out);

/* To canonical text; false when it is no host name. A dot within a label is not one. */
bool dns_name_to_text(const struct dns_name *n, struct name *out) _must_use_;

/* Case is ignored. */
bool dns_name_eq(const struct dns_name *a, const struct dns_name *b);

/* n is zone or below it. */
bool dns_name_within(const struct dns_name *n, const struct dns_name *zone);

#endif
