/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every system call that loads, changes or removes tables fails once, with every errno that may come of
 * it. Afterwards the kernel has all of the old or all of the new, the caller was told which, and the
 * next load gets to where it wants.
 */
#include <sys/socket.h>

#include "tables_cases.h"

#define CALLS_MAX 4000 /* of one operation; they have some tens */

enum mode {
	SEND_FAILS,   /* and the kernel never saw it */
	RECV_FAILS,   /* what is there stays */
	ANSWER_LOST,  /* one part of it is gone */
	ANSWERS_LOST, /* and so is everything until the next request */
	RECV_DEAD,    /* nothing is heard any more */
};

static struct {
	enum mode mode;
	int errnum;
	int at; /* the call that fails, counted from 0 */
	int n;	/* calls so far, of the kind that the mode is about */
	bool losing;
} fault;

static bool due(void)
{
	return fault.n++ == fault.at;
}

static ssize_t faulty_send(int fd, const void *p, size_t n, int flags)
{
	fault.losing = fault.losing && fault.mode == RECV_DEAD;
	if (fault.mode == SEND_FAILS && due()) {
		errno = fault.errnum;
		return -1;
	}
	return send(fd, p, n, flags);
}

static ssize_t faulty_recv(int fd, void *p, size_t n, int flags)
{
	ssize_t got;

	if (fault.mode == SEND_FAILS)
		return recv(fd, p, n, flags);
	if ((fault.mode == RECV_FAILS && due()) ||
	    (fault.mode == RECV_DEAD && (fault.losing = fault.losing || due()))) {
		errno = fault.errnum;
		return -1;
	}
	got = recv(fd, p, n, flags);
	if (fault.mode == RECV_FAILS || fault.mode == RECV_DEAD || got < 0)
		return got;
	if (due())
		fault.losing = fault.mode == ANSWERS_LOST;
	else if (!fault.losing)
		return got;
	errno = fault.errnum;
	return -1;
}

static const struct tables_io faulty = { faulty_send, faulty_recv };

struct world {
	struct tables *t;
	struct ruleset *none, *was, *next;
	struct tables_change change;
};

static bool has(struct world *w, const struct ruleset *r)
{
	char differs[256];
	struct err e;

	w->t->io = &tables_io_system;
	t_good(tables_compare(w->t, r, NULL, differs, sizeof(differs), &e), e);
	return !*differs;
}

static bool has_element(struct world *w)
{
	_cleanup_(rs_elements_done) struct rs_elements els = { 0 };
	struct err e;

	w->t->io = &tables_io_system;
	t_good(tables_elements(w->t, RS_INET, w->change.set, &els, &e), e);
	t_ok(els.n <= 1);
	return els.n == 1;
}

static bool do_anew(struct world *w, struct err *e)
{
	return tables_load(w->t, NULL, w->next, e);
}

static bool do_difference(struct world *w, struct err *e)
{
	return tables_load(w->t, w->was, w->next, e);
}

static bool do_remove(struct world *w, struct err *e)
{
	bool had;

	return tables_remove(w->t, &had, e);
}

static bool do_change(struct world *w, struct err *e)
{
	return tables_change(w->t, &w->change, 1, e);
}

static bool is_next(struct world *w)
{
	return has(w, w->next);
}

static bool is_none(struct world *w)
{
	return has(w, w->none);
}

/* Is the kernel as it is to be afterwards? If not, it has to be as it was. */
static const struct {
	const char *name;
	bool (*act)(struct world *w, struct err *e);
	bool (*after)(struct world *w);
} operations[] = {
	{ "load anew", do_anew, is_next },
	{ "load a difference", do_difference, is_next },
	{ "remove", do_remove, is_none },
	{ "change", do_change, has_element },
};

static const struct {
	const char *name;
	enum mode mode;
	int errnum;
} faults[] = {
	{ "send EPERM", SEND_FAILS, EPERM },
	{ "send ENOMEM", SEND_FAILS, ENOMEM },
	{ "send ENOBUFS", SEND_FAILS, ENOBUFS },
	{ "send EBUSY", SEND_FAILS, EBUSY },
	{ "send EEXIST", SEND_FAILS, EEXIST },
	{ "send ENOENT", SEND_FAILS, ENOENT },
	{ "send ENFILE", SEND_FAILS, ENFILE },
	{ "send EINTR", SEND_FAILS, EINTR },
	{ "send EAGAIN", SEND_FAILS, EAGAIN },
	{ "send EMSGSIZE", SEND_FAILS, EMSGSIZE },
	{ "receive EPERM", RECV_FAILS, EPERM },
	{ "receive ENOMEM", RECV_FAILS, ENOMEM },
	{ "receive ENOBUFS", RECV_FAILS, ENOBUFS },
	{ "receive EBUSY", RECV_FAILS, EBUSY },
	{ "receive EEXIST", RECV_FAILS, EEXIST },
	{ "receive ENOENT", RECV_FAILS, ENOENT },
	{ "receive ENFILE", RECV_FAILS, ENFILE },
	{ "receive EINTR", RECV_FAILS, EINTR },
	{ "receive EAGAIN", RECV_FAILS, EAGAIN },
	{ "answer lost, ENOBUFS", ANSWER_LOST, ENOBUFS },
	{ "answer lost, ENOMEM", ANSWER_LOST, ENOMEM },
	{ "answer lost, EINTR", ANSWER_LOST, EINTR },
	{ "answer lost, EAGAIN", ANSWER_LOST, EAGAIN },
	{ "answers lost, ENOBUFS", ANSWERS_LOST, ENOBUFS },
	{ "answers lost, EAGAIN", ANSWERS_LOST, EAGAIN },
	{ "nothing received, ENOBUFS", RECV_DEAD, ENOBUFS },
	{ "nothing received, EAGAIN", RECV_DEAD, EAGAIN },
	{ "nothing received, EPERM", RECV_DEAD, EPERM },
};

/* Once more, without a fault, from what the caller has to believe. */
static void converges(struct world *w, bool told_next)
{
	const struct ruleset *believed = told_next ? w->next : w->was;
	struct err e;

	t_good(tables_load(w->t, believed, w->was, &e), e);
	t_ok(has(w, w->was));
}

/* False when the operation was over before the fault came. */
static bool one(struct world *w, size_t op, size_t f, int at)
{
	bool good, after;
	struct err e = { 0 };

	w->t->io = &tables_io_system;
	t_good(tables_load(w->t, NULL, w->was, &e), e);
	fault = (__typeof__(fault)){ faults[f].mode, faults[f].errnum, at, 0, false };
	w->t->io = &faulty;
	good = operations[op].act(w, &e);
	at = fault.n;
	after = operations[op].after(w);
	if (!after)
		t_ok(has(w, w->was));
	if (good != after && (good || !strstr(e.msg, "is not known")))
		t_fail("%s, call %d: said %d (%s), but is %d", operations[op].name, fault.at, good,
		       good ? "" : e.msg, after);
	if (operations[op].after == is_next)
		converges(w, good);
	return at > fault.at;
}

T(every_call_fails)
{
	struct world w = { .none = ruleset_new(),
			   .was = case_ruleset(2, 5),
			   .next = case_ruleset(3, 6) };
	uint8_t key[RULESET_KEY_MAX];
	struct err e;
	int at, runs = 0;

	t_ok(fresh());
	t_good(tables_open(TABLES_OWNED, &w.t, &e), e);
	w.change =
		(struct tables_change){ .add = true,
					.family = RS_INET,
					.set = rs_set_find(&w.was->tables[RS_INET], "net1-1-4n") };
	case_key(key, 1, 443);
	w.change.element = (struct rs_element){ .key = key, .end = key, .comment = "" };
	for (size_t op = 0; op < ARRAY_LEN(operations); op++) {
		T_EACH(row, faults)
		{
			for (at = 0; at < CALLS_MAX && one(&w, op, (size_t)(row - faults), at);
			     at++)
				runs++;
			t_ok(at > 0 && at < CALLS_MAX);
		}
	}
	print_message("%d faults\n", runs);
	tables_close(w.t);
	ruleset_free(w.none);
	ruleset_free(w.was);
	ruleset_free(w.next);
}

int main(void)
{
	const struct CMUnitTest tests[] = { T_TEST(every_call_fails) };

	if (!namespaces()) {
		print_message("skipped: network namespaces: %s\n", strerror(errno));
		return T_SKIP_PROGRAM;
	}
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
