/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/decisions.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cli/show.h"

/* A reader that is merely slow gets this long to take a line, as long as it has taken those before. */
#define PATIENCE_MS 20

/* Where lines are taken and lost by turns, that is told so often at most. */
#define TOLD_MS 1000

/* stderr may be what does not take lines. */
static _printf_(2, 3) void tell(struct decisions *d, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	d->told_ms = clock_ms();
	if (!fd_takes(STDERR_FILENO, 0))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "sallyport: --log %s: %s\n", d->path, line);
}

bool decisions_open(struct decisions *d, const char *path, struct err *e)
{
	*d = (struct decisions){ .path = path, .fd = -1 };
	if (!path)
		return true;
	/* Not O_NONBLOCK for stderr, which is others' as well. */
	d->fd = strcmp(path, "-") == 0 ?
			fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) :
			open(path,
			     O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			     0600);
	if (d->fd < 0 && errno == ENXIO)
		return err_set(e, ERR_SYSTEM,
			       "--log %s: it is a pipe that nobody reads: start the reader first",
			       path);
	return d->fd >= 0 || err_sys(e, errno, "--log %s", path);
}

static void tell_lost(struct decisions *d, const char *since)
{
	if (d->lost)
		tell(d, "%llu event%s missing from it%s", (unsigned long long)d->lost,
		     d->lost == 1 ? " is" : "s are", since);
	d->lost = 0;
}

void decisions_close(struct decisions *d)
{
	tell_lost(d, "");
	fd_closep(&d->fd);
}

/* No longer than PIPE_BUF: a pipe that takes anything takes it without blocking. */
static bool put(struct decisions *d, struct span line, struct err *e)
{
	ssize_t n;

	if (!fd_takes(d->fd, d->failing ? 0 : PATIENCE_MS))
		return err_set(e, ERR_SYSTEM, "it is not read");
	n = RETRY_EINTR(write(d->fd, line.p, line.n));
	if (n < 0)
		return errno == EAGAIN ? err_set(e, ERR_SYSTEM, "it is not read") :
					 err_sys(e, errno, "writing");
	if ((size_t)n == line.n)
		return true;
	d->torn = true;
	return err_set(e, ERR_SYSTEM, "it takes only a part of a line");
}

static void lose(struct decisions *d, const struct err *why)
{
	d->lost++;
	if (d->failing)
		return;
	d->failing = true;
	tell(d, "%s: events are missing from it", why->msg);
}

void decisions_write(struct decisions *d, const struct event *ev, const char *subject,
		     const struct plan_policy *policy)
{
	char id[SHOW_ID_MAX];
	struct event_context ctx = { .subject = subject };
	struct buf line;
	struct err e;

	if (d->fd < 0)
		return;
	if (policy) {
		ctx.policy = policy->name;
		ctx.rule = ev->rule >= 0 ? show_rule_id(&policy->rules[ev->rule], id) : NULL;
	}
	buf_init(&line, PIPE_BUF);
	if (d->torn)
		buf_char(&line, '\n');
	event_encode(ev, &ctx, &line);
	if (!put(d, buf_view(&line), &e)) {
		lose(d, &e);
	} else {
		d->torn = false;
		if (d->failing && clock_ms() - d->told_ms >= TOLD_MS) {
			d->failing = false;
			tell_lost(d, ", and it is written again");
		}
	}
	buf_done(&line);
}
