/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/base64.h"

#include <stdint.h>

#define GROUP 3 /* bytes that make four letters */

void base64_encode(struct span s, struct buf *out)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < s.n; at += GROUP) {
		struct span group = span_first(span_from(s, at), GROUP);
		uint32_t bits = 0;

		for (size_t i = 0; i < GROUP; i++)
			bits = bits << 8 | (i < group.n ? (uint8_t)group.p[i] : 0U);
		for (size_t i = 0; i <= GROUP; i++)
			buf_char(out, i <= group.n ? letters[bits >> (18 - 6 * i) & 0x3f] : '=');
	}
}
