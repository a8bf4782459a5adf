/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/pump.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

/*
 * What one pipe may hold: larger ones save system calls, and a stream that fills the usual size gets
 * a large one. Unprivileged users may have 64 MiB in all (fs.pipe-user-pages-soft), and past that
 * every new pipe is a tiny one: with LIMIT_PIPES and PIPES_LARGE it is 24 MiB.
 */
#define PIPE_SIZE   (256 * 1024)
#define PIPE_LARGE  (1024 * 1024)
#define PIPES_LARGE 8

/* Rounds, and bytes, before other connections get their turn. */
#define ROUNDS 8
#define TURN   (2 * 1024 * 1024)

/* Less than this in one read means that there was no more: the next read would only say so. */
#define SEGMENT 16384

/* What a filter is given at a time. */
#define CHUNK 16384

/* The same without a pipe: held until the receiver takes it, for thousands of them who do not. */
#define WITHOUT_PIPE 4096

/* A filter holds back at most one request head; the rest is what it was given. */
#define PENDING_MAX (LIMIT_HTTP_HEAD + LIMIT_CLIENT_HELLO + 4 * CHUNK)

#define NO_PIPE ((struct pipe){ .fd = { -1, -1 } })

static void pipe_close(struct pipes *all, struct pipe *p)
{
	fd_closep(&p->fd[0]);
	fd_closep(&p->fd[1]);
	all->n_open--;
	all->n_large -= p->large;
	*p = NO_PIPE;
}

void pipes_done(struct pipes *p)
{
	while (p->n)
		pipe_close(p, &p->kept[--p->n]);
}

/* False: there is none to be had. */
static bool pipe_take(struct pump *p)
{
	if (p->pipe.fd[0] >= 0)
		return true;
	if (p->pipes->n) {
		p->pipe = p->pipes->kept[--p->pipes->n];
		return true;
	}
	if (p->pipes->n_open == LIMIT_PIPES_OPEN ||
	    pipe2(p->pipe.fd, O_CLOEXEC | O_NONBLOCK) != 0) {
		p->pipe = NO_PIPE;
		return false;
	}
	p->pipes->n_open++;
	(void)fcntl(p->pipe.fd[1], F_SETPIPE_SZ, PIPE_SIZE);
	return true;
}

static void pipe_give_back(struct pump *p)
{
	if (p->pipe.fd[0] < 0)
		return;
	if (p->in_pipe || p->pipes->n == LIMIT_PIPES) {
		pipe_close(p->pipes, &p->pipe);
		return;
	}
	p->pipes->kept[p->pipes->n++] = p->pipe;
	p->pipe = NO_PIPE;
}

/* There was more to read than fits. */
static void pipe_enlarge(struct pump *p)
{
	if (p->pipe.large || p->pipes->n_large == PIPES_LARGE ||
	    fcntl(p->pipe.fd[1], F_SETPIPE_SZ, PIPE_LARGE) < PIPE_LARGE)
		return;
	p->pipe.large = true;
	p->pipes->n_large++;
}

void pump_init(struct pump *p, int from, int to, struct pipes *pipes)
{
	*p = (struct pump){ .from = from, .to = to, .pipes = pipes, .pipe = NO_PIPE };
	buf_init(&p->pending, PENDING_MAX);
}

void pump_done(struct pump *p)
{
	pipe_give_back(p);
	buf_done(&p->pending);
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* What the meter lets be read now. */
static size_t room(const struct pump *p)
{
	return p->meter ? meter_room(p->meter, clock_ms(), PIPE_LARGE) : PIPE_LARGE;
}

static void count(struct pump *p, ssize_t n)
{
	if (p->meter)
		meter_count(p->meter, (size_t)n);
}

/* How one step went. */
enum step { STEP_MOVED, STEP_WAIT, STEP_BROKEN };

static enum step write_pending(struct pump *p)
{
	ssize_t n = send(p->to, p->pending.p, p->pending.n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return would_block() ? STEP_WAIT : STEP_BROKEN;
	p->bytes += (uint64_t)n;
	if ((size_t)n == p->pending.n)
		buf_done(&p->pending);
	else
		buf_drop(&p->pending, (size_t)n);
	return STEP_MOVED;
}

static enum step write_pipe(struct pump *p)
{
	ssize_t n = splice(p->pipe.fd[0], NULL, p->to, NULL, p->in_pipe,
			   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	if (n < 0)
		return would_block() ? STEP_WAIT : STEP_BROKEN;
	p->bytes += (uint64_t)n;
	p->in_pipe -= (size_t)n;
	if (p->in_pipe)
		return STEP_MOVED;
	pipe_give_back(p);
	return p->drained ? STEP_WAIT : STEP_MOVED;
}

/* After a read that failed. */
static enum step not_read(struct pump *p)
{
	p->lost = !would_block();
	return p->lost ? STEP_BROKEN : STEP_WAIT;
}

/* Through the filter, or as it comes. */
static enum step read_copied(struct pump *p, size_t may)
{
	char chunk[CHUNK];
	ssize_t n = recv(p->from, chunk, MIN(sizeof(chunk), may), MSG_DONTWAIT);

	if (n < 0)
		return not_read(p);
	p->eof = n == 0;
	return pump_offer(p, span_bytes(chunk, (size_t)n)) ? STEP_MOVED : STEP_BROKEN;
}

static enum step read_pipe(struct pump *p, size_t may)
{
	ssize_t n;

	if (!pipe_take(p))
		return read_copied(p, MIN(may, (size_t)WITHOUT_PIPE));
	n = splice(p->from, NULL, p->pipe.fd[1], NULL, may, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n > 0) {
		count(p, n);
		p->in_pipe = (size_t)n;
		p->drained = n < SEGMENT;
		if (n >= PIPE_SIZE)
			pipe_enlarge(p);
		return STEP_MOVED;
	}
	if (n < 0) {
		enum step s = not_read(p);

		pipe_give_back(p);
		return s;
	}
	pipe_give_back(p);
	p->eof = true;
	return STEP_MOVED;
}

static enum step step(struct pump *p)
{
	size_t may;

	if (p->pending.n)
		return write_pending(p);
	if (p->in_pipe)
		return write_pipe(p);
	if (p->eof) {
		p->done = true;
		if (!p->ends_here)
			(void)shutdown(p->to, SHUT_WR);
		return STEP_WAIT;
	}
	if (p->paused || p->throttled)
		return STEP_WAIT;
	may = room(p);
	p->throttled = may == 0;
	if (p->throttled)
		return STEP_WAIT;
	return p->filter ? read_copied(p, may) : read_pipe(p, may);
}

bool pump_run(struct pump *p)
{
	uint64_t end = p->bytes + TURN;

	for (int i = 0; i < 2 * ROUNDS && p->bytes < end && !p->done; i++) {
		switch (step(p)) {
		case STEP_MOVED:
			break;
		case STEP_WAIT:
			return true;
		case STEP_BROKEN:
			return false;
		}
	}
	return true;
}

bool pump_offer(struct pump *p, struct span bytes)
{
	count(p, (ssize_t)bytes.n);
	if (bytes.n && p->filter)
		return p->filter(p->filter_ctx, bytes, &p->pending) && buf_ok(&p->pending);
	buf_span(&p->pending, bytes);
	return buf_ok(&p->pending);
}

bool pump_wants_write(const struct pump *p)
{
	return !p->done && (p->pending.n || p->in_pipe || p->eof);
}

bool pump_wants_read(const struct pump *p)
{
	return !p->done && !p->eof && !p->paused && !p->throttled && !pump_wants_write(p);
}
