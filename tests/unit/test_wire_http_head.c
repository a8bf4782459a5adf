/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/limits.h"
#include "http_pieces.h"

#define HOST "Host: good.test\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST
#define END  "\r\n"

static const struct {
	const char *name;
	struct span head;
	unsigned status;
	const char *why;
} refused[] = {
	/* The request line. */
	{ "empty line first", SPAN_LIT("\r\n" GET END), 400, "method" },
	{ "blank first", SPAN_LIT(" " GET END), 400, "method" },
	{ "HTTP/0.9", SPAN_LIT("GET /\r\n"), 400, "method, target, version" },
	{ "no target", SPAN_LIT("GET HTTP/1.1\r\n" HOST END), 400, "method, target, version" },
	{ "method alone", SPAN_LIT("GET\r\n"), 400, "method, target, version" },
	{ "two blanks", SPAN_LIT("GET  / HTTP/1.1\r\n" HOST END), 400, "method, target, version" },
	{ "tab for a blank", SPAN_LIT("GET\t/ HTTP/1.1\r\n" HOST END), 400, "method" },
	{ "tab in the target", SPAN_LIT("GET /\ta HTTP/1.1\r\n" HOST END), 400, "target" },
	{ "blank in the target", SPAN_LIT("GET /a b HTTP/1.1\r\n" HOST END), 400, "target" },
	{ "blank at the end", SPAN_LIT("GET / HTTP/1.1 \r\n" HOST END), 400, "target" },
	{ "colon in the method", SPAN_LIT("GE:T / HTTP/1.1\r\n" HOST END), 400, "method" },
	{ "8 bits in the method", SPAN_LIT("G\xc3\x8bT / HTTP/1.1\r\n" HOST END), 400, "method" },
	{ "http/1.1 in lower case", SPAN_LIT("GET / http/1.1\r\n" HOST END), 400, "version" },
	{ "HTTP/1.1x", SPAN_LIT("GET / HTTP/1.1x\r\n" HOST END), 505, "version" },
	{ "HTTP/1.10", SPAN_LIT("GET / HTTP/1.10\r\n" HOST END), 505, "version" },
	{ "HTTP/1.2", SPAN_LIT("GET / HTTP/1.2\r\n" HOST END), 505, "version" },
	{ "HTTP/2.0", SPAN_LIT("GET / HTTP/2.0\r\n" HOST END), 505, "version" },
	{ "HTTP/", SPAN_LIT("GET / HTTP/\r\n" HOST END), 400, "version" },
	{ "HTTPS/1.1", SPAN_LIT("GET / HTTPS/1.1\r\n" HOST END), 400, "version" },
	{ "HTTP/2 preface", SPAN_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, "version" },
	{ "TLS", SPAN_LIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc"), 400, "control byte" },
	{ "ssh", SPAN_LIT("SSH-2.0-OpenSSH_9.2p1\r\n"), 400, "method, target, version" },

	/* Line ends and other control bytes. */
	{ "LF alone", SPAN_LIT("GET / HTTP/1.1\nHost: good.test\n\n"), 400, "LF without CR" },
	{ "LF alone behind a field", SPAN_LIT("GET / HTTP/1.1\r\nHost: good.test\n\r\n"), 400,
	  "LF without CR" },
	{ "LF alone at the end", SPAN_LIT(GET "\n"), 400, "LF without CR" },
	{ "CR alone", SPAN_LIT("GET / HTTP/1.1\rHost: good.test\r\n\r\n"), 400, "CR without LF" },
	{ "CR CR LF", SPAN_LIT("GET / HTTP/1.1\r\r\n" HOST END), 400, "CR without LF" },
	{ "escape in the target", SPAN_LIT("GET /\x1b HTTP/1.1\r\n" HOST END), 400,
	  "control byte" },

	/* Fields. */

	/* Host. */
	{ "no Host", SPAN_LIT("GET / HTTP/1.1\r\n\r\n"), 400, "no Host" },
	{ "no Host with CONNECT", SPAN_LIT("CONNECT good.test:443 HTTP/1.1\r\n\r\n"), 400,
	  "no Host" },
	{ "no Host with a host in the target", SPAN_LIT("GET http://good.test/ HTTP/1.1\r\n\r\n"),
	  400, "no Host" },
	{ "two Hosts", SPAN_LIT(GET "Host: evil.test\r\n\r\n"), 400, "two Host" },
	{ "the same Host twice", SPAN_LIT(GET HOST END), 400, "two Host" },
	{ "two Hosts in HTTP/1.0", SPAN_LIT("GET / HTTP/1.0\r\n" HOST "hOST: evil.test\r\n\r\n"),
	  400, "two Host" },
	{ "empty Host", SPAN_LIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400, "malformed Host" },
	{ "list of Hosts", SPAN_LIT("GET / HTTP/1.1\r\nHost: good.test, evil.test\r\n\r\n"), 400,
	  "malformed Host" },
	{ "Host of two words", SPAN_LIT("GET / HTTP/1.1\r\nHost: good.test evil.test\r\n\r\n"), 400,
	  "malformed Host" },
	{ "Host with userinfo", SPAN_LIT("GET / HTTP/1.1\r\nHost: good.test@evil.test\r\n\r\n"),
	  400, "malformed Host" },
	{ "Host with a scheme", SPAN_LIT("GET / HTTP/1.1\r\nHost: http://good.test\r\n\r\n"), 400,
	  "malformed Host" },
	{ "Host with a path", SPAN_LIT("GET / HTTP/1.1\r\nHost: good.test/\r\n\r\n"), 400,
	  "malformed Host" },
	{ "Host with a fragment", SPAN_LIT("GET / HTTP/1.1\r\nHost: good.test#evil.test\r\n\r\n"),
	  400, "malformed Host" },
	{ "Host with %00", SPAN_LIT("GET / HTTP/1.1\r\nHost: evil.test%00good.test\r\n\r\n"), 400,
	  "malformed Host" },
	{ "Host with NUL", SPAN_LIT("GET / HTTP/1.1\r\nHost: evil.test\0good.test\r\n\r\n"), 400,
	  "control byte" },

	/* A host in the target. */
	{ "another Host than the target's",
	  SPAN_LIT("GET http://good.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n"), 400,
	  "Host is not the host" },
	{ "another target than the Host's", SPAN_LIT("GET http://evil.test/ HTTP/1.1\r\n" HOST END),
	  400, "Host is not the host" },
	{ "another port in the target", SPAN_LIT("GET http://good.test:81/ HTTP/1.1\r\n" HOST END),
	  400, "Host is not the host" },
	{ "another port in Host",
	  SPAN_LIT("GET http://good.test/ HTTP/1.1\r\nHost: good.test:81\r\n\r\n"), 400,
	  "Host is not the host" },
	{ "another Host in HTTP/1.0",
	  SPAN_LIT("GET http://good.test/ HTTP/1.0\r\nHost: evil.test\r\n\r\n"), 400,
	  "Host is not the host" },
	{ "another Host with CONNECT",
	  SPAN_LIT("CONNECT good.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n"), 400,
	  "Host is not the host" },
	{ "another port with CONNECT",
	  SPAN_LIT("CONNECT good.test:443 HTTP/1.1\r\nHost: good.test:80\r\n\r\n"), 400,
	  "Host is not the host" },
	{ "https target", SPAN_LIT("GET https://good.test/ HTTP/1.1\r\n" HOST END), 400,
	  "http://host" },
	{ "ftp target", SPAN_LIT("GET ftp://good.test/ HTTP/1.1\r\n" HOST END), 400,
	  "http://host" },
	{ "file target", SPAN_LIT("GET file:///etc/passwd HTTP/1.1\r\n" HOST END), 400,
	  "http://host" },
	{ "gopher target", SPAN_LIT("GET gopher://good.test/ HTTP/1.1\r\n" HOST END), 400,
	  "http://host" },
	{ "urn target", SPAN_LIT("GET urn:x HTTP/1.1\r\n" HOST END), 400, "http://host" },
	{ "target of a host alone", SPAN_LIT("GET good.test HTTP/1.1\r\n" HOST END), 400,
	  "http://host" },
	{ "target http:/", SPAN_LIT("GET http:/good.test/ HTTP/1.1\r\n" HOST END), 400,
	  "http://host" },
	{ "target without a host", SPAN_LIT("GET http:///a HTTP/1.1\r\n" HOST END), 400,
	  "host in the target" },
	{ "target with userinfo", SPAN_LIT("GET http://good.test@evil.test/ HTTP/1.1\r\n" HOST END),
	  400, "host in the target" },
	{ "target with a backslash",
	  SPAN_LIT("GET http://evil.test\\.good.test/ HTTP/1.1\r\n" HOST END), 400,
	  "host in the target" },
	{ "target with a query for a path",
	  SPAN_LIT("GET http://good.test?.evil.test/ HTTP/1.1\r\n" HOST END), 400,
	  "query without a path" },
	{ "query for a path, @", SPAN_LIT("GET http://good.test?@evil/ HTTP/1.1\r\n" HOST END), 400,
	  "query without a path" },
	{ "query for a path, port", SPAN_LIT("GET http://good.test?:81/ HTTP/1.1\r\n" HOST END),
	  400, "query without a path" },
	{ "query for a host", SPAN_LIT("GET http://?good.test/ HTTP/1.1\r\n" HOST END), 400,
	  "host in the target" },
	{ "target with a fragment",
	  SPAN_LIT("GET http://evil.test#.good.test/ HTTP/1.1\r\n" HOST END), 400,
	  "malformed target" },
	{ "path with a fragment", SPAN_LIT("GET /#x HTTP/1.1\r\n" HOST END), 400,
	  "malformed target" },
	{ "target with 8 bits in the host",
	  SPAN_LIT("GET http://g\xc3\xb6\x6f\x64.test/ HTTP/1.1\r\n" HOST END), 400,
	  "host in the target" },
	{ "* of another method", SPAN_LIT("GET * HTTP/1.1\r\n" HOST END), 400, "http://host" },
	{ "CONNECT without a port", SPAN_LIT("CONNECT good.test HTTP/1.1\r\n" HOST END), 400,
	  "CONNECT without" },
	{ "CONNECT with an empty port", SPAN_LIT("CONNECT good.test: HTTP/1.1\r\n" HOST END), 400,
	  "CONNECT without" },
	{ "CONNECT of a URL", SPAN_LIT("CONNECT http://good.test:443/ HTTP/1.1\r\n" HOST END), 400,
	  "CONNECT without" },
	{ "CONNECT of a path", SPAN_LIT("CONNECT / HTTP/1.1\r\n" HOST END), 400,
	  "CONNECT without" },
	{ "CONNECT with userinfo", SPAN_LIT("CONNECT a@good.test:443 HTTP/1.1\r\n" HOST END), 400,
	  "CONNECT without" },
	{ "connect in lower case", SPAN_LIT("connect good.test:443 HTTP/1.1\r\n" HOST END), 400,
	  "http://host" },

	/* Framing. */
	{ "chunked in HTTP/1.0",
	  SPAN_LIT("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), 400,
	  "HTTP/1.0" },
	{ "CONNECT with a length",
	  SPAN_LIT("CONNECT good.test:443 HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n"), 400,
	  "CONNECT with a body" },
	{ "CONNECT with chunks",
	  SPAN_LIT("CONNECT good.test:443 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"),
	  400, "CONNECT with a body" },
	{ "another Expect", SPAN_LIT(POST "Expect: 200-ok\r\n\r\n"), 417, "Expect" },
	{ "two Expects", SPAN_LIT(POST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n"), 417,
	  "Expect" },
	{ "two Proxy-Authorizations",
	  SPAN_LIT(GET "Proxy-Authorization: a\r\nProxy-Authorization: b\r\n\r\n"), 400,
	  "two Proxy-Authorization" },
};

T(refuse)
{
	T_EACH(row, refused)
	{
		struct http_head h;
		struct http_bad bad = { 0 };

		t_eq_int(read_head(row->head, &h, &bad), -1);
		t_eq_int(bad.status, row->status);
		if (!strstr(bad.why, row->why))
			t_fail("reason \"%s\", expected \"%s\"", bad.why, row->why);
	}
}

/* What follows the head is not looked at. */
static const struct {
	const char *name;
	struct span head;
	struct http_head want; /* but the spans and the host's name, which is good.test */
} taken[] = {
	{ "GET", SPAN_LIT(GET END), { .minor = 1 } },
	{ "no blank behind the colon",
	  SPAN_LIT("GET / HTTP/1.1\r\nHost:good.test\r\n\r\n"),
	  { .minor = 1 } },
	{ "blanks around the value",
	  SPAN_LIT("GET / HTTP/1.1\r\nHost: \t good.test \t\r\n\r\n"),
	  { .minor = 1 } },
	{ "upper case and a dot",
	  SPAN_LIT("GET / HTTP/1.1\r\nHOST: GOOD.Test.:80\r\n\r\n"),
	  { .minor = 1, .host.port = 80 } },
	{ "HTTP/1.0", SPAN_LIT("GET / HTTP/1.0\r\n" HOST END), { .framing.close = true } },
	{ "HTTP/1.0 with keep-alive",
	  SPAN_LIT("GET / HTTP/1.0\r\n" HOST "Connection: Keep-Alive\r\n\r\n"),
	  { .minor = 0 } },
	{ "close among others",
	  SPAN_LIT(GET "Connection: foo, CLOSE ,, bar\r\n\r\n"),
	  { .minor = 1, .framing.close = true } },
	{ "close and keep-alive",
	  SPAN_LIT(GET "Connection: keep-alive, close\r\n\r\n"),
	  { .minor = 1, .framing.close = true } },
	{ "length",
	  SPAN_LIT(POST "Content-Length: 5\r\n\r\nhello"),
	  { .minor = 1, .framing.has_length = true, .framing.content_length = 5 } },
	{ "length 0",
	  SPAN_LIT(POST "content-length:0\r\n\r\n"),
	  { .minor = 1, .framing.has_length = true } },
	{ "longest length",
	  SPAN_LIT(POST "Content-Length: 9223372036854775807\r\n\r\n"),
	  { .minor = 1, .framing.has_length = true, .framing.content_length = INT64_MAX } },
	{ "chunked",
	  SPAN_LIT(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	  { .minor = 1, .framing.chunked = true } },
	{ "expect",
	  SPAN_LIT(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"),
	  { .minor = 1,
	    .expect_continue = true,
	    .framing.has_length = true,
	    .framing.content_length = 1 } },
	{ "expect in HTTP/1.0",
	  SPAN_LIT("POST / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\n\r\n"),
	  { .framing.close = true } },
	{ "absolute",
	  SPAN_LIT("GET http://good.test/a HTTP/1.1\r\n" HOST END),
	  { .minor = 1, .form = HTTP_FORM_ABSOLUTE } },
	{ "absolute without a path",
	  SPAN_LIT("GET HTTP://GOOD.test HTTP/1.1\r\n" HOST END),
	  { .minor = 1, .form = HTTP_FORM_ABSOLUTE } },
	{ "absolute with a query for a path",
	  SPAN_LIT("GET http://good.test?a=b/c HTTP/1.1\r\n" HOST END),
	  { .minor = 1, .form = HTTP_FORM_ABSOLUTE } },
	{ "absolute, :80 against none",
	  SPAN_LIT("GET http://good.test:80/ HTTP/1.1\r\n" HOST END),
	  { .minor = 1, .form = HTTP_FORM_ABSOLUTE, .host.port = 80 } },
	{ "absolute, the same port",
	  SPAN_LIT("GET http://good.test:81/ HTTP/1.1\r\nHost: good.test:81\r\n\r\n"),
	  { .minor = 1, .form = HTTP_FORM_ABSOLUTE, .host.port = 81 } },
	{ "absolute in HTTP/1.0",
	  SPAN_LIT("GET http://good.test/ HTTP/1.0\r\n\r\n"),
	  { .framing.close = true, .form = HTTP_FORM_ABSOLUTE } },
	{ "@ and % in a path", SPAN_LIT("GET /a@b%00:c HTTP/1.1\r\n" HOST END), { .minor = 1 } },
	{ "UTF-8 in a path", SPAN_LIT("GET /\xc3\xa4?{}| HTTP/1.1\r\n" HOST END), { .minor = 1 } },
	{ "URL in a path",
	  SPAN_LIT("GET /http://evil.test/ HTTP/1.1\r\n" HOST END),
	  { .minor = 1 } },
	{ "CONNECT",
	  SPAN_LIT("CONNECT good.test:443 HTTP/1.1\r\nHost: good.test:443\r\n\r\n\x16"),
	  { .minor = 1, .form = HTTP_FORM_AUTHORITY, .host.port = 443 } },
	{ "CONNECT, Host without the port",
	  SPAN_LIT("CONNECT good.test:443 HTTP/1.1\r\n" HOST END),
	  { .minor = 1, .form = HTTP_FORM_AUTHORITY, .host.port = 443 } },
	{ "CONNECT in HTTP/1.0",
	  SPAN_LIT("CONNECT good.test:443 HTTP/1.0\r\n\r\n"),
	  { .framing.close = true, .form = HTTP_FORM_AUTHORITY, .host.port = 443 } },
	{ "CONNECT with length 0",
	  SPAN_LIT("CONNECT good.test:1 HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"),
	  { .minor = 1, .form = HTTP_FORM_AUTHORITY, .framing.has_length = true, .host.port = 1 } },
	{ "OPTIONS *",
	  SPAN_LIT("OPTIONS * HTTP/1.1\r\n" HOST END),
	  { .minor = 1, .form = HTTP_FORM_ASTERISK } },
	{ "a method of the client's own",
	  SPAN_LIT("M-SEARCH! / HTTP/1.1\r\n" HOST END),
	  { .minor = 1 } },
	{ "8 bits in a value", SPAN_LIT(GET "X: \xff\x80\t!\r\n\r\n"), { .minor = 1 } },
	{ "empty value", SPAN_LIT(GET "X:\r\n\r\n"), { .minor = 1 } },
	{ "junk behind the head", SPAN_LIT(GET END "\0\r\n\n"), { .minor = 1 } },
};

T(take)
{
	T_EACH(row, taken)
	{
		struct http_head h = { 0 };
		struct http_bad bad = { 0 };
		const char *end = strstr(row->head.p, "\r\n\r\n");
		ptrdiff_t n = read_head(row->head, &h, &bad);

		if (n < 0)
			t_fail("refused: %s", bad.why);
		t_eq_int(n, end + 4 - row->head.p);
		t_eq_span(name_span(&h.host.name), "good.test");
		t_eq_int(h.host.port, row->want.host.port);
		t_eq_int(h.form, row->want.form);
		t_eq_int(h.minor, row->want.minor);
		t_eq_int(h.framing.close, row->want.framing.close);
		t_eq_int(h.framing.chunked, row->want.framing.chunked);
		t_eq_int(h.framing.has_length, row->want.framing.has_length);
		t_eq_int(h.framing.content_length, row->want.framing.content_length);
		t_eq_int(h.expect_continue, row->want.expect_continue);
		t_eq_int(h.framing.upgrade.n, 0);
		t_eq_int(h.proxy_authorization.n, 0);
	}
}

T(no_host)
{
	struct http_head h;
	struct http_bad bad;

	t_ok(read_head(SPAN_LIT("GET / HTTP/1.0\r\n\r\n"), &h, &bad) > 0);
	t_ok(!http_host_given(&h.host));
}

T(spans)
{
	static const struct span head = SPAN_LIT("GET http://[2001:db8::1]:8080/a?b HTTP/1.1\r\n"
						 "Host: [2001:db8::1]:8080\r\n"
						 "Connection: keep-alive, Upgrade\r\n"
						 "Upgrade: websocket\r\n"
						 "Proxy-Authorization: Basic eDp5\r\n\r\n");
	struct http_head h = { 0 };
	struct http_bad bad;
	char text[ADDR_STR_MAX];

	t_eq_int(read_head(head, &h, &bad), head.n);
	t_eq_span(h.method, "GET");
	t_eq_span(h.target, "http://[2001:db8::1]:8080/a?b");
	t_eq_span(h.framing.upgrade, "websocket");
	t_eq_span(h.proxy_authorization, "Basic eDp5");
	t_eq_str(addr_str(&h.host.addr, text), "2001:db8::1");
	t_eq_int(h.host.name.len, 0);
	t_eq_int(h.host.port, 8080);
}

/* Upgrade counts only where Connection says so, and never in HTTP/1.0. */
T(upgrade)
{
	struct http_head h = { 0 };
	struct http_bad bad;

	t_ok(read_head(SPAN_LIT(GET "Upgrade: websocket\r\n\r\n"), &h, &bad) > 0);
	t_eq_int(h.framing.upgrade.n, 0);
	t_ok(read_head(SPAN_LIT(GET "Connection: upgrade\r\n\r\n"), &h, &bad) > 0);
	t_eq_int(h.framing.upgrade.n, 0);
	t_ok(read_head(SPAN_LIT("GET / HTTP/1.0\r\n" HOST
				"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
		       &h, &bad) > 0);
	t_eq_int(h.framing.upgrade.n, 0);
}

static const struct {
	const char *name;
	const char *target;
	const char *path;
} paths[] = {
	{ "path", "http://good.test/a/b", "/a/b" },
	{ "root", "http://good.test/", "/" },
	{ "no path", "http://good.test", "" },
	{ "port, no path", "http://good.test:80", "" },
	{ "path and query", "http://good.test:80/a?b/c", "/a?b/c" },
	{ "query alone", "http://good.test?b/c", "?b/c" },
	{ "empty query", "http://good.test:80?", "?" },
	{ "two slashes", "http://good.test//evil.test/", "//evil.test/" },
	{ "not absolute", "/a", "" },
};

T(path)
{
	T_EACH(row, paths)
	{
		_cleanup_(buf_done) struct buf b = { 0 };
		struct http_head h = { 0 };
		struct http_bad bad;

		buf_init(&b, 256);
		buf_fmt(&b, "GET %s HTTP/1.1\r\n" HOST END, row->target);
		t_eq_int(read_head(buf_view(&b), &h, &bad), b.n);
		t_eq_span(h.path, row->path);
	}
}

static const struct {
	const char *name;
	const char *head;
	int64_t want; /* -1: none; -2: refused */
} forwards[] = {
	{ "OPTIONS", "OPTIONS / HTTP/1.1\r\n" HOST "Max-Forwards: 3\r\n", 3 },
	{ "TRACE", "TRACE / HTTP/1.1\r\n" HOST "max-forwards:0\r\n", 0 },
	{ "the most", "TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: 4294967295\r\n", UINT32_MAX },
	{ "none", "OPTIONS / HTTP/1.1\r\n" HOST, -1 },
	{ "GET", GET "Max-Forwards: 3\r\n", -1 },
	{ "GET, malformed", GET "Max-Forwards: x\r\n", -1 },
	{ "malformed", "TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: x\r\n", -2 },
	{ "empty", "TRACE / HTTP/1.1\r\n" HOST "Max-Forwards:\r\n", -2 },
	{ "minus", "TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: -1\r\n", -2 },
	{ "too many", "TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: 4294967296\r\n", -2 },
	{ "twice", "TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: 1\r\nMax-Forwards: 1\r\n", -2 },
};

T(max_forwards)
{
	T_EACH(row, forwards)
	{
		_cleanup_(buf_done) struct buf b = { 0 };
		struct http_head h = { 0 };
		struct http_bad bad = { 0 };

		buf_init(&b, 256);
		buf_fmt(&b, "%s\r\n", row->head);
		t_eq_int(read_head(buf_view(&b), &h, &bad), row->want == -2 ? -1 : (ptrdiff_t)b.n);
		t_eq_int(bad.status, row->want == -2 ? 400 : 0);
		t_eq_int(h.has_max_forwards, row->want >= 0);
		t_eq_int(h.max_forwards, row->want > 0 ? row->want : 0);
	}
}

/* What cannot become a head is refused as soon as that is seen. */
T(early)
{
	struct http_head h;
	struct http_bad bad;

	t_eq_int(http_head_read(SPAN_LIT("\x16"), 0, &h, &bad), -1);
	t_eq_int(http_head_read(SPAN_LIT("GET /\r"), 0, &h, &bad), 0);
	t_eq_int(http_head_read(SPAN_LIT("GET /\rH"), 6, &h, &bad), -1);
	t_eq_int(http_head_read(SPAN_LIT("SSH-2.0-x\r\n"), 10, &h, &bad), -1);
	t_eq_int(http_head_read(SPAN_LIT(GET "X: a\0"), 0, &h, &bad), -1);
}

T(unfinished)
{
	static const struct span head = SPAN_LIT(GET "X: y\r\n\r\n");
	struct http_head h;
	struct http_bad bad;

	for (size_t n = 0; n < head.n; n++)
		t_eq_int(http_head_read(span_first(head, n), 0, &h, &bad), 0);
}

/* A head in the midst of its last field. */
static struct buf begun(void)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_str(&b, GET "X: ");
	return b;
}

T(too_long)
{
	struct http_head h;
	struct http_bad bad = { 0 };

	for (size_t n = LIMIT_HTTP_HEAD - 2; n <= LIMIT_HTTP_HEAD + 2; n++) {
		_cleanup_(buf_done) struct buf b = begun();

		while (b.n < n - 4)
			buf_char(&b, 'v');
		buf_str(&b, "\r\n\r\n");
		if (n > LIMIT_HTTP_HEAD)
			b.n = LIMIT_HTTP_HEAD; /* whether or not more follows */
		t_eq_int(http_head_read(buf_view(&b), 0, &h, &bad),
			 n <= LIMIT_HTTP_HEAD ? (ptrdiff_t)n : -1);
		t_eq_int(http_head_read(buf_view(&b), b.n - 1, &h, &bad),
			 n <= LIMIT_HTTP_HEAD ? (ptrdiff_t)n : -1);
	}
	t_eq_int(bad.status, 431);
}

/* A line that never ends, a byte at a time: refused at the limit, and soon enough. */
T(trickle)
{
	_cleanup_(buf_done) struct buf b = begun();
	struct http_head h;
	struct http_bad bad = { 0 };

	while (b.n < LIMIT_HTTP_HEAD - 1) {
		buf_char(&b, 'v');
		t_eq_int(http_head_read(buf_view(&b), b.n - 1, &h, &bad), 0);
	}
	buf_char(&b, 'v');
	t_eq_int(http_head_read(buf_view(&b), b.n - 1, &h, &bad), -1);
	t_eq_int(bad.status, 431);
}

T_MAIN(T_TEST(refuse), T_TEST(take), T_TEST(no_host), T_TEST(spans), T_TEST(upgrade), T_TEST(path),
       T_TEST(max_forwards), T_TEST(early), T_TEST(unfinished), T_TEST(too_long), T_TEST(trickle))
