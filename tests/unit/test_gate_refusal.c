/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "gate/refusal.h"
#include "t.h"

static const struct {
	const char *name;
	struct refusal refusal;
	const char *says; /* HTTP: how it begins */
	const char *body; /* HTTP */
} refusals[] = {
	{ "denied",
	  { 80, 403, "bad.test:80", "agent:2", "no rule allows it", "bad.test:80" },
	  "HTTP/1.1 403 Forbidden\r\n",
	  "sallyport did not let this request through.\n\n"
	  "  destination  bad.test:80\n"
	  "  rule         agent:2\n"
	  "  why          no rule allows it\n"
	  "  to allow it  --allow bad.test:80\n" },
	{ "no rule, no remedy",
	  { 80, 400, "bad.test:80", NULL, "two Hosts", NULL },
	  "HTTP/1.1 400 Bad Request\r\n",
	  "sallyport did not let this request through.\n\n"
	  "  destination  bad.test:80\n"
	  "  why          two Hosts\n" },
	{ "not reached",
	  { 80, 502, "good.test:80", "agent:1", "Connection refused", NULL },
	  "HTTP/1.1 502 Bad Gateway\r\n",
	  "sallyport could not reach the server.\n\n"
	  "  destination  good.test:80\n"
	  "  rule         agent:1\n"
	  "  why          Connection refused\n" },
};

T(refuse_http)
{
	T_EACH(row, refusals)
	{
		_cleanup_(buf_done) struct buf out = { 0 };
		char length[64];
		const char *body;

		buf_init(&out, 8192);
		refusal_http(&row->refusal, &(struct refusal_form){ 0 }, &out);
		t_ok(span_starts(buf_view(&out), span_of(row->says)));
		body = strstr(buf_cstr(&out), "\r\n\r\n");
		t_ok(body);
		t_eq_str(body + 4, row->body);
		(void)snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n",
			       strlen(row->body));
		t_ok(strcasestr(buf_cstr(&out), length));
		t_ok(strcasestr(buf_cstr(&out), "\r\nConnection: close\r\n"));
	}
}

/* The longest that a destination and a reason get, and bytes that a stranger chose. */
T(refuse_with_long_texts)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	char dest[512], why[192];

	memset(dest, 'd', sizeof(dest) - 1);
	memset(why, 'w', sizeof(why) - 1);
	dest[sizeof(dest) - 1] = why[sizeof(why) - 1] = '\0';
	buf_init(&out, 8192);
	refusal_http(&(struct refusal){ 80, 403, dest, dest, why, dest },
		     &(struct refusal_form){ 0 }, &out);
	t_ok(buf_ok(&out));
	t_ok(strstr(buf_cstr(&out), why) && strstr(buf_cstr(&out), dest));
}

static const struct {
	const char *name;
	unsigned status;
	struct span alert;
} alerts[] = {
	{ "denied", 403, SPAN_LIT("\x15\x03\x03\0\2\2\x31") },
	{ "bad hello", 400, SPAN_LIT("\x15\x03\x03\0\2\2\x31") },
	{ "not reached", 502, SPAN_LIT("\x15\x03\x03\0\2\2\x50") },
};

T(refuse_tls)
{
	T_EACH(row, alerts)
	{
		_cleanup_(buf_done) struct buf out = { 0 };

		buf_init(&out, 64);
		refusal_tls(&(struct refusal){ 443, row->status, "x", NULL, "y", NULL }, &out);
		t_eq_int(out.n, row->alert.n);
		/* Which of the legacy versions stands there does not matter. */
		out.p[2] = '\x03';
		t_eq_mem(out.p, row->alert.p, out.n);
	}
}

static const struct {
	const char *name;
	struct refusal refusal;
	const char *body;
} objects[] = {
	{ "denied",
	  { 80, 403, "bad.test:80", "agent:2", "no rule allows it", "bad.test:80" },
	  "{\"error\":\"denied\",\"status\":403,\"destination\":\"bad.test:80\",\"rule\":\"agent:2\","
	  "\"why\":\"no rule allows it\",\"allow\":\"bad.test:80\"}\n" },
	{ "nothing was read",
	  { 0, 400, NULL, NULL, "two \"Host\" fields", NULL },
	  "{\"error\":\"refused\",\"status\":400,\"destination\":null,\"rule\":null,"
	  "\"why\":\"two \\\"Host\\\" fields\",\"allow\":null}\n" },
	{ "not reached",
	  { 443, 502, "good.test", "agent:1", "Connection refused", NULL },
	  "{\"error\":\"unreachable\",\"status\":502,\"destination\":\"good.test\",\"rule\":\"agent:1\","
	  "\"why\":\"Connection refused\",\"allow\":null}\n" },
};

T(refuse_as_json)
{
	T_EACH(row, objects)
	{
		struct refusal_form form = { .json = true, .more = "X-More: 1\r\n" };
		_cleanup_(buf_done) struct buf out = { 0 };
		const char *body;

		buf_init(&out, REFUSAL_MAX);
		refusal_http(&row->refusal, &form, &out);
		t_ok(strstr(buf_cstr(&out), "\r\nContent-Type: application/json\r\n"));
		t_ok(strstr(buf_cstr(&out), "\r\nX-More: 1\r\n"));
		body = strstr(buf_cstr(&out), "\r\n\r\n");
		t_ok(body);
		t_eq_str(body + 4, row->body);
	}
}

T_MAIN(T_TEST(refuse_http), T_TEST(refuse_with_long_texts), T_TEST(refuse_tls),
       T_TEST(refuse_as_json))
