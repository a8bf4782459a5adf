/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate of a daemon, which is this program executed anew, and asks a name server that is in this
 * one. */
#include <signal.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "daemon/gate_child.h"
#include "daemon/gate_process.h"
#include "daemon/process.h"
#include "fake_dns.h"
#include "policy_help.h"

#define MANY 3000

struct world {
	uv_loop_t loop;
	struct server server;
	struct gate_options options;
	struct gate_child child;
	struct watch *report;
	size_t n_answers, wanted;
	struct gate_resolved last;
	uint8_t answered[MANY];
	bool done, dead;
};

static void on_resolved(void *ctx, const struct gate_resolved *r)
{
	struct world *w = ctx;

	w->last = *r;
	t_ok(r->id < MANY);
	w->answered[r->id]++;
	w->done = ++w->n_answers == w->wanted;
}

static int want_of(const struct world *w)
{
	return UV_READABLE | (gate_child_blocked(&w->child) ? UV_WRITABLE : 0);
}

static void on_busy(void *ctx)
{
	struct world *w = ctx;

	if (w->report)
		watch_for(w->report, want_of(w));
}

static void on_report(void *ctx, int events)
{
	struct world *w = ctx;

	(void)events;
	if (!gate_child_read(&w->child))
		w->done = w->dead = true;
	watch_for(w->report, w->dead ? 0 : want_of(w));
}

static void world_open(struct world *w, const struct gate_host *hosts, size_t n_hosts)
{
	struct err e = { 0 };

	memset(w, 0, sizeof(*w));
	t_ok(uv_loop_init(&w->loop) == 0);
	server_open(&w->server, &w->loop);
	w->options = (struct gate_options){ .kind = GATE_DAEMON,
					    .hosts = hosts,
					    .n_hosts = n_hosts,
					    .upstreams = { server_upstream(&w->server) },
					    .n_upstreams = 1,
					    .dns_fd = -1,
					    .dns_tcp_fd = -1 };
	w->child = (struct gate_child){ .o = &w->options,
					.on_resolved = on_resolved,
					.on_busy = on_busy,
					.ctx = w,
					.report = -1 };
	t_good(gate_child_start(&w->child, &e), e);
	w->report = gate_child_watch(&w->child, &w->loop, on_report, w, &e);
	t_good(w->report, e);
}

static void world_close(struct world *w)
{
	gate_child_stop(&w->child);
	watch_close(w->report);
	server_close(&w->server);
	loop_end(&w->loop);
}

/* The gate's clock is the real one: nothing is turned. */
static void wait_for(struct world *w, size_t n)
{
	w->wanted = n;
	w->done = n == 0;
	w->n_answers = 0;
	memset(w->answered, 0, sizeof(w->answered));
	for (int i = 0; i < 100000 && (!w->done || gate_child_busy(&w->child)); i++) {
		struct pollfd p = { .fd = uv_backend_fd(&w->loop), .events = POLLIN };

		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		if (!w->done || gate_child_busy(&w->child))
			(void)poll(&p, 1, 10);
	}
	t_ok(w->done);
}

static void ask(struct world *w, uint32_t id, const char *name, uint32_t queries)
{
	struct name n = name_of(name);
	struct err e = { 0 };

	t_good(gate_child_resolve(&w->child, id, &n, queries, &e), e);
}

static const enum deed answers[] = { ANSWER }, none[] = { NXDOMAIN }, empty[] = { NODATA },
		       fails[] = { SERVFAIL }, first_only[] = { ANSWER, SERVFAIL };

static const struct {
	const char *name;
	const enum deed *deeds;
	size_t n_deeds;
	uint32_t ttl_s, queries;
	enum gate_outcome outcome;
	size_t n;
	uint32_t ttl_told_s;
	unsigned failed; /* families */
	unsigned asked;
} rows[] = {
	{ "both families", answers, 1, 60, 1, GATE_FOUND, 3, 60, 0, 2 },
	{ "a short TTL", answers, 1, 1, 1, GATE_FOUND, 3, LIMIT_DNS_TTL_FLOOR, 0, 2 },
	{ "a long TTL", answers, 1, 100000, 1, GATE_FOUND, 3, LIMIT_DNS_TTL_CEIL, 0, 2 },
	{ "asked more than once", answers, 1, 60, 5, GATE_FOUND, 3, 60, 0, 10 },
	{ "no such name", none, 1, 60, 1, GATE_NO_NAME, 0, 60, 0, 2 },
	{ "no address", empty, 1, 60, 1, GATE_FOUND, 0, 60, 0, 2 },
	{ "no answer", fails, 1, 60, 1, GATE_NO_ANSWER, 0, 0, 2, 6 },
	{ "an answer at last", first_only, 2, 60, 2, GATE_FOUND, 1, 60, 1, 10 },
};

T(resolve)
{
	T_EACH(row, rows)
	{
		struct world w;

		world_open(&w, NULL, 0);
		w.server.udp_deeds = row->deeds;
		w.server.n_udp = row->n_deeds;
		w.server.ttl_s = row->ttl_s;
		ask(&w, 7, "a.test", row->queries);
		wait_for(&w, 1);
		t_eq_int(w.last.id, 7);
		t_eq_str(w.last.name.s, "a.test");
		t_eq_int(w.last.outcome, row->outcome);
		t_eq_int(w.last.ttl_s, row->ttl_told_s);
		t_eq_int(w.last.failed_v4 + w.last.failed_v6, row->failed);
		if (row->failed != 1) {
			t_eq_int(w.last.n, row->n);
			t_eq_int(w.server.asked_udp, row->asked);
		}
		world_close(&w);
	}
}

/* What upstream said a moment ago is not what it says now. */
T(asked_anew)
{
	static const enum deed twice[] = { ANSWER, ANSWER, NXDOMAIN };
	struct world w;

	world_open(&w, NULL, 0);
	w.server.udp_deeds = twice;
	w.server.n_udp = 3;
	ask(&w, 1, "a.test", 1);
	wait_for(&w, 1);
	t_eq_int(w.last.outcome, GATE_FOUND);
	ask(&w, 2, "a.test", 1);
	wait_for(&w, 1);
	t_eq_int(w.last.outcome, GATE_NO_NAME);
	world_close(&w);
}

T(hosts)
{
	struct gate_host hosts[] = { { name_of("z.test"), addr_of("203.0.113.9") },
				     { name_of("here.test"), addr_of("10.77.0.9") },
				     { name_of("a.test"), addr_of("203.0.113.8") },
				     { name_of("here.test"), addr_of("fd77::9") } };
	struct world w;

	world_open(&w, hosts, ARRAY_LEN(hosts));
	ask(&w, 1, "here.test", 3);
	wait_for(&w, 1);
	t_eq_int(w.last.outcome, GATE_FOUND);
	t_eq_int(w.last.n, 2);
	t_eq_int(w.last.ttl_s, LIMIT_DNS_TTL_CEIL);
	t_eq_int(w.server.asked_udp, 0);
	ask(&w, 1, "z.test", 1);
	wait_for(&w, 1);
	t_eq_addr(&w.last.addrs[0], "203.0.113.9");
	world_close(&w);
}

/* More than fit the socket, and than are asked for at one time. */
T(many)
{
	struct world w;

	world_open(&w, NULL, 0);
	w.server.udp_deeds = answers;
	w.server.n_udp = 1;
	for (uint32_t i = 0; i < MANY; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%u.test", i);
		ask(&w, i, name, 1);
	}
	wait_for(&w, MANY);
	for (size_t i = 0; i < MANY; i++)
		t_eq_int(w.answered[i], 1);
	world_close(&w);
}

static void ask_many(struct world *w)
{
	for (uint32_t i = 0; i < MANY; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%u.test", i);
		ask(w, i, name, 1);
	}
}

static void tell_many(struct world *w)
{
	for (uint32_t i = 0; i < MANY; i++) {
		struct gate_installed what = { .outcome = GATE_FOUND, .n = i % 65 };
		struct err e = { 0 };

		what.name = name_of("n.test");
		t_good(gate_child_installed(&w->child, &what, &e), e);
	}
}

static void offer(struct world *w, const char *policy)
{
	struct gate_setup *s = xcalloc(1, sizeof(*s));

	s->plan = load_text(policy);
	gate_child_offer(&w->child, s);
}

static const char *adopted(const struct world *w)
{
	return w->child.setup ? w->child.setup->plan->policies[0]->name : "";
}

/* Whoever gives orders goes on, whatever there is in the gate's way; and then it does them. */
static const struct {
	const char *name;
	bool stopped, asked, told;
	unsigned setups;
} crowds[] = {
	{ "more names than fit the socket", false, true, false, 0 },
	{ "more to tell than fits the socket", false, false, true, 0 },
	{ "a setup behind both", false, true, true, 1 },
	{ "a gate that is stopped", true, true, true, 0 },
	{ "setups for a gate that is stopped", true, false, false, 3 },
};

T(never_waits)
{
	static const char *const policies[] = { "version: 1\npolicies:\n  a: {rules: []}\n",
						"version: 1\npolicies:\n  b: {rules: []}\n",
						"version: 1\npolicies:\n  c: {rules: []}\n" };

	T_EACH(row, crowds)
	{
		struct world w;
		uint64_t began;

		world_open(&w, NULL, 0);
		w.server.udp_deeds = answers;
		w.server.n_udp = 1;
		t_ok(!row->stopped || kill(w.child.pid, SIGSTOP) == 0);
		began = clock_ms();
		if (row->told)
			tell_many(&w);
		for (unsigned i = 0; i < row->setups; i++)
			offer(&w, policies[i]);
		if (row->asked)
			ask_many(&w);
		t_ok(clock_ms() - began < 1000);
		t_ok(!row->stopped || gate_child_busy(&w.child));
		t_ok(!gate_child_late(&w.child));
		t_ok(kill(w.child.pid, SIGCONT) == 0);
		wait_for(&w, row->asked ? MANY : 0);
		for (size_t i = 0; row->asked && i < MANY; i++)
			t_eq_int(w.answered[i], 1);
		t_ok(!w.dead && !gate_child_busy(&w.child));
		if (row->setups)
			t_eq_str(adopted(&w), row->setups == 3 ? "c" : "a");
		world_close(&w);
	}
}

/* One that hangs is ended, whether it does not read or does not answer. */
T(hangs)
{
	for (int reads = 0; reads < 2; reads++) {
		struct world w;

		world_open(&w, NULL, 0);
		t_ok(kill(w.child.pid, SIGSTOP) == 0);
		if (reads)
			offer(&w, "version: 1\npolicies:\n  a: {rules: []}\n");
		else
			tell_many(&w);
		t_ok(!gate_child_late(&w.child));
		/* As if so much time had passed. */
		if (reads)
			w.child.owed_since_ms -= 60000;
		else
			w.child.blocked_since_ms -= 60000;
		t_ok(gate_child_late(&w.child) && w.child.pid == 0);
		t_ok(!gate_child_read(&w.child));
		/* What it was offered is what the next one works by. */
		if (reads) {
			struct err e = { 0 };

			t_good(gate_child_start(&w.child, &e), e);
			t_eq_str(adopted(&w), "a");
		}
		world_close(&w);
	}
}

T(dies)
{
	struct name n = name_of("a.test");
	struct err e = { 0 };
	struct world w;

	world_open(&w, NULL, 0);
	ask(&w, 1, "a.test", 1);
	t_ok(kill(w.child.pid, SIGKILL) == 0);
	wait_for(&w, 1);
	t_ok(w.dead && w.child.pid == 0);
	t_bad(gate_child_resolve(&w.child, 1, &n, 1, &e), e, ERR_SYSTEM, "the gate is not there");
	world_close(&w);
}

/* What a gate that somebody owns may send is taken only when it is well-formed. */
T(resolved_valid)
{
	struct gate_resolved r = { .name = name_of("a.test"), .n = 1, .ttl_s = 60 };

	r.addrs[0] = addr_of("203.0.113.5");
	t_ok(gate_resolved_valid(&r));
	r.addrs[0].bytes[9] = 1;
	t_ok(!gate_resolved_valid(&r));
	r.addrs[0] = (struct addr){ .family = 99 };
	t_ok(!gate_resolved_valid(&r));
	r.addrs[0] = addr_of("2001:db8::5");
	t_ok(gate_resolved_valid(&r));
	r.n = GATE_ADDRESSES_MAX + 1;
	t_ok(!gate_resolved_valid(&r));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { T_TEST(resolve),	    T_TEST(asked_anew),
					    T_TEST(hosts),	    T_TEST(many),
					    T_TEST(never_waits),    T_TEST(hangs),
					    T_TEST(resolved_valid), T_TEST(dies) };

	if (process_is(argc, argv, PROCESS_GATE))
		return gate_process_main();
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
