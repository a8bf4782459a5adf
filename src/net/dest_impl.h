/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What dest.c (reading), dest_refuse.c (what cannot be read) and dest_str.c share. */
#ifndef SALLYPORT_NET_DEST_IMPL_H
#define SALLYPORT_NET_DEST_IMPL_H

#include "net/dest.h"

/* What is being read, for the messages. */
struct reading {
	struct span all;
	enum dest_use use;
	struct arena *arena;
	struct err *e;
};

#define DIGITS	"0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static inline bool span_has(struct span s, char c)
{
	return span_find(s, c) >= 0;
}

/* All before the first c, or all of it. */
static inline struct span span_before(struct span s, char c)
{
	ptrdiff_t at = span_find(s, c);

	return at < 0 ? s : span_first(s, (size_t)at);
}

static inline bool ports_are_all(const struct ports *p)
{
	return p->n == 1 && p->one.lo == 0 && p->one.hi == UINT16_MAX;
}

/* A name, a wildcard or any name: what stands for tcp 443 when nothing else is written. */
static inline bool dest_is_named(const struct dest *d)
{
	return d->target == DEST_NAME || d->target == DEST_WILDCARD || d->target == DEST_ANY_NAME;
}

/* "2001:db8::1:443": an address, and also a shorter one followed by a port. */
bool dest_reads_two_ways(struct span s);

/* `"TEXT" ` and what is wrong with it. This and all below return false. */
bool dest_bad(const struct reading *r, const char *fmt, ...) _printf_(2, 3);

/* What people write that is no destination. The messages say what to write instead. */
bool dest_refuse_url(const struct reading *r, size_t colon);
bool dest_refuse_path(const struct reading *r, struct span part);
bool dest_refuse_user(const struct reading *r);
bool dest_refuse_proto(const struct reading *r, struct span head);
bool dest_refuse_icmp_type(const struct reading *r, int proto, struct span head);
bool dest_refuse_wildcard(const struct reading *r, struct span target);
bool dest_refuse_public_suffix(const struct reading *r, struct span target, const struct name *n);
/* After prefix_parse() refused it: keeps its error where there is no better one. */
bool dest_refuse_colons(const struct reading *r, struct span target);
bool dest_refuse_two_ways(const struct reading *r, struct span target);
bool dest_refuse_brackets(const struct reading *r, struct span rest);
bool dest_refuse_no_ports(const struct reading *r);
bool dest_refuse_group(const struct reading *r, struct span name);
bool dest_refuse_like_proto(const struct reading *r, const struct name *n);
bool dest_refuse_bare(const struct reading *r, const struct dest *d);

#endif
