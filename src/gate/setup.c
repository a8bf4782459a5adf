/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/setup.h"

#include "base/alloc.h"
#include "base/cursor.h"
#include "policy/flat.h"

void gate_setup_free(struct gate_setup *s)
{
	if (!s)
		return;
	plan_free(s->plan);
	if (s->clients)
		explicit_bzero(s->clients, s->n_clients * sizeof(*s->clients));
	free(s->clients);
	free(s->networks);
	free(s);
}

void gate_setup_freep(struct gate_setup **s)
{
	gate_setup_free(*s);
}

/* Both ends are one program: clients and networks are written as they lie in memory. */
void setup_encode(const struct gate_setup *s, struct buf *out)
{
	buf_u32(out, (uint32_t)s->n_clients);
	buf_add(out, s->clients, s->n_clients * sizeof(*s->clients));
	buf_u32(out, (uint32_t)s->n_networks);
	buf_add(out, s->networks, s->n_networks * sizeof(*s->networks));
	plan_encode(s->plan, out);
}

/* An array with its length before it; *out is the caller's. */
static bool take_array(struct cursor *c, size_t size, void **out, size_t *n, struct err *e)
{
	uint32_t count = cur_u32(c);
	struct span bytes;

	if (count > LIMIT_SUBJECTS)
		return err_set(e, ERR_LIMIT, "more than %d clients", LIMIT_SUBJECTS);
	bytes = cur_take(c, count * size);
	if (!cur_ok(c))
		return err_set(e, ERR_INVALID, "the setup is cut");
	*out = xcalloc(count, size);
	memcpy(*out, bytes.p, bytes.n);
	*n = count;
	return true;
}

bool setup_decode(struct span bytes, struct gate_setup **out, struct err *e)
{
	_cleanup_(gate_setup_freep) struct gate_setup *s = xcalloc(1, sizeof(*s));
	struct cursor c = cursor(bytes.p, bytes.n);
	void *clients, *networks;

	if (!take_array(&c, sizeof(*s->clients), &clients, &s->n_clients, e))
		return false;
	s->clients = clients;
	if (!take_array(&c, sizeof(*s->networks), &networks, &s->n_networks, e))
		return false;
	s->networks = networks;
	if (!plan_decode(span_from(bytes, c.at), NULL, &s->plan, e))
		return false;
	for (size_t i = 0; i < s->n_clients; i++)
		if (s->clients[i].policy >= s->plan->n_policies)
			return err_set(e, ERR_INVALID, "a client without a policy");
	for (size_t i = 0; i < s->n_networks; i++)
		if (s->networks[i].policy >= s->plan->n_policies)
			return err_set(e, ERR_INVALID, "a network without a policy");
	*out = steal(&s);
	return true;
}
