/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/http_line.h"

#include "base/num.h"
#include "wire/http_text.h"

static int bad_line(const char **why, const char *reason)
{
	*why = reason;
	return -1;
}

int http_line_take(struct span *rest, enum http_line_end end, struct span *line, const char **why)
{
	size_t n = 0, end_size = 1;

	while (n < rest->n && http_is_text(rest->p[n]))
		n++;
	if (n == rest->n)
		return 0;
	if (rest->p[n] == '\r') {
		if (n + 1 == rest->n)
			return 0;
		if (rest->p[n + 1] != '\n')
			return bad_line(why, "a CR without LF");
		end_size = 2;
	} else if (rest->p[n] != '\n') {
		return bad_line(why, "a control byte in the head");
	} else if (end == HTTP_LINE_CRLF) {
		return bad_line(why, "a line ends in LF without CR");
	}
	*line = span_first(*rest, n);
	*rest = span_from(*rest, n + end_size);
	return 1;
}

bool http_line_grew(struct span bytes, size_t seen)
{
	if (seen == 0)
		return false;
	/* From one byte before: a CR there may now have its LF. */
	for (size_t i = seen - 1; i < bytes.n; i++)
		if (!http_is_text(bytes.p[i]))
			return false;
	return true;
}

const char *http_field_split(struct span line, struct span *name, struct span *value)
{
	ptrdiff_t colon = span_find(line, ':');

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return "a folded line";
	if (colon < 0)
		return "a field without a colon";
	*name = span_first(line, (size_t)colon);
	*value = span_trim(span_from(line, (size_t)colon + 1));
	return http_is_token(*name) ? NULL : "a malformed field name";
}

bool http_length_parse(struct span value, uint64_t *out)
{
	struct err e;

	return num_parse(value, "length", 0, INT64_MAX, out, &e);
}

const char *http_options_add(struct http_options *o, struct span value)
{
	static const char *const kept[] = { "host", "content-length", "transfer-encoding" };
	struct span option;

	while (span_next(&value, ',', &option)) {
		option = span_trim(option);
		if (option.n == 0)
			continue;
		if (http_is_one_of(option, kept, ARRAY_LEN(kept)))
			return "Connection lists a field that must stay";
		if (o->n == ARRAY_LEN(o->names))
			return "Connection lists too many fields";
		o->names[o->n++] = option;
	}
	return NULL;
}

bool http_options_have(const struct http_options *o, struct span name)
{
	for (size_t i = 0; i < o->n; i++)
		if (span_eq_nocase(o->names[i], name))
			return true;
	return false;
}
