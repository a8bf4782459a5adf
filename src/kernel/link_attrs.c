/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/link_attrs.h"

#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <libmnl/libmnl.h>

static void take_name(const struct nlattr *attr, char out[static LINKS_NAME_MAX])
{
	if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 &&
	    mnl_attr_get_payload_len(attr) <= LINKS_NAME_MAX)
		memcpy(out, mnl_attr_get_str(attr), mnl_attr_get_payload_len(attr));
}

static bool take_int(const struct nlattr *attr, int *out)
{
	if (mnl_attr_validate(attr, MNL_TYPE_U32) != 0)
		return false;
	*out = (int)mnl_attr_get_u32(attr);
	return true;
}

/* A kernel that does not tell has no such option (before Linux 5.0). */
static int on_bridge(const struct nlattr *attr, void *ctx)
{
	struct link_attrs *a = ctx;
	struct br_boolopt_multi m;

	if (mnl_attr_get_type(attr) != IFLA_BR_MULTI_BOOLOPT ||
	    mnl_attr_get_payload_len(attr) < sizeof(m))
		return MNL_CB_OK;
	memcpy(&m, mnl_attr_get_payload(attr), sizeof(m));
	a->learns_groups = !(m.optval & 1U << BR_BOOLOPT_NO_LL_LEARN);
	return MNL_CB_OK;
}

static int on_info(const struct nlattr *attr, void *ctx)
{
	struct link_attrs *a = ctx;

	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		take_name(attr, a->kind);
	else if (mnl_attr_get_type(attr) == IFLA_INFO_DATA && strcmp(a->kind, "bridge") == 0)
		return mnl_attr_parse_nested(attr, on_bridge, a);
	return MNL_CB_OK;
}

static int on_link_attr(const struct nlattr *attr, void *ctx)
{
	struct link_attrs *a = ctx;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		take_name(attr, a->name);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(a->mac))
			memcpy(a->mac, mnl_attr_get_payload(attr), sizeof(a->mac));
		break;
	case IFLA_MASTER:
		(void)take_int(attr, &a->master);
		break;
	case IFLA_LINK:
		(void)take_int(attr, &a->link);
		break;
	case IFLA_LINK_NETNSID:
		a->has_link_nsid = take_int(attr, &a->link_nsid);
		break;
	case IFLA_TARGET_NETNSID:
		(void)take_int(attr, &a->nsid);
		break;
	case IFLA_LINKINFO:
		(void)mnl_attr_parse_nested(attr, on_info, a);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

bool link_attrs_read(const struct nlmsghdr *nlh, struct link_attrs *out)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct link_attrs a = { .nsid = -1, .link_nsid = -1 };

	if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return false;
	a.index = ifi->ifi_index;
	a.flags = ifi->ifi_flags;
	a.bridge_port = ifi->ifi_family == AF_BRIDGE;
	if (mnl_attr_parse(nlh, sizeof(*ifi), on_link_attr, &a) < 0)
		return false;
	*out = a;
	return true;
}

static void take_addr(const struct nlattr *attr, uint8_t family, struct addr *out)
{
	size_t n = mnl_attr_get_payload_len(attr);

	if (family == AF_INET && n == 4)
		*out = addr_from_v4(mnl_attr_get_payload(attr));
	else if (family == AF_INET6 && n == 16)
		*out = addr_from_v6(mnl_attr_get_payload(attr));
}

struct address_message {
	struct address_attrs *a;
	uint8_t family;
	struct addr local, address;
};

static int on_address_attr(const struct nlattr *attr, void *ctx)
{
	struct address_message *m = ctx;

	switch (mnl_attr_get_type(attr)) {
	case IFA_LOCAL:
		take_addr(attr, m->family, &m->local);
		break;
	case IFA_ADDRESS:
		take_addr(attr, m->family, &m->address);
		break;
	case IFA_FLAGS:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			m->a->flags = mnl_attr_get_u32(attr);
		break;
	case IFA_TARGET_NETNSID:
		(void)take_int(attr, &m->a->nsid);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

bool address_attrs_read(const struct nlmsghdr *nlh, struct address_attrs *out)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct address_attrs a = { .nsid = -1 };
	struct address_message m = { .a = &a };

	if ((nlh->nlmsg_type != RTM_NEWADDR && nlh->nlmsg_type != RTM_DELADDR) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa))
		return false;
	m.family = ifa->ifa_family;
	a.index = (int)ifa->ifa_index;
	a.scope = ifa->ifa_scope;
	a.flags = ifa->ifa_flags;
	if (mnl_attr_parse(nlh, sizeof(*ifa), on_address_attr, &m) < 0)
		return false;
	/* With a peer, IFA_ADDRESS is the peer's, which the network is taken from. */
	a.addr = m.local.family ? m.local : m.address;
	if (!m.address.family)
		m.address = m.local;
	if (!a.addr.family || ifa->ifa_prefixlen > addr_size(&a.addr) * 8)
		return false;
	a.subnet = addr_prefix(&m.address, ifa->ifa_prefixlen);
	*out = a;
	return true;
}
