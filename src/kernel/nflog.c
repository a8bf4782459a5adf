/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/nflog.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "base/fd.h"

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
		return err_sys(e, errno, "nflog");
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
