/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of the rules: when each is to be asked for, and which addresses each has now.
 *
 *	names_due()	whom to ask	-> gate_child_resolve()
 *	names_answer()	what it said	-> changes of the sets of the kernel
 *	names_next_ms()	sleep until
 *
 * A name is asked for when the TTL of its last answer is over, or every refresh_s where that is
 * set, and a random part of that later (struct names_pace) so that names do not keep in step. When no
 * answer comes it is asked again after the same time, and then after twice as long each time, up to a
 * limit (likewise).
 *
 * An address is good until its TTL and grace_s are over, counted from the answer that it was in last;
 * answers without it do not shorten that, "no such name" included. While no answer comes, and
 * while one is waited for, what is there stays; so a time-out in the kernel should be a few minutes
 * later than until_ms, for the day on which this process is not there.
 *
 * Pure: every clock_ms() comes as now_ms. A name is its index in the list of names_set(), which is
 * that of network_map.
 */
#ifndef SALLYPORT_DAEMON_NAMES_H
#define SALLYPORT_DAEMON_NAMES_H

#include <jansson.h>

#include "gate/gate.h"

#define NAMES_BACKOFF_MAX_S   300  /* by default */
#define NAMES_BACKOFF_LIMIT_S 3600 /* that may be set */

/* Addresses of one name by default: eight new ones every 5 seconds, and the grace. */
#define NAMES_ADDRESSES 1024

/* Of a tuning that somebody sets. */
#define NAMES_PERIOD_MAX_S  86400U
#define NAMES_ADDRESSES_MAX 65536U

/* Until when a question counts as under way: the gate answers all it was asked within minutes. */
#define NAMES_ASKING_MS 600000

struct name_tuning {
	uint32_t refresh_s; /* 0: by the TTL */
	uint32_t grace_s;
	uint32_t queries;   /* whose answers are put together; 1 to GATE_QUERIES_MAX */
	uint32_t addresses; /* at most; then those that would go first make room. Not 0 */
};

#define NAME_TUNING_DEFAULT    \
	((struct name_tuning){ \
		.grace_s = LIMIT_DNS_GRACE_S, .queries = 1, .addresses = NAMES_ADDRESSES })

/* Of all names. */
struct names_pace {
	uint32_t backoff_max_s; /* between two questions of which none is answered */
	uint32_t jitter_pct;	/* a question comes so much later at most */
};

#define NAMES_PACE_DEFAULT ((struct names_pace){ NAMES_BACKOFF_MAX_S, 10 })

struct names_wanted {
	struct name name; /* each once */
	struct name_tuning tuning;
};

struct names_address {
	struct addr addr;
	uint64_t until_ms; /* clock_ms() */
};

enum names_change_kind { NAMES_ADDED, NAMES_EXTENDED, NAMES_REMOVED };

struct names_change {
	size_t name;
	struct names_address address;
	enum names_change_kind kind;
};

/* Grows; the caller frees items. */
struct names_changes {
	struct names_change *items;
	size_t n, cap;
};

struct names_question {
	uint32_t name;
	uint32_t queries;
};

struct names;

/* seed: of the random part of times. */
struct names *names_new(uint32_t seed);
void names_free(struct names *ns);

/* For the times that are set from now on; before it is called, NAMES_PACE_DEFAULT. */
void names_set_pace(struct names *ns, const struct names_pace *p);

/* From now on these are the names. What is known of those that stay is kept; new ones are due. */
void names_set(struct names *ns, const struct names_wanted *list, size_t n, uint64_t now_ms);

/* False: it is none of them. */
bool names_find(const struct names *ns, const struct name *name, size_t *out);

/* Some name was never answered, in one way or another. */
bool names_pending(const struct names *ns);

/* The name has this address already, for so long: what an earlier daemon has left in the kernel. */
void names_seed(struct names *ns, size_t name, const struct addr *a, uint64_t left_ms,
		uint64_t now_ms);

/*
 * Appends the addresses whose time is over to out, and writes at most max names that are to be asked
 * for now, which from then on count as asked. How many; when max, there may be more, and
 * names_next_ms() is now.
 */
size_t names_due(struct names *ns, uint64_t now_ms, struct names_question *ask, size_t max,
		 struct names_changes *out);

/* When names_due() has something to do; UINT64_MAX: never. */
uint64_t names_next_ms(const struct names *ns);

/* What the gate has answered; appends what changes by it. False: it is about none of the names. */
bool names_answer(struct names *ns, const struct gate_resolved *r, uint64_t now_ms,
		  struct names_changes *out);

/* The gate has died: what it was asked is due again. */
void names_unanswered(struct names *ns, uint64_t now_ms);

/* All are due, but for those that are being asked for. */
void names_refresh_all(struct names *ns, uint64_t now_ms);

/* Until the next change of ns. */
const struct names_address *names_addresses(const struct names *ns, size_t name, size_t *n);

/* What the last answer said, where one came; GATE_NO_ANSWER: none ever did. */
enum gate_outcome names_outcome(const struct names *ns, size_t name);

/*
 * {"name", "addresses", "last_attempt_age", "last_success_age", "next_refresh_seconds", "failures",
 * "last_error"}: seconds, or null for what has not been; failures since the last answer.
 */
json_t *names_json(const struct names *ns, size_t name, uint64_t now_ms);

#endif
