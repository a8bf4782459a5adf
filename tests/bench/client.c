/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The near end. Prints one number:
 *
 *	connect HOST PORT N	median ns from connect() to the first byte of a server that speaks first
 *	rtt HOST PORT N		median ns of a round trip of one byte
 *	down HOST PORT MS	bytes a second that one connection receives
 *	up HOST PORT MS		bytes a second that one connection sends
 *	hold HOST PORT N	opens N connections, prints N once all were heard from, waits for stdin
 */
#include <sys/resource.h>

#include "bench.h"

#define CHUNK (256 * 1024)
#define WARM  50 /* not counted */

static char chunk[CHUNK];

static int cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), cmp);
	return v[n / 2];
}

static uint64_t measure_connect(const struct addrinfo *to, size_t n)
{
	uint64_t *took = calloc(n, sizeof(*took));

	for (size_t i = 0; i < n + WARM; i++) {
		uint64_t start = now_ns();
		int fd = dial(to);

		if (read(fd, chunk, 1) != 1)
			err(1, "no first byte");
		if (i >= WARM)
			took[i - WARM] = now_ns() - start;
		close(fd);
	}
	return median(took, n);
}

static uint64_t measure_rtt(const struct addrinfo *to, size_t n)
{
	uint64_t *took = calloc(n, sizeof(*took));
	int fd = dial(to);

	for (size_t i = 0; i < n + WARM; i++) {
		uint64_t start = now_ns();

		if (write(fd, "x", 1) != 1 || read(fd, chunk, 1) != 1)
			err(1, "no echo");
		if (i >= WARM)
			took[i - WARM] = now_ns() - start;
	}
	return median(took, n);
}

/* The first fifth of the time is for the window to open. */
static uint64_t measure_bulk(const struct addrinfo *to, uint64_t ms, int up)
{
	int fd = dial(to);
	uint64_t start = now_ns(), begin = start + ms * 200000, end = start + ms * 1000000, now;
	uint64_t bytes = 0;

	while ((now = now_ns()) < end) {
		ssize_t n = up ? write(fd, chunk, CHUNK) : read(fd, chunk, CHUNK);

		if (n <= 0)
			err(1, "stream");
		if (now >= begin)
			bytes += (uint64_t)n;
	}
	return bytes * 1000 / (ms * 8 / 10);
}

static uint64_t hold(const struct addrinfo *to, size_t n)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (size_t i = 0; i < n; i++) {
		int fd = dial(to);

		if (write(fd, "x", 1) != 1 || read(fd, chunk, 1) != 1)
			err(1, "connection %zu", i);
	}
	return n;
}

int main(int argc, char **argv)
{
	const struct addrinfo *to;
	uint64_t n, result;

	if (argc != 5)
		errx(2, "usage: client connect|rtt|down|up|hold HOST PORT N");
	to = lookup(argv[2], argv[3]);
	n = number(argv[4]);
	switch (argv[1][0]) {
	case 'c':
		result = measure_connect(to, n);
		break;
	case 'r':
		result = measure_rtt(to, n);
		break;
	case 'h':
		result = hold(to, n);
		break;
	default:
		result = measure_bulk(to, n, argv[1][0] == 'u');
	}
	printf("%llu\n", (unsigned long long)result);
	fflush(stdout);
	if (argv[1][0] == 'h')
		(void)!read(0, chunk, 1);
	return 0;
}
