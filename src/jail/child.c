/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jail/child.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "jail/command.h"
#include "jail/hide.h"
#include "jail/maker.h"
#include "jail/namespaces.h"
#include "jail/network.h"
#include "jail/sockets.h"

static bool find_sockets(struct sockets *s, struct err *e)
{
	_cleanup_(freep) char *text = NULL;
	size_t n;

	if (!fd_read_file("/proc/net/unix", LIMIT_PROC_NET_UNIX, &text, &n, e))
		return false;
	sockets_find(s, text);
	return true;
}

static bool pass_sockets(int sock, const struct network *n, int maker, pid_t maker_pid,
			 struct err *e)
{
	int fds[CHILD_FDS_MAX] = { n->tcp, n->dns, n->nflog, n->udp, maker };
	struct child_handover h = { .n_fds = n->udp >= 0 ? 5 : 3, .maker = maker_pid };

	return fd_send(sock, &h, sizeof(h), fds, (size_t)h.n_fds, e);
}

/* Makes the network and hands its sockets over. */
static bool make_network(const struct child_options *o, struct err *e)
{
	struct network net;
	int maker = -1;
	pid_t pid = 0;
	bool ok;

	if (!network_make(o->jail->policy, &net, e))
		return false;
	ok = (net.udp < 0 || maker_start(&maker, &pid, e)) &&
	     pass_sockets(o->sock, &net, maker, pid, e);
	network_done(&net);
	fd_closep(&maker);
	return ok;
}

static bool make_jail(const struct child_options *o, struct err *e)
{
	_cleanup_(sockets_done) struct sockets sockets = { 0 };
	const struct jail_options *j = o->jail;
	struct hide_options hide = { .allow_unix = j->allow_unix,
				     .n_allow_unix = j->n_allow_unix,
				     .sockets = &sockets };

	if (!command_check_stdio(j->keep_fds, j->n_keep_fds, e) || !find_sockets(&sockets, e) ||
	    !namespaces_enter(e) || !make_network(o, e) || !hide_host(&hide, e))
		return false;
	hide_environment(&hide);
	return true;
}

static bool wait_for_go(int sock, struct err *e)
{
	char go;

	if (RETRY_EINTR(recv(sock, &go, 1, 0)) != 1)
		return err_set(e, ERR_SYSTEM, "the gate did not start");
	return true;
}

void child_main(const struct child_options *o)
{
	struct child_failure f = { .status = 125 };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (make_jail(o, &f.e) && wait_for_go(o->sock, &f.e) &&
	    command_drop_fds(o->jail->keep_fds, o->jail->n_keep_fds, &f.e) &&
	    command_confine(&f.e)) {
		(void)sigaction(SIGCHLD, &o->child, NULL);
		(void)sigprocmask(SIG_SETMASK, &o->mask, NULL);
		f.status = command_exec(o->jail->argv, &f.e);
	}
	(void)!write(o->failed, &f, sizeof(f));
	_exit(f.status);
}
