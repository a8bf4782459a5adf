/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which policy the clients of each listener are under. */
#include <stdio.h>

#include "base/alloc.h"
#include "daemon/clients.h"
#include "daemon/listen.h"
#include "policy_help.h"

#define ONE "version: 1\npolicies: {p: {rules: []}}\n"
#define TWO "version: 1\npolicies: {a: {rules: []}, b: {rules: []}}\n"

/* A base and what builds on it, which is the one that is meant. */
#define EXTENDED "version: 1\npolicies: {base: {rules: []}, top: {extends: base, rules: []}}\n"

#define HERE  "127.0.0.1:8888"
#define THERE "[::1]:9999"

struct row {
	const char *name;
	const char *policies;
	const char *subjects;  /* in flow style; NULL: none */
	const char *listeners; /* separated by blanks */
	const char *use;
	const char *users; /* of the file, separated by blanks; NULL: there is no file */

	/*
	 * "LISTENER USER POLICY", separated by commas: USER is "-" for clients without credentials,
	 * and "!" where these have to log in, whose policy is then none. NULL: see `why`.
	 */
	const char *clients;
	const char *why;
};

static const struct row rows[] = {
	/* No subject names the listener. */
	{ "the only policy", ONE, NULL, HERE, NULL, NULL, "0 - p", NULL },
	{ "the one that no other extends", EXTENDED, NULL, HERE, NULL, NULL, "0 - top", NULL },
	{ "the one that is asked for", TWO, NULL, HERE, "b", NULL, "0 - b", NULL },
	{ "which one?", TWO, NULL, HERE, NULL, NULL, NULL, "choose with --use NAME" },
	{ "one that is not there", TWO, NULL, HERE, "c", NULL, NULL, "there is no policy \"c\"" },
	{ "two listeners", ONE, NULL, HERE " " THERE, NULL, NULL, "0 - p, 1 - p", NULL },
	{ "no listener", ONE, NULL, "", NULL, NULL, "", NULL },
	{ "a file of users", ONE, NULL, HERE, NULL, "ada bob", "0 ! p, 0 ada p, 0 bob p", NULL },
	{ "a file of users, two listeners", ONE, NULL, HERE " " THERE, NULL, "ada",
	  "0 ! p, 0 ada p, 1 ! p, 1 ada p", NULL },
	{ "a file of no users", ONE, NULL, HERE, NULL, "", "0 ! p", NULL },
	{ "subjects that are no proxies", ONE, "{network: n, policy: p}, {container: c, policy: p}",
	  HERE, NULL, NULL, "0 - p", NULL },

	/* Subjects name it. */
	{ "everybody", TWO, "{proxy: '" HERE "', policy: b}", HERE, NULL, NULL, "0 - b", NULL },
	{ "everybody, in spite of --use", TWO, "{proxy: '" HERE "', policy: b}", HERE, "a", NULL,
	  "0 - b", NULL },
	{ "everybody, though there are users", TWO, "{proxy: '" HERE "', policy: b}", HERE, NULL,
	  "ada", "0 - b", NULL },
	{ "a user and everybody else", TWO,
	  "{proxy: '" HERE "', user: ada, policy: a}, {proxy: '" HERE "', policy: b}", HERE, NULL,
	  "ada bob", "0 ada a, 0 - b", NULL },
	{ "in another order", TWO,
	  "{proxy: '" HERE "', policy: b}, {proxy: '" HERE "', user: ada, policy: a}", HERE, NULL,
	  "ada", "0 - b, 0 ada a", NULL },
	{ "a user alone", TWO, "{proxy: '" HERE "', user: ada, policy: b}", HERE, NULL, "ada",
	  "0 ada b, 0 ! a", NULL },
	{ "two users", TWO,
	  "{proxy: '" HERE "', user: ada, policy: a}, {proxy: '" HERE "', user: bob, policy: b}",
	  HERE, NULL, "ada bob carl", "0 ada a, 0 bob b, 0 ! a", NULL },
	{ "one user at two listeners", TWO,
	  "{proxy: '" HERE "', user: ada, policy: a}, {proxy: '" THERE "', user: ada, policy: b}",
	  HERE " " THERE, NULL, "ada", "0 ada a, 0 ! a, 1 ada b, 1 ! a", NULL },
	{ "one of two listeners", ONE, "{proxy: '" THERE "', policy: p}", HERE " " THERE, NULL,
	  "ada", "0 ! p, 0 ada p, 1 - p", NULL },
	{ "one of two listeners, and which policy for the other?", TWO,
	  "{proxy: '" THERE "', policy: b}", HERE " " THERE, NULL, NULL, NULL,
	  "choose with --use NAME" },
	{ "the other is under --use", TWO, "{proxy: '" THERE "', policy: b}", HERE " " THERE, "a",
	  NULL, "0 - a, 1 - b", NULL },
	{ "a listener in another form", TWO, "{proxy: '[0:0::1]:9999', policy: b}", THERE, NULL,
	  NULL, "0 - b", NULL },

	{ "no file of secrets", ONE, "{proxy: '" HERE "', user: ada, policy: p}", HERE, NULL, NULL,
	  NULL, "p.yaml:4:4: there is no secret for the user \"ada\": give one with --users FILE" },
	{ "no secret in it", ONE, "{proxy: '" HERE "', user: ada, policy: p}", HERE, NULL, "Ada",
	  NULL, "p.yaml:4:4: there is no secret for the user \"ada\" in the file of --users" },
	{ "a listener that is not there", ONE, "{proxy: '127.0.0.1:8889', policy: p}", HERE, NULL,
	  NULL, NULL,
	  "p.yaml:4:4: nothing listens at 127.0.0.1:8889: a new listener takes a restart" },
	{ "another address", ONE, "{proxy: '0.0.0.0:8888', policy: p}", HERE, NULL, NULL, NULL,
	  "nothing listens at 0.0.0.0:8888" },
	{ "a user of a listener that is not there", ONE,
	  "{proxy: '127.0.0.1:8889', user: ada, policy: p}", HERE, NULL, "ada", NULL,
	  "nothing listens at 127.0.0.1:8889" },
	/* One of two policies would go unheeded. */
	{ "one listener in two forms", TWO,
	  "{proxy: '[::1]:9999', policy: a}, {proxy: '[0:0::1]:9999', policy: b}", THERE, NULL,
	  NULL, NULL, "p.yaml:4:38: the proxy \"[0:0::1]:9999\" has a policy already" },
	{ "one user of a listener in two forms", TWO,
	  "{proxy: '[::1]:9999', user: ada, policy: a}, "
	  "{proxy: '[0:0::1]:9999', user: ada, policy: b}",
	  THERE, NULL, "ada", NULL, "the proxy \"[0:0::1]:9999\" has a policy already" },
};

static struct plan *plan_of(const char *policies, const char *subjects)
{
	_cleanup_(freep) char *text =
		xasprintf("%ssubjects:\n  [%s]\n", policies, subjects ? subjects : "");

	return load_text(text);
}

static size_t listeners_of(const char *list, struct gate_listener out[GATE_LISTENERS_MAX])
{
	struct span rest = span_of(list), one;
	struct err e = { 0 };
	size_t n = 0;

	while (rest.n && span_next(&rest, ' ', &one))
		t_good(listen_parse(one, &out[n++], &e), e);
	return n;
}

static void users_of(const char *list, struct users *out)
{
	struct span rest = span_of(list), one;

	*out = (struct users){ 0 };
	while (rest.n && span_next(&rest, ' ', &one)) {
		struct user u = { 0 };

		(void)snprintf(u.name, sizeof(u.name), SPAN_FMT, SPAN_ARG(one));
		(void)snprintf(u.token, sizeof(u.token), "token of " SPAN_FMT, SPAN_ARG(one));
		vec_push(out->items, out->n, out->cap, u);
	}
}

static void show(const struct gate_setup *s, struct buf *out)
{
	for (size_t i = 0; i < s->n_clients; i++) {
		const struct gate_client *c = &s->clients[i];
		const char *nobody = c->needs_login ? "!" : "-";
		char token[sizeof(c->token)] = "";

		buf_fmt(out, "%s%u %s %s", i ? ", " : "", c->listener,
			c->user[0] ? c->user : nobody, s->plan->policies[c->policy]->name);
		if (c->user[0])
			(void)snprintf(token, sizeof(token), "token of %.200s", c->user);
		t_eq_mem(c->token, token, sizeof(token));
		t_ok(!c->user[0] || !c->needs_login);
	}
}

T(setup)
{
	T_EACH(row, rows)
	{
		_cleanup_(gate_setup_freep) struct gate_setup *s = NULL;
		_cleanup_(users_done) struct users users = { 0 };
		struct gate_listener listeners[GATE_LISTENERS_MAX];
		struct clients_options o = { .listeners = listeners,
					     .n_listeners = listeners_of(row->listeners, listeners),
					     .use = row->use,
					     .users = row->users ? &users : NULL };
		struct plan *plan = plan_of(row->policies, row->subjects);
		struct err e = { 0 };
		struct buf got;

		users_of(row->users ? row->users : "", &users);
		if (row->why) {
			t_bad(clients_setup(plan, &o, &s, &e), e, ERR_INVALID, row->why);
			t_ok(!s);
			continue;
		}
		buf_init(&got, 4096);
		t_good(clients_setup(plan, &o, &s, &e), e);
		t_ok(s->plan == plan);
		show(s, &got);
		t_eq_str(buf_cstr(&got), row->clients);
		buf_done(&got);
	}
}

/* Users and listeners together. */
static const struct {
	const char *name;
	size_t users;
	const char *listeners;
	bool good;
} counts[] = {
	{ "all users of one listener", LIMIT_SUBJECTS - 1, HERE, true },
	{ "one more", LIMIT_SUBJECTS, HERE, false },
	{ "of two listeners", LIMIT_SUBJECTS / 2 - 1, HERE " " THERE, true },
	{ "one more of two listeners", LIMIT_SUBJECTS / 2, HERE " " THERE, false },
};

T(how_many)
{
	T_EACH(row, counts)
	{
		_cleanup_(gate_setup_freep) struct gate_setup *s = NULL;
		_cleanup_(users_done) struct users users = { 0 };
		struct gate_listener listeners[GATE_LISTENERS_MAX];
		struct clients_options o = { .listeners = listeners,
					     .n_listeners = listeners_of(row->listeners, listeners),
					     .users = &users };
		struct err e = { 0 };

		for (size_t i = 0; i < row->users; i++) {
			struct user u = { 0 };

			(void)snprintf(u.name, sizeof(u.name), "user%zu", i);
			vec_push(users.items, users.n, users.cap, u);
		}
		if (row->good) {
			t_good(clients_setup(plan_of(ONE, NULL), &o, &s, &e), e);
			t_eq_int(s->n_clients, (row->users + 1) * o.n_listeners);
		} else {
			t_bad(clients_setup(plan_of(ONE, NULL), &o, &s, &e), e, ERR_LIMIT,
			      "more than 256 users and listeners");
		}
	}
}

static const struct {
	const char *name;
	const char *subjects;
	const char *before, *after;
} lists[] = {
	{ "none", NULL, "", "" },
	{ "none of the policy's", NULL, HERE, HERE },
	{ "one", "{proxy: '" HERE "', policy: p}", "", HERE },
	{ "one behind those there are", "{proxy: '" THERE "', policy: p}", HERE, HERE " " THERE },
	{ "in the order of the file",
	  "{proxy: '" THERE "', policy: p}, {network: n, policy: p}, {proxy: '" HERE
	  "', policy: p}",
	  "", THERE " " HERE },
	{ "each once", "{proxy: '" HERE "', policy: p}, {proxy: '" HERE "', user: ada, policy: p}",
	  "", HERE },
	{ "not again", "{proxy: '" HERE "', policy: p}", THERE " " HERE, THERE " " HERE },
	{ "not in another form", "{proxy: '[0::1]:9999', policy: p}", THERE, THERE },
	{ "another port", "{proxy: '[::1]:9998', policy: p}", THERE, THERE " [::1]:9998" },
};

T(listeners)
{
	T_EACH(row, lists)
	{
		_cleanup_(plan_freep) struct plan *plan = plan_of(ONE, row->subjects);
		struct gate_listener l[GATE_LISTENERS_MAX];
		size_t n = listeners_of(row->before, l);
		struct err e = { 0 };
		struct buf got;

		buf_init(&got, 4096);
		t_good(clients_listeners(plan, l, &n, &e), e);
		for (size_t i = 0; i < n; i++) {
			char text[LISTEN_STR_MAX];

			buf_fmt(&got, "%s%s", i ? " " : "", listen_str(&l[i], text));
			t_eq_int(l[i].fd, -1);
		}
		t_eq_str(buf_cstr(&got), row->after);
		buf_done(&got);
	}
}

T(too_many_listeners)
{
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct gate_listener l[GATE_LISTENERS_MAX];
	size_t n = listeners_of(HERE, l);
	struct buf subjects;
	struct err e = { 0 };

	buf_init(&subjects, 4096);
	for (unsigned i = 1; i <= GATE_LISTENERS_MAX; i++)
		buf_fmt(&subjects, "%s{proxy: '127.0.0.1:%u', policy: p}", i > 1 ? "," : "", i);
	plan = plan_of(ONE, buf_cstr(&subjects));
	t_bad(clients_listeners(plan, l, &n, &e), e, ERR_LIMIT, "more than 16 places to listen at");
	t_eq_int(n, GATE_LISTENERS_MAX);
	buf_done(&subjects);
}

T_MAIN(T_TEST(setup), T_TEST(how_many), T_TEST(listeners), T_TEST(too_many_listeners))
