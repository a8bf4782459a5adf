/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "jail/command.h"
#include "jail/hide.h"
#include "jail/jail.h"
#include "jail/namespaces.h"
#include "jail/network.h"

/* Everything that a jail's start does, but for the gate and the command. */
static bool try_all(struct err *e)
{
	const struct plan_policy nothing = { .name = "probe" };
	const struct sockets none = { 0 };
	const struct hide_options hide = { .sockets = &none };
	struct network net;

	if (!namespaces_enter(e) || !network_make(&nothing, &net, e))
		return false;
	network_done(&net);
	return hide_host(&hide, e) && command_confine(e);
}

bool jail_probe(struct err *e)
{
	int out[2], status = 0;
	pid_t pid;
	bool told;

	if (pipe2(out, O_CLOEXEC) != 0)
		return err_sys(e, errno, "a pipe");
	pid = fork();
	if (pid == 0) {
		struct err why;

		if (try_all(&why))
			_exit(0);
		(void)!write(out[1], &why, sizeof(why));
		_exit(1);
	}
	fd_closep(&out[1]);
	told = RETRY_EINTR(read(out[0], e, sizeof(*e))) == sizeof(*e);
	fd_closep(&out[0]);
	if (pid < 0 || RETRY_EINTR(waitpid(pid, &status, 0)) != pid)
		return err_sys(e, errno, "a child process");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	return told ? false : err_set(e, ERR_SYSTEM, "the child process ended early");
}
