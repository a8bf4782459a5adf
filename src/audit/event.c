/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/event.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "policy/decide.h"

static const char *const kinds[] = { "connect", "dns", "packet" };
static const char *const layers[] = { "dns", "proxy", "nft" };
static const char *const verdicts[] = { "allow", "deny", "audit", "error" };

_Static_assert(ARRAY_LEN(kinds) == EVENT_KIND_COUNT, "one word for each kind");
_Static_assert(ARRAY_LEN(layers) == LAYER_COUNT, "one word for each layer");
_Static_assert(ARRAY_LEN(verdicts) == EVENT_VERDICT_COUNT, "one word for each verdict");

/* None, or one in canonical form: it is going to be shown, and written into policies, as it is. */
static bool name_valid(const struct name *n)
{
	struct name canonical;
	struct err ignored;

	return n->len <= LIMIT_NAME && n->s[n->len] == '\0' &&
	       (n->len == 0 ||
		(name_parse(name_span(n), &canonical, &ignored) && name_eq(&canonical, n)));
}

bool event_valid(const struct event *ev)
{
	return ev->kind < EVENT_KIND_COUNT && ev->layer < LAYER_COUNT &&
	       ev->verdict < EVENT_VERDICT_COUNT && ev->remedy < REMEDY_COUNT && ev->count > 0 &&
	       ev->proto >= 0 && ev->proto <= 255 && ev->icmp_type >= -1 && ev->icmp_type <= 255 &&
	       (ev->addr.family == 0 || addr_valid(&ev->addr)) && name_valid(&ev->name) &&
	       memchr(ev->reason, '\0', sizeof(ev->reason));
}

static void dest_of(const struct event *ev, const struct name *name, struct dest *out)
{
	/* A question does not say what for; a name by itself means TCP 443. */
	bool dns = ev->kind == EVENT_DNS;
	struct flow f = { .proto = dns ? IPPROTO_TCP : ev->proto,
			  .icmp_type = ev->icmp_type,
			  .port = dns ? 443 : ev->port,
			  .name = name,
			  .addr = name ? NULL : &ev->addr };

	flow_dest(&f, out);
}

bool event_dest(const struct event *ev, struct dest *out)
{
	if (!ev->name.len && !ev->addr.family)
		return false;
	dest_of(ev, ev->name.len ? &ev->name : NULL, out);
	return true;
}

bool event_dest_writable(const struct dest *d)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	char text[DEST_STR_MAX];
	struct dest again;
	struct err ignored;

	return dest_parse(span_of(dest_show(d, DEST_FOR_ALLOW, text)), DEST_FOR_ALLOW, &arena,
			  &again, &ignored) &&
	       again.target == d->target;
}

/* No address and no name that leads to one opens the host's loopback, `host` does. */
static bool remedy_of(const struct event *ev, const struct dest *d, struct dest *out)
{
	*out = *d;
	if (d->target == DEST_PREFIX && addr_is_loopback(&d->prefix.addr)) {
		if (ev->name.len)
			return false;
		out->target = DEST_HOST;
	}
	return event_dest_writable(out);
}

bool event_remedy_dest(const struct event *ev, struct dest *out)
{
	struct dest d;

	switch (ev->remedy) {
	case REMEDY_DEST:
		return event_dest(ev, &d) && remedy_of(ev, &d, out);
	case REMEDY_ADDR:
		if (!ev->addr.family)
			return false;
		dest_of(ev, NULL, &d);
		return remedy_of(ev, &d, out);
	case REMEDY_NONE:
	case REMEDY_COUNT:
		break;
	}
	return false;
}

/* A JSON string of printable ASCII, whatever the bytes are; null for NULL. */
static json_t *text(const char *s)
{
	char safe[1024];
	size_t n = 0;

	if (!s)
		return json_null();
	for (; *s && n + sizeof("\\xNN") <= sizeof(safe); s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x20 && c <= 0x7e)
			safe[n++] = *s;
		else
			n += (size_t)snprintf(safe + n, sizeof(safe) - n, "\\x%02x", c);
	}
	return json_stringn(safe, n);
}

static json_t *timestamp(uint64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	char day[32], whole[48];
	struct tm tm;

	(void)gmtime_r(&s, &tm);
	(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(whole, sizeof(whole), "%s.%03uZ", day, (unsigned)(ms % 1000));
	return json_string(whole);
}

void event_encode(const struct event *ev, const struct event_context *ctx, struct buf *out)
{
	char proto[PROTO_STR_MAX], dst[ADDR_STR_MAX];
	json_t *o = json_object();
	char *line;

	json_object_set_new(o, "time", timestamp(ev->time_ms));
	json_object_set_new(o, "kind", text(kinds[ev->kind]));
	json_object_set_new(o, "verdict", text(verdicts[ev->verdict]));
	json_object_set_new(o, "subject", text(ctx->subject));
	json_object_set_new(o, "policy", text(ctx->policy));
	json_object_set_new(o, "rule", text(ctx->rule));
	json_object_set_new(o, "layer", text(layers[ev->layer]));
	json_object_set_new(o, "proto", text(proto_str(ev->proto, proto)));
	json_object_set_new(o, "dst",
			    ev->addr.family ? text(addr_str(&ev->addr, dst)) : json_null());
	json_object_set_new(o, "port", ev->port ? json_integer(ev->port) : json_null());
	json_object_set_new(o, "name", ev->name.len ? text(ev->name.s) : json_null());
	json_object_set_new(o, "reason", text(ev->reason));
	json_object_set_new(o, "pid", ctx->pid ? json_integer((json_int_t)ctx->pid) : json_null());
	json_object_set_new(o, "count", json_integer(ev->count));
	line = json_dumps(o, JSON_COMPACT);
	if (line) {
		buf_str(out, line);
		buf_char(out, '\n');
	}
	free(line);
	json_decref(o);
}
