/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "docker/lines.h"

void lines_init(struct lines *l, size_t max)
{
	*l = (struct lines){ 0 };
	buf_init(&l->part, max);
}

void lines_done(struct lines *l)
{
	buf_done(&l->part);
}

bool lines_next(struct lines *l, struct span *rest, struct span *line)
{
	ptrdiff_t end = span_find(*rest, '\n');
	size_t n = end < 0 ? rest->n : (size_t)end;

	if (l->whole) {
		buf_clear(&l->part);
		l->skip = l->whole = false;
	}
	buf_span(&l->part, span_first(*rest, n));
	if (!buf_ok(&l->part))
		l->skip = true;
	*rest = span_from(*rest, end < 0 ? n : n + 1);
	if (end < 0)
		return false;
	l->whole = true;
	*line = l->skip ? (struct span){ NULL, 0 } : buf_view(&l->part);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}
