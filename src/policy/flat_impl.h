/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What flat.c (plans) and flat_policy.c (the policies in them) share. Each structure is described once, field by
 * field, for both directions (as XDR does it, RFC 4506): a field is appended when the plan is written, and set
 * when it is read.
 */
#ifndef SALLYPORT_POLICY_FLAT_IMPL_H
#define SALLYPORT_POLICY_FLAT_IMPL_H

#include <string.h>

#include "base/cursor.h"
#include "policy/flat.h"

/* A text longer than any in a plan, which come from a file of LIMIT_POLICY_BYTES. */
#define TEXT_MAX LIMIT_POLICY_BYTES

/* What all rules of a policy have, of which each takes its share when they are read. */
struct share {
	struct dest *dests;
	struct port_range *ranges;
	uint16_t *qtypes;
	size_t n_dests, n_ranges, n_qtypes; /* that are left */
};

struct flat {
	struct buf *out; /* NULL: reading */
	struct cursor in;
	struct share share;
};

static inline void flat_u8(struct flat *f, uint8_t *v)
{
	uint8_t *to;

	if (!f->out) {
		*v = cur_u8(&f->in);
		return;
	}
	to = buf_extend(f->out, 1);
	if (to)
		*to = *v;
}

static inline void flat_u16(struct flat *f, uint16_t *v)
{
	if (f->out)
		buf_u16(f->out, *v);
	else
		*v = cur_u16(&f->in);
}

static inline void flat_u32(struct flat *f, uint32_t *v)
{
	if (f->out)
		buf_u32(f->out, *v);
	else
		*v = cur_u32(&f->in);
}

static inline void flat_u64(struct flat *f, uint64_t *v)
{
	uint32_t high = (uint32_t)(*v >> 32), low = (uint32_t)*v;

	flat_u32(f, &high);
	flat_u32(f, &low);
	*v = ((uint64_t)high << 32) | low;
}

/* A number below `end`. */
static inline uint8_t flat_below(struct flat *f, uint8_t v, uint8_t end)
{
	flat_u8(f, &v);
	if (v < end)
		return v;
	f->in.failed = true;
	return 0;
}

static inline void flat_bool(struct flat *f, bool *v)
{
	*v = flat_below(f, *v, 2);
}

static inline void flat_bytes(struct flat *f, void *p, size_t n)
{
	struct span s;

	if (f->out) {
		buf_add(f->out, p, n);
		return;
	}
	s = cur_take(&f->in, n);
	memcpy(p, s.p, s.n);
}

/* ---- texts: NULL, or a string with its NUL, behind the number of its bytes ---- */

static inline void write_text(struct flat *f, const char *s)
{
	uint32_t n = s ? (uint32_t)strlen(s) + 1 : 0;

	buf_u32(f->out, n);
	buf_add(f->out, s, n);
}

/* The bytes that are read, or NULL. */
static inline const char *read_text(struct flat *f, uint32_t n)
{
	struct span bytes = cur_take(&f->in, n);

	if (n == 0 || !cur_ok(&f->in))
		return NULL;
	if (n <= TEXT_MAX && memchr(bytes.p, '\0', n) == bytes.p + n - 1)
		return bytes.p;
	f->in.failed = true;
	return NULL;
}

/* One of a policy's, which keeps the bytes. */
static inline void flat_text(struct flat *f, const char **s)
{
	if (f->out)
		write_text(f, *s);
	else
		*s = read_text(f, cur_u32(&f->in));
}

/* The length of an array whose elements take `least` bytes or more: what is left bounds it. */
static inline size_t flat_count(struct flat *f, size_t n, size_t least)
{
	uint32_t v = (uint32_t)n;

	flat_u32(f, &v);
	if (!f->out && v > cur_left(&f->in) / least)
		f->in.failed = true;
	return cur_ok(&f->in) ? v : 0;
}

static inline void flat_addr(struct flat *f, struct addr *a)
{
	flat_u8(f, &a->family);
	if (a->family == AF_INET || a->family == AF_INET6)
		flat_bytes(f, a->bytes, addr_size(a));
	else if (a->family != 0)
		f->in.failed = true;
}

static inline void flat_prefix(struct flat *f, struct prefix *p)
{
	flat_addr(f, &p->addr);
	p->len = flat_below(f, p->len, (uint8_t)(addr_size(&p->addr) * 8 + 1));
}

/* Writes the policy's bytes. */
void flat_policy_write(struct buf *out, struct plan_policy *p);

/* The policy of these bytes, of which it keeps a copy; NULL: they are none. */
struct plan_policy *flat_policy_read(struct span bytes) _must_use_;

#endif
