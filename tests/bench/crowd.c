/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many clients at once.
 *
 *	crowd rate HOST PORT MS WIDTH [NAME:PORT]
 *
 * prints how many connections a second were heard from, with WIDTH of them under way at any time.
 * The server speaks first.
 *
 *	crowd flood HOST PORT MS N [NAME:PORT]
 *
 * opens N at once and keeps those that are served, for at most MS. Prints lines of a word and three
 * numbers: what became of them (a status, or served, reset, closed, silent), how many, and the
 * median and the 99th percentile of the ns until then. Then, in the same shape, the round trips of
 * a connection that was there before, `before`, `during` and `after` the flood (none: it was lost),
 * and `again`: how long after it until a new connection was served.
 *
 * With NAME:PORT, HOST and PORT are a proxy that is asked for a tunnel to it.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "bench.h"

#define HEAD_MAX  1024
#define TRIPS_MAX 65536
#define TRIPS	  1000 /* before and after */
#define PAUSE_US  200  /* between two of them */
#define AGAIN_S	  30

/* What became of a client; any other number is the status that it was answered with. */
enum { WAITING, SERVED = 200, RESET = 1000, CLOSED, SILENT };

struct client {
	int fd, asked;
	unsigned fate;
	uint64_t start, took;
	size_t n;
	char head[HEAD_MAX];
};

static const struct addrinfo *to;
static const char *target; /* NULL: `to` is the server itself */
static int server_first, epoll;

static void begin(struct client *c)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c };

	c->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	c->asked = 0;
	c->fate = WAITING;
	c->n = 0;
	c->start = now_ns();
	if (c->fd < 0 || (connect(c->fd, to->ai_addr, to->ai_addrlen) && errno != EINPROGRESS))
		err(1, "connect");
	epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev);
}

/* What the answer so far says. */
static unsigned judge(const struct client *c)
{
	const char *rest;
	unsigned status;

	if (!target)
		return c->n ? SERVED : WAITING;
	status = status_of(c->head, &rest);
	return status == SERVED && server_first && !*rest ? WAITING : status;
}

static void hear(struct client *c)
{
	while (c->fate == WAITING) {
		ssize_t n = read(c->fd, c->head + c->n, HEAD_MAX - 1 - c->n);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0) {
			c->n += (size_t)n;
			c->head[c->n] = 0;
			c->fate = judge(c);
		} else {
			c->fate = n == 0 ? CLOSED : RESET;
		}
		c->took = now_ns() - c->start;
	}
}

static void step(struct client *c, uint32_t events)
{
	if (!c->asked && (events & EPOLLOUT)) {
		char head[HEAD_MAX] = "x";
		size_t n = target ? request(head, sizeof(head), target) : !server_first;

		c->asked = 1;
		if (n && send(c->fd, head, n, MSG_NOSIGNAL) != (ssize_t)n) {
			c->fate = RESET;
			c->took = now_ns() - c->start;
		}
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		hear(c);
}

static uint64_t rate(uint64_t ms, size_t width)
{
	struct client *all = calloc(width, sizeof(*all));
	struct epoll_event got[64];
	uint64_t end = now_ns() + ms * 1000000, served = 0;

	for (size_t i = 0; i < width; i++)
		begin(&all[i]);
	while (now_ns() < end) {
		int n = epoll_wait(epoll, got, 64, 1000);

		for (int i = 0; i < n; i++) {
			struct client *c = got[i].data.ptr;

			step(c, got[i].events);
			if (c->fate == WAITING)
				continue;
			if (c->fate != SERVED)
				errx(1, "not served: %u", c->fate);
			served++;
			close(c->fd);
			begin(c);
		}
	}
	return served * 1000 / ms;
}

static const char *word(unsigned fate)
{
	static char status[16];

	switch (fate) {
	case SERVED:
		return "served";
	case RESET:
		return "reset";
	case CLOSED:
		return "closed";
	case SILENT:
		return "silent";
	default:
		snprintf(status, sizeof(status), "%u", fate);
		return status;
	}
}

static void print(const char *what, uint64_t *took, size_t n)
{
	printf("%s %zu %llu %llu\n", what, n, (unsigned long long)percentile(took, n, 50),
	       (unsigned long long)percentile(took, n, 99));
}

static void print_fates(const struct client *all, size_t n)
{
	uint64_t *took = calloc(n, sizeof(*took));

	for (unsigned fate = WAITING + 1; fate <= SILENT; fate++) {
		size_t some = 0;

		for (size_t i = 0; i < n; i++)
			if (all[i].fate == fate)
				took[some++] = all[i].took;
		if (some)
			print(word(fate), took, some);
	}
	free(took);
}

/* The clients, until all know their fate or the time is over. */
static void flood(struct client *all, size_t n, uint64_t ms)
{
	struct epoll_event got[256];
	uint64_t end;
	size_t left = n;

	for (size_t i = 0; i < n; i++)
		begin(&all[i]);
	end = now_ns() + ms * 1000000;
	while (left && now_ns() < end) {
		int some = epoll_wait(epoll, got, 256, 100);

		for (int i = 0; i < some; i++) {
			struct client *c = got[i].data.ptr;

			if (c->fate != WAITING)
				continue;
			step(c, got[i].events);
			if (c->fate == WAITING)
				continue;
			left--;
			if (c->fate != SERVED)
				close(c->fd);
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (all[i].fate == WAITING) {
			all[i].fate = SILENT;
			all[i].took = now_ns() - all[i].start;
		}
	}
}

/* A connection of the patient kind, as it is there before the flood and tried after it. Or -1. */
static int settle(int wait_ms)
{
	struct client c;
	struct pollfd ready;
	uint64_t end = now_ns() + (uint64_t)wait_ms * 1000000;

	begin(&c);
	epoll_ctl(epoll, EPOLL_CTL_DEL, c.fd, NULL);
	ready = (struct pollfd){ .fd = c.fd, .events = POLLOUT };
	while (c.fate == WAITING && now_ns() < end) {
		if (poll(&ready, 1, 10) > 0)
			step(&c, (uint32_t)(c.asked ? EPOLLIN : EPOLLOUT));
		ready.events = c.asked ? POLLIN : POLLOUT;
	}
	if (c.fate == SERVED)
		return c.fd;
	close(c.fd);
	return -1;
}

/* Round trips until there are n of them or *stop. Returns how many; 0 when the connection is lost. */
static size_t trips(int fd, uint64_t *took, size_t n, const volatile int *stop)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t i;
	char c;

	for (i = 0; i < n && !*stop; i++) {
		uint64_t start = now_ns();

		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1 || poll(&ready, 1, 5000) != 1 ||
		    read(fd, &c, 1) != 1)
			return 0;
		took[i] = now_ns() - start;
		usleep(PAUSE_US);
	}
	return i;
}

/* What parent and child of a flood share. */
struct board {
	volatile int stop;
	size_t n;
	uint64_t took[TRIPS_MAX];
};

static void measure_flood(uint64_t ms, size_t n)
{
	static uint64_t took[TRIPS_MAX];
	struct board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct client *all = calloc(n, sizeof(*all));
	int old = settle(5000), new = -1;
	uint64_t start;
	pid_t child;

	raise_files();
	if (old < 0)
		errx(1, "no connection before the flood");
	print("before", took, trips(old, took, TRIPS, &board->stop));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		board->n = trips(old, board->took, TRIPS_MAX, &board->stop);
		_exit(0);
	}
	flood(all, n, ms);
	board->stop = 1;
	waitpid(child, NULL, 0);
	print_fates(all, n);
	print("during", board->took, board->n);
	board->stop = 0;
	for (size_t i = 0; i < n; i++)
		if (all[i].fate == SERVED || all[i].fate == SILENT)
			close(all[i].fd);
	for (start = now_ns(); new < 0 && now_ns() < start + AGAIN_S * 1000000000ULL;)
		new = settle(1000);
	took[0] = now_ns() - start;
	print("again", took, new >= 0);
	print("after", took, trips(old, took, TRIPS, &board->stop));
}

int main(int argc, char **argv)
{
	uint64_t ms, n;

	if (argc != 6 && argc != 7)
		errx(2, "usage: crowd rate|flood HOST PORT MS N [NAME:PORT]");
	to = lookup(argv[2], argv[3]);
	ms = number(argv[4]);
	n = number(argv[5]);
	target = argv[6];
	epoll = epoll_create1(0);
	server_first = argv[1][0] == 'r';
	if (server_first)
		printf("%llu\n", (unsigned long long)rate(ms, n));
	else
		measure_flood(ms, n);
	return 0;
}
