/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/macros.h"
#include "base/num.h"
#include "net/dest_impl.h"

static bool parse_port(struct span s, uint16_t *out, struct err *e)
{
	uint64_t port;

	if (!num_parse(s, "port", 1, UINT16_MAX, &port, e))
		return false;
	*out = (uint16_t)port;
	return true;
}

/* "443" or "8000-8099". */
static bool parse_range(struct span s, struct port_range *out, struct err *e)
{
	ptrdiff_t dash = span_find(s, '-');
	struct port_range r = { 0 };

	if (dash < 0) {
		if (!parse_port(s, &r.lo, e))
			return false;
		r.hi = r.lo;
	} else if (!parse_port(span_first(s, (size_t)dash), &r.lo, e) ||
		   !parse_port(span_from(s, (size_t)dash + 1), &r.hi, e)) {
		return false;
	}
	if (r.lo > r.hi)
		return err_set(e, ERR_INVALID, "\"%u-%u\" is not a range of ports: write \"%u-%u\"",
			       r.lo, r.hi, r.hi, r.lo);
	*out = r;
	return true;
}

/* While they are read. */
struct list {
	size_t n;
	struct port_range r[LIMIT_PORT_RANGES];
};

/* Adds a range in its place, merged with those it overlaps or touches. False: no room for it. */
static bool add(struct list *p, struct port_range r)
{
	size_t from = 0, to;

	while (from < p->n && p->r[from].hi + 1 < r.lo)
		from++;
	for (to = from; to < p->n && p->r[to].lo <= r.hi + 1; to++) {
		r.lo = MIN(r.lo, p->r[to].lo);
		r.hi = MAX(r.hi, p->r[to].hi);
	}
	if (from == to && p->n == LIMIT_PORT_RANGES)
		return false;
	memmove(&p->r[from + 1], &p->r[to], (p->n - to) * sizeof(r));
	p->r[from] = r;
	p->n += 1 - (to - from);
	return true;
}

struct ports ports_of(const struct port_range *r, size_t n, struct arena *a)
{
	struct ports p = { .n = (uint8_t)n };
	struct port_range *more;

	if (n == 1)
		p.one = r[0];
	if (n <= 1)
		return p;
	more = arena_array(a, n, struct port_range);
	memcpy(more, r, n * sizeof(*r));
	p.more = more;
	return p;
}

bool ports_parse(struct span s, struct arena *a, struct ports *out, struct err *e)
{
	struct list p = { 0 };
	struct span rest = { s.n ? s.p : "", s.n }, part;

	if (span_eq(s, SPAN_LIT("*"))) {
		*out = PORTS_ALL;
		return true;
	}
	while (span_next(&rest, ',', &part)) {
		struct port_range r = { 0 };

		if (!parse_range(part, &r, e))
			return false;
		if (!add(&p, r))
			return err_set(e, ERR_LIMIT,
				       "more than %d ports and ranges in one destination: write "
				       "further ones as another destination",
				       LIMIT_PORT_RANGES);
	}
	*out = ports_of(p.r, p.n, a);
	return true;
}

void ports_str(const struct ports *p, struct buf *out)
{
	if (ports_are_all(p)) {
		buf_char(out, '*');
		return;
	}
	for (size_t i = 0; i < p->n; i++) {
		struct port_range r = ports_at(p, i);

		buf_fmt(out, "%s%u", i ? "," : "", r.lo);
		if (r.hi != r.lo)
			buf_fmt(out, "-%u", r.hi);
	}
}

bool ports_contain(const struct ports *p, uint16_t port)
{
	for (size_t i = 0; i < p->n; i++)
		if (ports_at(p, i).lo <= port && port <= ports_at(p, i).hi)
			return true;
	return false;
}
