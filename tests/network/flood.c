/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flood SECONDS RATE ADDRESS PORT [ADDRESS PORT]...: small UDP datagrams, RATE a second to each of
 * the destinations, until the time is over or SIGTERM comes. Prints how many were sent. What the
 * network says to that does not matter.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DESTS_MAX 8
#define BATCH	  64
#define TICK_NS	  1000000L

struct dest {
	int fd;
	struct sockaddr_storage addr;
	socklen_t len;
};

static volatile sig_atomic_t over;

static void stop(int number)
{
	(void)number;
	over = 1;
}

static bool dest_open(struct dest *d, const char *address, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&d->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&d->addr;
	uint16_t number = htons((uint16_t)strtoul(port, NULL, 10));

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = number;
		d->len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = number;
		d->len = sizeof(*v6);
	} else {
		return false;
	}
	d->fd = socket(d->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return d->fd >= 0;
}

static long send_some(struct dest *d, long n)
{
	static char text[] = "flood";
	struct iovec part = { text, sizeof(text) - 1 };
	struct mmsghdr all[BATCH] = { 0 };
	long sent = 0;

	for (int i = 0; i < BATCH; i++)
		all[i].msg_hdr = (struct msghdr){ .msg_name = &d->addr,
						  .msg_namelen = d->len,
						  .msg_iov = &part,
						  .msg_iovlen = 1 };
	while (sent < n) {
		int now = n - sent < BATCH ? (int)(n - sent) : BATCH;
		int r = sendmmsg(d->fd, all, (unsigned)now, 0);

		if (r <= 0)
			break;
		sent += r;
	}
	return sent;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	struct dest dests[DESTS_MAX] = { 0 };
	int n_dests = (argc - 3) / 2;
	int64_t start = now_ns(), end;
	double rate;
	long total = 0, due = 0;

	if (argc < 5 || n_dests > DESTS_MAX)
		return 2;
	for (int i = 0; i < n_dests; i++)
		if (!dest_open(&dests[i], argv[3 + 2 * i], argv[4 + 2 * i]))
			return 2;
	end = start + (int64_t)(strtod(argv[1], NULL) * 1e9);
	rate = strtod(argv[2], NULL);
	signal(SIGTERM, stop);
	while (!over && now_ns() < end) {
		struct timespec tick = { 0, TICK_NS };
		long should = (long)((double)(now_ns() - start) / 1e9 * rate) + 1;

		for (int i = 0; i < n_dests; i++)
			total += send_some(&dests[i], should - due);
		due = should;
		nanosleep(&tick, NULL);
	}
	printf("%ld\n", total);
	return 0;
}
