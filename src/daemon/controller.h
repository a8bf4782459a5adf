/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of control share: the process's state, and the life of a change. */
#ifndef SALLYPORT_DAEMON_CONTROLLER_H
#define SALLYPORT_DAEMON_CONTROLLER_H

#include <sys/queue.h>

#include "daemon/control_child.h"
#include "daemon/control_server.h"
#include "daemon/messages.h"
#include "gate/watch.h"

struct controller;

/* The enforcer's answer, with all bytes that came along (NUL-terminated), or NULL. */
typedef void ask_fn(struct controller *c, void *ctx, const struct ctl_message *m,
		    const char *bytes);

struct question {
	STAILQ_ENTRY(question) link;
	uint64_t id;
	ask_fn *fn;
	void *ctx;
};

/*
 * A change of what is in force, on its way: made as a candidate, asked of the enforcer, kept, and the
 * engine told. One at a time; those that come meanwhile wait.
 */
struct change {
	STAILQ_ENTRY(change) link;
	struct control_request
		*request; /* NULL: nobody waits: a signal, the start, an end of time */
	const char *action;
	uint32_t trial_ms;
	struct candidate *candidate;
	struct ctl_plan result;
	struct err failure; /* ERR_NONE: none yet */
	bool begun;
	bool on_trial; /* in force until it is confirmed or time is up */
};

struct controller {
	uv_loop_t loop;
	const struct control_options *o;
	struct watch *channel; /* to the enforcer */
	struct control_server *server;
	struct source *source;
	uint64_t last_id;
	STAILQ_HEAD(, question) questions; /* in the order asked, which is that of the answers */
	STAILQ_HEAD(, change) changes;	   /* the first is under way */
	struct timer *idle;		   /* after the last of them */
	struct timer *advance;		   /* begins the first of them */
	struct timer *expiry;		   /* of added rules; NULL: none ends */
	bool started;			   /* the first plan is in force */
	bool torn_down;			   /* by request: nothing is, until the next reload */
	unsigned teardowns;		   /* requests for that which are not answered yet */
	char failure[512];		   /* of the last reload, or the first; "": it went well */
	struct engine_link *engine;	   /* control_engine.c; NULL: none */
	/* For who is not root: the last status, how old it is, and who waits for the next. control_actions.c */
	char *seen; /* owned; NULL: none yet */
	uint64_t seen_ms;
	struct control_request *waiting[LIMIT_CONTROL_CLIENTS];
	size_t n_waiting;
};

/* Asks the enforcer; fn is called once. */
void control_ask(struct controller *c, struct ctl_message *m, struct span bytes, ask_fn *fn,
		 void *ctx);

/* Tells the enforcer what it does not answer. */
void control_tell(struct controller *c, enum ctl_kind kind, struct span bytes);

/* Tells the enforcer that there is no policy to begin with; unread: the files have none. */
void control_give_up(struct controller *c, const struct err *why, bool unread);

/* Puts a change in the queue. r: who asked for it, or NULL. action: a constant. */
void control_change(struct controller *c, const char *action, struct control_request *r,
		    uint32_t trial_ms);

/* A plan is on trial: nothing else can be changed meanwhile. */
bool control_on_trial(const struct controller *c);

/* Answers so. */
void control_refuse_on_trial(struct control_request *r);

/* The plan that is in force, on trial or for good, as far as control knows; NULL before the first. */
const struct plan *control_plan(const struct controller *c);

/* It has other bridges than the engine. */
void control_bridges_moved(struct controller *c);

/* The trial ends: by the request to keep it, or because the enforcer took it back. */
void control_confirm(struct controller *c, struct control_request *r);
void control_reverted(struct controller *c);

/* Answers the clients: the control_fn of the server, with a struct controller. */
void control_on_request(void *ctx, struct control_request *r);

#endif
