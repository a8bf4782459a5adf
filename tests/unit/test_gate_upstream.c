/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/limits.h"
#include "fake_dns.h"
#include "gate/upstream.h"

/* Enough letters that a random mix of case is never all small. */
#define NAME "abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz.test"

struct world {
	uv_loop_t loop;
	struct server servers[2];
	struct gate_upstream upstreams[2];
	/* what was called back */
	bool done;
	int calls;
	struct resolved got;
	char message[512];
};

static void on_answer(void *ctx, const struct resolved *r)
{
	struct world *w = ctx;

	w->calls++;
	w->done = true;
	w->got = *r;
	t_ok(r->message.n <= sizeof(w->message));
	if (r->message.n)
		memcpy(w->message, r->message.p, r->message.n);
}

static const struct {
	const char *name;
	uint16_t qtype;
	enum deed udp[2][DEEDS_MAX]; /* of the two servers */
	size_t n_udp[2];	     /* 0: nobody is there */
	enum deed tcp[DEEDS_MAX];    /* of the first server */
	size_t n_tcp;
	size_t n_servers;
	enum dns_rcode rcode;
	size_t n_addrs;
	unsigned asked[3]; /* by UDP: both servers; by TCP: the first */
	uint64_t takes_ms;
} rows[] = {
	{ "A", DNS_TYPE_A, { { ANSWER } }, { 1 }, { 0 }, 0, 1, DNS_NOERROR, 2, { 1, 0, 0 }, 0 },
	{ "AAAA",
	  DNS_TYPE_AAAA,
	  { { ANSWER } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  1,
	  { 1, 0, 0 },
	  0 },
	{ "TXT", DNS_TYPE_TXT, { { ANSWER } }, { 1 }, { 0 }, 0, 1, DNS_NOERROR, 0, { 1, 0, 0 }, 0 },
	{ "no such name",
	  DNS_TYPE_A,
	  { { NXDOMAIN } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_NXDOMAIN,
	  0,
	  { 1, 0, 0 },
	  0 },
	{ "no such name, TXT",
	  DNS_TYPE_TXT,
	  { { NXDOMAIN } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_NXDOMAIN,
	  0,
	  { 1, 0, 0 },
	  0 },
	{ "no address",
	  DNS_TYPE_A,
	  { { NODATA } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  0,
	  { 1, 0, 0 },
	  0 },

	{ "fails",
	  DNS_TYPE_A,
	  { { SERVFAIL } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_SERVFAIL,
	  0,
	  { 3, 0, 0 },
	  0 },
	{ "fails, TXT",
	  DNS_TYPE_TXT,
	  { { SERVFAIL } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_SERVFAIL,
	  0,
	  { 3, 0, 0 },
	  0 },
	{ "fails once",
	  DNS_TYPE_A,
	  { { SERVFAIL, ANSWER } },
	  { 2 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  2,
	  { 2, 0, 0 },
	  0 },
	{ "refuses, the next answers",
	  DNS_TYPE_A,
	  { { REFUSED }, { ANSWER } },
	  { 1, 1 },
	  { 0 },
	  0,
	  2,
	  DNS_NOERROR,
	  2,
	  { 1, 1, 0 },
	  0 },
	{ "both fail",
	  DNS_TYPE_A,
	  { { SERVFAIL }, { REFUSED } },
	  { 1, 1 },
	  { 0 },
	  0,
	  2,
	  DNS_SERVFAIL,
	  0,
	  { 2, 2, 0 },
	  0 },
	{ "malformed",
	  DNS_TYPE_A,
	  { { MALFORMED, ANSWER } },
	  { 2 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  2,
	  { 2, 0, 0 },
	  0 },
	{ "malformed, TXT",
	  DNS_TYPE_TXT,
	  { { MALFORMED, ANSWER } },
	  { 2 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  0,
	  { 2, 0, 0 },
	  0 },

	{ "silent once",
	  DNS_TYPE_A,
	  { { SILENT, ANSWER } },
	  { 2 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  2,
	  { 2, 0, 0 },
	  LIMIT_DNS_TRY_MS },
	{ "silent, the next answers",
	  DNS_TYPE_A,
	  { { SILENT }, { ANSWER } },
	  { 1, 1 },
	  { 0 },
	  0,
	  2,
	  DNS_NOERROR,
	  2,
	  { 1, 1, 0 },
	  LIMIT_DNS_TRY_MS },
	{ "silent",
	  DNS_TYPE_A,
	  { { SILENT } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_SERVFAIL,
	  0,
	  { 3, 0, 0 },
	  3 * LIMIT_DNS_TRY_MS },
	{ "both silent",
	  DNS_TYPE_A,
	  { { SILENT }, { SILENT } },
	  { 1, 1 },
	  { 0 },
	  0,
	  2,
	  DNS_SERVFAIL,
	  0,
	  { 2, 2, 0 },
	  4 * LIMIT_DNS_TRY_MS },
	{ "nobody there",
	  DNS_TYPE_A,
	  { { 0 } },
	  { 0 },
	  { 0 },
	  0,
	  1,
	  DNS_SERVFAIL,
	  0,
	  { 0, 0, 0 },
	  0 },
	{ "nobody there, the next answers",
	  DNS_TYPE_A,
	  { { 0 }, { ANSWER } },
	  { 0, 1 },
	  { 0 },
	  0,
	  2,
	  DNS_NOERROR,
	  2,
	  { 0, 1, 0 },
	  0 },

	/* What is not the answer is not listened to. */
	{ "another id",
	  DNS_TYPE_A,
	  { { FORGED_ID } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  2,
	  { 1, 0, 0 },
	  0 },
	{ "another case",
	  DNS_TYPE_A,
	  { { FORGED_CASE } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  2,
	  { 1, 0, 0 },
	  0 },
	{ "another name",
	  DNS_TYPE_A,
	  { { FORGED_NAME } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  2,
	  { 1, 0, 0 },
	  0 },
	{ "another type",
	  DNS_TYPE_A,
	  { { FORGED_TYPE } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  2,
	  { 1, 0, 0 },
	  0 },
	{ "another port",
	  DNS_TYPE_A,
	  { { FORGED_SOURCE } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  2,
	  { 1, 0, 0 },
	  0 },
	{ "no answer but a question",
	  DNS_TYPE_A,
	  { { FORGED_QUERY } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  2,
	  { 1, 0, 0 },
	  0 },
	{ "nothing else",
	  DNS_TYPE_A,
	  { { FORGED_ONLY } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_SERVFAIL,
	  0,
	  { 3, 0, 0 },
	  3 * LIMIT_DNS_TRY_MS },
	{ "a server with letters of its own",
	  DNS_TYPE_A,
	  { { OWN_CASE } },
	  { 1 },
	  { 0 },
	  0,
	  1,
	  DNS_NOERROR,
	  2,
	  { 3, 0, 0 },
	  2 * LIMIT_DNS_TRY_MS },

	{ "cut",
	  DNS_TYPE_A,
	  { { TRUNCATED } },
	  { 1 },
	  { ANSWER },
	  1,
	  1,
	  DNS_NOERROR,
	  2,
	  { 1, 0, 1 },
	  0 },
	{ "cut, TXT",
	  DNS_TYPE_TXT,
	  { { TRUNCATED } },
	  { 1 },
	  { ANSWER },
	  1,
	  1,
	  DNS_NOERROR,
	  0,
	  { 1, 0, 1 },
	  0 },
	{ "cut, no such name",
	  DNS_TYPE_A,
	  { { TRUNCATED } },
	  { 1 },
	  { NXDOMAIN },
	  1,
	  1,
	  DNS_NXDOMAIN,
	  0,
	  { 1, 0, 1 },
	  0 },
	{ "cut, in pieces",
	  DNS_TYPE_A,
	  { { TRUNCATED } },
	  { 1 },
	  { IN_PIECES },
	  1,
	  1,
	  DNS_NOERROR,
	  2,
	  { 1, 0, 1 },
	  0 },
	{ "cut, closed, answered",
	  DNS_TYPE_A,
	  { { TRUNCATED, ANSWER } },
	  { 2 },
	  { CLOSES },
	  1,
	  1,
	  DNS_NOERROR,
	  2,
	  { 2, 0, 1 },
	  0 },
	{ "cut, silent, answered",
	  DNS_TYPE_A,
	  { { TRUNCATED, ANSWER } },
	  { 2 },
	  { SILENT },
	  1,
	  1,
	  DNS_NOERROR,
	  2,
	  { 2, 0, 1 },
	  LIMIT_DNS_TRY_MS },
	{ "cut, forged",
	  DNS_TYPE_A,
	  { { TRUNCATED, ANSWER } },
	  { 2 },
	  { FORGED_ONLY },
	  1,
	  1,
	  DNS_NOERROR,
	  2,
	  { 2, 0, 1 },
	  0 },
	{ "cut by TCP, too",
	  DNS_TYPE_A,
	  { { TRUNCATED } },
	  { 1 },
	  { TRUNCATED },
	  1,
	  1,
	  DNS_SERVFAIL,
	  0,
	  { 3, 0, 3 },
	  0 },
};

static void world_open(struct world *w, size_t n_servers)
{
	memset(w, 0, sizeof(*w));
	t_eq_int(uv_loop_init(&w->loop), 0);
	for (size_t i = 0; i < n_servers; i++) {
		server_open(&w->servers[i], &w->loop);
		w->upstreams[i] = server_upstream(&w->servers[i]);
	}
}

static void world_close(struct world *w)
{
	for (size_t i = 0; i < ARRAY_LEN(w->servers); i++)
		if (w->servers[i].udp)
			server_close(&w->servers[i]);
	loop_end(&w->loop);
}

static struct upstream_question question(const struct world *w, uint16_t qtype, size_t n)
{
	return (struct upstream_question){ name_of(NAME), qtype, w->upstreams, n };
}

static void check_answer(const struct world *w, uint16_t qtype, const struct resolved *r)
{
	if (qtype == DNS_TYPE_TXT && r->rcode != DNS_SERVFAIL) {
		t_ok(r->message.n >= DNS_HEADER && r->relay.end <= r->message.n);
		t_eq_int(r->relay.n_answer, r->rcode == DNS_NOERROR);
		if (r->rcode == DNS_NOERROR)
			t_eq_mem(w->message + r->message.n - 3, "\2hi", 3);
	} else {
		t_eq_int(r->message.n, 0);
	}
	if (r->n && qtype == DNS_TYPE_A) {
		t_eq_addr(&r->addrs[0], "203.0.113.1");
		t_eq_addr(&r->addrs[1], "203.0.113.2");
		t_eq_int(r->ttl_s, 60);
	} else if (r->n) {
		t_eq_addr(&r->addrs[0], "2001:db8::1");
	}
}

T(rows)
{
	T_EACH(row, rows)
	{
		struct upstream_question q;
		uint64_t start, turned;
		struct world w;

		world_open(&w, row->n_servers);
		w.servers[0].tcp_deeds = row->tcp;
		w.servers[0].n_tcp = row->n_tcp;
		for (size_t i = 0; i < row->n_servers; i++) {
			w.servers[i].udp_deeds = row->udp[i];
			w.servers[i].n_udp = row->n_udp[i];
			if (!row->n_udp[i])
				server_close(&w.servers[i]);
		}
		q = question(&w, row->qtype, row->n_servers);
		start = clock_ms();
		turned = clock_ahead_ms;
		t_ok(upstream_ask(&w.loop, &q, on_answer, &w));
		t_eq_int(w.calls, 0); /* never before it returns */
		t_ok(run_until(&w.loop, &w.done, 60000));
		t_ok(clock_ms() - start >= row->takes_ms);
		t_ok(clock_ahead_ms - turned <= row->takes_ms + LIMIT_DNS_TRY_MS - 100);
		t_eq_int(w.got.rcode, row->rcode);
		t_eq_int(w.got.n, row->n_addrs);
		check_answer(&w, row->qtype, &w.got);
		run_ready(&w.loop);
		t_eq_int(w.calls, 1);
		t_eq_int(w.servers[0].asked_udp, row->asked[0]);
		t_eq_int(w.servers[1].asked_udp, row->asked[1]);
		t_eq_int(w.servers[0].asked_tcp, row->asked[2]);
		world_close(&w);
	}
}

/* Letters are mixed in all tries but the last. */
T(letter_case)
{
	static const enum deed silent[] = { SILENT };
	struct upstream_question q;
	struct world w;
	unsigned upper[3];

	world_open(&w, 1);
	w.servers[0].udp_deeds = silent;
	w.servers[0].n_udp = 1;
	q = question(&w, DNS_TYPE_A, 1);
	(void)upstream_ask(&w.loop, &q, on_answer, &w);
	for (unsigned i = 0; i < 3; i++) {
		bool never = false;

		while (w.servers[0].asked_udp <= i && !w.done)
			(void)run_until(&w.loop, &never, 50);
		upper[i] = w.servers[0].upper;
	}
	t_ok(upper[0] > 5 && upper[0] < 52);
	t_ok(upper[1] - upper[0] > 5);
	t_eq_int(upper[2], upper[1]);
	t_ok(run_until(&w.loop, &w.done, 60000));
	world_close(&w);
}

/* Cancelled, it never calls back. */
T(cancelled)
{
	T_EACH(row, rows)
	{
		struct upstream_question q;
		struct upstream_query *query;
		struct world w;

		world_open(&w, row->n_servers);
		w.servers[0].udp_deeds = row->udp[0];
		w.servers[0].n_udp = row->n_udp[0];
		q = question(&w, row->qtype, row->n_servers);
		query = upstream_ask(&w.loop, &q, on_answer, &w);
		if (row->takes_ms) /* in the middle of a try, the first one's answer may be there */
			(void)uv_run(&w.loop, UV_RUN_NOWAIT);
		t_eq_int(w.calls, 0);
		upstream_cancel(query);
		run_ready(&w.loop);
		clock_ahead_ms += 20 * LIMIT_DNS_TRY_MS;
		run_ready(&w.loop);
		t_eq_int(w.calls, 0);
		world_close(&w);
	}
	upstream_cancel(NULL);
}

T_MAIN(T_TEST(rows), T_TEST(letter_case), T_TEST(cancelled))
