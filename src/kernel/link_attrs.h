/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rtnetlink's messages about links and addresses say (linux/if_link.h, linux/if_addr.h). */
#ifndef SALLYPORT_KERNEL_LINK_ATTRS_H
#define SALLYPORT_KERNEL_LINK_ATTRS_H

#include "kernel/links.h"

struct nlmsghdr;

struct link_attrs {
	char name[LINKS_NAME_MAX];
	char kind[LINKS_NAME_MAX]; /* "bridge", "veth", ...; "": hardware, or not told */
	int index;
	unsigned flags;	    /* IFF_* */
	int master;	    /* index of what it is a port of; 0: none */
	bool learns_groups; /* as in struct links_bridge */
	bool bridge_port;   /* the message is a bridge's about its port (AF_BRIDGE) */
	uint8_t mac[6];
	int link; /* index of the link it belongs to or leads to; 0: none */
	bool has_link_nsid;
	int link_nsid; /* the id of that one's namespace here, where it is another */
	int nsid;      /* the namespace that the question was about; -1: this one */
};

/* False when it is no message about a link that is there, or a malformed one. */
bool link_attrs_read(const struct nlmsghdr *nlh, struct link_attrs *out) _must_use_;

struct address_attrs {
	int index; /* of the link */
	struct addr addr;
	struct prefix subnet;
	uint8_t scope;	/* RT_SCOPE_* */
	unsigned flags; /* IFA_F_* */
	int nsid;	/* as above */
};

bool address_attrs_read(const struct nlmsghdr *nlh, struct address_attrs *out) _must_use_;

#endif
