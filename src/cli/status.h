/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A status, of a proxy or a daemon, for a person. */
#ifndef SALLYPORT_CLI_STATUS_H
#define SALLYPORT_CLI_STATUS_H

#include <stdbool.h>

#include <jansson.h>

/* It serves, and all that is in force is enforced. */
bool status_is_good(const json_t *o);

void status_print(const json_t *o);

#endif
