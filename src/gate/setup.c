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
	free(s);
}

void gate_setup_freep(struct gate_setup **s)
{
	gate_setup_free(*s);
}

/* Both ends are one program: the clients are written as they lie in memory. */
void setup_encode(const struct gate_setup *s, struct buf *out)
{
	buf_u32(out, (uint32_t)s->n_clients);
	buf_add(out, s->clients, s->n_clients * sizeof(*s->clients));
	plan_encode(s->plan, out);
}

bool setup_decode(struct span bytes, struct gate_setup **out, struct err *e)
{
	_cleanup_(gate_setup_freep) struct gate_setup *s = xcalloc(1, sizeof(*s));
	struct cursor c = cursor(bytes.p, bytes.n);
	size_t n = cur_u32(&c);
	struct span clients;

	if (n > LIMIT_SUBJECTS)
		return err_set(e, ERR_LIMIT, "more than %d clients", LIMIT_SUBJECTS);
	clients = cur_take(&c, n * sizeof(*s->clients));
	if (!cur_ok(&c))
		return err_set(e, ERR_INVALID, "the setup is cut");
	s->clients = xcalloc(n, sizeof(*s->clients));
	s->n_clients = n;
	memcpy(s->clients, clients.p, clients.n);
	if (!plan_decode(span_from(bytes, c.at), &s->plan, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (s->clients[i].policy >= s->plan->n_policies)
			return err_set(e, ERR_INVALID, "a client without a policy");
	*out = steal(&s);
	return true;
}
