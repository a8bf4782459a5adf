/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64 (RFC 4648 4). What is compared is compared in encoded form, so there is no decoder. */
#ifndef SALLYPORT_BASE_BASE64_H
#define SALLYPORT_BASE_BASE64_H

#include "base/buf.h"

/* Appends s, with padding. */
void base64_encode(struct span s, struct buf *out);

#endif
