/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctnetlink by libmnl alone: an entry is deleted by the very attributes it was listed with, copied
 * as they are, so that nothing about tuples, zones or protocols has to be built anew.
 */
#include "kernel/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include "base/alloc.h"
#include "kernel/talk.h"

/* A request to delete: header, tuple with addresses, ports and zone, the entry's zone and id. */
#define DELETION_MAX 256

/* For a whole table, with what is ended on the way: a million flows, of which many end. */
#define SWEEP_MS 30000

/* Two sockets, because one that is in a dump cannot be asked anything else. */
struct conntrack {
	struct talk dump, change;
};

bool conntrack_open(struct conntrack **out, struct err *e)
{
	struct conntrack *c = xcalloc(1, sizeof(*c));

	if (!talk_open(&c->dump, NETLINK_NETFILTER, e) ||
	    !talk_open(&c->change, NETLINK_NETFILTER, e)) {
		conntrack_close(c);
		return false;
	}
	c->dump.limit_ms = SWEEP_MS;
	*out = c;
	return true;
}

void conntrack_close(struct conntrack *c)
{
	if (!c)
		return;
	talk_done(&c->dump);
	talk_done(&c->change);
	free(c);
}

static struct nlmsghdr *request(struct talk *t, void *buf, uint16_t type, uint16_t flags,
				uint8_t family)
{
	uint16_t message = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	struct nlmsghdr *nlh = talk_request(t, buf, message, flags);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

/* One direction of an entry. */
struct tuple {
	struct addr src, dst;
	uint8_t proto;
	uint16_t sport, dport;
	int icmp_type;
};

static uint16_t be16_of(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U16) == 0 ? ntohs(mnl_attr_get_u16(attr)) : 0;
}

static int on_ip(const struct nlattr *attr, void *ctx)
{
	struct tuple *t = ctx;
	const void *bytes = mnl_attr_get_payload(attr);
	size_t n = mnl_attr_get_payload_len(attr);

	switch (mnl_attr_get_type(attr)) {
	case CTA_IP_V4_SRC:
		if (n == 4)
			t->src = addr_from_v4(bytes);
		break;
	case CTA_IP_V4_DST:
		if (n == 4)
			t->dst = addr_from_v4(bytes);
		break;
	case CTA_IP_V6_SRC:
		if (n == 16)
			t->src = addr_from_v6(bytes);
		break;
	case CTA_IP_V6_DST:
		if (n == 16)
			t->dst = addr_from_v6(bytes);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int on_proto(const struct nlattr *attr, void *ctx)
{
	struct tuple *t = ctx;

	switch (mnl_attr_get_type(attr)) {
	case CTA_PROTO_NUM:
		if (mnl_attr_validate(attr, MNL_TYPE_U8) == 0)
			t->proto = mnl_attr_get_u8(attr);
		break;
	case CTA_PROTO_SRC_PORT:
		t->sport = be16_of(attr);
		break;
	case CTA_PROTO_DST_PORT:
		t->dport = be16_of(attr);
		break;
	case CTA_PROTO_ICMP_TYPE:
	case CTA_PROTO_ICMPV6_TYPE:
		if (mnl_attr_validate(attr, MNL_TYPE_U8) == 0)
			t->icmp_type = mnl_attr_get_u8(attr);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int on_tuple(const struct nlattr *attr, void *ctx)
{
	switch (mnl_attr_get_type(attr)) {
	case CTA_TUPLE_IP:
		return mnl_attr_parse_nested(attr, on_ip, ctx);
	case CTA_TUPLE_PROTO:
		return mnl_attr_parse_nested(attr, on_proto, ctx);
	default:
		return MNL_CB_OK;
	}
}

struct entry {
	const struct nlattr *orig, *zone, *id;
	struct tuple to, back;
	uint32_t status;
};

static int on_entry(const struct nlattr *attr, void *ctx)
{
	struct entry *en = ctx;

	switch (mnl_attr_get_type(attr)) {
	case CTA_TUPLE_ORIG:
		en->orig = attr;
		return mnl_attr_parse_nested(attr, on_tuple, &en->to);
	case CTA_TUPLE_REPLY:
		return mnl_attr_parse_nested(attr, on_tuple, &en->back);
	case CTA_ZONE:
		en->zone = attr;
		break;
	case CTA_ID:
		en->id = attr;
		break;
	case CTA_STATUS:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			en->status = ntohl(mnl_attr_get_u32(attr));
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static bool read_entry(const struct nlmsghdr *nlh, struct entry *en)
{
	*en = (struct entry){ .to.icmp_type = -1, .back.icmp_type = -1 };
	return nlh->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) &&
	       mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct nfgenmsg) &&
	       mnl_attr_parse(nlh, sizeof(struct nfgenmsg), on_entry, en) >= 0 && en->orig &&
	       en->to.src.family && en->to.dst.family && en->back.src.family;
}

struct sweep {
	struct conntrack *c;
	conntrack_keep_fn *keep;
	void *ctx;
	uint64_t ended;
	char *deletions; /* owned: requests one behind the other */
	size_t used, n;
	int error; /* the first one of a deletion, a negative errno */
};

static void sweep_done(struct sweep *s)
{
	free(s->deletions);
}

static void on_deleted(void *ctx, int error)
{
	struct sweep *s = ctx;

	if (error == 0)
		s->ended++;
	else if (error != -ENOENT && s->error == 0) /* it may have ended by itself */
		s->error = error;
}

static bool flush(struct sweep *s)
{
	int r = 0;

	if (s->n > 0)
		r = talk_tell(&s->c->change, s->deletions, s->used, on_deleted, s);
	if (r != 0 && s->error == 0)
		s->error = r;
	s->used = s->n = 0;
	return s->error == 0;
}

static void copy_attr(struct nlmsghdr *nlh, const struct nlattr *attr)
{
	if (attr)
		mnl_attr_put(nlh, attr->nla_type, mnl_attr_get_payload_len(attr),
			     mnl_attr_get_payload(attr));
}

static size_t attr_room(const struct nlattr *attr)
{
	return attr ? NLMSG_ALIGN(attr->nla_len) : 0;
}

static bool delete (struct sweep *s, const struct entry *en)
{
	size_t need = sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg) + attr_room(en->orig) +
		      attr_room(en->zone) + attr_room(en->id);
	struct nlmsghdr *nlh;

	if (need > DELETION_MAX) {
		s->error = -EMSGSIZE;
		return false;
	}
	nlh = request(&s->c->change, s->deletions + s->used, IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
		      en->to.src.family);
	copy_attr(nlh, en->orig);
	copy_attr(nlh, en->zone);
	copy_attr(nlh, en->id);
	s->used += NLMSG_ALIGN(nlh->nlmsg_len);
	return ++s->n < TALK_TOGETHER || flush(s);
}

static bool on_flow(void *ctx, const struct nlmsghdr *nlh)
{
	struct sweep *s = ctx;
	struct entry en;
	struct conntrack_flow f;

	if (!read_entry(nlh, &en))
		return true;
	f = (struct conntrack_flow){
		.proto = en.to.proto,
		.icmp_type = en.to.icmp_type,
		.src = en.to.src,
		.dst = en.to.dst,
		.real_dst = en.back.src,
		.dport = en.to.dport,
		.real_dport = en.back.sport,
		.dnat = en.status & IPS_DST_NAT,
	};
	return s->keep(s->ctx, &f) || delete (s, &en);
}

bool conntrack_sweep(struct conntrack *c, conntrack_keep_fn *keep, void *ctx, uint64_t *ended,
		     struct err *e)
{
	_Alignas(struct nlmsghdr) char buf[TALK_REQUEST];
	_cleanup_(sweep_done) struct sweep s = {
		.c = c,
		.keep = keep,
		.ctx = ctx,
		.deletions = xmalloc((size_t)TALK_TOGETHER * DELETION_MAX),
	};
	int r = -EINTR;

	for (int i = 0; i < TALK_TRIES && r == -EINTR; i++) {
		r = talk_ask(&c->dump,
			     request(&c->dump, buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC),
			     on_flow, &s);
		(void)flush(&s);
		if (s.error != 0)
			return err_sys(e, -s.error, "ending a flow");
	}
	if (r != 0)
		return err_sys(e, -r, "listing the flows");
	*ended = s.ended;
	return true;
}
