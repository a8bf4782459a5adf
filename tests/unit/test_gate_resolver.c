/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "fake_dns.h"
#include "gate/resolver.h"

struct world {
	uv_loop_t loop;
	struct server server;
	struct gate_upstream upstream;
	struct resolver *resolver;
};

/* One who waits for an answer. */
struct asker {
	struct world *world;
	struct resolver_wait wait;
	struct resolved got;
	int calls;
	bool done;
	const char *then; /* a name to ask for in the callback */
	uint16_t then_type;
	struct asker *then_asker, *then_cancel;
};

static void on_answer(void *ctx, const struct resolved *r);

static void ask(struct world *w, struct asker *a, const char *name, uint16_t qtype)
{
	struct name n = name_of(name);

	a->world = w;
	a->done = false;
	a->wait.fn = on_answer;
	a->wait.ctx = a;
	resolver_ask(w->resolver, &a->wait, &n, qtype);
}

static void on_answer(void *ctx, const struct resolved *r)
{
	struct asker *a = ctx;

	a->calls++;
	a->done = true;
	a->got = *r;
	t_ok(!a->wait.waiting);
	if (a->then_cancel)
		resolver_cancel(&a->then_cancel->wait);
	if (a->then) {
		const char *name = a->then;

		a->then = NULL;
		ask(a->world, a->then_asker, name, a->then_type);
	}
}

static const enum deed answers[] = { ANSWER };

static void put_down(struct world *w, const enum deed *deeds, size_t n)
{
	w->server.udp_deeds = deeds;
	w->server.n_udp = n;
	w->server.asked_udp = 0;
}

static void world_open(struct world *w)
{
	memset(w, 0, sizeof(*w));
	t_eq_int(uv_loop_init(&w->loop), 0);
	server_open(&w->server, &w->loop);
	put_down(w, answers, 1);
	w->upstream = server_upstream(&w->server);
	w->resolver = resolver_new(&w->loop, &w->upstream, 1);
}

static void world_close(struct world *w)
{
	resolver_free(w->resolver);
	server_close(&w->server);
	loop_end(&w->loop);
}

static void wait_for(struct world *w, struct asker *a)
{
	t_ok(run_until(&w->loop, &a->done, 60000));
}

/* Asks and waits: the answer, and how many questions that made for the server. */
static struct resolved resolve(struct world *w, const char *name, uint16_t qtype, unsigned *asked)
{
	struct asker a = { 0 };
	unsigned before = w->server.asked_udp;

	ask(w, &a, name, qtype);
	if (!a.done)
		wait_for(w, &a);
	*asked = w->server.asked_udp - before;
	t_eq_int(a.calls, 1);
	return a.got;
}

/* What is remembered, and for how long: asked again after so many seconds. */
static const struct {
	const char *name;
	uint16_t qtype;
	enum deed deed;
	uint32_t ttl_s;
	uint32_t told_ttl_s;
	uint32_t after_s;
	bool again; /* it is asked for upstream again */
} memory[] = {
	{ "at once", DNS_TYPE_A, ANSWER, 60, 60, 0, false },
	{ "within its TTL", DNS_TYPE_A, ANSWER, 60, 60, 58, false },
	{ "past its TTL", DNS_TYPE_A, ANSWER, 60, 60, 61, true },
	{ "AAAA", DNS_TYPE_AAAA, ANSWER, 60, 60, 58, false },
	{ "TTL 0", DNS_TYPE_A, ANSWER, 0, LIMIT_DNS_TTL_FLOOR, LIMIT_DNS_TTL_FLOOR - 2, false },
	{ "TTL 0, later", DNS_TYPE_A, ANSWER, 0, LIMIT_DNS_TTL_FLOOR, LIMIT_DNS_TTL_FLOOR + 1,
	  true },
	{ "a long TTL", DNS_TYPE_A, ANSWER, 86400, LIMIT_DNS_TTL_CEIL, LIMIT_DNS_TTL_CEIL - 2,
	  false },
	{ "a long TTL, later", DNS_TYPE_A, ANSWER, 86400, LIMIT_DNS_TTL_CEIL,
	  LIMIT_DNS_TTL_CEIL + 1, true },
	{ "no such name", DNS_TYPE_A, NXDOMAIN, 60, 60, 58, false },
	{ "no such name, later", DNS_TYPE_A, NXDOMAIN, 60, 60, 61, true },
	{ "no address", DNS_TYPE_AAAA, NODATA, 60, 60, 58, false },
	{ "no address, later", DNS_TYPE_AAAA, NODATA, 60, 60, 61, true },
	{ "a failure", DNS_TYPE_A, SERVFAIL, 60, LIMIT_DNS_TTL_FLOOR, 0, true },
	{ "another type", DNS_TYPE_TXT, ANSWER, 60, LIMIT_DNS_TTL_FLOOR, 0, true },
};

T(memory)
{
	T_EACH(row, memory)
	{
		struct resolved first, second;
		struct world w;
		unsigned asked;

		world_open(&w);
		put_down(&w, &row->deed, 1);
		w.server.ttl_s = row->ttl_s;
		first = resolve(&w, "a.test", row->qtype, &asked);
		t_ok(asked >= 1);
		t_eq_int(first.ttl_s, row->told_ttl_s);
		clock_ahead_ms += row->after_s * 1000ULL;
		second = resolve(&w, "a.test", row->qtype, &asked);
		t_eq_int(asked > 0, row->again);
		t_eq_int(second.rcode, first.rcode);
		t_eq_int(second.n, first.n);
		if (!row->again) {
			/* What is left of it, not more; the test itself takes a moment. */
			t_ok(second.ttl_s <= row->told_ttl_s - row->after_s);
			t_ok(second.ttl_s + 2 >= row->told_ttl_s - row->after_s);
			t_ok(second.ttl_s > 0);
		}
		if (row->deed == ANSWER && row->qtype == DNS_TYPE_A)
			t_eq_addr(&second.addrs[1], "203.0.113.2");
		world_close(&w);
	}
}

/* Names and types are remembered apart. */
T(apart)
{
	struct world w;
	unsigned asked;

	world_open(&w);
	(void)resolve(&w, "a.test", DNS_TYPE_A, &asked);
	t_eq_int(asked, 1);
	(void)resolve(&w, "a.test", DNS_TYPE_AAAA, &asked);
	t_eq_int(asked, 1);
	(void)resolve(&w, "b.test", DNS_TYPE_A, &asked);
	t_eq_int(asked, 1);
	(void)resolve(&w, "a.test", DNS_TYPE_A, &asked);
	t_eq_int(asked, 0);
	world_close(&w);
}

/* An expired answer is used while upstream is down, for so many seconds after it expired. */
static const struct {
	const char *name;
	enum deed first;
	enum deed down;
	uint32_t after_s;
	enum dns_rcode rcode;
	size_t n;
} stale[] = {
	{ "just expired", ANSWER, SERVFAIL, 61, DNS_NOERROR, 2 },
	{ "expired for a while", ANSWER, SERVFAIL, 60 + LIMIT_DNS_STALE_S - 60, DNS_NOERROR, 2 },
	{ "silent", ANSWER, SILENT, 61, DNS_NOERROR, 2 },
	{ "expired too long ago", ANSWER, SERVFAIL, 60 + LIMIT_DNS_STALE_S + 1, DNS_SERVFAIL, 0 },
	{ "no such name", NXDOMAIN, SERVFAIL, 61, DNS_NXDOMAIN, 0 },
	{ "gone in the meantime", ANSWER, NXDOMAIN, 61, DNS_NXDOMAIN, 0 },
};

T(stale)
{
	T_EACH(row, stale)
	{
		struct resolved r;
		struct world w;
		unsigned asked;

		world_open(&w);
		put_down(&w, &row->first, 1);
		(void)resolve(&w, "a.test", DNS_TYPE_A, &asked);
		clock_ahead_ms += row->after_s * 1000ULL;
		put_down(&w, &row->down, 1);
		r = resolve(&w, "a.test", DNS_TYPE_A, &asked);
		t_ok(asked > 0);
		t_eq_int(r.rcode, row->rcode);
		t_eq_int(r.n, row->n);
		if (row->down != NXDOMAIN)
			t_eq_int(r.ttl_s, LIMIT_DNS_TTL_FLOOR);

		/* Back again, it is news; but what is served stale is not asked for every time. */
		put_down(&w, answers, 1);
		if (row->down != NXDOMAIN) {
			if (row->rcode != DNS_SERVFAIL) {
				(void)resolve(&w, "a.test", DNS_TYPE_A, &asked);
				t_eq_int(asked, 0);
			}
			clock_ahead_ms += LIMIT_DNS_TTL_FLOOR * 1000ULL;
			r = resolve(&w, "a.test", DNS_TYPE_A, &asked);
			t_ok(asked > 0);
			t_eq_int(r.ttl_s, 60);
			t_eq_int(r.n, 2);
		}
		world_close(&w);
	}
}

/* Several who ask the same wait for one question. */
T(one_question)
{
	struct asker askers[3] = { { 0 } };
	struct world w;

	world_open(&w);
	for (size_t i = 0; i < ARRAY_LEN(askers); i++)
		ask(&w, &askers[i], "a.test", DNS_TYPE_A);
	t_eq_int(askers[0].calls, 0);
	wait_for(&w, &askers[0]);
	for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
		t_eq_int(askers[i].calls, 1);
		t_eq_int(askers[i].got.n, 2);
	}
	run_ready(&w.loop);
	t_eq_int(w.server.asked_udp, 1);
	world_close(&w);
}

T(cancelled)
{
	struct asker askers[3] = { { 0 } };
	struct resolver_wait none = { 0 };
	struct world w;

	world_open(&w);
	for (size_t i = 0; i < ARRAY_LEN(askers); i++)
		ask(&w, &askers[i], "a.test", DNS_TYPE_A);
	resolver_cancel(&askers[1].wait);
	t_ok(!askers[1].wait.waiting);
	resolver_cancel(&askers[1].wait);
	resolver_cancel(&none);
	wait_for(&w, &askers[0]);
	run_ready(&w.loop);
	t_eq_int(askers[0].calls, 1);
	t_eq_int(askers[1].calls, 0);
	t_eq_int(askers[2].calls, 1);
	world_close(&w);
}

/* With nobody left who waits, the answer is remembered all the same. */
T(all_cancelled)
{
	struct asker a = { 0 };
	struct world w;
	unsigned asked;

	world_open(&w);
	ask(&w, &a, "a.test", DNS_TYPE_A);
	resolver_cancel(&a.wait);
	run_ready(&w.loop);
	t_eq_int(a.calls, 0);
	t_eq_int(w.server.asked_udp, 1);
	t_eq_int(resolve(&w, "a.test", DNS_TYPE_A, &asked).n, 2);
	t_eq_int(asked, 0);
	world_close(&w);
}

/* One who is told cancels another who has not been told yet. Who is told first is not promised. */
T(cancelled_while_told)
{
	struct asker a = { 0 }, b = { 0 };
	struct world w;

	world_open(&w);
	a.then_cancel = &b;
	b.then_cancel = &a;
	ask(&w, &a, "a.test", DNS_TYPE_A);
	ask(&w, &b, "a.test", DNS_TYPE_A);
	t_ok(!run_until(&w.loop, &(bool){ false }, 200));
	t_eq_int(a.calls + b.calls, 1);
	world_close(&w);
}

/* What a callback asks for while it is told. */
static const struct {
	const char *name;
	enum deed deeds[DEEDS_MAX];
	size_t n;
	const char *then;
	uint16_t then_type;
	unsigned asked;
	enum dns_rcode rcode;
} again[] = {
	{ "the same, which is known now", { ANSWER }, 1, "a.test", DNS_TYPE_A, 1, DNS_NOERROR },
	{ "the same, which is not there", { NXDOMAIN }, 1, "a.test", DNS_TYPE_A, 1, DNS_NXDOMAIN },
	{ "the same after a failure",
	  { SERVFAIL, SERVFAIL, SERVFAIL, ANSWER },
	  4,
	  "a.test",
	  DNS_TYPE_A,
	  4,
	  DNS_NOERROR },
	{ "the other type", { ANSWER }, 1, "a.test", DNS_TYPE_AAAA, 2, DNS_NOERROR },
	{ "another name", { ANSWER }, 1, "b.test", DNS_TYPE_A, 2, DNS_NOERROR },
};

T(asked_again_while_told)
{
	T_EACH(row, again)
	{
		struct asker a = { 0 }, b = { 0 }, then = { 0 };
		struct world w;

		world_open(&w);
		put_down(&w, row->deeds, row->n);
		a.then = row->then;
		a.then_type = row->then_type;
		a.then_asker = &then;
		ask(&w, &a, "a.test", DNS_TYPE_A);
		ask(&w, &b, "a.test", DNS_TYPE_A);
		wait_for(&w, &then);
		run_ready(&w.loop);
		t_eq_int(a.calls, 1);
		t_eq_int(b.calls, 1);
		t_eq_int(then.calls, 1);
		t_eq_int(then.got.rcode, row->rcode);
		t_eq_int(w.server.asked_udp, row->asked);
		world_close(&w);
	}
}

/* It asks for itself again, with the wait that is just being told. */
T(same_wait_again)
{
	struct asker a = { 0 };
	struct world w;
	static const enum deed deeds[] = { SERVFAIL, SERVFAIL, SERVFAIL, ANSWER };

	world_open(&w);
	put_down(&w, deeds, ARRAY_LEN(deeds));
	a.then = "a.test";
	a.then_type = DNS_TYPE_A;
	a.then_asker = &a;
	ask(&w, &a, "a.test", DNS_TYPE_A);
	wait_for(&w, &a); /* for the second answer: asking again, it is not done */
	t_eq_int(a.calls, 2);
	t_eq_int(a.got.n, 2);
	world_close(&w);
}

T(known)
{
	struct name n = name_of("host.test");
	struct addr v4 = addr_of("203.0.113.9"), other = addr_of("203.0.113.10");
	struct resolved r;
	struct world w;
	unsigned asked;

	world_open(&w);
	resolver_know(w.resolver, &n, &v4);
	r = resolve(&w, "host.test", DNS_TYPE_A, &asked);
	t_eq_int(asked, 0);
	t_eq_int(r.n, 1);
	t_eq_addr(&r.addrs[0], "203.0.113.9");
	r = resolve(&w, "host.test", DNS_TYPE_AAAA, &asked);
	t_eq_int(asked, 0);
	t_eq_int(r.rcode, DNS_NOERROR);
	t_eq_int(r.n, 0);

	resolver_know(w.resolver, &n, &other);
	clock_ahead_ms += 30ULL * 86400 * 1000;
	r = resolve(&w, "host.test", DNS_TYPE_A, &asked);
	t_eq_int(asked, 0);
	t_eq_int(r.n, 2);
	t_ok(r.ttl_s > 0);
	world_close(&w);
}

T(known_addresses_bounded)
{
	struct name n = name_of("host.test");
	struct addr a = addr_of("203.0.113.0");
	struct world w;
	unsigned asked;

	world_open(&w);
	for (unsigned i = 0; i < LIMIT_DNS_ADDRESSES + 5; i++) {
		a.bytes[3] = (uint8_t)i;
		resolver_know(w.resolver, &n, &a);
	}
	t_eq_int(resolve(&w, "host.test", DNS_TYPE_A, &asked).n, LIMIT_DNS_ADDRESSES);
	world_close(&w);
}

T(no_upstream)
{
	struct asker a = { 0 };
	struct world w;

	world_open(&w);
	resolver_free(w.resolver);
	w.resolver = resolver_new(&w.loop, NULL, 0);
	ask(&w, &a, "a.test", DNS_TYPE_A);
	t_eq_int(a.calls, 1);
	t_eq_int(a.got.rcode, DNS_SERVFAIL);
	world_close(&w);
}

/* One more than may be under way fails at once, and the others do not suffer. */
T(too_many_at_once)
{
	static const enum deed silent[] = { SILENT };
	struct asker *askers = xcalloc(LIMIT_DNS_PENDING + 2, sizeof(*askers));
	struct world w;
	char name[32];

	world_open(&w);
	put_down(&w, silent, 1);
	for (unsigned i = 0; i <= LIMIT_DNS_PENDING; i++) {
		(void)snprintf(name, sizeof(name), "n%u.test", i);
		ask(&w, &askers[i], name, DNS_TYPE_A);
		t_eq_int(askers[i].calls, i == LIMIT_DNS_PENDING);
	}
	t_eq_int(askers[LIMIT_DNS_PENDING].got.rcode, DNS_SERVFAIL);
	/* Who asks what is asked already can wait. */
	ask(&w, &askers[LIMIT_DNS_PENDING + 1], "n0.test", DNS_TYPE_A);
	t_eq_int(askers[LIMIT_DNS_PENDING + 1].calls, 0);
	put_down(&w, answers, 1);
	for (unsigned i = 0; i < LIMIT_DNS_PENDING; i++) {
		wait_for(&w, &askers[i]);
		t_eq_int(askers[i].got.n, 2);
	}
	t_eq_int(askers[LIMIT_DNS_PENDING + 1].calls, 1);
	/* And then there is room. */
	ask(&w, &askers[LIMIT_DNS_PENDING], name, DNS_TYPE_A);
	wait_for(&w, &askers[LIMIT_DNS_PENDING]);
	t_eq_int(askers[LIMIT_DNS_PENDING].got.n, 2);
	world_close(&w);
	free(askers);
}

/* The name that was not used for longest is forgotten first; known ones never are. */
T(forgotten)
{
	struct name host = name_of("host.test");
	struct addr a = addr_of("203.0.113.9");
	struct world w;
	char name[32];
	unsigned asked;

	world_open(&w);
	w.server.ttl_s = 3600;
	resolver_know(w.resolver, &host, &a);
	for (unsigned i = 0; i < LIMIT_DNS_CACHE; i++) {
		(void)snprintf(name, sizeof(name), "n%u.test", i);
		(void)resolve(&w, name, DNS_TYPE_A, &asked);
		t_eq_int(asked, 1);
	}
	(void)resolve(&w, "n0.test", DNS_TYPE_A, &asked); /* used again */
	t_eq_int(asked, 0);
	(void)resolve(&w, "one-more.test", DNS_TYPE_A, &asked);
	t_eq_int(asked, 1);
	(void)resolve(&w, "n0.test", DNS_TYPE_A, &asked);
	t_eq_int(asked, 0);
	(void)resolve(&w, "n2.test", DNS_TYPE_A, &asked);
	t_eq_int(asked, 0);
	(void)resolve(&w, "host.test", DNS_TYPE_A, &asked);
	t_eq_int(asked, 0);
	(void)resolve(&w, "n1.test", DNS_TYPE_A, &asked);
	t_eq_int(asked, 1);
	world_close(&w);
}

/* Freed with questions under way: nobody is called, nothing is left (the sanitizers tell). */
T(freed_while_asking)
{
	struct asker askers[4] = { { 0 } };
	struct world w;

	world_open(&w);
	ask(&w, &askers[0], "a.test", DNS_TYPE_A);
	ask(&w, &askers[1], "a.test", DNS_TYPE_AAAA);
	ask(&w, &askers[2], "b.test", DNS_TYPE_TXT);
	(void)uv_run(&w.loop, UV_RUN_NOWAIT);
	for (size_t i = 0; i < 3; i++)
		if (!askers[i].done)
			resolver_cancel(&askers[i].wait);
	resolver_free(w.resolver);
	w.resolver = NULL;
	run_ready(&w.loop);
	world_close(&w);
}

T_MAIN(T_TEST(memory), T_TEST(apart), T_TEST(stale), T_TEST(one_question), T_TEST(cancelled),
       T_TEST(all_cancelled), T_TEST(cancelled_while_told), T_TEST(asked_again_while_told),
       T_TEST(same_wait_again), T_TEST(known), T_TEST(known_addresses_bounded), T_TEST(no_upstream),
       T_TEST(too_many_at_once), T_TEST(forgotten), T_TEST(freed_while_asking))
