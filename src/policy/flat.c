/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy stands behind the number of its bytes, so that one that was read before is known by them without
 * being looked into.
 */
#include "base/alloc.h"
#include "policy/bridge.h"
#include "policy/flat_impl.h"
#include "policy/network.h"

/* Changes with what is written. */
#define FLAT_MAGIC 0x53504c35 /* "SPL5" */

/* One of the plan's own. */
static void flat_owned_text(struct flat *f, char **s)
{
	const char *text = *s;

	flat_text(f, &text);
	if (!f->out)
		*s = text ? xstrdup(text) : NULL;
}

/* ---- policies ---- */

static void write_policy(struct buf *out, struct plan_policy *p)
{
	size_t at = out->n;

	buf_u32(out, (uint32_t)p->flat.n);
	if (p->flat.n) {
		buf_span(out, p->flat);
		return;
	}
	flat_policy_write(out, p);
	buf_put_u32(out, at, (uint32_t)(out->n - at - sizeof(uint32_t)));
}

/* Of the policies that there were, the one of these bytes; it mostly has the place that it had. */
static struct plan_policy *find_same(const struct plan *was, size_t place, struct span bytes)
{
	size_t n = was ? was->n_policies : 0;

	for (size_t i = 0; i < n && bytes.n; i++) {
		struct plan_policy *p = was->policies[(place + i) % n];

		if (span_eq(p->flat, bytes))
			return p;
	}
	return NULL;
}

/* Where the rules stand, if anywhere. */
static void flat_places(struct flat *f, struct pos **places, size_t n)
{
	bool there = *places;

	flat_bool(f, &there);
	if (!there)
		return;
	if (!f->out) {
		if (n > cur_left(&f->in) / (2 * sizeof(uint32_t))) {
			f->in.failed = true;
			return;
		}
		*places = xcalloc(n, sizeof(**places));
	}
	for (size_t i = 0; i < n; i++) {
		flat_u32(f, &(*places)[i].line);
		flat_u32(f, &(*places)[i].column);
	}
}

static struct plan_policy *read_policy(struct flat *f, const struct plan *was, size_t place)
{
	struct span bytes = cur_take(&f->in, cur_u32(&f->in));
	struct plan_policy *same = find_same(was, place, bytes);

	return same ? plan_policy_ref(same) : flat_policy_read(bytes);
}

static void flat_policies(struct flat *f, struct plan *p, const struct plan *was)
{
	size_t n = flat_count(f, p->n_policies, 51);

	if (!f->out) {
		p->policies = xcalloc(n, sizeof(*p->policies));
		p->places = xcalloc(n, sizeof(*p->places));
		p->n_policies = n;
	}
	for (size_t i = 0; i < n && cur_ok(&f->in); i++) {
		if (f->out)
			write_policy(f->out, p->policies[i]);
		else
			p->policies[i] = read_policy(f, was, i);
		if (p->policies[i])
			flat_places(f, &p->places[i], p->policies[i]->n_rules);
		else
			f->in.failed = true;
	}
}

/* ---- subjects ---- */

static void flat_network(struct flat *f, struct plan_network *n)
{
	struct plan_controller *c = &n->controller;

	flat_bytes(f, n->bridge, sizeof(n->bridge));
	flat_bool(f, &n->bridge_written);
	flat_prefix(f, &n->v4.prefix);
	flat_addr(f, &n->v4.gateway);
	flat_prefix(f, &n->v6.prefix);
	flat_addr(f, &n->v6.gateway);
	flat_bool(f, &n->lateral);
	flat_bool(f, &n->create);
	flat_bool(f, &n->has_controller);
	flat_bool(f, &c->has_mac);
	flat_bytes(f, c->mac, sizeof(c->mac));
	flat_addr(f, &c->addr);
	c->egress = flat_below(f, (uint8_t)c->egress, CONTROLLER_EGRESS_COUNT);
}

static void flat_subject(struct flat *f, const struct plan *p, struct plan_subject *s)
{
	uint32_t policy = f->out ? (uint32_t)plan_policy_number(p, s->policy) : 0;

	s->kind = flat_below(f, (uint8_t)s->kind, SUBJECT_KIND_COUNT);
	flat_owned_text(f, &s->id);
	flat_owned_text(f, &s->user);
	flat_u32(f, &policy);
	flat_u32(f, &s->at.line);
	flat_u32(f, &s->at.column);
	if (s->kind == SUBJECT_NETWORK)
		flat_network(f, &s->network);
	if (f->out)
		return;
	if (policy < p->n_policies)
		s->policy = p->policies[policy];
	else
		f->in.failed = true;
}

static void flat_subjects(struct flat *f, struct plan *p)
{
	size_t n = flat_count(f, p->n_subjects, 21);

	if (!f->out) {
		p->subjects = xcalloc(n, sizeof(*p->subjects));
		p->n_subjects = n;
	}
	for (size_t i = 0; i < n && cur_ok(&f->in); i++)
		flat_subject(f, p, &p->subjects[i]);
}

/* A name that ends, with nothing behind its end. */
static bool bridge_ok(const char bridge[PLAN_BRIDGE_MAX])
{
	size_t len = strnlen(bridge, PLAN_BRIDGE_MAX);

	for (size_t i = len; i < PLAN_BRIDGE_MAX; i++)
		if (bridge[i])
			return false;
	return bridge_name_valid((struct span){ bridge, len });
}

static bool network_ok(const struct plan *p, const struct plan_subject *s)
{
	if (!bridge_ok(s->network.bridge) || s->id[0] == '\0' ||
	    strlen(s->id) > LIMIT_NETWORK_NAME || !network_addresses_ok(&s->network))
		return false;
	for (const struct plan_subject *o = p->subjects; o < s; o++)
		if (o->kind == SUBJECT_NETWORK &&
		    (strcmp(o->id, s->id) == 0 ||
		     strcmp(o->network.bridge, s->network.bridge) == 0))
			return false;
	return true;
}

/* Everything that a subject has to have, and of networks no more than a plan has. */
static bool subjects_ok(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_subjects; i++) {
		const struct plan_subject *s = &p->subjects[i];

		if (!s->id ||
		    (s->kind == SUBJECT_NETWORK && (++n > LIMIT_NETWORKS || !network_ok(p, s))))
			return false;
	}
	return true;
}

/* Each rule that stands somewhere has a file to stand in. */
static bool files_there(const struct plan *p)
{
	for (size_t i = 0; i < p->n_policies && !p->file; i++) {
		const struct plan_policy *policy = p->policies[i];

		for (size_t k = 0; p->places[i] && k < policy->n_rules; k++)
			if (p->places[i][k].line && !policy->rules[k].file)
				return false;
	}
	return true;
}

static void flat_plan(struct flat *f, struct plan *p, const struct plan *was)
{
	uint32_t magic = FLAT_MAGIC;

	flat_u32(f, &magic);
	if (magic != FLAT_MAGIC)
		f->in.failed = true;
	flat_owned_text(f, &p->file);
	flat_policies(f, p, was);
	flat_subjects(f, p);
}

void plan_encode(const struct plan *p, struct buf *out)
{
	struct flat f = { .out = out };
	struct plan copy = *p; /* shallow; writing changes nothing in it */

	flat_plan(&f, &copy, NULL);
}

bool plan_decode(struct span bytes, const struct plan *was, struct plan **out, struct err *e)
{
	_cleanup_(plan_freep) struct plan *p = xcalloc(1, sizeof(*p));
	struct flat f = { .in = cursor(bytes.p, bytes.n) };

	flat_plan(&f, p, was);
	if (!cur_ok(&f.in) || cur_left(&f.in) || !files_there(p) || !subjects_ok(p))
		return err_set(e, ERR_INVALID, "the plan is cut or damaged at byte %zu", f.in.at);
	*out = steal(&p);
	return true;
}
