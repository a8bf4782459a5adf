/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "compile/jail.h"
#include "gate/vaddr.h"
#include "gate_help.h"

static struct prefix prefix_of(const char *s)
{
	struct prefix p;
	struct err e = { 0 };

	t_good(prefix_parse(span_of(s), &p, &e), e);
	return p;
}

static struct addr give(struct vaddrs *v, const char *name, int family)
{
	struct name n = name_of(name);
	struct addr a;

	t_ok(vaddr_give(v, &n, family, &a));
	return a;
}

T(one_each)
{
	struct vaddrs *v = vaddrs_new();
	struct addr a4 = give(v, "a.test", AF_INET), a6 = give(v, "a.test", AF_INET6);
	struct addr b4 = give(v, "b.test", AF_INET), b6 = give(v, "b.test", AF_INET6);
	struct addr again;

	t_eq_addr(&a4, "198.18.1.0");
	t_eq_addr(&a6, "fd73:616c:6c79::100");
	t_eq_addr(&b4, "198.18.1.1");
	t_eq_addr(&b6, "fd73:616c:6c79::101");
	again = give(v, "a.test", AF_INET);
	t_ok(addr_eq(&again, &a4));
	again = give(v, "b.test", AF_INET6);
	t_ok(addr_eq(&again, &b6));
	t_eq_str(vaddr_name(v, &a4)->s, "a.test");
	t_eq_str(vaddr_name(v, &a6)->s, "a.test");
	t_eq_str(vaddr_name(v, &b4)->s, "b.test");
	t_eq_str(vaddr_name(v, &b6)->s, "b.test");
	vaddrs_free(v);
}

/* A part of a name, and one that has a name as its part, are names of their own. */
T(whole_names)
{
	static const char *const names[] = { "a", "a.b", "a.b.c", "b.c", "a-b", "ab" };
	struct vaddrs *v = vaddrs_new();

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)give(v, names[i], AF_INET);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct addr a = give(v, names[i], AF_INET6);

		t_eq_int(a.bytes[15], i);
		t_eq_str(vaddr_name(v, &a)->s, names[i]);
	}
	vaddrs_free(v);
}

static const struct {
	const char *name; /* an address */
	bool in_pool;
	const char *stands_for; /* when "a.test" and "b.test" were given, in this order */
} addresses[] = {
	{ "198.18.1.0", true, "a.test" },
	{ "198.18.1.1", true, "b.test" },
	{ "198.18.1.2", true, NULL },
	{ "198.18.0.255", true, NULL },
	{ "198.18.0.0", true, NULL },
	{ JAIL_ADDR4, true, NULL },
	{ "198.19.255.255", true, NULL },
	{ "198.17.255.255", false, NULL },
	{ "198.20.0.0", false, NULL },
	{ "0.0.1.0", false, NULL },
	{ "fd73:616c:6c79::100", true, "a.test" },
	{ "fd73:616c:6c79::101", true, "b.test" },
	{ "fd73:616c:6c79::102", true, NULL },
	{ "fd73:616c:6c79::ff", true, NULL },
	{ "fd73:616c:6c79::", true, NULL },
	{ JAIL_ADDR6, true, NULL },
	{ "fd73:616c:6c79::1:0:100", true, NULL },
	{ "fd73:616c:6c79:0:1::100", true, NULL },
	{ "fd73:616c:6c79::1:100", true, NULL },
	{ "fd73:616c:6c79:0:ffff:ffff:ffff:ffff", true, NULL },
	{ "fd73:616c:6c79:1::100", false, NULL },
	{ "fd73:616c:6c78::100", false, NULL },
	{ "::100", false, NULL },
};

T(addresses)
{
	struct prefix pool4 = prefix_of(JAIL_POOL4), pool6 = prefix_of(JAIL_POOL6);
	struct vaddrs *v = vaddrs_new();

	(void)give(v, "a.test", AF_INET);
	(void)give(v, "b.test", AF_INET);
	T_EACH(row, addresses)
	{
		struct addr a = addr_of(row->name);
		const struct name *n = vaddr_name(v, &a);

		t_eq_int(vaddr_in_pool(&a), row->in_pool);
		t_eq_int(prefix_contains(a.family == AF_INET ? &pool4 : &pool6, &a), row->in_pool);
		t_eq_str(n ? n->s : "-", row->stands_for ? row->stands_for : "-");
	}
	vaddrs_free(v);
}

/* Sorted, so that doubles are neighbours. */
static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct addr));
}

T(used_up)
{
	struct vaddrs *v = vaddrs_new();
	struct addr *all = xcalloc(LIMIT_VIRTUAL_ADDRESSES, sizeof(*all)), a;
	struct name n;
	char text[32];

	for (unsigned i = 0; i < LIMIT_VIRTUAL_ADDRESSES; i++) {
		(void)snprintf(text, sizeof(text), "n%u.test", i);
		all[i] = give(v, text, AF_INET);
		t_ok(vaddr_in_pool(&all[i]));
		t_ok(addr_forbidden(&all[i]) != NULL);
		t_eq_str(vaddr_name(v, &all[i])->s, text);
	}
	n = name_of("one-more.test");
	t_ok(!vaddr_give(v, &n, AF_INET, &a));
	t_ok(!vaddr_give(v, &n, AF_INET6, &a));

	/* Those that were given stay. */
	a = give(v, "n0.test", AF_INET);
	t_ok(addr_eq(&a, &all[0]));
	t_eq_str(vaddr_name(v, &all[LIMIT_VIRTUAL_ADDRESSES - 1])->s, text);
	qsort(all, LIMIT_VIRTUAL_ADDRESSES, sizeof(*all), by_bytes);
	for (unsigned i = 1; i < LIMIT_VIRTUAL_ADDRESSES; i++)
		t_ok(!addr_eq(&all[i - 1], &all[i]));
	free(all);
	vaddrs_free(v);
}

T_MAIN(T_TEST(one_each), T_TEST(whole_names), T_TEST(addresses), T_TEST(used_up))
