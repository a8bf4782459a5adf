/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/alloc.h"
#include "gate/setup.h"
#include "plan_same.h"
#include "policy_help.h"

#define POLICIES \
	"version: 1\npolicies: {a: {rules: [{allow: a.test}]}, b: {rules: [{deny: any}]}}\n"

static struct gate_setup *setup_of(size_t n)
{
	struct gate_setup *s = xcalloc(1, sizeof(*s));

	s->plan = load_text(POLICIES);
	s->n_clients = n;
	s->clients = xcalloc(n, sizeof(*s->clients));
	for (size_t i = 0; i < n; i++) {
		struct gate_client *c = &s->clients[i];

		c->listener = (uint16_t)(i / 2);
		c->policy = i % 2;
		c->needs_login = i % 3 == 0;
		if (i % 2) {
			(void)snprintf(c->user, sizeof(c->user), "user %zu", i);
			(void)snprintf(c->token, sizeof(c->token), "dXNlcjo%zu", i);
		}
	}
	s->n_networks = n;
	s->networks = xcalloc(n, sizeof(*s->networks));
	for (size_t i = 0; i < n; i++)
		s->networks[i] = (struct gate_network){ .ifindex = (uint32_t)i + 2,
							.policy = i % 2,
							.subject = (uint16_t)(i * 3) };
	return s;
}

static struct buf encoded(const struct gate_setup *s)
{
	struct buf out;

	buf_init(&out, LIMIT_PLAN_FLAT);
	setup_encode(s, &out);
	t_ok(buf_ok(&out));
	return out;
}

/* The bytes as a block of exactly their size. */
static bool decode(struct span bytes, struct gate_setup **out, struct err *e)
{
	_cleanup_(freep) char *exact = xmalloc(bytes.n);

	memcpy(exact, bytes.p, bytes.n);
	return setup_decode(span_bytes(exact, bytes.n), out, e);
}

static const struct {
	const char *name;
	size_t n;
} sizes[] = {
	{ "no client", 0 },
	{ "one", 1 },
	{ "some", 5 },
	{ "as many as there may be", LIMIT_SUBJECTS },
};

T(round_trip)
{
	T_EACH(row, sizes)
	{
		_cleanup_(gate_setup_freep) struct gate_setup *s = setup_of(row->n), *back = NULL;
		_cleanup_(buf_done) struct buf bytes = encoded(s);
		struct err e = { 0 };

		t_good(decode(buf_view(&bytes), &back, &e), e);
		t_ok(plan_alike(s->plan, back->plan));
		t_eq_int(back->n_clients, row->n);
		for (size_t i = 0; i < row->n; i++) {
			const struct gate_client *a = &s->clients[i], *b = &back->clients[i];

			t_ok(a->listener == b->listener && a->policy == b->policy &&
			     a->needs_login == b->needs_login);
			t_eq_mem(a->user, b->user, sizeof(a->user));
			t_eq_mem(a->token, b->token, sizeof(a->token));
		}
		t_eq_int(back->n_networks, row->n);
		t_eq_mem(s->networks, back->networks, row->n * sizeof(*s->networks));
	}
}

/* What would be read past an array's end is refused. */
T(out_of_range)
{
	_cleanup_(gate_setup_freep) struct gate_setup *more = setup_of(LIMIT_SUBJECTS + 1),
						      *s = setup_of(2), *back = NULL;
	_cleanup_(buf_done) struct buf many = encoded(more), wrong = { 0 };
	struct err e = { 0 };

	t_bad(decode(buf_view(&many), &back, &e), e, ERR_LIMIT, "more than 256 clients");
	s->clients[1].policy = 2;
	wrong = encoded(s);
	t_bad(decode(buf_view(&wrong), &back, &e), e, ERR_INVALID, "a client without a policy");
	buf_done(&wrong);
	s->clients[1].policy = 0;
	s->networks[1].policy = 2;
	wrong = encoded(s);
	t_bad(decode(buf_view(&wrong), &back, &e), e, ERR_INVALID, "a network without a policy");
	t_ok(!back);
}

T(cut_at_every_byte)
{
	_cleanup_(gate_setup_freep) struct gate_setup *s = setup_of(1), *back = NULL;
	_cleanup_(buf_done) struct buf bytes = encoded(s);
	struct err e = { 0 };

	for (size_t n = 0; n < bytes.n; n++)
		t_bad(decode(span_first(buf_view(&bytes), n), &back, &e), e, ERR_INVALID, " cut");
	buf_char(&bytes, '\0');
	t_bad(decode(buf_view(&bytes), &back, &e), e, ERR_INVALID, "the plan is cut or damaged");
	t_ok(!back);
}

/* Clients are the supervisor's word; what bounds a loop or an index is not taken on trust. */
T(one_byte_changed)
{
	_cleanup_(gate_setup_freep) struct gate_setup *s = setup_of(2);
	_cleanup_(buf_done) struct buf bytes = encoded(s);

	for (size_t at = 0; at < bytes.n; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			_cleanup_(gate_setup_freep) struct gate_setup *back = NULL;
			struct err e = { 0 };

			bytes.p[at] = (char)(bytes.p[at] ^ (1 << bit));
			if (decode(buf_view(&bytes), &back, &e)) {
				t_eq_int(back->n_clients, 2);
				t_eq_int(back->n_networks, 2);
				for (size_t i = 0; i < 2; i++)
					t_ok(back->clients[i].policy < back->plan->n_policies &&
					     back->networks[i].policy < back->plan->n_policies);
			} else {
				t_ok(e.kind == ERR_INVALID || e.kind == ERR_LIMIT);
			}
			bytes.p[at] = (char)(bytes.p[at] ^ (1 << bit));
		}
	}
}

T_MAIN(T_TEST(round_trip), T_TEST(out_of_range), T_TEST(cut_at_every_byte),
       T_TEST(one_byte_changed))
