/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/refusal.h"

#include <jansson.h>

#include "wire/http.h"
#include "wire/tls.h"

void refusal_init(void)
{
	json_object_seed(0);
}

static const char *headline(const struct refusal *r)
{
	switch (r->status) {
	case 502:
		return "sallyport could not reach the server.";
	case 503:
		return "sallyport has too many connections.";
	default:
		return "sallyport did not let this request through.";
	}
}

static void write_text(const struct refusal *r, struct buf *out)
{
	buf_fmt(out, "%s\n\n", headline(r));
	if (r->destination)
		buf_fmt(out, "  destination  %s\n", r->destination);
	if (r->rule)
		buf_fmt(out, "  rule         %s\n", r->rule);
	buf_fmt(out, "  why          %s\n", r->why);
	if (r->remedy)
		buf_fmt(out, "  to allow it  --allow %s\n", r->remedy);
}

/* jansson takes UTF-8 alone; all of these are ASCII. */
static void add(json_t *o, const char *key, const char *text)
{
	json_object_set_new(o, key, text ? json_string(text) : json_null());
}

static void write_json(const struct refusal *r, struct buf *out)
{
	json_t *o = json_object();
	char *text;

	add(o, "error", r->status == 502 ? "unreachable" : r->status == 403 ? "denied" : "refused");
	json_object_set_new(o, "status", json_integer(r->status));
	add(o, "destination", r->destination);
	add(o, "rule", r->rule);
	add(o, "why", r->why);
	add(o, "allow", r->remedy);
	text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);
	buf_fmt(out, "%s\n", text);
	free(text);
	json_decref(o);
}

void refusal_http(const struct refusal *r, const struct refusal_form *form, struct buf *out)
{
	_cleanup_(buf_done) struct buf body;

	buf_init(&body, REFUSAL_MAX / 2);
	if (form->json)
		write_json(r, &body);
	else
		write_text(r, &body);
	http_reply_build(
		&(struct http_reply){ .status = r->status,
				      .content_type = form->json ? "application/json" :
								   "text/plain; charset=us-ascii",
				      .more = form->more,
				      .body = buf_view(&body),
				      .head_only = form->head_only },
		out);
}

void refusal_tls(const struct refusal *r, struct buf *out)
{
	tls_alert_build(r->status == 502 ? TLS_ALERT_INTERNAL_ERROR : TLS_ALERT_ACCESS_DENIED, out);
}
