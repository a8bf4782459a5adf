/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/control_engine.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "docker/engine.h"

/* How long a change waits for the engine to make its networks. */
#define MAKE_MS 15000

/* How long the first policy waits for the engine's first word, which may name its bridges. */
#define FIRST_WORD_MS 2000

/* What Dockside calls its networks: one of that name that no file has is reported. */
#define DOCKSIDE_PREFIX "ds-"

struct engine_link {
	struct engine *engine;
	char gone[256]; /* why it is not there; "": it is */
	bool fresh;	/* it has come (back): what is missing is made once */
	bool recreate;	/* RESET=1, until it is done */
	/* Networks that are being made, and whoever waits for them. */
	size_t under_way;
	void (*done)(struct controller *c);
	struct timer *patience;
	struct timer *first_word; /* until the first policy is asked for */
};

static const struct plan *plan_of(const struct controller *c)
{
	return source_plan(c->source);
}

/* ---- who is at which port */

static void add_facts(const struct engine_network *n, struct buf *out)
{
	for (size_t i = 0; i < n->n_containers; i++) {
		const struct engine_container *from = &n->containers[i];
		struct ctl_fact fact = { .has_mac = from->has_mac,
					 .v4 = from->addr4,
					 .v6 = from->addr6 };

		(void)snprintf(fact.bridge, sizeof(fact.bridge), "%s", n->bridge);
		(void)snprintf(fact.container, sizeof(fact.container), "%.*s",
			       (int)sizeof(fact.container) - 1, from->name);
		memcpy(fact.mac, from->mac, sizeof(fact.mac));
		buf_add(out, &fact, sizeof(fact));
	}
}

static void on_told(struct controller *c, void *ctx, const struct ctl_message *m, const char *bytes)
{
	(void)c;
	(void)ctx;
	(void)bytes;
	if (!m->ok)
		(void)fprintf(stderr, "sallyport: %s\n", m->text);
}

static void tell_facts(struct controller *c, const struct engine_snapshot *s)
{
	struct ctl_message m = { .kind = CTL_FACTS };
	_cleanup_(buf_done) struct buf facts;

	buf_init(&facts, LIMIT_FACTS * sizeof(struct ctl_fact));
	for (size_t i = 0; i < s->n_networks; i++)
		if (s->networks[i].detailed)
			add_facts(&s->networks[i], &facts);
	control_ask(c, &m, buf_view(&facts), on_told, NULL);
}

/* ---- bridges whose names only the engine knows */

void control_engine_name_bridges(const struct controller *c, struct plan *p)
{
	const struct engine_snapshot *s = c->engine ? engine_latest(c->engine->engine) : NULL;

	for (size_t i = 0; s && i < p->n_subjects; i++) {
		struct plan_network *n = &p->subjects[i].network;
		const struct engine_network *found;

		if (p->subjects[i].kind != SUBJECT_NETWORK || n->bridge_written)
			continue;
		found = engine_network_find(s, p->subjects[i].id);
		if (found && found->bridge[0])
			memcpy(n->bridge, found->bridge, sizeof(n->bridge));
	}
}

/* The plan in force has other bridges than the engine: it has to be put in force anew. */
static bool bridges_differ(const struct controller *c, const struct engine_snapshot *s)
{
	const struct plan *p = control_plan(c);

	for (size_t i = 0; p && i < p->n_subjects; i++) {
		const struct plan_subject *sub = &p->subjects[i];
		const struct engine_network *found;

		if (sub->kind != SUBJECT_NETWORK || sub->network.bridge_written)
			continue;
		found = engine_network_find(s, sub->id);
		if (found && found->bridge[0] && strcmp(found->bridge, sub->network.bridge) != 0)
			return true;
	}
	return false;
}

/* ---- networks that are to be */

static void finished(struct controller *c)
{
	struct engine_link *l = c->engine;
	void (*done)(struct controller * c) = l->done;

	timer_close(l->patience);
	l->patience = NULL;
	l->done = NULL;
	if (done)
		done(c);
}

static void on_made(void *ctx, const struct err *why)
{
	struct controller *c = ctx;

	if (why)
		(void)fprintf(stderr, "sallyport: the engine does not make a network: %s\n",
			      why->msg);
	if (--c->engine->under_way == 0)
		finished(c);
}

static void on_patience(void *ctx)
{
	struct controller *c = ctx;

	(void)fprintf(stderr, "sallyport: the engine takes long to make its networks; going on\n");
	finished(c);
}

static void make(struct controller *c, const char *name, const struct plan_network *n)
{
	struct engine_network_spec spec = engine_network_spec_of(name, n);
	struct err e;

	if (engine_network_create(c->engine->engine, &spec, on_made, c, &e))
		c->engine->under_way++;
	else
		(void)fprintf(stderr, "sallyport: network %s cannot be made: %s\n", name, e.msg);
}

/* Every network that is to be and is not. */
static void make_missing(struct controller *c)
{
	const struct engine_snapshot *s = engine_latest(c->engine->engine);
	const struct plan_network *n;
	const char *name;

	for (size_t i = 0; s && source_network(c->source, i, &name, &n); i++)
		if (n->create && !engine_network_find(s, name))
			make(c, name, n);
}

struct removal {
	struct controller *c;
	char *name;
};

static void removal_free(struct removal *r)
{
	free(r->name);
	free(r);
}

/* Whatever the latest snapshot says: it may be of a moment before. */
static void make_again(struct controller *c, const char *wanted)
{
	const struct plan_network *n;
	const char *name;

	for (size_t i = 0; source_network(c->source, i, &name, &n); i++)
		if (strcmp(name, wanted) == 0)
			make(c, name, n);
}

static void on_removed(void *ctx, const struct err *why)
{
	struct removal *r = ctx;
	struct controller *c = r->c;

	if (why)
		(void)fprintf(stderr, "sallyport: RESET=1: the engine keeps a network: %s\n",
			      why->msg);
	else
		make_again(c, r->name);
	removal_free(r);
	if (--c->engine->under_way == 0)
		finished(c);
}

/* RESET=1: once, with the first snapshot. */
static void remove_all(struct controller *c, const struct engine_snapshot *s)
{
	const struct plan_network *n;
	const char *name;
	struct err e;

	c->engine->recreate = false;
	for (size_t i = 0; source_network(c->source, i, &name, &n); i++) {
		struct removal *r;

		if (!n->create || !engine_network_find(s, name))
			continue;
		r = xcalloc(1, sizeof(*r));
		*r = (struct removal){ .c = c, .name = xstrdup(name) };
		if (engine_network_remove(c->engine->engine, name, on_removed, r, &e)) {
			c->engine->under_way++;
			continue;
		}
		(void)fprintf(stderr, "sallyport: RESET=1: network %s: %s\n", name, e.msg);
		removal_free(r);
	}
}

static void watch_networks(struct controller *c)
{
	const struct plan *p = plan_of(c);
	const char *names[LIMIT_NETWORKS];
	size_t n = 0;

	for (size_t i = 0; p && i < p->n_subjects && n < ARRAY_LEN(names); i++)
		if (p->subjects[i].kind == SUBJECT_NETWORK)
			names[n++] = p->subjects[i].id;
	engine_watch(c->engine->engine, names, n);
}

void control_engine_make(struct controller *c, void (*done)(struct controller *c))
{
	struct engine_link *l = c->engine;

	if (!l) {
		done(c);
		return;
	}
	watch_networks(c);
	make_missing(c);
	if (l->under_way == 0) {
		done(c);
		return;
	}
	l->done = done;
	l->patience = timer_new(&c->loop, MAKE_MS, 0, on_patience, c);
}

/* ---- following it */

static void first_word(void *ctx)
{
	struct controller *c = ctx;

	if (!c->engine->first_word)
		return;
	timer_close(c->engine->first_word);
	c->engine->first_word = NULL;
	control_change(c, "start", NULL, 0);
}

static void on_snapshot(void *ctx, const struct engine_snapshot *s)
{
	struct controller *c = ctx;

	c->engine->gone[0] = '\0';
	first_word(c);
	if (!c->started)
		return;
	if (bridges_differ(c, s))
		control_bridges_moved(c);
	if (c->engine->recreate)
		remove_all(c, s);
	else if (c->engine->fresh && c->engine->under_way == 0)
		make_missing(c);
	c->engine->fresh = false;
	tell_facts(c, s);
}

static void on_gone(void *ctx, const char *why)
{
	struct controller *c = ctx;

	c->engine->fresh = true;
	(void)snprintf(c->engine->gone, sizeof(c->engine->gone), "%s", why);
	first_word(c);
}

void control_engine_start(struct controller *c)
{
	static const struct engine_callbacks callbacks = { on_snapshot, on_gone };

	if (!c->o->engine) {
		control_change(c, "start", NULL, 0);
		return;
	}
	c->engine = xcalloc(1, sizeof(*c->engine));
	(void)snprintf(c->engine->gone, sizeof(c->engine->gone), "it was not asked yet");
	c->engine->fresh = true;
	c->engine->recreate = c->o->recreate;
	c->engine->first_word = timer_new(&c->loop, FIRST_WORD_MS, 0, first_word, c);
	c->engine->engine = engine_new(&c->loop, c->o->engine, &callbacks, c);
}

void control_engine_look(struct controller *c)
{
	if (c->engine && c->started)
		engine_look(c->engine->engine);
}

/* ---- what is told about it */

static void add_difference(json_t *list, const char *network, const char *why)
{
	json_array_append_new(list, json_pack("{s:s, s:s}", "network", network, "why", why));
}

static json_t *differences(struct controller *c, const struct engine_snapshot *s)
{
	const struct plan_network *want;
	json_t *list = json_array();
	const char *name;

	for (size_t i = 0; s && source_network(c->source, i, &name, &want); i++) {
		const struct engine_network *n = engine_network_find(s, name);
		struct buf why;

		buf_init(&why, 1024);
		if (n && !engine_network_matches(n, want, &why))
			add_difference(list, name, buf_cstr(&why));
		else if (!n && want->create)
			add_difference(list, name, "it does not exist");
		buf_done(&why);
	}
	return list;
}

void control_engine_status(struct controller *c, json_t *fields)
{
	const struct engine_link *l = c->engine;

	json_object_set_new(fields, "engine",
			    l ? json_pack("{s:s, s:b, s:s?}", "socket", c->o->engine, "reachable",
					  !l->gone[0], "why", l->gone[0] ? l->gone : NULL) :
				json_null());
	json_object_set_new(fields, "engine_differs",
			    differences(c, l ? engine_latest(l->engine) : NULL));
}

void control_engine_orphans(struct controller *c, json_t *fields)
{
	const struct engine_snapshot *s = c->engine ? engine_latest(c->engine->engine) : NULL;
	json_t *list = json_array();

	for (size_t i = 0; s && i < s->n_networks; i++) {
		const char *name = s->networks[i].name, *ours;
		const struct plan_network *n;
		bool known = false;

		for (size_t j = 0; !known && source_network(c->source, j, &ours, &n); j++)
			known = strcmp(ours, name) == 0;
		if (!known && span_starts(span_of(name), SPAN_LIT(DOCKSIDE_PREFIX)))
			json_array_append_new(list, json_string(name));
	}
	json_object_set_new(fields, "docker_orphans", list);
}
