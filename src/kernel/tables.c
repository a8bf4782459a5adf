/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/tables.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "kernel/tables_internal.h"

#define ANSWERS	    (1 << 20) /* bytes for acknowledgements: 1000 errors */
#define TRIES	    3 /* of what others may change in between, or of which the answer was lost */
#define PORTID_PIDS (4U << 20) /* the most process ids there are (PID_MAX_LIMIT) */

/* Asked once, by what changes nothing: the kernel knows the message or not. */
static bool has_destroy(struct tables *t)
{
	static const enum rs_field any[] = { RS_IIFNAME };
	static const uint8_t nobody[16];
	struct rs_set none = { .name = "-", .n_fields = 1, .fields = { any[0] }, .comment = "" };
	struct refusal r;
	struct batch b;

	batch_init(&b, t->seq + 1);
	batch_elements_begin(&b, RS_INET, &none, TABLES_MSG_DESTROYSETELEM);
	batch_element(&b, &(struct rs_element){ .key = nobody, .end = nobody, .comment = "" });
	batch_elements_end(&b);
	batch_end(&b);
	/* An unknown message is EINVAL; a known one finds no table or no set. */
	(void)tables_send(t, &b, &r);
	batch_done(&b);
	return r.errnum != EINVAL;
}

static void set_up(struct tables *t)
{
	int on = 1, size = ANSWERS;

	(void)setsockopt(t->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(t->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(t->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* Connected to the kernel, so that nothing else can send to it. */
static bool bind_to_kernel(struct tables *t, struct err *e)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };
	socklen_t n = sizeof(sa);

	if (bind(t->fd, (const struct sockaddr *)&sa, n) != 0 ||
	    connect(t->fd, (const struct sockaddr *)&sa, n) != 0 ||
	    getsockname(t->fd, (struct sockaddr *)&sa, &n) != 0)
		return err_sys(e, errno, "nf_tables: cannot bind");
	t->portid = sa.nl_pid;
	return true;
}

bool tables_open(enum tables_owner owner, struct tables **out, struct err *e)
{
	struct tables *t = xcalloc(1, sizeof(*t));

	t->want = owner;
	t->io = &tables_io_system;
	t->rx = xmalloc(TABLES_RX);
	t->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (t->fd < 0) {
		err_sys(e, errno, "nf_tables: cannot open a socket");
	} else if (bind_to_kernel(t, e)) {
		set_up(t);
		t->destroy = has_destroy(t);
		*out = t;
		return true;
	}
	tables_close(t);
	return false;
}

void tables_close(struct tables *t)
{
	if (!t)
		return;
	fd_closep(&t->fd);
	free(t->rx);
	free(t);
}

bool tables_owned(const struct tables *t)
{
	return t->owned;
}

static bool owned_by_another(const struct tables_found *found, struct err *e)
{
	/* A socket's port is its process's id, where no other socket of it had it first. */
	if (found->portid < PORTID_PIDS)
		return err_set(e, ERR_DENIED,
			       "another sallyport daemon, process %u, owns the tables",
			       found->portid);
	return err_set(e, ERR_DENIED, "another sallyport daemon owns the tables");
}

/* Which of the tables are there, for this socket to delete. */
static bool look(struct tables *t, bool there[static RS_FAMILY_COUNT], struct err *e)
{
	struct tables_found found;

	for (enum rs_family f = 0; f < RS_FAMILY_COUNT; f++) {
		if (!tables_find(t, f, &found, e))
			return false;
		if (found.owned && found.portid != t->portid)
			return owned_by_another(&found, e);
		there[f] = found.there;
	}
	return true;
}

static uint32_t table_flags(const struct tables *t)
{
	return t->want == TABLES_OWNED && !t->plain ? NFT_TABLE_F_OWNER | TABLES_F_PERSIST : 0;
}

/* The answer to a transaction was lost: reads what it did. */
static bool took_place(struct tables *t, const struct ruleset *next, bool *did, struct err *e)
{
	char differs[256];

	if (!tables_compare(t, next, NULL, differs, sizeof(differs), e)) {
		t->unsure = true;
		return err_wrap(e, "the kernel's answer was lost, and what it did is not known");
	}
	*did = !*differs;
	return true;
}

/* The table that a kernel without PERSIST refuses for its flags. */
static bool refused_flags(const struct batch *b, const struct refusal *r)
{
	return b->items[r->seq - b->seq].what == BATCH_TABLE &&
	       (r->errnum == EOPNOTSUPP || r->errnum == EINVAL);
}

/* Something came or went between looking and deleting. */
static bool raced(const struct batch *b, const struct refusal *r)
{
	return b->items[r->seq - b->seq].what == BATCH_TABLE &&
	       (r->errnum == ENOENT || r->errnum == EEXIST);
}

enum attempt { ATTEMPT_DONE, ATTEMPT_AGAIN, ATTEMPT_FAILED };

/* What becomes of a transaction in which tables that are made have these flags. */
static enum attempt outcome(struct tables *t, const struct ruleset *next, uint32_t flags,
			    const struct batch *b, struct err *e)
{
	struct refusal r;
	enum sent sent = tables_send(t, b, &r);
	bool did = sent == SENT_DONE;

	if (sent == SENT_UNKNOWN && !took_place(t, next, &did, e))
		return ATTEMPT_FAILED;
	if (did) {
		t->owned = flags != 0;
		t->unsure = false;
		return ATTEMPT_DONE;
	}
	(void)tables_refused(b, sent, &r, e);
	if (sent == SENT_UNKNOWN)
		return ATTEMPT_AGAIN;
	if (sent == SENT_NOT)
		return ATTEMPT_FAILED;
	if (flags && refused_flags(b, &r)) {
		t->plain = true;
		return ATTEMPT_AGAIN;
	}
	return raced(b, &r) ? ATTEMPT_AGAIN : ATTEMPT_FAILED;
}

/* *had: there were tables of ours before. */
static enum attempt load_all(struct tables *t, const struct ruleset *next, bool *had, struct err *e)
{
	bool there[RS_FAMILY_COUNT] = { false };
	enum attempt result = ATTEMPT_DONE;
	uint32_t flags = table_flags(t);
	struct batch b;

	if (!look(t, there, e))
		return ATTEMPT_FAILED;
	for (enum rs_family f = 0; f < RS_FAMILY_COUNT; f++)
		if (there[f] && !tables_table_empty(&next->tables[f]))
			tables_twins(t, f);
	batch_init(&b, t->seq + 1);
	for (enum rs_family f = 0; f < RS_FAMILY_COUNT; f++) {
		if (there[f])
			batch_table_del(&b, f);
		*had = *had || there[f];
	}
	tables_diff(&b, NULL, next, flags, t->destroy);
	if (!batch_empty(&b)) {
		batch_end(&b);
		result = outcome(t, next, flags, &b, e);
	}
	for (enum rs_family f = 0; f < RS_FAMILY_COUNT && result != ATTEMPT_DONE; f++)
		if (there[f])
			tables_twins_remove(t, f);
	batch_done(&b);
	return result;
}

static enum attempt load_difference(struct tables *t, const struct ruleset *was,
				    const struct ruleset *next, struct err *e)
{
	enum attempt result = ATTEMPT_DONE;
	uint32_t flags = table_flags(t);
	struct batch b;

	batch_init(&b, t->seq + 1);
	tables_diff(&b, was, next, flags, t->destroy);
	if (!batch_empty(&b)) {
		batch_end(&b);
		result = outcome(t, next, flags, &b, e);
	}
	batch_done(&b);
	return result;
}

bool tables_load(struct tables *t, const struct ruleset *was, const struct ruleset *next,
		 struct err *e)
{
	enum attempt a = ATTEMPT_AGAIN;
	bool had = false;

	if (!tables_expressible(next, e))
		return false;
	for (int i = 0; i < TRIES && a == ATTEMPT_AGAIN; i++)
		a = was && !t->unsure ? load_difference(t, was, next, e) :
					load_all(t, next, &had, e);
	return a == ATTEMPT_DONE;
}

bool tables_would_take(struct tables *t, const struct ruleset *r, bool *would, struct err *e)
{
	static const struct rs_chain nowhere = { .name = "-" };
	bool there[RS_FAMILY_COUNT] = { false };
	struct refusal refusal = { 0 };
	enum sent sent;
	struct batch b;
	size_t last;

	if (!tables_expressible(r, e) || !look(t, there, e))
		return false;
	batch_init(&b, t->seq + 1);
	for (enum rs_family f = 0; f < RS_FAMILY_COUNT; f++)
		if (there[f])
			batch_table_del(&b, f);
	tables_diff(&b, NULL, r, 0, t->destroy);
	last = b.n_items;
	batch_chain_del(&b, RS_INET, &nowhere);
	batch_end(&b);
	sent = tables_send(t, &b, &refusal);
	*would = sent == SENT_REFUSED && refusal.seq == b.seq + last;
	batch_done(&b);
	return sent == SENT_REFUSED ||
	       err_set(e, ERR_SYSTEM, "nf_tables: what the kernel can do could not be found out");
}

bool tables_remove(struct tables *t, bool *had, struct err *e)
{
	_cleanup_(ruleset_freep) struct ruleset *none = ruleset_new();
	enum attempt a = ATTEMPT_AGAIN;
	bool there = false;

	for (int i = 0; i < TRIES && a == ATTEMPT_AGAIN; i++)
		a = load_all(t, none, &there, e);
	if (a != ATTEMPT_DONE)
		return false;
	*had = there;
	t->owned = false;
	return true;
}
