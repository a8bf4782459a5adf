/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The near end, one connection after the other. Prints one number:
 *
 *	connect HOST PORT N	median ns from connect() to the first byte of a server that speaks first
 *	rtt HOST PORT N		median ns of a round trip of one byte
 *	down HOST PORT MS	bytes a second that one connection receives
 *	up HOST PORT MS		bytes a second that one connection sends
 *	hold HOST PORT N	opens N connections, or as many as go; prints how many once all were
 *				heard from, waits for stdin
 *
 * With one more argument, NAME:PORT, HOST and PORT are a proxy that is asked for a tunnel to it.
 */
#include "bench.h"

#define CHUNK (256 * 1024)
#define WARM  50 /* not counted */

/* Of opening many: for one that is not answered, as by a proxy that has no room, and for all. */
#define ANSWER_S 5
#define ALL_S	 90

struct way {
	const struct addrinfo *to;
	const char *target; /* NULL: `to` is the server itself */
};

struct stream {
	int fd;
	size_t early; /* bytes of the server that came with the proxy's answer */
};

static char chunk[CHUNK];

/* Asks for the tunnel. False when the proxy says anything but 200, or nothing. */
static int ask(struct stream *s, const char *target)
{
	char head[4096];
	const char *rest;
	size_t n = request(head, sizeof(head), target);
	unsigned status;

	if (write(s->fd, head, n) != (ssize_t)n)
		return 0;
	n = 0;
	do {
		ssize_t got = read(s->fd, head + n, sizeof(head) - 1 - n);

		if (got <= 0)
			return 0;
		n += (size_t)got;
		head[n] = 0;
	} while (!(status = status_of(head, &rest)));
	s->early = n - (size_t)(rest - head);
	return status == 200;
}

static struct stream reach(const struct way *w)
{
	struct stream s = { .fd = dial(w->to) };

	if (w->target && !ask(&s, w->target))
		errx(1, "no tunnel to %s", w->target);
	return s;
}

static uint64_t measure_connect(const struct way *w, size_t n)
{
	uint64_t *took = calloc(n, sizeof(*took));

	for (size_t i = 0; i < n + WARM; i++) {
		uint64_t start = now_ns();
		struct stream s = reach(w);

		if (!s.early && read(s.fd, chunk, 1) != 1)
			err(1, "no first byte");
		if (i >= WARM)
			took[i - WARM] = now_ns() - start;
		close(s.fd);
	}
	return percentile(took, n, 50);
}

static uint64_t measure_rtt(const struct way *w, size_t n)
{
	uint64_t *took = calloc(n, sizeof(*took));
	int fd = reach(w).fd;

	for (size_t i = 0; i < n + WARM; i++) {
		uint64_t start = now_ns();

		if (write(fd, "x", 1) != 1 || read(fd, chunk, 1) != 1)
			err(1, "no echo");
		if (i >= WARM)
			took[i - WARM] = now_ns() - start;
	}
	return percentile(took, n, 50);
}

/* The first fifth of the time is for the window to open. */
static uint64_t measure_bulk(const struct way *w, uint64_t ms, int up)
{
	int fd = reach(w).fd;
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

static size_t hold(const struct way *w, size_t n)
{
	const struct timeval patience = { .tv_sec = ANSWER_S };
	uint64_t end = now_ns() + ALL_S * 1000000000ULL;

	raise_files();
	for (size_t i = 0; i < n; i++) {
		struct stream s = { .fd = dial(w->to) };

		setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		if (now_ns() > end || (w->target && !ask(&s, w->target)) ||
		    write(s.fd, "x", 1) != 1 || read(s.fd, chunk, 1) != 1)
			return i;
	}
	return n;
}

int main(int argc, char **argv)
{
	struct way w = { 0 };
	uint64_t n, result;

	if (argc != 5 && argc != 6)
		errx(2, "usage: client connect|rtt|down|up|hold HOST PORT N [NAME:PORT]");
	w = (struct way){ .to = lookup(argv[2], argv[3]), .target = argv[5] };
	n = number(argv[4]);
	switch (argv[1][0]) {
	case 'c':
		result = measure_connect(&w, n);
		break;
	case 'r':
		result = measure_rtt(&w, n);
		break;
	case 'h':
		result = hold(&w, n);
		break;
	default:
		result = measure_bulk(&w, n, argv[1][0] == 'u');
	}
	printf("%llu\n", (unsigned long long)result);
	fflush(stdout);
	if (argv[1][0] == 'h')
		(void)!read(0, chunk, 1);
	return 0;
}
