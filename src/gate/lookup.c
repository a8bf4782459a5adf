/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/lookup.h"

#include <string.h>

#include "base/alloc.h"

struct half {
	struct lookup *lookup;
	struct resolver_wait wait;
	struct addr addrs[LIMIT_DNS_ADDRESSES];
	size_t n;
	bool failed;
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

static void finish(struct lookup *l)
{
	struct lookup_result r = { .failed = l->v6.failed || l->v4.failed };
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
	h->failed = r->rcode == DNS_SERVFAIL;
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
