/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kernel_probe.h"

static bool takes(struct tables *t, void (*put)(struct rs_rule *r), bool *out, struct err *e)
{
	_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();
	struct rs_chain *c = rs_base_chain_add(&r->tables[RS_BRIDGE], "probe", RS_PREROUTING, 0);

	put(rs_rule_add(c, NULL));
	return tables_would_take(t, r, out, e);
}

static void put_bridge_name(struct rs_rule *r)
{
	static const char name[16] = "-";

	rs_compare(r, RS_IBRNAME, RS_EQ, name);
}

bool kernel_probe(struct tables *t, struct kernel_lacks *out, struct err *e)
{
	bool name, reject;

	if (!takes(t, put_bridge_name, &name, e) || !takes(t, rs_reject_admin, &reject, e))
		return false;
	*out = (struct kernel_lacks){ .bridge_name = !name, .bridge_reject = !reject };
	return true;
}
