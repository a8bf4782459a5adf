/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jail/network.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "compile/jail.h"
#include "kernel/netns.h"
#include "kernel/nflog.h"
#include "kernel/nft.h"

#define BACKLOG 4096

void network_done(struct network *n)
{
	fd_closep(&n->tcp);
	fd_closep(&n->udp);
	fd_closep(&n->dns);
	fd_closep(&n->nflog);
}

static bool set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

int network_socket(int type)
{
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && (!set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) ||
			!set_option(fd, IPPROTO_IP, IP_TRANSPARENT, 1) ||
			!set_option(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1) ||
			!set_option(fd, SOL_SOCKET, SO_MARK, JAIL_MARK)))
		fd_closep(&fd);
	return fd;
}

/* Bound to the port on every address; 0: any port, which *port is set to. */
static int bound(int type, uint16_t *port)
{
	int fd = network_socket(type);
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(*port) };
	socklen_t len = sizeof(sa);

	if (fd >= 0 && (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
			getsockname(fd, (struct sockaddr *)&sa, &len) != 0))
		fd_closep(&fd);
	*port = ntohs(sa.sin6_port);
	return fd;
}

static bool make_tcp(struct network *n, uint16_t *port, struct err *e)
{
	/* Accepted connections inherit both; a delayed small write would cost a round trip. */
	n->tcp = bound(SOCK_STREAM, port);
	if (n->tcp < 0 || !set_option(n->tcp, IPPROTO_TCP, TCP_NODELAY, 1) ||
	    listen(n->tcp, BACKLOG) != 0)
		return errno == EAFNOSUPPORT ?
			       err_set(e, ERR_UNSUPPORTED,
				       "the kernel was booted without IPv6 (ipv6.disable=1), and "
				       "a jail's sockets are IPv6 sockets that serve both: use "
				       "the sysctl net.ipv6.conf.all.disable_ipv6 instead") :
			       err_sys(e, errno, "the listener for TCP");
	return true;
}

static bool make_dns(struct network *n, struct err *e)
{
	uint16_t port = 53;

	n->dns = bound(SOCK_DGRAM, &port);
	if (n->dns < 0 || !set_option(n->dns, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1))
		return err_sys(e, errno, "the socket for DNS");
	return true;
}

static bool make_udp(struct network *n, uint16_t *port, struct err *e)
{
	n->udp = bound(SOCK_DGRAM, port);
	if (n->udp < 0 || !set_option(n->udp, IPPROTO_IP, IP_RECVORIGDSTADDR, 1) ||
	    !set_option(n->udp, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, 1))
		return err_sys(e, errno, "the socket for UDP");
	return true;
}

static bool load_rules(const struct plan_policy *p, const struct jail_ports *ports, struct err *e)
{
	_cleanup_(buf_done) struct buf text;

	buf_init(&text, 64U << 20);
	compile_jail(p, ports, &text);
	if (!buf_ok(&text))
		return err_set(e, ERR_LIMIT, "policy %s has more rules than a jail can load",
			       p->name);
	return nft_load(buf_cstr(&text), e);
}

static bool make(const struct plan_policy *p, struct network *n, struct err *e)
{
	struct jail_ports ports = { 0 };
	struct netns_lo lo;

	if (!addr_parse(SPAN_LIT(JAIL_ADDR4), &lo.v4, e) ||
	    !addr_parse(SPAN_LIT(JAIL_ADDR6), &lo.v6, e))
		return false;
	return netns_all_local(&lo, e) && make_tcp(n, &ports.tcp, e) && make_dns(n, e) &&
	       (!compile_jail_wants_udp(p) || make_udp(n, &ports.udp, e)) &&
	       nflog_open(JAIL_LOG_GROUP, JAIL_LOG_SNAPLEN, &n->nflog, e) &&
	       load_rules(p, &ports, e);
}

bool network_make(const struct plan_policy *p, struct network *out, struct err *e)
{
	struct network n = { -1, -1, -1, -1 };

	if (!make(p, &n, e)) {
		network_done(&n);
		return err_wrap(e, "making the jail's network");
	}
	*out = n;
	return true;
}
