/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "daemon/added.h"
#include "daemon/dockside_status.h"
#include "daemon/dockside_tuning.h"
#include "policy/dockside.h"
#include "policy/edit.h"

/* The policy whose name rules have that were added while the daemon runs: "added:1". */
#define ADDED "added"

struct candidate {
	struct plan *plan;	   /* a policy file's; NULL with: */
	struct dockside *dockside; /* whose plan it is */
	struct added_list added;
	char *text;	      /* a policy file's, */
	struct plan *written; /* and what it says without the added rules */
	bool save;	      /* the files are to be written */
};

struct source {
	struct source_options o;
	struct dockside_env env;
	bool env_read;
	struct candidate *kept; /* NULL before the first */
};

struct source *source_new(const struct source_options *o)
{
	struct source *s = xcalloc(1, sizeof(*s));

	s->o = *o;
	return s;
}

void source_free(struct source *s)
{
	if (!s)
		return;
	candidate_free(s->kept);
	free(s);
}

bool source_is_dockside(const struct source *s)
{
	return s->o.network_config;
}

/* ---- rules that were added */

static const struct plan_subject *network_find(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->n_subjects; i++)
		if (p->subjects[i].kind == SUBJECT_NETWORK && strcmp(p->subjects[i].id, name) == 0)
			return &p->subjects[i];
	return NULL;
}

/* A network that has left the policy takes its added rules along. */
static bool put_in_front(struct plan *p, const struct added *a, unsigned place, struct err *e)
{
	const struct plan_subject *s = a->network ? network_find(p, a->network) : NULL;

	if (a->network && !s)
		return true;
	for (size_t i = 0; i < p->n_policies; i++)
		if ((!s || s->policy == p->policies[i]) &&
		    !plan_rule_prepend(p, i, a->action, a->dest, ADDED, place, e))
			return false;
	return true;
}

/* The last one that was added stands first. */
static bool add_to_plan(struct candidate *c, struct err *e)
{
	struct plan *p = c->dockside ? c->dockside->plan : c->plan;

	for (size_t i = 0; i < c->added.n; i++)
		if (!put_in_front(p, &c->added.items[i], (unsigned)i + 1, e))
			return false;
	return true;
}

/* ---- candidates */

struct plan *candidate_plan(struct candidate *c)
{
	return c->dockside ? c->dockside->plan : c->plan;
}

void candidate_free(struct candidate *c)
{
	if (!c)
		return;
	added_done(&c->added);
	plan_free(c->plan);
	plan_free(c->written);
	dockside_free(c->dockside);
	free(c->text);
	free(c);
}

static void candidate_freep(struct candidate **c)
{
	candidate_free(*c);
}

static const char *getenv_of(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static bool read_env(struct source *s, struct err *e)
{
	if (!s->env_read && !dockside_env_parse(getenv_of, NULL, &s->env, e))
		return false;
	s->env_read = true;
	return true;
}

/* No other file has a say in what the text means: those of groups have, and an escape could spell one. */
static bool stands_alone(struct span text)
{
	static const char group[] = "group/";

	return !memchr(text.p, '\\', text.n) && !memmem(text.p, text.n, group, sizeof(group) - 1);
}

/* What c->text, which is `text`, says. */
static bool read_policy(const struct source *s, struct span text, struct candidate *c,
			struct err *e)
{
	if (!policy_load_text(s->o.policy, text, &s->o.load, &c->plan, e))
		return false;
	c->written = plan_copy(c->plan);
	return true;
}

/* What the policy file said when the policy in force was read. */
static void copy_policy(const struct candidate *kept, struct candidate *c)
{
	c->plan = plan_copy(kept->written);
	c->written = plan_copy(kept->written);
}

static bool read_policy_file(const struct source *s, struct candidate *c, struct err *e)
{
	const struct candidate *kept = s->kept;
	struct span text;

	if (!fd_read_file(s->o.policy, LIMIT_POLICY_BYTES, &c->text, &text.n, e))
		return false;
	text.p = c->text;
	if (!kept || !span_eq(text, span_of(kept->text)) || !stands_alone(text))
		return read_policy(s, text, c, e);
	copy_policy(kept, c);
	return true;
}

/* From the files; what is in them as it was is not read again. */
static bool read_files(struct source *s, struct candidate *c, struct err *e)
{
	const struct candidate *kept = s->kept;

	if (!source_is_dockside(s))
		return read_policy_file(s, c, e);
	if (!read_env(s, e))
		return false;
	if (kept)
		return dockside_reload(kept->dockside, &s->env, &c->dockside, e);
	return dockside_load(s->o.network_config, s->o.firewall_config, &s->env, &c->dockside, e);
}

/* What is in force may be of a control that has died, when this one could not read the files. */
static bool err_no_policy(struct err *e)
{
	return err_set(e, ERR_INVALID, "no policy has been read yet: reload first");
}

/* From what was read when a policy in force was: what the files say by now is for a reload. */
static bool read_again(struct source *s, const struct candidate *kept, struct candidate *c,
		       struct err *e)
{
	if (!kept)
		return err_no_policy(e);
	if (kept->dockside)
		return dockside_reread(kept->dockside, dockside_network_text(kept->dockside),
				       dockside_firewall_text(kept->dockside), &s->env,
				       &c->dockside, e);
	c->text = xstrdup(kept->text);
	copy_policy(kept, c);
	return true;
}

/* With the rules that were added, those that still hold and perhaps one more. */
static bool complete(const struct candidate *from, struct candidate *c, const struct added *more,
		     uint64_t now_ms, struct err *e)
{
	if (from)
		added_carry(&from->added, now_ms, &c->added);
	return (!more || added_put(&c->added, more, e)) && add_to_plan(c, e);
}

/* Root wonders. */
static bool err_denied(struct err *e)
{
	struct err was = *e;

	if (was.kind != ERR_DENIED)
		return false;
	return err_set(
		e, ERR_DENIED,
		"%s: it is read by user 0 without further rights: it has to be owned by root or "
		"readable by all, and no link may lead out of its directory",
		was.msg);
}

bool source_load(struct source *s, uint64_t now_ms, struct candidate **out, struct err *e)
{
	_cleanup_(candidate_freep) struct candidate *c = xcalloc(1, sizeof(*c));

	if (!read_files(s, c, e))
		return err_denied(e);
	if (!complete(s->kept, c, NULL, now_ms, e))
		return false;
	*out = steal(&c);
	return true;
}

bool source_expire(struct source *s, const struct candidate *from, uint64_t now_ms,
		   struct candidate **out, struct err *e)
{
	_cleanup_(candidate_freep) struct candidate *c = xcalloc(1, sizeof(*c));

	from = from ? from : s->kept;
	if (!read_again(s, from, c, e) || !complete(from, c, NULL, now_ms, e))
		return false;
	*out = steal(&c);
	return true;
}

/* ---- allow and deny */

/* What somebody has written into the file meanwhile would be lost. */
static bool is_as_read(const struct source *s, struct err *e)
{
	_cleanup_(freep) char *text = NULL;
	size_t n;

	if (!fd_read_file(s->o.policy, LIMIT_POLICY_BYTES, &text, &n, e))
		return false;
	return span_eq((struct span){ text, n }, span_of(s->kept->text)) ||
	       err_set(e, ERR_INVALID,
		       "%s was changed since it was read: reload first, then save into it",
		       s->o.policy);
}

/* Into the text of the policy of the network. */
static bool write_rule(const struct source *s, const struct source_rule *r, struct candidate *c,
		       struct err *e)
{
	const struct plan_subject *sub =
		r->network ? network_find(candidate_plan(s->kept), r->network) : NULL;
	struct edit_rule rule = { .action = r->action, .dest = r->dest };
	struct buf out;
	bool ok;

	if (source_is_dockside(s))
		return err_set(e, ERR_UNSUPPORTED,
			       "a rule is saved into Dockside's files by set-network");
	if (!sub)
		return err_set(e, ERR_INVALID,
			       "which policy is it saved to: expected \"network\" with \"save\"");
	if (!is_as_read(s, e))
		return false;
	rule.policy = sub->policy->name;
	buf_init(&out, LIMIT_POLICY_BYTES);
	ok = policy_edit_add(s->o.policy, span_of(s->kept->text), &rule, &out, e);
	if (ok)
		c->text = buf_take(&out);
	buf_done(&out);
	c->save = ok && strcmp(c->text, s->kept->text) != 0;
	return ok && read_policy(s, span_of(c->text), c, e);
}

bool source_add_rule(struct source *s, const struct source_rule *r, uint64_t now_ms,
		     struct candidate **out, struct err *e)
{
	_cleanup_(candidate_freep) struct candidate *c = xcalloc(1, sizeof(*c));
	const struct added a = { r->action, r->dest, r->network, r->until_ms };

	if (s->kept && r->network && !network_find(candidate_plan(s->kept), r->network))
		return err_set(e, ERR_INVALID, "there is no network \"%s\" in the policy",
			       r->network);
	if (r->save && r->until_ms)
		return err_set(e, ERR_INVALID,
			       "what is saved holds until it is taken out of the file: expected "
			       "\"save\" or \"for\"");
	if (r->save && s->kept ? !write_rule(s, r, c, e) : !read_again(s, s->kept, c, e))
		return false;
	if (!complete(s->kept, c, r->save ? NULL : &a, now_ms, e))
		return false;
	*out = steal(&c);
	return true;
}

/* ---- what changes Dockside's files */

static const char *name_of(const json_t *request, struct err *e)
{
	const char *name = json_string_value(json_object_get(request, "name"));

	if (!name)
		(void)err_set(e, ERR_INVALID, "expected \"name\", a text");
	return name;
}

static bool change_network(const struct dockside *d, const json_t *r, struct dockside **out,
			   struct err *e)
{
	const char *name = name_of(r, e);

	return name && dockside_set_network(d, name, json_object_get(r, "network"),
					    json_object_get(r, "firewall"), out, e);
}

static bool remove_network(const struct dockside *d, const json_t *r, struct dockside **out,
			   struct err *e)
{
	const char *name = name_of(r, e);

	return name && dockside_remove_network(d, name, out, e);
}

static bool change_ipset(const struct dockside *d, const json_t *r, struct dockside **out,
			 struct err *e)
{
	const char *name = name_of(r, e);

	return name && dockside_set_ipset(d, name, json_object_get(r, "hostnames"), r, out, e);
}

static bool remove_ipset(const struct dockside *d, const json_t *r, struct dockside **out,
			 struct err *e)
{
	const char *name = name_of(r, e);

	return name && dockside_remove_ipset(d, name, out, e);
}

static bool replace(const struct dockside *d, const json_t *r, struct dockside **out, struct err *e)
{
	return dockside_replace(d, json_object_get(r, "network_config"),
				json_object_get(r, "firewall_config"), out, e);
}

static const struct {
	const char *action;
	bool (*fn)(const struct dockside *d, const json_t *r, struct dockside **out, struct err *e);
} changes[] = {
	{ "apply", replace },
	{ "set-network", change_network },
	{ "remove-network", remove_network },
	{ "set-ipset", change_ipset },
	{ "remove-ipset", remove_ipset },
};

bool source_change(struct source *s, const char *action, const json_t *request, uint64_t now_ms,
		   struct candidate **out, struct err *e)
{
	_cleanup_(candidate_freep) struct candidate *c = xcalloc(1, sizeof(*c));
	size_t i = 0;

	if (!s->kept)
		return err_no_policy(e);
	while (i < ARRAY_LEN(changes) && strcmp(changes[i].action, action) != 0)
		i++;
	if (i == ARRAY_LEN(changes))
		return err_set(e, ERR_INVALID, "unknown change \"%s\"", action);
	if (!changes[i].fn(s->kept->dockside, request, &c->dockside, e))
		return false;
	c->save = true;
	if (!complete(s->kept, c, NULL, now_ms, e))
		return false;
	*out = steal(&c);
	return true;
}

/* ---- what was kept */

bool source_keep(struct source *s, struct candidate *take_c, struct err *e)
{
	_cleanup_(candidate_freep) struct candidate *c = take_c;

	if (c->save &&
	    (c->dockside ? !dockside_save(c->dockside, e) :
			   !fd_write_file_atomic(s->o.policy, span_of(c->text), 0644, e)))
		return false;
	c->save = false;
	candidate_free(s->kept);
	s->kept = steal(&c);
	return true;
}

const struct plan *source_plan(const struct source *s)
{
	return s->kept ? candidate_plan(s->kept) : NULL;
}

void source_tunings(const struct source *s, const struct candidate *c, struct tunings *out)
{
	const struct candidate *of = c ? c : s->kept;

	*out = (struct tunings){ 0 };
	if (of && of->dockside)
		dockside_tunings(of->dockside, out);
}

bool source_network(const struct source *s, size_t i, const char **name,
		    const struct plan_network **out)
{
	const struct dockside *d = s->kept ? s->kept->dockside : NULL;
	const struct plan *p = source_plan(s);

	if (d && i < d->n_networks) {
		*name = d->networks[i].name;
		*out = &d->networks[i].network;
		return true;
	}
	for (size_t j = 0; p && !d && j < p->n_subjects; j++) {
		if (p->subjects[j].kind != SUBJECT_NETWORK || i-- > 0)
			continue;
		*name = p->subjects[j].id;
		*out = &p->subjects[j].network;
		return true;
	}
	return false;
}

uint64_t source_next_end(const struct source *s, uint64_t after_ms)
{
	uint64_t next = 0;

	for (size_t i = 0; s->kept && i < s->kept->added.n; i++) {
		uint64_t until = s->kept->added.items[i].until_ms;

		if (until > after_ms && (!next || until < next))
			next = until;
	}
	return next;
}

static void add_networks(const struct source *s, json_t *fields)
{
	const struct plan_network *n;
	json_t *names = json_array();
	const char *name;

	for (size_t i = 0; source_network(s, i, &name, &n); i++)
		json_array_append_new(names, json_string(name));
	json_object_set_new(fields, "networks", names);
}

void source_status(const struct source *s, uint64_t now_ms, json_t *fields)
{
	json_t *added = json_array();

	for (size_t i = 0; s->kept && i < s->kept->added.n; i++) {
		const struct added *a = &s->kept->added.items[i];

		json_array_append_new(
			added,
			json_pack("{s:s, s:s, s:s?, s:o}", "action", rule_action_str(a->action),
				  "destination", a->dest, "network", a->network, "seconds_left",
				  a->until_ms ?
					  json_integer((json_int_t)(a->until_ms > now_ms ?
									    (a->until_ms - now_ms) /
										    1000 :
									    0)) :
					  json_null()));
	}
	json_object_set_new(fields, "added_rules", added);
	json_object_set_new(fields, "policy_file",
			    json_string(s->o.policy ? s->o.policy : s->o.firewall_config));
	add_networks(s, fields);
	if (s->kept && s->kept->dockside)
		dockside_status(s->kept->dockside, fields);
}
