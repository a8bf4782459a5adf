/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the loop, and looks again for a moment before it sleeps. Waking a sleeping process costs
 * more than relaying a small message does, and a request is often answered within that time; so
 * where answers have been that quick of late, the loop polls for SPIN_US before it blocks. Where
 * they have not, it does not: an idle or a slow connection costs nothing.
 */
#ifndef SALLYPORT_GATE_SPIN_H
#define SALLYPORT_GATE_SPIN_H

#include <stdbool.h>

#include <uv.h>

/* Until *stop, which a callback sets. */
void spin_run(uv_loop_t *loop, const bool *stop);

#endif
