/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stand-in */
#ifndef SALLYPORT_POLICY_EDIT_H
#define SALLYPORT_POLICY_EDIT_H
#include "policy/load.h"
struct edit_rule { enum rule_action action; const char *dest; const char *policy; };
static inline bool policy_edit_add(const char *file, struct span text, const struct edit_rule *r, struct buf *out, struct err *e)
{ (void)file; (void)text; (void)r; (void)out; return err_set(e, ERR_UNSUPPORTED, "not yet"); }
#endif
