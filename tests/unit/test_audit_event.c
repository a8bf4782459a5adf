/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>

#include <jansson.h>

#include "audit/event.h"
#include "gate_help.h"

static struct event event_to(const char *name, const char *addr)
{
	struct event ev = { .time_ms = 1700000000123,
			    .proto = IPPROTO_TCP,
			    .icmp_type = -1,
			    .port = 443,
			    .count = 1,
			    .rule = -1 };

	if (name)
		ev.name = name_of(name);
	if (addr)
		ev.addr = addr_of(addr);
	return ev;
}

/* The line of an event: one line, printable ASCII, and one JSON object. */
static json_t *encode(const struct event *ev, const struct event_context *ctx)
{
	struct buf line;
	json_error_t error;
	json_t *o;

	buf_init(&line, 65536);
	event_encode(ev, ctx, &line);
	t_ok(buf_ok(&line) && line.n > 0);
	for (size_t i = 0; i + 1 < line.n; i++)
		t_ok(line.p[i] >= 0x20 && line.p[i] <= 0x7e);
	t_eq_int(line.p[line.n - 1], '\n');
	o = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	t_ok(json_is_object(o));
	buf_done(&line);
	return o;
}

static const struct event_context jail = {
	.subject = "jail:npm", .policy = "agent", .rule = "agent:12", .pid = 4711
};

static const struct {
	const char *name;  /* a field */
	const char *value; /* as JSON */
} all_fields[] = {
	{ "time", "\"2023-11-14T22:13:20.123Z\"" },
	{ "kind", "\"connect\"" },
	{ "verdict", "\"deny\"" },
	{ "subject", "\"jail:npm\"" },
	{ "policy", "\"agent\"" },
	{ "rule", "\"agent:12\"" },
	{ "layer", "\"proxy\"" },
	{ "proto", "\"tcp\"" },
	{ "dst", "\"203.0.113.7\"" },
	{ "port", "443" },
	{ "name", "\"bad.test\"" },
	{ "reason", "\"no rule allows it\"" },
	{ "pid", "4711" },
	{ "count", "3" },
};

static void check_field(const json_t *o, const char *field, const char *want)
{
	char *got = json_dumps(json_object_get(o, field), JSON_ENCODE_ANY | JSON_COMPACT);

	t_ok(got);
	t_eq_str(got, want);
	free(got);
}

T(all_known)
{
	struct event ev = event_to("bad.test", "203.0.113.7");
	json_t *o;

	ev.layer = LAYER_PROXY;
	ev.verdict = EVENT_DENY;
	ev.count = 3;
	(void)snprintf(ev.reason, sizeof(ev.reason), "no rule allows it");
	o = encode(&ev, &jail);
	T_EACH(row, all_fields)
	check_field(o, row->name, row->value);
	t_eq_int(json_object_size(o), ARRAY_LEN(all_fields));
	json_decref(o);
}

T(nothing_known)
{
	static const char *const nulls[] = { "subject", "policy", "rule", "dst",
					     "port",	"name",	  "pid" };
	struct event ev = { .count = 1 };
	json_t *o = encode(&ev, &(struct event_context){ 0 });

	t_eq_int(json_object_size(o), ARRAY_LEN(all_fields));
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		check_field(o, nulls[i], "null");
	check_field(o, "time", "\"1970-01-01T00:00:00.000Z\"");
	check_field(o, "reason", "\"\"");
	json_decref(o);
}

static const struct {
	const char *name;
	enum event_kind kind;
	enum event_layer layer;
	enum event_verdict verdict;
	int16_t proto;
	const char *says[4]; /* kind, layer, verdict, proto */
} words[] = {
	{ "connect",
	  EVENT_CONNECT,
	  LAYER_PROXY,
	  EVENT_ALLOW,
	  IPPROTO_TCP,
	  { "\"connect\"", "\"proxy\"", "\"allow\"", "\"tcp\"" } },
	{ "dns",
	  EVENT_DNS,
	  LAYER_DNS,
	  EVENT_AUDIT,
	  IPPROTO_UDP,
	  { "\"dns\"", "\"dns\"", "\"audit\"", "\"udp\"" } },
	{ "packet",
	  EVENT_PACKET,
	  LAYER_NFT,
	  EVENT_DENY,
	  IPPROTO_ICMPV6,
	  { "\"packet\"", "\"nft\"", "\"deny\"", "\"icmpv6\"" } },
	{ "error",
	  EVENT_CONNECT,
	  LAYER_PROXY,
	  EVENT_ERROR,
	  253,
	  { "\"connect\"", "\"proxy\"", "\"error\"", "\"253\"" } },
};

T(words)
{
	T_EACH(row, words)
	{
		struct event ev = event_to(NULL, "2001:db8::1");
		json_t *o;

		ev.kind = row->kind;
		ev.layer = row->layer;
		ev.verdict = row->verdict;
		ev.proto = row->proto;
		o = encode(&ev, &jail);
		check_field(o, "kind", row->says[0]);
		check_field(o, "layer", row->says[1]);
		check_field(o, "verdict", row->says[2]);
		check_field(o, "proto", row->says[3]);
		check_field(o, "dst", "\"2001:db8::1\"");
		json_decref(o);
	}
}

/* Strings that a sandbox chose. */
static const struct {
	const char *name;
	const char *reason;
	const char *json;
} hostile[] = {
	{ "quote and backslash", "a\"b\\c", "\"a\\\"b\\\\c\"" },
	{ "line ends", "a\r\nb", "\"a\\\\x0d\\\\x0ab\"" },
	{ "a line of its own", "x\n{\"verdict\":\"allow\"}\n",
	  "\"x\\\\x0a{\\\"verdict\\\":\\\"allow\\\"}\\\\x0a\"" },
	{ "terminal escape", "\x1b[2J\x07", "\"\\\\x1b[2J\\\\x07\"" },
	{ "UTF-8",
	  "b\xc3\xbc"
	  "cher",
	  "\"b\\\\xc3\\\\xbccher\"" },
	{ "not UTF-8", "\xff\xfe\x80", "\"\\\\xff\\\\xfe\\\\x80\"" },
	{ "overlong UTF-8", "\xc0\x80", "\"\\\\xc0\\\\x80\"" },
	{ "right to left", "\xe2\x80\xae", "\"\\\\xe2\\\\x80\\\\xae\"" },
	{ "DEL", "\x7f", "\"\\\\x7f\"" },
};

T(hostile)
{
	T_EACH(row, hostile)
	{
		struct event ev = event_to(NULL, NULL);
		struct event_context ctx = { .subject = row->reason,
					     .policy = row->reason,
					     .rule = row->reason };
		json_t *o;

		(void)snprintf(ev.reason, sizeof(ev.reason), "%s", row->reason);
		ev.name.len = (uint8_t)strlen(row->reason);
		memcpy(ev.name.s, row->reason, ev.name.len);
		o = encode(&ev, &ctx);
		check_field(o, "reason", row->json);
		check_field(o, "name", row->json);
		check_field(o, "subject", row->json);
		check_field(o, "policy", row->json);
		check_field(o, "rule", row->json);
		json_decref(o);
	}
}

/* The longest that each string can be, all to be escaped, is neither cut nor lost. */
T(longest)
{
	struct event ev = event_to(NULL, NULL);
	char rule[200];
	json_t *o;

	memset(ev.reason, '\xff', sizeof(ev.reason) - 1);
	memset(ev.name.s, '\x01', LIMIT_NAME);
	ev.name.len = LIMIT_NAME;
	memset(rule, '\x02', sizeof(rule) - 1);
	rule[sizeof(rule) - 1] = '\0';
	o = encode(&ev, &(struct event_context){ .rule = rule });
	t_eq_int(json_string_length(json_object_get(o, "reason")), 4 * (sizeof(ev.reason) - 1));
	t_eq_int(json_string_length(json_object_get(o, "name")), 4 * LIMIT_NAME);
	t_eq_int(json_string_length(json_object_get(o, "rule")), 4 * (sizeof(rule) - 1));
	json_decref(o);
}

/* A time that no calendar has. */
T(latest)
{
	struct event ev = event_to(NULL, NULL);
	json_t *o;

	ev.time_ms = UINT64_MAX;
	o = encode(&ev, &jail);
	t_ok(json_is_string(json_object_get(o, "time")));
	json_decref(o);
}

static void break_kind(struct event *ev)
{
	ev->kind = EVENT_KIND_COUNT;
}
static void break_kind_far(struct event *ev)
{
	memset(&ev->kind, 0xff, sizeof(ev->kind));
}
static void break_layer(struct event *ev)
{
	ev->layer = LAYER_COUNT;
}
static void break_verdict(struct event *ev)
{
	ev->verdict = EVENT_VERDICT_COUNT;
}
static void break_remedy(struct event *ev)
{
	ev->remedy = REMEDY_COUNT;
}
static void break_count(struct event *ev)
{
	ev->count = 0;
}
static void break_family(struct event *ev)
{
	ev->addr.family = 99;
}
static void break_name_len(struct event *ev)
{
	ev->name.len = LIMIT_NAME + 1;
}
static void break_name_end(struct event *ev)
{
	ev->name.s[ev->name.len] = 'x';
}
static void break_name_nul(struct event *ev)
{
	ev->name.s[2] = '\0';
}
static void break_name_case(struct event *ev)
{
	ev->name.s[0] = 'B';
}
static void break_name_byte(struct event *ev)
{
	ev->name.s[0] = '\x1b';
}
static void break_name_quote(struct event *ev)
{
	ev->name.s[1] = '"';
}
static void break_reason(struct event *ev)
{
	memset(ev->reason, 'x', sizeof(ev->reason));
}
static void break_proto(struct event *ev)
{
	ev->proto = 256;
}
static void break_proto_low(struct event *ev)
{
	ev->proto = -2;
}
static void break_icmp(struct event *ev)
{
	ev->icmp_type = 256;
}
static void break_icmp_low(struct event *ev)
{
	ev->icmp_type = -2;
}

static const struct {
	const char *name;
	void (*make)(struct event *ev);
} broken[] = {
	{ "kind", break_kind },
	{ "kind, far off", break_kind_far },
	{ "layer", break_layer },
	{ "verdict", break_verdict },
	{ "remedy", break_remedy },
	{ "count 0", break_count },
	{ "family", break_family },
	{ "length of the name", break_name_len },
	{ "end of the name", break_name_end },
	{ "NUL in the name", break_name_nul },
	{ "case of the name", break_name_case },
	{ "escape in the name", break_name_byte },
	{ "quote in the name", break_name_quote },
	{ "no end of the reason", break_reason },
	{ "protocol 256", break_proto },
	{ "protocol -2", break_proto_low },
	{ "ICMP type 256", break_icmp },
	{ "ICMP type -2", break_icmp_low },
};

T(valid)
{
	struct event whole = event_to("bad.test", "203.0.113.7"), empty = { .count = 1 };

	t_ok(event_valid(&whole));
	t_ok(event_valid(&empty));
	T_EACH(row, broken)
	{
		struct event ev = whole;

		row->make(&ev);
		t_ok(!event_valid(&ev));
	}
}

/* What the event is about, and what would allow it, in the grammar of destinations. */
static const struct {
	const char *name;
	enum event_kind kind;
	int16_t proto, icmp_type;
	uint16_t port;
	const char *host, *addr;
	enum event_remedy remedy;
	const char *dest, *remedy_dest; /* NULL: none */
} dests[] = {
	{ "a name", EVENT_CONNECT, IPPROTO_TCP, -1, 443, "a.test", NULL, REMEDY_DEST, "a.test",
	  "a.test" },
	{ "a name and an address", EVENT_CONNECT, IPPROTO_TCP, -1, 22, "a.test", "203.0.113.7",
	  REMEDY_DEST, "a.test:22", "a.test:22" },
	{ "the address is missing", EVENT_CONNECT, IPPROTO_TCP, -1, 22, "a.test", "10.0.0.7",
	  REMEDY_ADDR, "a.test:22", "10.0.0.7:22" },
	{ "an address", EVENT_CONNECT, IPPROTO_TCP, -1, 22, NULL, "203.0.113.7", REMEDY_DEST,
	  "203.0.113.7:22", "203.0.113.7:22" },
	{ "IPv6", EVENT_CONNECT, IPPROTO_TCP, -1, 22, NULL, "2001:db8::7", REMEDY_DEST,
	  "[2001:db8::7]:22", "[2001:db8::7]:22" },
	{ "UDP", EVENT_CONNECT, IPPROTO_UDP, -1, 123, "a.test", NULL, REMEDY_DEST, "udp/a.test:123",
	  "udp/a.test:123" },
	{ "ICMP", EVENT_PACKET, IPPROTO_ICMP, 8, 0, NULL, "203.0.113.7", REMEDY_DEST,
	  "icmp/echo-request/203.0.113.7", "icmp/echo-request/203.0.113.7" },
	{ "another protocol", EVENT_PACKET, 47, -1, 0, NULL, "203.0.113.7", REMEDY_DEST,
	  "gre/203.0.113.7", "gre/203.0.113.7" },
	{ "no remedy", EVENT_CONNECT, IPPROTO_TCP, -1, 443, "a.test", NULL, REMEDY_NONE, "a.test",
	  NULL },
	{ "no address for the remedy", EVENT_CONNECT, IPPROTO_TCP, -1, 443, "a.test", NULL,
	  REMEDY_ADDR, "a.test", NULL },
	{ "a question", EVENT_DNS, IPPROTO_UDP, -1, 0, "a.test", NULL, REMEDY_DEST, "a.test",
	  "a.test" },
	{ "a question that is no name", EVENT_DNS, IPPROTO_UDP, -1, 0, NULL, NULL, REMEDY_DEST,
	  NULL, NULL },
	{ "the host", EVENT_CONNECT, IPPROTO_TCP, -1, 5432, "host.sallyport.internal", NULL,
	  REMEDY_DEST, "host:5432", "host:5432" },
	{ "loopback", EVENT_CONNECT, IPPROTO_TCP, -1, 443, NULL, "127.0.0.1", REMEDY_DEST,
	  "127.0.0.1:443", "host:443" },
	{ "loopback in IPv6", EVENT_CONNECT, IPPROTO_UDP, -1, 53, NULL, "::1", REMEDY_DEST,
	  "udp/[::1]:53", "udp/host:53" },
	{ "a name that leads to loopback", EVENT_CONNECT, IPPROTO_TCP, -1, 80, "a.test",
	  "127.8.8.8", REMEDY_ADDR, "a.test:80", NULL },
	{ "loopback by a protocol without ports", EVENT_PACKET, 47, -1, 0, NULL, "127.0.0.1",
	  REMEDY_DEST, "gre/127.0.0.1", NULL },
};

T(destinations)
{
	T_EACH(row, dests)
	{
		struct event ev = event_to(row->host, row->addr);
		char text[DEST_STR_MAX];
		struct dest d;

		ev.kind = row->kind;
		ev.proto = row->proto;
		ev.icmp_type = row->icmp_type;
		ev.port = row->port;
		ev.remedy = row->remedy;
		t_eq_int(event_dest(&ev, &d), row->dest != NULL);
		if (row->dest)
			t_eq_str(dest_show(&d, DEST_FOR_ALLOW, text), row->dest);
		t_eq_int(event_remedy_dest(&ev, &d), row->remedy_dest != NULL);
		if (row->remedy_dest)
			t_eq_str(dest_show(&d, DEST_FOR_ALLOW, text), row->remedy_dest);
	}
}

T_MAIN(T_TEST(all_known), T_TEST(nothing_known), T_TEST(words), T_TEST(hostile), T_TEST(longest),
       T_TEST(latest), T_TEST(valid), T_TEST(destinations))
