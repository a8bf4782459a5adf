/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/inspect.h"

#include "wire/http.h"
#include "wire/tls.h"

static enum inspect_result http(struct span bytes, size_t seen, struct inspected *out)
{
	struct http_head head;
	struct http_bad bad;
	ptrdiff_t n = http_head_read(bytes, seen, &head, &bad);

	if (n == 0)
		return INSPECT_MORE;
	if (n < 0) {
		out->http_status = bad.status;
		out->why = bad.why;
		return INSPECT_BAD;
	}
	if (head.form == HTTP_FORM_AUTHORITY) {
		out->http_status = 400;
		out->why = "CONNECT is for proxies, and this is a connection to a server";
		return INSPECT_BAD;
	}
	out->name = head.host.name;
	out->addr = head.host.addr;
	out->port = head.host.port ? head.host.port : 80;
	if (head.host.name.len)
		return INSPECT_NAME;
	return head.host.addr.family ? INSPECT_ADDR : INSPECT_NONE;
}

static enum inspect_result tls(struct span bytes, struct inspected *out)
{
	struct client_hello hello;
	ptrdiff_t n = tls_hello_read(bytes, &hello, &out->why);

	if (n == TLS_MORE)
		return INSPECT_MORE;
	if (n < 0)
		return INSPECT_BAD;
	out->ech = hello.ech;
	if (!hello.has_sni)
		return INSPECT_NONE;
	out->name = hello.sni;
	return INSPECT_NAME;
}

enum inspect_result inspect(uint16_t port, struct span bytes, size_t seen, struct inspected *out)
{
	*out = (struct inspected){ .port = port };
	return port == 80 ? http(bytes, seen, out) : tls(bytes, out);
}
