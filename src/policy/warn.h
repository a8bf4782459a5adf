/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan warns about, as lines for a person. */
#ifndef SALLYPORT_POLICY_WARN_H
#define SALLYPORT_POLICY_WARN_H

#include <stdio.h>

#include "policy/plan.h"

/* "FILE:LINE:COLUMN: warning: TEXT" for each lint of the plan. */
void plan_warn(const struct plan *p, FILE *out);

#endif
