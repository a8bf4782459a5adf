/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/mac.h"

#include <stdio.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_pairs(struct span s, uint8_t *out)
{
	if (s.n != MAC_STR_MAX - 1)
		return false;
	for (size_t i = 0; i < MAC_BYTES; i++) {
		int high = digit(s.p[3 * i]), low = digit(s.p[3 * i + 1]);

		if (high < 0 || low < 0 || (i + 1 < MAC_BYTES && s.p[3 * i + 2] != ':'))
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool mac_parse(struct span s, uint8_t out[static MAC_BYTES], struct err *e)
{
	static const uint8_t zero[MAC_BYTES];
	uint8_t mac[MAC_BYTES];
	char shown[64];

	if (!read_pairs(s, mac) || (mac[0] & 1) || memcmp(mac, zero, MAC_BYTES) == 0)
		return err_set(e, ERR_INVALID,
			       "\"%s\" is not the address of an interface: expected six pairs of "
			       "hexadecimal digits, like 02:42:ac:11:00:02",
			       span_show(s, shown, sizeof(shown)));
	memcpy(out, mac, MAC_BYTES);
	return true;
}

const char *mac_str(const uint8_t mac[static MAC_BYTES], char out[static MAC_STR_MAX])
{
	(void)snprintf(out, MAC_STR_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		       mac[3], mac[4], mac[5]);
	return out;
}
