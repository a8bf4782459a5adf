/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/alloc.h"
#include "t.h"
#include "wire/socks.h"

/* A domain, and a request for it on port 443. */
#define DOMAIN(n, text) "\3" n text "\1\xbb"

/* 63 bytes, and a name of 253. */
#define LABEL "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc"
#define LONG                          \
	LABEL "." LABEL "." LABEL "." \
	      "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghija"

/* Feeds what a reader gets a byte at a time, each time as a block of exactly its size, up to its
 * first result, which has to be that of all bytes at once. */
#define t_trickle(bytes, whole, call)                                      \
	do {                                                               \
		ptrdiff_t part_ = 0;                                       \
		for (size_t n_ = 0; n_ <= (bytes).n && part_ == 0; n_++) { \
			_cleanup_(freep) char *exact_ = xmalloc(n_);       \
			struct span piece = { exact_, n_ };                \
			memcpy(exact_, (bytes).p, n_);                     \
			part_ = (call);                                    \
			t_ok(part_ <= (ptrdiff_t)n_);                      \
		}                                                          \
		t_eq_int(part_, whole);                                    \
	} while (0)

static const struct {
	const char *name;
	struct span bytes;
	ptrdiff_t used;
	bool no_auth, login;
	const char *why;
} greetings[] = {
	{ "no login", SPAN_LIT("\5\1\0"), 3, true, false, NULL },
	{ "login", SPAN_LIT("\5\1\2"), 3, false, true, NULL },
	{ "both", SPAN_LIT("\5\2\0\2"), 4, true, true, NULL },
	{ "both and GSSAPI, the other way", SPAN_LIT("\5\3\2\1\0"), 5, true, true, NULL },
	{ "twice the same", SPAN_LIT("\5\2\0\0"), 4, true, false, NULL },
	{ "GSSAPI alone", SPAN_LIT("\5\1\1"), 3, false, false, NULL },
	{ "\"none\" is no method", SPAN_LIT("\5\1\xff"), 3, false, false, NULL },
	{ "a request behind it", SPAN_LIT("\5\1\0\5\1\0"), 3, true, false, NULL },
	{ "a method behind it does not count", SPAN_LIT("\5\1\1\2"), 3, false, false, NULL },
	{ "nothing", SPAN_LIT(""), 0, false, false, NULL },
	{ "version alone", SPAN_LIT("\5"), 0, false, false, NULL },
	{ "count alone", SPAN_LIT("\5\1"), 0, false, false, NULL },
	{ "a method missing", SPAN_LIT("\5\2\0"), 0, false, false, NULL },
	{ "255 methods, not there", SPAN_LIT("\5\xff\0\2"), 0, false, false, NULL },

	{ "SOCKS 4", SPAN_LIT("\4\1\0\x50\0\0\0\1\0"), -1, false, false, "version" },
	{ "version 0", SPAN_LIT("\0"), -1, false, false, "version" },
	{ "HTTP", SPAN_LIT("GET / HTTP/1.1\r\n"), -1, false, false, "version" },
	{ "TLS", SPAN_LIT("\x16\3\1"), -1, false, false, "version" },
	{ "no method", SPAN_LIT("\5\0"), -1, false, false, "without a method" },
	{ "no method, bytes behind it", SPAN_LIT("\5\0\0"), -1, false, false, "without a method" },
};

T(greeting)
{
	T_EACH(row, greetings)
	{
		struct socks_greeting g = { 0 };
		const char *why = NULL;

		t_eq_int(socks_greeting_read(row->bytes, &g, &why), row->used);
		t_eq_int(g.no_auth, row->no_auth);
		t_eq_int(g.login, row->login);
		t_ok(row->why ? why && strstr(why, row->why) : !why);
		t_trickle(row->bytes, row->used, socks_greeting_read(piece, &g, &why));
	}
}

/* As many methods as can be. */
T(most_methods)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	struct socks_greeting g;
	const char *why;

	buf_init(&b, 512);
	buf_str(&b, "\5\xff");
	while (b.n < 2 + 254)
		buf_u8(&b, 0x80);
	buf_u8(&b, SOCKS_LOGIN);
	t_eq_int(socks_greeting_read(buf_view(&b), &g, &why), 257);
	t_ok(!g.no_auth && g.login);
	t_eq_int(socks_greeting_read(span_first(buf_view(&b), 256), &g, &why), 0);
}

static const struct {
	const char *name;
	struct span bytes;
	ptrdiff_t used;
	const char *user, *secret;
	const char *why;
} logins[] = {
	{ "login", SPAN_LIT("\1\2me\6secret"), 11, "me", "secret", NULL },
	{ "one byte each", SPAN_LIT("\1\1u\1s"), 5, "u", "s", NULL },
	{ "any bytes", SPAN_LIT("\1\3\xff:\n\2\xc3\xa4"), 8, "\xff:\n", "\xc3\xa4", NULL },
	{ "a request behind it", SPAN_LIT("\1\1u\1s\5\1"), 5, "u", "s", NULL },
	{ "nothing", SPAN_LIT(""), 0, "", "", NULL },
	{ "version alone", SPAN_LIT("\1"), 0, "", "", NULL },
	{ "user cut", SPAN_LIT("\1\2m"), 0, "", "", NULL },
	{ "no secret yet", SPAN_LIT("\1\2me"), 0, "", "", NULL },
	{ "secret cut", SPAN_LIT("\1\2me\2s"), 0, "", "", NULL },

	{ "version 5", SPAN_LIT("\5\2me\6secret"), -1, "", "", "version" },
	{ "no user", SPAN_LIT("\1\0\6secret"), -1, "", "", "without a user" },
	{ "no secret", SPAN_LIT("\1\2me\0"), -1, "", "", "without a secret" },
	{ "neither", SPAN_LIT("\1\0\0"), -1, "", "", "without a user" },
};

T(login)
{
	T_EACH(row, logins)
	{
		struct socks_login l = { SPAN_LIT(""), SPAN_LIT("") }, piece_login;
		const char *why = NULL;

		t_eq_int(socks_login_read(row->bytes, &l, &why), row->used);
		t_eq_span(l.user, row->user);
		t_eq_span(l.secret, row->secret);
		t_ok(row->why ? why && strstr(why, row->why) : !why);
		t_trickle(row->bytes, row->used, socks_login_read(piece, &piece_login, &why));
	}
}

static const struct {
	const char *name;
	struct span bytes;
	ptrdiff_t used;
	enum socks_command command;
	const char *host; /* a name, or an address as it is printed */
	unsigned port;
} taken[] = {
	{ "a name", SPAN_LIT("\5\1\0" DOMAIN("\x9", "good.test")), 16, SOCKS_CONNECT, "good.test",
	  443 },
	{ "in upper case", SPAN_LIT("\5\1\0" DOMAIN("\x9", "GOOD.Test")), 16, SOCKS_CONNECT,
	  "good.test", 443 },
	{ "with its last dot", SPAN_LIT("\5\1\0" DOMAIN("\xa", "good.test.")), 17, SOCKS_CONNECT,
	  "good.test", 443 },
	{ "of one byte", SPAN_LIT("\5\1\0" DOMAIN("\1", "g")), 8, SOCKS_CONNECT, "g", 443 },
	{ "of 253 bytes", SPAN_LIT("\5\1\0" DOMAIN("\xfd", LONG)), 260, SOCKS_CONNECT, LONG, 443 },
	{ "of 253 bytes with a dot", SPAN_LIT("\5\1\0" DOMAIN("\xfe", LONG ".")), 261,
	  SOCKS_CONNECT, LONG, 443 },
	{ "an IPv4 address", SPAN_LIT("\5\1\0\1\xcb\0\x71\7\0\x50"), 10, SOCKS_CONNECT,
	  "203.0.113.7", 80 },
	{ "an IPv6 address", SPAN_LIT("\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\xff\xff"), 22,
	  SOCKS_CONNECT, "2001:db8::1", 65535 },
	{ "a mapped address stays one",
	  SPAN_LIT("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\xa\0\0\1\0\1"), 22, SOCKS_CONNECT,
	  "::ffff:10.0.0.1", 1 },
	{ "an IPv4 address as a domain", SPAN_LIT("\5\1\0" DOMAIN("\xb", "203.0.113.7")), 18,
	  SOCKS_CONNECT, "203.0.113.7", 443 },
	{ "an IPv6 address in brackets", SPAN_LIT("\5\1\0" DOMAIN("\xd", "[2001:db8::1]")), 20,
	  SOCKS_CONNECT, "2001:db8::1", 443 },
	{ "0.0.0.0", SPAN_LIT("\5\1\0\1\0\0\0\0\0\x50"), 10, SOCKS_CONNECT, "0.0.0.0", 80 },
	{ "bytes of the connection behind it", SPAN_LIT("\5\1\0\1\xcb\0\x71\7\0\x50\x16\3\1"), 10,
	  SOCKS_CONNECT, "203.0.113.7", 80 },
	{ "BIND", SPAN_LIT("\5\2\0\1\xcb\0\x71\7\0\x50"), 10, SOCKS_BIND, "203.0.113.7", 80 },
	{ "BIND, port 0", SPAN_LIT("\5\2\0\1\xcb\0\x71\7\0\0"), 10, SOCKS_BIND, "203.0.113.7", 0 },
	{ "UDP ASSOCIATE, all open", SPAN_LIT("\5\3\0\1\0\0\0\0\0\0"), 10, SOCKS_UDP_ASSOCIATE,
	  "0.0.0.0", 0 },
};

T(take)
{
	T_EACH(row, taken)
	{
		struct socks_request r = { 0 }, other;
		struct socks_bad bad = { 0 };
		char text[ADDR_STR_MAX];

		t_eq_int(socks_request_read(row->bytes, &r, &bad), row->used);
		t_eq_int(r.command, row->command);
		t_eq_int(r.host.port, row->port);
		t_ok((r.host.name.len > 0) != (r.host.addr.family != 0));
		t_eq_str(r.host.name.len ? r.host.name.s : addr_str(&r.host.addr, text), row->host);
		t_trickle(row->bytes, row->used, socks_request_read(piece, &other, &bad));
	}
}

static const struct {
	const char *name;
	struct span bytes;
	enum socks_code code;
	const char *why;
} refused[] = {
	{ "SOCKS 4", SPAN_LIT("\4\1\0\x50\0\0\0\1\0"), SOCKS_FAILURE, "version" },
	{ "command 0", SPAN_LIT("\5\0\0\1\xcb\0\x71\7\0\x50"), SOCKS_NO_COMMAND, "command" },
	{ "command 4", SPAN_LIT("\5\4\0\1\xcb\0\x71\7\0\x50"), SOCKS_NO_COMMAND, "command" },
	{ "RESOLVE of Tor", SPAN_LIT("\5\xf0\0" DOMAIN("\x9", "good.test")), SOCKS_NO_COMMAND,
	  "command" },
	{ "reserved byte", SPAN_LIT("\5\1\1\1\xcb\0\x71\7\0\x50"), SOCKS_FAILURE, "reserved" },
	{ "address type 0", SPAN_LIT("\5\1\0\0"), SOCKS_NO_ADDRESS_TYPE, "type" },
	{ "address type 2", SPAN_LIT("\5\1\0\2\xcb\0\x71\7\0\x50"), SOCKS_NO_ADDRESS_TYPE, "type" },
	{ "address type 5", SPAN_LIT("\5\1\0\5"), SOCKS_NO_ADDRESS_TYPE, "type" },
	{ "version before command", SPAN_LIT("\4\x9\1\x9"), SOCKS_FAILURE, "version" },
	{ "command before the reserved byte", SPAN_LIT("\5\x9\1\x9"), SOCKS_NO_COMMAND, "command" },
	{ "port 0", SPAN_LIT("\5\1\0\1\xcb\0\x71\7\0\0"), SOCKS_FAILURE, "port 0" },
	{ "port 0 of a name", SPAN_LIT("\5\1\0\3\x9good.test\0\0"), SOCKS_FAILURE, "port 0" },
};

T(refuse)
{
	T_EACH(row, refused)
	{
		struct socks_request r;
		struct socks_bad bad = { 0 }, other = { 0 };

		t_eq_int(socks_request_read(row->bytes, &r, &bad), -1);
		t_eq_int(bad.code, row->code);
		t_ok(strstr(bad.why, row->why) != NULL);
		t_trickle(row->bytes, -1, socks_request_read(piece, &r, &other));
		t_eq_int(other.code, bad.code);
		t_eq_str(other.why, bad.why);
	}
}

static const struct {
	const char *name;
	struct span domain;
} no_hosts[] = {
	{ "empty", SPAN_LIT("") },
	{ "a dot", SPAN_LIT(".") },
	{ "two dots at the end", SPAN_LIT("good.test..") },
	{ "an empty label", SPAN_LIT("good..test") },
	{ "NUL", SPAN_LIT("good.test\0.evil") },
	{ "NUL at the end", SPAN_LIT("good.test\0") },
	{ "#", SPAN_LIT("good.test#.evil") },
	{ "@", SPAN_LIT("evil@good.test") },
	{ "%", SPAN_LIT("good.test%00") },
	{ "blank", SPAN_LIT("good.test ") },
	{ "blank inside", SPAN_LIT("good test") },
	{ "tab", SPAN_LIT("\tgood.test") },
	{ "line end", SPAN_LIT("good.test\r\n") },
	{ "slash", SPAN_LIT("good.test/") },
	{ "backslash", SPAN_LIT("good\\.test") },
	{ "8 bits", SPAN_LIT("g\xc3\xb6od.test") },
	{ "wildcard", SPAN_LIT("*.test") },
	{ "a port", SPAN_LIT("good.test:443") },
	{ "an empty port", SPAN_LIT("good.test:") },
	{ "a scheme", SPAN_LIT("http://good.test") },
	{ "127.1", SPAN_LIT("127.1") },
	{ "one number", SPAN_LIT("2130706433") },
	{ "hexadecimal", SPAN_LIT("0x7f000001") },
	{ "octal", SPAN_LIT("0177.0.0.001") },
	{ "a dot behind an address", SPAN_LIT("127.0.0.1.") },
	{ "IPv6 without brackets", SPAN_LIT("2001:db8::1") },
	{ "::1 without brackets", SPAN_LIT("::1") },
	{ "IPv6, another spelling", SPAN_LIT("[2001:db8:0::1]") },
	{ "IPv6 with a zone", SPAN_LIT("[fe80::1%eth0]") },
	{ "IPv6 with a port", SPAN_LIT("[2001:db8::1]:80") },
	{ "IPv4 in brackets", SPAN_LIT("[203.0.113.7]") },
	{ "254 bytes", SPAN_LIT(LONG "b") },
	{ "IPv6 with one bracket", SPAN_LIT("[2001:db8::1") },
};

T(refuse_host)
{
	T_EACH(row, no_hosts)
	{
		_cleanup_(buf_done) struct buf b = { 0 };
		struct socks_request r;
		struct socks_bad bad = { 0 };

		buf_init(&b, 512);
		buf_add(&b, "\5\1\0\3", 4);
		buf_u8(&b, (uint8_t)row->domain.n);
		buf_span(&b, row->domain);
		buf_u16(&b, 443);
		t_eq_int(socks_request_read(buf_view(&b), &r, &bad), -1);
		t_eq_int(bad.code, SOCKS_FAILURE);
		t_eq_str(bad.why, "a malformed host");
		t_trickle(buf_view(&b), -1, socks_request_read(piece, &r, &bad));
	}
}

T(unfinished)
{
	static const struct span requests[] = {
		SPAN_LIT("\5\1\0" DOMAIN("\x9", "good.test")),
		SPAN_LIT("\5\1\0\1\xcb\0\x71\7\0\x50"),
		SPAN_LIT("\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\x50"),
	};

	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		for (size_t n = 0; n < requests[i].n; n++) {
			struct socks_request r;
			struct socks_bad bad;

			t_eq_int(socks_request_read(span_first(requests[i], n), &r, &bad), 0);
		}
}

T(build)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	buf_init(&out, 64);
	socks_method_build(SOCKS_NO_AUTH, &out);
	socks_method_build(SOCKS_LOGIN, &out);
	socks_method_build(SOCKS_NO_METHOD, &out);
	t_ok(span_eq(buf_view(&out), SPAN_LIT("\5\0\5\2\5\xff")));
	buf_clear(&out);
	socks_login_reply_build(true, &out);
	socks_login_reply_build(false, &out);
	t_ok(span_eq(buf_view(&out), SPAN_LIT("\1\0\1\1")));
	buf_clear(&out);
	socks_reply_build(SOCKS_OK, &out);
	socks_reply_build(SOCKS_NO_ADDRESS_TYPE, &out);
	t_ok(span_eq(buf_view(&out), SPAN_LIT("\5\0\0\1\0\0\0\0\0\0"
					      "\5\x8\0\1\0\0\0\0\0\0")));
}

T_MAIN(T_TEST(greeting), T_TEST(most_methods), T_TEST(login), T_TEST(take), T_TEST(refuse),
       T_TEST(refuse_host), T_TEST(unfinished), T_TEST(build))
