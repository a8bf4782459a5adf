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
#include "base/clock.h"
#include "kernel/talk.h"

/* A request to delete: header, tuple with addresses, ports and zone, the entry's zone and id. */
#define DELETION_MAX 256

struct sweep {
	conntrack_keep_fn *keep;
	void *ctx;
	struct talk_dump dump;
	unsigned tries;
	bool under_way;
	uint64_t ended;
	size_t used, n;
	int error; /* the first one of a deletion, a negative errno */
};

/* Two sockets, because one that is in a dump cannot be asked anything else. */
struct conntrack {
	struct talk dump, change;
	struct sweep sweep;
	_Alignas(struct nlmsghdr) char deletions[TALK_TOGETHER * DELETION_MAX];
};

bool conntrack_open(struct conntrack **out, struct err *e)
{
	struct conntrack *c = xcalloc(1, sizeof(*c));

	if (!talk_open(&c->dump, NETLINK_NETFILTER, e) ||
	    !talk_open(&c->change, NETLINK_NETFILTER, e)) {
		conntrack_close(c);
		return false;
	}
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

static void on_deleted(void *ctx, int error)
{
	struct sweep *s = ctx;

	if (error == 0)
		s->ended++;
	else if (error != -ENOENT && s->error == 0) /* it may have ended by itself */
		s->error = error;
}

static bool flush(struct conntrack *c)
{
	struct sweep *s = &c->sweep;
	int r = 0;

	if (s->n > 0)
		r = talk_tell(&c->change, c->deletions, s->used, on_deleted, s);
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

static bool delete (struct conntrack *c, const struct entry *en)
{
	size_t need = sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg) + attr_room(en->orig) +
		      attr_room(en->zone) + attr_room(en->id);
	struct sweep *s = &c->sweep;
	struct nlmsghdr *nlh;

	if (need > DELETION_MAX) {
		s->error = -EMSGSIZE;
		return false;
	}
	nlh = request(&c->change, c->deletions + s->used, IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
		      en->to.src.family);
	copy_attr(nlh, en->orig);
	copy_attr(nlh, en->zone);
	copy_attr(nlh, en->id);
	s->used += NLMSG_ALIGN(nlh->nlmsg_len);
	return ++s->n < TALK_TOGETHER || flush(c);
}

static bool on_flow(void *ctx, const struct nlmsghdr *nlh)
{
	struct conntrack *c = ctx;
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
	return c->sweep.keep(c->sweep.ctx, &f) || delete (c, &en);
}

static int begin_dump(struct conntrack *c)
{
	_Alignas(struct nlmsghdr) char buf[TALK_REQUEST];

	c->sweep.tries++;
	return talk_begin(&c->dump,
			  request(&c->dump, buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC), on_flow,
			  c, &c->sweep.dump);
}

static bool fail(struct conntrack *c, int r, const char *what, struct err *e)
{
	talk_abandon(&c->dump, &c->sweep.dump);
	c->sweep.under_way = false;
	return err_sys(e, -r, "%s", what);
}

bool conntrack_sweep_begin(struct conntrack *c, conntrack_keep_fn *keep, void *ctx, struct err *e)
{
	int r;

	if (c->sweep.under_way)
		talk_abandon(&c->dump, &c->sweep.dump);
	c->sweep = (struct sweep){ .keep = keep, .ctx = ctx, .under_way = true };
	r = begin_dump(c);
	return r == 0 || fail(c, r, "listing the flows", e);
}

bool conntrack_sweep_some(struct conntrack *c, unsigned ms, bool *more, uint64_t *ended,
			  struct err *e)
{
	uint64_t until_ms = clock_ms() + ms;
	struct sweep *s = &c->sweep;
	int r = 0;

	while (r == 0 && s->under_way && !s->dump.whole && clock_ms() < until_ms) {
		r = talk_some(&c->dump, &s->dump);
		if (r == -EINTR && s->error == 0 && s->tries < TALK_TRIES)
			r = begin_dump(c);
	}
	(void)flush(c);
	*ended = s->ended;
	if (s->error != 0)
		return fail(c, s->error, "ending a flow", e);
	if (r != 0)
		return fail(c, r, "listing the flows", e);
	s->under_way = s->under_way && !s->dump.whole;
	*more = s->under_way;
	return true;
}
