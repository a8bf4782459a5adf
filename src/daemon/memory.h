/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a process that needs much for a large policy, and little afterwards. */
#ifndef SALLYPORT_DAEMON_MEMORY_H
#define SALLYPORT_DAEMON_MEMORY_H

#include "gate/watch.h"

/* What such a process begins with when it loads one policy and ends: alloc_ahead(). */
#define MEMORY_ONCE_BYTES (64U << 20)

/*
 * To be called after each change: when no other follows for a while, what was freed is given back to the
 * kernel. At once would be too soon, as the next change would have to take it again. *t is NULL at first, and
 * the caller's to close.
 */
void memory_give_back_soon(uv_loop_t *loop, struct timer **t);

#endif
