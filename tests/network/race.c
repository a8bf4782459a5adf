/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * race COUNT PREFIX FRAME...: takes each of the interfaces PREFIX0, PREFIX1, ... up at the instant at
 * which it is there, and sends the frames, given in hexadecimal, out of it without a pause; again when
 * it goes and comes back. Ends at SIGTERM and prints how many frames were sent and how often an
 * interface came.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAMES_MAX 16
#define FRAME_MAX  256
#define LINKS_MAX  32

struct frame {
	uint8_t data[FRAME_MAX];
	size_t n;
};

static volatile sig_atomic_t over;

static void stop(int number)
{
	(void)number;
	over = 1;
}

static int digit(char c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static void frame_read(struct frame *f, const char *hex)
{
	for (f->n = 0; f->n < FRAME_MAX && hex[0] && hex[1]; hex += 2)
		f->data[f->n++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
}

/* The index of a link that is there, and up from now on; 0: it is not. */
static unsigned take_up(int fd, const char *prefix, int number)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%.8s%d", prefix, number);
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return 0;
	r.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		return 0;
	return if_nametoindex(r.ifr_name);
}

/* How many went out; -1: the link is gone. */
static long send_all(int fd, unsigned index, const struct frame *frames, int n)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	long sent = 0;

	to.sll_ifindex = (int)index;
	for (int i = 0; i < n; i++) {
		if (sendto(fd, frames[i].data, frames[i].n, 0, (void *)&to, sizeof(to)) > 0)
			sent++;
		else if (errno == ENXIO || errno == ENODEV)
			return -1;
	}
	return sent;
}

int main(int argc, char **argv)
{
	struct frame frames[FRAMES_MAX];
	int n = argc - 3 < FRAMES_MAX ? argc - 3 : FRAMES_MAX;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	unsigned links[LINKS_MAX] = { 0 };
	long sent = 0, came = 0;
	int n_links;

	if (n < 1 || fd < 0 || (n_links = atoi(argv[1])) > LINKS_MAX)
		return 2;
	for (int i = 0; i < n; i++)
		frame_read(&frames[i], argv[3 + i]);
	signal(SIGTERM, stop);
	while (!over) {
		for (int i = 0; i < n_links; i++) {
			long now = 0;

			if (links[i] == 0)
				came += (links[i] = take_up(fd, argv[2], i)) != 0;
			if (links[i] != 0 && (now = send_all(fd, links[i], frames, n)) < 0)
				links[i] = 0;
			sent += now > 0 ? now : 0;
		}
	}
	printf("%ld %ld\n", sent, came);
	return 0;
}
