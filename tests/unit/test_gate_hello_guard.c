/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/limits.h"
#include "gate/hello_guard.h"
#include "gate_help.h"
#include "tls_hello.h"

#define SNI_EVIL                   \
	"\0\0\0\x0e\0\x0c\0\0\x09" \
	"evil.test"
#define SNI_BELOW                  \
	"\0\0\0\x10\0\x0e\0\0\x0b" \
	"a.good.test"
#define SNI_UPPER                  \
	"\0\0\0\x0e\0\x0c\0\0\x09" \
	"GOOD.Test"
#define SNI_EMPTY "\0\0\0\0"

/* What a client may say behind its hello: early data, or anything. */
#define BEHIND "\x14\3\3\0\1\1\x17\3\3\0\5early"

static const struct {
	const char *name;
	struct span extensions; /* of a hello; {0}: the bytes in `raw` come instead */
	struct span raw;
	bool allow_ech;
	const char *why[2]; /* not required, required: part of the reason; NULL: it passes */
} rows[] = {
	{ "the right name", SPAN_LIT(GROUPS SNI_GOOD), { 0 }, false, { NULL, NULL } },
	{ "in upper case", SPAN_LIT(SNI_UPPER GROUPS), { 0 }, false, { NULL, NULL } },
	{ "another name",
	  SPAN_LIT(SNI_EVIL),
	  { 0 },
	  false,
	  { "SNI says evil.test, and the tunnel is to good.test", "SNI says evil.test" } },
	{ "a name below", SPAN_LIT(SNI_BELOW), { 0 }, false, { "SNI says a.", "SNI says a." } },
	{ "no name", SPAN_LIT(GROUPS), { 0 }, false, { NULL, "no SNI" } },
	{ "no extensions", SPAN_LIT(""), { 0 }, false, { NULL, "no SNI" } },
	{ "two names", SPAN_LIT(SNI_GOOD SNI_EVIL), { 0 }, false, { "twice", "twice" } },
	{ "a malformed name", SPAN_LIT(SNI_EMPTY), { 0 }, false, { "name list", "name list" } },

	{ "ECH", SPAN_LIT(SNI_GOOD ECH), { 0 }, false, { "ech: allow", "ech: allow" } },
	{ "ECH that is allowed", SPAN_LIT(SNI_GOOD ECH), { 0 }, true, { NULL, NULL } },
	{ "ECH without a name", SPAN_LIT(ECH), { 0 }, false, { "ech: allow", "no SNI" } },
	{ "allowed ECH without a name", SPAN_LIT(ECH), { 0 }, true, { NULL, "no SNI" } },
	{ "allowed ECH and another name",
	  SPAN_LIT(SNI_EVIL ECH),
	  { 0 },
	  true,
	  { "SNI says evil.test", "SNI says evil.test" } },

	/* No TLS. */
	{ "SSH", { 0 }, SPAN_LIT("SSH-2.0-x\r\n"), false, { NULL, "not a TLS" } },
	{ "HTTP", { 0 }, SPAN_LIT("GET / HTTP/1.1\r\nHost: a\r\n"), false, { NULL, "not a TLS" } },
	{ "a NUL", { 0 }, SPAN_LIT("\0\0\0\0\0"), false, { NULL, "not a TLS" } },
	{ "SSL 2", { 0 }, SPAN_LIT("\x80\x2e\1\3\1\0\x15"), false, { NULL, "not a TLS" } },
	{ "a TLS alert", { 0 }, SPAN_LIT("\x15\3\3\0\2\2\x28"), false, { NULL, "not a TLS" } },
	/* Its first byte could begin a hello; the next say that it does not. */
	{ "another protocol", { 0 }, SPAN_LIT("\x16\x16\1\0\1\0"), false, { NULL, "not a TLS" } },
	{ "no hello in the record",
	  { 0 },
	  SPAN_LIT("\x16\3\1\0\4\2\0\0\0"),
	  false,
	  { "ClientHello", "ClientHello" } },
	{ "an empty record", { 0 }, SPAN_LIT("\x16\3\1\0\0"), false, { "record", "record" } },
};

struct tunnel {
	struct pipes pipes;
	struct pump up;
	struct hello_guard *guard;
	struct buf passed;
};

static void tunnel_open(struct tunnel *t, bool required, bool allow_ech)
{
	struct name good = name_of("good.test");
	struct hello_rules rules = { &good, required, allow_ech };

	*t = (struct tunnel){ 0 };
	buf_init(&t->passed, 1 << 20);
	pump_init(&t->up, -1, -1, &t->pipes);
	t->guard = hello_guard_new(&rules, &t->up);
	t_ok(!hello_guard_over(t->guard));
	t_eq_int(hello_guard_required(t->guard), required);
	t_ok(!hello_guard_why(t->guard));
	good = name_of("evil.test"); /* it has been copied */
}

static void tunnel_close(struct tunnel *t)
{
	hello_guard_free(t->guard);
	pump_done(&t->up);
	buf_done(&t->passed);
}

/* The bytes in pieces of `step`. Whether they passed the guard. */
static bool say(struct tunnel *t, struct span bytes, size_t step)
{
	bool alive = true;

	while (alive && bytes.n) {
		alive = pump_offer(&t->up, span_first(bytes, step));
		bytes = span_from(bytes, step);
		buf_span(&t->passed, buf_view(&t->up.pending));
		buf_clear(&t->up.pending);
	}
	return alive;
}

static struct buf bytes_of(struct span extensions, struct span raw)
{
	struct buf b;

	if (extensions.p)
		return hello(extensions, 16384);
	buf_init(&b, 1024);
	buf_span(&b, raw);
	return b;
}

/* What follows behind bytes that pass: passes, and is no longer looked at. */
static void check_passed(struct tunnel *t, struct span said)
{
	t_ok(hello_guard_over(t->guard));
	t_ok(!hello_guard_required(t->guard));
	t_ok(!hello_guard_why(t->guard));
	t_ok(!t->up.filter);
	t_ok(span_eq(buf_view(&t->passed), said));
}

static void check_refused(struct tunnel *t, bool required, const char *part)
{
	const char *why = hello_guard_why(t->guard);

	if (!why || !strstr(why, part))
		t_fail("refused because \"%s\", expected \"%s\"", why ? why : "", part);
	t_ok(!hello_guard_over(t->guard));
	t_eq_int(hello_guard_required(t->guard), required);
	t_eq_int(t->passed.n, 0);
	/* For good. */
	t_ok(!say(t, SPAN_LIT("x"), 1));
	t_eq_int(t->passed.n, 0);
}

static void run(struct span said, bool allow_ech, bool required, const char *why, size_t step)
{
	struct tunnel t;
	bool alive;

	tunnel_open(&t, required, allow_ech);
	alive = say(&t, said, step);
	if (why) {
		t_ok(!alive);
		check_refused(&t, required, why);
	} else {
		t_ok(alive);
		check_passed(&t, said);
	}
	tunnel_close(&t);
}

T(rules)
{
	T_EACH(row, rows)
	for (int required = 0; required < 2; required++) {
		_cleanup_(buf_done) struct buf b = bytes_of(row->extensions, row->raw);

		for (size_t step = 1; step <= b.n; step++)
			run(buf_view(&b), row->allow_ech, required, row->why[required], step);
	}
}

T(bytes_behind)
{
	T_EACH(row, rows)
	for (int required = 0; required < 2; required++) {
		_cleanup_(buf_done) struct buf b = bytes_of(row->extensions, row->raw);
		static const size_t steps[] = { SIZE_MAX, 1, 7, 64 };

		buf_span(&b, SPAN_LIT(BEHIND));
		for (size_t i = 0; i < ARRAY_LEN(steps); i++)
			run(buf_view(&b), row->allow_ech, required, row->why[required], steps[i]);
	}
}

/* Nothing passes before the last byte of the hello. */
T(held)
{
	_cleanup_(buf_done) struct buf b = hello(SPAN_LIT(GROUPS SNI_GOOD), 9);
	struct tunnel t;

	tunnel_open(&t, false, false);
	for (size_t i = 0; i + 1 < b.n; i++) {
		t_ok(say(&t, span_bytes(b.p + i, 1), 1));
		t_eq_int(t.passed.n, 0);
		t_ok(!hello_guard_over(t.guard));
	}
	t_ok(say(&t, span_bytes(b.p + b.n - 1, 1), 1));
	check_passed(&t, buf_view(&b));
	tunnel_close(&t);
}

/* A hello with an extension of n bytes. */
static struct buf padded(size_t n)
{
	_cleanup_(buf_done) struct buf extensions = { 0 };

	buf_init(&extensions, 1 << 20);
	buf_span(&extensions, SPAN_LIT(SNI_GOOD "\0\x15"));
	buf_u16(&extensions, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		buf_u8(&extensions, 0);
	return hello(buf_view(&extensions), 16384);
}

static const struct {
	const char *name;
	size_t padding;
	bool passes;
} sizes[] = {
	{ "a read", 16000, true },
	{ "several", 50000, true },
	{ "the longest", LIMIT_CLIENT_HELLO - 93, true },
	{ "too long", LIMIT_CLIENT_HELLO - 92, false },
};

/* As the pump reads it, with a whole read behind it. */
T(sizes)
{
	T_EACH(row, sizes)
	{
		_cleanup_(buf_done) struct buf b = padded(row->padding);
		struct buf all;

		buf_init(&all, 1 << 20);
		buf_span(&all, buf_view(&b));
		for (int i = 0; i < 16000; i++)
			buf_char(&all, (char)i);
		run(buf_view(&all), false, true, row->passes ? NULL : "too long", 16384);
		buf_done(&all);
	}
}

T(nothing)
{
	hello_guard_free(NULL);
}

T_MAIN(T_TEST(rules), T_TEST(bytes_behind), T_TEST(held), T_TEST(sizes), T_TEST(nothing))
