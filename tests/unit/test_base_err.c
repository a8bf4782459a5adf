/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "t.h"

T(set)
{
	struct err e = { 0 };

	t_ok(!err_set(&e, ERR_LIMIT, "%d is %s", 7, "much"));
	t_eq_int(e.kind, ERR_LIMIT);
	t_eq_str(e.msg, "7 is much");
	t_eq_int(e.at.line, 0);
}

T(place)
{
	struct err e = { 0 };

	t_ok(!err_set_at(&e, ERR_INVALID, (struct pos){ 3, 14 }, "unknown key"));
	t_err_at(e, ERR_INVALID, 3, 14, "unknown key");
	t_ok(!err_wrap(&e, "policy \"%s\"", "agent"));
	t_err_at(e, ERR_INVALID, 3, 14, "policy \"agent\": unknown key");
}

static const struct {
	const char *name;
	int errnum;
	enum err_kind kind;
	const char *text;
} system_errors[] = {
	{ "missing", ENOENT, ERR_SYSTEM, "a.yaml: No such file or directory" },
	{ "not permitted", EPERM, ERR_DENIED, "a.yaml: Operation not permitted" },
	{ "access", EACCES, ERR_DENIED, "a.yaml: Permission denied" },
};

T(system)
{
	T_EACH(row, system_errors)
	{
		struct err e = { 0 };

		t_ok(!err_sys(&e, row->errnum, "%s", "a.yaml"));
		t_eq_int(e.kind, row->kind);
		t_eq_str(e.msg, row->text);
	}
}

/* A message that does not fit is cut and stays a C string. */
T(overlong)
{
	char big[2000];
	struct err e = { 0 };

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	t_ok(!err_set(&e, ERR_INVALID, "%s", big));
	t_eq_int(strlen(e.msg), sizeof(e.msg) - 1);
	t_ok(!err_wrap(&e, "%s", big));
	t_eq_int(strlen(e.msg), sizeof(e.msg) - 1);
	t_ok(!err_sys(&e, ENOENT, "%s", big));
	t_eq_int(strlen(e.msg), sizeof(e.msg) - 1);
}

T_MAIN(T_TEST(set), T_TEST(place), T_TEST(system), T_TEST(overlong))
