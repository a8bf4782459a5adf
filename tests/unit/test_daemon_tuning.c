/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "daemon/dockside_tuning.h"
#include "gate_help.h"

/* "60 300 1 4096": refresh, grace, queries, addresses. */
static const char *tuning_str(const struct name_tuning *t)
{
	static char text[64];

	(void)snprintf(text, sizeof(text), "%u %u %u %u", t->refresh_s, t->grace_s, t->queries,
		       t->addresses);
	return text;
}

#define BY_DEFAULT "0 300 1 1024"

/* ---- Dockside's ---- */

#define NETWORKS "{\"networks\": [{\"name\": \"a\", \"subnet\": \"10.77.0.0/24\"}]}"

static const struct {
	const char *name;
	struct dockside_tuning env;
	const char *sets;
	const char *host;
	const char *tuning;
} sets[] = {
	{ "a list", { 1, 300, 60, 4096 }, "\"s\": [\"a.test\"]", "a.test", "60 300 1 4096" },
	{ "the environment's", { 2, 3, 4, 5 }, "\"s\": [\"a.test\"]", "a.test", "4 3 2 5" },
	{ "its own",
	  { 2, 3, 4, 5 },
	  "\"s\": {\"hostnames\": [\"a.test\"], \"dns_queries\": 9, \"stale_ttl\": 8, "
	  "\"refresh_interval\": 7, \"max_entries\": 6}",
	  "a.test",
	  "7 8 9 6" },
	{ "some of its own",
	  { 2, 3, 4, 5 },
	  "\"s\": {\"hostnames\": [\"a.test\"], \"stale_ttl\": 8}",
	  "a.test",
	  "4 8 2 5" },
	{ "another set's",
	  { 2, 3, 4, 5 },
	  "\"s\": {\"hostnames\": [\"a.test\"], \"stale_ttl\": 8}",
	  "b.test",
	  "4 3 2 5" },
	{ "in no set", { 2, 3, 4, 5 }, "", "b.test", "4 3 2 5" },
	{ "in two sets, the one first",
	  { 2, 300, 60, 100 },
	  "\"s\": {\"hostnames\": [\"a.test\", \"b.test\"], \"stale_ttl\": 8, "
	  "\"refresh_interval\": 7}, \"t\": {\"hostnames\": [\"c.test\", \"a.test\"], "
	  "\"dns_queries\": 1, \"max_entries\": 101}",
	  "a.test",
	  "7 300 2 101" },
	{ "in two sets, the other first",
	  { 2, 300, 60, 100 },
	  "\"t\": {\"hostnames\": [\"c.test\", \"a.test\"], \"dns_queries\": 1, "
	  "\"max_entries\": 101}, \"s\": {\"hostnames\": [\"a.test\", \"b.test\"], "
	  "\"stale_ttl\": 8, \"refresh_interval\": 7}",
	  "a.test",
	  "7 300 2 101" },
	{ "as a person writes it",
	  { 2, 3, 4, 5 },
	  "\"s\": {\"hostnames\": [\"A.Test.\"], \"stale_ttl\": 8}",
	  "a.test",
	  "4 8 2 5" },
	{ "among addresses",
	  { 2, 3, 4, 5 },
	  "\"s\": {\"hostnames\": [\"10.77.0.9\", \"a.test\", \"10.77.1.0/24\"], \"stale_ttl\": 8}",
	  "a.test",
	  "4 8 2 5" },
};

static struct tunings tunings_of(const struct dockside_env *env, const char *list)
{
	_cleanup_(dockside_freep) struct dockside *d = NULL;
	struct tunings t;
	char text[1024];
	struct err e = { 0 };

	(void)snprintf(text, sizeof(text), "{\"ipsets\": {%s}}", list);
	t_good(dockside_read("n.json", SPAN_LIT(NETWORKS), "f.json", span_of(text), env, &d, &e),
	       e);
	dockside_tunings(d, &t);
	return t;
}

/* All the way to the enforcer. */
T(dockside)
{
	T_EACH(row, sets)
	{
		struct dockside_env env = DOCKSIDE_ENV_DEFAULT;
		_cleanup_(tunings_done) struct tunings there = { 0 }, sent;
		_cleanup_(buf_done) struct buf bytes;
		struct name host = name_of(row->host);
		struct name_tuning found;
		struct err e = { 0 };

		env.tuning = row->env;
		env.failure_backoff_max = 77;
		env.refresh_jitter_pct = 33;
		sent = tunings_of(&env, row->sets);
		buf_init(&bytes, TUNINGS_BYTES);
		tunings_encode(&sent, &bytes);
		t_good(tunings_decode(buf_view(&bytes), &there, &e), e);
		found = tunings_find(&there, &host);
		t_eq_str(tuning_str(&found), row->tuning);
		t_eq_int(tunings_pace(&there).backoff_max_s, 77);
		t_eq_int(tunings_pace(&there).jitter_pct, 33);
		t_ok(tunings_same(&sent, &there));
	}
}

T(nothing_said)
{
	struct tunings none = { 0 };
	struct name host = name_of("a.test");
	struct name_tuning found = tunings_find(&none, &host);

	t_eq_str(tuning_str(&found), BY_DEFAULT);
	t_eq_int(tunings_pace(&none).backoff_max_s, NAMES_BACKOFF_MAX_S);
	t_eq_int(tunings_pace(&none).jitter_pct, 10);
}

/* ---- What another process sent ---- */

static const struct {
	const char *name;
	struct name_tuning sent;
	const char *tuning;
} numbers[] = {
	{ "in range", { 1, 2, 3, 4 }, "1 2 3 4" },
	{ "none at all", { 0, 0, 0, 0 }, "0 0 1 1" },
	{ "the largest", { 86400, 86400, 50, 65536 }, "86400 86400 50 65536" },
	{ "larger", { 86401, 86401, 51, 65537 }, "86400 86400 50 65536" },
	{ "as large as can be",
	  { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
	  "86400 86400 50 65536" },
};

T(clamped)
{
	T_EACH(row, numbers)
	{
		struct tunings sent = { .given = true,
					.pace = { 0, UINT32_MAX },
					.others = row->sent };
		_cleanup_(tunings_done) struct tunings there = { 0 };
		_cleanup_(buf_done) struct buf bytes;
		struct name in = name_of("in.test"), out = name_of("out.test");
		struct name_tuning found;
		struct err e = { 0 };

		tunings_add(&sent, &in, &row->sent);
		buf_init(&bytes, TUNINGS_BYTES);
		tunings_encode(&sent, &bytes);
		tunings_done(&sent);
		t_good(tunings_decode(buf_view(&bytes), &there, &e), e);
		found = tunings_find(&there, &in);
		t_eq_str(tuning_str(&found), row->tuning);
		found = tunings_find(&there, &out);
		t_eq_str(tuning_str(&found), row->tuning);
		t_eq_int(tunings_pace(&there).backoff_max_s, 1);
		t_eq_int(tunings_pace(&there).jitter_pct, 100);
	}
}

static const struct {
	const char *name;
	struct name sent;
} no_names[] = {
	{ "empty", { 0, "" } },
	{ "upper case", { 6, "A.test" } },
	{ "a dot behind", { 7, "a.test." } },
	{ "an address", { 9, "10.77.0.9" } },
	{ "a NUL", { 6, "a.t\0st" } },
	{ "a space", { 6, "a test" } },
	{ "too long", { 255, "a.test" } },
};

T(refused)
{
	struct name_tuning how = NAME_TUNING_DEFAULT;
	struct name good = name_of("a.test");
	struct tunings fine = { .given = true, .others = how };
	_cleanup_(buf_done) struct buf bytes;
	struct tunings out;
	struct err e = { 0 };

	tunings_add(&fine, &good, &how);
	buf_init(&bytes, TUNINGS_BYTES);
	tunings_encode(&fine, &bytes);
	for (size_t n = 0; n < bytes.n; n++) {
		bool whole = n == bytes.n - sizeof(struct names_wanted);

		t_ok(tunings_decode(span_bytes(buf_view(&bytes).p, n), &out, &e) == whole);
		if (whole)
			tunings_done(&out);
	}
	T_EACH(row, no_names)
	{
		_cleanup_(buf_done) struct buf bad;

		fine.items[0].name = row->sent;
		buf_init(&bad, TUNINGS_BYTES);
		tunings_encode(&fine, &bad);
		t_bad(tunings_decode(buf_view(&bad), &out, &e), e, ERR_INVALID,
		      "the tunings of names have none at byte");
	}
	tunings_done(&fine);
}

T_MAIN(T_TEST(dockside), T_TEST(nothing_said), T_TEST(clamped), T_TEST(refused))
