/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/macros.h"
#include "base/num.h"
#include "wire/dns.h"

/* Those a policy is likely to name and those a program is likely to ask for. */
static const struct type_name {
	uint16_t type;
	const char *name;
} types[] = {
	{ DNS_TYPE_A, "A" },
	{ DNS_TYPE_NS, "NS" },
	{ DNS_TYPE_CNAME, "CNAME" },
	{ DNS_TYPE_SOA, "SOA" },
	{ 10, "NULL" },
	{ DNS_TYPE_PTR, "PTR" },
	{ 13, "HINFO" },
	{ DNS_TYPE_MX, "MX" },
	{ DNS_TYPE_TXT, "TXT" },
	{ 17, "RP" },
	{ 24, "SIG" },
	{ 25, "KEY" },
	{ DNS_TYPE_AAAA, "AAAA" },
	{ 29, "LOC" },
	{ DNS_TYPE_SRV, "SRV" },
	{ 35, "NAPTR" },
	{ 37, "CERT" },
	{ DNS_TYPE_DNAME, "DNAME" },
	{ DNS_TYPE_OPT, "OPT" },
	{ 43, "DS" },
	{ 44, "SSHFP" },
	{ 46, "RRSIG" },
	{ 47, "NSEC" },
	{ 48, "DNSKEY" },
	{ 50, "NSEC3" },
	{ 51, "NSEC3PARAM" },
	{ 52, "TLSA" },
	{ 53, "SMIMEA" },
	{ 59, "CDS" },
	{ 60, "CDNSKEY" },
	{ 61, "OPENPGPKEY" },
	{ DNS_TYPE_SVCB, "SVCB" },
	{ DNS_TYPE_HTTPS, "HTTPS" },
	{ 99, "SPF" },
	{ 249, "TKEY" },
	{ 250, "TSIG" },
	{ DNS_TYPE_IXFR, "IXFR" },
	{ DNS_TYPE_AXFR, "AXFR" },
	{ DNS_TYPE_ANY, "ANY" },
	{ 256, "URI" },
	{ 257, "CAA" },
};

const char *dns_type_str(uint16_t type, char out[static DNS_TYPE_STR_MAX])
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].type == type)
			return types[i].name;
	(void)snprintf(out, DNS_TYPE_STR_MAX, "TYPE%u", type);
	return out;
}

/* "TYPE1234". */
static bool parse_generic(struct span s, uint16_t *out)
{
	const struct span prefix = SPAN_LIT("TYPE");
	struct err e;
	uint64_t n;

	if (!span_eq_nocase(span_first(s, prefix.n), prefix) ||
	    !num_parse(span_from(s, prefix.n), "type", 1, UINT16_MAX, &n, &e))
		return false;
	*out = (uint16_t)n;
	return true;
}

static bool parse_any(struct span s, uint16_t *out)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (span_eq_nocase(s, span_of(types[i].name))) {
			*out = types[i].type;
			return true;
		}
	}
	return parse_generic(s, out);
}

bool dns_type_parse(struct span s, uint16_t *out)
{
	uint16_t type;

	if (!parse_any(s, &type) || dns_type_refused(type))
		return false;
	*out = type;
	return true;
}

bool dns_type_refused(uint16_t type)
{
	/* RFC 6895 3.1: 128-255 are questions and meta types; 0 and 65535 are reserved. */
	return type == DNS_TYPE_SVCB || type == DNS_TYPE_HTTPS || type == DNS_TYPE_OPT ||
	       (type >= 128 && type <= 255) || type == 0 || type == UINT16_MAX;
}
