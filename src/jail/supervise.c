/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order of a start, which leaves no moment in which the command could run unconfined:
 *
 *	child:	namespaces, network			parent: waits
 *	child:	passes the sockets on		->	parent: starts the gate with them
 *	child:	hides what is of the host		gate:	sandboxes itself, says it is ready
 *	child:	waits			<-		parent: "go"
 *	child:	drops privilege, executes
 *
 * Whatever fails before the command is executed is told over a pipe that exec closes.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "compile/jail.h"
#include "jail/command.h"
#include "jail/hide.h"
#include "jail/jail.h"
#include "jail/maker.h"
#include "jail/namespaces.h"
#include "jail/network.h"

/* How long the gate may take for what it still has to tell, once the command has ended. */
#define FAREWELL_MS 2000

/* How long the gate may take to arm itself. */
#define READY_MS 10000

/* Why the child could not become the command. */
struct failure {
	int status; /* 125, 126, 127 */
	struct err e;
};

struct supervisor {
	const struct jail_options *o;
	sigset_t original_mask;
	int signals;		   /* signalfd */
	int child_end, parent_end; /* SOCK_SEQPACKET between the two */
	int failed;		   /* read end of the pipe that carries a struct failure */
	int report;		   /* from the gate; -1 once it is gone */
	pid_t child, gate;
	bool farewell;
	struct jail_result result;
};

/* ---- the child's side */

static bool pass_sockets(int sock, const struct network *n, int maker, struct err *e)
{
	int fds[] = { n->tcp, n->dns, n->nflog, n->udp, maker };
	char n_fds = n->udp >= 0 ? 5 : 3;

	return fd_send(sock, &n_fds, 1, fds, (size_t)n_fds, e);
}

static bool read_unix_sockets(char **out, struct err *e)
{
	size_t n;

	return fd_read_file("/proc/net/unix", LIMIT_PROC_NET_UNIX, out, &n, e);
}

static bool become_jail(const struct jail_options *o, int sock, struct err *e)
{
	_cleanup_(freep) char *unix_sockets = NULL;
	struct hide_options hide = { .allow_unix = o->allow_unix, .n_allow_unix = o->n_allow_unix };
	struct network net;
	int maker = -1;
	bool ok;

	if (!command_check_stdio(o->keep_fds, o->n_keep_fds, e) ||
	    !read_unix_sockets(&unix_sockets, e) || !namespaces_enter(e) ||
	    !network_make(o->policy, &net, e))
		return false;
	ok = (net.udp < 0 || maker_start(&maker, e)) && pass_sockets(sock, &net, maker, e);
	network_done(&net);
	fd_closep(&maker);
	hide.unix_sockets = unix_sockets;
	if (!ok || !hide_host(&hide, e))
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

static _noreturn_ void child_main(struct supervisor *s, int failed)
{
	const struct jail_options *o = s->o;
	struct failure f = { .status = 125 };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (become_jail(o, s->child_end, &f.e) && wait_for_go(s->child_end, &f.e) &&
	    command_drop_fds(o->keep_fds, o->n_keep_fds, &f.e) && command_confine(&f.e)) {
		(void)sigprocmask(SIG_SETMASK, &s->original_mask, NULL);
		f.status = command_exec(o->argv, &f.e);
	}
	(void)!write(failed, &f, sizeof(f));
	_exit(f.status);
}

/* ---- the parent's side */

/* Everything that is to be passed on, and what only has to wake us. */
static void block_signals(struct supervisor *s)
{
	static const int handled[] = { SIGCHLD, SIGTERM, SIGHUP,  SIGINT,
				       SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(handled); i++)
		(void)sigaddset(&set, handled[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &s->original_mask);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool start_child(struct supervisor *s, struct err *e)
{
	int pair[2], failed[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_sys(e, errno, "a socket for the child");
	s->parent_end = pair[0];
	s->child_end = pair[1];
	if (pipe2(failed, O_CLOEXEC) != 0)
		return err_sys(e, errno, "a pipe for the child");
	s->failed = failed[0];
	s->child = fork();
	if (s->child == 0) {
		fd_closep(&s->parent_end);
		child_main(s, failed[1]);
	}
	fd_closep(&failed[1]);
	fd_closep(&s->child_end);
	return s->child > 0 || err_sys(e, errno, "starting the child");
}

/* Why the child ended before it was the command; false with *e. */
static bool child_failed(struct supervisor *s, struct err *e)
{
	struct failure f;

	if (RETRY_EINTR(read(s->failed, &f, sizeof(f))) == sizeof(f)) {
		s->result.status = f.status;
		*e = f.e;
	} else {
		(void)err_set(e, ERR_SYSTEM, "the child ended while it set up the jail");
	}
	return false;
}

static bool receive_sockets(struct supervisor *s, struct gate_options *g, struct err *e)
{
	size_t n = compile_jail_wants_udp(s->o->policy) ? 5 : 3;
	int fds[5] = { -1, -1, -1, -1, -1 };
	char count;

	if (!fd_receive(s->parent_end, &count, 1, fds, n, e))
		return child_failed(s, e);
	g->tcp_fd = fds[0];
	g->dns_fd = fds[1];
	g->nflog_fd = fds[2];
	g->udp_fd = fds[3];
	g->maker_fd = fds[4];
	return true;
}

static _noreturn_ void gate_process(struct supervisor *s, struct gate_options *g)
{
	(void)sigprocmask(SIG_SETMASK, &s->original_mask, NULL);
	fd_closep(&s->report);
	fd_closep(&s->signals);
	fd_closep(&s->parent_end);
	fd_closep(&s->failed);
	_exit(gate_main(g));
}

static bool start_gate(struct supervisor *s, struct gate_options *g, struct err *e)
{
	int pair[2], size = 4 << 20;
	struct pollfd ready;
	char byte;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_sys(e, errno, "a socket for the gate");
	/* Room for a burst of decisions while this process is busy with the last one. */
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	s->report = pair[0];
	g->report_fd = pair[1];
	s->gate = fork();
	if (s->gate == 0)
		gate_process(s, g);
	fd_closep(&pair[1]);
	if (s->gate < 0)
		return err_sys(e, errno, "starting the gate");
	ready = (struct pollfd){ .fd = s->report, .events = POLLIN };
	if (RETRY_EINTR(poll(&ready, 1, READY_MS)) != 1 || recv(s->report, &byte, 1, 0) != 1 ||
	    byte != GATE_READY)
		return err_set(e, ERR_SYSTEM, "the gate did not start");
	return true;
}

static void close_jail_sockets(struct gate_options *g)
{
	fd_closep(&g->tcp_fd);
	fd_closep(&g->udp_fd);
	fd_closep(&g->dns_fd);
	fd_closep(&g->nflog_fd);
	fd_closep(&g->maker_fd);
}

static bool start(struct supervisor *s, struct err *e)
{
	struct gate_options g = { .plan = s->o->plan,
				  .policy = s->o->policy,
				  .n_upstreams = s->o->n_upstreams,
				  .hosts = s->o->hosts,
				  .n_hosts = s->o->n_hosts,
				  .tell_allowed = s->o->tell_allowed,
				  .tcp_fd = -1,
				  .udp_fd = -1,
				  .dns_fd = -1,
				  .nflog_fd = -1,
				  .maker_fd = -1 };
	bool ok;

	memcpy(g.upstreams, s->o->upstreams, s->o->n_upstreams * sizeof(g.upstreams[0]));
	if (!start_child(s, e) || !receive_sockets(s, &g, e))
		return false;
	ok = start_gate(s, &g, e);
	close_jail_sockets(&g);
	if (!ok)
		return false;
	if (send(s->parent_end, "g", 1, MSG_NOSIGNAL) != 1)
		return child_failed(s, e);
	return true;
}

/* One message of the gate; *more is false when there is none for now. */
static void read_report(struct supervisor *s, bool *more)
{
	union {
		struct event event;
		struct gate_farewell farewell;
	} msg;
	ssize_t n = recv(s->report, &msg, sizeof(msg), MSG_DONTWAIT);

	*more = n > 0;
	if (n == sizeof(msg.event) && event_valid(&msg.event) &&
	    msg.event.rule < (int32_t)s->o->policy->n_rules) {
		s->o->on_event(s->o->ctx, &msg.event);
	} else if (n == sizeof(msg.farewell)) {
		s->result.farewell = msg.farewell;
		s->farewell = true;
	} else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		fd_closep(&s->report);
	}
}

static void drain_report(struct supervisor *s)
{
	bool more = true;

	while (more && s->report >= 0)
		read_report(s, &more);
}

/* A signal meant for the command. What the terminal sends reaches it without our help. */
static void pass_on(struct supervisor *s, const struct signalfd_siginfo *si)
{
	int signo = (int)si->ssi_signo;

	if (signo != SIGCHLD && signo != SIGPIPE && si->ssi_code != SI_KERNEL)
		(void)kill(s->child, signo);
}

/* How long a stopped command has to stay so. Ctrl-Z stops us both, and "fg" may continue us first:
 * what we then see is a stop that is over in a moment. */
#define STOPPED_MS 50

/* Whether the command is stopped now, without taking note of it. */
static bool is_stopped(const struct supervisor *s)
{
	siginfo_t si = { 0 };

	return waitid(P_PID, (id_t)s->child, &si, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	       si.si_pid == s->child;
}

/* When the command alone has stopped, so do we, for the shell that waits for us; it goes on with
 * us. */
static void stop_with_it(const struct supervisor *s)
{
	if (!is_stopped(s))
		return;
	(void)poll(NULL, 0, STOPPED_MS);
	if (!is_stopped(s))
		return;
	(void)kill(getpid(), SIGSTOP);
	(void)kill(s->child, SIGCONT);
}

/* True once the command has ended. */
static bool reap(struct supervisor *s)
{
	int status;

	stop_with_it(s);
	if (waitpid(s->child, &status, WNOHANG) != s->child)
		return false;
	s->result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return true;
}

/* Until the command has ended. */
static void watch(struct supervisor *s)
{
	while (!reap(s)) {
		struct pollfd fds[2] = { { .fd = s->signals, .events = POLLIN },
					 { .fd = s->report, .events = POLLIN } };
		struct signalfd_siginfo si;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents)
			drain_report(s);
		while (read(s->signals, &si, sizeof(si)) == sizeof(si))
			pass_on(s, &si);
	}
}

/* Asks the gate for what it has not told yet. */
static void take_leave(struct supervisor *s)
{
	struct pollfd fd = { .fd = s->report, .events = POLLIN };

	if (s->report >= 0)
		(void)shutdown(s->report, SHUT_WR);
	while (s->report >= 0 && !s->farewell && poll(&fd, 1, FAREWELL_MS) == 1) {
		drain_report(s);
		fd.fd = s->report;
	}
	s->result.gate_died = !s->farewell;
}

/* Nothing is left behind: not a gate that serves nobody, not a child that waits for "go". */
static void end(struct supervisor *s)
{
	fd_closep(&s->parent_end);
	fd_closep(&s->child_end);
	fd_closep(&s->report);
	fd_closep(&s->failed);
	fd_closep(&s->signals);
	if (s->gate > 0) {
		if (!s->farewell)
			(void)kill(s->gate, SIGKILL);
		(void)RETRY_EINTR(waitpid(s->gate, NULL, 0));
	}
	(void)sigprocmask(SIG_SETMASK, &s->original_mask, NULL);
}

bool jail_run(const struct jail_options *o, struct jail_result *out, struct err *e)
{
	struct supervisor s = { .o = o,
				.signals = -1,
				.child_end = -1,
				.parent_end = -1,
				.failed = -1,
				.report = -1,
				.result.status = 125 };
	bool ok;

	block_signals(&s);
	ok = start(&s, e);
	if (ok) {
		struct failure f;

		watch(&s);
		take_leave(&s);
		/* The command was never executed if it left word why. */
		if (read(s.failed, &f, sizeof(f)) == sizeof(f)) {
			*e = f.e;
			ok = false;
		}
	} else if (s.child > 0) {
		(void)kill(s.child, SIGKILL);
		(void)RETRY_EINTR(waitpid(s.child, NULL, 0));
	}
	end(&s);
	*out = s.result;
	return ok;
}
