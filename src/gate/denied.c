/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that the rules inside the jail rejected: NFLOG messages become events. */
#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include <libmnl/libmnl.h>

#include "gate/internal.h"
#include "wire/packet.h"

/* Packets that are read before others get their turn. */
#define BATCH 64

struct logged {
	const void *packet;
	size_t len;
	bool has_seq;
	uint32_t seq;
};

static int on_attr(const struct nlattr *attr, void *ctx)
{
	struct logged *l = ctx;

	switch (mnl_attr_get_type(attr)) {
	case NFULA_PAYLOAD:
		l->packet = mnl_attr_get_payload(attr);
		l->len = mnl_attr_get_payload_len(attr);
		break;
	case NFULA_SEQ:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0) {
			l->seq = ntohl(mnl_attr_get_u32(attr));
			l->has_seq = true;
		}
		break;
	}
	return MNL_CB_OK;
}

static void report_packet(struct gate *g, const struct packet *p)
{
	struct flow f = { .proto = p->proto, .icmp_type = p->icmp_type, .port = p->dport };
	struct verdict v = { 0 };
	struct event ev;

	if (!judge_target(g, &p->dst, &f)) {
		ev = event_of(&f, EVENT_PACKET, LAYER_NFT);
		event_because(&ev, "this virtual address stands for no name");
	} else {
		v = decide(g->subjects->policy, &f);
		ev = event_of(&f, EVENT_PACKET, LAYER_NFT);
		if (v.kind == VERDICT_ALLOW)
			event_because(&ev, "a jail carries TCP and UDP only");
		else
			event_explain(g->subjects, &ev, &f, &v);
	}
	ev.verdict = EVENT_DENY;
	report(g->subjects, &ev, &v);
}

static int on_message(const struct nlmsghdr *nlh, void *ctx)
{
	struct gate *g = ctx;
	struct logged l = { 0 };
	struct packet p;

	if (nlh->nlmsg_type != ((NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_PACKET) ||
	    mnl_attr_parse(nlh, sizeof(struct nfgenmsg), on_attr, &l) < 0)
		return MNL_CB_OK;
	if (l.has_seq) {
		g->farewell.lost_packets += l.seq - g->packet_seq;
		g->packet_seq = l.seq + 1;
	}
	if (l.packet && packet_read(span_bytes(l.packet, l.len), &p))
		report_packet(g, &p);
	return MNL_CB_OK;
}

void denied_read(struct gate *g)
{
	_Alignas(struct nlmsghdr) char buf[8192];

	for (int i = 0; i < BATCH; i++) {
		ssize_t n = recv(g->o->nflog_fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0)
			return; /* ENOBUFS: what is missing shows in the sequence numbers */
		(void)mnl_cb_run(buf, (size_t)n, 0, 0, on_message, g);
	}
}
