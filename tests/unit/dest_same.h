/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two destinations that mean the same, field by field: padding has no value to compare. */
#ifndef SALLYPORT_TESTS_UNIT_DEST_SAME_H
#define SALLYPORT_TESTS_UNIT_DEST_SAME_H

#include "net/dest.h"

static inline bool ports_same(const struct ports *a, const struct ports *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (ports_at(a, i).lo != ports_at(b, i).lo ||
		    ports_at(a, i).hi != ports_at(b, i).hi)
			return false;
	return true;
}

static inline bool dest_same(const struct dest *a, const struct dest *b)
{
	return a->proto == b->proto && a->icmp_type == b->icmp_type && a->target == b->target &&
	       ports_same(&a->ports, &b->ports) && (!dest_name(a) || name_eq(a->name, b->name)) &&
	       addr_eq(&a->prefix.addr, &b->prefix.addr) && a->prefix.len == b->prefix.len &&
	       (a->target != DEST_GROUP || strcmp(a->group, b->group) == 0);
}

#endif
