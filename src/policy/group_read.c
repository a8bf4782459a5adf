/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the text of a group is that a policy file does not have itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "policy/load.h"

/* *out is left alone where there is no such file. */
static bool read_from(const char *dir, const char *name, struct policy_group_text *out,
		      struct err *e)
{
	_cleanup_(freep) char *path = xasprintf("%s/%s.yaml", dir, name);
	struct stat st;

	if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return true;
	if (!fd_read_file(path, LIMIT_POLICY_BYTES, &out->text, &out->n, e))
		return false;
	out->file = steal(&path);
	return true;
}

static bool read_from_dirs(const char *const *dirs, const char *name, struct policy_group_text *out,
			   struct err *e)
{
	size_t n = 0;

	/* A file's name would be hidden or lead elsewhere. */
	if (!dirs || name[0] == '.')
		return true;
	while (dirs[n])
		n++;
	while (n > 0 && !out->text)
		if (!read_from(dirs[--n], name, out, e))
			return false;
	return true;
}

bool policy_group_read(const struct policy_options *o, const char *name,
		       struct policy_group_text *out, struct err *e)
{
	*out = (struct policy_group_text){ 0 };
	if (!read_from_dirs(o->group_dirs, name, out, e))
		return false;
	for (size_t i = 0; i < o->n_groups && !out->text; i++) {
		if (strcmp(o->groups[i].name, name) != 0)
			continue;
		out->file = xasprintf("built-in group/%s", name);
		out->text = xstrdup(o->groups[i].text);
		out->n = strlen(out->text);
		out->built_in = true;
	}
	return true;
}

void policy_group_text_done(struct policy_group_text *t)
{
	free(t->file);
	free(t->text);
	*t = (struct policy_group_text){ 0 };
}
