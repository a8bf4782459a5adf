/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "t.h"
#include "wire/dns.h"

static const struct {
	const char *name;
	unsigned first, last;
	bool refused;
} types[] = {
	{ "none", 0, 0, true },
	{ "A to DNAME", DNS_TYPE_A, DNS_TYPE_OPT - 1, false },
	{ "OPT", DNS_TYPE_OPT, DNS_TYPE_OPT, true },
	{ "DS to CSYNC", DNS_TYPE_OPT + 1, DNS_TYPE_SVCB - 1, false },
	{ "SVCB and HTTPS", DNS_TYPE_SVCB, DNS_TYPE_HTTPS, true },
	{ "SPF and what is not assigned", DNS_TYPE_HTTPS + 1, 127, false },
	{ "meta types, TSIG", 128, DNS_TYPE_IXFR - 1, true },
	{ "IXFR, AXFR, ANY", DNS_TYPE_IXFR, DNS_TYPE_ANY, true },
	{ "URI, CAA and further", DNS_TYPE_ANY + 1, UINT16_MAX - 1, false },
	{ "the last", UINT16_MAX, UINT16_MAX, true },
};

T(refused)
{
	unsigned next = 0;

	T_EACH(row, types)
	{
		t_eq_int(row->first, next);
		for (next = row->first; next <= row->last; next++)
			t_ok(dns_type_refused((uint16_t)next) == row->refused);
	}
	t_eq_int(next, UINT16_MAX + 1);
}

T_MAIN(T_TEST(refused))
