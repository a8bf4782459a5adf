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

void dockside_note(struct dockside_reader *r, const struct jsonc_at *at, const char *fmt, ...)
{
	char path[JSONC_PATH_MAX], text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->plan->n_lints == LIMIT_POLICY_LINTS)
		return;
	vec_push(r->plan->lints, r->plan->n_lints, r->cap_lints,
		 ((struct lint){ xstrdup(at->doc->file), jsonc_at_pos(at),
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

struct dockside_text *dockside_text_take(const char *file, char *take_text, size_t n)
{
	struct dockside_text *t = xmalloc(sizeof(*t));

	*t = (struct dockside_text){ 1, xstrdup(file), take_text, n };
	return t;
}

struct dockside_text *dockside_text_new(const char *file, struct span text)
{
	return dockside_text_take(file, xstrndup(text.p, text.n), text.n);
}

struct dockside_text *dockside_text_ref(struct dockside_text *t)
{
	t->refs++;
	return t;
}

void dockside_text_unref(struct dockside_text *t)
{
	if (!t || --t->refs)
		return;
	free(t->file);
	free(t->text);
	free(t);
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

/* The network of that place as a subject, with its policy, when it is managed. */
static bool read_subject(struct dockside_reader *r, const struct jsonc_at *networks, size_t index,
			 struct err *e)
{
	struct dockside_network *n = &r->d->networks[index];
	const struct jsonc_at root = jsonc_root(&r->network);
	const struct jsonc_at list = jsonc_key(&root, "networks"),
			      where = jsonc_element(&list, index);
	const struct jsonc_at at = jsonc_key(networks, n->name);
	struct plan *plan = r->plan;
	struct plan_policy *policy;
	size_t n_rules;

	if (!check_rules(&at, &n_rules, e))
		return false;
	n->managed = n->network.has_controller || n_rules;
	if (!n->managed)
		return true;
	policy = plan_policy_new(n->name);
	(void)plan_policy_add(plan, policy, n_rules);
	plan->subjects[plan->n_subjects++] = (struct plan_subject){ .kind = SUBJECT_NETWORK,
								    .id = xstrdup(n->name),
								    .policy = policy,
								    .network = n->network,
								    .at = jsonc_at_pos(&where) };
	return dockside_read_rules(r, &at, e);
}

static bool read_plan(struct dockside_reader *r, const struct jsonc_at *root, struct err *e)
{
	const struct jsonc_at networks = jsonc_key(root, "networks");
	struct plan *plan = r->plan;

	plan->file = xstrdup(r->d->firewall_text->file);
	plan->subjects = xcalloc(r->d->n_networks, sizeof(*plan->subjects));
	if (!check_names(r->d, &networks, e))
		return false;
	for (size_t i = 0; i < r->d->n_networks; i++)
		if (!read_subject(r, &networks, i, e))
			return false;
	return true;
}

static bool read_documents(struct dockside_reader *r, struct err *e)
{
	const struct jsonc_at network = jsonc_root(&r->network);
	const struct jsonc_at firewall = jsonc_root(&r->firewall);

	return dockside_read_networks(r, &network, e) && dockside_read_ipsets(r, &firewall, e) &&
	       read_plan(r, &firewall, e);
}

/* The documents are there while they are read, and no longer: they take ten times the place of the texts. */
static bool read_texts(struct dockside *d, struct err *e)
{
	struct dockside_reader r = { .d = d, .plan = d->plan };
	bool ok = jsonc_read(d->network_text->file, dockside_text_span(d->network_text), &r.network,
			     e) &&
		  jsonc_read(d->firewall_text->file, dockside_text_span(d->firewall_text),
			     &r.firewall, e) &&
		  read_documents(&r, e);

	jsonc_done(&r.network);
	jsonc_done(&r.firewall);
	return ok;
}

bool dockside_read(const char *network_file, struct span network_text, const char *firewall_file,
		   struct span firewall_text, const struct dockside_env *env, struct dockside **out,
		   struct err *e)
{
	_cleanup_(dockside_freep) struct dockside *d = xcalloc(1, sizeof(*d));

	d->env = *env;
	d->network_text = dockside_text_new(network_file, network_text);
	d->firewall_text = dockside_text_new(firewall_file, firewall_text);
	d->plan = xcalloc(1, sizeof(*d->plan));
	if (!read_texts(d, e))
		return false;
	*out = steal(&d);
	return true;
}

bool dockside_load(const char *network_file, const char *firewall_file,
		   const struct dockside_env *env, struct dockside **out, struct err *e)
{
	_cleanup_(freep) char *network = NULL, *firewall = NULL;
	size_t n, m;

	return fd_read_file(network_file, LIMIT_DOCKSIDE_BYTES, &network, &n, e) &&
	       fd_read_file(firewall_file, LIMIT_DOCKSIDE_BYTES, &firewall, &m, e) &&
	       dockside_read(network_file, (struct span){ network, n }, firewall_file,
			     (struct span){ firewall, m }, env, out, e);
}

static void ipset_done(struct dockside_ipset *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->hostnames[i]);
	free(s->hostnames);
	free(s->name);
}

void dockside_free(struct dockside *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_networks; i++)
		free(d->networks[i].name);
	for (size_t i = 0; i < d->n_ipsets; i++)
		ipset_done(&d->ipsets[i]);
	free(d->networks);
	free(d->ipsets);
	plan_free(d->plan);
	dockside_text_unref(d->network_text);
	dockside_text_unref(d->firewall_text);
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
