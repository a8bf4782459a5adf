/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A writer's socket, the pump between `from` and `to`, and a reader's socket:
 *
 *	writer --> from [pump] to --> reader
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "gate/pump.h"
#include "gate_help.h"

struct line {
	int writer, from, to, reader;
	int patience_ms; /* what TCP may need to get from one end to the other on a busy machine */
	struct pipes pipes;
	struct pump pump;
};

static void set_buffers(int fd, int size)
{
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* Two ends of one TCP connection over the loopback. */
static void tcp_pair(int pair[2], int size)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sa);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (size)
		set_buffers(listener, size);
	t_ok(bind(listener, (struct sockaddr *)&sa, len) == 0 && listen(listener, 1) == 0);
	t_ok(getsockname(listener, (struct sockaddr *)&sa, &len) == 0);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (size)
		set_buffers(pair[0], size);
	t_ok(connect(pair[0], (struct sockaddr *)&sa, len) == 0);
	pair[1] = accept(listener, NULL, NULL);
	t_ok(pair[1] >= 0);
	(void)close(listener);
	for (int i = 0; i < 2; i++)
		t_ok(fcntl(pair[i], F_SETFL, O_NONBLOCK) == 0);
}

static void make_pair(bool tcp, int pair[2], int size)
{
	if (tcp) {
		tcp_pair(pair, size);
		return;
	}
	t_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	if (size) {
		set_buffers(pair[0], size);
		set_buffers(pair[1], size);
	}
}

static void line_open(struct line *l, bool tcp, int size)
{
	int in[2], out[2];

	make_pair(tcp, in, size);
	make_pair(tcp, out, size);
	*l = (struct line){ .writer = in[0], .from = in[1], .to = out[0], .reader = out[1] };
	l->patience_ms = tcp ? 10 : 0;
	pump_init(&l->pump, l->from, l->to, &l->pipes);
}

static void line_close(struct line *l)
{
	pump_done(&l->pump);
	pipes_done(&l->pipes);
	fd_closep(&l->writer);
	fd_closep(&l->from);
	fd_closep(&l->to);
	fd_closep(&l->reader);
}

/* What the pump waits for has happened. */
static bool pump_ready(const struct line *l, int patience_ms)
{
	struct pollfd p[2] = {
		{ pump_wants_read(&l->pump) ? l->from : -1, POLLIN, 0 },
		{ pump_wants_write(&l->pump) ? l->to : -1, POLLOUT, 0 },
	};

	t_ok(l->pump.done || l->pump.paused || pump_wants_read(&l->pump) ||
	     pump_wants_write(&l->pump));
	return poll(p, 2, patience_ms) > 0;
}

/* Runs the pump as an event loop does, until there is nothing to do. */
static bool pump_all(struct line *l)
{
	for (int i = 0; pump_ready(l, l->patience_ms); i++) {
		t_ok(i < 10000);
		if (!pump_run(&l->pump))
			return false;
	}
	return true;
}

static void await(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	(void)poll(&p, 1, 1000);
}

/* Byte i of the stream. */
static char byte_at(uint64_t i)
{
	return (char)(i * 2654435761U >> 13);
}

static size_t write_some(int fd, uint64_t at, size_t n)
{
	static char bytes[65536];
	ssize_t wrote;

	for (size_t i = 0; i < n; i++)
		bytes[i] = byte_at(at + i);
	wrote = send(fd, bytes, n, MSG_NOSIGNAL);
	t_ok(wrote >= 0 || errno == EAGAIN);
	return wrote > 0 ? (size_t)wrote : 0;
}

/* Reads at most n bytes, which have to be the next of the stream. */
static size_t read_some(int fd, uint64_t at, size_t n, bool *eof)
{
	static char bytes[65536];
	ssize_t got = recv(fd, bytes, n, 0);

	t_ok(got >= 0 || errno == EAGAIN);
	*eof = got == 0;
	for (ssize_t i = 0; i < got; i++)
		if (bytes[i] != byte_at(at + (uint64_t)i))
			t_fail("byte %llu is wrong", (unsigned long long)at + (uint64_t)i);
	return got > 0 ? (size_t)got : 0;
}

/* Writes until nothing moves any more; how many bytes that took. */
static uint64_t fill(struct line *l)
{
	uint64_t wrote = 0;

	for (int idle = 0; idle < 3; idle++) {
		uint64_t moved = l->pump.bytes;
		size_t n = write_some(l->writer, wrote, 65536);

		wrote += n;
		t_ok(pump_all(l));
		if (n || moved != l->pump.bytes)
			idle = 0;
		/* Four sockets' buffers, which the kernel doubles, and what the pump holds. */
		t_ok(wrote < 8 * 65536 + (256U << 10));
	}
	return wrote;
}

/* What can be read now, as text. */
static const char *heard(int fd)
{
	static char text[1024];
	ssize_t n;

	await(fd);
	n = recv(fd, text, sizeof(text) - 1, 0);
	t_ok(n >= 0);
	text[n] = '\0';
	return text;
}

static void say(int fd, const char *text)
{
	t_ok(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* Lets everything pass. */
static bool pass(void *ctx, struct span in, struct buf *out)
{
	uint64_t *seen = ctx;

	*seen += in.n;
	buf_span(out, in);
	return true;
}

/* Holds every byte back until the next comes. */
struct late {
	char byte;
	bool has;
};

static bool one_late(void *ctx, struct span in, struct buf *out)
{
	struct late *late = ctx;

	if (late->has)
		buf_char(out, late->byte);
	buf_span(out, span_first(in, in.n - 1));
	late->byte = in.p[in.n - 1];
	late->has = true;
	return true;
}

static const struct {
	const char *name;
	bool tcp;
	bool filter;
	int buffers; /* bytes; 0: the system's own */
	size_t total;
	size_t write_max, read_max; /* bytes at a time */
} transfers[] = {
	{ "nothing", false, false, 0, 0, 1, 1 },
	{ "one byte", false, false, 0, 1, 1, 1 },
	{ "splice", false, false, 0, 8U << 20, 65536, 65536 },
	{ "splice, TCP", true, false, 0, 8U << 20, 65536, 65536 },
	{ "splice, small writes", true, false, 0, 20000, 17, 65536 },
	{ "splice, small reads", true, false, 4096, 200000, 65536, 211 },
	{ "splice, small buffers", false, false, 4096, 2U << 20, 65536, 65536 },
	{ "filter", false, true, 0, 8U << 20, 65536, 65536 },
	{ "filter, TCP", true, true, 0, 8U << 20, 65536, 65536 },
	{ "filter, small writes", true, true, 0, 20000, 17, 65536 },
	{ "filter, small reads", true, true, 4096, 200000, 65536, 211 },
	{ "filter, small buffers", false, true, 4096, 2U << 20, 65536, 65536 },
	{ "filter, nothing", true, true, 0, 0, 1, 1 },
};

/* All bytes arrive, in order, and then the end. */
T(transfers)
{
	T_EACH(row, transfers)
	{
		uint64_t wrote = 0, got = 0, seen = 0;
		bool eof = false;
		struct line l;

		srandom(7);
		line_open(&l, row->tcp, row->buffers);
		if (row->filter) {
			l.pump.filter = pass;
			l.pump.filter_ctx = &seen;
		}
		for (int i = 0; i < 200000 && !eof; i++) {
			size_t n = 1 + (size_t)random() % row->write_max;

			if (wrote < row->total)
				wrote += write_some(l.writer, wrote, MIN(n, row->total - wrote));
			if (wrote == row->total)
				(void)shutdown(l.writer, SHUT_WR);
			if (pump_ready(&l, 0))
				t_ok(pump_run(&l.pump));
			if (l.pump.done)
				await(l.reader);
			n = 1 + (size_t)random() % row->read_max;
			got += read_some(l.reader, got, n, &eof);
		}
		t_ok(eof && l.pump.done);
		t_eq_int(got, row->total);
		t_eq_int(l.pump.bytes, row->total);
		t_eq_int(seen, row->filter ? row->total : 0);
		t_ok(!pump_wants_read(&l.pump) && !pump_wants_write(&l.pump));
		line_close(&l);
	}
}

static const struct {
	const char *name;
	bool tcp;
	bool filter;
} paths[] = {
	{ "splice", false, false },
	{ "splice, TCP", true, false },
	{ "filter", false, true },
	{ "filter, TCP", true, true },
};

/* Nobody reads: the pump stops reading, too, and goes on when somebody does. */
T(back_pressure)
{
	T_EACH(row, paths)
	{
		uint64_t wrote, got = 0, seen = 0;
		bool eof = false;
		struct line l;

		line_open(&l, row->tcp, 16384);
		l.pump.filter = row->filter ? pass : NULL;
		l.pump.filter_ctx = &seen;
		wrote = fill(&l);
		t_ok(!pump_wants_read(&l.pump) && pump_wants_write(&l.pump));
		t_ok(l.pump.pending.n + l.pump.in_pipe > 0);
		for (int i = 0; i < 100000 && got < wrote; i++) {
			got += read_some(l.reader, got, 65536, &eof);
			t_ok(pump_all(&l));
		}
		t_eq_int(got, wrote);
		t_eq_int(l.pump.bytes, wrote);
		t_ok(!l.pump.done && pump_wants_read(&l.pump) && !pump_wants_write(&l.pump));
		line_close(&l);
	}
}

/* One side ends: the bytes before the end come first, and the other direction goes on. */
T(half_close)
{
	T_EACH(row, paths)
	{
		struct pump back;
		uint64_t seen = 0;
		struct line l;
		char byte;

		line_open(&l, row->tcp, 0);
		pump_init(&back, l.to, l.from, &l.pipes);
		l.pump.filter = row->filter ? pass : NULL;
		l.pump.filter_ctx = &seen;
		say(l.writer, "last words");
		(void)shutdown(l.writer, SHUT_WR);
		t_ok(pump_all(&l));
		t_ok(l.pump.eof && l.pump.done);
		t_eq_str(heard(l.reader), "last words");
		await(l.reader);
		t_eq_int(recv(l.reader, &byte, 1, 0), 0);

		say(l.reader, "answer");
		await(l.to);
		t_ok(pump_run(&back));
		t_eq_str(heard(l.writer), "answer");
		t_ok(!back.done);
		(void)close(l.reader);
		l.reader = -1;
		await(l.to);
		t_ok(pump_run(&back));
		t_ok(back.done);
		await(l.writer);
		t_eq_int(recv(l.writer, &byte, 1, 0), 0);
		pump_done(&back);
		line_close(&l);
	}
}

/* The end is not handed on before what is held has been written. */
T(end_behind_data)
{
	T_EACH(row, paths)
	{
		uint64_t wrote, got = 0, seen = 0;
		bool eof = false;
		struct line l;

		line_open(&l, row->tcp, 16384);
		l.pump.filter = row->filter ? pass : NULL;
		l.pump.filter_ctx = &seen;
		wrote = fill(&l);
		(void)shutdown(l.writer, SHUT_WR);
		t_ok(pump_all(&l));
		t_ok(!l.pump.done);
		for (int i = 0; i < 100000 && !eof; i++) {
			got += read_some(l.reader, got, 65536, &eof);
			t_ok(pump_all(&l));
		}
		t_ok(eof && l.pump.done);
		t_eq_int(got, wrote);
		line_close(&l);
	}
}

static void reset_and_close(int *fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	fd_closep(fd);
}

T(reader_gone)
{
	T_EACH(row, paths)
	{
		uint64_t seen = 0;
		struct line l;
		bool good = true;

		line_open(&l, row->tcp, 0);
		l.pump.filter = row->filter ? pass : NULL;
		l.pump.filter_ctx = &seen;
		reset_and_close(&l.reader);
		await(l.to);
		say(l.writer, "to nobody");
		await(l.from);
		for (int i = 0; i < 100 && good; i++)
			good = pump_run(&l.pump);
		t_ok(!good);
		t_eq_int(l.pump.bytes, 0);
		line_close(&l);
	}
}

T(writer_reset)
{
	T_EACH(row, paths)
	{
		uint64_t seen = 0;
		struct line l;

		if (!row->tcp)
			continue;
		line_open(&l, row->tcp, 0);
		l.pump.filter = row->filter ? pass : NULL;
		l.pump.filter_ctx = &seen;
		say(l.writer, "unread");
		reset_and_close(&l.writer);
		t_ok(!pump_all(&l));
		t_ok(!l.pump.done);
		line_close(&l);
	}
}

T(pending_first)
{
	T_EACH(row, paths)
	{
		uint64_t seen = 0;
		struct line l;

		line_open(&l, row->tcp, 0);
		l.pump.filter = row->filter ? pass : NULL;
		l.pump.filter_ctx = &seen;
		buf_str(&l.pump.pending, "before, ");
		t_ok(pump_wants_write(&l.pump) && !pump_wants_read(&l.pump));
		say(l.writer, "after");
		t_ok(pump_all(&l));
		t_eq_str(heard(l.reader), "before, after");
		t_eq_int(l.pump.bytes, strlen("before, after"));
		t_eq_int(seen, row->filter ? strlen("after") : 0);
		line_close(&l);
	}
}

/* What a filter holds back is neither lost nor sent. */
T(filter_holds_back)
{
	struct late late = { 0 };
	struct line l;
	char byte;

	line_open(&l, true, 0);
	l.pump.filter = one_late;
	l.pump.filter_ctx = &late;
	say(l.writer, "a");
	t_ok(pump_all(&l));
	t_ok(recv(l.reader, &byte, 1, 0) < 0 && errno == EAGAIN);
	t_ok(pump_wants_read(&l.pump) && !pump_wants_write(&l.pump));
	say(l.writer, "bcd");
	t_ok(pump_all(&l));
	t_eq_str(heard(l.reader), "abc");

	/* The filter goes: what it leaves is sent first, then bytes are spliced. */
	buf_char(&l.pump.pending, late.byte);
	l.pump.filter = NULL;
	say(l.writer, "ef");
	t_ok(pump_all(&l));
	t_eq_str(heard(l.reader), "def");
	t_eq_int(l.pump.bytes, 6);
	line_close(&l);
}

static bool no(void *ctx, struct span in, struct buf *out)
{
	(void)ctx;
	buf_span(out, in);
	return false;
}

/* Adds more than a pump may hold. */
static bool too_much(void *ctx, struct span in, struct buf *out)
{
	(void)ctx;
	while (buf_ok(out))
		buf_span(out, in);
	return true;
}

T(filter_refuses)
{
	static const struct {
		const char *name;
		pump_filter *filter;
	} filters[] = { { "says no", no }, { "adds too much", too_much } };

	T_EACH(row, filters)
	{
		struct line l;
		char byte;

		line_open(&l, true, 0);
		l.pump.filter = row->filter;
		t_ok(pump_all(&l));
		say(l.writer, "GET / HTTP/1.1\r\n");
		await(l.from);
		t_ok(!pump_run(&l.pump));
		t_ok(recv(l.reader, &byte, 1, 0) < 0 && errno == EAGAIN);
		line_close(&l);
	}
}

/* What was read before goes the way of what is read. */
T(offered)
{
	T_EACH(row, paths)
	{
		uint64_t seen = 0;
		struct line l;

		line_open(&l, row->tcp, 0);
		l.pump.filter = row->filter ? pass : NULL;
		l.pump.filter_ctx = &seen;
		t_ok(pump_offer(&l.pump, SPAN_LIT("")));
		t_ok(pump_empty(&l.pump));
		buf_str(&l.pump.pending, "head, ");
		t_ok(pump_offer(&l.pump, SPAN_LIT("before, ")));
		t_ok(!pump_empty(&l.pump) && pump_wants_write(&l.pump));
		say(l.writer, "after");
		t_ok(pump_all(&l));
		t_eq_str(heard(l.reader), "head, before, after");
		t_eq_int(seen, row->filter ? strlen("before, after") : 0);
		t_eq_int(l.pump.bytes, strlen("head, before, after"));
		t_ok(pump_empty(&l.pump));
		line_close(&l);
	}
}

T(offered_in_vain)
{
	static const struct {
		const char *name;
		pump_filter *filter;
	} filters[] = { { "says no", no }, { "adds too much", too_much } };

	T_EACH(row, filters)
	{
		struct line l;

		line_open(&l, false, 0);
		l.pump.filter = row->filter;
		t_ok(pump_offer(&l.pump, SPAN_LIT("")));
		t_ok(!pump_offer(&l.pump, SPAN_LIT("x")));
		line_close(&l);
	}
}

/* The end alone is nothing that a filter sees. */
T(filter_at_end)
{
	struct line l;
	char byte;

	line_open(&l, true, 0);
	l.pump.filter = no;
	(void)shutdown(l.writer, SHUT_WR);
	t_ok(pump_all(&l));
	t_ok(l.pump.done);
	await(l.reader);
	t_eq_int(recv(l.reader, &byte, 1, 0), 0);
	line_close(&l);
}

/* Nobody is told of the end who is not to be. */
T(ends_here)
{
	T_EACH(row, paths)
	{
		uint64_t seen = 0;
		struct line l;
		char byte;

		line_open(&l, row->tcp, 0);
		l.pump.filter = row->filter ? pass : NULL;
		l.pump.filter_ctx = &seen;
		l.pump.ends_here = true;
		say(l.writer, "last");
		(void)shutdown(l.writer, SHUT_WR);
		t_ok(pump_all(&l));
		t_ok(l.pump.eof && l.pump.done);
		t_eq_str(heard(l.reader), "last");
		t_ok(recv(l.reader, &byte, 1, 0) < 0 && errno == EAGAIN);
		line_close(&l);
	}
}

T(paused)
{
	T_EACH(row, paths)
	{
		uint64_t seen = 0;
		struct line l;
		char byte;

		line_open(&l, row->tcp, 0);
		l.pump.filter = row->filter ? pass : NULL;
		l.pump.filter_ctx = &seen;
		l.pump.paused = true;
		say(l.writer, "later");
		(void)shutdown(l.writer, SHUT_WR);
		t_ok(!pump_wants_read(&l.pump) && !pump_wants_write(&l.pump));
		t_ok(pump_run(&l.pump));
		t_ok(!l.pump.eof);
		t_ok(recv(l.reader, &byte, 1, 0) < 0 && errno == EAGAIN);

		/* What is pending goes out all the same. */
		buf_str(&l.pump.pending, "now ");
		t_ok(pump_wants_write(&l.pump));
		t_ok(pump_run(&l.pump));
		t_eq_str(heard(l.reader), "now ");

		l.pump.paused = false;
		t_ok(pump_all(&l));
		t_eq_str(heard(l.reader), "later");
		t_ok(l.pump.done);
		line_close(&l);
	}
}

/* One turn ends, however much there is to move. */
T(bounded_turn)
{
	T_EACH(row, paths)
	{
		uint64_t seen = 0, wrote = 0;
		struct line l;

		line_open(&l, row->tcp, 1 << 20);
		l.pump.filter = row->filter ? pass : NULL;
		l.pump.filter_ctx = &seen;
		for (int i = 0; i < 64; i++)
			wrote += write_some(l.writer, wrote, 65536);
		await(l.from);
		t_ok(pump_run(&l.pump));
		t_ok(l.pump.bytes > 0 && l.pump.bytes <= 3U << 20);
		line_close(&l);
	}
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* A pipe is kept for the next one when it is empty, and only then. */
T(pipes)
{
	struct line l;
	int pipe[2];

	line_open(&l, false, 4096);
	say(l.writer, "x");
	t_ok(pump_all(&l));
	t_eq_int(l.pipes.n, 1);
	t_eq_int(l.pump.pipe.fd[0], -1);
	pipe[0] = l.pipes.kept[0].fd[0];
	pipe[1] = l.pipes.kept[0].fd[1];
	t_ok(is_open(pipe[0]) && is_open(pipe[1]));

	(void)fill(&l);
	t_ok(l.pump.in_pipe > 0);
	t_eq_int(l.pipes.n, 0);
	t_eq_int(l.pump.pipe.fd[0], pipe[0]);
	pump_done(&l.pump);
	t_eq_int(l.pipes.n, 0);
	t_ok(!is_open(pipe[0]) && !is_open(pipe[1]));
	t_eq_int(l.pump.pipe.fd[0], -1);
	line_close(&l);
}

/* Where there is none to be had, bytes are copied, and few are held. */
T(no_pipe)
{
	struct line l;

	line_open(&l, false, 4096);
	l.pipes.n_open = LIMIT_PIPES_OPEN;
	say(l.writer, "x");
	t_ok(pump_all(&l));
	t_eq_int(l.pump.bytes, 1);
	t_eq_int(l.pump.pipe.fd[0], -1);
	(void)fill(&l);
	t_eq_int(l.pump.in_pipe, 0);
	t_ok(l.pump.pending.n > 0 && l.pump.pending.n <= 4096);
	t_ok(!pump_wants_read(&l.pump) && pump_wants_write(&l.pump));
	line_close(&l);
}

/* No more than so many are kept. */
T(pipes_kept)
{
	struct pipes pipes = { 0 };
	size_t n_lines = LIMIT_PIPES + 1;
	struct line *lines = xcalloc(n_lines, sizeof(*lines));

	for (size_t i = 0; i < n_lines; i++) {
		line_open(&lines[i], false, 4096);
		lines[i].pump.pipes = &pipes;
		(void)fill(&lines[i]);
		t_ok(lines[i].pump.in_pipe > 0);
	}
	for (size_t i = 0; i < n_lines; i++) {
		uint64_t got = 0;
		size_t n;
		bool eof;

		do {
			n = read_some(lines[i].reader, got, 65536, &eof);
			got += n;
			t_ok(pump_all(&lines[i]));
		} while (n);
		t_eq_int(lines[i].pump.in_pipe, 0);
		t_eq_int(pipes.n, MIN(i + 1, (size_t)LIMIT_PIPES));
	}
	pipes_done(&pipes);
	t_eq_int(pipes.n, 0);
	for (size_t i = 0; i < n_lines; i++)
		line_close(&lines[i]);
	free(lines);
}

/* What the meter does not let pass stays with the writer, until it does. */
T(throttled)
{
	T_EACH(row, paths)
	{
		const struct plan_limits slow = { .rate_bits_s = 80000 };
		uint64_t seen = 0, wrote, got = 0;
		struct meter meter;
		struct line l;
		bool eof;

		line_open(&l, row->tcp, 0);
		meter_init(&meter, &slow, clock_ms());
		l.pump.meter = &meter;
		l.pump.filter = row->filter ? pass : NULL;
		l.pump.filter_ctx = &seen;
		wrote = write_some(l.writer, 0, 50000);
		while (!l.pump.throttled)
			t_ok(pump_run(&l.pump));
		t_ok(!pump_wants_read(&l.pump) && !pump_wants_write(&l.pump));
		t_ok(l.pump.bytes >= 16384 && l.pump.bytes < 30000); /* the least burst */

		for (int turns = 0; got < wrote; turns++) {
			uint64_t before = l.pump.bytes;

			t_ok(turns < 40);
			clock_ahead_ms += 1000;
			l.pump.throttled = false;
			while (!l.pump.throttled && l.pump.bytes < wrote)
				t_ok(pump_run(&l.pump));
			t_ok(l.pump.bytes - before < 20000); /* 10,000 bytes a second */
			await(l.reader);
			got += read_some(l.reader, got, 65536, &eof);
		}
		t_eq_int(got, wrote);
		line_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T_TEST(transfers),	 T_TEST(back_pressure),
		T_TEST(half_close),	 T_TEST(end_behind_data),
		T_TEST(reader_gone),	 T_TEST(writer_reset),
		T_TEST(pending_first),	 T_TEST(filter_holds_back),
		T_TEST(filter_refuses),	 T_TEST(offered),
		T_TEST(offered_in_vain), T_TEST(filter_at_end),
		T_TEST(ends_here),	 T_TEST(paused),
		T_TEST(bounded_turn),	 T_TEST(pipes),
		T_TEST(no_pipe),	 T_TEST(pipes_kept),
		T_TEST(throttled),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as in the gate */
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
