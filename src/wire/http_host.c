/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/num.h"
#include "wire/http.h"

/* "" or ":443". */
static bool parse_port(struct span s, uint16_t *out)
{
	struct err e;
	uint64_t port = 0;

	if (s.n > 0 &&
	    (s.p[0] != ':' || !num_parse(span_from(s, 1), "port", 1, UINT16_MAX, &port, &e)))
		return false;
	*out = (uint16_t)port;
	return true;
}

/* Only as addr_str() writes it, so that no other reader can take it for another address. */
static bool parse_v6(struct span s, struct addr *out)
{
	char text[ADDR_STR_MAX];
	struct err e;

	return addr_parse(s, out, &e) && out->family == AF_INET6 &&
	       span_eq_nocase(s, span_of(addr_str(out, text)));
}

static bool parse_v4_or_name(struct span s, struct http_host *out)
{
	struct err e;

	if (addr_parse(s, &out->addr, &e))
		return out->addr.family == AF_INET;
	out->addr = (struct addr){ 0 };
	return name_parse(s, &out->name, &e);
}

bool http_host_parse(struct span s, struct http_host *out)
{
	struct http_host host = { 0 };
	ptrdiff_t end;
	bool ok;

	if (s.n > 0 && s.p[0] == '[') {
		end = span_find(s, ']');
		if (end < 0)
			return false;
		ok = parse_v6(span_from(span_first(s, (size_t)end), 1), &host.addr);
		end++;
	} else {
		end = span_find(s, ':');
		if (end < 0)
			end = (ptrdiff_t)s.n;
		ok = parse_v4_or_name(span_first(s, (size_t)end), &host);
	}
	if (!ok || !parse_port(span_from(s, (size_t)end), &host.port))
		return false;
	*out = host;
	return true;
}

void http_host_write(const struct http_host *h, struct buf *out)
{
	char text[ADDR_STR_MAX];

	if (h->name.len > 0)
		buf_span(out, name_span(&h->name));
	else
		buf_fmt(out, h->addr.family == AF_INET6 ? "[%s]" : "%s", addr_str(&h->addr, text));
	if (h->port)
		buf_fmt(out, ":%u", (unsigned)h->port);
}
