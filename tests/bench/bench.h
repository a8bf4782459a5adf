/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs of the benchmark share: errors that end the program, a clock, a socket. */
#ifndef SALLYPORT_BENCH_H
#define SALLYPORT_BENCH_H

#include <err.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum bench_port {
	PORT_HELLO = 7101, /* sends one byte and closes */
	PORT_ECHO = 7102,
	PORT_SOURCE = 7103, /* sends for ever */
	PORT_SINK = 7104,   /* reads for ever */
};

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static inline uint64_t number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end)
		errx(2, "%s is not a number", text);
	return n;
}

/* One that is asked for once, so that only the first connection pays for the lookup. */
static inline struct addrinfo *lookup(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	int r = getaddrinfo(host, port, &hints, &list);

	if (r)
		errx(1, "%s: %s", host, gai_strerror(r));
	return list;
}

static inline int dial(const struct addrinfo *to)
{
	int fd = socket(to->ai_family, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen))
		err(1, "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* What a proxy is asked for a tunnel to HOST:PORT. Returns its length. */
static inline size_t request(char *head, size_t size, const char *target)
{
	return (size_t)snprintf(head, size, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target,
				target);
}

/* The status of an answer whose head is complete, with what follows the head; 0: not complete. */
static inline unsigned status_of(const char *head, const char **rest)
{
	const char *end = strstr(head, "\r\n\r\n");

	if (!end || strncmp(head, "HTTP/1.", 7) != 0)
		return 0;
	*rest = end + 4;
	return (unsigned)strtoul(head + 9, NULL, 10);
}

static inline int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Sorts v; the value below which that share of it lies. */
static inline uint64_t percentile(uint64_t *v, size_t n, unsigned percent)
{
	qsort(v, n, sizeof(*v), by_size);
	return n ? v[n * percent / 100] : 0;
}

static inline void raise_files(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static inline int listen_on(uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 4096))
		err(1, "port %u", port);
	return fd;
}

#endif
