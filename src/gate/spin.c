/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/spin.h"

#include <sched.h>

#include "gate/watch.h"

/* Longer than an answer from the same machine or network takes, shorter than anyone notices. */
#define SPIN_NS 200000

/* Quick answers less slow ones, of late; above 0 the loop spins. The ceiling bounds what is wasted
 * when a quick peer turns slow: CREDIT_MAX times SPIN_NS. */
#define CREDIT_MAX 16

/* Looks for events without sleeping. False: none came in time. */
static bool spin(uv_loop_t *loop, const bool *stop)
{
	uint64_t until = uv_hrtime() + SPIN_NS, before = watch_events(loop);

	do {
		(void)uv_run(loop, UV_RUN_NOWAIT);
		if (*stop || watch_events(loop) != before)
			return true;
		(void)sched_yield(); /* whoever answers may be waiting for this CPU */
	} while (uv_hrtime() < until);
	return false;
}

void spin_run(uv_loop_t *loop, const bool *stop)
{
	int credit = 0;

	while (!*stop) {
		uint64_t slept = uv_hrtime();

		(void)uv_run(loop, UV_RUN_ONCE);
		slept = uv_hrtime() - slept;
		if (slept < SPIN_NS && credit < CREDIT_MAX)
			credit++;
		while (!*stop && credit > 0)
			if (!spin(loop, stop)) {
				credit--;
				break;
			}
	}
}
