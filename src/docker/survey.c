/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "docker/internal.h"

/* One network that is being looked at. */
struct detail {
	struct engine *en;
	struct http_call *call;
	size_t network; /* its place in the snapshot */
	bool gone;	/* it was removed since it was listed */
};

/* Names are few: they are those of the policy's networks. */
static bool is_watched(const struct engine *en, const char *name)
{
	for (size_t i = 0; i < en->n_names; i++)
		if (strcmp(en->names[i], name) == 0)
			return true;
	return false;
}

void survey_stop(struct engine *en)
{
	struct survey *s = &en->survey;

	http_cancel(s->list);
	for (size_t i = 0; i < s->n_details; i++)
		http_cancel(s->details[i].call);
	free(s->details);
	engine_snapshot_free(s->next);
	*s = (struct survey){ 0 };
}

static void drop_gone(struct survey *s)
{
	struct engine_snapshot *n = s->next;
	size_t kept = 0;

	for (size_t i = 0; i < s->n_details; i++)
		if (s->details[i].gone)
			n->networks[s->details[i].network].id[0] = '\0';
	for (size_t i = 0; i < n->n_networks; i++) {
		if (n->networks[i].id[0])
			n->networks[kept++] = n->networks[i];
		else
			engine_network_done(&n->networks[i]);
	}
	n->n_networks = kept;
}

static void finish(struct engine *en)
{
	struct survey *s = &en->survey;
	struct engine_snapshot *done;
	bool again = s->again;

	drop_gone(s);
	done = steal(&s->next);
	survey_stop(en);
	/* It begins before the callback, which may lose the engine or ask for one more. */
	if (again)
		survey_start(en);
	engine_found(en, done);
}

static void on_detail(void *ctx, const struct http_reply *r, const struct err *e)
{
	struct detail *d = ctx;
	struct engine *en = d->en;
	struct engine_network *network = &en->survey.next->networks[d->network], n;
	struct err why;

	d->call = NULL;
	if (e)
		return engine_lose(en, "%s", e->msg);
	if (r->status == 404) {
		d->gone = true;
	} else if (r->status != 200) {
		(void)engine_refused(r, &why);
		return engine_lose(en, "%s", why.msg);
	} else if (!parse_network(r->body, en->podman, &n, &why)) {
		return engine_lose(en, "%s", why.msg);
	} else {
		engine_network_done(network);
		*network = n;
	}
	if (--en->survey.left == 0)
		finish(en);
}

static void look_at(struct engine *en, struct detail *d)
{
	const struct engine_network *n = &en->survey.next->networks[d->network];
	_cleanup_(freep) char *path = engine_path(en, "/networks/%s?verbose=0", n->id);

	d->en = en;
	d->call = http_start(en->http,
			     &(struct http_request){
				     .method = "GET", .path = path, .done = on_detail, .ctx = d });
}

static void look_closer(struct engine *en)
{
	struct survey *s = &en->survey;

	s->details = xcalloc(s->next->n_networks + 1, sizeof(*s->details));
	for (size_t i = 0; i < s->next->n_networks; i++)
		if (is_watched(en, s->next->networks[i].name))
			s->details[s->n_details++].network = i;
	s->left = s->n_details;
	for (size_t i = 0; i < s->n_details; i++)
		look_at(en, &s->details[i]);
	if (s->left == 0)
		finish(en);
}

static void on_list(void *ctx, const struct http_reply *r, const struct err *e)
{
	struct engine *en = ctx;
	struct err why;

	en->survey.list = NULL;
	if (e)
		return engine_lose(en, "%s", e->msg);
	if (r->status != 200) {
		(void)engine_refused(r, &why);
		return engine_lose(en, "%s", why.msg);
	}
	if (!parse_networks(r->body, en->podman, &en->survey.next, &why))
		return engine_lose(en, "%s", why.msg);
	look_closer(en);
}

void survey_start(struct engine *en)
{
	_cleanup_(freep) char *path = NULL;

	if (en->survey.active) {
		en->survey.again = true;
		return;
	}
	path = engine_path(en, "/networks");
	en->survey.active = true;
	en->survey.list = http_start(
		en->http, &(struct http_request){
				  .method = "GET", .path = path, .done = on_list, .ctx = en });
}
