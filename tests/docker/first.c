/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container whose first instructions send.
 *
 *	first TOKEN MS DENIED [ALLOWED PORT]
 *
 * sends for MS milliseconds, as often as it can, what must not arrive: datagrams, SYNs, echo requests
 * and whole frames of its own making, all to DENIED, all with the token where there is room. At the same time
 * one connection to ALLOWED is opened, and "connected NNN" tells how many microseconds that took.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_US    200
#define PATIENCE    5000 /* ms, for the connection that is allowed */
#define DENIED_PORT 31337

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

static struct sockaddr_in at(const char *address, unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		errx(2, "%s is no address", address);
	return a;
}

static uint16_t checksum(const uint8_t *data, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* What a frame takes: from where, and to which neighbour. */
struct path {
	int index;
	struct in_addr source;
	uint8_t gateway[6];
};

/* The neighbour that the kernel has asked for on our behalf, as soon as it answered. */
static int find_gateway(struct path *p)
{
	FILE *f = fopen("/proc/net/arp", "r");
	unsigned flags = 0, m[6] = { 0 };
	int n = f ? fscanf(f, "%*[^\n]\n%*s %*s %x %x:%x:%x:%x:%x:%x", &flags, m, m + 1, m + 2,
			   m + 3, m + 4, m + 5) :
		    0;

	if (f)
		fclose(f);
	for (int i = 0; i < 6; i++)
		p->gateway[i] = (uint8_t)m[i];
	return n == 7 && flags;
}

static int find_path(struct path *p)
{
	struct ifreq request = { .ifr_name = "eth0" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), ok;

	ok = ioctl(fd, SIOCGIFADDR, &request) == 0;
	p->source = ((struct sockaddr_in *)&request.ifr_addr)->sin_addr;
	ok = ok && ioctl(fd, SIOCGIFINDEX, &request) == 0;
	p->index = request.ifr_ifindex;
	close(fd);
	return ok;
}

/* A datagram as a frame that no socket of the kernel's made. */
static void send_frame(int fd, const struct path *p, const struct sockaddr_in *to,
		       const char *token)
{
	uint8_t frame[sizeof(struct iphdr) + sizeof(struct udphdr) + 64] = { 0 };
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP };
	struct udphdr udp = { .source = htons(9), .dest = to->sin_port };
	struct sockaddr_ll gateway = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_IP),
				       .sll_ifindex = p->index,
				       .sll_halen = 6 };
	size_t n = strlen(token);

	memcpy(gateway.sll_addr, p->gateway, 6);
	n = n > 64 ? 64 : n;
	udp.len = htons((uint16_t)(sizeof(udp) + n));
	ip.tot_len = htons((uint16_t)(sizeof(ip) + sizeof(udp) + n));
	ip.saddr = p->source.s_addr;
	ip.daddr = to->sin_addr.s_addr;
	ip.check = checksum((uint8_t *)&ip, sizeof(ip));
	memcpy(frame, &ip, sizeof(ip));
	memcpy(frame + sizeof(ip), &udp, sizeof(udp));
	memcpy(frame + sizeof(ip) + sizeof(udp), token, n);
	sendto(fd, frame, sizeof(ip) + sizeof(udp) + n, 0, (struct sockaddr *)&gateway,
	       sizeof(gateway));
}

static void send_echo(int fd, const struct sockaddr_in *to, const char *token)
{
	uint8_t echo[8 + 64] = { 8 };
	size_t n = strlen(token);
	uint16_t sum;

	n = n > 64 ? 64 : n;
	memcpy(echo + 8, token, n);
	sum = checksum(echo, 8 + ((n + 1) & ~1U));
	memcpy(echo + 2, &sum, 2);
	sendto(fd, echo, 8 + n, 0, (const struct sockaddr *)to, sizeof(*to));
}

static void send_syn(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)!connect(fd, (const struct sockaddr *)to, sizeof(*to));
	close(fd);
}

static void flood(const char *token, uint64_t until, const struct sockaddr_in *to)
{
	int datagram = socket(AF_INET, SOCK_DGRAM, 0),
	    raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	int packet = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	struct path p;
	int has_path = find_path(&p), has_gateway = 0;

	do {
		sendto(datagram, token, strlen(token), 0, (const struct sockaddr *)to, sizeof(*to));
		send_echo(raw, to, token);
		has_gateway = has_gateway || find_gateway(&p);
		if (has_path && has_gateway)
			send_frame(packet, &p, to, token);
		send_syn(to);
		usleep(PAUSE_US);
	} while (now_us() < until);
}

/* As a program does that was just started: one attempt, and the kernel's own retries. */
static int reach(const char *address, const char *port)
{
	uint64_t start = now_us();
	struct sockaddr_in to = at(address, (unsigned)atoi(port));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(error);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		error = errno;
	else if (poll(&p, 1, PATIENCE) != 1)
		error = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error)
		printf("not connected: %s\n", strerror(error));
	else
		printf("connected %llu\n", (unsigned long long)(now_us() - start));
	return error != 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in denied;
	uint64_t start = now_us();
	int status = 0;
	pid_t child = 0;

	if (argc != 4 && argc != 6)
		errx(2, "usage: first TOKEN MS DENIED [ALLOWED PORT]");
	denied = at(argv[3], DENIED_PORT);
	if (argc == 6 && (child = fork()) == 0)
		return reach(argv[4], argv[5]);
	flood(argv[1], start + strtoull(argv[2], NULL, 10) * 1000, &denied);
	if (child > 0)
		waitpid(child, &status, 0);
	return status != 0;
}
