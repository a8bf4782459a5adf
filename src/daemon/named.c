/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/named.h"

#include <arpa/inet.h>
#include <string.h>

#include <uthash.h>

#include "base/alloc.h"
#include "policy/decide.h"

/*
 * The kernel lets an address go this much later than we do: while a question is under way nothing ends
 * here, for no answer would keep it. It is there for when nobody is.
 */
#define SLACK_MS 60000

/* Of what is in one set, the end of a range follows from its beginning: they do not overlap. */
struct item_key {
	struct rs_set *set;
	uint8_t first[24];
};

struct item {
	UT_hash_handle hh;
	struct item_key key;
	uint64_t until_ms;
	uint32_t holders; /* names that have it */
	uint32_t use;	  /* the first of them: its comment */
};

struct named {
	const struct plan *plan;
	struct network_map map; /* its arrays are borrowed */
	const struct rs_table *table;
	size_t *first; /* of each name: its uses are map.uses[first[i]] to first[i + 1] */
	struct item *items;
};

static void index_uses(struct named *l)
{
	const struct network_map *m = &l->map;
	size_t use = 0;

	l->first = xcalloc(m->n_names + 1, sizeof(*l->first));
	for (size_t i = 0; i <= m->n_names; i++) {
		while (use < m->n_uses && m->uses[use].name < i)
			use++;
		l->first[i] = use;
	}
	l->first[m->n_names] = m->n_uses;
}

struct named *named_new(const struct plan *p, const struct ruleset *r, const struct network_map *m)
{
	struct named *l = xcalloc(1, sizeof(*l));

	l->plan = p;
	l->map = *m;
	l->table = &r->tables[RS_INET];
	index_uses(l);
	return l;
}

void named_free(struct named *l)
{
	struct item *it, *next;

	if (!l)
		return;
	HASH_ITER(hh, l->items, it, next)
	{
		HASH_DEL(l->items, it);
		free(it);
	}
	free(l->first);
	free(l);
}

/* A port that a rule about every port can be asked about: no rule is likely to be about it alone. */
#define SOME_PORT 65534

/*
 * What decide() says of the name at this address: it may be in a range that names do not open, or a rule
 * before denies the name in a way that no address shows.
 */
static bool may_open(const struct named *l, const struct network_map_use *in, const struct addr *a)
{
	const struct network_name_use *u = in->use;
	struct flow f = { .proto = u->proto_lo ? u->proto_lo : IPPROTO_TCP,
			  .icmp_type = u->icmp_type,
			  .port = u->every_port ? SOME_PORT : u->port_lo,
			  .name = u->name,
			  .addr = a };
	struct verdict v = decide(l->plan->subjects[in->subject].policy, &f);

	return v.kind == VERDICT_ALLOW || v.kind == VERDICT_REDIRECT;
}

/* The first or the last of the elements' bytes that an address has by a use. */
static void bytes_of(const struct network_name_use *u, const struct rs_set *s, const uint8_t *addr,
		     bool last, uint8_t out[static 24])
{
	uint8_t proto = last ? u->proto_hi : u->proto_lo, type = (uint8_t)u->icmp_type;
	uint16_t port = htons(last ? u->port_hi : u->port_lo);
	size_t n = 0;

	rs_key_append(out, &n, s->fields[0], addr);
	rs_key_append(out, &n, s->fields[1], u->icmp_type >= 0 ? &type : &proto);
	if (u->icmp_type < 0 && !u->every_port)
		rs_key_append(out, &n, s->fields[2], &port);
}

/* False: the use has no set for the address's family. */
static bool make_key(const struct named *l, size_t use, const struct addr *a, struct item_key *out)
{
	const struct network_name_use *u = l->map.uses[use].use;
	struct rs_set *s = a->family == AF_INET6 ? u->set_v6 : u->set_v4;

	if (!s)
		return false;
	memset(out, 0, sizeof(*out));
	out->set = s;
	bytes_of(u, s, a->bytes, false, out->first);
	return true;
}

/* The same; false also when the use must not open it. */
static bool make_open_key(const struct named *l, size_t use, const struct addr *a,
			  struct item_key *out)
{
	return make_key(l, use, a, out) &&
	       (!l->map.uses[use].use->opens || may_open(l, &l->map.uses[use], a));
}

static struct item *item_find(const struct named *l, const struct item_key *k)
{
	struct item *it;

	HASH_FIND(hh, l->items, k, sizeof(*k), it);
	return it;
}

static uint64_t timeout_of(const struct item *it, uint64_t now_ms)
{
	if (it->until_ms == 0)
		return 0;
	return it->until_ms > now_ms ? it->until_ms - now_ms + SLACK_MS : SLACK_MS;
}

static void add_change(const struct named *l, const struct item *it, bool add, uint64_t now_ms,
		       struct changes *out)
{
	const struct network_name_use *u = l->map.uses[it->use].use;
	uint8_t last[24];

	/* The address is the first of a key's fields. */
	bytes_of(u, it->key.set, it->key.first, true, last);
	changes_add(out, add, RS_INET, it->key.set, it->key.first, last, u->comment)->timeout_ms =
		timeout_of(it, now_ms);
}

void named_put(struct named *l, size_t name, const struct addr *a, uint64_t until_ms, bool fresh,
	       uint64_t now_ms, struct changes *out)
{
	for (size_t use = l->first[name]; use < l->first[name + 1]; use++) {
		struct item_key k;
		struct item *it;

		if (!make_open_key(l, use, a, &k))
			continue;
		it = item_find(l, &k);
		if (!it) {
			it = xcalloc(1, sizeof(*it));
			*it = (struct item){ .key = k, .use = (uint32_t)use };
			HASH_ADD(hh, l->items, key, sizeof(it->key), it);
			fresh = true;
		}
		it->holders += fresh;
		if (it->until_ms < until_ms || until_ms == 0)
			it->until_ms = until_ms;
		if (out)
			add_change(l, it, true, now_ms, out);
	}
}

void named_drop(struct named *l, size_t name, const struct addr *a, struct changes *out)
{
	for (size_t use = l->first[name]; use < l->first[name + 1]; use++) {
		struct item_key k;
		struct item *it;

		if (!make_open_key(l, use, a, &k) || !(it = item_find(l, &k)) || --it->holders > 0)
			continue;
		if (out)
			add_change(l, it, false, 0, out);
		HASH_DEL(l->items, it);
		free(it);
	}
}

void named_fill(const struct named *l, uint64_t now_ms)
{
	for (const struct item *it = l->items; it; it = it->hh.next) {
		const struct network_name_use *u = l->map.uses[it->use].use;
		uint8_t last[24];

		bytes_of(u, it->key.set, it->key.first, true, last);
		rs_element_add(it->key.set, it->key.first, last, u->comment)->timeout_ms =
			timeout_of(it, now_ms);
	}
}

/* Appends to `open` and `deny` what a has and b has not, of the sets that both have. */
static void step(const struct named *a, const struct named *b, bool add, uint64_t now_ms,
		 struct changes *open, struct changes *deny)
{
	for (const struct item *it = a->items; it; it = it->hh.next) {
		struct item_key k = it->key;

		k.set = rs_set_find(b->table, it->key.set->name);
		if (k.set && !item_find(b, &k))
			add_change(a, it, add, now_ms,
				   a->map.uses[it->use].use->opens ? open : deny);
	}
}

void named_step(const struct named *was, const struct named *next, uint64_t now_ms,
		struct changes *before, struct changes *after)
{
	step(was, next, false, now_ms, before, after);
	step(next, was, true, now_ms, after, before);
}

bool named_opens(const struct named *l, size_t name, const struct addr *a)
{
	for (size_t use = l->first[name]; use < l->first[name + 1]; use++) {
		const struct network_map_use *in = &l->map.uses[use];
		struct item_key k;

		if (in->use->opens && (l->plan->subjects[in->subject].policy->mode == MODE_AUDIT ||
				       (make_key(l, use, a, &k) && item_find(l, &k))))
			return true;
	}
	return false;
}

bool named_alike(const struct named *a, size_t of_a, const struct named *b, size_t of_b)
{
	size_t from = a->first[of_a], n = a->first[of_a + 1] - from, other = b->first[of_b];

	if (b->first[of_b + 1] - other != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (a->map.uses[from + i].use != b->map.uses[other + i].use)
			return false;
	return true;
}

bool named_used(const struct named *l, size_t name)
{
	return l->first[name] < l->first[name + 1];
}
