/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a daemon's policy is, as several commands take it: --policy FILE, or Dockside's two files. */
#ifndef SALLYPORT_CLI_POLICY_SOURCE_H
#define SALLYPORT_CLI_POLICY_SOURCE_H

#include "cli/cli.h"
#include "daemon/source.h"

/* The options of these names: --policy, --network-config, --firewall-config. */
bool cli_source_take(struct source_options *s, const struct cli_option *o, const char *arg);

/* There is one, and not two; Dockside's files are at their usual places where only one is named. */
bool cli_source_check(struct source_options *s, const char *command, struct err *e) _must_use_;

/* Reads it once. *out is the caller's, for plan_free(). */
bool cli_source_plan(const struct source_options *s, struct plan **out, struct err *e) _must_use_;

#define DOCKSIDE_NETWORK_CONFIG	 "/etc/dockside/network-config.json"
#define DOCKSIDE_FIREWALL_CONFIG "/etc/dockside/firewall-config.json"

#endif
