/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/bridge.h"
#include "t.h"

static const struct {
	const char *name;
	struct span bridge;
	bool good;
} names[] = {
	{ "plain", SPAN_LIT("ds-priv"), true },
	{ "the longest", SPAN_LIT("fifteen-bytes-x"), true },
	{ "one byte more", SPAN_LIT("sixteen-bytes-xx"), false },
	{ "none", SPAN_LIT(""), false },
	{ "a VLAN", SPAN_LIT("br0.10"), true },
	{ "marks that mean nothing", SPAN_LIT("br_0+~@#,;=()"), true },
	{ "the directory", SPAN_LIT("."), false },
	{ "its parent", SPAN_LIT(".."), false },
	{ "three dots", SPAN_LIT("..."), true },
	{ "a slash", SPAN_LIT("br/0"), false },
	{ "a colon, as of an alias", SPAN_LIT("br0:1"), false },
	{ "a blank", SPAN_LIT("br 0"), false },
	{ "a tab", SPAN_LIT("br\t0"), false },
	{ "a NUL", SPAN_LIT("br\0"), false },
	{ "a template", SPAN_LIT("br%d"), false },
	{ "a pattern", SPAN_LIT("br*"), false },
	{ "a quote", SPAN_LIT("br\"0"), false },
	{ "a backslash", SPAN_LIT("br\\0"), false },
	{ "a letter with an accent", SPAN_LIT("br\xc3\xa9"), false },
	{ "DEL", SPAN_LIT("br\x7f"), false },
};

T(valid)
{
	T_EACH(row, names)
	t_ok(bridge_name_valid(row->bridge) == row->good);
}

/* They are in people's scripts and in what engines keep: they never change. */
static const struct {
	const char *name;
	const char *network;
	const char *want;
} defaults[] = {
	{ "as it is", "ds-priv", "ds-priv" },
	{ "lower case", "DS-Priv", "ds-priv" },
	{ "fifteen bytes", "Fifteen-Bytes-X", "fifteen-bytes-x" },
	{ "sixteen bytes", "sixteen-bytes-xx", "sp-4c758e54" },
	{ "a blank", "with blank", "sp-22cd0d77" },
	{ "another blank", "with  blank", "sp-b62e5af5" },
	{ "a pattern", "net*", "sp-a2bff676" },
};

T(default_name)
{
	T_EACH(row, defaults)
	{
		char bridge[PLAN_BRIDGE_MAX];

		bridge_name_default(span_of(row->network), bridge);
		t_eq_str(bridge, row->want);
		t_ok(bridge_name_valid(span_of(bridge)));
	}
}

T_MAIN(T_TEST(valid), T_TEST(default_name))
