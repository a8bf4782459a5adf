/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "t.h"
#include "wire/dns.h"

static const struct {
	const char *name;
	uint16_t type; /* 0: not taken */
} words[] = {
	{ "A", 1 },
	{ "aaaa", 28 },
	{ "Mx", 15 },
	{ "TXT", 16 },
	{ "SRV", 33 },
	{ "CAA", 257 },
	{ "TYPE1", 1 },
	{ "type1234", 1234 },
	{ "TYPE65534", 65534 },
	/* Never forwarded, by whatever name. */
	{ "HTTPS", 0 },
	{ "SVCB", 0 },
	{ "ANY", 0 },
	{ "AXFR", 0 },
	{ "IXFR", 0 },
	{ "OPT", 0 },
	{ "TSIG", 0 },
	{ "TYPE65", 0 },
	{ "TYPE255", 0 },
	/* No types. */
	{ "TYPE0", 0 },
	{ "TYPE65535", 0 },
	{ "TYPE65536", 0 },
	{ "TYPE01", 0 },
	{ "TYPE+1", 0 },
	{ "TYPE", 0 },
	{ "AAAAA", 0 },
	{ "A ", 0 },
	{ "*", 0 },
	{ "", 0 },
};

T(parse)
{
	T_EACH(row, words)
	{
		uint16_t type = 0;

		t_ok(dns_type_parse(span_of(row->name), &type) == (row->type != 0));
		t_eq_int(type, row->type);
	}
}

T(print)
{
	char out[DNS_TYPE_STR_MAX];

	t_eq_str(dns_type_str(DNS_TYPE_A, out), "A");
	t_eq_str(dns_type_str(DNS_TYPE_HTTPS, out), "HTTPS");
	t_eq_str(dns_type_str(DNS_TYPE_ANY, out), "ANY");
	t_eq_str(dns_type_str(0, out), "TYPE0");
	t_eq_str(dns_type_str(65535, out), "TYPE65535");
}

/* What is printed reads back, and nothing but what is refused does not. */
T(print_and_parse)
{
	char out[DNS_TYPE_STR_MAX];

	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		uint16_t back = 0;
		bool taken = dns_type_parse(span_of(dns_type_str((uint16_t)type, out)), &back);

		t_ok(taken == !dns_type_refused((uint16_t)type));
		t_ok(!taken || back == type);
	}
}

T_MAIN(T_TEST(parse), T_TEST(print), T_TEST(print_and_parse))
