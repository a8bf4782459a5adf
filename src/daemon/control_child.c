/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/control_child.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "daemon/control_engine.h"
#include "daemon/control_sandbox.h"
#include "daemon/controller.h"
#include "daemon/memory.h"
#include "docker/engine.h"

/* How long the enforcer may take to give a child its options. */
#define OPTIONS_MS 10000

/* What the enforcer answers with: a status of LIMIT_NETWORKS networks. */
#define ANSWER_MAX (64U << 20)

/* ---- asking the enforcer */

static void gone(struct controller *c)
{
	uv_stop(&c->loop);
}

void control_ask(struct controller *c, struct ctl_message *m, struct span bytes, ask_fn *fn,
		 void *ctx)
{
	struct question *q = xcalloc(1, sizeof(*q));
	struct err e;

	*q = (struct question){ .id = ++c->last_id, .fn = fn, .ctx = ctx };
	m->id = q->id;
	STAILQ_INSERT_TAIL(&c->questions, q, link);
	if (!ctl_send(watch_fd(c->channel), m, bytes, &e))
		gone(c);
}

void control_tell(struct controller *c, enum ctl_kind kind, struct span bytes)
{
	struct ctl_message m = { .kind = kind };
	struct err ignored;

	if (!ctl_send(watch_fd(c->channel), &m, bytes, &ignored))
		gone(c);
}

void control_give_up(struct controller *c, const struct err *why, bool unread)
{
	struct ctl_message m = {
		.kind = CTL_FAILED, .why = why->kind, .unread = unread, .at = why->at
	};
	struct err ignored;

	(void)snprintf(m.text, sizeof(m.text), "%s", why->msg);
	if (!ctl_send(watch_fd(c->channel), &m, (struct span){ 0 }, &ignored))
		gone(c);
}

static void answered(struct controller *c, const struct ctl_message *m, int fd)
{
	struct question *q = STAILQ_FIRST(&c->questions);
	_cleanup_(freep) char *bytes = NULL;
	struct err ignored;

	if (!q || q->id != m->id)
		return;
	STAILQ_REMOVE_HEAD(&c->questions, link);
	if (fd >= 0 && !ctl_memfd_read(fd, m->size, ANSWER_MAX, &bytes, &ignored))
		bytes = NULL;
	q->fn(c, q->ctx, m, bytes);
	free(q);
}

static void on_enforcer(void *ctx, int events)
{
	struct controller *c = ctx;
	struct ctl_message m;
	int fd, got;

	(void)events;
	while ((got = ctl_receive(watch_fd(c->channel), &m, &fd)) > 0) {
		if (m.kind == CTL_DONE)
			answered(c, &m, fd);
		else if (m.kind == CTL_RELOAD)
			control_change(c, "reload", NULL, 0);
		else if (m.kind == CTL_REVERTED)
			control_reverted(c);
		else if (m.kind == CTL_PORTS)
			control_engine_look(c);
		fd_closep(&fd);
	}
	if (got < 0)
		gone(c);
}

/* ---- options */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

void control_options_encode(const struct control_options *o, struct buf *out)
{
	json_t *j = json_pack("{s:s?, s:s?, s:s?, s:s?, s:b, s:b}", "policy", o->source.policy,
			      "network_config", o->source.network_config, "firewall_config",
			      o->source.firewall_config, "engine", o->engine, "recreate",
			      o->recreate, "once", o->once);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

	buf_str(out, text ? text : "");
	free(text);
	json_decref(j);
}

/* The first message: what this process is to do. *keep owns the texts. */
static bool read_options(struct control_options *o, json_t **keep, struct err *e)
{
	struct pollfd p = { .fd = o->enforcer_fd, .events = POLLIN };
	_cleanup_(freep) char *bytes = NULL;
	_cleanup_(fd_closep) int fd = -1;
	struct ctl_message m;
	json_error_t where;

	if (RETRY_EINTR(poll(&p, 1, OPTIONS_MS)) != 1 ||
	    ctl_receive(o->enforcer_fd, &m, &fd) != 1 || m.kind != CTL_OPTIONS || fd < 0)
		return err_set(e, ERR_SYSTEM, "control was started without its options");
	if (!ctl_memfd_read(fd, m.size, LIMIT_CONTROL_BYTES, &bytes, e))
		return false;
	*keep = json_loads(bytes, JSON_REJECT_DUPLICATES, &where);
	if (!*keep)
		return err_set(e, ERR_INVALID, "control's options: %s", where.text);
	o->source.policy = text_of(*keep, "policy");
	o->source.network_config = text_of(*keep, "network_config");
	o->source.firewall_config = text_of(*keep, "firewall_config");
	o->engine = text_of(*keep, "engine");
	o->recreate = json_is_true(json_object_get(*keep, "recreate"));
	o->once = json_is_true(json_object_get(*keep, "once"));
	return true;
}

/* ---- the process */

static bool start(struct controller *c, struct err *e)
{
	c->channel = watch_readable(&c->loop, c->o->enforcer_fd, on_enforcer, c, "the enforcer", e);
	if (!c->channel)
		return false;
	if (c->o->once)
		alloc_ahead(MEMORY_ONCE_BYTES);
	c->source = source_new(&c->o->source);
	if (c->o->engine && !engine_prepare(e))
		return false;
	if (!control_sandbox(c->o, e))
		return false;
	control_engine_start(c);
	return c->o->listen_fd < 0 ||
	       control_server_new(&c->loop, c->o->listen_fd, control_on_request, c, &c->server, e);
}

/* Ends with the enforcer: there is nobody to free for. */
int control_main(struct control_options *o)
{
	struct controller c = { .o = o };
	json_t *texts = NULL;
	struct err e;

	(void)prctl(PR_SET_NAME, "sallyport-ctl");
	STAILQ_INIT(&c.questions);
	STAILQ_INIT(&c.changes);
	if (uv_loop_init(&c.loop) != 0)
		(void)err_set(&e, ERR_SYSTEM, "the event loop cannot start");
	else if (read_options(o, &texts, &e) && start(&c, &e)) {
		(void)uv_run(&c.loop, UV_RUN_DEFAULT);
		return 0;
	}
	(void)fprintf(stderr, "sallyport: control cannot start: %s\n", e.msg);
	return 1;
}
