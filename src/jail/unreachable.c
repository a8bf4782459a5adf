/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jail/unreachable.h"

#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "compile/jail.h"

/* What the error quotes of the datagram: its headers. The kernel finds the client's socket by the
 * addresses and ports in them. */
struct quote4 {
	struct icmphdr icmp;
	struct iphdr ip;
	struct udphdr udp;
};

struct quote6 {
	struct icmp6_hdr icmp;
	struct ip6_hdr ip;
	struct udphdr udp;
};

_Static_assert(sizeof(struct quote4) == 8 + 20 + 8, "no padding");
_Static_assert(sizeof(struct quote6) == 8 + 40 + 8, "no padding");

static struct udphdr udp_header(const struct sockaddr_in6 *local, const struct sockaddr_in6 *peer)
{
	return (struct udphdr){ .source = peer->sin6_port,
				.dest = local->sin6_port,
				.len = htons(sizeof(struct udphdr)) };
}

/* RFC 1071, over a whole number of 16-bit words. */
static uint16_t checksum(const void *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		uint16_t word;

		memcpy(&word, (const char *)p + i, sizeof(word));
		sum += word;
	}
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* Marked as the gate's, so that the jail's rules let it pass. */
static void send_raw(int proto, const void *p, size_t n, const struct sockaddr *to, socklen_t len)
{
	_cleanup_(fd_closep) int fd = socket(to->sa_family, SOCK_RAW | SOCK_CLOEXEC, proto);
	unsigned mark = JAIL_MARK;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0)
		(void)sendto(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL, to, len);
}

static void send4(const struct sockaddr_in6 *local, const struct sockaddr_in6 *peer)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct quote4 q = { .icmp = { .type = ICMP_DEST_UNREACH, .code = ICMP_PORT_UNREACH },
			    .ip = { .version = 4,
				    .ihl = 5,
				    .ttl = 64,
				    .protocol = IPPROTO_UDP,
				    .tot_len = htons(sizeof(q.ip) + sizeof(q.udp)) },
			    .udp = udp_header(local, peer) };

	memcpy(&q.ip.saddr, &peer->sin6_addr.s6_addr[12], 4);
	memcpy(&q.ip.daddr, &local->sin6_addr.s6_addr[12], 4);
	q.ip.check = checksum(&q.ip, sizeof(q.ip));
	q.icmp.checksum = checksum(&q, sizeof(q));
	to.sin_addr.s_addr = q.ip.saddr;
	send_raw(IPPROTO_ICMP, &q, sizeof(q), (struct sockaddr *)&to, sizeof(to));
}

/* The kernel fills in the checksum of ICMPv6: RFC 3542 3.1. */
static void send6(const struct sockaddr_in6 *local, const struct sockaddr_in6 *peer)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = peer->sin6_addr };
	struct quote6 q = { .icmp = { .icmp6_type = ICMP6_DST_UNREACH,
				      .icmp6_code = ICMP6_DST_UNREACH_NOPORT },
			    .ip = { .ip6_src = peer->sin6_addr, .ip6_dst = local->sin6_addr },
			    .udp = udp_header(local, peer) };

	q.ip.ip6_flow = htonl(6U << 28);
	q.ip.ip6_plen = htons(sizeof(q.udp));
	q.ip.ip6_nxt = IPPROTO_UDP;
	q.ip.ip6_hlim = 64;
	send_raw(IPPROTO_ICMPV6, &q, sizeof(q), (struct sockaddr *)&to, sizeof(to));
}

void unreachable_send(const struct sockaddr_in6 *local, const struct sockaddr_in6 *peer)
{
	if (IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr))
		send4(local, peer);
	else
		send6(local, peer);
}
