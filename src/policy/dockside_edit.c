/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes: the text is changed value by value, read anew after each, and what comes out has to hold
 * exactly the documents that were meant. Where it does not, it is written out whole: what is in force
 * never depends on how a text was laid out.
 */
#include <string.h>

#include "base/alloc.h"
#include "policy/dockside_impl.h"

/* One of the two files on its way. */
struct draft {
	char *text; /* the document's; NULL: it is that of the file still */
	struct jsonc doc;
	json_t *want; /* what it has to hold */
};

static bool draft_start(const struct dockside_text *from, struct draft *out, struct err *e)
{
	*out = (struct draft){ 0 };
	if (!jsonc_read(from->file, dockside_text_span(from), &out->doc, e))
		return false;
	out->want = json_deep_copy(out->doc.root);
	return true;
}

static void draft_done(struct draft *d)
{
	jsonc_done(&d->doc);
	free(d->text);
	json_decref(d->want);
}

/* The text becomes the document's; what cannot be read leaves it as it was. */
static void draft_take(struct draft *d, char *take_text)
{
	_cleanup_(freep) char *text = take_text;
	struct jsonc next;
	struct err ignored = { 0 };

	if (!jsonc_read(d->doc.file, span_of(text), &next, &ignored))
		return;
	jsonc_done(&d->doc);
	free(d->text);
	d->doc = next;
	d->text = steal(&text);
}

/* Nothing but `want`, in the text that it became or in one of its own. */
static bool draft_settle(struct draft *d, struct err *e)
{
	if (!json_equal(d->doc.root, d->want))
		draft_take(d, jsonc_replace(&d->doc, d->want));
	if (json_equal(d->doc.root, d->want))
		return true;
	return err_set(e, ERR_LIMIT, "%s: the changed file would be too large", d->doc.file);
}

/* An object of the root, made when it is not there. */
static void need_object(struct draft *d, const char *key)
{
	json_t *empty = json_object();

	if (!json_is_object(json_object_get(d->want, key))) {
		json_object_set(d->want, key, empty);
		draft_take(d, jsonc_set(&d->doc, d->doc.root, key, empty));
	}
	json_decref(empty);
}

/* root.key.name = value, in the firewall's file. */
static void set_below(struct draft *d, const char *key, const char *name, json_t *value)
{
	need_object(d, key);
	json_object_set(json_object_get(d->want, key), name, value);
	draft_take(d, jsonc_set(&d->doc, json_object_get(d->doc.root, key), name, value));
}

static void remove_below(struct draft *d, const char *key, const char *name)
{
	const json_t *in = json_object_get(d->doc.root, key), *value = json_object_get(in, name);

	if (!value)
		return;
	(void)json_object_del(json_object_get(d->want, key), name);
	if (jsonc_place(&d->doc, value))
		draft_take(d, jsonc_remove(&d->doc, in, value));
}

/* ---- both files ---- */

struct drafts {
	const struct dockside *from;
	struct draft network, firewall;
};

static bool drafts_start(const struct dockside *d, struct drafts *out, struct err *e)
{
	*out = (struct drafts){ .from = d };
	return draft_start(d->network_text, &out->network, e) &&
	       draft_start(d->firewall_text, &out->firewall, e);
}

/* Reads what came out, as any files would be. */
static bool drafts_finish(struct drafts *s, struct dockside **out, struct err *e)
{
	const struct jsonc *n = &s->network.doc, *f = &s->firewall.doc;

	return draft_settle(&s->network, e) && draft_settle(&s->firewall, e) &&
	       dockside_reread(s->from, (struct span){ n->text, n->n },
			       (struct span){ f->text, f->n }, &s->from->env, out, e);
}

static void drafts_done(struct drafts *s)
{
	draft_done(&s->network);
	draft_done(&s->firewall);
}

/* ---- networks ---- */

static size_t network_index(const struct dockside *d, const char *name)
{
	const struct dockside_network *n = dockside_network_find(d, name);

	return n ? (size_t)(n - d->networks) : d->n_networks;
}

static bool check_subnet(const struct draft *d, size_t index, const json_t *network,
			 const char *name, struct err *e)
{
	const json_t *is = json_object_get(
		json_array_get(json_object_get(d->want, "networks"), index), "subnet");
	const json_t *wanted = json_object_get(network, "subnet");
	char shown[DOCKSIDE_NAME_MAX + 1];

	if (!wanted || json_is_null(wanted) || json_equal(is, wanted))
		return true;
	return err_set(e, ERR_INVALID,
		       "the network \"%s\" keeps its subnet %s: another one would cut its "
		       "containers off; write it in %s and reload",
		       span_show(span_of(name), shown, sizeof(shown)), json_string_value(is),
		       d->doc.file);
}

static const char *const topology[] = { "subnet", "gateway_ip", "dockside_ip", "dockside_mac",
					"dockside_egress" };

static void set_topology(struct draft *d, size_t index, const json_t *network)
{
	for (size_t i = 0; i < ARRAY_LEN(topology); i++) {
		json_t *value = json_object_get(network, topology[i]);

		if (!value || json_is_null(value))
			continue;
		json_object_set(json_array_get(json_object_get(d->want, "networks"), index),
				topology[i], value);
		draft_take(d, jsonc_set(&d->doc,
					json_array_get(json_object_get(d->doc.root, "networks"),
						       index),
					topology[i], value));
	}
}

static void add_network(struct draft *d, const char *name, const json_t *network)
{
	json_t *entry = json_object(), *list = json_array();

	json_object_set_new(entry, "name", json_string(name));
	for (size_t i = 0; i < ARRAY_LEN(topology); i++) {
		json_t *value = json_object_get(network, topology[i]);

		if (value && !json_is_null(value))
			json_object_set(entry, topology[i], value);
	}
	if (!json_is_array(json_object_get(d->want, "networks"))) {
		json_object_set(d->want, "networks", list);
		draft_take(d, jsonc_set(&d->doc, d->doc.root, "networks", list));
	}
	json_array_append(json_object_get(d->want, "networks"), entry);
	draft_take(d, jsonc_append(&d->doc, json_object_get(d->doc.root, "networks"), entry));
	json_decref(entry);
	json_decref(list);
}

/* root.networks.NAME.key = value, or nothing. */
static void set_rules_of(struct draft *d, const char *name, const char *key, json_t *value)
{
	json_t *want = json_object_get(json_object_get(d->want, "networks"), name);
	const json_t *is = json_object_get(json_object_get(d->doc.root, "networks"), name);
	const json_t *old = json_object_get(is, key);

	if (value) {
		json_object_set(want, key, value);
		draft_take(d, jsonc_set(&d->doc, is, key, value));
	} else if (old) {
		(void)json_object_del(want, key);
		if (jsonc_place(&d->doc, old))
			draft_take(d, jsonc_remove(&d->doc, is, old));
	}
}

/* What else the network's entry has stays. */
static void set_rules(struct draft *d, const char *name, const json_t *firewall)
{
	const json_t *old = json_object_get(json_object_get(d->want, "networks"), name);
	const char *key;
	json_t *value;

	if (!json_is_object(old)) {
		set_below(d, "networks", name, (json_t *)(uintptr_t)firewall);
		return;
	}
	set_rules_of(d, name, "egress", json_object_get(firewall, "egress"));
	set_rules_of(d, name, "nat", json_object_get(firewall, "nat"));
	json_object_foreach((json_t *)(uintptr_t)firewall, key,
			    value) if (strcmp(key, "egress") != 0 && strcmp(key, "nat") != 0)
		set_rules_of(d, name, key, value);
}

static bool set_network(struct drafts *s, const char *name, const json_t *network,
			const json_t *firewall, struct err *e)
{
	size_t index = network_index(s->from, name);

	if (index < s->from->n_networks) {
		if (!check_subnet(&s->network, index, network, name, e))
			return false;
		set_topology(&s->network, index, network);
	} else {
		add_network(&s->network, name, network);
	}
	if (json_object_size(firewall))
		set_rules(&s->firewall, name, firewall);
	else
		remove_below(&s->firewall, "networks", name);
	return true;
}

static bool check_name(const char *name, const char *what, struct err *e)
{
	char shown[DOCKSIDE_NAME_MAX + 1];

	if (dockside_name_ok(name))
		return true;
	return err_set(e, ERR_INVALID,
		       "\"%s\" cannot be the name of a %s: expected at most %d letters, digits, "
		       "\"_\", \".\", \":\" and \"-\"",
		       span_show(span_of(name), shown, sizeof(shown)), what, DOCKSIDE_NAME_MAX);
}

static bool check_object(const json_t *v, const char *what, struct err *e)
{
	if (!v || json_is_null(v) || json_is_object(v))
		return true;
	return err_set(e, ERR_INVALID, "\"%s\" is no object: expected one", what);
}

bool dockside_set_network(const struct dockside *d, const char *name, const json_t *network,
			  const json_t *firewall, struct dockside **out, struct err *e)
{
	struct drafts s;
	bool ok;

	if (!check_name(name, "network", e) || !check_object(network, "network", e) ||
	    !check_object(firewall, "firewall", e))
		return false;
	ok = drafts_start(d, &s, e) && set_network(&s, name, network, firewall, e) &&
	     drafts_finish(&s, out, e);
	drafts_done(&s);
	return ok;
}

static void remove_network(struct drafts *s, size_t index, const char *name)
{
	struct draft *d = &s->network;
	const json_t *in = json_object_get(d->doc.root, "networks");

	(void)json_array_remove(json_object_get(d->want, "networks"), index);
	draft_take(d, jsonc_remove(&d->doc, in, json_array_get(in, index)));
	remove_below(&s->firewall, "networks", name);
}

bool dockside_remove_network(const struct dockside *d, const char *name, struct dockside **out,
			     struct err *e)
{
	size_t index = network_index(d, name);
	char shown[DOCKSIDE_NAME_MAX + 1];
	struct drafts s;
	bool ok;

	if (index == d->n_networks)
		return err_set(e, ERR_INVALID, "there is no network \"%s\"",
			       span_show(span_of(name), shown, sizeof(shown)));
	ok = drafts_start(d, &s, e);
	if (ok) {
		remove_network(&s, index, name);
		ok = drafts_finish(&s, out, e);
	}
	drafts_done(&s);
	return ok;
}

/* ---- sets ---- */

/* A plain list where every tuning is the default; *out is the caller's. */
static json_t *ipset_value(const json_t *hostnames, const json_t *tunings,
			   const struct dockside_tuning *defaults)
{
	const struct {
		const char *key;
		unsigned value;
	} keys[] = {
		{ "dns_queries", defaults->dns_queries },
		{ "stale_ttl", defaults->stale_ttl },
		{ "refresh_interval", defaults->refresh_interval },
		{ "max_entries", defaults->max_entries },
	};
	json_t *o = json_object(), *list = json_deep_copy(hostnames);

	json_object_set(o, "hostnames", list);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		json_t *v = json_object_get(tunings, keys[i].key);

		if (v && !json_is_null(v) &&
		    (!json_is_integer(v) || json_integer_value(v) != keys[i].value))
			json_object_set(o, keys[i].key, v);
	}
	if (json_object_size(o) > 1) {
		json_decref(list);
		return o;
	}
	json_decref(o);
	return list;
}

bool dockside_set_ipset(const struct dockside *d, const char *name, const json_t *hostnames,
			const json_t *tunings, struct dockside **out, struct err *e)
{
	struct drafts s;
	json_t *value;
	bool ok;

	if (!check_name(name, "set", e))
		return false;
	if (!json_is_array(hostnames))
		return err_set(e, ERR_INVALID, "\"hostnames\" is no list: expected one");
	ok = drafts_start(d, &s, e);
	if (ok) {
		value = ipset_value(hostnames, tunings, &d->env.tuning);
		set_below(&s.firewall, "ipsets", name, value);
		json_decref(value);
		ok = drafts_finish(&s, out, e);
	}
	drafts_done(&s);
	return ok;
}

/* A rule of the network refers to the set. */
static bool refers(const json_t *network, const char *set)
{
	const json_t *egress = json_object_get(network, "egress");

	for (size_t i = 0; i < json_array_size(egress); i++) {
		const char *name =
			json_string_value(json_object_get(json_array_get(egress, i), "ipset"));

		if (name && strcmp(name, set) == 0)
			return true;
	}
	return false;
}

static bool check_unused(const struct drafts *s, const char *set, struct err *e)
{
	const json_t *networks = json_object_get(s->firewall.want, "networks");
	const struct dockside *d = s->from;
	_cleanup_(buf_done) struct buf list = { 0 };

	buf_init(&list, 400);
	for (size_t i = 0; i < d->n_networks; i++)
		if (refers(json_object_get(networks, d->networks[i].name), set))
			buf_fmt(&list, "%s%s", list.n ? ", " : "", d->networks[i].name);
	if (list.n == 0)
		return true;
	return err_set(e, ERR_INVALID,
		       "rules still refer to the set \"%s\": change those of %s first", set,
		       buf_cstr(&list));
}

bool dockside_remove_ipset(const struct dockside *d, const char *name, struct dockside **out,
			   struct err *e)
{
	char shown[DOCKSIDE_NAME_MAX + 1];
	struct drafts s;
	bool ok;

	if (!dockside_ipset_find(d, name))
		return err_set(e, ERR_INVALID, "there is no set \"%s\"",
			       span_show(span_of(name), shown, sizeof(shown)));
	ok = drafts_start(d, &s, e) && check_unused(&s, name, e);
	if (ok) {
		remove_below(&s.firewall, "ipsets", name);
		ok = drafts_finish(&s, out, e);
	}
	drafts_done(&s);
	return ok;
}

/* ---- everything ---- */

bool dockside_replace(const struct dockside *d, const json_t *network_config,
		      const json_t *firewall_config, struct dockside **out, struct err *e)
{
	_cleanup_(freep) char *network = NULL, *firewall = NULL;
	struct drafts s;
	bool ok;

	if (!json_is_object(network_config) || !json_is_object(firewall_config))
		return err_set(
			e, ERR_INVALID,
			"expected \"network_config\" and \"firewall_config\", each an object");
	ok = drafts_start(d, &s, e);
	if (ok) {
		network = jsonc_replace(&s.network.doc, network_config);
		firewall = jsonc_replace(&s.firewall.doc, firewall_config);
		ok = dockside_reread(d, span_of(network), span_of(firewall), &d->env, out, e);
	}
	drafts_done(&s);
	return ok;
}
