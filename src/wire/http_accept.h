/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kind of answer a client asks for (RFC 9110 12.5.1). */
#ifndef SALLYPORT_WIRE_HTTP_ACCEPT_H
#define SALLYPORT_WIRE_HTTP_ACCEPT_H

#include <stdbool.h>

#include "base/span.h"

/* The media type is named in an Accept field of the head, which a reader of this room has taken.
 * Ranges like application/any and weights are not looked at: who wants the type says it. */
bool http_accepts(struct span head, const char *type);

#endif
