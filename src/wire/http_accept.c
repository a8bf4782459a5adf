/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/http_accept.h"

#include "wire/http_line.h"

static bool is_in(struct span ranges, const char *type)
{
	struct span range, name;

	while (span_next(&ranges, ',', &range))
		if (span_next(&range, ';', &name) && span_eq_nocase(span_trim(name), span_of(type)))
			return true;
	return false;
}

bool http_accepts(struct span head, const char *type)
{
	struct span line, name, value;
	const char *why;

	while (http_line_take(&head, HTTP_LINE_CRLF, &line, &why) > 0 && line.n > 0)
		if (!http_field_split(line, &name, &value) &&
		    span_eq_nocase(name, SPAN_LIT("accept")) && is_in(value, type))
			return true;
	return false;
}
