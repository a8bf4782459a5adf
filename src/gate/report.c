/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "gate/internal.h"

struct event event_of(const struct flow *f, enum event_kind kind, enum event_layer layer)
{
	struct event ev = { .kind = kind,
			    .layer = layer,
			    .proto = (int16_t)f->proto,
			    .icmp_type = (int16_t)f->icmp_type,
			    .port = f->port };

	if (f->addr)
		ev.addr = *f->addr;
	if (f->name)
		ev.name = *f->name;
	return ev;
}

void event_because(struct event *ev, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ev->reason, sizeof(ev->reason), fmt, ap);
	va_end(ap);
}

void event_explain(struct gate *g, struct event *ev, const struct flow *f, const struct verdict *v)
{
	_cleanup_(buf_done) struct buf why;

	buf_init(&why, sizeof(ev->reason) * 4);
	verdict_why(g->o->plan, g->o->policy, f, v, &why);
	event_because(ev, "%s", buf_cstr(&why));
	ev->remedy = v->reason == REASON_FORBIDDEN ? REMEDY_ADDR : REMEDY_DEST;
}

void report(struct gate *g, struct event *ev, const struct verdict *v)
{
	if (ev->verdict == EVENT_ALLOW && !g->o->tell_allowed)
		return;
	ev->time_ms = clock_wall_ms();
	ev->count = 1;
	ev->rule = v && v->rule ? (int32_t)(v->rule - g->o->policy->rules) : -1;
	if (send(g->o->report_fd, ev, sizeof(*ev), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		g->farewell.lost_events++;
}
