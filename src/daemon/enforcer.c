/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's first process: its start, its children, signals and end. */
#include "daemon/enforcer.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "control/control.h"
#include "daemon/enforcer_sandbox.h"
#include "daemon/memory.h"
#include "daemon/notify.h"
#include "daemon/process.h"
#include "daemon/signals.h"

/* A child that dies at once again and again is not started in a tight loop. */
#define RESTART_MS 100

/* While the gate owes something, it is looked whether it has hung so often. */
#define GATE_LOOK_MS 1000

/* How long what failed for another reason waits for control's word on the files. */
#define FILES_MS 2000

/* How long `once` waits for names and the engine. */
#define ONCE_MS 20000

void enforcer_story(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* A reader of stderr that rests does not stop a firewall. */
	if (fd_takes(STDERR_FILENO, 0))
		(void)fprintf(stderr, "sallyport: %s\n", line);
}

void enforcer_give_up(struct enforcer *f, const struct err *why)
{
	f->failed = true;
	f->failure = *why;
	uv_stop(&f->loop);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

void enforcer_ready(struct enforcer *f)
{
	char state[128];
	size_t n = f->now.map.n_ports;

	(void)snprintf(state, sizeof(state), "STATUS=%zu network%s confined, generation %llu\n%s",
		       n, plural(n), (unsigned long long)f->now.generation,
		       f->ready ? "" : "READY=1\n");
	notify(state);
	memory_give_back_soon(&f->loop, &f->idle);
	if (f->ready)
		return;
	f->ready = true;
	enforcer_story("%s: %zu network%s", f->o->once ? "rules loaded" : "daemon ready", n,
		       plural(n));
}

/* ---- the gate */

static void on_gate(void *ctx, int events);

static bool watch_gate(struct enforcer *f, struct err *e)
{
	f->gate_watch = gate_child_watch(&f->gate, &f->loop, on_gate, f, e);
	return f->gate_watch;
}

/* It is told everything again, and nobody waits for it. */
static void on_gate_restart(void *ctx)
{
	struct enforcer *f = ctx;
	struct err e;

	timer_close(f->gate_restart);
	f->gate_restart = NULL;
	if (gate_child_begin(&f->gate, &e) && watch_gate(f, &e)) {
		lookups_again(f);
		answers_tell_all(f);
		answers_follow(f);
		return;
	}
	enforcer_story("the gate cannot be started again: %s", e.msg);
	f->gate_restart = timer_new(&f->loop, RESTART_MS, 0, on_gate_restart, f);
}

static void on_gate(void *ctx, int events)
{
	struct enforcer *f = ctx;

	(void)events;
	if (gate_child_read(&f->gate)) {
		watch_for(f->gate_watch,
			  UV_READABLE | (gate_child_blocked(&f->gate) ? UV_WRITABLE : 0));
		return;
	}
	watch_close(f->gate_watch);
	f->gate_watch = NULL;
	f->restarts++;
	enforcer_story("the gate has died and is started anew; addresses that are known stay");
	f->gate_restart = timer_new(&f->loop, RESTART_MS, 0, on_gate_restart, f);
}

/* A gate that hangs is ended; on_gate() hears of it. */
static void on_gate_patience(void *ctx)
{
	struct enforcer *f = ctx;

	timer_close(f->gate_patience);
	f->gate_patience = NULL;
	if (gate_child_late(&f->gate))
		enforcer_story("the gate does not answer, and is ended");
	else if (gate_child_busy(&f->gate))
		f->gate_patience = timer_new(&f->loop, GATE_LOOK_MS, 0, on_gate_patience, f);
}

static void on_gate_busy(void *ctx)
{
	struct enforcer *f = ctx;

	if (f->gate_watch && gate_child_blocked(&f->gate))
		watch_for(f->gate_watch, UV_READABLE | UV_WRITABLE);
	if (!f->gate_patience)
		f->gate_patience = timer_new(&f->loop, GATE_LOOK_MS, 0, on_gate_patience, f);
}

static bool start_gate(struct enforcer *f, struct err *e)
{
	f->gate.on_busy = on_gate_busy;
	return gate_child_start(&f->gate, e) && watch_gate(f, e);
}

/* ---- control */

static bool start_control(struct enforcer *f, struct err *e);

static void on_control_restart(void *ctx)
{
	struct enforcer *f = ctx;
	struct err e;

	timer_close(f->control_restart);
	f->control_restart = NULL;
	if (start_control(f, &e))
		return;
	enforcer_story("control cannot be started again: %s", e.msg);
	f->control_restart = timer_new(&f->loop, RESTART_MS, 0, on_control_restart, f);
}

static void end_control(struct enforcer *f)
{
	watch_close(f->control);
	f->control = NULL;
	process_end(&f->control_pid);
}

static void on_control(void *ctx, int events)
{
	struct enforcer *f = ctx;
	struct err e;

	(void)events;
	if (orders_read(f))
		return;
	end_control(f);
	if (!f->ready) {
		(void)err_set(&e, ERR_SYSTEM, "control has died before there was a policy");
		enforcer_give_up(f, &e);
		return;
	}
	f->restarts++;
	enforcer_story("control has died and is started anew; what is in force stays");
	f->control_restart = timer_new(&f->loop, RESTART_MS, 0, on_control_restart, f);
}

static bool tell_options(struct enforcer *f, struct err *e)
{
	struct ctl_message m = { .kind = CTL_OPTIONS };
	_cleanup_(buf_done) struct buf options;

	buf_init(&options, LIMIT_CONTROL_BYTES);
	control_options_encode(&f->o->control, &options);
	return ctl_send(watch_fd(f->control), &m, buf_view(&options), e);
}

static bool start_control(struct enforcer *f, struct err *e)
{
	/* IPSET_* are its to read. */
	struct process_spec spec = { .role = PROCESS_CONTROL, .own_environ = true };
	int pair[2], fds[2];
	bool ok;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_sys(e, errno, "a socket for control");
	fds[0] = pair[1];
	fds[1] = f->control_listen;
	spec.fds = fds;
	spec.n_fds = f->control_listen >= 0 ? 2 : 1;
	ok = process_start(&spec, &f->control_pid, e);
	fd_closep(&pair[1]);
	if (!ok) {
		fd_closep(&pair[0]);
		return false;
	}
	f->control = watch_readable(&f->loop, pair[0], on_control, f, "control", e);
	if (!f->control) {
		process_end(&f->control_pid);
		return false;
	}
	if (tell_options(f, e))
		return true;
	end_control(f);
	return false;
}

/* ---- signals */

static void on_signal(void *ctx, int events)
{
	struct enforcer *f = ctx;
	struct signalfd_siginfo si;

	(void)events;
	while (read(watch_fd(f->signals), &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGHUP || si.ssi_signo == SIGUSR1)
			orders_tell(f, CTL_RELOAD);
		else
			uv_stop(&f->loop);
	}
}

/* ---- the service manager's watchdog */

static void on_watchdog(void *ctx)
{
	(void)ctx;
	notify("WATCHDOG=1");
}

/* sd_watchdog_enabled(3): half of the time it gives. */
static void start_watchdog(struct enforcer *f)
{
	const char *text = getenv("WATCHDOG_USEC");
	struct err ignored;
	uint64_t us;

	if (text && num_parse(span_of(text), "WATCHDOG_USEC", 2000, UINT32_MAX, &us, &ignored))
		f->watchdog = timer_new(&f->loop, us / 2000, us / 2000, on_watchdog, f);
}

/* ---- start and end */

static bool open_handles(struct enforcer *f, struct err *e)
{
	return tables_open(f->o->free_tables || f->o->once ? TABLES_FREE : TABLES_OWNED, &f->tables,
			   e) &&
	       kernel_probe(f->tables, &f->lacks, e) && links_open(&f->links, e) &&
	       conntrack_open(&f->flows, e);
}

static bool start(struct enforcer *f, struct err *e)
{
	/* It reads the policy while the rest is made ready. */
	if (f->o->socket && !control_listen(f->o->socket, &f->control_listen, e))
		return false;
	if (!start_control(f, e))
		return false;
	if (!signals_watch(&f->loop, on_signal, f, &f->signals, e) || !open_handles(f, e))
		return false;
	if (!f->o->once)
		answers_open(f);
	if (!start_gate(f, e))
		return false;
	lookups_start(f);
	if (!f->o->once && (!denials_start(f, e) || !ports_start(f, e) || !drift_start(f, e)))
		return false;
	start_watchdog(f);
	return enforcer_sandbox(e);
}

/* It could not be started; but what is wrong with the files is told first. */
static void hear_control(struct enforcer *f, struct err *e)
{
	uint64_t until_ms = clock_ms() + FILES_MS;
	struct ctl_message m = { 0 };
	int fd = -1, got = 0;

	while (got >= 0 && m.kind != CTL_FAILED && m.kind != CTL_PLAN && clock_ms() < until_ms) {
		struct pollfd p = { .fd = watch_fd(f->control), .events = POLLIN };

		(void)poll(&p, 1, FILES_MS / 10);
		got = ctl_receive(p.fd, &m, &fd);
		fd_closep(&fd);
	}
	if (m.kind != CTL_FAILED || !m.unread)
		return;
	f->unread = true;
	(void)err_set_at(e, m.why, m.at, "%s", m.text);
}

static void stop(struct enforcer *f)
{
	struct watch *watches[] = { f->signals, f->drift,      f->ports,
				    f->log,	f->gate_watch, f->control };
	struct timer *timers[] = { f->trial,	f->ports_again, f->names_due,	 f->counters,
				   f->check,	f->watchdog,	f->gate_restart, f->control_restart,
				   f->patience, f->again,	f->idle,	 f->gate_patience,
				   f->sweep };

	for (size_t i = 0; i < ARRAY_LEN(watches); i++)
		watch_close(watches[i]);
	for (size_t i = 0; i < ARRAY_LEN(timers); i++)
		timer_close(timers[i]);
	process_end(&f->control_pid);
	gate_child_stop(&f->gate);
	answers_close(f);
	if (f->control_listen >= 0)
		(void)unlink(f->o->socket);
	fd_closep(&f->control_listen);
	ports_stop(f);
	inforce_done(&f->now);
	inforce_done(&f->before);
	tunings_done(&f->coming);
	names_free(f->names);
	free(f->denials);
	changes_done(&f->changes);
	free(f->reverse);
	free(f->targets);
	free(f->own);
	conntrack_close(f->flows);
	links_close(f->links);
	tables_close(f->tables);
	(void)uv_run(&f->loop, UV_RUN_NOWAIT); /* lets closed handles be freed */
	(void)uv_loop_close(&f->loop);
}

/* `once`: nothing is left to wait for. */
static bool is_settled(const struct enforcer *f)
{
	return f->ready && f->control_settled && !names_pending(f->names);
}

void enforcer_settle(struct enforcer *f)
{
	if (f->o->once && is_settled(f))
		uv_stop(&f->loop);
}

static void on_patience(void *ctx)
{
	struct enforcer *f = ctx;

	enforcer_story("names or the engine take long to answer: going on without");
	uv_stop(&f->loop);
}

static void tell_end(struct enforcer *f, char *why, size_t size)
{
	struct err e;

	if (!f->o->once) {
		if (!orders_end(f, &e))
			enforcer_story("what was to end with the daemon goes on: %s", e.msg);
		enforcer_story("stopped; the rules stay: sallyport teardown removes them");
		return;
	}
	if (!tables_compare(f->tables, f->now.rules, NULL, why, size, &e))
		(void)snprintf(why, size, "%s", e.msg);
	else if (!why[0])
		lookups_missing(f, why, size);
}

bool daemon_run(struct daemon_options *o, char *why, size_t size, struct err *e)
{
	struct enforcer f = { .o = o, .control_listen = -1 };
	bool ok;

	why[0] = '\0';

	(void)prctl(PR_SET_DUMPABLE, 0);
	if (uv_loop_init(&f.loop) != 0)
		return err_set(e, ERR_SYSTEM, "the event loop cannot start");
	lookups_gate(&f);
	ok = start(&f, e);
	if (ok) {
		f.patience = o->once ? timer_new(&f.loop, ONCE_MS, 0, on_patience, &f) : NULL;
		(void)uv_run(&f.loop, UV_RUN_DEFAULT);
		ok = !f.failed;
		notify("STOPPING=1");
	} else if (f.control) {
		hear_control(&f, e);
	}
	if (ok)
		tell_end(&f, why, size);
	else if (f.failed)
		*e = f.failure;
	o->unread = f.unread;
	stop(&f);
	return ok;
}

bool daemon_teardown(bool *had, struct err *e)
{
	struct tables *t;
	bool ok;

	if (!tables_open(TABLES_FREE, &t, e))
		return false;
	ok = tables_remove(t, had, e);
	tables_close(t);
	return ok;
}
