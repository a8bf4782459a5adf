/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this kernel's nf_tables lacks, found out by asking, never by its version. */
#ifndef SALLYPORT_DAEMON_KERNEL_PROBE_H
#define SALLYPORT_DAEMON_KERNEL_PROBE_H

#include "kernel/tables.h"

struct kernel_lacks {
	bool bridge_name;   /* CONFIG_NFT_BRIDGE_META: the bridge that a port belongs to */
	bool bridge_reject; /* CONFIG_NFT_BRIDGE_REJECT: an answer to what is denied in a bridge */
};

bool kernel_probe(struct tables *t, struct kernel_lacks *out, struct err *e) _must_use_;

#endif
