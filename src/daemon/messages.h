/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the enforcer and control say to each other, over a SOCK_SEQPACKET pair: messages of one
 * fixed size. What does not fit (a plan, a text) comes as a memfd with its size.
 */
#ifndef SALLYPORT_DAEMON_MESSAGES_H
#define SALLYPORT_DAEMON_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "net/addr.h"

enum ctl_kind {
	CTL_OPTIONS, /* the first one to control; memfd: JSON */
	/* From control, each answered by one CTL_DONE with its id. */
	CTL_PLAN,      /* memfd: plan_encode(): to be put in force */
	CTL_CONFIRM,   /* what is on trial stays */
	CTL_STATUS,    /* CTL_DONE comes with a memfd: JSON */
	CTL_REFRESH,   /* every name is asked for again */
	CTL_RECONCILE, /* read back, put right; memfd: JSON */
	CTL_TEARDOWN,  /* our tables are removed */
	CTL_FACTS,     /* memfd: struct ctl_fact[]: what the engine says */
	/* From control, not answered. */
	CTL_FAILED, /* text: there is no policy to begin with; before the first plan this ends the daemon */
	CTL_SETTLED, /* the first plan is in force, and the engine has its networks */
	CTL_TUNINGS, /* memfd: tunings_encode(): for the next CTL_PLAN; without one: the default's */
	/* From the enforcer. */
	CTL_RELOAD, /* somebody asked for it by a signal */
	CTL_DONE,
	CTL_REVERTED, /* nobody confirmed: what was on trial is in force no longer */
	CTL_PORTS,    /* a port of a managed bridge has come or gone: the engine may know more */
	CTL_KIND_COUNT
};

/* A rule's time may be over during a trial: then neither of its two policies has it any longer. A network may
 * have another bridge: then both confine that. */
enum ctl_amends {
	CTL_AMENDS_NOTHING,
	CTL_AMENDS_TRIAL,  /* what is on trial, which it stays */
	CTL_AMENDS_BEFORE, /* what comes back at its end */
};

struct ctl_plan {
	enum ctl_amends amends;
	uint32_t trial_ms;   /* the plan before comes back by itself; 0: it stays */
	uint64_t generation; /* of what is in force now */
	uint64_t ended;	     /* flows that it no longer allows */
	bool changed;	     /* the kernel has other rules than before */
};

struct ctl_message {
	enum ctl_kind kind;
	bool ok;	   /* CTL_DONE: else text tells why not */
	enum err_kind why; /* with it */
	uint64_t id;	   /* of the request */
	uint64_t size;	   /* bytes of the memfd; 0: there is none */
	struct ctl_plan plan;
	bool unread;   /* CTL_FAILED: it is the files that are wrong, */
	struct pos at; /* here; line 0: no place */
	char text[512];
};

/* One container's end of a network, as the engine has it. */
struct ctl_fact {
	char bridge[16];
	char container[64]; /* cut */
	uint8_t has_mac;    /* 0: it has none; of another process, so not a bool */
	uint8_t mac[6];
	struct addr v4, v6; /* family 0: none */
};

/* A sealed file without a name that holds the bytes, to be read from its beginning. The caller closes
 * *out. */
bool ctl_memfd(struct span bytes, int *out, struct err *e) _must_use_;

/* Reads all size bytes of one. *out is the caller's, NUL-terminated. */
bool ctl_memfd_read(int fd, uint64_t size, uint64_t max, char **out, struct err *e) _must_use_;

/*
 * Sends one; bytes with n != 0 go along as a memfd. The event loop's sockets do not block: an end that has let so
 * many lie that there is no room is as good as gone.
 */
bool ctl_send(int sock, struct ctl_message *m, struct span bytes, struct err *e) _must_use_;

/*
 * Receives one that is there. 1: *m, and *fd is the caller's or -1; 0: none is there; -1: the other
 * end is gone, or has sent what is no message.
 */
int ctl_receive(int sock, struct ctl_message *m, int *fd);

#endif
