/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least that any relay has to do: accept, connect, splice both ways, check nothing. It shows
 * how much of a ratio is the price of there being a relay at all.
 *
 *	relay LISTEN-PORT HOST PORT
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

#include "bench.h"

#define MOVE (1 << 20)

struct end {
	int fd;
	int pipe[2]; /* what came from fd and has not reached the peer */
	size_t held;
	struct end *peer;
	int eof, dead;
};

static int epoll;

static void end_pair(struct end *e)
{
	struct end *both[] = { e, e->peer };

	for (int i = 0; i < 2; i++) {
		close(both[i]->fd);
		close(both[i]->pipe[0]);
		close(both[i]->pipe[1]);
		both[i]->dead = 1;
	}
}

/* From e to its peer, as much as goes. Returns 0 when the connection is over. */
static int move(struct end *e)
{
	const unsigned flags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;

	for (;;) {
		ssize_t in = e->eof ? 0 : splice(e->fd, NULL, e->pipe[1], NULL, MOVE, flags);
		ssize_t out;

		if (in == 0 && !e->eof) {
			e->eof = 1;
			if (!e->held)
				shutdown(e->peer->fd, SHUT_WR);
		} else if (in > 0) {
			e->held += (size_t)in;
		} else if (in < 0 && errno != EAGAIN) {
			return 0;
		}
		if (!e->held)
			return !(e->eof && e->peer->eof);
		out = splice(e->pipe[0], NULL, e->peer->fd, NULL, e->held, flags);
		if (out < 0)
			return errno == EAGAIN;
		e->held -= (size_t)out;
		if (e->eof && !e->held)
			shutdown(e->peer->fd, SHUT_WR);
	}
}

static void add(struct end *e, int fd, struct end *peer)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = e };
	int one = 1;

	*e = (struct end){ .fd = fd, .peer = peer };
	if (pipe2(e->pipe, O_NONBLOCK) || fcntl(e->pipe[0], F_SETPIPE_SZ, MOVE) < 0)
		err(1, "pipe");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void accepted(int client, const struct addrinfo *to)
{
	struct end *pair = calloc(2, sizeof(*pair));
	int server = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (server < 0 || (connect(server, to->ai_addr, to->ai_addrlen) && errno != EINPROGRESS))
		err(1, "connect");
	add(&pair[0], client, &pair[1]);
	add(&pair[1], server, &pair[0]);
}

int main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[64];
	const struct addrinfo *to;
	int listener;

	if (argc != 4)
		errx(2, "usage: relay LISTEN-PORT HOST PORT");
	signal(SIGPIPE, SIG_IGN);
	to = lookup(argv[2], argv[3]);
	listener = listen_on((uint16_t)number(argv[1]));
	epoll = epoll_create1(0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		int n = epoll_wait(epoll, got, 64, -1);

		for (int i = 0; i < n; i++) {
			struct end *e = got[i].data.ptr;

			if (!e)
				accepted(accept4(listener, NULL, NULL, SOCK_NONBLOCK), to);
			else if (!e->dead && !(move(e) && move(e->peer)))
				end_pair(e); /* the pair itself is not freed: it may be in got */
		}
	}
}
