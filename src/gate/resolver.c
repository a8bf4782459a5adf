/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/resolver.h"

#include <string.h>
#include <sys/random.h>

#include <uthash.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "gate/upstream.h"

LIST_HEAD(waits, resolver_wait);
TAILQ_HEAD(entries, entry);

/* Names compare by their bytes, so the key may be hashed as it stands. */
struct key {
	uint16_t qtype;
	struct name name;
};

/* What is known about one question, or being asked. */
struct entry {
	UT_hash_handle hh;
	struct key key;
	TAILQ_ENTRY(entry) by_use; /* most recently used last */
	struct resolver *resolver;
	struct upstream_query *query; /* under way, or NULL */
	struct waits waits;
	struct resolved answer;
	bool known;	     /* answer holds */
	bool fixed;	     /* for good */
	uint64_t expires_ms; /* clock_ms() */
	uint64_t stale_ms;   /* until when it is still used when upstream does not answer */
};

struct resolver {
	uv_loop_t *loop;
	const struct gate_upstream *upstreams; /* borrowed */
	size_t n_upstreams;
	struct entry *entries;
	struct entries by_use;
	size_t n_entries, n_fixed;
	size_t n_queries;
	bool forgets; /* answers are not remembered */
};

struct resolver *resolver_new(uv_loop_t *loop, const struct gate_upstream *upstreams, size_t n)
{
	struct resolver *r = xcalloc(1, sizeof(*r));

	*r = (struct resolver){ .loop = loop, .upstreams = upstreams, .n_upstreams = n };
	TAILQ_INIT(&r->by_use);
	return r;
}

void resolver_forget(struct resolver *r)
{
	r->forgets = true;
}

static void forget(struct entry *en)
{
	struct resolver *r = en->resolver;

	HASH_DEL(r->entries, en);
	TAILQ_REMOVE(&r->by_use, en, by_use);
	r->n_entries--;
	free(en);
}

void resolver_free(struct resolver *r)
{
	struct entry *en, *next;

	if (!r)
		return;
	HASH_ITER(hh, r->entries, en, next)
	{
		upstream_cancel(en->query);
		forget(en);
	}
	free(r);
}

/* Room for one more: the entry that was not used for longest goes, unless it is being asked. */
static bool make_room(struct resolver *r)
{
	struct entry *en;

	if (r->n_entries - r->n_fixed < LIMIT_DNS_CACHE)
		return true;
	TAILQ_FOREACH(en, &r->by_use, by_use)
	{
		if (!en->query && !en->fixed) {
			forget(en);
			return true;
		}
	}
	return false;
}

static struct entry *entry_get(struct resolver *r, const struct name *name, uint16_t qtype)
{
	struct entry *en;
	struct key key;

	memset(&key, 0, sizeof(key));
	key.qtype = qtype;
	key.name.len = name->len;
	memcpy(key.name.s, name->s, name->len);
	HASH_FIND(hh, r->entries, &key, sizeof(key), en);
	if (en) {
		TAILQ_REMOVE(&r->by_use, en, by_use);
		TAILQ_INSERT_TAIL(&r->by_use, en, by_use);
		return en;
	}
	if (!make_room(r))
		return NULL;
	en = xcalloc(1, sizeof(*en));
	memcpy(&en->key, &key, sizeof(key));
	en->resolver = r;
	HASH_ADD(hh, r->entries, key, sizeof(en->key), en);
	TAILQ_INSERT_TAIL(&r->by_use, en, by_use);
	r->n_entries++;
	return en;
}

/* Fixes the entry; the other family's is there, too, so that it is not asked for upstream. */
static struct entry *fix(struct resolver *r, const struct name *name, uint16_t qtype)
{
	struct entry *en = entry_get(r, name, qtype);

	if (!en)
		return NULL;
	r->n_fixed += en->fixed ? 0 : 1;
	en->known = en->fixed = true;
	en->answer.ttl_s = LIMIT_DNS_TTL_FLOOR;
	return en;
}

void resolver_know(struct resolver *r, const struct name *name, const struct addr *a)
{
	struct entry *v4 = fix(r, name, DNS_TYPE_A), *v6 = fix(r, name, DNS_TYPE_AAAA);
	struct entry *en = a->family == AF_INET ? v4 : v6;

	for (size_t i = 0; en && i < en->answer.n; i++)
		if (addr_eq(&en->answer.addrs[i], a))
			return;
	if (en && en->answer.n < LIMIT_DNS_ADDRESSES)
		en->answer.addrs[en->answer.n++] = *a;
}

/* Tells everyone who waits. A callback may ask the same question again, which goes on the new
 * list, and may make the entry be forgotten. */
static void tell(struct entry *en, const struct resolved *answer)
{
	struct waits waits = en->waits;
	struct resolver_wait *w;

	LIST_INIT(&en->waits);
	if (waits.lh_first)
		waits.lh_first->link.le_prev = &waits.lh_first;
	while ((w = LIST_FIRST(&waits))) {
		resolver_cancel(w);
		w->fn(w->ctx, answer);
	}
}

static uint32_t clamp_ttl(uint32_t ttl_s)
{
	return MIN(MAX(ttl_s, (uint32_t)LIMIT_DNS_TTL_FLOOR), (uint32_t)LIMIT_DNS_TTL_CEIL);
}

static void on_answer(void *ctx, const struct resolved *answer)
{
	struct entry *en = ctx;
	uint64_t now = clock_ms();
	struct resolved r = *answer;

	en->query = NULL;
	en->resolver->n_queries--;
	r.ttl_s = clamp_ttl(r.ttl_s);
	if (r.rcode == DNS_SERVFAIL) {
		/* What is known is kept for a while longer, and asked for again soon, but not for
		 * every question: each would wait until upstream is given up. */
		if (en->known && now < en->stale_ms) {
			r = en->answer;
			en->expires_ms = now + LIMIT_DNS_TTL_FLOOR * 1000ULL;
		}
		r.ttl_s = LIMIT_DNS_TTL_FLOOR;
	} else if (!answer->message.n && !en->resolver->forgets) {
		en->answer = r;
		en->known = true;
		en->expires_ms = now + r.ttl_s * 1000ULL;
		en->stale_ms = en->expires_ms + LIMIT_DNS_STALE_S * 1000ULL;
	}
	tell(en, &r);
}

static void fail(struct resolver_wait *w)
{
	const struct resolved failed = { .rcode = DNS_SERVFAIL };

	w->fn(w->ctx, &failed);
}

static bool start(struct resolver *r, struct entry *en)
{
	struct upstream_question q = { .name = en->key.name,
				       .qtype = en->key.qtype,
				       .upstreams = r->upstreams,
				       .n_upstreams = r->n_upstreams };

	if (r->n_queries >= LIMIT_DNS_PENDING || r->n_upstreams == 0)
		return false;
	en->query = upstream_ask(r->loop, &q, on_answer, en);
	r->n_queries++;
	return true;
}

void resolver_ask(struct resolver *r, struct resolver_wait *w, const struct name *name,
		  uint16_t qtype)
{
	struct entry *en = entry_get(r, name, qtype);
	uint64_t now = clock_ms();

	if (en && en->known && (en->fixed || now < en->expires_ms)) {
		struct resolved known = en->answer;

		if (!en->fixed)
			known.ttl_s = (uint32_t)((en->expires_ms - now + 999) / 1000);
		w->fn(w->ctx, &known);
		return;
	}
	if (!en || (!en->query && !start(r, en))) {
		fail(w);
		return;
	}
	w->waiting = true;
	LIST_INSERT_HEAD(&en->waits, w, link);
}

void resolver_cancel(struct resolver_wait *w)
{
	if (!w->waiting)
		return;
	LIST_REMOVE(w, link);
	w->waiting = false;
}
