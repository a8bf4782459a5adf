/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The classes of bytes of RFC 9110 5.5 and 5.6.2. For the files of this room. */
#ifndef SALLYPORT_WIRE_HTTP_TEXT_H
#define SALLYPORT_WIRE_HTTP_TEXT_H

#include <stdbool.h>

#include "base/span.h"

/* May stand in a line: visible bytes, blank, tab, and 0x80-0xff. */
bool http_is_text(char c);

/* May stand in a method or in the name of a field. */
bool http_is_token_char(char c);

/* Not empty, and every byte may stand in a token. */
bool http_is_token(struct span s);

/* One of the n names, in any case of letters. */
bool http_is_one_of(struct span s, const char *const *names, size_t n);

#endif
