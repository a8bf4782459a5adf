/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What control asks for, and a policy on trial. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "daemon/enforcer.h"
#include "daemon/notify.h"
#include "policy/flat.h"

/* Until it is tried again to put back the policy before a trial. */
#define REVERT_AGAIN_MS 1000

static void tell(struct enforcer *f, struct ctl_message *m, struct span bytes)
{
	struct err e;

	if (!f->control || ctl_send(watch_fd(f->control), m, bytes, &e))
		return;
	/* What it has missed it would wait for; and the next message would be waited with again. */
	enforcer_story("control does not listen, and is ended: %s", e.msg);
	(void)shutdown(watch_fd(f->control), SHUT_RDWR);
}

void orders_tell(struct enforcer *f, enum ctl_kind kind)
{
	struct ctl_message m = { .kind = kind };

	tell(f, &m, (struct span){ 0 });
}

static void done(struct enforcer *f, const struct ctl_message *m, json_t *take_fields)
{
	struct ctl_message reply = { .kind = CTL_DONE, .ok = true, .id = m->id, .plan = m->plan };
	char *text = take_fields ? json_dumps(take_fields, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	tell(f, &reply, text ? span_of(text) : (struct span){ 0 });
	free(text);
	json_decref(take_fields);
}

static void failed(struct enforcer *f, const struct ctl_message *m, const struct err *e)
{
	struct ctl_message reply = { .kind = CTL_DONE, .ok = false, .id = m->id, .why = e->kind };

	(void)snprintf(reply.text, sizeof(reply.text), "%s", e->msg);
	tell(f, &reply, (struct span){ 0 });
}

/* ---- a policy on trial */

static void on_time_up(void *ctx)
{
	struct enforcer *f = ctx;
	struct err e;

	if (!trial_revert(f, &e)) {
		enforcer_story("the policy before the trial cannot be put back yet: %s", e.msg);
		timer_restart(f->trial, REVERT_AGAIN_MS);
		return;
	}
	orders_tell(f, CTL_REVERTED);
}

static void trial_begin(struct enforcer *f, struct inforce *take_before, uint32_t ms)
{
	(void)trial_confirm(f);
	f->before = *take_before;
	*take_before = (struct inforce){ 0 };
	f->trial = timer_new(&f->loop, ms, 0, on_time_up, f);
}

bool trial_confirm(struct enforcer *f)
{
	bool had = f->trial;

	timer_close(f->trial);
	f->trial = NULL;
	inforce_done(&f->before);
	return had;
}

bool trial_revert(struct enforcer *f, struct err *e)
{
	struct inforce next = inforce_copy(&f->before);
	struct ctl_plan ignored;

	if (!inforce_change(f, &next, &ignored, e))
		return false;
	(void)trial_confirm(f);
	return true;
}

/* ---- the daemon's end */

static bool drop_added_allows(struct enforcer *f, struct err *e)
{
	struct inforce next = inforce_copy(&f->now);
	struct ctl_plan ignored;

	if (plan_drop_added_allows(next.plan))
		return inforce_change(f, &next, &ignored, e);
	inforce_done(&next);
	return true;
}

bool orders_end(struct enforcer *f, struct err *e)
{
	if (!f->now.plan)
		return true;
	return (!f->trial || trial_revert(f, e)) && drop_added_allows(f, e) && flows_finish(f, e);
}

/* ---- orders */

/* What of it is in force already is not read again. */
static bool read_plan(struct enforcer *f, uint64_t size, int fd, struct plan **out, struct err *e)
{
	_cleanup_(freep) char *bytes = NULL;

	if (fd < 0)
		return err_set(e, ERR_INVALID, "a plan without its bytes");
	return ctl_memfd_read(fd, size, LIMIT_PLAN_FLAT, &bytes, e) &&
	       plan_decode((struct span){ bytes, size }, f->now.plan, out, e);
}

/* The trial's time runs on. */
static bool amend(struct enforcer *f, struct ctl_message *m, struct plan *take_plan, struct err *e)
{
	struct inforce next = { .plan = take_plan };

	if (!f->trial) {
		inforce_done(&next);
		return err_set(e, ERR_INVALID, "no policy is on trial");
	}
	if (m->plan.amends == CTL_AMENDS_BEFORE) {
		next.tunings = tunings_copy(&f->before.tunings);
		inforce_done(&f->before);
		f->before = next;
		return true;
	}
	next.tunings = tunings_copy(&f->now.tunings);
	return inforce_change(f, &next, &m->plan, e);
}

static void put_amended(struct enforcer *f, struct ctl_message *m, int fd)
{
	struct plan *plan;
	struct err e;

	if (read_plan(f, m->size, fd, &plan, &e) && amend(f, m, plan, &e))
		done(f, m, NULL);
	else
		failed(f, m, &e);
}

static void put(struct enforcer *f, struct ctl_message *m, int fd)
{
	struct inforce next = { .tunings = f->coming }, was;
	uint32_t trial_ms = m->plan.trial_ms;
	struct err e;

	if (m->plan.amends != CTL_AMENDS_NOTHING) {
		put_amended(f, m, fd);
		return;
	}
	notify("RELOADING=1");
	f->coming = (struct tunings){ 0 };
	if (read_plan(f, m->size, fd, &next.plan, &e) &&
	    inforce_put(f, &next, &was, &m->plan, &e)) {
		/* What was in force already has nothing to go back to. */
		if (trial_ms && was.plan) {
			trial_begin(f, &was, trial_ms);
			m->plan.trial_ms = trial_ms;
		}
		inforce_done(&was);
		done(f, m, NULL);
		enforcer_ready(f);
	} else {
		inforce_done(&next);
		failed(f, m, &e);
		if (!f->ready)
			enforcer_give_up(f, &e);
	}
	if (f->ready)
		notify("READY=1");
}

static void status(struct enforcer *f, struct ctl_message *m, int fd)
{
	(void)fd;
	done(f, m, status_json(f));
}

static void refresh(struct enforcer *f, struct ctl_message *m, int fd)
{
	(void)fd;
	lookups_refresh(f);
	done(f, m, NULL);
}

static void confirm(struct enforcer *f, struct ctl_message *m, int fd)
{
	struct err e;

	(void)fd;
	if (trial_confirm(f)) {
		done(f, m, NULL);
		return;
	}
	(void)err_set(&e, ERR_INVALID, "no policy is on trial");
	failed(f, m, &e);
}

struct strangers {
	json_t *chains, *sets;
};

static void on_stranger(void *ctx, enum rs_family family, bool chain, const char *name)
{
	struct strangers *s = ctx;

	(void)family;
	json_array_append_new(chain ? s->chains : s->sets, json_string(name));
}

/* What is there and is not ours goes when the tables are put right. */
static void reconcile(struct enforcer *f, struct ctl_message *m, int fd)
{
	struct strangers found = { json_array(), json_array() };
	char differed[sizeof(f->wrong)];
	struct err e;

	(void)fd;
	if (f->torn_down)
		(void)err_set(&e, ERR_INVALID, "everything was torn down: reload first");
	else if (!f->now.rules)
		(void)err_set(&e, ERR_INVALID, "no policy is in force yet");
	else if (tables_strangers(f->tables, f->now.rules, on_stranger, &found, &e) &&
		 drift_check(f, differed, sizeof(differed), &e)) {
		ports_look(f);
		done(f, m,
		     json_pack("{s:b, s:s?, s:o, s:o}", "repaired", differed[0] != '\0', "differed",
			       differed[0] ? differed : NULL, "removed_chains", found.chains,
			       "removed_ipsets", found.sets));
		return;
	}
	json_decref(found.chains);
	json_decref(found.sets);
	failed(f, m, &e);
}

static void teardown(struct enforcer *f, struct ctl_message *m, int fd)
{
	struct err e;
	bool had, on_trial = f->trial;

	(void)fd;
	if (inforce_remove(f, &had, &e)) {
		if (on_trial)
			orders_tell(f, CTL_REVERTED);
		enforcer_story("torn down by request: nothing is confined until the next reload");
		done(f, m, json_pack("{s:b}", "removed", had));
	} else {
		failed(f, m, &e);
	}
}

static void facts(struct enforcer *f, struct ctl_message *m, int fd)
{
	_cleanup_(freep) char *bytes = NULL;
	struct err e;

	if (m->size % sizeof(struct ctl_fact) == 0 &&
	    (fd < 0 ||
	     ctl_memfd_read(fd, m->size, LIMIT_FACTS * sizeof(struct ctl_fact), &bytes, &e))) {
		ports_facts(f, bytes, m->size / sizeof(struct ctl_fact));
		done(f, m, NULL);
		return;
	}
	(void)err_set(&e, ERR_INVALID, "what the engine says cannot be read");
	failed(f, m, &e);
}

static void tunings(struct enforcer *f, struct ctl_message *m, int fd)
{
	_cleanup_(freep) char *bytes = NULL;
	struct err e;

	tunings_done(&f->coming);
	if (fd < 0 || !ctl_memfd_read(fd, m->size, TUNINGS_BYTES, &bytes, &e) ||
	    !tunings_decode((struct span){ bytes, m->size }, &f->coming, &e))
		enforcer_story("names are asked for by default: the tunings cannot be read");
}

static void give_up(struct enforcer *f, struct ctl_message *m, int fd)
{
	struct err e;

	(void)fd;
	if (f->ready) {
		enforcer_story("what is in force stays: %s", m->text);
		return;
	}
	(void)err_set_at(&e, m->why, m->at, "%s", m->text);
	f->unread = m->unread;
	enforcer_give_up(f, &e);
}

static void settled(struct enforcer *f, struct ctl_message *m, int fd)
{
	(void)m;
	(void)fd;
	f->control_settled = true;
	enforcer_settle(f);
}

typedef void order_fn(struct enforcer *f, struct ctl_message *m, int fd);

static order_fn *const orders[CTL_KIND_COUNT] = {
	[CTL_PLAN] = put,	 [CTL_CONFIRM] = confirm,     [CTL_STATUS] = status,
	[CTL_REFRESH] = refresh, [CTL_RECONCILE] = reconcile, [CTL_TEARDOWN] = teardown,
	[CTL_FACTS] = facts,	 [CTL_FAILED] = give_up,      [CTL_SETTLED] = settled,
	[CTL_TUNINGS] = tunings,
};

bool orders_read(struct enforcer *f)
{
	struct ctl_message m;
	int fd, got = 0;

	for (int i = 0; i < 64 && (got = ctl_receive(watch_fd(f->control), &m, &fd)) > 0; i++) {
		if (orders[m.kind])
			orders[m.kind](f, &m, fd);
		fd_closep(&fd);
	}
	return got >= 0;
}
