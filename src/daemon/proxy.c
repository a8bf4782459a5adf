/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/proxy.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "daemon/control_server.h"
#include "daemon/gate_child.h"
#include "daemon/listen.h"
#include "daemon/notify.h"
#include "daemon/signals.h"
#include "gate/watch.h"

/* How long after its death a gate is started anew: at once, and ever later while it keeps dying. */
#define RESTART_MS     10
#define RESTART_MAX_MS 5000

/* One that has lived this long did not die of its start. */
#define STEADY_MS 10000

struct supervisor {
	struct proxy_options *o;
	uv_loop_t loop;
	struct gate_child gate;
	struct watch *signals, *report;
	struct timer *restart;
	struct control_server *control;
	uint64_t started_ms; /* uv_now(): the gate */
	uint64_t delay_ms;   /* before the next start */
	unsigned restarts;
	char failure[512]; /* of the last reload; empty: it went well */
	bool stop;
};

static void story(const char *fmt, ...) _printf_(1, 2);

static void story(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "sallyport: %s\n", line);
}

/* ---- the gate */

static void on_report(void *ctx, int events);

static bool start_gate(struct supervisor *s, struct err *e)
{
	if (!gate_child_start(&s->gate, e))
		return false;
	uv_update_time(&s->loop);
	s->started_ms = uv_now(&s->loop);
	s->report = gate_child_watch(&s->gate, &s->loop, on_report, s, e);
	return s->report;
}

static void on_restart(void *ctx)
{
	struct supervisor *s = ctx;
	struct err e;

	timer_close(s->restart);
	s->restart = NULL;
	if (start_gate(s, &e)) {
		s->restarts++;
		story("the gate is there again; its connections are lost");
		return;
	}
	story("the gate cannot be started anew: %s", e.msg);
	s->delay_ms = MIN(s->delay_ms * 2, (uint64_t)RESTART_MAX_MS);
	s->restart = timer_new(&s->loop, s->delay_ms, 0, on_restart, s);
}

/* Nothing passes without a gate, so there is no hurry that could be dangerous. */
static void gate_died(struct supervisor *s)
{
	if (s->restart)
		return;
	watch_close(s->report);
	s->report = NULL;
	s->delay_ms =
		uv_now(&s->loop) - s->started_ms > STEADY_MS ?
			RESTART_MS :
			MIN(MAX(s->delay_ms * 2, (uint64_t)RESTART_MS), (uint64_t)RESTART_MAX_MS);
	story("the gate has died: until it is started anew, nothing passes");
	s->restart = timer_new(&s->loop, s->delay_ms, 0, on_restart, s);
}

static void on_report(void *ctx, int events)
{
	struct supervisor *s = ctx;

	(void)events;
	if (!gate_child_read(&s->gate))
		gate_died(s);
}

/* ---- reload */

static bool load(struct supervisor *s, struct err *e)
{
	struct gate_setup *setup;

	if (!s->o->load(s->o->ctx, &setup, e))
		return false;
	if (gate_child_setup(&s->gate, setup, e))
		return true;
	if (s->gate.report < 0)
		gate_died(s);
	return false;
}

static bool reload(struct supervisor *s, struct err *e)
{
	uint64_t before = s->gate.generation;

	notify("RELOADING=1");
	if (!load(s, e)) {
		bool taken = s->gate.generation != before;

		(void)snprintf(s->failure, sizeof(s->failure), "%s", e->msg);
		story("reload failed, %s: %s",
		      taken ? "all connections ended, what is new is in force" :
			      "what was in force stays",
		      e->msg);
		notify("READY=1");
		return false;
	}
	s->failure[0] = '\0';
	story("reloaded: %llu connections ended that are no longer allowed",
	      (unsigned long long)s->gate.ended);
	notify("READY=1");
	return true;
}

static void on_signal(void *ctx, int events)
{
	struct supervisor *s = ctx;
	struct signalfd_siginfo si;
	struct err e;

	(void)events;
	while (read(watch_fd(s->signals), &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGHUP || si.ssi_signo == SIGUSR1)
			(void)reload(s, &e);
		else
			s->stop = true;
	}
	if (s->stop)
		uv_stop(&s->loop);
}

/* ---- the control socket */

static json_t *client_json(const struct supervisor *s, const struct gate_client *c)
{
	const struct plan_policy *p = s->gate.setup->plan->policies[c->policy];
	char at[LISTEN_STR_MAX];

	return json_pack("{s:s, s:s?, s:b, s:s?, s:i}", "listen",
			 listen_str(&s->o->gate.listeners[c->listener], at), "user",
			 c->user[0] ? c->user : NULL, "needs_login", c->needs_login, "policy",
			 c->needs_login ? NULL : p->name, "rules",
			 c->needs_login ? 0 : (int)p->n_rules);
}

static json_t *status_json(struct supervisor *s)
{
	const struct gate_setup *setup = s->gate.setup;
	json_t *clients = json_array();
	struct err e;
	bool serving = gate_child_count(&s->gate, &e);

	if (!serving)
		gate_died(s);
	for (size_t i = 0; i < setup->n_clients; i++)
		json_array_append_new(clients, client_json(s, &setup->clients[i]));
	return json_pack("{s:s, s:b, s:I, s:I, s:i, s:i, s:I, s:s?, s:o}", "kind", "proxy",
			 "serving", serving, "generation",
			 (json_int_t)(serving ? s->gate.counts.generation : 0), "connections",
			 (json_int_t)(serving ? s->gate.counts.connections : 0), "gate_pid",
			 (int)s->gate.pid, "restarts", (int)s->restarts, "lost_events",
			 (json_int_t)(serving ? s->gate.counts.lost.lost_events : 0),
			 "reload_failure", s->failure[0] ? s->failure : NULL, "clients", clients);
}

static bool may_change(const struct control_peer *peer)
{
	return peer->uid == 0 || peer->uid == geteuid();
}

static bool answer(struct supervisor *s, const struct control_request *r, json_t **fields,
		   struct err *e)
{
	const char *action = json_string_value(json_object_get(r->json, "action"));

	if (strcmp(action, "status") == 0) {
		*fields = status_json(s);
		return true;
	}
	if (strcmp(action, "reload") != 0)
		return err_set(e, ERR_INVALID, "unknown action: expected \"status\" or \"reload\"");
	if (!may_change(&r->peer))
		return err_set(e, ERR_DENIED, "uid %u may not reload: expected root or uid %u",
			       (unsigned)r->peer.uid, (unsigned)geteuid());
	if (json_object_get(r->json, "try") || json_object_get(r->json, "confirm"))
		return err_set(
			e, ERR_UNSUPPORTED,
			"a proxy puts nothing on trial, only a daemon does: expected a plain reload");
	story("reload asked for by uid %u, gid %u, process %d", (unsigned)r->peer.uid,
	      (unsigned)r->peer.gid, (int)r->peer.pid);
	if (!reload(s, e))
		return false;
	*fields = json_pack("{s:I, s:I}", "generation", (json_int_t)s->gate.generation, "ended",
			    (json_int_t)s->gate.ended);
	return true;
}

static void on_request(void *ctx, struct control_request *r)
{
	json_t *fields = NULL;
	struct err e;

	if (answer(ctx, r, &fields, &e))
		control_request_ok(r, fields);
	else
		control_request_error(r, &e);
}

/* ---- start and end */

static bool open_listeners(struct gate_options *g, struct err *e)
{
	for (size_t i = 0; i < g->n_listeners; i++)
		if (!listen_open(&g->listeners[i], e))
			return false;
	return true;
}

static void close_listeners(struct gate_options *g)
{
	for (size_t i = 0; i < g->n_listeners; i++)
		fd_closep(&g->listeners[i].fd);
}

static void tell_ready(const struct supervisor *s)
{
	struct buf at;

	buf_init(&at, 2048);
	for (size_t i = 0; i < s->o->gate.n_listeners; i++) {
		char text[LISTEN_STR_MAX];

		buf_fmt(&at, " %s", listen_str(&s->o->gate.listeners[i], text));
	}
	story("proxy ready at%s", buf_cstr(&at));
	buf_done(&at);
	notify("READY=1");
}

static bool serve_control(struct supervisor *s, struct err *e)
{
	int fd;

	return control_listen(s->o->control, &fd, e) &&
	       control_server_new(&s->loop, fd, on_request, s, &s->control, e);
}

/* The files are read first: with an error in them nothing is opened. */
static bool start(struct supervisor *s, struct err *e)
{
	struct gate_setup *setup;

	if (!s->o->load(s->o->ctx, &setup, e))
		return false;
	s->gate.setup = setup;
	s->gate.generation = 1;
	if (!open_listeners(&s->o->gate, e) ||
	    !signals_watch(&s->loop, on_signal, s, &s->signals, e))
		return false;
	return (!s->o->control || serve_control(s, e)) && start_gate(s, e);
}

static void stop(struct supervisor *s)
{
	if (s->control)
		(void)unlink(s->o->control);
	control_server_free(s->control);
	watch_close(s->report);
	watch_close(s->signals);
	timer_close(s->restart);
	gate_child_stop(&s->gate);
	close_listeners(&s->o->gate);
	(void)uv_run(&s->loop, UV_RUN_NOWAIT); /* lets closed handles be freed */
	(void)uv_loop_close(&s->loop);
}

bool proxy_serve(struct proxy_options *o, struct gate_farewell *out_lost, struct err *e)
{
	struct supervisor s = {
		.o = o,
		.gate = { .o = &o->gate, .on_event = o->on_event, .ctx = o->ctx, .report = -1 },
	};
	bool ok;

	o->gate.kind = GATE_PROXY;
	/* A core of this process, or a tracer, would have the users' secrets. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (uv_loop_init(&s.loop) != 0)
		return err_set(e, ERR_SYSTEM, "the event loop cannot start");
	ok = start(&s, e);
	if (ok) {
		tell_ready(&s);
		(void)uv_run(&s.loop, UV_RUN_DEFAULT);
		notify("STOPPING=1");
	}
	stop(&s);
	*out_lost = s.gate.farewell;
	return ok;
}
