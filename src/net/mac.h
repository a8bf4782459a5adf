/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of Ethernet interfaces, as six bytes. */
#ifndef SALLYPORT_NET_MAC_H
#define SALLYPORT_NET_MAC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

#define MAC_BYTES   6
#define MAC_STR_MAX 18

/*
 * Six pairs of hexadecimal digits with colons between them, in either case. Refused is what no
 * interface has as its own: a group address and 00:00:00:00:00:00.
 */
bool mac_parse(struct span s, uint8_t out[static MAC_BYTES], struct err *e) _must_use_;

/* In lower case. Returns out. */
const char *mac_str(const uint8_t mac[static MAC_BYTES], char out[static MAC_STR_MAX]);

#endif
