/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of a change: candidate, enforcer, files, engine, answer. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/control_engine.h"
#include "daemon/controller.h"
#include "daemon/memory.h"
#include "policy/flat.h"
#include "policy/warn.h"

/* Until the end of a rule, which could not be put in force, is tried again. */
#define FAILED_MS 1000

static struct change *current(struct controller *c)
{
	return STAILQ_FIRST(&c->changes);
}

static void amend_trial(struct controller *c);

static void on_expiry(void *ctx)
{
	if (control_on_trial(ctx))
		amend_trial(ctx);
	else
		control_change(ctx, "expire", NULL, 0);
}

/* Rules that were added for a time end by a change like any other; what has failed is tried again at leisure. */
static void set_expiry(struct controller *c, uint64_t least_ms, uint64_t after_ms)
{
	uint64_t next = source_next_end(c->source, after_ms), now = clock_ms();

	timer_close(c->expiry);
	c->expiry = next ? timer_new(&c->loop, next > now + least_ms ? next - now : least_ms, 0,
				     on_expiry, c) :
			   NULL;
}

static json_t *result_json(const struct controller *c, const struct change *h)
{
	const struct plan_network *n;
	json_t *networks = json_array();
	const char *name;

	for (size_t i = 0; source_network(c->source, i, &name, &n); i++)
		json_array_append_new(networks, json_string(name));
	return json_pack("{s:I, s:I, s:b, s:b, s:o}", "generation",
			 (json_int_t)h->result.generation, "ended", (json_int_t)h->result.ended,
			 "changed", h->result.changed, "on_trial", h->on_trial, "networks",
			 networks);
}

static void answer(struct controller *c, struct change *h)
{
	if (h->request && h->failure.kind == ERR_NONE)
		control_request_ok(h->request, result_json(c, h));
	else if (h->request)
		control_request_error(h->request, &h->failure);
	h->request = NULL;
}

/* The change is over; the next one begins from the loop. */
static void finish(struct controller *c)
{
	struct change *h = current(c);

	STAILQ_REMOVE_HEAD(&c->changes, link);
	answer(c, h);
	set_expiry(c, h->failure.kind == ERR_NONE ? 1 : FAILED_MS, 0);
	candidate_free(h->candidate);
	free(h);
	if (c->started && STAILQ_EMPTY(&c->changes))
		control_tell(c, CTL_SETTLED, (struct span){ 0 });
	timer_restart(c->advance, 0);
	memory_give_back_soon(&c->loop, &c->idle);
}

static void fail(struct controller *c, const struct err *e)
{
	struct change *h = current(c);

	h->failure = *e;
	if (strcmp(h->action, "reload") == 0 || !c->started)
		(void)snprintf(c->failure, sizeof(c->failure), "%s", e->msg);
	if (c->started)
		(void)fprintf(stderr, "sallyport: %s failed, what was in force stays: %s\n",
			      h->action, e->msg);
	else
		control_give_up(c, e, !h->candidate);
	finish(c);
}

static void on_engine_done(struct controller *c)
{
	finish(c);
}

/* ---- what the enforcer said */

static void on_reverted(struct controller *c, void *ctx, const struct ctl_message *m,
			const char *bytes)
{
	struct change *h = ctx;

	(void)bytes;
	if (!m->ok)
		(void)err_wrap(
			&h->failure,
			"the policy before cannot be put back (%s): what was asked for is in "
			"force, unsaved",
			m->text);
	fail(c, &h->failure);
}

static void send_tunings(struct controller *c, const struct change *h)
{
	_cleanup_(tunings_done) struct tunings t;
	_cleanup_(buf_done) struct buf bytes;

	buf_init(&bytes, TUNINGS_BYTES);
	source_tunings(c->source, h->candidate, &t);
	if (!t.given)
		return;
	tunings_encode(&t, &bytes);
	control_tell(c, CTL_TUNINGS, buf_view(&bytes));
}

/* h->candidate's, or, when that is gone, what was kept last. */
static void send_plan(struct controller *c, struct change *h, const struct plan *p, ask_fn *fn)
{
	struct ctl_message m = { .kind = CTL_PLAN, .plan.trial_ms = h->trial_ms };
	_cleanup_(buf_done) struct buf bytes;
	struct err e;

	buf_init(&bytes, LIMIT_PLAN_FLAT);
	plan_encode(p, &bytes);
	if (buf_ok(&bytes)) {
		send_tunings(c, h);
		control_ask(c, &m, buf_view(&bytes), fn, h);
		return;
	}
	(void)err_set(&e, ERR_LIMIT, "the policy is too large to be handed over");
	fail(c, &e);
}

/* The files could not be written: what is in force has to be what they say. */
static void revert(struct controller *c, struct change *h, const struct err *why)
{
	const struct plan *p = source_plan(c->source);

	h->failure = *why;
	if (p)
		send_plan(c, h, p, on_reverted);
	else
		fail(c, why);
}

static void keep(struct controller *c, struct change *h)
{
	struct err e;

	if (!source_keep(c->source, steal(&h->candidate), &e)) {
		revert(c, h, &e);
		return;
	}
	c->started = true;
	control_engine_make(c, on_engine_done);
}

void control_refuse_on_trial(struct control_request *r)
{
	struct err e;

	(void)err_set(&e, ERR_INVALID,
		      "a policy is on trial: confirm it, or wait until it is taken back");
	control_request_error(r, &e);
}

/* Who asked before it began would wait as long as the trial does. */
static void refuse_waiting(struct controller *c)
{
	struct change *h = STAILQ_NEXT(current(c), link), *next;

	for (; h; h = next) {
		next = STAILQ_NEXT(h, link);
		if (!h->request)
			continue;
		STAILQ_REMOVE(&c->changes, h, change, link);
		control_refuse_on_trial(h->request);
		free(h);
	}
}

static void on_in_force(struct controller *c, void *ctx, const struct ctl_message *m,
			const char *bytes)
{
	struct change *h = ctx;
	struct err e;

	(void)bytes;
	if (!m->ok) {
		(void)err_set(&e, m->why, "%s", m->text);
		fail(c, &e);
		return;
	}
	h->result = m->plan;
	c->failure[0] = '\0';
	c->torn_down = false;
	if (h->result.trial_ms) {
		h->on_trial = true;
		answer(c, h);
		refuse_waiting(c);
		control_engine_look(c); /* a bridge's new name may be waiting as well */
	} else {
		keep(c, h);
	}
}

/* ---- a trial */

bool control_on_trial(const struct controller *c)
{
	const struct change *h = STAILQ_FIRST(&c->changes);

	return h && h->on_trial;
}

const struct plan *control_plan(const struct controller *c)
{
	return control_on_trial(c) ? candidate_plan(STAILQ_FIRST(&c->changes)->candidate) :
				     source_plan(c->source);
}

static void on_confirmed(struct controller *c, void *ctx, const struct ctl_message *m,
			 const char *bytes)
{
	struct change *h = current(c);
	struct err e;

	(void)bytes;
	if (m->ok && h && h->on_trial) {
		h->on_trial = false;
		h->request = ctx;
		keep(c, h);
		return;
	}
	if (m->ok)
		(void)err_set(&e, ERR_INVALID,
			      "nothing is on trial: the policy before is in force again");
	else
		(void)err_set(&e, m->why, "%s", m->text);
	control_request_error(ctx, &e);
}

void control_confirm(struct controller *c, struct control_request *r)
{
	struct ctl_message m = { .kind = CTL_CONFIRM };

	control_ask(c, &m, (struct span){ 0 }, on_confirmed, r);
}

void control_reverted(struct controller *c)
{
	struct change *h = current(c);

	if (!h || !h->on_trial)
		return;
	(void)snprintf(c->failure, sizeof(c->failure),
		       "nobody confirmed the policy on trial: it is no longer in force");
	(void)fprintf(stderr, "sallyport: %s\n", c->failure);
	finish(c);
}

/* ---- the end of a rule's time, and another bridge, during a trial */

/* What is to be tried again: before and after it is as if the time were not over yet, or the bridge the old one. */
static void amend_later(struct controller *c, const char *why)
{
	(void)fprintf(
		stderr,
		"sallyport: a rule whose time is over goes on, or a network that has moved is not "
		"confined yet: %s\n",
		why);
	set_expiry(c, FAILED_MS, 0);
}

static void on_amended(struct controller *c, void *ctx, const struct ctl_message *m,
		       const char *bytes)
{
	struct candidate *amended = ctx;
	struct change *h = current(c);

	(void)bytes;
	/* When the trial is over, the end comes as a change of its own. */
	if (!control_on_trial(c)) {
		candidate_free(amended);
		return;
	}
	if (!m->ok) {
		candidate_free(amended);
		amend_later(c, m->text);
		return;
	}
	if (!amended)
		return;
	candidate_free(h->candidate);
	h->candidate = amended;
}

/* One of the two policies of the trial. take_amended: it becomes what is on trial. */
static bool send_amended(struct controller *c, const struct plan *p, enum ctl_amends amends,
			 struct candidate *take_amended)
{
	struct ctl_message m = { .kind = CTL_PLAN, .plan.amends = amends };
	_cleanup_(buf_done) struct buf bytes;

	buf_init(&bytes, LIMIT_PLAN_FLAT);
	plan_encode(p, &bytes);
	if (buf_ok(&bytes)) {
		control_ask(c, &m, buf_view(&bytes), on_amended, take_amended);
		return true;
	}
	candidate_free(take_amended);
	return false;
}

/* Neither what is on trial nor what comes back has a rule whose time is over; both have the bridges' names of now. */
static void amend_trial(struct controller *c)
{
	struct candidate *before = NULL, *amended = NULL;
	uint64_t now = clock_ms();
	bool sent;
	struct err e;

	if (!source_expire(c->source, NULL, now, &before, &e) ||
	    !source_expire(c->source, current(c)->candidate, now, &amended, &e)) {
		candidate_free(before);
		amend_later(c, e.msg);
		return;
	}
	control_engine_name_bridges(c, candidate_plan(before));
	control_engine_name_bridges(c, candidate_plan(amended));
	sent = send_amended(c, candidate_plan(before), CTL_AMENDS_BEFORE, NULL);
	sent = send_amended(c, candidate_plan(amended), CTL_AMENDS_TRIAL, amended) && sent;
	candidate_free(before);
	if (sent)
		set_expiry(c, 1, now);
	else
		amend_later(c, "the policy is too large to be handed over");
}

void control_bridges_moved(struct controller *c)
{
	if (control_on_trial(c))
		amend_trial(c);
	else
		control_change(c, "bridges", NULL, 0);
}

/* ---- where a change comes from */

static bool rule_candidate(struct controller *c, json_t *r, enum rule_action action,
			   struct candidate **out, struct err *e)
{
	uint64_t now = clock_ms();
	struct source_rule rule = { .action = action };
	const char *ignored;
	json_int_t for_s = 0;
	json_error_t where;
	int save = 0;

	/* A field that is misspelt would open more than was meant, or for longer. */
	if (json_unpack_ex(r, &where, JSON_STRICT, "{s:s, s:s, s?s, s?I, s?b}", "action", &ignored,
			   "destination", &rule.dest, "network", &rule.network, "for", &for_s,
			   "save", &save) != 0)
		return err_set(
			e, ERR_INVALID,
			"expected \"destination\", and perhaps \"network\", \"for\" (seconds) "
			"and \"save\": %s",
			where.text);
	if (json_object_get(r, "for") && (for_s < 1 || for_s > LIMIT_RULE_FOR_S))
		return err_set(e, ERR_INVALID, "\"for\" is %lld: expected 1 to %d seconds",
			       (long long)for_s, LIMIT_RULE_FOR_S);
	rule.until_ms = for_s ? now + (uint64_t)for_s * 1000 : 0;
	rule.save = save;
	return source_add_rule(c->source, &rule, now, out, e);
}

static bool make_candidate(struct controller *c, struct change *h, struct err *e)
{
	json_t *r = h->request ? h->request->json : NULL;

	if (strcmp(h->action, "allow") == 0)
		return rule_candidate(c, r, RULE_ALLOW, &h->candidate, e);
	if (strcmp(h->action, "deny") == 0)
		return rule_candidate(c, r, RULE_DENY, &h->candidate, e);
	if (strcmp(h->action, "expire") == 0 || strcmp(h->action, "bridges") == 0)
		return source_expire(c->source, NULL, clock_ms(), &h->candidate, e);
	if (!r || strcmp(h->action, "reload") == 0)
		return source_load(c->source, clock_ms(), &h->candidate, e);
	return source_change(c->source, h->action, r, clock_ms(), &h->candidate, e);
}

/* Or is about to be: the enforcer has been asked. */
static bool is_torn_down(const struct controller *c)
{
	return c->torn_down || c->teardowns;
}

/* After a teardown only the files, read anew, bring rules back; and only of them there may be a warning. */
static bool brings_back(const struct change *h)
{
	return strcmp(h->action, "reload") == 0 || strcmp(h->action, "apply") == 0;
}

/* A rule's time is over, or a bridge has another name, while nothing is in force. */
static bool keep_aside(struct controller *c, struct change *h, struct err *e)
{
	if (h->request)
		return err_set(e, ERR_INVALID, "everything was torn down: reload first");
	return make_candidate(c, h, e) && source_keep(c->source, steal(&h->candidate), e);
}

static void on_advance(void *ctx)
{
	struct controller *c = ctx;
	struct change *h = current(c);
	struct err e;

	if (!h || h->begun)
		return;
	h->begun = true;
	if (is_torn_down(c) && !brings_back(h)) {
		if (keep_aside(c, h, &e))
			finish(c);
		else
			fail(c, &e);
	} else if (make_candidate(c, h, &e)) {
		if (!c->started || brings_back(h))
			plan_warn(candidate_plan(h->candidate), stderr);
		control_engine_name_bridges(c, candidate_plan(h->candidate));
		send_plan(c, h, candidate_plan(h->candidate), on_in_force);
	} else {
		fail(c, &e);
	}
}

void control_change(struct controller *c, const char *action, struct control_request *r,
		    uint32_t trial_ms)
{
	bool idle = STAILQ_EMPTY(&c->changes);
	struct change *h;

	/* What nobody waits for and is yet to begin, as during a trial, is asked for once. */
	STAILQ_FOREACH(h, &c->changes, link)
	if (!r && !h->request && !h->begun && strcmp(h->action, action) == 0)
		return;
	h = xcalloc(1, sizeof(*h));
	*h = (struct change){ .request = r, .action = action, .trial_ms = trial_ms };
	STAILQ_INSERT_TAIL(&c->changes, h, link);
	if (!c->advance)
		c->advance = timer_new(&c->loop, 0, 0, on_advance, c);
	else if (idle)
		timer_restart(c->advance, 0);
}
