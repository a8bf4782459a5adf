/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/dockside_status.h"

#include <string.h>

#include "base/alloc.h"
#include "net/name.h"

/* The enforcer's word on each name, by name. */
static json_t *index_names(const json_t *fields)
{
	json_t *by_name = json_object(), *n;
	size_t i;

	json_array_foreach(json_object_get(fields, "names"), i, n)
	{
		const char *name = json_string_value(json_object_get(n, "name"));

		if (name)
			json_object_set(by_name, name, n);
	}
	return by_name;
}

/* NULL: it is no name, or no rule has it. */
static json_t *of_host(const json_t *by_name, const char *host)
{
	struct name n;
	struct err ignored;

	return name_parse(span_of(host), &n, &ignored) ? json_object_get(by_name, n.s) : NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Each once, sorted. */
static json_t *sorted(const json_t *set)
{
	size_t n = json_object_size(set), i = 0;
	const char **texts = xcalloc(n + 1, sizeof(*texts));
	json_t *list = json_array(), *v;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)set, key, v) texts[i++] = key;
	qsort(texts, n, sizeof(*texts), by_text);
	for (i = 0; i < n; i++)
		json_array_append_new(list, json_string(texts[i]));
	free(texts);
	return list;
}

/* Of the set's names: the youngest answer, the next question, and what has gone wrong. */
struct summary {
	json_t *live;	/* an object whose keys are addresses */
	json_t *cached; /* by host name */
	json_t *errors;
	json_t *attempt, *success, *next; /* borrowed: the least of each; NULL: none */
	json_int_t failures;
};

static json_t *least(json_t *a, json_t *b)
{
	if (!json_is_number(b))
		return a;
	return !a || json_number_value(b) < json_number_value(a) ? b : a;
}

static void add_host(struct summary *s, const char *host, const json_t *n)
{
	json_t *addresses = json_object_get(n, "addresses"), *a;
	const char *error = json_string_value(json_object_get(n, "last_error"));
	size_t i;

	json_array_foreach(addresses, i, a)
		json_object_set_new(s->live, json_string_value(a), json_true());
	json_object_set(s->cached, host, addresses);
	if (error)
		json_array_append_new(s->errors, json_sprintf("%s: %s", host, error));
	s->attempt = least(s->attempt, json_object_get(n, "last_attempt_age"));
	s->success = least(s->success, json_object_get(n, "last_success_age"));
	s->next = least(s->next, json_object_get(n, "next_refresh_seconds"));
	s->failures += json_integer_value(json_object_get(n, "failures"));
}

static json_t *or_null(json_t *borrowed)
{
	return borrowed ? json_incref(borrowed) : json_null();
}

static json_t *detail(const struct dockside_ipset *set, const struct summary *s, json_t *live)
{
	json_t *hosts = json_array();
	const json_t *first = json_array_get(s->errors, 0);

	for (size_t i = 0; i < set->n; i++)
		json_array_append_new(hosts, json_string(set->hostnames[i]));
	return json_pack("{s:o, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:I, s:s?, s:O, s:O}",
			 "hostnames", hosts, "dns_queries", (int)set->tuning.dns_queries,
			 "stale_ttl", (int)set->tuning.stale_ttl, "refresh_interval",
			 (int)set->tuning.refresh_interval, "max_entries",
			 (int)set->tuning.max_entries, "last_attempt_age", or_null(s->attempt),
			 "last_success_age", or_null(s->success), "next_refresh_seconds",
			 or_null(s->next), "failure_count", s->failures, "last_error",
			 json_string_value(first), "cached_by_hostname", s->cached, "live_ips",
			 live);
}

static void add_set(const struct dockside_ipset *set, const json_t *by_name, json_t *ipsets,
		    json_t *details)
{
	struct summary s = { .live = json_object(),
			     .cached = json_object(),
			     .errors = json_array() };
	json_t *live;

	for (size_t i = 0; i < set->n; i++) {
		const json_t *n = of_host(by_name, set->hostnames[i]);
		struct prefix ignored_prefix;
		struct err ignored;

		if (n)
			add_host(&s, set->hostnames[i], n);
		else if (prefix_parse(span_of(set->hostnames[i]), &ignored_prefix, &ignored))
			json_object_set_new(s.live, set->hostnames[i], json_true());
	}
	live = sorted(s.live);
	json_object_set_new(details, set->name, detail(set, &s, live));
	json_object_set_new(ipsets, set->name, live);
	json_decref(s.live);
	json_decref(s.cached);
	json_decref(s.errors);
}

void dockside_status(const struct dockside *d, json_t *fields)
{
	json_t *ipsets = json_object(), *details = json_object(), *by_name = index_names(fields);

	for (size_t i = 0; i < d->n_ipsets; i++)
		add_set(&d->ipsets[i], by_name, ipsets, details);
	json_object_set_new(fields, "ipsets", ipsets);
	json_object_set_new(fields, "ipset_details", details);
	json_decref(by_name);
}
