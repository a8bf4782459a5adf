/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/gate_process.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/messages.h"
#include "daemon/process.h"

/* Its first message: the options, which fit into it but for the hosts, that come as a file. */
struct first {
	struct gate_upstream upstreams[GATE_UPSTREAMS_MAX];
	size_t n_upstreams;
	size_t n_hosts;
	bool tell_allowed;
	bool dns; /* its sockets are the next descriptors */
};

static bool tell_options(const struct gate_options *o, int sock, struct err *e)
{
	struct span hosts = { (const char *)o->hosts, o->n_hosts * sizeof(*o->hosts) };
	_cleanup_(fd_closep) int fd = -1;
	struct first f;

	memset(&f, 0, sizeof(f));
	memcpy(f.upstreams, o->upstreams, sizeof(f.upstreams));
	f.n_upstreams = o->n_upstreams;
	f.n_hosts = o->n_hosts;
	f.tell_allowed = o->tell_allowed;
	f.dns = o->dns_fd > 0;
	return ctl_memfd(hosts, &fd, e) && fd_send(sock, &f, sizeof(f), &fd, 1, e);
}

bool gate_process_start(const struct gate_options *o, int here, pid_t *out, struct err *e)
{
	int fds[] = { o->report_fd, o->dns_fd, o->dns_tcp_fd };
	struct process_spec spec = {
		.role = PROCESS_GATE, .fds = fds, .n_fds = o->dns_fd > 0 ? 3 : 1, .nobody = true
	};

	*out = 0;
	return process_start(&spec, out, e) && tell_options(o, here, e);
}

static bool hear_options(struct gate_options *o, char **hosts, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;
	struct first f;

	if (!fd_receive(PROCESS_FD, &f, sizeof(f), &fd, 1, e))
		return err_set(e, ERR_INVALID, "it is started by a daemon only");
	if (f.n_upstreams > GATE_UPSTREAMS_MAX || f.n_hosts > LIMIT_HOSTS)
		return err_set(e, ERR_INVALID, "its options are out of range");
	if (!ctl_memfd_read(fd, f.n_hosts * sizeof(*o->hosts), SIZE_MAX, hosts, e))
		return false;
	*o = (struct gate_options){ .kind = GATE_DAEMON,
				    .hosts = (const void *)*hosts,
				    .n_hosts = f.n_hosts,
				    .n_upstreams = f.n_upstreams,
				    .tell_allowed = f.tell_allowed,
				    .report_fd = PROCESS_FD,
				    .dns_fd = f.dns ? PROCESS_FD + 1 : -1,
				    .dns_tcp_fd = f.dns ? PROCESS_FD + 2 : -1 };
	memcpy(o->upstreams, f.upstreams, sizeof(f.upstreams));
	return true;
}

int gate_process_main(void)
{
	_cleanup_(freep) char *hosts = NULL;
	struct gate_options o;
	struct err e;

	/* Another process of uid 65534 is no friend. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (!hear_options(&o, &hosts, &e)) {
		(void)dprintf(STDERR_FILENO, "sallyport: the gate cannot start: %s\n", e.msg);
		return 1;
	}
	return gate_main(&o);
}
