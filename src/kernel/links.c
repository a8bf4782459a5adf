/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/links.h"

#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "base/alloc.h"
#include "kernel/link_attrs.h"
#include "kernel/talk.h"

struct links {
	struct talk talk;
};

/* No namespace has this id (net/core/net_namespace.c: NETNSA_NSID_NOT_ASSIGNED). */
#define NSID_OWN (-1)

bool links_open(struct links **out, struct err *e)
{
	struct links *l = xcalloc(1, sizeof(*l));

	if (!talk_open(&l->talk, NETLINK_ROUTE, e)) {
		links_close(l);
		return false;
	}
	*out = l;
	return true;
}

void links_close(struct links *l)
{
	if (!l)
		return;
	talk_done(&l->talk);
	free(l);
}

static struct nlmsghdr *link_request(struct links *l, void *buf, uint16_t flags, int index)
{
	struct nlmsghdr *nlh = talk_request(&l->talk, buf, RTM_GETLINK, flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = index;
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nlh;
}

static bool on_link(void *ctx, const struct nlmsghdr *nlh)
{
	return link_attrs_read(nlh,
			       ctx); /* what is malformed ends the question, and names nothing */
}

/* Addresses of one end that are read: link-local ones come behind as many global ones as it likes. */
#define LOOKED_AT_MAX 1024

struct address_list {
	int index, nsid; /* whose they have to be */
	struct addr *addrs;
	struct prefix *subnets; /* or NULL */
	size_t n;
	size_t room[3]; /* left of IPv4, global and link-local IPv6 */
	bool more;	/* there was one that has no room */
	size_t seen;
};

static size_t *room_for(struct address_list *l, const struct address_attrs *a)
{
	if (a->addr.family == AF_INET)
		return &l->room[0];
	return a->scope == RT_SCOPE_LINK ? &l->room[2] : &l->room[1];
}

static bool on_address(void *ctx, const struct nlmsghdr *nlh)
{
	struct address_list *l = ctx;
	struct address_attrs a;
	size_t *room;

	/* A kernel that does not know the filters answers with what was not asked for. */
	if (!address_attrs_read(nlh, &a) || a.index != l->index || a.nsid != l->nsid ||
	    (a.flags & IFA_F_DADFAILED))
		return true;
	l->seen++;
	for (size_t i = 0; i < l->n; i++)
		if (addr_eq(&l->addrs[i], &a.addr))
			return true;
	room = room_for(l, &a);
	if (*room == 0) {
		l->more = true;
		return a.addr.family == AF_INET6 && l->seen < LOOKED_AT_MAX;
	}
	--*room;
	l->addrs[l->n] = a.addr;
	if (l->subnets)
		l->subnets[l->n] = a.subnet;
	l->n++;
	return true;
}

/* Those of one family. 0 or a negative errno; with EINTR they may not be all. */
static int ask_addresses(struct links *l, uint8_t family, struct address_list *list)
{
	_Alignas(struct nlmsghdr) char buf[TALK_REQUEST];
	struct nlmsghdr *nlh = talk_request(&l->talk, buf, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = family;
	ifa->ifa_index = (unsigned)list->index;
	if (list->nsid != NSID_OWN)
		mnl_attr_put_u32(nlh, IFA_TARGET_NETNSID, (uint32_t)list->nsid);
	return talk_ask(&l->talk, nlh, on_address, list);
}

/* Both families, begun again while they change. */
static int read_addresses(struct links *l, struct address_list *list)
{
	const struct address_list empty = *list;
	int r = -EINTR;

	for (int i = 0; i < TALK_TRIES && r == -EINTR; i++) {
		*list = empty;
		r = ask_addresses(l, AF_INET, list);
		if (r == 0)
			r = ask_addresses(l, AF_INET6, list);
	}
	return r;
}

static bool bridge_addresses(struct links *l, struct links_bridge *b, struct err *e)
{
	struct address_list list = {
		.index = b->index,
		.nsid = NSID_OWN,
		.addrs = b->addrs,
		.subnets = b->subnets,
		.room = { LINKS_BRIDGE_ADDRS_MAX / 2, LINKS_BRIDGE_ADDRS_MAX / 4,
			  LINKS_BRIDGE_ADDRS_MAX / 4 },
	};
	int r = read_addresses(l, &list);

	if (r != 0)
		return err_sys(e, -r, "the addresses of bridge %s", b->name);
	if (list.more)
		return err_set(e, ERR_LIMIT,
			       "bridge %s has too many addresses: more than %zu IPv4, or more "
			       "than %zu IPv6 ones that are global or link-local",
			       b->name, LINKS_BRIDGE_ADDRS_MAX / (size_t)2,
			       LINKS_BRIDGE_ADDRS_MAX / (size_t)4);
	b->n_addrs = list.n;
	return true;
}

bool links_bridge(struct links *l, const char *name, bool *found, struct links_bridge *out,
		  struct err *e)
{
	_Alignas(struct nlmsghdr) char buf[TALK_REQUEST];
	struct nlmsghdr *nlh = link_request(l, buf, 0, 0);
	struct link_attrs a = { 0 };
	struct links_bridge b = { 0 };
	int r = -ENODEV;

	if (name[0] && strlen(name) < LINKS_NAME_MAX) {
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
		r = talk_ask(&l->talk, nlh, on_link, &a);
	}
	if (r != 0 && r != -ENODEV)
		return err_sys(e, -r, "bridge %s", name);
	if (r == -ENODEV || strcmp(a.name, name) != 0 || strcmp(a.kind, "bridge") != 0) {
		*found = false;
		return true;
	}
	memcpy(b.name, a.name, sizeof(b.name));
	memcpy(b.mac, a.mac, sizeof(b.mac));
	b.index = a.index;
	b.up = a.flags & IFF_UP;
	b.learns_groups = a.learns_groups;
	if (!bridge_addresses(l, &b, e))
		return false;
	*found = true;
	*out = b;
	return true;
}

struct own_list {
	struct addr *addrs; /* owned */
	size_t n, cap;
};

static void own_list_done(struct own_list *o)
{
	free(o->addrs);
}

static bool on_own(void *ctx, const struct nlmsghdr *nlh)
{
	struct own_list *o = ctx;
	struct address_attrs a;

	if (address_attrs_read(nlh, &a) && a.nsid == NSID_OWN)
		vec_push(o->addrs, o->n, o->cap, a.addr);
	return true;
}

static int dump_own(struct links *l, struct own_list *o)
{
	_Alignas(struct nlmsghdr) char buf[TALK_REQUEST];
	int r = -EINTR;

	for (int i = 0; i < TALK_TRIES && r == -EINTR; i++) {
		struct nlmsghdr *nlh = talk_request(&l->talk, buf, RTM_GETADDR, NLM_F_DUMP);
		struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

		ifa->ifa_family = AF_UNSPEC;
		o->n = 0;
		r = talk_ask(&l->talk, nlh, on_own, o);
	}
	return r;
}

bool links_own(struct links *l, struct addr **out, size_t *n, struct err *e)
{
	_cleanup_(own_list_done) struct own_list o = { 0 };
	int r = dump_own(l, &o);

	if (r != 0)
		return err_sys(e, -r, "the host's addresses");
	*n = o.n;
	*out = steal(&o.addrs);
	return true;
}

bool links_ignore_groups(struct links *l, int bridge, struct err *e)
{
	static const struct br_boolopt_multi option = { .optval = 1U << BR_BOOLOPT_NO_LL_LEARN,
							.optmask = 1U << BR_BOOLOPT_NO_LL_LEARN };
	_Alignas(struct nlmsghdr) char buf[TALK_REQUEST];
	struct nlmsghdr *nlh = talk_request(&l->talk, buf, RTM_NEWLINK, NLM_F_ACK);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	struct link_attrs unused;
	struct nlattr *info, *data;
	int r;

	ifi->ifi_index = bridge;
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put(nlh, IFLA_BR_MULTI_BOOLOPT, sizeof(option), &option);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	r = talk_ask(&l->talk, nlh, on_link, &unused);
	return r == 0 || err_sys(e, -r, "what bridge %d learns from", bridge);
}

struct port_list {
	int bridge;
	struct link_attrs *links; /* owned */
	size_t n, cap;
};

static void port_list_done(struct port_list *p)
{
	free(p->links);
}

static bool on_port(void *ctx, const struct nlmsghdr *nlh)
{
	struct port_list *p = ctx;
	struct link_attrs a;

	if (link_attrs_read(nlh, &a) && a.master == p->bridge)
		vec_push(p->links, p->n, p->cap, a);
	return true;
}

static int dump_ports(struct links *l, struct port_list *p)
{
	_Alignas(struct nlmsghdr) char buf[TALK_REQUEST];
	int r = -EINTR;

	for (int i = 0; i < TALK_TRIES && r == -EINTR; i++) {
		struct nlmsghdr *nlh = link_request(l, buf, NLM_F_DUMP, 0);

		mnl_attr_put_u32(nlh, IFLA_MASTER, (uint32_t)p->bridge);
		p->n = 0;
		r = talk_ask(&l->talk, nlh, on_port, p);
	}
	return r;
}

/*
 * The other end of a veth. Between the dump and this an end can go and its index and its namespace's id be
 * given to others, so it has to point back.
 */
static bool read_far_end(struct links *l, const struct link_attrs *port, struct links_port *out)
{
	_Alignas(struct nlmsghdr) char buf[TALK_REQUEST];
	struct nlmsghdr *nlh = link_request(l, buf, 0, port->link);
	int nsid = port->has_link_nsid ? port->link_nsid : NSID_OWN;
	struct address_list list = {
		.index = port->link,
		.nsid = nsid,
		.addrs = out->addrs,
		.room = { LINKS_V4_MAX, LINKS_V6_MAX, LINKS_LOCAL_MAX },
	};
	struct link_attrs far = { 0 };

	if (strcmp(port->kind, "veth") != 0 || port->link <= 0 || (port->has_link_nsid && nsid < 0))
		return false;
	if (nsid != NSID_OWN)
		mnl_attr_put_u32(nlh, IFLA_TARGET_NETNSID, (uint32_t)nsid);
	if (talk_ask(&l->talk, nlh, on_link, &far) != 0 || far.nsid != nsid ||
	    far.index != port->link || far.link != port->index || strcmp(far.kind, "veth") != 0)
		return false;
	if (read_addresses(l, &list) != 0)
		return false;
	memcpy(out->mac, far.mac, sizeof(out->mac));
	out->n_addrs = list.n;
	return true;
}

bool links_ports(struct links *l, int bridge, struct links_port **out, size_t *n, struct err *e)
{
	_cleanup_(port_list_done) struct port_list list = { .bridge = bridge };
	int r = dump_ports(l, &list);
	struct links_port *ports;

	if (r != 0)
		return err_sys(e, -r, "the ports of a bridge");
	ports = xcalloc(list.n, sizeof(*ports));
	for (size_t i = 0; i < list.n; i++) {
		const struct link_attrs *a = &list.links[i];

		memcpy(ports[i].name, a->name, sizeof(ports[i].name));
		ports[i].index = a->index;
		ports[i].bridge = bridge;
		ports[i].running = a->flags & IFF_RUNNING;
		ports[i].veth = read_far_end(l, a, &ports[i]);
	}
	*out = ports;
	*n = list.n;
	return true;
}
