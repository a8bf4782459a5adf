/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/nflog.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "kernel/talk.h"

static struct nlmsghdr *config(char *buf, uint16_t group)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(group);
	return nlh;
}

static bool talk(struct mnl_socket *sock, struct nlmsghdr *nlh, struct err *e)
{
	_Alignas(struct nlmsghdr) char buf[512];
	ssize_t n = mnl_socket_sendto(sock, nlh, nlh->nlmsg_len);

	if (n >= 0)
		n = mnl_socket_recvfrom(sock, buf, sizeof(buf));
	if (n < 0 || mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(sock), NULL, NULL) < 0)
		/* nfulnl_recv_config() of net/netfilter/nfnetlink_log.c: the group has another reader. */
		return err_sys(
			e, errno, "nflog%s",
			errno == EPERM ?
				" (another program has the group: does another sallyport daemon run?)" :
				"");
	return true;
}

static bool set_up(struct mnl_socket *sock, uint16_t group, uint32_t snaplen, struct err *e)
{
	_Alignas(struct nlmsghdr) char buf[512];
	struct nfulnl_msg_config_cmd bind_group = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = { .copy_range = htonl(snaplen),
					       .copy_mode = NFULNL_COPY_PACKET };
	struct nlmsghdr *nlh = config(buf, group);

	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(bind_group), &bind_group);
	if (!talk(sock, nlh, e))
		return false;
	nlh = config(buf, group);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u16(nlh, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(1)); /* a denial is told when it happens */
	return talk(sock, nlh, e);
}

bool nflog_open(uint16_t group, uint32_t snaplen, int *out, struct err *e)
{
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	bool ok;

	if (!sock)
		return err_sys(e, errno, "nflog: cannot open a socket");
	if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) != 0)
		ok = err_sys(e, errno, "nflog: cannot bind");
	else
		ok = set_up(sock, group, snaplen, e);
	if (ok) {
		*out = fcntl(mnl_socket_get_fd(sock), F_DUPFD_CLOEXEC, 3);
		ok = *out >= 0 || err_sys(e, errno, "nflog");
	}
	(void)mnl_socket_close(sock);
	return ok;
}

static uint32_t be32_of(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U32) == 0 ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

static struct span payload_of(const struct nlattr *attr)
{
	return span_bytes(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
}

static void take_packet_header(const struct nlattr *attr, struct nflog_packet *p)
{
	struct nfulnl_msg_packet_hdr h;

	if (mnl_attr_get_payload_len(attr) < sizeof(h))
		return;
	memcpy(&h, mnl_attr_get_payload(attr), sizeof(h));
	p->ethertype = ntohs(h.hw_protocol);
	p->hook = h.hook;
}

static void take_source_mac(const struct nlattr *attr, struct nflog_packet *p)
{
	struct nfulnl_msg_packet_hw h;

	if (mnl_attr_get_payload_len(attr) < sizeof(h))
		return;
	memcpy(&h, mnl_attr_get_payload(attr), sizeof(h));
	if (ntohs(h.hw_addrlen) != sizeof(p->src_mac))
		return;
	memcpy(p->src_mac, h.hw_addr, sizeof(p->src_mac));
	p->has_macs = true;
}

/* The Ethernet header, which the bridge family logs whole. */
static void take_frame_header(struct span header, struct nflog_packet *p)
{
	if (header.n < sizeof(p->dst_mac) + sizeof(p->src_mac))
		return;
	memcpy(p->dst_mac, header.p, sizeof(p->dst_mac));
	memcpy(p->src_mac, header.p + sizeof(p->dst_mac), sizeof(p->src_mac));
	p->has_macs = true;
}

static int on_vlan(const struct nlattr *attr, void *ctx)
{
	struct nflog_packet *p = ctx;

	if (mnl_attr_get_type(attr) == NFULA_VLAN_TCI &&
	    mnl_attr_validate(attr, MNL_TYPE_U16) == 0) {
		p->vlan = true;
		p->vlan_id = ntohs(mnl_attr_get_u16(attr)) & 0xfff;
	}
	return MNL_CB_OK;
}

static int on_packet_attr(const struct nlattr *attr, void *ctx)
{
	struct nflog_packet *p = ctx;

	switch (mnl_attr_get_type(attr)) {
	case NFULA_PACKET_HDR:
		take_packet_header(attr, p);
		break;
	case NFULA_PREFIX:
		p->prefix = payload_of(attr);
		p->prefix.n = strnlen(p->prefix.p, p->prefix.n);
		break;
	case NFULA_PAYLOAD:
		p->payload = payload_of(attr);
		break;
	case NFULA_HWADDR:
		take_source_mac(attr, p);
		break;
	case NFULA_L2HDR:
		take_frame_header(payload_of(attr), p);
		break;
	case NFULA_VLAN:
		return mnl_attr_parse_nested(attr, on_vlan, p);
	case NFULA_IFINDEX_INDEV:
		p->indev = be32_of(attr);
		break;
	case NFULA_IFINDEX_PHYSINDEV:
		p->port = be32_of(attr);
		break;
	case NFULA_IFINDEX_OUTDEV:
		p->outdev = be32_of(attr);
		break;
	case NFULA_SEQ:
		p->has_seq = mnl_attr_validate(attr, MNL_TYPE_U32) == 0;
		p->seq = be32_of(attr);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static bool read_packet(const struct nlmsghdr *nlh, struct nflog_packet *out)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct nflog_packet p = { .prefix = SPAN_LIT(""), .payload = SPAN_LIT("") };

	if (nlh->nlmsg_type != ((NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_PACKET) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg))
		return false;
	p.family = nfg->nfgen_family;
	if (mnl_attr_parse(nlh, sizeof(*nfg), on_packet_attr, &p) < 0)
		return false;
	*out = p;
	return true;
}

bool nflog_parse(struct span message, struct nflog_packet *out)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)message.p;

	return message.n <= INT_MAX && mnl_nlmsg_ok(nlh, (int)message.n) && read_packet(nlh, out);
}

bool nflog_read(int fd, unsigned max, nflog_fn *fn, void *ctx)
{
	_Alignas(struct nlmsghdr) char buf[8192];

	for (unsigned i = 0; i < max; i++) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
		int n = talk_receive(fd, buf, sizeof(buf), MSG_DONTWAIT);
		struct nflog_packet p;

		if (n == -ENOBUFS)
			continue;
		if (n < 0)
			return false;
		for (; mnl_nlmsg_ok(nlh, n); nlh = mnl_nlmsg_next(nlh, &n))
			if (read_packet(nlh, &p))
				fn(ctx, &p);
	}
	return true;
}
