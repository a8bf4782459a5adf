/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/show.h"

#include <stdio.h>

const char *show_rule_id(const struct plan_rule *r, char out[static SHOW_ID_MAX])
{
	(void)snprintf(out, SHOW_ID_MAX, "%s:%u", r->policy, r->index);
	return out;
}

const char *show_subject(const struct plan_subject *s, char out[static SHOW_SUBJECT_MAX])
{
	(void)snprintf(out, SHOW_SUBJECT_MAX, "%s%s%s", s->user ? s->user : "", s->user ? "@" : "",
		       s->id);
	return out;
}

enum dest_use show_use(enum rule_action a)
{
	return a == RULE_DENY ? DEST_FOR_DENY : DEST_FOR_ALLOW;
}

json_t *show_json(const char *s)
{
	char shown[1024];
	json_t *j;

	if (!s)
		return json_null();
	j = json_string(s);
	return j ? j : json_string(span_show(span_of(s), shown, sizeof(shown)));
}

void show_rule_json(json_t *o, const struct plan *p, const struct plan_rule *r)
{
	char id[SHOW_ID_MAX], where[512];

	json_object_set_new(o, "rule", show_json(show_rule_id(r, id)));
	json_object_set_new(o, "at", show_json(plan_rule_where(p, r, where, sizeof(where))));
}

void show_json_print(json_t *take_o)
{
	(void)json_dumpf(take_o, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
	json_decref(take_o);
}
