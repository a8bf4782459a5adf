/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DNS query types of `types: [MX, TXT]`, and why some can never be listed. */
#include "base/nearest.h"
#include "policy/model.h"

/* RFC 1035 and the registry of DNS parameters. NULL and experimental types are left out: what
 * uses them is a tunnel. */
static const struct {
	const char *name;
	uint16_t type;
} types[] = {
	{ "A", 1 },	 { "NS", 2 },	  { "CNAME", 5 },  { "SOA", 6 },      { "PTR", 12 },
	{ "MX", 15 },	 { "TXT", 16 },	  { "AAAA", 28 },  { "SRV", 33 },     { "NAPTR", 35 },
	{ "DS", 43 },	 { "SSHFP", 44 }, { "RRSIG", 46 }, { "NSEC", 47 },    { "DNSKEY", 48 },
	{ "NSEC3", 50 }, { "TLSA", 52 },  { "CDS", 59 },   { "CDNSKEY", 60 }, { "URI", 256 },
	{ "CAA", 257 },
};

static const struct {
	const char *name, *why;
} refused[] = {
	{ "HTTPS", "it hands out keys that hide the name which is checked on 443" },
	{ "SVCB", "it hands out keys that hide the name which is checked on 443" },
	{ "ANY", "it asks for every type at once" },
	{ "AXFR", "it asks for a whole zone" },
	{ "IXFR", "it asks for a whole zone" },
};

bool qtype_parse(struct span s, uint16_t *out, struct err *e)
{
	struct nearest near = nearest_to(s);
	char shown[64];

	span_show(s, shown, sizeof(shown));
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (span_eq_nocase(s, span_of(refused[i].name)))
			return err_set(e, ERR_INVALID, "the DNS type %s is never answered: %s",
				       shown, refused[i].why);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		nearest_offer(&near, types[i].name);
		if (!span_eq_nocase(s, span_of(types[i].name)))
			continue;
		*out = types[i].type;
		return true;
	}
	if (near.best)
		return err_set(e, ERR_INVALID,
			       "\"%s\" is not a DNS type that can be listed: did you mean %s?",
			       shown, near.best);
	return err_set(
		e, ERR_INVALID,
		"\"%s\" is not a DNS type that can be listed: expected one like MX, TXT or SRV",
		shown);
}

const char *plan_qtype_str(uint16_t qtype)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].type == qtype)
			return types[i].name;
	return NULL;
}
