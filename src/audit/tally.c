/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/tally.h"

#include <stdio.h>
#include <string.h>

#include <uthash.h>

#include "base/alloc.h"
#include "base/limits.h"

/* A client asks for A and AAAA in one breath: they count as one try. */
enum { TRIES, TRIES_AAAA, TRIES_COUNT };

#define QTYPE_AAAA 28

/* Destinations that the report lists: a screenful at the most. */
#define REPORT_MAX 20

/* One destination with one outcome. */
struct line {
	UT_hash_handle hh;
	enum event_verdict verdict;
	enum event_kind kind;
	uint64_t tries[TRIES_COUNT];
	char *reason;
	bool writable; /* a rule can name the destination */
	char *remedy;  /* destination to allow, or NULL */
	char *dest;
	char key[]; /* what makes it one line: verdict, kind, destination, reason */
};

struct tally {
	struct line *lines; /* in the order in which they were first seen */
	size_t n_lines[EVENT_VERDICT_COUNT];
	uint64_t more[EVENT_VERDICT_COUNT]; /* events that found no room */
};

/* How many lines each verdict may have, so that none takes the room of another. */
static const size_t room[EVENT_VERDICT_COUNT] = {
	[EVENT_ALLOW] = LIMIT_REACHED,
	[EVENT_DENY] = LIMIT_DENIALS,
	[EVENT_AUDIT] = LIMIT_REACHED,
	[EVENT_ERROR] = LIMIT_DENIALS,
};

struct tally *tally_new(void)
{
	return xcalloc(1, sizeof(struct tally));
}

void tally_free(struct tally *t)
{
	struct line *l, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->lines, l, next)
	{
		HASH_DEL(t->lines, l);
		free(l->reason);
		free(l->remedy);
		free(l->dest);
		free(l);
	}
	free(t);
}

static void show(const struct dest *d, char out[static DEST_STR_MAX])
{
	(void)dest_show(d, DEST_FOR_ALLOW, out);
}

static struct line *line_new(struct tally *t, const struct event *ev, const char *key,
			     const char *dest)
{
	size_t n = strlen(key) + 1;
	struct line *l = xcalloc(1, sizeof(*l) + n);
	char text[DEST_STR_MAX];
	struct dest d;

	memcpy(l->key, key, n);
	l->verdict = ev->verdict;
	l->kind = ev->kind;
	l->reason = xstrdup(ev->reason);
	l->dest = xstrdup(dest);
	l->writable = event_dest(ev, &d) && event_dest_writable(&d);
	if (event_remedy_dest(ev, &d)) {
		show(&d, text);
		l->remedy = xstrdup(text);
	}
	HASH_ADD_KEYPTR(hh, t->lines, l->key, n - 1, l);
	t->n_lines[ev->verdict]++;
	return l;
}

void tally_add(struct tally *t, const struct event *ev)
{
	char key[DEST_STR_MAX + sizeof(ev->reason) + 16], dest[DEST_STR_MAX] = "";
	struct line *l;
	struct dest d;

	if (event_dest(ev, &d))
		show(&d, dest);
	(void)snprintf(key, sizeof(key), "%d %d %s %s", (int)ev->verdict, ev->kind == EVENT_DNS,
		       dest, ev->verdict == EVENT_ALLOW ? "" : ev->reason);
	HASH_FIND_STR(t->lines, key, l);
	if (!l && t->n_lines[ev->verdict] >= room[ev->verdict]) {
		t->more[ev->verdict] += ev->count;
		return;
	}
	if (!l)
		l = line_new(t, ev, key, dest);
	l->tries[ev->qtype == QTYPE_AAAA ? TRIES_AAAA : TRIES] += ev->count;
}

static uint64_t tries(const struct line *l)
{
	return MAX(l->tries[TRIES], l->tries[TRIES_AAAA]);
}

static uint64_t all_tries(const struct tally *t, enum event_verdict v)
{
	uint64_t n = 0;

	for (const struct line *l = t->lines; l; l = l->hh.next)
		n += l->verdict == v ? tries(l) : 0;
	return n;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* Most frequent first; those alike stay in the order in which they were first seen. */
static int by_tries(const struct line *a, const struct line *b)
{
	return tries(a) < tries(b) ? 1 : tries(a) > tries(b) ? -1 : 0;
}

/* The columns are as wide as the widest of the lines. */
static int width(const struct tally *t, enum event_verdict v)
{
	size_t w = 0;

	for (const struct line *l = t->lines; l; l = l->hh.next)
		if (l->verdict == v)
			w = MAX(w, strlen(l->dest));
	return (int)MIN(w, (size_t)48);
}

static void list(const struct tally *t, enum event_verdict v, struct buf *out)
{
	uint64_t more = t->more[v];
	size_t listed = 0;
	int w = width(t, v);

	for (const struct line *l = t->lines; l; l = l->hh.next) {
		char reason[512];

		if (l->verdict != v)
			continue;
		if (++listed > REPORT_MAX) {
			more += tries(l);
			continue;
		}
		buf_fmt(out, "  %6llu x  %-*s  %s", (unsigned long long)tries(l), w,
			*l->dest ? l->dest : "-",
			span_show(span_of(l->reason), reason, sizeof(reason)));
		if (l->remedy)
			buf_fmt(out, "\n            to allow it: --allow %s%s%s",
				strchr(l->remedy, '*') ? "'" : "", l->remedy,
				strchr(l->remedy, '*') ? "'" : "");
		buf_char(out, '\n');
	}
	if (more)
		buf_fmt(out,
			"  %6llu other attempts, at further destinations (--log FILE lists all)\n",
			(unsigned long long)more);
}

void tally_report(struct tally *t, struct buf *out)
{
	uint64_t n = all_tries(t, EVENT_DENY) + t->more[EVENT_DENY];
	size_t n_lines = t->n_lines[EVENT_DENY];

	HASH_SORT(t->lines, by_tries);
	if (n_lines) {
		buf_fmt(out, "sallyport: denied %llu attempt%s to reach %zu%s destination%s:\n",
			(unsigned long long)n, plural(n), n_lines,
			t->more[EVENT_DENY] ? " and more" : "", plural(n_lines));
		list(t, EVENT_DENY, out);
	}
	if (t->n_lines[EVENT_ERROR]) {
		buf_fmt(out, "sallyport: allowed, but not reached:\n");
		list(t, EVENT_ERROR, out);
	}
}

/* The name was also connected to, so that the question by itself says nothing new. */
static bool connected(const struct tally *t, const struct line *question)
{
	size_t n = strcspn(question->dest, ":");

	for (const struct line *l = t->lines; l; l = l->hh.next) {
		const char *dest = strrchr(l->dest, '/') ? strrchr(l->dest, '/') + 1 : l->dest;

		if (l->kind != EVENT_DNS && strncmp(dest, question->dest, n) == 0 &&
		    (dest[n] == ':' || dest[n] == '\0'))
			return true;
	}
	return false;
}

static bool listed_before(const struct tally *t, const struct line *until)
{
	for (const struct line *l = t->lines; l != until; l = l->hh.next)
		if (l->kind == until->kind && strcmp(l->dest, until->dest) == 0 &&
		    l->verdict != EVENT_DENY)
			return true;
	return false;
}

/* What a line adds to the policy besides its own destination: the range that its name led into. */
static const char *range_of(const struct line *l)
{
	return l->verdict != EVENT_DENY && l->remedy && strcmp(l->remedy, l->dest) != 0 ?
		       l->remedy :
		       NULL;
}

static bool range_before(const struct tally *t, const struct line *until)
{
	for (const struct line *l = t->lines; l != until; l = l->hh.next)
		if (range_of(l) && strcmp(range_of(l), range_of(until)) == 0)
			return true;
	return false;
}

/* The destinations that were connected to. False: there are none. */
static bool put_allow(const struct tally *t, struct buf *out)
{
	bool any = false;

	for (const struct line *l = t->lines; l; l = l->hh.next) {
		if (l->kind == EVENT_DNS || l->verdict == EVENT_DENY || !l->writable ||
		    listed_before(t, l))
			continue;
		buf_str(out, any ? "" : "      - allow:\n");
		buf_fmt(out, "          - \"%s\"\n", l->dest);
		any = true;
	}
	for (const struct line *l = t->lines; any && l; l = l->hh.next)
		if (range_of(l) && !range_before(t, l))
			buf_fmt(out, "          - \"%s\"\n", range_of(l));
	return any;
}

void tally_policy(const struct tally *t, struct buf *out)
{
	uint64_t more = t->more[EVENT_ALLOW] + t->more[EVENT_AUDIT] + t->more[EVENT_ERROR];

	buf_str(out, "version: 1\npolicies:\n  audited:\n    rules:\n");
	if (!put_allow(t, out))
		buf_str(out, "      []\n");
	for (const struct line *l = t->lines; l; l = l->hh.next) {
		if (!*l->dest || l->verdict == EVENT_DENY || listed_before(t, l))
			continue;
		if (l->kind != EVENT_DNS && !l->writable)
			buf_fmt(out, "# no rule can name this destination: %s\n", l->dest);
		else if (l->kind == EVENT_DNS && !connected(t, l))
			buf_fmt(out, "# asked for, and not connected to: %s\n", l->dest);
	}
	if (more)
		buf_fmt(out, "# %llu more attempts went to destinations that are not listed here\n",
			(unsigned long long)more);
}
