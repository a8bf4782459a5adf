/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another program has touched our tables: that is heard within a moment, read back, and put right. What is
 * not heard (messages were lost, a kernel that does not tell) is found by a look now and then.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/enforcer.h"
#include "kernel/talk.h"

/* Between two looks that nothing has called for; where nothing can be heard, QUARREL_MS. */
#define LOOK_MS (5 * 60 * 1000)

/* More repairs in a row than this within BUSY_MS are a quarrel with another program, which is told, not
 * fought at full speed. */
#define QUARREL	   20
#define BUSY_MS	   10000
#define QUARREL_MS 1000

static void tell(struct enforcer *f, const char *what)
{
	struct event ev = { .kind = EVENT_PACKET,
			    .layer = LAYER_NFT,
			    .verdict = EVENT_ERROR,
			    .proto = DEST_PROTO_ANY,
			    .icmp_type = -1,
			    .rule = -1,
			    .count = 1 };

	ev.time_ms = clock_wall_ms();
	(void)snprintf(ev.reason, sizeof(ev.reason),
		       "the tables were changed by another program (%.80s), and were put right",
		       what);
	f->o->on_event(f->o->ctx, &ev, "daemon", NULL);
	enforcer_story("the tables were changed by another program: %s; they were put right", what);
}

static bool put_right(struct enforcer *f, char *differed, size_t size, struct err *e)
{
	uint64_t ended;

	if (!tables_compare(f->tables, f->now.rules, NULL, f->wrong, sizeof(f->wrong), e))
		return false;
	if (!f->wrong[0])
		return !f->unswept || flows_sweep(f, &ended, e);
	(void)snprintf(differed, size, "%s", f->wrong);
	if (!inforce_reload(f, e))
		return false;
	f->repairs++;
	tell(f, differed);
	/* What got out meanwhile has flows that would go on. */
	return flows_sweep(f, &ended, e);
}

bool drift_check(struct enforcer *f, char *differed, size_t size, struct err *e)
{
	differed[0] = '\0';
	if (!f->now.rules || put_right(f, differed, size, e))
		return true;
	drift_soon(f);
	return false;
}

/* What is learned is not compared: it comes and goes. After another program was there, and when some of it was
 * refused, it is put in anew. */
static bool refill(struct enforcer *f, struct err *e)
{
	if (!f->now.rules || !(f->meddled || f->unfilled))
		return true;
	if (!inforce_reload(f, e)) {
		drift_soon(f);
		return false;
	}
	if (f->meddled) {
		f->repairs++;
		tell(f, "perhaps what is learned");
	}
	return true;
}

static void look(struct enforcer *f)
{
	char differed[sizeof(f->wrong)];
	struct err e;

	if (f->torn_down)
		return;
	if (!drift_check(f, differed, sizeof(differed), &e) || (!differed[0] && !refill(f, &e)))
		enforcer_story("what is in force cannot be put right: %s", e.msg);
	else
		f->meddled = false;
}

/* False: it has been put right so often that it has to wait. */
static bool may_repair(struct enforcer *f)
{
	uint64_t now = uv_now(&f->loop);

	if (now - f->busy_since > BUSY_MS) {
		f->busy_since = now;
		f->busy_from = f->repairs;
	}
	return f->repairs - f->busy_from < QUARREL;
}

static void on_change(void *ctx, int events);

bool drift_hears(const struct enforcer *f)
{
	return f->drift && talk_is_of(watch_fd(f->drift), NETLINK_NETFILTER);
}

static bool listen_anew(struct enforcer *f, struct err *e)
{
	int fd;

	if (f->drift)
		watch_close(f->drift);
	f->drift = NULL;
	if (!tables_monitor_open(&fd, e))
		return false;
	f->drift = watch_readable(&f->loop, fd, on_change, f, "nftables", e);
	return f->drift;
}

/* What had gone deaf hears again, before the look: what happens afterwards is not missed. */
static void recover(struct enforcer *f)
{
	struct err e;

	if (!drift_hears(f) && listen_anew(f, &e))
		enforcer_story("changes of nftables are heard again");
	if (!ports_hear(f) && ports_listen(f, &e)) {
		enforcer_story("bridges are watched again");
		ports_look(f);
	}
}

static void on_look(void *ctx)
{
	struct enforcer *f = ctx;

	f->look_soon = false;
	timer_restart(f->check, LOOK_MS);
	recover(f);
	look(f);
	if (f->unswept || !drift_hears(f) || !ports_hear(f))
		drift_soon(f);
}

static void on_change(void *ctx, int events)
{
	struct enforcer *f = ctx;
	bool touched;
	const char *name;
	struct err e;

	(void)events;
	if (!tables_monitor_read(f->tables, watch_fd(f->drift), &touched, &e)) {
		enforcer_story("changes of nftables can no longer be heard: %s", e.msg);
		watch_close(f->drift);
		f->drift = NULL;
		drift_soon(f);
		return;
	}
	f->meddled |= touched && tables_touched_by(f->tables, &name) != 0;
	if (touched && may_repair(f))
		look(f);
	else if (touched)
		drift_soon(f);
}

/* Who asks again and again does not put it off. */
void drift_soon(struct enforcer *f)
{
	if (f->check && !f->look_soon) {
		timer_restart(f->check, QUARREL_MS);
		f->look_soon = true;
	}
}

bool drift_start(struct enforcer *f, struct err *e)
{
	f->check = timer_new(&f->loop, LOOK_MS, 0, on_look, f);
	return listen_anew(f, e);
}
