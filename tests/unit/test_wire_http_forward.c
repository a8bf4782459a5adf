/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/limits.h"
#include "t.h"
#include "wire/http_forward.h"

#define HOST  "Host: good.test\r\n"
#define VIA   "Via: 1.1 sallyport\r\n"
#define CLOSE "Connection: close\r\n"
#define GET   "GET http://good.test/ HTTP/1.1\r\n" HOST
#define GOT   "GET / HTTP/1.1\r\n" HOST
#define OK    "HTTP/1.1 200 OK\r\n"
#define END   "\r\n"

static const struct {
	const char *name;
	const char *in;
	const char *out; /* NULL: there is nothing to send */
} requests[] = {
	/* The target. */
	{ "path", "GET http://good.test/a/b?c HTTP/1.1\r\n" HOST END,
	  "GET /a/b?c HTTP/1.1\r\n" HOST CLOSE VIA END },
	{ "no path", "GET http://good.test HTTP/1.1\r\n" HOST END, GOT CLOSE VIA END },
	{ "query alone", "GET http://good.test?a=b/c HTTP/1.1\r\n" HOST END,
	  "GET /?a=b/c HTTP/1.1\r\n" HOST CLOSE VIA END },
	{ "empty query", "GET http://good.test? HTTP/1.1\r\n" HOST END,
	  "GET /? HTTP/1.1\r\n" HOST CLOSE VIA END },
	{ "two slashes", "GET http://good.test//evil.test/ HTTP/1.1\r\n" HOST END,
	  "GET //evil.test/ HTTP/1.1\r\n" HOST CLOSE VIA END },
	{ "URL in the path", "GET http://good.test/http://evil.test/@? HTTP/1.1\r\n" HOST END,
	  "GET /http://evil.test/@? HTTP/1.1\r\n" HOST CLOSE VIA END },
	{ "8 bits in the path", "GET http://good.test/\xc3\xa4 HTTP/1.1\r\n" HOST END,
	  "GET /\xc3\xa4 HTTP/1.1\r\n" HOST CLOSE VIA END },
	{ "OPTIONS of the server", "OPTIONS http://good.test HTTP/1.1\r\n" HOST END,
	  "OPTIONS * HTTP/1.1\r\n" HOST CLOSE VIA END },
	{ "OPTIONS of a path", "OPTIONS http://good.test/ HTTP/1.1\r\n" HOST END,
	  "OPTIONS / HTTP/1.1\r\n" HOST CLOSE VIA END },
	{ "OPTIONS with a query", "OPTIONS http://good.test?a HTTP/1.1\r\n" HOST END,
	  "OPTIONS /?a HTTP/1.1\r\n" HOST CLOSE VIA END },
	{ "a method of the client's own", "PURGE http://good.test/ HTTP/1.1\r\n" HOST END,
	  "PURGE / HTTP/1.1\r\n" HOST CLOSE VIA END },
	{ "origin form", "GET / HTTP/1.1\r\n" HOST END, NULL },
	{ "asterisk", "OPTIONS * HTTP/1.1\r\n" HOST END, NULL },
	{ "CONNECT", "CONNECT good.test:443 HTTP/1.1\r\n" HOST END, NULL },

	/* The version. */
	{ "HTTP/1.0", "GET http://good.test/ HTTP/1.0\r\n" HOST END,
	  "GET / HTTP/1.0\r\n" HOST CLOSE "Via: 1.0 sallyport\r\n" END },
	{ "HTTP/1.0 without Host", "GET http://good.test/ HTTP/1.0\r\nX: y\r\n\r\n",
	  "GET / HTTP/1.0\r\n" HOST "X: y\r\n" CLOSE "Via: 1.0 sallyport\r\n" END },
	{ "HTTP/1.0 with keep-alive",
	  "GET http://good.test/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	  "GET / HTTP/1.0\r\n" HOST CLOSE "Via: 1.0 sallyport\r\n" END },

	/* Host. */
	{ "Host behind other fields", "GET http://good.test/ HTTP/1.1\r\nX: y\r\n" HOST END,
	  GOT "X: y\r\n" CLOSE VIA END },
	{ "case and a dot", "GET HTTP://GOOD.Test./ HTTP/1.1\r\nHOST: Good.test:80\r\n\r\n",
	  GOT CLOSE VIA END },
	{ "port 80 in the target", "GET http://good.test:80/ HTTP/1.1\r\n" HOST END,
	  GOT CLOSE VIA END },
	{ "port 80 in Host", "GET http://good.test/ HTTP/1.1\r\nHost: good.test:80\r\n\r\n",
	  GOT CLOSE VIA END },
	{ "port", "GET http://good.test:8080/ HTTP/1.1\r\nHost: good.test:8080\r\n\r\n",
	  "GET / HTTP/1.1\r\nHost: good.test:8080\r\n" CLOSE VIA END },
	{ "IPv4", "GET http://203.0.113.7/ HTTP/1.1\r\nHost: 203.0.113.7\r\n\r\n",
	  "GET / HTTP/1.1\r\nHost: 203.0.113.7\r\n" CLOSE VIA END },
	{ "IPv6", "GET http://[2001:DB8::1]/a HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n",
	  "GET /a HTTP/1.1\r\nHost: [2001:db8::1]\r\n" CLOSE VIA END },
	{ "IPv6 and a port, no path",
	  "GET http://[2001:db8::1]:81 HTTP/1.1\r\nHost: [2001:db8::1]:81\r\n\r\n",
	  "GET / HTTP/1.1\r\nHost: [2001:db8::1]:81\r\n" CLOSE VIA END },

	/* The fields of this hop. */
	{ "each of them",
	  GET "Connection: close\r\nKEEP-ALIVE: timeout=5\r\nproxy-connection: keep-alive\r\n"
	      "Proxy-Authorization: Basic eDp5\r\nProxy-Authenticate: Basic\r\n"
	      "Proxy-Authentication-Info: a\r\nTE: trailers\r\nUpgrade: h2c\r\n\r\n",
	  GOT CLOSE VIA END },
	{ "a made-up field", GET "Connection: x-mine\r\nX-Mine: 1\r\nX-Mine-2: 2\r\n\r\n",
	  GOT "X-Mine-2: 2\r\n" CLOSE VIA END },
	{ "listed behind the field, twice",
	  GET "X-A: 1\r\nx-b: 2\r\nX-a: 3\r\nX-C: 4\r\nConnection: ,X-A , X-D\r\n"
	      "connection:\tX-B\t\r\n\r\n",
	  GOT "X-C: 4\r\n" CLOSE VIA END },
	{ "listed in Proxy-Connection, which says nothing",
	  GET "Proxy-Connection: X-A\r\nX-A: 1\r\n\r\n", GOT "X-A: 1\r\n" CLOSE VIA END },
	{ "a part of a name, or more, is another name",
	  GET "Connection: X, X-Minee\r\nX-Mine: 1\r\n\r\n", GOT "X-Mine: 1\r\n" CLOSE VIA END },
	{ "fields that begin like them", GET "TEa: 1\r\nUpgrades: 2\r\nHosts: 3\r\n\r\n",
	  GOT "TEa: 1\r\nUpgrades: 2\r\nHosts: 3\r\n" CLOSE VIA END },
	{ "all others as they are",
	  GET "x:y\r\nEmpty:\r\nA:  b \t\r\nCookie: c=\"d\"; e\r\nX: \xff\x80\r\nx:y\r\n"
	      "Authorization: Basic eDp5\r\n\r\n",
	  GOT "x:y\r\nEmpty:\r\nA:  b \t\r\nCookie: c=\"d\"; e\r\nX: \xff\x80\r\nx:y\r\n"
	      "Authorization: Basic eDp5\r\n" CLOSE VIA END },
	{ "Via of others stays in front", GET "Via: 1.0 other\r\n\r\n",
	  GOT "Via: 1.0 other\r\n" CLOSE VIA END },

	/* The body passes, and what says where it ends. */
	{ "length", GET "Content-Length: 5\r\n\r\nhello",
	  GOT "Content-Length: 5\r\n" CLOSE VIA END },
	{ "chunked with trailers",
	  GET "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\nTE: trailers\r\n"
	      "Connection: TE\r\n\r\n0\r\n\r\n",
	  GOT "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n" CLOSE VIA END },
	{ "expect", GET "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n",
	  GOT "Expect: 100-continue\r\nContent-Length: 1\r\n" CLOSE VIA END },

	/* Upgrades. */
	{ "websocket",
	  GET "Connection: keep-alive, X-A, upgrade\r\nX-A: 1\r\nUpgrade: WebSocket\r\n"
	      "Sec-WebSocket-Version: 13\r\n\r\n",
	  GOT
	  "Sec-WebSocket-Version: 13\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" VIA END },
	{ "websocket that Connection does not list", GET "Upgrade: websocket\r\n\r\n",
	  GOT CLOSE VIA END },
	{ "websocket among others", GET "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
	  GOT CLOSE VIA END },
	{ "HTTP/2",
	  GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n",
	  GOT CLOSE VIA END },
	{ "websocket in HTTP/1.0",
	  "GET http://good.test/ HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	  "GET / HTTP/1.0\r\n" HOST CLOSE "Via: 1.0 sallyport\r\n" END },

	/* RFC 9110 7.6.2. */
	{ "Max-Forwards",
	  "TRACE http://good.test/ HTTP/1.1\r\n" HOST "Max-Forwards: 10\r\nA: b\r\n\r\n",
	  "TRACE / HTTP/1.1\r\n" HOST "A: b\r\nMax-Forwards: 9\r\n" CLOSE VIA END },
	{ "Max-Forwards of the server",
	  "OPTIONS http://good.test HTTP/1.1\r\n" HOST "Max-Forwards: 1\r\n\r\n",
	  "OPTIONS * HTTP/1.1\r\n" HOST "Max-Forwards: 0\r\n" CLOSE VIA END },
	{ "Max-Forwards, listed",
	  "TRACE http://good.test/ HTTP/1.1\r\n" HOST
	  "Max-Forwards: 10\r\nConnection: Max-Forwards\r\n\r\n",
	  "TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: 9\r\n" CLOSE VIA END },
	{ "Max-Forwards 0", "OPTIONS http://good.test HTTP/1.1\r\n" HOST "Max-Forwards: 0\r\n\r\n",
	  NULL },
	{ "Max-Forwards of GET", GET "Max-Forwards: 0\r\n\r\n",
	  GOT "Max-Forwards: 0\r\n" CLOSE VIA END },
};

T(request)
{
	T_EACH(row, requests)
	{
		_cleanup_(buf_done) struct buf out = { 0 };
		struct http_head h = { 0 };
		struct http_bad bad = { 0 };
		struct span in = span_of(row->in);
		ptrdiff_t n = http_head_read(in, 0, &h, &bad);
		bool sent;

		if (n <= 0)
			t_fail("not read: %s", bad.why);
		buf_init(&out, 4096);
		sent = http_request_forward(span_first(in, (size_t)n), &h, &out);
		t_eq_int(sent, row->out != NULL);
		t_eq_span(buf_view(&out), row->out ? row->out : "");
	}
}

T(no_room)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	const struct span in = SPAN_LIT(GET END);
	struct http_head h = { 0 };
	struct http_bad bad;

	t_eq_int(http_head_read(in, 0, &h, &bad), in.n);
	buf_init(&out, sizeof(GOT VIA END) - 2);
	t_ok(!http_request_forward(in, &h, &out));
	t_ok(!buf_ok(&out));
}

static const struct {
	const char *name;
	const char *in;
	bool keeps;
	const char *out;
} responses[] = {
	{ "kept", OK "Content-Length: 2\r\n\r\nhi", true, OK "Content-Length: 2\r\n" VIA END },
	{ "closed", OK "Content-Length: 2\r\n\r\nhi", false,
	  OK "Content-Length: 2\r\n" VIA "Connection: close\r\n" END },
	{ "the server closes, the client is kept",
	  OK "Connection: close\r\nContent-Length: 0\r\n\r\n", true,
	  OK "Content-Length: 0\r\n" VIA END },
	{ "the server keeps, the client does not",
	  OK "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n", false,
	  OK "Content-Length: 0\r\n" VIA "Connection: close\r\n" END },
	{ "HTTP/1.0", "HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n", false,
	  "HTTP/1.1 404 Not Found\r\nA: b\r\nVia: 1.0 sallyport\r\nConnection: close\r\n" END },
	{ "no text", "HTTP/1.1 204\r\n\r\n", true, "HTTP/1.1 204 \r\n" VIA END },
	{ "no text, a blank", "HTTP/1.1 204 \r\n\r\n", true, "HTTP/1.1 204 \r\n" VIA END },
	{ "text of blanks and 8 bits", "HTTP/1.1 999  \xc3\xa4 \r\n\r\n", true,
	  "HTTP/1.1 999  \xc3\xa4 \r\n" VIA END },
	{ "LF alone", "HTTP/1.1 200 OK\nA: b\nTransfer-Encoding: chunked\n\n0\r\n\r\n", true,
	  OK "A: b\r\nTransfer-Encoding: chunked\r\n" VIA END },
	{ "each field of this hop",
	  OK "CONNECTION: X-A, close\r\nx-a: 1\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\n"
	     "Proxy-Authenticate: Basic\r\nPROXY-AUTHENTICATION-INFO: a\r\n"
	     "Proxy-Authorization: b\r\nTE: trailers\r\nUpgrade: h2c\r\nX-B: 2\r\n\r\n",
	  true, OK "X-B: 2\r\n" VIA END },
	{ "all others as they are",
	  OK "Set-Cookie: a=b\r\nset-cookie:c=d \r\nLocation: http://evil.test/\r\n"
	     "WWW-Authenticate: Basic\r\nTrailer: X-Sum\r\nVia: 1.1 other\r\nHost: x\r\n\r\n",
	  true,
	  OK "Set-Cookie: a=b\r\nset-cookie:c=d \r\nLocation: http://evil.test/\r\n"
	     "WWW-Authenticate: Basic\r\nTrailer: X-Sum\r\nVia: 1.1 other\r\nHost: x\r\n" VIA END },
	{ "101 to websocket",
	  "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: upgrade, X-A\r\n"
	  "X-A: 1\r\nSec-WebSocket-Accept: c\r\n\r\n\x81",
	  false,
	  "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: c\r\n"
	  "Connection: Upgrade\r\nUpgrade: websocket\r\n" VIA END },
	{ "101 to another protocol",
	  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", true,
	  "HTTP/1.1 101 Switching Protocols\r\n" VIA END },
	{ "websocket of another status",
	  "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
	  true, "HTTP/1.1 426 Upgrade Required\r\n" VIA END },
	{ "an interim one says nothing of the connection", "HTTP/1.1 100 Continue\r\n\r\n" OK END,
	  false, "HTTP/1.1 100 Continue\r\n" VIA END },
	{ "103", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", true,
	  "HTTP/1.1 103 Early Hints\r\nLink: a\r\n" VIA END },
};

T(response)
{
	T_EACH(row, responses)
	{
		_cleanup_(buf_done) struct buf out = { 0 };
		struct http_response r = { 0 };
		const char *why = NULL;
		struct span in = span_of(row->in);
		ptrdiff_t n = http_response_read(in, 0, &r, &why);

		if (n <= 0)
			t_fail("not read: %s", why);
		buf_init(&out, 4096);
		http_response_forward(span_first(in, (size_t)n), &r, row->keeps, &out);
		t_eq_span(buf_view(&out), row->out);
	}
}

/* As many options as there may be, each a field, in a head of as many fields as there may be. */
T(most)
{
	_cleanup_(buf_done) struct buf in = { 0 }, out = { 0 };
	struct http_head h = { 0 };
	struct http_bad bad;

	buf_init(&in, LIMIT_HTTP_HEAD);
	buf_init(&out, LIMIT_HTTP_HEAD);
	buf_str(&in, GET "Connection: X-0");
	for (unsigned i = 1; i < LIMIT_HTTP_OPTIONS; i++)
		buf_fmt(&in, ",X-%u", i);
	for (unsigned i = 0; i < LIMIT_HTTP_FIELDS - 2; i++)
		buf_fmt(&in, "\r\nX-%u: y", i % (LIMIT_HTTP_OPTIONS + 1));
	buf_str(&in, "\r\n\r\n");
	t_eq_int(http_head_read(buf_view(&in), 0, &h, &bad), in.n);
	t_ok(http_request_forward(buf_view(&in), &h, &out));
	t_eq_span(buf_view(&out), GOT "X-32: y\r\nX-32: y\r\nX-32: y\r\n" CLOSE VIA END);
}

T_MAIN(T_TEST(request), T_TEST(no_room), T_TEST(response), T_TEST(most))
