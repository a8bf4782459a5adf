/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of the gate share: clocks that the test turns ahead, so that nothing sleeps, and
 * the event loop that runs by them.
 */
#ifndef SALLYPORT_TESTS_UNIT_GATE_HELP_H
#define SALLYPORT_TESTS_UNIT_GATE_HELP_H

#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "net/addr.h"
#include "net/name.h"
#include "t.h"

static uint64_t clock_ahead_ms;

/* Stands in for the C library's, for libuv, too. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ts);

	ts->tv_sec += (time_t)(clock_ahead_ms / 1000);
	ts->tv_nsec += (long)(clock_ahead_ms % 1000) * 1000000;
	if (ts->tv_nsec >= 1000000000) {
		ts->tv_sec++;
		ts->tv_nsec -= 1000000000;
	}
	return r;
}

static inline struct name name_of(const char *s)
{
	struct name n;
	struct err e = { 0 };

	t_good(name_parse(span_of(s), &n, &e), e);
	return n;
}

static inline struct addr addr_of(const char *s)
{
	struct addr a;
	struct err e = { 0 };

	t_good(addr_parse(span_of(s), &a, &e), e);
	return a;
}

#define t_eq_addr(got, want)                                   \
	do {                                                   \
		char addr_text_[ADDR_STR_MAX];                 \
		t_eq_str(addr_str((got), addr_text_), (want)); \
	} while (0)

/* Runs the loop until *done. Whenever nothing has happened for 2 ms, the clocks turn 50 ms ahead,
 * at most max_ms in all. */
static inline bool run_until(uv_loop_t *loop, const bool *done, uint64_t max_ms)
{
	struct pollfd p = { .fd = uv_backend_fd(loop), .events = POLLIN };
	uint64_t end = clock_ahead_ms + max_ms;

	(void)uv_run(loop, UV_RUN_NOWAIT);
	while (!*done && clock_ahead_ms < end) {
		if (poll(&p, 1, 2) == 0)
			clock_ahead_ms += 50;
		(void)uv_run(loop, UV_RUN_NOWAIT);
	}
	return *done;
}

/* Lets what is ready happen, without turning the clocks. */
static inline void run_ready(uv_loop_t *loop)
{
	struct pollfd p = { .fd = uv_backend_fd(loop), .events = POLLIN };

	do {
		(void)uv_run(loop, UV_RUN_NOWAIT);
	} while (poll(&p, 1, 20) > 0);
}

/* Closed handles are freed, and none is left open. */
static inline void loop_end(uv_loop_t *loop)
{
	for (int i = 0; i < 4; i++)
		(void)uv_run(loop, UV_RUN_NOWAIT);
	t_eq_int(uv_loop_close(loop), 0);
}

#endif
