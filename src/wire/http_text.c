/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/http_text.h"

bool http_is_text(char c)
{
	uint8_t byte = (uint8_t)c;

	return (byte >= ' ' && byte != 0x7f) || byte == '\t';
}

bool http_is_token_char(char c)
{
	static const struct span marks = SPAN_LIT("!#$%&'*+-.^_`|~");

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       span_find(marks, c) >= 0;
}

bool http_is_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_is_token_char(s.p[i]))
			return false;
	return s.n > 0;
}

bool http_is_one_of(struct span s, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_nocase(s, span_of(names[i])))
			return true;
	return false;
}
