/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/http_fields.h"

#include "base/limits.h"
#include "base/macros.h"

static bool refuse(struct http_bad *bad, unsigned status, const char *why)
{
	*bad = (struct http_bad){ status, why };
	return false;
}

static bool take_length(struct http_fields *f, struct span value, struct http_bad *bad)
{
	if (f->framing.has_length)
		return refuse(bad, 400, "two Content-Length fields");
	if (!http_length_parse(value, &f->framing.content_length))
		return refuse(bad, 400, "a malformed Content-Length");
	f->framing.has_length = true;
	return true;
}

/* Lower case only: a server or a client that compares bytes would not take it for "chunked". */
static bool take_coding(struct http_fields *f, struct span value, struct http_bad *bad)
{
	if (f->framing.chunked)
		return refuse(bad, 400, "two Transfer-Encoding fields");
	if (!span_eq(value, SPAN_LIT("chunked")))
		return refuse(bad, 501, "a Transfer-Encoding other than chunked");
	f->framing.chunked = true;
	return true;
}

static bool take_connection(struct http_fields *f, struct span value, struct http_bad *bad)
{
	const char *why = http_options_add(&f->options, value);

	return !why || refuse(bad, 400, why);
}

static bool take_upgrade(struct http_fields *f, struct span value, struct http_bad *bad)
{
	if (f->framing.upgrade.p)
		return refuse(bad, 400, "two Upgrade fields");
	f->framing.upgrade = value;
	return true;
}

static const struct {
	const char *name;
	bool (*take)(struct http_fields *f, struct span value, struct http_bad *bad);
} known[] = {
	{ "content-length", take_length },
	{ "transfer-encoding", take_coding },
	{ "connection", take_connection },
	{ "upgrade", take_upgrade },
};

static bool take(struct http_fields *f, struct span line, http_field_fn *other, void *ctx,
		 struct http_bad *bad)
{
	struct span name, value;
	const char *why = http_field_split(line, &name, &value);

	if (why)
		return refuse(bad, 400, why);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (span_eq_nocase(name, span_of(known[i].name)))
			return known[i].take(f, value, bad);
	return !other || other(ctx, name, value);
}

int http_fields_read(struct span *rest, enum http_line_end end, struct http_fields *f,
		     http_field_fn *other, void *ctx, struct http_bad *bad)
{
	const char *why = NULL;
	struct span line;

	for (unsigned n = 0; n <= LIMIT_HTTP_FIELDS; n++) {
		int got = http_line_take(rest, end, &line, &why);

		if (got < 0)
			(void)refuse(bad, 400, why);
		if (got <= 0)
			return got;
		if (line.n == 0)
			return 1;
		if (n == LIMIT_HTTP_FIELDS)
			break;
		if (!take(f, line, other, ctx, bad))
			return -1;
	}
	(void)refuse(bad, 431, "too many fields");
	return -1;
}

bool http_fields_finish(struct http_fields *f, uint8_t minor, struct http_bad *bad)
{
	struct http_framing *framing = &f->framing;

	if (framing->chunked && framing->has_length)
		return refuse(bad, 400, "both Content-Length and Transfer-Encoding");
	if (framing->chunked && minor == 0)
		return refuse(bad, 400, "Transfer-Encoding in HTTP/1.0");
	framing->close = http_options_have(&f->options, SPAN_LIT("close")) ||
			 (minor == 0 && !http_options_have(&f->options, SPAN_LIT("keep-alive")));
	/* RFC 9110 7.8: in HTTP/1.0 it means nothing. */
	if (!http_options_have(&f->options, SPAN_LIT("upgrade")) || minor == 0)
		framing->upgrade = (struct span){ "", 0 };
	return true;
}
