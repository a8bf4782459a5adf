/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other end of every measurement: a process for each service, one epoll loop in each. */
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

#include "bench.h"

#define CHUNK (256 * 1024)

static char chunk[CHUNK];

static void serve_hello(int fd)
{
	(void)!write(fd, "x", 1);
	close(fd);
}

static void serve_echo(int fd)
{
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n <= 0 || write(fd, chunk, (size_t)n) != n)
		close(fd);
}

static void serve_source(int fd)
{
	if (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) < 0)
		close(fd);
}

static void serve_sink(int fd)
{
	if (read(fd, chunk, sizeof(chunk)) <= 0)
		close(fd);
}

static void loop(uint16_t port, uint32_t events, void (*serve)(int fd))
{
	int listener = listen_on(port), poll = epoll_create1(0), one = 1;
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = listener }, got[256];

	epoll_ctl(poll, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		int n = epoll_wait(poll, got, 256, -1);

		for (int i = 0; i < n; i++) {
			int fd = got[i].data.fd;

			if (fd != listener) {
				serve(fd);
				continue;
			}
			fd = accept4(listener, NULL, NULL, 0);
			if (fd < 0)
				continue;
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			if (serve == serve_hello) {
				serve(fd);
				continue;
			}
			ev = (struct epoll_event){ .events = events, .data.fd = fd };
			epoll_ctl(poll, EPOLL_CTL_ADD, fd, &ev);
		}
	}
}

int main(void)
{
	static const struct {
		uint16_t port;
		uint32_t events;
		void (*serve)(int fd);
	} services[] = {
		{ PORT_HELLO, EPOLLIN, serve_hello },
		{ PORT_ECHO, EPOLLIN, serve_echo },
		{ PORT_SOURCE, EPOLLOUT, serve_source },
		{ PORT_SINK, EPOLLIN, serve_sink },
	};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (fork() == 0)
			loop(services[i].port, services[i].events, services[i].serve);
	pause();
}
