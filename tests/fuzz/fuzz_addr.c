/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses and prefixes, from text and from raw bytes. What prints parses back; what only other
 * programs read as an address (127.1, 0x7f.1) is refused; an address in other clothes has the
 * verdict of the one inside.
 */
#include <arpa/inet.h>
#include <assert.h>

#include "net/addr.h"
#include "net/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_addr(const struct addr *a)
{
	struct addr c = addr_canonical(a), again;
	char text[ADDR_STR_MAX];
	struct err e = { 0 };
	union sockaddr_any sa;
	uint16_t port = 0;

	addr_str(a, text);
	assert(addr_parse(span_of(text), &again, &e) && addr_eq(a, &again));
	again = addr_canonical(&c);
	assert(addr_eq(&c, &again));
	assert(addr_forbidden(a) == addr_forbidden(&c));
	assert(addr_to_sockaddr(&c, 443, &sa) <= sizeof(sa));
	assert(addr_from_sockaddr(&sa, &again, &port) && addr_eq(&c, &again) && port == 443);
}

static void check_prefix(const struct prefix *p)
{
	struct prefix again, c = prefix_canonical(p);
	struct addr inside = addr_canonical(&p->addr);
	char text[PREFIX_STR_MAX];
	struct err e = { 0 };

	prefix_str(p, text);
	assert(prefix_parse(span_of(text), &again, &e));
	assert(addr_eq(&p->addr, &again.addr) && p->len == again.len);
	assert(prefix_contains(p, &p->addr) && prefix_covers(p, p));
	prefix_str(&c, text);
	assert(prefix_parse(span_of(text), &again, &e));
	assert(c.addr.family == p->addr.family || prefix_contains(&c, &inside));
}

static void check_text(struct span s)
{
	struct addr a;
	struct prefix p;
	struct name n;
	struct err e = { 0 };
	struct in_addr in;
	char text[512];
	bool good = addr_parse(s, &a, &e);

	assert(good == (e.kind == ERR_NONE));
	if (good)
		check_addr(&a);
	if (prefix_parse(s, &p, &e))
		check_prefix(&p);
	if (s.n >= sizeof(text) || span_find(s, '\0') >= 0)
		return;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (!inet_aton(text, &in))
		return;
	assert(!name_parse(s, &n, &e) && !name_parse_idna(s, &n, &e));
	if (good) {
		assert(memcmp(a.bytes, &in, 4) == 0);
		assert(span_eq(s, span_of(addr_str(&a, text))));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr a;

	check_text(span_bytes(data, size));
	if (size == 4)
		a = addr_from_v4(data);
	else if (size == 16)
		a = addr_from_v6(data);
	else
		return 0;
	check_addr(&a);
	return 0;
}
