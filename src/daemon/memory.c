/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/memory.h"

#include "base/alloc.h"

#define IDLE_MS 1500

static void on_idle(void *ctx)
{
	(void)ctx;
	alloc_give_back();
}

void memory_give_back_soon(uv_loop_t *loop, struct timer **t)
{
	if (!*t)
		*t = timer_new(loop, IDLE_MS, 0, on_idle, NULL);
	else
		timer_restart(*t, IDLE_MS);
}
