/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/load.h"

#include "base/fd.h"
#include "policy/model.h"
#include "policy/resolve.h"

bool policy_load_text(const char *file, struct span text, const struct policy_options *o,
		      struct plan **out, struct err *e)
{
	struct model m;
	bool ok;

	if (!model_read(file, text, &m, e))
		return false;
	ok = resolve(&m, o, out, e);
	model_done(&m);
	return ok;
}

bool policy_load(const char *path, const struct policy_options *o, struct plan **out, struct err *e)
{
	static const struct model nothing = { .empty = true };
	_cleanup_(freep) char *text = NULL;
	size_t n;

	if (!path)
		return resolve(&nothing, o, out, e);
	return fd_read_file(path, LIMIT_POLICY_BYTES, &text, &n, e) &&
	       policy_load_text(path, (struct span){ text, n }, o, out, e);
}
