/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fd.h"
#include "gate/inspect.h"
#include "gate_help.h"

#define HEAD(target, host) "GET " target " HTTP/1.1\r\nHost: " host "\r\n\r\n"

static const struct {
	const char *name;
	const char *bytes;
	enum inspect_result result;
	const char *host; /* a name or an address */
	uint16_t port;
	unsigned status;
	const char *why;
} http_rows[] = {
	{ "nothing", "", INSPECT_MORE, NULL, 0, 0, NULL },
	{ "a part", "GET / HTTP/1.1\r\nHost: good.test\r\n", INSPECT_MORE, NULL, 0, 0, NULL },
	{ "a name", HEAD("/", "good.test"), INSPECT_NAME, "good.test", 80, 0, NULL },
	{ "canonical", HEAD("/", "GOOD.test."), INSPECT_NAME, "good.test", 80, 0, NULL },
	{ "with a port", HEAD("/", "good.test:80"), INSPECT_NAME, "good.test", 80, 0, NULL },
	{ "with another port", HEAD("/", "good.test:8080"), INSPECT_NAME, "good.test", 8080, 0,
	  NULL },
	{ "absolute", HEAD("http://good.test/", "good.test"), INSPECT_NAME, "good.test", 80, 0,
	  NULL },
	{ "a body behind", HEAD("/", "good.test") "body", INSPECT_NAME, "good.test", 80, 0, NULL },
	{ "IPv4", HEAD("/", "203.0.113.1"), INSPECT_ADDR, "203.0.113.1", 80, 0, NULL },
	{ "IPv6", HEAD("/", "[2001:db8::1]:81"), INSPECT_ADDR, "2001:db8::1", 81, 0, NULL },
	{ "HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", INSPECT_NONE, NULL, 80, 0, NULL },
	{ "no Host", "GET / HTTP/1.1\r\n\r\n", INSPECT_BAD, NULL, 80, 400, "Host" },
	{ "two Hosts", "GET / HTTP/1.1\r\nHost: good.test\r\nHost: good.test\r\n\r\n", INSPECT_BAD,
	  NULL, 80, 400, "Host" },
	{ "CONNECT", "CONNECT good.test:80 HTTP/1.1\r\nHost: good.test:80\r\n\r\n", INSPECT_BAD,
	  NULL, 80, 400, "CONNECT is for proxies" },
	{ "TLS", "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03", INSPECT_BAD, NULL, 80, 400, "" },
	{ "HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", INSPECT_BAD, NULL, 80, 505, "" },
};

static void check_name(enum inspect_result result, const struct inspected *in, const char *want)
{
	if (result == INSPECT_ADDR) {
		t_eq_addr(&in->addr, want);
		t_eq_int(in->name.len, 0);
	} else if (result == INSPECT_NAME) {
		t_eq_span(name_span(&in->name), want);
		t_eq_int(in->addr.family, 0);
	} else {
		t_ok(!want);
	}
}

T(http)
{
	T_EACH(row, http_rows)
	{
		struct inspected in;
		enum inspect_result result = inspect(80, span_of(row->bytes), 0, &in);

		t_eq_int(result, row->result);
		check_name(result, &in, row->host);
		if (result == INSPECT_NAME || result == INSPECT_ADDR)
			t_eq_int(in.port, row->port);
		t_eq_int(in.http_status, row->status);
		t_ok(!row->why == !in.why);
		t_ok(!row->why || strstr(in.why, row->why));
	}
}

/* However the bytes come, the end is the same. */
static enum inspect_result trickle(uint16_t port, struct span bytes, size_t step,
				   struct inspected *in)
{
	enum inspect_result result = INSPECT_MORE;
	size_t seen = 0;

	while (result == INSPECT_MORE && seen < bytes.n) {
		size_t n = MIN(seen + step, bytes.n);
		_cleanup_(freep) char *exact = xmalloc(n);

		memcpy(exact, bytes.p, n);
		result = inspect(port, span_bytes(exact, n), seen, in);
		seen = n;
	}
	return result;
}

T(http_in_pieces)
{
	T_EACH(row, http_rows)
	{
		for (size_t step = 1; step < 40 && row->bytes[0]; step++) {
			struct inspected in;

			t_eq_int(trickle(80, span_of(row->bytes), step, &in), row->result);
			check_name(row->result, &in, row->host);
			t_eq_int(in.http_status, row->status);
		}
	}
}

/* The captured hellos of tests/fuzz/corpus/tls. */
static const struct {
	const char *name; /* and the file's */
	enum inspect_result result;
	const char *sni;
	bool ech;
} tls_rows[] = {
	{ "curl", INSPECT_NAME, "good.test", false },
	{ "openssl-tls12", INSPECT_NAME, "good.test", false },
	{ "python", INSPECT_NAME, "xn--bcher-kva.test", false },
	{ "browser-ech-grease", INSPECT_NAME, "good.test", true },
	{ "records-of-1", INSPECT_BAD, NULL, false },
	{ "records-of-7", INSPECT_NAME, "good.test", false },
	{ "openssl-no-sni", INSPECT_NONE, NULL, false },
	{ "no-extensions", INSPECT_NONE, NULL, false },
	{ "sni-nul", INSPECT_BAD, NULL, false },
	{ "two-names", INSPECT_BAD, NULL, false },
	{ "http", INSPECT_BAD, NULL, false },
	{ "ssh", INSPECT_BAD, NULL, false },
};

T(tls)
{
	T_EACH(row, tls_rows)
	{
		_cleanup_(freep) char *path = xasprintf("tests/fuzz/corpus/tls/%s", row->name);
		_cleanup_(freep) char *bytes = NULL;
		struct inspected in;
		struct err e = { 0 };
		size_t n;

		t_good(fd_read_file(path, 1 << 20, &bytes, &n, &e), e);
		for (size_t step = 1; step <= n; step += 1 + n / 20) {
			t_eq_int(trickle(443, span_bytes(bytes, n), step, &in), row->result);
			check_name(row->result, &in, row->sni);
			t_eq_int(in.http_status, 0);
			t_ok((row->result == INSPECT_BAD) == (in.why != NULL));
			if (row->result == INSPECT_NAME)
				t_eq_int(in.ech, row->ech);
		}
		t_eq_int(inspect(443, span_bytes(bytes, 0), 0, &in), INSPECT_MORE);
	}
}

T_MAIN(T_TEST(http), T_TEST(http_in_pieces), T_TEST(tls))
