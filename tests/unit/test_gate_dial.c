/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of the loopback, all with one port: some listen, some refuse, and some never answer
 * because their queue of connections is full. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "gate/dial.h"
#include "gate/watch.h"
#include "gate_help.h"

enum peer_kind {
	REFUSES,
	LISTENS,
	SILENT, /* a third connection to it is never answered */
};

struct peer {
	enum peer_kind kind;
	const char *addr;
};

#define FILLERS 2

struct world {
	uv_loop_t loop;
	uint16_t port;
	int listeners[DIAL_MAX];
	int fillers[DIAL_MAX][FILLERS];
	/* what was called back */
	bool done;
	int calls, fd, errnum;
};

static int listener(const struct addr *a, uint16_t port, int backlog)
{
	union sockaddr_any sa;
	socklen_t len = addr_to_sockaddr(a, port, &sa);
	int fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &sa.sa, len) != 0 || listen(fd, backlog) != 0)
		fd_closep(&fd);
	return fd;
}

static uint16_t port_of(int fd)
{
	union sockaddr_any sa;
	socklen_t len = sizeof(sa);
	struct addr a;
	uint16_t port = 0;

	t_ok(getsockname(fd, &sa.sa, &len) == 0 && addr_from_sockaddr(&sa, &a, &port));
	return port;
}

/* Takes up the queue of a listener. */
static void fill(const struct addr *a, uint16_t port, int fds[FILLERS])
{
	union sockaddr_any sa;
	socklen_t len = addr_to_sockaddr(a, port, &sa);

	for (int i = 0; i < FILLERS; i++) {
		fds[i] = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(fds[i], &sa.sa, len);
	}
}

static bool try_open(struct world *w, const struct peer *peers, size_t n)
{
	bool good = true;

	for (size_t i = 0; i < n; i++) {
		struct addr a = addr_of(peers[i].addr);

		if (peers[i].kind == REFUSES)
			continue;
		w->listeners[i] = listener(&a, w->port, peers[i].kind == SILENT ? 0 : 16);
		good = good && w->listeners[i] >= 0;
		if (good && peers[i].kind == SILENT)
			fill(&a, w->port, w->fillers[i]);
	}
	return good;
}

static void close_peers(struct world *w)
{
	for (size_t i = 0; i < DIAL_MAX; i++) {
		fd_closep(&w->listeners[i]);
		for (size_t k = 0; k < FILLERS; k++)
			fd_closep(&w->fillers[i][k]);
	}
}

/* One port that is free on all of them. */
static void world_open(struct world *w, const struct peer *peers, size_t n)
{
	bool good = false;

	memset(w, 0, sizeof(*w));
	memset(w->listeners, -1, sizeof(w->listeners));
	memset(w->fillers, -1, sizeof(w->fillers));
	w->fd = -1;
	t_eq_int(uv_loop_init(&w->loop), 0);
	for (int i = 0; i < 20 && !good; i++) {
		struct addr any = addr_of("0.0.0.0");
		int fd = listener(&any, 0, 1);

		w->port = port_of(fd);
		(void)close(fd);
		good = try_open(w, peers, n);
		if (!good)
			close_peers(w);
	}
	t_ok(good);
}

static void world_close(struct world *w)
{
	fd_closep(&w->fd);
	close_peers(w);
	loop_end(&w->loop);
}

static void on_dialled(void *ctx, struct watch *server, int errnum)
{
	struct world *w = ctx;

	w->calls++;
	w->done = true;
	w->fd = server ? watch_release(server) : -1;
	w->errnum = errnum;
}

static const struct {
	const char *name;
	struct peer peers[4];
	const char *reaches;	    /* or NULL */
	int errnum;		    /* 0: whatever this system says */
	uint64_t least_ms, most_ms; /* until it is called back */
} rows[] = {
	{ "one", { { LISTENS, "127.0.0.2" } }, "127.0.0.2", 0, 0, 100 },
	{ "one by IPv6", { { LISTENS, "::1" } }, "::1", 0, 0, 100 },
	{ "the first of two",
	  { { LISTENS, "127.0.0.2" }, { LISTENS, "127.0.0.3" } },
	  "127.0.0.2",
	  0,
	  0,
	  100 },
	{ "IPv6 first", { { LISTENS, "::1" }, { LISTENS, "127.0.0.2" } }, "::1", 0, 0, 100 },
	{ "IPv6 refuses",
	  { { REFUSES, "::1" }, { LISTENS, "127.0.0.2" } },
	  "127.0.0.2",
	  0,
	  0,
	  100 },
	{ "IPv4 refuses", { { REFUSES, "127.0.0.2" }, { LISTENS, "::1" } }, "::1", 0, 0, 100 },
	{ "two refuse",
	  { { REFUSES, "127.0.0.2" }, { REFUSES, "127.0.0.3" }, { LISTENS, "127.0.0.4" } },
	  "127.0.0.4",
	  0,
	  0,
	  100 },
	{ "one refuses", { { REFUSES, "127.0.0.2" } }, NULL, ECONNREFUSED, 0, 100 },
	{ "all refuse",
	  { { REFUSES, "127.0.0.2" }, { REFUSES, "::1" }, { REFUSES, "127.0.0.3" } },
	  NULL,
	  ECONNREFUSED,
	  0,
	  100 },
	{ "the first is silent",
	  { { SILENT, "127.0.0.2" }, { LISTENS, "127.0.0.3" } },
	  "127.0.0.3",
	  0,
	  LIMIT_ATTEMPT_MS,
	  LIMIT_ATTEMPT_MS + 200 },
	{ "IPv6 is silent",
	  { { SILENT, "::1" }, { LISTENS, "127.0.0.3" } },
	  "127.0.0.3",
	  0,
	  LIMIT_ATTEMPT_MS,
	  LIMIT_ATTEMPT_MS + 200 },
	{ "two are silent",
	  { { SILENT, "127.0.0.2" }, { SILENT, "127.0.0.3" }, { LISTENS, "127.0.0.4" } },
	  "127.0.0.4",
	  0,
	  2 * LIMIT_ATTEMPT_MS,
	  2 * LIMIT_ATTEMPT_MS + 300 },
	{ "silent, refused, good",
	  { { SILENT, "127.0.0.2" }, { REFUSES, "127.0.0.3" }, { LISTENS, "127.0.0.4" } },
	  "127.0.0.4",
	  0,
	  LIMIT_ATTEMPT_MS,
	  LIMIT_ATTEMPT_MS + 200 },
	{ "one is silent",
	  { { SILENT, "127.0.0.2" } },
	  NULL,
	  ETIMEDOUT,
	  LIMIT_CONNECT_MS,
	  LIMIT_CONNECT_MS + 1000 },
	{ "all are silent",
	  { { SILENT, "127.0.0.2" }, { SILENT, "::1" } },
	  NULL,
	  ETIMEDOUT,
	  LIMIT_CONNECT_MS,
	  LIMIT_CONNECT_MS + 1000 },
	/* At once, by connect() itself: no listener can have such an address. */
	{ "cannot be begun", { { REFUSES, "255.255.255.255" } }, NULL, 0, 0, 100 },
	{ "the first cannot be begun",
	  { { REFUSES, "255.255.255.255" }, { LISTENS, "127.0.0.2" } },
	  "127.0.0.2",
	  0,
	  0,
	  100 },
	{ "the last cannot be begun",
	  { { REFUSES, "127.0.0.2" }, { REFUSES, "255.255.255.255" } },
	  NULL,
	  0,
	  0,
	  100 },
};

static size_t count(const struct peer *peers, size_t max, struct addr *addrs)
{
	size_t n = 0;

	for (; n < max && peers[n].addr; n++)
		addrs[n] = addr_of(peers[n].addr);
	return n;
}

static void check_reached(const struct world *w, const char *addr)
{
	union sockaddr_any sa;
	socklen_t len = sizeof(sa);
	uint16_t port = 0;
	struct addr a;

	t_ok(w->fd >= 0);
	t_ok(getpeername(w->fd, &sa.sa, &len) == 0 && addr_from_sockaddr(&sa, &a, &port));
	t_eq_addr(&a, addr);
	t_eq_int(port, w->port);
	t_ok(fcntl(w->fd, F_GETFL) & O_NONBLOCK);
	t_ok(fcntl(w->fd, F_GETFD) & FD_CLOEXEC);
}

T(rows)
{
	T_EACH(row, rows)
	{
		struct addr addrs[4];
		size_t n = count(row->peers, ARRAY_LEN(row->peers), addrs);
		struct world w;
		uint64_t start, turned;

		world_open(&w, row->peers, n);
		start = clock_ms();
		turned = clock_ahead_ms;
		t_ok(dial_new(&w.loop, addrs, n, w.port, on_dialled, &w));
		t_eq_int(w.calls, 0); /* never before it returns */
		t_ok(run_until(&w.loop, &w.done, 60000));
		t_ok(clock_ahead_ms - turned <= row->most_ms);
		t_ok(clock_ms() - start >= row->least_ms);
		if (row->reaches)
			check_reached(&w, row->reaches);
		else
			t_eq_int(w.fd, -1);
		if (!row->reaches && row->errnum)
			t_eq_int(w.errnum, row->errnum);
		t_ok(row->reaches || w.errnum != 0);
		run_ready(&w.loop);
		t_eq_int(w.calls, 1);
		world_close(&w);
	}
}

/* The connection that came too late is closed: nobody else has it. */
T(loser_is_closed)
{
	static const struct peer peers[] = { { SILENT, "127.0.0.2" }, { LISTENS, "127.0.0.3" } };
	struct addr addrs[] = { addr_of("127.0.0.2"), addr_of("127.0.0.3") };
	struct world w;
	int before, after;

	world_open(&w, peers, 2);
	before = dup(0);
	(void)close(before);
	(void)dial_new(&w.loop, addrs, 2, w.port, on_dialled, &w);
	t_ok(run_until(&w.loop, &w.done, 60000));
	t_ok(w.fd >= 0);
	fd_closep(&w.fd);
	after = dup(0);
	(void)close(after);
	t_eq_int(after, before);
	world_close(&w);
}

/* No more than so many are tried. */
T(too_many)
{
	struct addr addrs[DIAL_MAX + 1];
	static const struct peer last[] = { { LISTENS, "127.0.0.40" } };
	struct world w;

	for (size_t i = 0; i < DIAL_MAX; i++) {
		addrs[i] = addr_of("127.0.0.20");
		addrs[i].bytes[3] = (uint8_t)(20 + i);
	}
	addrs[DIAL_MAX] = addr_of("127.0.0.40");
	world_open(&w, last, 1);
	(void)dial_new(&w.loop, addrs, DIAL_MAX + 1, w.port, on_dialled, &w);
	t_ok(run_until(&w.loop, &w.done, 60000));
	t_eq_int(w.fd, -1);
	t_eq_int(w.errnum, ECONNREFUSED);

	w.done = false;
	addrs[DIAL_MAX - 1] = addrs[DIAL_MAX];
	(void)dial_new(&w.loop, addrs, DIAL_MAX, w.port, on_dialled, &w);
	t_ok(run_until(&w.loop, &w.done, 60000));
	check_reached(&w, "127.0.0.40");
	world_close(&w);
}

/* Cancelled, it never calls back, whatever happens then. */
T(cancelled)
{
	T_EACH(row, rows)
	{
		struct addr addrs[4];
		size_t n = count(row->peers, ARRAY_LEN(row->peers), addrs);
		struct world w;
		struct dial *d;

		world_open(&w, row->peers, n);
		d = dial_new(&w.loop, addrs, n, w.port, on_dialled, &w);
		dial_cancel(d);
		run_ready(&w.loop);
		clock_ahead_ms += 2 * LIMIT_CONNECT_MS;
		run_ready(&w.loop);
		t_eq_int(w.calls, 0);
		world_close(&w);
	}
	dial_cancel(NULL);
}

/* Cancelled half way, with one attempt under way and another over. */
T(cancelled_later)
{
	static const struct peer peers[] = { { REFUSES, "127.0.0.2" },
					     { SILENT, "127.0.0.3" },
					     { SILENT, "127.0.0.4" } };
	struct addr addrs[] = { addr_of("127.0.0.2"), addr_of("127.0.0.3"), addr_of("127.0.0.4") };
	struct world w;
	struct dial *d;

	world_open(&w, peers, 3);
	d = dial_new(&w.loop, addrs, 3, w.port, on_dialled, &w);
	t_ok(!run_until(&w.loop, &w.done, LIMIT_ATTEMPT_MS + 100));
	dial_cancel(d);
	t_ok(!run_until(&w.loop, &w.done, 2 * LIMIT_CONNECT_MS));
	world_close(&w);
}

T_MAIN(T_TEST(rows), T_TEST(loser_is_closed), T_TEST(too_many), T_TEST(cancelled),
       T_TEST(cancelled_later))
