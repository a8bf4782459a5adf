/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of Dockside's files share. */
#ifndef SALLYPORT_TESTS_UNIT_DOCKSIDE_HELP_H
#define SALLYPORT_TESTS_UNIT_DOCKSIDE_HELP_H

#include "policy/dockside.h"
#include "t.h"

static inline bool read_pair(const char *network, const char *firewall, struct dockside **out,
			     struct err *e)
{
	static const struct dockside_env defaults = DOCKSIDE_ENV_DEFAULT;

	return dockside_read("n.json", span_of(network), "f.json", span_of(firewall), &defaults,
			     out, e);
}

/* One network, with more keys; its rules, with two sets; its nat rules. */
#define NET(more) "{\"networks\": [{\"name\": \"ds-priv\", \"subnet\": \"10.77.0.0/24\"" more "}]}"
#define RULES(rules)                                                              \
	"{\"ipsets\": {\"set\": [\"a.example\", \"b.example\"], \"none\": []},\n" \
	" \"networks\": {\"ds-priv\": {\"egress\": [\n" rules "\n]}}}"
#define NAT(rules) "{\"networks\": {\"ds-priv\": {\"nat\": [\n" rules "\n]}}}"

#endif
