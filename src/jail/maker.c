/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jail/maker.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cap-ng.h>

#include "base/fd.h"
#include "gate/maker.h"
#include "jail/network.h"
#include "jail/unreachable.h"

/* Several flows share what they are bound to and differ in the client they are connected to. */
static int make(const struct maker_request *req)
{
	int fd = network_socket(SOCK_DGRAM), on = 1;

	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
			bind(fd, (const struct sockaddr *)&req->local, sizeof(req->local)) != 0 ||
			connect(fd, (const struct sockaddr *)&req->peer, sizeof(req->peer)) != 0))
		fd_closep(&fd);
	return fd;
}

static bool make_and_send(int sock, const struct maker_request *req)
{
	_cleanup_(fd_closep) int fd = make(req);
	struct maker_answer answer = { .seq = req->seq, .made = fd >= 0 };
	struct err ignored;

	return fd_send(sock, &answer, sizeof(answer), &fd, answer.made ? 1 : 0, &ignored);
}

static _noreturn_ void serve(int sock)
{
	struct maker_request req;

	while (RETRY_EINTR(recv(sock, &req, sizeof(req), 0)) == sizeof(req)) {
		switch (req.wish) {
		case MAKER_SOCKET:
			if (!make_and_send(sock, &req))
				_exit(0);
			break;
		case MAKER_UNREACHABLE:
			unreachable_send(&req.local, &req.peer);
			break;
		}
	}
	_exit(0);
}

/* Nothing but what binding, marking and ICMP need, and out of reach for the command's debugger. */
static void confine(int sock)
{
	(void)setsid();
	(void)prctl(PR_SET_NAME, "sallyport-maker");
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)dup2(sock, 3);
	(void)close_range(4, ~0U, 0);
	capng_setpid(getpid()); /* the library remembers the process that SYS_clone left */
	capng_clear(CAPNG_SELECT_BOTH);
	(void)capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN,
			    CAP_NET_BIND_SERVICE, CAP_NET_RAW, -1);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		_exit(1);
}

bool maker_start(int *out, pid_t *out_pid, struct err *e)
{
	int pair[2];
	long pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_sys(e, errno, "the maker's socket");
	/* CLONE_PARENT: the command must not find a child that it never made. */
	pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		confine(pair[1]);
		serve(3);
	}
	fd_closep(&pair[1]);
	if (pid < 0) {
		fd_closep(&pair[0]);
		return err_sys(e, errno, "starting the maker");
	}
	*out = pair[0];
	*out_pid = (pid_t)pid;
	return true;
}
