/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/lookup.h"

#include <string.h>

#include "base/alloc.h"

struct half {
	struct lookup *lookup;
	struct resolver_wait wait;
	struct addr addrs[LIMIT_DNS_ADDRESSES];
	size_t n;
	enum dns_rcode rcode;
	uint32_t ttl_s;
};

struct lookup {
	struct lookup **slot;
	struct half v6, v4;
	int pending; /* halves without an answer */
	lookup_fn *fn;
	void *ctx;
};

void lookup_cancel(struct lookup **slot)
{
	struct lookup *l = *slot;

	if (!l)
		return;
	resolver_cancel(&l->v6.wait);
	resolver_cancel(&l->v4.wait);
	free(l);
	*slot = NULL;
}

/* A family without addresses is asked for again when the other is. */
static uint32_t shortest(const struct half *a, const struct half *b)
{
	bool none = a->n == 0 && b->n == 0;
	uint32_t ttl_s = UINT32_MAX;

	if (a->n || (none && a->rcode != DNS_SERVFAIL))
		ttl_s = a->ttl_s;
	if (b->n || (none && b->rcode != DNS_SERVFAIL))
		ttl_s = MIN(ttl_s, b->ttl_s);
	return ttl_s == UINT32_MAX ? LIMIT_DNS_TTL_FLOOR : ttl_s;
}

static void finish(struct lookup *l)
{
	struct lookup_result r = { .failed_v6 = l->v6.rcode == DNS_SERVFAIL,
				   .failed_v4 = l->v4.rcode == DNS_SERVFAIL,
				   .no_name = l->v6.rcode == DNS_NXDOMAIN ||
					      l->v4.rcode == DNS_NXDOMAIN,
				   .ttl_s = shortest(&l->v6, &l->v4) };
	lookup_fn *fn = l->fn;
	void *ctx = l->ctx;

	for (size_t i = 0; i < MAX(l->v6.n, l->v4.n); i++) {
		if (i < l->v6.n)
			r.addrs[r.n++] = l->v6.addrs[i];
		if (i < l->v4.n)
			r.addrs[r.n++] = l->v4.addrs[i];
	}
	lookup_cancel(l->slot);
	fn(ctx, &r);
}

static void on_answer(void *ctx, const struct resolved *r)
{
	struct half *h = ctx;

	memcpy(h->addrs, r->addrs, r->n * sizeof(r->addrs[0]));
	h->n = r->n;
	h->rcode = r->rcode;
	h->ttl_s = r->ttl_s;
	if (--h->lookup->pending == 0)
		finish(h->lookup);
}

void lookup_start(struct lookup **slot, struct resolver *r, const struct name *n, lookup_fn *fn,
		  void *ctx)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	*l = (struct lookup){ .slot = slot, .pending = 2, .fn = fn, .ctx = ctx };
	l->v6 = (struct half){ .lookup = l, .wait = { .fn = on_answer, .ctx = &l->v6 } };
	l->v4 = (struct half){ .lookup = l, .wait = { .fn = on_answer, .ctx = &l->v4 } };
	*slot = l;
	resolver_ask(r, &l->v6.wait, n, DNS_TYPE_AAAA);
	resolver_ask(r, &l->v4.wait, n, DNS_TYPE_A); /* may be the end of l */
}
