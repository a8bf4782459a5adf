/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "tls_hello.h"
#include "wire/tls.h"

/*
 * Reads all at once, and a byte at a time, each as a block of exactly its size: both have to end
 * the same.
 */
static ptrdiff_t read_hello(struct span bytes, struct client_hello *out, const char **why)
{
	const char *other = NULL;
	struct client_hello piece;
	ptrdiff_t whole = tls_hello_read(bytes, out, why), part = 0;

	for (size_t n = 1; n <= bytes.n && part == 0; n++) {
		_cleanup_(freep) char *exact = xmalloc(n);

		memcpy(exact, bytes.p, n);
		part = tls_hello_read(span_bytes(exact, n), &piece, &other);
	}
	t_eq_int(part, whole);
	if (whole < 0)
		t_eq_str(other, *why);
	if (whole > 0)
		t_ok(piece.has_sni == out->has_sni && piece.ech == out->ech);
	return whole;
}

/* As programs send them. */
static const struct {
	const char *name; /* and the file's */
	const char *sni;
} captured[] = {
	{ "openssl-tls13", "good.test" },
	{ "openssl-tls12", "good.test" },
	{ "openssl-alpn", "www.good.test" },
	{ "openssl-no-sni", NULL },
	{ "curl", "good.test" },
	{ "curl-address", NULL },
	{ "python", "xn--bcher-kva.test" },
	{ "wget", "localhost" },
};

T(programs)
{
	T_EACH(row, captured)
	{
		_cleanup_(freep) char *path = xasprintf("tests/fuzz/corpus/tls/%s", row->name);
		_cleanup_(freep) char *bytes = NULL;
		struct client_hello h = { 0 };
		const char *why = NULL;
		struct err e = { 0 };
		size_t n = 0;

		t_good(fd_read_file(path, LIMIT_CLIENT_HELLO, &bytes, &n, &e), e);
		t_eq_int(read_hello(span_bytes(bytes, n), &h, &why), n);
		t_ok(h.has_sni == (row->sni != NULL));
		t_ok(!h.ech);
		if (row->sni)
			t_eq_span(name_span(&h.sni), row->sni);
	}
}

static const struct {
	const char *name;
	struct span extensions;
	const char *why; /* part of the reason; NULL: taken */
	const char *sni;
	bool ech;
} rows[] = {
	{ "no extensions", SPAN_LIT(""), NULL, NULL, false },
	{ "no SNI", SPAN_LIT(GROUPS VERSIONS), NULL, NULL, false },
	{ "SNI", SPAN_LIT(GROUPS SNI_GOOD VERSIONS), NULL, "good.test", false },
	{ "SNI in upper case", SPAN_LIT("\0\0\0\x0e\0\x0c\0\0\x09GOOD.TEST"), NULL, "good.test",
	  false },
	{ "SNI with a dot", SPAN_LIT("\0\0\0\x0f\0\x0d\0\0\x0agood.test."), NULL, "good.test",
	  false },
	{ "ECH", SPAN_LIT(SNI_GOOD ECH), NULL, "good.test", true },
	{ "ECH without SNI", SPAN_LIT(ECH), NULL, NULL, true },
	{ "ECH of a draft", SPAN_LIT("\xfe\x0a\0\0"), NULL, NULL, true },
	{ "ESNI", SPAN_LIT("\xff\xce\0\0"), NULL, NULL, true },
	{ "GREASE", SPAN_LIT("\x0a\x0a\0\0" SNI_GOOD "\x1a\x1a\0\1\0"), NULL, "good.test", false },

	{ "SNI twice", SPAN_LIT(SNI_GOOD GROUPS SNI_GOOD), "twice", NULL, false },
	{ "two different SNI",
	  SPAN_LIT(SNI_GOOD "\0\0\0\x0e\0\x0c\0\0\x09"
			    "evil.test"),
	  "twice", NULL, false },
	{ "another extension twice", SPAN_LIT(GROUPS GROUPS), "twice", NULL, false },
	{ "ECH twice", SPAN_LIT(ECH ECH), "twice", NULL, false },
	{ "two names in one SNI", SPAN_LIT("\0\0\0\x12\0\x10\0\0\5a.tst\0\0\5b.tst"), "name list",
	  NULL, false },
	{ "empty SNI extension", SPAN_LIT("\0\0\0\0"), "name list", NULL, false },
	{ "empty list", SPAN_LIT("\0\0\0\2\0\0"), "name list", NULL, false },
	{ "empty name", SPAN_LIT("\0\0\0\5\0\3\0\0\0"), "no host name", NULL, false },
	{ "another type of name", SPAN_LIT("\0\0\0\x0e\0\x0c\1\0\x09good.test"), "name list", NULL,
	  false },
	{ "list shorter than the extension", SPAN_LIT("\0\0\0\x0f\0\x0c\0\0\x09good.test\0"),
	  "name list", NULL, false },
	{ "list longer than the extension", SPAN_LIT("\0\0\0\x0e\0\x0d\0\0\x09good.test"),
	  "name list", NULL, false },
	{ "name shorter than the list", SPAN_LIT("\0\0\0\x0e\0\x0c\0\0\x08good.test"), "name list",
	  NULL, false },
	{ "name longer than the list", SPAN_LIT("\0\0\0\x0e\0\x0c\0\0\x0agood.test"), "name list",
	  NULL, false },
	{ "IPv4 address",
	  SPAN_LIT("\0\0\0\x10\0\x0e\0\0\x0b"
		   "203.0.113.7"),
	  "no host name", NULL, false },
	{ "IPv6 address",
	  SPAN_LIT("\0\0\0\x10\0\x0e\0\0\x0b"
		   "2001:db8::1"),
	  "no host name", NULL, false },
	{ "NUL in the name", SPAN_LIT("\0\0\0\x0e\0\x0c\0\0\x09good\0test"), "no host name", NULL,
	  false },
	{ "NUL behind the name", SPAN_LIT("\0\0\0\x0f\0\x0d\0\0\x0agood.test\0"), "no host name",
	  NULL, false },
	{ "blank in the name", SPAN_LIT("\0\0\0\x0e\0\x0c\0\0\x09good test"), "no host name", NULL,
	  false },
	{ "UTF-8 in the name", SPAN_LIT("\0\0\0\x0b\0\x09\0\0\6b\xc3\xbc.ts"), "no host name", NULL,
	  false },
	{ "port behind the name", SPAN_LIT("\0\0\0\x10\0\x0e\0\0\x0bgood.test:1"), "no host name",
	  NULL, false },
	{ "half an extension", SPAN_LIT(GROUPS "\0\x2b"), "add up", NULL, false },
	{ "extension past the end", SPAN_LIT(GROUPS "\0\x2b\0\2\2"), "add up", NULL, false },
	{ "one byte", SPAN_LIT("\0"), "add up", NULL, false },
};

T(extensions)
{
	T_EACH(row, rows)
	{
		_cleanup_(buf_done) struct buf b = hello(row->extensions, 16384);
		struct client_hello h = { 0 };
		const char *why = NULL;
		ptrdiff_t got = read_hello(buf_view(&b), &h, &why);

		if (row->why) {
			t_eq_int(got, TLS_BAD);
			t_ok(strstr(why, row->why) != NULL);
			continue;
		}
		t_eq_int(got, b.n);
		t_ok(h.has_sni == (row->sni != NULL));
		t_ok(h.ech == row->ech);
		if (row->sni)
			t_eq_span(name_span(&h.sni), row->sni);
	}
}

/* A hello with some of its bytes changed. */
static const struct {
	const char *name;
	size_t at;
	struct span bytes;
	ptrdiff_t result; /* TLS_MORE stands for success */
	const char *why;
} changes[] = {
	{ "record of TLS 1.0", 1, SPAN_LIT("\3\1"), TLS_MORE, NULL },
	{ "record of TLS 1.3", 1, SPAN_LIT("\3\4"), TLS_MORE, NULL },
	{ "hello of TLS 1.0", 9, SPAN_LIT("\3\1"), TLS_MORE, NULL },
	{ "hello of TLS 1.1", 9, SPAN_LIT("\3\2"), TLS_MORE, NULL },
	{ "record of SSL 3", 1, SPAN_LIT("\3\0"), TLS_NOT_TLS, "not a TLS" },
	{ "record of version 3.5", 1, SPAN_LIT("\3\5"), TLS_NOT_TLS, "not a TLS" },
	{ "record of version 2", 1, SPAN_LIT("\2"), TLS_NOT_TLS, "not a TLS" },
	{ "DTLS", 1, SPAN_LIT("\xfe\xfd"), TLS_NOT_TLS, "not a TLS" },
	{ "SSL 2", 0, SPAN_LIT("\x80\x2e\1\0\2"), TLS_NOT_TLS, "not a TLS" },
	{ "HTTP", 0, SPAN_LIT("GET / HTTP/1.1\r\n"), TLS_NOT_TLS, "not a TLS" },
	{ "ssh", 0, SPAN_LIT("SSH-2.0-x\r\n"), TLS_NOT_TLS, "not a TLS" },
	{ "alert", 0, SPAN_LIT("\x15"), TLS_NOT_TLS, "not a TLS" },
	{ "application data", 0, SPAN_LIT("\x17"), TLS_NOT_TLS, "not a TLS" },
	{ "empty record", 3, SPAN_LIT("\0\0"), TLS_BAD, "empty or too long" },
	{ "record of 16385", 3, SPAN_LIT("\x40\1"), TLS_BAD, "empty or too long" },
	{ "ServerHello", 5, SPAN_LIT("\2"), TLS_BAD, "begin with a ClientHello" },
	{ "HelloRequest", 5, SPAN_LIT("\0"), TLS_BAD, "begin with a ClientHello" },
	{ "hello of 65533 bytes", 6, SPAN_LIT("\0\xff\xfd"), TLS_BAD, "too long" },
	{ "hello of 16 MiB", 6, SPAN_LIT("\xff\xff\xff"), TLS_BAD, "too long" },
	{ "hello shorter than its record", 6, SPAN_LIT("\0\0\x20"), TLS_BAD, "bytes behind" },
	{ "hello of nothing", 6, SPAN_LIT("\0\0\0"), TLS_BAD, "bytes behind" },
	{ "hello of SSL 3", 9, SPAN_LIT("\3\0"), TLS_BAD, "malformed" },
	{ "hello of SSL 2", 9, SPAN_LIT("\0\2"), TLS_BAD, "malformed" },
	{ "hello of version 3.5", 9, SPAN_LIT("\3\5"), TLS_BAD, "malformed" },
	{ "session id past the end", 43, SPAN_LIT("\xff"), TLS_BAD, "malformed" },
	{ "no ciphers", 46, SPAN_LIT("\0\0"), TLS_BAD, "malformed" },
	{ "ciphers of 3 bytes", 46, SPAN_LIT("\0\3"), TLS_BAD, "malformed" },
	{ "ciphers past the end", 46, SPAN_LIT("\xff\xfe"), TLS_BAD, "malformed" },
	{ "no compression methods", 52, SPAN_LIT("\0"), TLS_BAD, "malformed" },
	{ "extensions cut", 54, SPAN_LIT("\0\x11"), TLS_BAD, "add up" },
	{ "bytes behind the extensions", 54, SPAN_LIT("\0\x12"), TLS_BAD, "add up" },
	{ "extensions longer", 54, SPAN_LIT("\0\xff"), TLS_BAD, "add up" },
};

T(bytes)
{
	T_EACH(row, changes)
	{
		_cleanup_(buf_done) struct buf b = hello(SPAN_LIT(SNI_GOOD GROUPS), 16384);
		struct client_hello h;
		const char *why = NULL;
		ptrdiff_t got;

		memcpy(b.p + row->at, row->bytes.p, row->bytes.n);
		got = read_hello(buf_view(&b), &h, &why);
		if (row->result == TLS_MORE) {
			t_eq_int(got, b.n);
			continue;
		}
		t_eq_int(got, row->result);
		if (!strstr(why, row->why))
			t_fail("reason \"%s\", expected \"%s\"", why, row->why);
	}
}

/* Cut into records at every place, the hello stays the same. */
T(records)
{
	_cleanup_(buf_done) struct buf whole = { 0 };

	buf_init(&whole, 1024);
	put_hello(SPAN_LIT(GROUPS SNI_GOOD), &whole);
	for (size_t cut = 1; cut < whole.n; cut++) {
		_cleanup_(buf_done) struct buf b = { 0 };
		struct client_hello h = { 0 };
		const char *why = NULL;

		buf_init(&b, 1024);
		put_record(span_first(buf_view(&whole), cut), &b);
		put_record(span_from(buf_view(&whole), cut), &b);
		t_eq_int(read_hello(buf_view(&b), &h, &why), b.n);
		t_ok(h.has_sni);
		t_eq_span(name_span(&h.sni), "good.test");
	}
}

T(record_count)
{
	static const struct {
		const char *name;
		size_t piece;
		ptrdiff_t want; /* 0: all of it */
	} pieces[] = {
		{ "a record for every two bytes", 2, 0 },
		{ "a record for every byte", 1, TLS_BAD },
	};

	T_EACH(row, pieces)
	{
		_cleanup_(buf_done) struct buf b = hello(SPAN_LIT(GROUPS SNI_GOOD), row->piece);
		struct client_hello h;
		const char *why = NULL;

		t_eq_int(read_hello(buf_view(&b), &h, &why),
			 row->want ? row->want : (ptrdiff_t)b.n);
		t_ok(!why || strstr(why, "too many records"));
	}
}

/* What may stand behind the hello, and what not within it. */
T(around)
{
	_cleanup_(buf_done) struct buf b = hello(SPAN_LIT(SNI_GOOD), 16384);
	_cleanup_(buf_done) struct buf cut = hello(SPAN_LIT(SNI_GOOD), 30);
	const size_t n = b.n;
	struct client_hello h;
	const char *why = NULL;

	buf_add(&b, "\x14\3\3\0\1\1\x17\3\3\0\5early", 16);
	t_eq_int(read_hello(buf_view(&b), &h, &why), n);

	/* The second record is an alert, of another version, or none at all. */
	cut.p[35] = 21;
	t_eq_int(read_hello(buf_view(&cut), &h, &why), TLS_BAD);
	t_eq_str(why, "another record within the ClientHello");
	cut.p[35] = 22;
	cut.p[36] = 2;
	t_eq_int(read_hello(buf_view(&cut), &h, &why), TLS_BAD);
	cut.p[36] = 3;
	cut.p[39] = 0;
	t_eq_int(read_hello(buf_view(&cut), &h, &why), TLS_BAD);
}

/* Two handshake messages in one record: the second could be another hello. */
T(two_hellos)
{
	_cleanup_(buf_done) struct buf both = { 0 }, b = { 0 };
	struct client_hello h;
	const char *why = NULL;

	buf_init(&both, 1024);
	buf_init(&b, 1024);
	put_hello(SPAN_LIT(SNI_GOOD), &both);
	put_hello(SPAN_LIT(GROUPS), &both);
	put_record(buf_view(&both), &b);
	t_eq_int(read_hello(buf_view(&b), &h, &why), TLS_BAD);
	t_eq_str(why, "bytes behind the ClientHello in its record");
}

/* A hello with an extension of n bytes. */
static struct buf padded(size_t n, size_t piece)
{
	_cleanup_(buf_done) struct buf extensions = { 0 };

	buf_init(&extensions, 1 << 20);
	buf_add(&extensions, SNI_GOOD "\0\x15", 20);
	buf_u16(&extensions, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		buf_u8(&extensions, 0);
	return hello(buf_view(&extensions), piece);
}

T(size)
{
	struct client_hello h;
	const char *why = NULL;
	const size_t around = 73 + 4 * 5; /* the rest of the hello, and four records' headers */

	for (size_t n = LIMIT_CLIENT_HELLO - around - 1; n < LIMIT_CLIENT_HELLO - around + 2; n++) {
		_cleanup_(buf_done) struct buf b = padded(n, 16384);
		bool fits = b.n <= LIMIT_CLIENT_HELLO;

		t_eq_int(tls_hello_read(buf_view(&b), &h, &why), fits ? (ptrdiff_t)b.n : TLS_BAD);
		/* The headers alone tell. */
		t_eq_int(tls_hello_read(span_first(buf_view(&b), 3 * 16389 + 5), &h, &why),
			 fits ? TLS_MORE : TLS_BAD);
	}
}

T(extension_count)
{
	for (unsigned n = LIMIT_TLS_EXTENSIONS - 1; n <= LIMIT_TLS_EXTENSIONS + 1; n++) {
		_cleanup_(buf_done) struct buf extensions = { 0 }, b = { 0 };
		struct client_hello h;
		const char *why = NULL;

		buf_init(&extensions, 4096);
		for (unsigned i = 0; i < n; i++)
			buf_u32(&extensions, (0x1000 + i) << 16);
		b = hello(buf_view(&extensions), 16384);
		t_eq_int(tls_hello_read(buf_view(&b), &h, &why),
			 n <= LIMIT_TLS_EXTENSIONS ? (ptrdiff_t)b.n : TLS_BAD);
	}
}

T(session_id)
{
	for (uint8_t n = 31; n <= 33; n++) {
		_cleanup_(buf_done) struct buf whole = { 0 }, b = { 0 };
		struct client_hello h;
		const char *why = NULL;

		buf_init(&whole, 1024);
		buf_init(&b, 1024);
		put_hello_of(n, SPAN_LIT(SNI_GOOD), &whole);
		put_record(buf_view(&whole), &b);
		t_eq_int(read_hello(buf_view(&b), &h, &why), n <= 32 ? (ptrdiff_t)b.n : TLS_BAD);
	}
}

T(alert)
{
	_cleanup_(buf_done) struct buf b = { 0 };

	buf_init(&b, 16);
	tls_alert_build(TLS_ALERT_UNRECOGNIZED_NAME, &b);
	t_eq_int(b.n, 7);
	t_eq_mem(b.p, "\x15\3\3\0\2\2\x70", 7);
}

T_MAIN(T_TEST(programs), T_TEST(extensions), T_TEST(bytes), T_TEST(records), T_TEST(record_count),
       T_TEST(around), T_TEST(two_hellos), T_TEST(size), T_TEST(extension_count),
       T_TEST(session_id), T_TEST(alert))
