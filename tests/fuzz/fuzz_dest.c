/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Destinations, read for both uses. What is printed parses to the same value, for either use; the
 * value keeps the promises of dest.h; a message shows no byte of the input raw.
 */
#include <assert.h>

#include "../unit/dest_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ports(const struct dest *d)
{
	const struct ports *p = &d->ports;

	assert(p->n <= LIMIT_PORT_RANGES);
	assert((p->n > 0) == (d->target != DEST_GROUP &&
			      (d->proto == DEST_PROTO_ANY || proto_has_ports(d->proto))));
	for (size_t i = 0; i < p->n; i++) {
		struct port_range r = ports_at(p, i);

		assert(r.lo <= r.hi);
		assert(i == 0 || ports_at(p, i - 1).hi + 1 < r.lo);
		assert(r.lo > 0 || (p->n == 1 && r.hi == UINT16_MAX));
	}
}

static void check_value(const struct dest *d)
{
	assert(d->proto >= DEST_PROTO_ANY && d->proto <= 255);
	assert(d->icmp_type == -1 || d->proto == IPPROTO_ICMP || d->proto == IPPROTO_ICMPV6);
	assert(d->target < DEST_TARGET_COUNT);
	assert(!dest_name(d) || d->name->len > 0);
	assert((d->prefix.addr.family != 0) == (d->target == DEST_PREFIX));
	assert(d->target != DEST_GROUP || d->group[0] != '\0');
	check_ports(d);
}

static void check_print(const struct dest *d, enum dest_use use)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct dest again;
	struct err e = { 0 };
	struct buf text;

	buf_init(&text, DEST_STR_MAX - 1);
	dest_str(d, use, &text);
	assert(buf_ok(&text));
	assert(dest_parse(buf_view(&text), use, &arena, &again, &e));
	assert(dest_same(d, &again));
	buf_done(&text);
}

static void check_use(struct span s, enum dest_use use)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct dest d;
	struct err e = { 0 };

	if (dest_parse(s, use, &arena, &d, &e)) {
		assert(e.kind == ERR_NONE);
		check_value(&d);
		check_print(&d, DEST_FOR_ALLOW);
		check_print(&d, DEST_FOR_DENY);
		return;
	}
	assert(e.kind != ERR_NONE && e.msg[0] != '\0');
	for (const char *c = e.msg; *c; c++)
		assert(*c >= 0x20 && *c <= 0x7e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_bytes(data, size);

	check_use(s, DEST_FOR_ALLOW);
	check_use(s, DEST_FOR_DENY);
	return 0;
}
