/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is so: the tables read back from the kernel, not remembered. */
#include <stdio.h>

#include "base/clock.h"
#include "daemon/enforcer.h"

static json_t *counter(struct enforcer *f, enum rs_family family, const char *name)
{
	struct err ignored;
	uint64_t n;

	return tables_counter(f->tables, family, name, &n, &ignored) ? json_integer((json_int_t)n) :
								       json_null();
}

static json_t *network_json(struct enforcer *f, size_t i)
{
	const struct network_ports *p = &f->now.map.ports[i];
	const struct plan_subject *s = &f->now.plan->subjects[p->subject];

	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:o, s:o, s:o}", "name", s->id, "bridge",
			 s->network.bridge, "policy", s->policy->name, "mode",
			 policy_mode_str(s->policy->mode), "rules", (int)s->policy->n_rules,
			 "bridge_exists", ports_bridge_there(f, i), "ports", ports_json(f, i),
			 "denied", counter(f, RS_INET, p->denied_inet), "denied_at_ports",
			 counter(f, RS_BRIDGE, p->denied_bridge));
}

/* Why it is not so that everything is enforced; "" when it is. */
static void find_wrong(struct enforcer *f, char *out, size_t size)
{
	struct err e;

	if (f->torn_down || !f->now.rules)
		(void)snprintf(out, size, "nothing is in force");
	else if (!tables_compare(f->tables, f->now.rules, NULL, out, size, &e))
		(void)snprintf(out, size, "the tables cannot be read: %.200s", e.msg);
	else if (!out[0] && (f->unswept || f->sweeping))
		(void)snprintf(out, size, "open connections that are denied may go on for a while");
}

/* What is not as it should be and may become: for a while nothing new is learned. */
static json_t *degraded_json(struct enforcer *f)
{
	json_t *list = json_array();

	if (!drift_hears(f))
		json_array_append_new(list,
				      json_string("changes of the tables by other programs are "
						  "not heard"));
	if (!ports_hear(f))
		json_array_append_new(list, json_string("containers that come and go are not heard "
							"of"));
	if (!gate_child_up(&f->gate))
		json_array_append_new(list,
				      json_string("the gate is down: names are not asked for, "
						  "nor answered to containers"));
	else if (gate_child_slow(&f->gate))
		json_array_append_new(list, json_string("the gate does not answer: names are not "
							"asked for, nor answered to containers"));
	if (!drift_hears(f) || !ports_hear(f))
		drift_soon(f);
	return list;
}

/* Who takes the controller's address first is the controller: nobody else could say who it is. */
static bool is_known_by_address(const struct enforcer *f, const struct plan_network *n)
{
	return n->has_controller && !n->controller.has_mac && n->controller.addr.family &&
	       !f->o->control.engine;
}

/* What is as it was asked for, and weaker than it might be believed to be. */
static json_t *warnings_json(const struct enforcer *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->now.map.n_ports; i++) {
		const struct plan_subject *s = &f->now.plan->subjects[f->now.map.ports[i].subject];

		if (is_known_by_address(f, &s->network))
			json_array_append_new(
				list, json_sprintf("network %s: its controller is known by its "
						   "address alone: the first container that has it "
						   "is the controller",
						   s->id));
	}
	return list;
}

json_t *status_json(struct enforcer *f)
{
	json_t *networks = json_array(), *names;
	char wrong[sizeof(f->wrong)];
	size_t left_out;

	find_wrong(f, wrong, sizeof(wrong));
	for (size_t i = 0; i < f->now.map.n_ports; i++)
		json_array_append_new(networks, network_json(f, i));
	names = lookups_json(f, &left_out);
	return json_pack("{s:s, s:b, s:b, s:s?, s:s, s:b, s:I, s:I, s:b, s:i, s:o, s:o, s:I, s:o, "
			 "s:o}",
			 "kind", "daemon", "ready", f->ready, "enforcing", wrong[0] == '\0',
			 "not_enforced", wrong[0] ? wrong : NULL, "backend", "nft", "owned",
			 tables_owned(f->tables), "generation", (json_int_t)f->now.generation,
			 "repairs", (json_int_t)f->repairs, "gate", gate_child_up(&f->gate),
			 "restarts", (int)f->restarts, "network_status", networks, "names", names,
			 "names_left_out", (json_int_t)left_out, "warnings", warnings_json(f),
			 "degraded", degraded_json(f));
}
