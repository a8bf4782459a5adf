/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "t.h"

#include "base/nearest.h"

static const char *const known[] = { "rules", "extends", "mode", "dns", "limits", "comment" };

static const struct {
	const char *name;
	const char *typed;
	const char *want; /* NULL: nothing is near */
} rows[] = {
	{ "the word itself", "rules", "rules" },
	{ "one letter missing", "rule", "rules" },
	{ "one too many", "extendss", "extends" },
	{ "one wrong", "node", "mode" },
	{ "two swapped", "dsn", "dns" },
	{ "far from all", "frobnicate", NULL },
	{ "empty", "", NULL },
	{ "longer than any word",
	  "rulesrulesrulesrulesrulesrulesrulesrulesrulesrulesrulesrulesrules", NULL },
};

T(nearest)
{
	T_EACH(row, rows)
	{
		struct nearest near = nearest_to(span_of(row->typed));

		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			nearest_offer(&near, known[i]);
		t_eq_str(near.best ? near.best : "(none)", row->want ? row->want : "(none)");
	}
}

T_MAIN(T_TEST(nearest))
