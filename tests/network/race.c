/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * race INTERFACE FRAME...: sends frames, each given in hexadecimal, out of the interface without a
 * pause, from the instant at which it is there and up; again when it goes and comes back. Ends at
 * SIGTERM and prints how many were sent and how often the interface came.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAMES_MAX 16
#define FRAME_MAX  256

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

int main(int argc, char **argv)
{
	struct frame frames[FRAMES_MAX];
	int n = argc - 2 < FRAMES_MAX ? argc - 2 : FRAMES_MAX;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	unsigned index = 0;
	long sent = 0, came = 0;

	if (n < 1 || fd < 0)
		return 2;
	for (int i = 0; i < n; i++)
		frame_read(&frames[i], argv[2 + i]);
	signal(SIGTERM, stop);
	while (!over) {
		struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
		unsigned before = index;

		if (index == 0 && (index = if_nametoindex(argv[1])) == 0) {
			usleep(50);
			continue;
		}
		came += index != before;
		to.sll_ifindex = (int)index;
		for (int i = 0; i < n; i++) {
			if (sendto(fd, frames[i].data, frames[i].n, 0, (void *)&to, sizeof(to)) > 0)
				sent++;
			else if (errno == ENXIO || errno == ENODEV)
				index = 0;
		}
	}
	printf("%ld %ld\n", sent, came);
	return 0;
}
