/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client of the control socket can ask for. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "daemon/control_engine.h"
#include "daemon/controller.h"

/* So old a status may be that is told to others than root. */
#define SEEN_MS 1000

/* What a status can do without where a reply has no room for all of it, in that order. */
static const char *const large[] = { "ipset_details", "ipsets", "names", "network_status" };

/* That, for what is said besides. */
#define STATUS_BYTES (LIMIT_CONTROL_BYTES - 1024)

typedef void action_fn(struct controller *c, struct control_request *r, const char *name);

struct action {
	const char *name;
	action_fn *fn;
	bool anybody;  /* who may open the socket may ask; else root alone */
	bool dockside; /* only where the files are Dockside's */
};

/* ---- questions */

static void make_fit(json_t *fields)
{
	json_t *left_out = json_array();

	for (size_t i = 0;
	     i < ARRAY_LEN(large) &&
	     json_dumpb(fields, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII) > STATUS_BYTES;
	     i++)
		if (json_object_del(fields, large[i]) == 0)
			json_array_append_new(left_out, json_string(large[i]));
	json_object_set_new(fields, "left_out", left_out);
}

/* The enforcer's text, with what control knows besides. */
static void answer_status(struct controller *c, struct control_request *r, const char *bytes)
{
	json_error_t where;
	json_t *fields = json_loads(bytes, 0, &where);

	if (!fields)
		fields = json_object();
	control_engine_status(c, fields);
	source_status(c->source, clock_ms(), fields);
	json_object_set_new(fields, "reload_failure",
			    c->failure[0] ? json_string(c->failure) : json_null());
	json_object_set_new(fields, "on_trial", json_boolean(control_on_trial(c)));
	make_fit(fields);
	control_request_ok(r, fields);
}

static void on_status(struct controller *c, void *ctx, const struct ctl_message *m,
		      const char *bytes)
{
	struct control_request *r = ctx;
	struct err e;

	if (m->ok) {
		answer_status(c, r, bytes ? bytes : "{}");
		return;
	}
	(void)err_set(&e, m->why, "%s", m->text);
	control_request_error(r, &e);
}

/* The same for all who wait, and for those who ask soon. */
static void on_status_of_all(struct controller *c, void *ctx, const struct ctl_message *m,
			     const char *bytes)
{
	size_t n = c->n_waiting;

	(void)ctx;
	c->n_waiting = 0;
	free(c->seen);
	c->seen = m->ok ? xstrdup(bytes ? bytes : "{}") : NULL;
	c->seen_ms = clock_ms();
	for (size_t i = 0; i < n; i++)
		on_status(c, c->waiting[i], m, bytes);
}

/* Who may only look makes the enforcer read the kernel once a second at the most. */
static void status_of_all(struct controller *c, struct control_request *r)
{
	struct ctl_message m = { .kind = CTL_STATUS };

	if (c->seen && clock_ms() < c->seen_ms + SEEN_MS) {
		answer_status(c, r, c->seen);
		return;
	}
	if (c->n_waiting == ARRAY_LEN(c->waiting)) {
		struct err e;

		(void)err_set(&e, ERR_LIMIT, "too many ask for the status");
		control_request_error(r, &e);
		return;
	}
	c->waiting[c->n_waiting++] = r;
	if (c->n_waiting == 1)
		control_ask(c, &m, (struct span){ 0 }, on_status_of_all, NULL);
}

static void status(struct controller *c, struct control_request *r, const char *name)
{
	struct ctl_message m = { .kind = CTL_STATUS };

	(void)name;
	if (r->peer.uid == 0)
		control_ask(c, &m, (struct span){ 0 }, on_status, r);
	else
		status_of_all(c, r);
}

/* The answer as it is. */
static void on_answer(struct controller *c, void *ctx, const struct ctl_message *m,
		      const char *bytes)
{
	struct control_request *r = ctx;
	json_error_t where;
	struct err e;

	(void)c;
	if (m->ok) {
		control_request_ok(r, bytes ? json_loads(bytes, 0, &where) : NULL);
		return;
	}
	(void)err_set(&e, m->why, "%s", m->text);
	control_request_error(r, &e);
}

static void refresh(struct controller *c, struct control_request *r, const char *name)
{
	struct ctl_message m = { .kind = CTL_REFRESH };

	(void)name;
	control_ask(c, &m, (struct span){ 0 }, on_answer, r);
}

/* What was asked of the enforcer before is answered before. */
static void on_torn_down(struct controller *c, void *ctx, const struct ctl_message *m,
			 const char *bytes)
{
	c->teardowns--;
	c->torn_down = c->torn_down || m->ok;
	on_answer(c, ctx, m, bytes);
}

static void teardown(struct controller *c, struct control_request *r, const char *name)
{
	struct ctl_message m = { .kind = CTL_TEARDOWN };

	(void)name;
	c->teardowns++;
	control_ask(c, &m, (struct span){ 0 }, on_torn_down, r);
}

static void on_reconciled(struct controller *c, void *ctx, const struct ctl_message *m,
			  const char *bytes)
{
	struct control_request *r = ctx;
	json_error_t where;
	json_t *fields = bytes ? json_loads(bytes, 0, &where) : json_object();
	struct err e;

	if (m->ok) {
		control_engine_orphans(c, fields);
		control_request_ok(r, fields);
		return;
	}
	json_decref(fields);
	(void)err_set(&e, m->why, "%s", m->text);
	control_request_error(r, &e);
}

static void reconcile(struct controller *c, struct control_request *r, const char *name)
{
	struct ctl_message m = { .kind = CTL_RECONCILE };

	(void)name;
	control_ask(c, &m, (struct span){ 0 }, on_reconciled, r);
}

/* ---- changes */

static void change(struct controller *c, struct control_request *r, const char *name)
{
	if (control_on_trial(c))
		control_refuse_on_trial(r);
	else
		control_change(c, name, r, 0);
}

static void reload(struct controller *c, struct control_request *r, const char *name)
{
	const json_t *trial = json_object_get(r->json, "try");
	json_int_t s = json_integer_value(trial);
	struct err e;

	if (trial && json_is_true(json_object_get(r->json, "confirm"))) {
		(void)err_set(&e, ERR_INVALID, "expected \"try\" or \"confirm\"");
		control_request_error(r, &e);
	} else if (json_is_true(json_object_get(r->json, "confirm"))) {
		control_confirm(c, r);
	} else if (trial && (!json_is_integer(trial) || s < 1 || s > LIMIT_TRIAL_S)) {
		(void)err_set(&e, ERR_INVALID, "\"try\" is no number of seconds: expected 1 to %d",
			      LIMIT_TRIAL_S);
		control_request_error(r, &e);
	} else if (trial && !control_on_trial(c)) {
		control_change(c, name, r, (uint32_t)s * 1000);
	} else {
		change(c, r, name);
	}
}

static const struct action actions[] = {
	{ "status", status, true, false },	{ "refresh", refresh, false, false },
	{ "reload", reload, false, false },	{ "reconcile", reconcile, false, false },
	{ "teardown", teardown, false, false }, { "allow", change, false, false },
	{ "deny", change, false, false },	{ "apply", change, false, true },
	{ "set-network", change, false, true }, { "remove-network", change, false, true },
	{ "set-ipset", change, false, true },	{ "remove-ipset", change, false, true },
};

static const struct action *find(const char *name, struct err *e)
{
	struct nearest near = nearest_to(span_of(name));
	char shown[64];

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
		nearest_offer(&near, actions[i].name);
	}
	(void)err_set(e, ERR_INVALID, "unknown action \"%s\": %s%s%s",
		      span_show(span_of(name), shown, sizeof(shown)),
		      near.best ? "did you mean \"" : "see sallyport-daemon(8)",
		      near.best ? near.best : "", near.best ? "\"?" : "");
	return NULL;
}

static bool may(const struct controller *c, const struct action *a, const struct control_request *r,
		struct err *e)
{
	if (!a->anybody && r->peer.uid != 0)
		return err_set(e, ERR_DENIED, "uid %u may not %s: expected root",
			       (unsigned)r->peer.uid, a->name);
	if (a->dockside && !source_is_dockside(c->source))
		return err_set(e, ERR_UNSUPPORTED,
			       "%s changes Dockside's files, and the daemon runs by a policy file: "
			       "edit it and reload",
			       a->name);
	return true;
}

void control_on_request(void *ctx, struct control_request *r)
{
	const char *name = json_string_value(json_object_get(r->json, "action"));
	struct controller *c = ctx;
	const struct action *a;
	struct err e;

	a = find(name, &e);
	if (a && strcmp(a->name, "status") != 0)
		(void)fprintf(stderr, "sallyport: %s asked for by uid %u, gid %u, process %d\n",
			      a->name, (unsigned)r->peer.uid, (unsigned)r->peer.gid,
			      (int)r->peer.pid);
	if (a && may(c, a, r, &e))
		a->fn(c, r, a->name);
	else
		control_request_error(r, &e);
}
