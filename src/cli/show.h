/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How rules and texts are shown by the commands that read a plan. */
#ifndef SALLYPORT_CLI_SHOW_H
#define SALLYPORT_CLI_SHOW_H

#include <jansson.h>

#include "policy/plan.h"

/* "agent:2"; a name has at most 63 bytes. Returns out. */
#define SHOW_ID_MAX 80
const char *show_rule_id(const struct plan_rule *r, char out[static SHOW_ID_MAX]);

/* How the destinations of a rule are to be printed so that they parse back in one. */
enum dest_use show_use(enum rule_action a);

/* "ds-priv", "alice@127.0.0.1:8888": what is confined, without its kind. Returns out. */
#define SHOW_SUBJECT_MAX 1024
const char *show_subject(const struct plan_subject *s, char out[static SHOW_SUBJECT_MAX]);

/* A JSON string; bytes of s (a path, say) that are not UTF-8 are escaped. NULL becomes null. */
json_t *show_json(const char *s);

/* Adds "rule": its id, and "at": its place, to the object. */
void show_rule_json(json_t *o, const struct plan *p, const struct plan_rule *r);

/* Prints and frees the value. */
void show_json_print(json_t *take_o);

#endif
