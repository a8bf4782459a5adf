/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "kernel/tables_internal.h"

#define MONITOR_BUFFER (8 << 20) /* a load of ours is heard, too: some 200 bytes an element */
#define READS_MAX      10000	 /* messages in one call; what is left is read by the next */

bool tables_monitor_open(int *out, struct err *e)
{
	_cleanup_(fd_closep) int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int group = NFNLGRP_NFTABLES, size = MONITOR_BUFFER;

	if (fd < 0)
		return err_sys(e, errno, "nf_tables: cannot open a socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) != 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0)
		return err_sys(e, errno, "nf_tables: cannot listen for changes");
	*out = fd;
	fd = -1;
	return true;
}

/* Of every message of nf_tables but that of a generation the first attribute names the table. */
static bool is_ours(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[NFTA_TABLE_NAME + 1];

	if (nfg->nfgen_family != NFPROTO_INET && nfg->nfgen_family != NFPROTO_BRIDGE)
		return false;
	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	return tb[NFTA_TABLE_NAME] && strcmp(tables_str(tb[NFTA_TABLE_NAME]), RULESET_TABLE) == 0;
}

/* Who made the changes that were told before. */
static void generation(struct tables *t, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_GEN_MAX + 1];

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	t->touched_pid = tables_u32(tb[NFTA_GEN_PROC_PID]);
	(void)span_show(span_of(tables_str(tb[NFTA_GEN_PROC_NAME])), t->touched_name,
			sizeof(t->touched_name));
}

static void read_events(struct tables *t, size_t n, bool *pending, bool *touched)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)t->rx;
	int left = (int)n;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || nlh->nlmsg_pid == t->portid ||
		    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
			continue;
		if ((nlh->nlmsg_type & 0xff) != NFT_MSG_NEWGEN) {
			*pending = *pending || is_ours(nlh);
		} else if (*pending) {
			generation(t, nlh);
			*touched = true;
			*pending = false;
		}
	}
}

bool tables_monitor_read(struct tables *t, int fd, bool *touched, struct err *e)
{
	bool pending = false;

	*touched = false;
	t->touched_pid = 0;
	t->touched_name[0] = '\0';
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = RETRY_EINTR(recv(fd, t->rx, TABLES_RX, MSG_DONTWAIT));

		if (n >= 0)
			read_events(t, (size_t)n, &pending, touched);
		else if (errno == ENOBUFS)
			*touched = true;
		else if (errno == EAGAIN)
			break;
		else
			return err_sys(e, errno, "nf_tables: cannot hear of changes");
	}
	*touched = *touched || pending;
	return true;
}

uint32_t tables_touched_by(const struct tables *t, const char **name)
{
	*name = t->touched_name;
	return t->touched_pid;
}
