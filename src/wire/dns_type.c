/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/dns.h"

bool dns_type_refused(uint16_t type)
{
	/* RFC 6895 3.1: 128-255 are questions and meta types; 0 and 65535 are reserved. */
	return type == DNS_TYPE_SVCB || type == DNS_TYPE_HTTPS || type == DNS_TYPE_OPT ||
	       (type >= 128 && type <= 255) || type == 0 || type == UINT16_MAX;
}
