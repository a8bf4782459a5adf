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
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "compile/jail.h"
#include "jail/child.h"
#include "jail/jail.h"

/* How long the gate may take for what it still has to tell, once the command has ended. */
#define FAREWELL_MS 2000

/* How long the gate may take to arm itself. */
#define READY_MS 10000

/* Messages of the gate that are taken before signals and the command's end get their turn. */
#define BATCH 64

struct supervisor {
	const struct jail_options *o;
	sigset_t original_mask;
	int signals;		   /* signalfd */
	int child_end, parent_end; /* SOCK_SEQPACKET between the two */
	int failed;		   /* read end of the pipe that carries a struct child_failure */
	int report;		   /* from the gate; -1 once it is gone */
	struct sigaction original_chld;
	pid_t child, gate, maker;
	bool farewell;
	struct jail_result result;
};

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
	/* Where it is ignored, the command's status would be lost. */
	(void)sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, &s->original_chld);
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
		child_main(&(struct child_options){ .jail = s->o,
						    .sock = s->child_end,
						    .failed = failed[1],
						    .mask = s->original_mask,
						    .child = s->original_chld });
	}
	fd_closep(&failed[1]);
	fd_closep(&s->child_end);
	return s->child > 0 || err_sys(e, errno, "starting the child");
}

/* Why the child ended before it was the command; false with *e. */
static bool child_failed(struct supervisor *s, struct err *e)
{
	struct child_failure f;

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
	int fds[CHILD_FDS_MAX] = { -1, -1, -1, -1, -1 };
	struct child_handover h;

	if (!fd_receive(s->parent_end, &h, sizeof(h), fds, n, e))
		return child_failed(s, e);
	s->maker = h.maker;
	g->tcp_fd = fds[0];
	g->dns_fd = fds[1];
	g->nflog_fd = fds[2];
	g->udp_fd = fds[3];
	g->maker_fd = fds[4];
	return true;
}

static _noreturn_ void gate_process(struct supervisor *s, struct gate_options *g)
{
	const int own[] = {
		g->tcp_fd, g->dns_fd, g->nflog_fd, g->udp_fd, g->maker_fd, g->report_fd
	};
	struct err e;

	(void)sigprocmask(SIG_SETMASK, &s->original_mask, NULL);
	if (!fd_close_others(3, own, ARRAY_LEN(own), 0, &e))
		_exit(1);
	_exit(gate_main(g));
}

static bool start_gate(struct supervisor *s, struct gate_options *g, struct err *e)
{
	int pair[2], size = 4 << 20;
	struct gate_message m;
	struct pollfd ready;

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
	if (RETRY_EINTR(poll(&ready, 1, READY_MS)) != 1 ||
	    !gate_message_whole(&m, recv(s->report, &m, sizeof(m), 0)) || m.kind != GATE_READY)
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
	struct gate_message m;
	ssize_t n = recv(s->report, &m, sizeof(m), MSG_DONTWAIT);
	bool whole = gate_message_whole(&m, n);

	*more = n > 0;
	if (whole && m.kind == GATE_EVENT && event_valid(&m.event) &&
	    m.event.rule < (int32_t)s->o->policy->n_rules) {
		s->o->on_event(s->o->ctx, &m.event);
	} else if (whole && m.kind == GATE_FAREWELL) {
		s->result.farewell = m.farewell;
		s->farewell = true;
	} else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		fd_closep(&s->report);
	}
}

static void read_reports(struct supervisor *s)
{
	bool more = true;

	for (int i = 0; i < BATCH && more && s->report >= 0; i++)
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

/* Some terminal of ours has us in its foreground, so there is a shell that can continue us. */
static bool in_foreground(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (tcgetpgrp(fd) == getpgrp())
			return true;
	return false;
}

/* When the command alone has stopped, so do we, for the shell that waits for us; it goes on with
 * us. */
static void stop_with_it(const struct supervisor *s)
{
	if (!in_foreground() || !is_stopped(s))
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
			read_reports(s);
		while (read(s->signals, &si, sizeof(si)) == sizeof(si))
			pass_on(s, &si);
	}
}

/* Asks the gate for what it has not told yet, for a bounded time: processes of the command that
 * outlive it may keep it busy. */
static void take_leave(struct supervisor *s)
{
	uint64_t until = clock_ms() + FAREWELL_MS, now;

	if (s->report >= 0)
		(void)shutdown(s->report, SHUT_WR);
	while (s->report >= 0 && !s->farewell && (now = clock_ms()) < until) {
		struct pollfd fd = { .fd = s->report, .events = POLLIN };

		if (poll(&fd, 1, (int)(until - now)) == 1)
			read_reports(s);
	}
	s->result.gate_died = !s->farewell && s->report < 0;
}

static void end_process(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	(void)RETRY_EINTR(waitpid(pid, NULL, 0));
}

/* Nothing is left behind: not a gate that serves nobody, not a maker. */
static void end(struct supervisor *s)
{
	fd_closep(&s->parent_end);
	fd_closep(&s->child_end);
	fd_closep(&s->report);
	fd_closep(&s->failed);
	fd_closep(&s->signals);
	end_process(s->gate);
	end_process(s->maker);
	(void)sigaction(SIGCHLD, &s->original_chld, NULL);
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
		struct child_failure f;

		watch(&s);
		take_leave(&s);
		/* The command was never executed if it left word why. */
		if (read(s.failed, &f, sizeof(f)) == sizeof(f)) {
			*e = f.e;
			ok = false;
		}
	} else {
		end_process(s.child);
	}
	end(&s);
	*out = s.result;
	return ok;
}
