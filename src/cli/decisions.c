/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/decisions.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/show.h"

bool decisions_open(struct decisions *d, const char *path, struct err *e)
{
	*d = (struct decisions){ .fd = -1 };
	if (!path)
		return true;
	d->fd = strcmp(path, "-") == 0 ?
			fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) :
			open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	return d->fd >= 0 || err_sys(e, errno, "--log %s", path);
}

void decisions_close(struct decisions *d)
{
	fd_closep(&d->fd);
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
	buf_init(&line, 8192);
	event_encode(ev, &ctx, &line);
	if (!fd_write_all(d->fd, buf_view(&line), &e) && !d->failed) {
		(void)fprintf(stderr, "sallyport: --log: %s: events are missing from it\n", e.msg);
		d->failed = true;
	}
	buf_done(&line);
}
