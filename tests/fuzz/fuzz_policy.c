/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policy files. What loads keeps the promises of plan.h; written out again, without groups and
 * `extends`, it loads to the same plan; decide() and decide_name() agree on what its destinations
 * name. What does not load says where, with no byte of the input raw.
 */
#include <assert.h>
#include <stdlib.h>

#include "../unit/dest_same.h"
#include "policy/decide.h"
#include "policy/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool load(struct span text, struct plan **out, struct err *e)
{
	static const struct policy_options none;

	return policy_load_text("f.yaml", text, &none, out, e);
}

static enum dest_use use_of(const struct plan_rule *r)
{
	return r->action == RULE_DENY ? DEST_FOR_DENY : DEST_FOR_ALLOW;
}

static void check_error(const struct err *e)
{
	assert(e->kind == ERR_INVALID || e->kind == ERR_LIMIT);
	assert(strncmp(e->msg, "f.yaml:", 7) == 0);
	for (const char *c = e->msg; *c; c++)
		assert(*c >= 0x20 && *c < 0x7f);
}

static void check_rule(const struct plan_rule *r)
{
	assert(r->policy && r->index > 0);
	assert((r->to != NULL) == (r->action == RULE_REDIRECT));
	assert(!r->to || r->to->ports.n > 0);
	assert(r->n_qtypes == 0 || r->action == RULE_ALLOW);
	for (size_t i = 0; i < r->n_qtypes; i++)
		assert(plan_qtype_str(r->qtypes[i]) && !plan_qtype_is_address(r->qtypes[i]));
	for (size_t i = 0; i < r->n_dests; i++)
		assert(r->dests[i].target != DEST_GROUP);
}

static void check_plan(const struct plan *p)
{
	const struct plan_policy *pick;
	struct err e = { 0 };

	assert(p->n_policies > 0);
	for (size_t i = 0; i < p->n_policies; i++) {
		assert(p->policies[i]->n_rules <= LIMIT_POLICY_RULES);
		for (size_t j = 0; j < p->policies[i]->n_rules; j++)
			check_rule(&p->policies[i]->rules[j]);
		for (size_t j = 0; j < p->policies[i]->n_rules; j++)
			assert(p->places[i][j].line > 0 && p->places[i][j].column > 0);
		assert(plan_policy_pick(p, p->policies[i]->name, &pick, &e));
		assert(pick == p->policies[i]);
	}
	assert(plan_policy_pick(p, NULL, &pick, &e) || e.kind == ERR_INVALID);
	for (size_t i = 0; i < p->n_subjects; i++)
		assert(plan_policy_number(p, p->subjects[i].policy) < p->n_policies);
	for (size_t i = 0; i < p->n_lints; i++)
		assert(p->lints[i].at.line > 0);
}

/* ---- decide() ---- */

static void check_flow(const struct plan *plan, const struct plan_policy *p, const struct flow *f)
{
	struct verdict v = decide(p, f);
	const struct plan_rule *rule;
	struct dest d;
	struct buf why;

	assert((v.rule == NULL) == (v.reason == REASON_NO_RULE));
	assert(v.kind == VERDICT_DENY || v.reason == REASON_RULE);
	if (f->name && !f->addr && proto_has_ports(f->proto) && v.kind != VERDICT_DENY &&
	    v.kind != VERDICT_ASK && p->dns != DNS_OFF)
		assert(decide_name(p, f->name, 0, &rule) && rule);
	buf_init(&why, 4096);
	verdict_why(plan, p, f, &v, &why);
	assert(buf_ok(&why) && why.n > 0);
	buf_done(&why);
	flow_dest(f, &d);
	assert(d.target != DEST_ANY);
}

/* Flows to what the destination names. */
static void check_dest(const struct plan *plan, const struct plan_policy *p, const struct dest *d)
{
	static const struct addr loopback = { AF_INET, { 127, 0, 0, 1 } };
	struct flow f = { .proto = d->proto == DEST_PROTO_ANY ? IPPROTO_TCP : d->proto,
			  .icmp_type = d->icmp_type };

	if (!proto_has_ports(f.proto) && d->target != DEST_NAME && d->target != DEST_PREFIX)
		return;
	if (proto_has_ports(f.proto))
		f.port = MAX(ports_at(&d->ports, 0).lo, 1);
	if (d->target == DEST_NAME) {
		f.name = d->name;
		check_flow(plan, p, &f);
		f.addr = &loopback;
	} else if (d->target == DEST_PREFIX) {
		f.addr = &d->prefix.addr;
	} else {
		return;
	}
	check_flow(plan, p, &f);
}

static void check_verdicts(const struct plan *plan)
{
	/* Enough to find a difference, and few enough for a large plan. */
	size_t left = 200;

	for (size_t i = 0; i < plan->n_policies; i++) {
		const struct plan_policy *p = plan->policies[i];

		for (size_t j = 0; j < p->n_rules; j++)
			for (size_t k = 0; k < p->rules[j].n_dests && left > 0; k++, left--)
				check_dest(plan, p, &p->rules[j].dests[k]);
	}
}

/* ---- Written out and read again ---- */

static void write_text(struct buf *out, const char *key, const char *text)
{
	buf_fmt(out, "%s: \"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_char(out, '\\');
		buf_char(out, *text);
	}
	buf_str(out, "\", ");
}

static void write_rule(struct buf *out, const struct plan_rule *r)
{
	char text[DEST_STR_MAX];

	buf_fmt(out, "   - {%s: [", rule_action_str(r->action));
	for (size_t i = 0; i < r->n_dests; i++)
		buf_fmt(out, "\"%s\", ", dest_show(&r->dests[i], use_of(r), text));
	buf_str(out, "], ");
	if (r->action == RULE_REDIRECT)
		write_text(out, "to", dest_show(r->to, DEST_FOR_ALLOW, text));
	if (r->comment)
		write_text(out, "comment", r->comment);
	if (r->n_qtypes) {
		buf_str(out, "types: [");
		for (size_t i = 0; i < r->n_qtypes; i++)
			buf_fmt(out, "%s, ", plan_qtype_str(r->qtypes[i]));
		buf_str(out, "]");
	}
	buf_str(out, "}\n");
}

/* False where a rule has nothing left, which a file cannot say. */
static bool write_plan(struct buf *out, const struct plan *plan)
{
	buf_str(out, "version: 1\npolicies:\n");
	for (size_t i = 0; i < plan->n_policies; i++) {
		const struct plan_policy *p = plan->policies[i];

		buf_fmt(out, " %s:\n  mode: %s\n  dns: %s\n  ech: %s\n  rules:\n", p->name,
			policy_mode_str(p->mode), policy_dns_str(p->dns), policy_ech_str(p->ech));
		for (size_t j = 0; j < p->n_rules; j++) {
			if (p->rules[j].n_dests == 0)
				return false;
			write_rule(out, &p->rules[j]);
		}
	}
	return buf_ok(out);
}

static void check_same_rule(const struct plan_rule *a, const struct plan_rule *b)
{
	assert(a->action == b->action && a->n_dests == b->n_dests && a->n_qtypes == b->n_qtypes);
	for (size_t i = 0; i < a->n_dests; i++)
		assert(dest_same(&a->dests[i], &b->dests[i]));
	for (size_t i = 0; i < a->n_qtypes; i++)
		assert(a->qtypes[i] == b->qtypes[i]);
	if (a->action == RULE_REDIRECT)
		assert(dest_same(a->to, b->to));
	assert((a->comment == NULL) == (b->comment == NULL));
	assert(!a->comment || strcmp(a->comment, b->comment) == 0);
}

static void check_same(const struct plan *a, const struct plan *b)
{
	assert(a->n_policies == b->n_policies);
	for (size_t i = 0; i < a->n_policies; i++) {
		const struct plan_policy *x = a->policies[i], *y = b->policies[i];

		assert(strcmp(x->name, y->name) == 0 && x->n_rules == y->n_rules);
		assert(x->mode == y->mode && x->dns == y->dns && x->ech == y->ech);
		for (size_t j = 0; j < x->n_rules; j++)
			check_same_rule(&x->rules[j], &y->rules[j]);
	}
}

static void check_again(const struct plan *plan)
{
	struct plan *again = NULL;
	struct err e = { 0 };
	struct buf text;

	/* The command line's policy cannot be written in a file. */
	if (strcmp(plan->policies[0]->name, "command-line") == 0)
		return;
	buf_init(&text, LIMIT_POLICY_BYTES);
	if (write_plan(&text, plan)) {
		assert(load(buf_view(&text), &again, &e));
		check_same(plan, again);
		plan_free(again);
	}
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan *plan = NULL;
	struct err e = { 0 };

	if (!load(span_bytes(data, size), &plan, &e)) {
		assert(!plan);
		check_error(&e);
		return 0;
	}
	check_plan(plan);
	check_verdicts(plan);
	check_again(plan);
	plan_free(plan);
	return 0;
}
