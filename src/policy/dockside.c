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
					      d->files->network.file);
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
	const struct jsonc_at root = jsonc_root(&r->d->files->network);
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

	plan->file = xstrdup(r->d->files->firewall.file);
	plan->subjects = xcalloc(r->d->n_networks, sizeof(*plan->subjects));
	if (!check_names(r->d, &networks, e))
		return false;
	for (size_t i = 0; i < r->d->n_networks; i++)
		if (!read_subject(r, &networks, i, e))
			return false;
	return true;
}

static bool read_files(struct dockside *d, struct err *e)
{
	const struct jsonc_at network = jsonc_root(&d->files->network);
	const struct jsonc_at firewall = jsonc_root(&d->files->firewall);
	struct dockside_reader r = { .d = d, .plan = d->plan };

	return dockside_read_networks(&r, &network, e) && dockside_read_ipsets(&r, &firewall, e) &&
	       read_plan(&r, &firewall, e);
}

bool dockside_read(const char *network_file, struct span network_text, const char *firewall_file,
		   struct span firewall_text, const struct dockside_env *env, struct dockside **out,
		   struct err *e)
{
	_cleanup_(dockside_freep) struct dockside *d = xcalloc(1, sizeof(*d));

	d->env = *env;
	d->files = xcalloc(1, sizeof(*d->files));
	d->plan = xcalloc(1, sizeof(*d->plan));
	if (!jsonc_read(network_file, network_text, &d->files->network, e) ||
	    !jsonc_read(firewall_file, firewall_text, &d->files->firewall, e) || !read_files(d, e))
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
	jsonc_done(&d->files->network);
	jsonc_done(&d->files->firewall);
	free(d->files);
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
	return (struct span){ d->files->network.text, d->files->network.n };
}

struct span dockside_firewall_text(const struct dockside *d)
{
	return (struct span){ d->files->firewall.text, d->files->firewall.n };
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
	const char *network = d->files->network.file, *firewall = d->files->firewall.file;
	_cleanup_(freep) char *before = NULL;
	size_t n;

	if (!fd_read_file(network, LIMIT_DOCKSIDE_BYTES, &before, &n, e) ||
	    !fd_write_file_atomic(network, dockside_network_text(d), 0644, e))
		return false;
	return fd_write_file_atomic(firewall, dockside_firewall_text(d), 0644, e) ||
	       put_back(network, (struct span){ before, n }, e);
}
