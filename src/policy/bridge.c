/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/bridge.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

bool bridge_name_valid(struct span s)
{
	if (s.n == 0 || s.n >= PLAN_BRIDGE_MAX || span_eq(s, SPAN_LIT(".")) ||
	    span_eq(s, SPAN_LIT("..")))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("/:%*\"\\", s.p[i]))
			return false;
	return true;
}

/* FNV-1a, 32 bits: its only task is to be the same each time. */
static uint32_t hash(struct span s)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 16777619U;
	return h;
}

void bridge_name_default(struct span network, char out[static PLAN_BRIDGE_MAX])
{
	if (!bridge_name_valid(network)) {
		(void)snprintf(out, PLAN_BRIDGE_MAX, "sp-%08" PRIx32, hash(network));
		return;
	}
	for (size_t i = 0; i < network.n; i++)
		out[i] = (char)tolower((unsigned char)network.p[i]);
	out[network.n] = '\0';
}
