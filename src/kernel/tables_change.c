/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/tables_internal.h"

#define CHANGE_MAX 2000U /* in one transaction */
#define TRIES	   3	 /* when the answer was lost; a change that was made can be made again */

static void one(struct batch *b, const struct tables_change *c, uint16_t type)
{
	batch_elements_begin(b, c->family, c->set, type);
	batch_element(b, &c->element);
	batch_elements_end(b);
}

/*
 * Deletes what may not be there. Before Linux 6.3 it is added first: that of what is there is no
 * error, and changes nothing of it.
 */
static void destroy(struct batch *b, const struct tables_change *c, bool known)
{
	if (!known)
		one(b, c, NFT_MSG_NEWSETELEM);
	one(b, c, known ? TABLES_MSG_DESTROYSETELEM : NFT_MSG_DELSETELEM);
}

static enum sent attempt(struct tables *t, const struct tables_change *c, size_t n, struct err *e)
{
	struct refusal r;
	enum sent sent;
	struct batch b;

	batch_init(&b, t->seq + 1);
	for (size_t i = 0; i < n; i++) {
		destroy(&b, &c[i], t->destroy);
		if (c[i].add)
			one(&b, &c[i], NFT_MSG_NEWSETELEM);
	}
	batch_end(&b);
	sent = tables_send(t, &b, &r);
	if (sent != SENT_DONE)
		(void)tables_refused(&b, sent, &r, e);
	batch_done(&b);
	return sent;
}

static bool some(struct tables *t, const struct tables_change *c, size_t n, struct err *e)
{
	enum sent sent = SENT_UNKNOWN;

	for (int i = 0; i < TRIES && sent == SENT_UNKNOWN; i++)
		sent = attempt(t, c, n, e);
	if (sent == SENT_UNKNOWN)
		return err_set(e, ERR_SYSTEM,
			       "the kernel's answer was lost, and what it did is not known");
	return sent == SENT_DONE;
}

bool tables_change(struct tables *t, const struct tables_change *c, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i += CHANGE_MAX)
		if (!some(t, c + i, MIN(n - i, (size_t)CHANGE_MAX), e))
			return false;
	return true;
}
