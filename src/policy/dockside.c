/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/dockside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "policy/dockside_impl.h"

struct pos dockside_pos_within(const struct dockside_entry *entry, const struct jsonc_at *at)
{
	struct pos p = jsonc_at_pos(at), begin = entry->pos;

	return (struct pos){ p.line - begin.line,
			     p.column - (p.line == begin.line ? begin.column : 0) };
}

static struct pos pos_of(struct pos begin, struct pos within)
{
	return (struct pos){ begin.line + within.line,
			     within.column + (within.line == 0 ? begin.column : 0) };
}

void dockside_note(struct dockside_reader *r, const struct jsonc_at *at, const char *fmt, ...)
{
	struct dockside_rules *rules = r->entry->rules;
	char path[JSONC_PATH_MAX], text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (rules->n_lints == LIMIT_POLICY_LINTS)
		return;
	vec_push(rules->lints, rules->n_lints, rules->cap_lints,
		 ((struct lint){ NULL, dockside_pos_within(r->entry, at),
				 xasprintf("%s: %s", jsonc_path(at, path), text) }));
}

const struct dockside_network *dockside_network_find(const struct dockside *d, const char *name)
{
	for (size_t i = 0; i < d->n_networks; i++)
		if (strcmp(d->networks[i].name, name) == 0)
			return &d->networks[i];
	return NULL;
}

const struct dockside_ipset *dockside_ipset_find(const struct dockside *d, const char *name)
{
	for (size_t i = 0; i < d->n_ipsets; i++)
		if (strcmp(d->ipsets[i].name, name) == 0)
			return &d->ipsets[i];
	return NULL;
}

/* ---- texts ---- */

/* take_text: a whole allocation of n bytes and a NUL. */
static struct dockside_text *text_take(const char *file, char *take_text, size_t n)
{
	struct dockside_text *t = xmalloc(sizeof(*t));

	*t = (struct dockside_text){ 1, xstrdup(file), take_text, n };
	return t;
}

static struct dockside_text *text_new(const char *file, struct span text)
{
	return text_take(file, xstrndup(text.p, text.n), text.n);
}

static struct dockside_text *text_ref(struct dockside_text *t)
{
	t->refs++;
	return t;
}

static void text_unref(struct dockside_text *t)
{
	if (!t || --t->refs)
		return;
	free(t->file);
	free(t->text);
	free(t);
}

/* ---- parts ---- */

struct dockside_rules *dockside_rules_ref(struct dockside_rules *r)
{
	r->refs++;
	return r;
}

void dockside_rules_unref(struct dockside_rules *r)
{
	if (!r || --r->refs)
		return;
	for (size_t i = 0; i < r->n_lints; i++)
		free(r->lints[i].text);
	free(r->lints);
	free(r->places);
	plan_policy_unref(r->policy);
	free(r);
}

static void ipset_done(struct dockside_ipset *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->hostnames[i]);
	free(s->hostnames);
	free(s->name);
}

/* All but the texts. */
static void parts_done(struct dockside *d)
{
	for (size_t i = 0; i < d->n_networks; i++) {
		if (d->entries)
			dockside_rules_unref(d->entries[i].rules);
		free(d->networks[i].name);
	}
	for (size_t i = 0; i < d->n_ipsets; i++)
		ipset_done(&d->ipsets[i]);
	free(d->entries);
	free(d->networks);
	free(d->ipsets);
	d->entries = NULL;
	d->networks = NULL;
	d->ipsets = NULL;
	d->n_networks = d->n_ipsets = 0;
}

/* ---- reading ---- */

/* Rules for a network that is not there would never take hold. */
static bool check_names(const struct dockside *d, const struct jsonc_at *networks, struct err *e)
{
	const char *name;
	json_t *v;

	if (!dockside_is_object(networks, e))
		return false;
	json_object_foreach((json_t *)(uintptr_t)networks->v, name, v)
	{
		const struct jsonc_at at = jsonc_key(networks, name);

		(void)v;
		if (!dockside_network_find(d, name))
			return jsonc_err_text(&at, e, "there is no such network in %s",
					      d->network_text->file);
	}
	return true;
}

static bool check_rules(const struct jsonc_at *at, size_t *n, struct err *e)
{
	const struct jsonc_at egress = jsonc_key(at, "egress"), nat = jsonc_key(at, "nat");

	*n = json_array_size(egress.v) + json_array_size(nat.v);
	return dockside_is_object(at, e) && dockside_is_list(&egress, e) &&
	       dockside_is_list(&nat, e);
}

static bool read_entry(struct dockside_reader *r, const struct jsonc_at *networks, size_t index,
		       struct err *e)
{
	struct dockside_network *n = &r->d->networks[index];
	const struct jsonc_at at = jsonc_key(networks, n->name);
	size_t n_rules, before = r->n_dests;
	struct dockside_rules *rules;

	if (!check_rules(&at, &n_rules, e))
		return false;
	rules = xcalloc(1, sizeof(*rules));
	rules->refs = 1;
	r->entry = &r->d->entries[index];
	r->entry->rules = rules;
	n->managed = n->network.has_controller || n_rules;
	if (!n->managed)
		return true;
	rules->policy = plan_policy_new(n->name);
	rules->places = xcalloc(n_rules, sizeof(*rules->places));
	if (!dockside_read_rules(r, &at, e))
		return false;
	rules->n_dests = r->n_dests - before;
	return true;
}

static void find_entry(const struct dockside_reader *r, const struct jsonc_at *networks,
		       const struct jsonc_at *subjects, size_t index)
{
	struct dockside_entry *entry = &r->d->entries[index];
	const struct jsonc_at at = jsonc_key(networks, r->d->networks[index].name);
	const struct jsonc_at subject = jsonc_element(subjects, index);
	const struct jsonc_place *place = jsonc_place(&r->firewall, at.v);

	*entry = (struct dockside_entry){ .pos = { 1, 1 }, .subject = jsonc_at_pos(&subject) };
	if (!place)
		return;
	entry->at = place->at;
	entry->end = place->end;
	entry->pos = jsonc_pos(&r->firewall, place->at);
}

static bool read_entries(struct dockside_reader *r, const struct jsonc_at *network,
			 const struct jsonc_at *firewall, struct err *e)
{
	const struct jsonc_at subjects = jsonc_key(network, "networks");
	const struct jsonc_at networks = jsonc_key(firewall, "networks");

	if (!check_names(r->d, &networks, e))
		return false;
	r->d->entries = xcalloc(r->d->n_networks, sizeof(*r->d->entries));
	for (size_t i = 0; i < r->d->n_networks; i++)
		find_entry(r, &networks, &subjects, i);
	if (!dockside_take_rules(r))
		return err_set(e, ERR_INVALID, "%s: other than before", r->d->firewall_text->file);
	for (size_t i = 0; i < r->d->n_networks; i++)
		if (!r->d->entries[i].rules && !read_entry(r, &networks, i, e))
			return false;
	return true;
}

static bool read_documents(struct dockside_reader *r, struct err *e)
{
	const struct jsonc_at network = jsonc_root(&r->network);
	const struct jsonc_at firewall = jsonc_root(&r->firewall);

	return dockside_read_networks(r, &network, e) && dockside_read_ipsets(r, &firewall, e) &&
	       read_entries(r, &network, &firewall, e);
}

/*
 * The documents are there while they are read, and no longer: they take ten times the place of the texts. was:
 * may be NULL; with it an error may be another than that of the texts, and may be none of theirs.
 */
static bool read_texts(struct dockside *d, const struct dockside *was, struct err *e)
{
	struct dockside_reader r = { .d = d, .was = was };
	struct span network = dockside_text_span(d->network_text),
		    firewall = dockside_text_span(d->firewall_text);
	bool ok;

	if (was)
		dockside_find_cuts(firewall, was, &r.cuts);
	ok = jsonc_read(d->network_text->file, network, &r.network, e) &&
	     jsonc_read_cut(d->firewall_text->file, firewall, r.cuts.items, r.cuts.n, &r.firewall,
			    e) &&
	     read_documents(&r, e);
	jsonc_done(&r.network);
	jsonc_done(&r.firewall);
	dockside_cuts_done(&r.cuts);
	return ok;
}

/* ---- the plan ---- */

static void add_subject(struct plan *p, const struct dockside_network *n,
			const struct dockside_entry *entry)
{
	const struct dockside_rules *rules = entry->rules;
	struct plan_policy *policy = plan_policy_ref(rules->policy);
	struct pos *places = plan_policy_add(p, policy, policy->n_rules);

	for (size_t i = 0; i < policy->n_rules; i++)
		places[i] = pos_of(entry->pos, rules->places[i]);
	p->subjects[p->n_subjects++] = (struct plan_subject){ .kind = SUBJECT_NETWORK,
							      .id = xstrdup(n->name),
							      .policy = policy,
							      .network = n->network,
							      .at = entry->subject };
}

static void add_lints(struct plan *p, const struct dockside_entry *entry)
{
	const struct dockside_rules *rules = entry->rules;

	for (size_t i = 0; i < rules->n_lints && p->n_lints < LIMIT_POLICY_LINTS; i++)
		p->lints[p->n_lints++] = (struct lint){ xstrdup(p->file),
							pos_of(entry->pos, rules->lints[i].at),
							xstrdup(rules->lints[i].text) };
}

static struct plan *make_plan(const struct dockside *d)
{
	struct plan *p = xcalloc(1, sizeof(*p));
	size_t n_lints = 0;

	p->file = xstrdup(d->firewall_text->file);
	p->subjects = xcalloc(d->n_networks, sizeof(*p->subjects));
	for (size_t i = 0; i < d->n_networks; i++)
		n_lints += d->entries[i].rules->n_lints;
	p->lints = xcalloc(MIN(n_lints, LIMIT_POLICY_LINTS), sizeof(*p->lints));
	for (size_t i = 0; i < d->n_networks; i++) {
		if (d->networks[i].managed)
			add_subject(p, &d->networks[i], &d->entries[i]);
		add_lints(p, &d->entries[i]);
	}
	return p;
}

/* ---- both ---- */

static void share_text(struct dockside_text **text, struct dockside_text *was)
{
	if (!span_eq(dockside_text_span(*text), dockside_text_span(was)))
		return;
	text_unref(*text);
	*text = text_ref(was);
}

/* What has an error is read as a whole to find the right one. */
static bool reread_texts(struct dockside *d, const struct dockside *was, struct err *e)
{
	struct err ignored;

	share_text(&d->network_text, was->network_text);
	share_text(&d->firewall_text, was->firewall_text);
	if (read_texts(d, was, &ignored))
		return true;
	parts_done(d);
	return read_texts(d, NULL, e);
}

/* Takes the texts over. was: of the same files; or NULL. */
static bool make(struct dockside_text *take_network, struct dockside_text *take_firewall,
		 const struct dockside_env *env, const struct dockside *was, struct dockside **out,
		 struct err *e)
{
	_cleanup_(dockside_freep) struct dockside *d = xcalloc(1, sizeof(*d));

	d->env = *env;
	d->network_text = take_network;
	d->firewall_text = take_firewall;
	if (was ? !reread_texts(d, was, e) : !read_texts(d, NULL, e))
		return false;
	d->plan = make_plan(d);
	*out = steal(&d);
	return true;
}

bool dockside_read(const char *network_file, struct span network_text, const char *firewall_file,
		   struct span firewall_text, const struct dockside_env *env, struct dockside **out,
		   struct err *e)
{
	return make(text_new(network_file, network_text), text_new(firewall_file, firewall_text),
		    env, NULL, out, e);
}

bool dockside_reread(const struct dockside *was, struct span network_text,
		     struct span firewall_text, const struct dockside_env *env,
		     struct dockside **out, struct err *e)
{
	return make(text_new(was->network_text->file, network_text),
		    text_new(was->firewall_text->file, firewall_text), env, was, out, e);
}

static bool load(const char *network_file, const char *firewall_file,
		 const struct dockside_env *env, const struct dockside *was, struct dockside **out,
		 struct err *e)
{
	_cleanup_(freep) char *network = NULL, *firewall = NULL;
	size_t n, m;

	return fd_read_file(network_file, LIMIT_DOCKSIDE_BYTES, &network, &n, e) &&
	       fd_read_file(firewall_file, LIMIT_DOCKSIDE_BYTES, &firewall, &m, e) &&
	       make(text_take(network_file, steal(&network), n),
		    text_take(firewall_file, steal(&firewall), m), env, was, out, e);
}

bool dockside_load(const char *network_file, const char *firewall_file,
		   const struct dockside_env *env, struct dockside **out, struct err *e)
{
	return load(network_file, firewall_file, env, NULL, out, e);
}

bool dockside_reload(const struct dockside *was, const struct dockside_env *env,
		     struct dockside **out, struct err *e)
{
	return load(was->network_text->file, was->firewall_text->file, env, was, out, e);
}

void dockside_free(struct dockside *d)
{
	if (!d)
		return;
	parts_done(d);
	plan_free(d->plan);
	text_unref(d->network_text);
	text_unref(d->firewall_text);
	free(d);
}

void dockside_freep(struct dockside **d)
{
	dockside_free(*d);
	*d = NULL;
}

/* ---- saving ---- */

struct span dockside_network_text(const struct dockside *d)
{
	return dockside_text_span(d->network_text);
}

struct span dockside_firewall_text(const struct dockside *d)
{
	return dockside_text_span(d->firewall_text);
}

/* Puts the first file back as it was; the error is what the second one failed by. */
static bool put_back(const char *file, struct span before, struct err *e)
{
	struct err second = { 0 };

	if (fd_write_file_atomic(file, before, 0644, &second))
		return err_wrap(e, "neither file is changed");
	return err_wrap(e, "%s is changed and cannot be put back (%s)", file, second.msg);
}

bool dockside_save(const struct dockside *d, struct err *e)
{
	const char *network = d->network_text->file, *firewall = d->firewall_text->file;
	_cleanup_(freep) char *before = NULL;
	size_t n;

	if (!fd_read_file(network, LIMIT_DOCKSIDE_BYTES, &before, &n, e) ||
	    !fd_write_file_atomic(network, dockside_network_text(d), 0644, e))
		return false;
	return fd_write_file_atomic(firewall, dockside_firewall_text(d), 0644, e) ||
	       put_back(network, (struct span){ before, n }, e);
}
