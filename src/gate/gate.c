/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/gate.h"

#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "gate/installed.h"
#include "gate/internal.h"
#include "gate/learned.h"
#include "gate/refresh.h"
#include "gate/refusal.h"
#include "gate/spin.h"

bool gate_tell(const struct gate *g, const struct gate_message *m)
{
	size_t n = gate_message_size(m);

	return send(g->o->report_fd, m, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n;
}

void gate_insist(const struct gate *g, const struct gate_message *m)
{
	struct pollfd room = { .fd = g->o->report_fd, .events = POLLOUT };

	/* The event loop has made it non-blocking, and the supervisor reads whatever else it does. */
	while (RETRY_EINTR(send(g->o->report_fd, m, gate_message_size(m), MSG_NOSIGNAL)) < 0 &&
	       errno == EAGAIN)
		(void)poll(&room, 1, -1);
}

static void on_nflog(void *ctx, int events)
{
	(void)events;
	denied_read(ctx);
}

/* To a jail's gate the supervisor sends nothing: readable means that it wants the farewell, or is
 * gone. */
static void on_supervisor(void *ctx, int events)
{
	struct gate *g = ctx;

	if ((events & UV_READABLE) && (g->o->kind == GATE_JAIL || !adopt_order(g)))
		g->stop = true;
	else if (events & UV_WRITABLE)
		refreshes_tell(g->refreshes);
}

/* Connections need two descriptors each, and pipes; the soft limit is often 1024. */
static void raise_descriptor_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return;
	rl.rlim_cur = MIN(rl.rlim_max, (rlim_t)2 * LIMIT_CONNECTIONS + LIMIT_FILES_APART);
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

/* Not in the foreground process group, so that Ctrl-C and Ctrl-Z reach the command only. */
static void detach(void)
{
	(void)setsid();
	(void)prctl(PR_SET_NAME, "sallyport-gate");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* The host's table may be an ad blocker's, with 100,000 names: only those matter that the policy
 * lets be asked for. */
void gate_know_hosts(struct gate *g, const struct plan_policy *p)
{
	const struct plan_rule *rule;

	for (size_t i = 0; i < g->o->n_hosts; i++) {
		const struct gate_host *h = &g->o->hosts[i];

		if (decide_name(p, &h->name, 0, &rule))
			resolver_know(g->resolver, &h->name, &h->addr);
	}
}

/* What only a jail has. */
static bool open_jail(struct gate *g, struct err *e)
{
	g->subjects = xcalloc(1, sizeof(*g->subjects));
	g->n_subjects = 1;
	subject_init(g->subjects, g, 0, g->o->plan, g->o->policy, NULL);
	gate_know_hosts(g, g->o->policy);
	g->vaddrs = vaddrs_new();
	g->learned = learned_new();
	g->dns = dns_new(g);
	g->flows = g->o->udp_fd >= 0 ? flows_new(g) : NULL;
	g->nflog = watch_readable(&g->loop, g->o->nflog_fd, on_nflog, g, "the kernel's log", e);
	if (!g->nflog)
		return false;
	conns_accept(g->conns);
	return true;
}

static bool open_rooms(struct gate *g, struct err *e)
{
	if (uv_loop_init(&g->loop) != 0)
		return err_set(e, ERR_SYSTEM, "the event loop cannot start");
	uv_loop_set_data(&g->loop, &g->count);
	g->resolver = resolver_new(&g->loop, g->o->upstreams, g->o->n_upstreams);
	if (g->o->kind == GATE_DAEMON) {
		g->refreshes = refreshes_new(g);
		g->installed = installed_new();
		g->dns = g->o->dns_fd > 0 ? dns_new(g) : NULL;
		return true;
	}
	g->conns = conns_new(g);
	/* A proxy waits for its first setup before it listens to anybody. */
	return g->o->kind == GATE_PROXY || open_jail(g, e);
}

static void close_rooms(struct gate *g)
{
	flows_free(g->flows);
	conns_free(g->conns);
	dns_free(g->dns);
	refreshes_free(g->refreshes);
	installed_free(g->installed);
	resolver_free(g->resolver);
	learned_free(g->learned);
	vaddrs_free(g->vaddrs);
	watch_close(g->nflog);
	for (size_t i = 0; i < g->n_subjects; i++)
		subject_done(&g->subjects[i]);
	free(g->subjects);
	gate_setup_free(g->setup);
}

/* Serves until the supervisor asks for the farewell. */
static bool serve(struct gate *g, struct err *e)
{
	struct gate_message m = { .kind = GATE_READY };

	g->supervisor =
		watch_readable(&g->loop, g->o->report_fd, on_supervisor, g, "the supervisor", e);
	if (!g->supervisor)
		return false;
	if (!gate_tell(g, &m))
		return err_sys(e, errno, "telling the supervisor");
	spin_run(&g->loop, &g->stop);
	(void)watch_release(g->supervisor);
	if (g->nflog)
		denied_read(g);
	m = (struct gate_message){ .kind = GATE_FAREWELL, .farewell = g->farewell };
	(void)gate_tell(g, &m);
	return true;
}

int gate_main(const struct gate_options *o)
{
	struct gate g = { .o = o };
	struct err e;

	detach();
	raise_descriptor_limit();
	refusal_init();
	if (!open_rooms(&g, &e) || !gate_sandbox(&e) || !serve(&g, &e)) {
		(void)dprintf(STDERR_FILENO, "sallyport: the gate cannot start: %s\n", e.msg);
		return 1;
	}
	close_rooms(&g);
	(void)uv_run(&g.loop, UV_RUN_NOWAIT); /* lets closed handles be freed */
	(void)uv_loop_close(&g.loop);
	return 0;
}
