/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least that any relay has to do: accept, connect, splice both ways, check nothing. It shows
 * how much of a ratio is the price of there being a relay at all.
 *
 *	relay LISTEN-PORT HOST PORT
 *	relay connect LISTEN-PORT HOST PORT
 *
 * The second is the least of an HTTP proxy: it reads a request, whatever it asks for, and answers
 * 200 once HOST is connected.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

#include "bench.h"

#define MOVE (1 << 20)

#define ESTABLISHED "HTTP/1.1 200 Connection established\r\n\r\n"

enum stage { SPLICING, ASKING, DIALLING }; /* of a pair; kept at the client's end, which is first */

struct end {
	enum stage stage;
	int fd;
	int pipe[2]; /* what came from fd and has not reached the peer */
	size_t held;
	struct end *peer;
	int client, eof, dead;
};

static const struct addrinfo *to;
static int epoll, proxy;

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

static void add(struct end *e, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = e };
	int one = 1;

	e->fd = fd;
	if (pipe2(e->pipe, O_NONBLOCK))
		err(1, "pipe");
	fcntl(e->pipe[0], F_SETPIPE_SZ, MOVE); /* fails when a user has many; then it is small */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void dial_for(struct end *client)
{
	int server = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (server < 0 || (connect(server, to->ai_addr, to->ai_addrlen) && errno != EINPROGRESS))
		err(1, "connect");
	add(client->peer, server);
}

static void accepted(int fd)
{
	struct end *pair = calloc(2, sizeof(*pair));

	pair[0] = (struct end){ .stage = proxy ? ASKING : SPLICING, .peer = &pair[1], .client = 1 };
	pair[1] = (struct end){ .fd = -1, .pipe = { -1, -1 }, .peer = &pair[0] };
	add(&pair[0], fd);
	if (!proxy)
		dial_for(&pair[0]);
}

/* The client of the benchmark sends its request in one piece. Returns 0 when this is none. */
static int ask(struct end *client)
{
	char head[4096];
	ssize_t n = read(client->fd, head, sizeof(head));

	if (n < 0 && errno == EAGAIN)
		return 1;
	if (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0)
		return 0;
	dial_for(client);
	client->stage = DIALLING;
	return 1;
}

/* Returns 0 when the connection is over. */
static int step(struct end *e)
{
	struct end *client = e->client ? e : e->peer;

	switch (client->stage) {
	case ASKING:
		return ask(client);
	case DIALLING:
		if (e->client)
			return 1;
		if (write(client->fd, ESTABLISHED, strlen(ESTABLISHED)) < 0)
			return 0;
		client->stage = SPLICING;
		break;
	case SPLICING:
		break;
	}
	return move(e) && move(e->peer);
}

int main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[64];
	int listener;

	proxy = argc == 5 && strcmp(argv[1], "connect") == 0;
	if (argc != 4 + proxy)
		errx(2, "usage: relay [connect] LISTEN-PORT HOST PORT");
	signal(SIGPIPE, SIG_IGN);
	to = lookup(argv[2 + proxy], argv[3 + proxy]);
	listener = listen_on((uint16_t)number(argv[1 + proxy]));
	epoll = epoll_create1(0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		int n = epoll_wait(epoll, got, 64, -1);

		for (int i = 0; i < n; i++) {
			struct end *e = got[i].data.ptr;

			if (!e)
				accepted(accept4(listener, NULL, NULL, SOCK_NONBLOCK));
			else if (!e->dead && !step(e))
				end_pair(e); /* the pair itself is not freed: it may be in got */
		}
	}
}
