/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

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
		name_copy(&ev.name, f->name);
	return ev;
}

void event_because(struct event *ev, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ev->reason, sizeof(ev->reason), fmt, ap);
	va_end(ap);
}

void event_explain(const struct subject *s, struct event *ev, const struct flow *f,
		   const struct verdict *v)
{
	_cleanup_(buf_done) struct buf why;

	if (!f->name && f->addr && addr_is_loopback(f->addr)) {
		event_because(ev, "the host's own loopback is reached as " HOST_LOOPBACK_NAME
				  ", where a rule says host:PORT");
		ev->remedy = REMEDY_DEST;
		return;
	}
	buf_init(&why, sizeof(ev->reason) * 4);
	verdict_why(s->plan, s->policy, f, v, &why);
	event_because(ev, "%s", buf_cstr(&why));
	ev->remedy = v->reason == REASON_FORBIDDEN ? REMEDY_ADDR : REMEDY_DEST;
}

void report(struct subject *s, struct event *ev, const struct verdict *v)
{
	struct gate_message m = { .kind = GATE_EVENT };

	if (ev->verdict == EVENT_ALLOW && !s->gate->o->tell_allowed)
		return;
	ev->time_ms = clock_wall_ms();
	ev->count = 1;
	ev->subject = s->index;
	ev->rule = v && v->rule ? (int32_t)(v->rule - s->policy->rules) : -1;
	m.event = *ev;
	if (!gate_tell(s->gate, &m))
		s->gate->farewell.lost_events++;
}
