/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/warn.h"

void plan_warn(const struct plan *p, FILE *out)
{
	for (size_t i = 0; i < p->n_lints; i++) {
		const struct lint *l = &p->lints[i];

		if (l->at.line)
			(void)fprintf(out, "%s:%u:%u: warning: %s\n", l->file ? l->file : p->file,
				      l->at.line, l->at.column, l->text);
		else
			(void)fprintf(out, "sallyport: warning: %s\n", l->text);
	}
}
