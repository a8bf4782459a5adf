/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/pump.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

/* What one pipe may hold. Larger ones save system calls; unprivileged users may have 64 MiB of
 * them in all (fs.pipe-user-pages-soft). */
#define PIPE_SIZE (256 * 1024)

/* Rounds before other connections get their turn. */
#define ROUNDS 8

/* Less than this in one read means that there was no more: the next read would only say so. */
#define SEGMENT 16384

/* What a filter is given at a time. */
#define CHUNK 16384

/* A filter holds back at most one request head; the rest is what it was given. */
#define PENDING_MAX (LIMIT_HTTP_HEAD + LIMIT_CLIENT_HELLO + 4 * CHUNK)

void pipes_done(struct pipes *p)
{
	while (p->n) {
		p->n--;
		fd_closep(&p->fds[p->n][0]);
		fd_closep(&p->fds[p->n][1]);
	}
}

static bool pipe_take(struct pump *p)
{
	if (p->pipe[0] >= 0)
		return true;
	if (p->pipes->n) {
		p->pipes->n--;
		p->pipe[0] = p->pipes->fds[p->pipes->n][0];
		p->pipe[1] = p->pipes->fds[p->pipes->n][1];
		return true;
	}
	if (pipe2(p->pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
		p->pipe[0] = p->pipe[1] = -1;
		return false;
	}
	(void)fcntl(p->pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
	return true;
}

static void pipe_give_back(struct pump *p)
{
	if (p->pipe[0] < 0)
		return;
	if (p->in_pipe == 0 && p->pipes->n < LIMIT_PIPES) {
		p->pipes->fds[p->pipes->n][0] = p->pipe[0];
		p->pipes->fds[p->pipes->n][1] = p->pipe[1];
		p->pipes->n++;
		p->pipe[0] = p->pipe[1] = -1;
	} else {
		fd_closep(&p->pipe[0]);
		fd_closep(&p->pipe[1]);
	}
}

void pump_init(struct pump *p, int from, int to, struct pipes *pipes)
{
	*p = (struct pump){ .from = from, .to = to, .pipes = pipes, .pipe = { -1, -1 } };
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
	return p->meter ? meter_room(p->meter, clock_ms(), PIPE_SIZE) : PIPE_SIZE;
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
	ssize_t n = splice(p->pipe[0], NULL, p->to, NULL, p->in_pipe,
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

static enum step read_filtered(struct pump *p, size_t may)
{
	char chunk[CHUNK];
	ssize_t n = recv(p->from, chunk, MIN(sizeof(chunk), may), MSG_DONTWAIT);

	if (n < 0)
		return would_block() ? STEP_WAIT : STEP_BROKEN;
	count(p, n);
	p->eof = n == 0;
	if (n > 0 && !p->filter(p->filter_ctx, span_bytes(chunk, (size_t)n), &p->pending))
		return STEP_BROKEN;
	return buf_ok(&p->pending) ? STEP_MOVED : STEP_BROKEN;
}

static enum step read_pipe(struct pump *p, size_t may)
{
	ssize_t n;

	if (!pipe_take(p))
		return STEP_BROKEN;
	n = splice(p->from, NULL, p->pipe[1], NULL, may, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n > 0) {
		count(p, n);
		p->in_pipe = (size_t)n;
		p->drained = n < SEGMENT;
		return STEP_MOVED;
	}
	pipe_give_back(p);
	if (n == 0) {
		p->eof = true;
		return STEP_MOVED;
	}
	return would_block() ? STEP_WAIT : STEP_BROKEN;
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
		(void)shutdown(p->to, SHUT_WR);
		return STEP_WAIT;
	}
	if (p->paused || p->throttled)
		return STEP_WAIT;
	may = room(p);
	p->throttled = may == 0;
	if (p->throttled)
		return STEP_WAIT;
	return p->filter ? read_filtered(p, may) : read_pipe(p, may);
}

bool pump_run(struct pump *p)
{
	for (int i = 0; i < 2 * ROUNDS && !p->done; i++) {
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

bool pump_wants_write(const struct pump *p)
{
	return !p->done && (p->pending.n || p->in_pipe || p->eof);
}

bool pump_wants_read(const struct pump *p)
{
	return !p->done && !p->eof && !p->paused && !p->throttled && !pump_wants_write(p);
}
