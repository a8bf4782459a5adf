/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of Dockside's two files: what is meant, and nothing else. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "dockside_help.h"

#define NETWORKS                                                                       \
	"// The networks of this host.\n"                                              \
	"{\n"                                                                          \
	"  \"networks\": [\n"                                                          \
	"    // the first\n"                                                           \
	"    {\n"                                                                      \
	"      \"name\": \"ds-priv\", // private\n"                                    \
	"      \"subnet\": \"10.77.0.0/24\",\n"                                        \
	"      \"comment\": \"kept\" // and this\n"                                    \
	"    },\n"                                                                     \
	"    {\"name\": \"ds-prod\", \"subnet\": \"10.77.1.0/24\", \"later\": true}\n" \
	"  ],\n"                                                                       \
	"  \"version\": 3 // of ours\n"                                                \
	"}\n"

#define FIREWALL                                                                        \
	"{\n"                                                                           \
	"  \"ipsets\": {\n"                                                             \
	"    \"one\": [\"a.example\"], // the first set\n"                              \
	"    \"two\": [\"b.example\"]\n"                                                \
	"  },\n"                                                                        \
	"  \"networks\": {\n"                                                           \
	"    \"ds-priv\": {\n"                                                          \
	"      \"comment\": \"kept\",\n"                                                \
	"      \"egress\": [\n"                                                         \
	"        {\"proto\": \"tcp\", \"ports\": [443], \"to\": \"ipset\", \"ipset\": " \
	"\"one\"}, // web\n"                                                            \
	"        {\"action\": \"drop\"}\n"                                              \
	"      ]\n"                                                                     \
	"    },\n"                                                                      \
	"    // production\n"                                                           \
	"    \"ds-prod\": {\"egress\": [{\"action\": \"drop\"}], \"nat\": []}\n"        \
	"  }\n"                                                                         \
	"}\n"

enum what { SET_NETWORK, REMOVE_NETWORK, SET_IPSET, REMOVE_IPSET };

static const struct {
	const char *name;
	enum what what;
	const char *subject;
	const char *first, *second; /* JSON: network and firewall, or hostnames and tunings */
	const char *cut_n,
		*put_n; /* of network-config.json: what goes, what comes; NULL: the same */
	const char *cut_f, *put_f;
} changes[] = {
	{ "a set is replaced", SET_IPSET, "one", "[\"c.example\"]", NULL, NULL, NULL,
	  "[\"a.example\"], // the", "[\n      \"c.example\"\n    ], // the" },
	{ "a set is added", SET_IPSET, "three", "[]", NULL, NULL, NULL, "[\"b.example\"]\n",
	  "[\"b.example\"],\n    \"three\": []\n" },
	{ "a set with a tuning", SET_IPSET, "two", "[\"b.example\"]",
	  "{\"stale_ttl\": 60, \"max_entries\": 4096, \"action\": \"set-ipset\"}", NULL, NULL,
	  "[\"b.example\"]\n",
	  "{\n      \"hostnames\": [\n        \"b.example\"\n      ],\n      \"stale_ttl\": 60\n    }\n" },
	{ "a set whose tunings are the defaults is a list", SET_IPSET, "two", "[]",
	  "{\"stale_ttl\": 300}", NULL, NULL, "[\"b.example\"]\n", "[]\n" },
	{ "a set is removed, the comma before it too", REMOVE_IPSET, "two", NULL, NULL, NULL, NULL,
	  "], // the first set\n    \"two\": [\"b.example\"]\n", "] // the first set\n" },
	{ "an address is added", SET_NETWORK, "ds-priv", "{\"dockside_ip\": \"10.77.0.2\"}",
	  "{\"egress\": [{\"proto\": \"tcp\", \"ports\": [443], \"to\": \"ipset\", \"ipset\": \"one\"}, "
	  "{\"action\": \"drop\"}]}",
	  "\"kept\" // and this\n", "\"kept\", // and this\n      \"dockside_ip\": \"10.77.0.2\"\n",
	  "[\n        {\"proto\": \"tcp\", \"ports\": [443], \"to\": \"ipset\", \"ipset\": \"one\"}, // "
	  "web\n        {\"action\": \"drop\"}\n      ]",
	  "[\n        {\n          \"proto\": \"tcp\",\n          \"ports\": [\n            443\n        "
	  "  ],\n          \"to\": \"ipset\",\n          \"ipset\": \"one\"\n        },\n        {\n      "
	  "    \"action\": \"drop\"\n        }\n      ]" },
	{ "no firewall removes the rules", SET_NETWORK, "ds-prod", NULL, NULL, NULL, NULL,
	  "    },\n    // production\n    \"ds-prod\": {\"egress\": [{\"action\": \"drop\"}], \"nat\": "
	  "[]}\n",
	  "    }\n    // production\n" },
	{ "other rules, and what is not given goes", SET_NETWORK, "ds-prod", "{}",
	  "{\"egress\": []}", NULL, NULL, "[{\"action\": \"drop\"}], \"nat\": []", "[]" },
	{ "the same subnet", SET_NETWORK, "ds-prod", "{\"subnet\": \"10.77.1.0/24\"}",
	  "{\"egress\": []}", NULL, NULL, "[{\"action\": \"drop\"}], \"nat\": []", "[]" },
	{ "a network is added", SET_NETWORK, "ds-new", "{\"subnet\": \"10.77.2.0/24\"}", NULL,
	  "\"later\": true}\n",
	  "\"later\": true},\n    {\n      \"name\": \"ds-new\",\n      \"subnet\": \"10.77.2.0/24\"\n    "
	  "}\n",
	  NULL, NULL },
	{ "a network is removed with its rules", REMOVE_NETWORK, "ds-priv", NULL, NULL,
	  "    {\n      \"name\": \"ds-priv\", // private\n      \"subnet\": \"10.77.0.0/24\",\n      "
	  "\"comment\": \"kept\" // and this\n    },\n",
	  "",
	  "    \"ds-priv\": {\n      \"comment\": \"kept\",\n      \"egress\": [\n        {\"proto\": "
	  "\"tcp\", \"ports\": [443], \"to\": \"ipset\", \"ipset\": \"one\"}, // web\n        "
	  "{\"action\": \"drop\"}\n      ]\n    },\n",
	  "" },
	{ "the last network is removed", REMOVE_NETWORK, "ds-prod", NULL, NULL,
	  "    },\n    {\"name\": \"ds-prod\", \"subnet\": \"10.77.1.0/24\", \"later\": true}\n",
	  "    }\n",
	  "    },\n    // production\n    \"ds-prod\": {\"egress\": [{\"action\": \"drop\"}], \"nat\": "
	  "[]}\n",
	  "    }\n    // production\n" },
};

static struct dockside *pair(const char *network, const char *firewall)
{
	struct dockside *d = NULL;
	struct err e = { 0 };

	t_good(read_pair(network, firewall, &d, &e), e);
	return d;
}

static json_t *json(const char *text)
{
	return text ? json_loads(text, 0, NULL) : NULL;
}

static bool change(const struct dockside *d, enum what what, const char *subject, const char *first,
		   const char *second, struct dockside **out, struct err *e)
{
	json_t *a = json(first), *b = json(second);
	bool ok = false;

	switch (what) {
	case SET_NETWORK:
		ok = dockside_set_network(d, subject, a, b, out, e);
		break;
	case REMOVE_NETWORK:
		ok = dockside_remove_network(d, subject, out, e);
		break;
	case SET_IPSET:
		ok = dockside_set_ipset(d, subject, a, b, out, e);
		break;
	case REMOVE_IPSET:
		ok = dockside_remove_ipset(d, subject, out, e);
		break;
	}
	json_decref(a);
	json_decref(b);
	return ok;
}

/* The text with one part exchanged; the caller's. */
static char *exchanged(const char *text, const char *cut, const char *put)
{
	const char *at = cut ? strstr(text, cut) : NULL;

	if (!cut)
		return xstrdup(text);
	t_ok(at);
	return xasprintf("%.*s%s%s", (int)(at - text), text, put, at + strlen(cut));
}

T(texts)
{
	T_EACH(row, changes)
	{
		_cleanup_(dockside_freep) struct dockside *d = pair(NETWORKS, FIREWALL),
							  *next = NULL;
		_cleanup_(freep) char *network = exchanged(NETWORKS, row->cut_n, row->put_n);
		_cleanup_(freep) char *firewall = exchanged(FIREWALL, row->cut_f, row->put_f);
		struct err e = { 0 };

		t_good(change(d, row->what, row->subject, row->first, row->second, &next, &e), e);
		t_eq_str(dockside_network_text(next).p, network);
		t_eq_str(dockside_firewall_text(next).p, firewall);
		t_eq_str(dockside_network_text(d).p, NETWORKS);
	}
}

/* Other layouts: what is to be there in the end is, whatever it looks like. */
static const struct {
	const char *name;
	const char *firewall;
	enum what what;
	const char *subject;
	const char *want;
} layouts[] = {
	{ "one line", "{\"ipsets\": {\"a\": [\"x\"]}}", SET_IPSET, "b",
	  "{\"ipsets\": {\"a\": [\"x\"], \"b\": [\"h\"]}}" },
	{ "one line, empty", "{\"ipsets\": {}}", SET_IPSET, "b",
	  "{\"ipsets\": {\n  \"b\": [\n    \"h\"\n  ]\n}}" },
	{ "no sets", "{}", SET_IPSET, "b",
	  "{\n  \"ipsets\": {\n    \"b\": [\n      \"h\"\n    ]\n  }\n}" },
	{ "an empty object with a comment", "{\"ipsets\": { // none yet\n}}\n", SET_IPSET, "b",
	  "{\"ipsets\": { // none yet\n  \"b\": [\n    \"h\"\n  ]\n}}\n" },
	{ "a bracket behind the last", "{\"ipsets\": {\n\t\"a\": [] }}", SET_IPSET, "b",
	  "{\"ipsets\": {\n\t\"a\": [],\n\t\"b\": [\n\t  \"h\"\n\t] }}" },
	{ "null", "{\"ipsets\": null}", SET_IPSET, "b",
	  "{\"ipsets\": {\n  \"b\": [\n    \"h\"\n  ]\n}}" },
	{ "a key with an escape", "{\"ips\\u0065ts\": {\"a\": []}}", SET_IPSET, "a",
	  "{\"ips\\u0065ts\": {\"a\": [\n  \"h\"\n]}}" },
	{ "the only one of a line", "{\"ipsets\": {\"a\": []}}", REMOVE_IPSET, "a",
	  "{\"ipsets\": {}}" },
	{ "the first of a line", "{\"ipsets\": {\"a\": [], \"b\": []}}", REMOVE_IPSET, "a",
	  "{\"ipsets\": {\"b\": []}}" },
	{ "the last of a line", "{\"ipsets\": {\"a\": [], \"b\": []}}", REMOVE_IPSET, "b",
	  "{\"ipsets\": {\"a\": []}}" },
	{ "a comment with commas and quotes", "{\"ipsets\": {\n\"a\": [] // \", {\n, \"b\": []}}",
	  REMOVE_IPSET, "b", "{\"ipsets\": {\n\"a\": [] // \", {\n }}" },
};

T(other_layouts)
{
	T_EACH(row, layouts)
	{
		_cleanup_(dockside_freep) struct dockside *d = pair("{}", row->firewall),
							  *next = NULL;
		struct err e = { 0 };

		t_good(change(d, row->what, row->subject, "[\"h\"]", NULL, &next, &e), e);
		t_eq_str(dockside_firewall_text(next).p, row->want);
	}
}

static const struct {
	const char *name;
	enum what what;
	const char *subject;
	const char *first, *second;
	const char *want;
} refusals[] = {
	{ "another subnet", SET_NETWORK, "ds-priv", "{\"subnet\": \"10.77.9.0/24\"}", NULL,
	  "the network \"ds-priv\" keeps its subnet 10.77.0.0/24" },
	{ "a network without a subnet", SET_NETWORK, "ds-new", "{}", NULL,
	  "networks[2].subnet: read nothing" },
	{ "a network that cannot be called so", SET_NETWORK, "ds new", "{}", NULL,
	  "\"ds new\" cannot be the name of a network" },
	{ "a network with a bad address", SET_NETWORK, "ds-priv",
	  "{\"dockside_ip\": \"10.78.0.2\"}", NULL,
	  "networks[0].dockside_ip: \"10.78.0.2\" is no address for a controller" },
	{ "rules that are not right", SET_NETWORK, "ds-priv", NULL,
	  "{\"egress\": [{\"to\": \"nowhere\"}]}",
	  "networks.ds-priv.egress[0].to: read \"nowhere\"" },
	{ "rules that are a list", SET_NETWORK, "ds-priv", NULL, "[]",
	  "\"firewall\" is no object" },
	{ "a network that is not there", REMOVE_NETWORK, "ds-new", NULL, NULL,
	  "there is no network \"ds-new\"" },
	{ "a set that is referred to", REMOVE_IPSET, "one", NULL, NULL,
	  "rules still refer to the set \"one\": change those of ds-priv first" },
	{ "a set that is not there", REMOVE_IPSET, "three", NULL, NULL,
	  "there is no set \"three\"" },
	{ "a set without hosts", SET_IPSET, "one", NULL, NULL, "\"hostnames\" is no list" },
	{ "a set with a bad host", SET_IPSET, "one", "[\"a b\"]", NULL,
	  "ipsets.one[0]: read \"a b\"" },
	{ "a set with a bad tuning", SET_IPSET, "one", "[]", "{\"dns_queries\": 99}",
	  "ipsets.one.dns_queries: read 99" },
};

T(refused)
{
	T_EACH(row, refusals)
	{
		_cleanup_(dockside_freep) struct dockside *d = pair(NETWORKS, FIREWALL),
							  *next = NULL;
		struct err e = { 0 };

		t_ok(!change(d, row->what, row->subject, row->first, row->second, &next, &e));
		t_ok(!next);
		t_err(e, ERR_INVALID, row->want);
		t_eq_str(dockside_network_text(d).p, NETWORKS);
		t_eq_str(dockside_firewall_text(d).p, FIREWALL);
	}
}

T(replace)
{
	_cleanup_(dockside_freep) struct dockside *d = pair(NETWORKS, FIREWALL), *next = NULL;
	json_t *n = json("{\"networks\": []}"), *f = json("{}");
	struct err e = { 0 };

	t_good(dockside_replace(d, n, f, &next, &e), e);
	t_eq_str(dockside_network_text(next).p,
		 "// The networks of this host.\n{\n  \"networks\": []\n}\n");
	t_eq_str(dockside_firewall_text(next).p, "{}\n");
	t_eq_int(next->n_networks, 0);
	dockside_freep(&next);
	t_ok(!dockside_replace(d, n, NULL, &next, &e));
	t_err(e, ERR_INVALID, "\"firewall_config\"");
	json_decref(n);
	json_decref(f);
}

/* ---- files ---- */

struct dir {
	char path[64];
	char *network, *firewall;
};

static struct dir make_dir(void)
{
	struct dir d = { .path = "/tmp/test-dockside-XXXXXX" };
	struct err e = { 0 };

	t_ok(mkdtemp(d.path));
	d.network = xasprintf("%s/n.json", d.path);
	d.firewall = xasprintf("%s/f.json", d.path);
	t_good(fd_write_file_atomic(d.network, span_of(NETWORKS), 0644, &e), e);
	t_good(fd_write_file_atomic(d.firewall, span_of(FIREWALL), 0644, &e), e);
	return d;
}

static void remove_dir(struct dir *d)
{
	(void)unlink(d->network);
	(void)unlink(d->firewall);
	(void)rmdir(d->firewall);
	(void)rmdir(d->path);
	free(d->network);
	free(d->firewall);
}

static void t_file(const char *path, const char *want)
{
	_cleanup_(freep) char *text = NULL;
	struct err e = { 0 };
	size_t n;

	t_good(fd_read_file(path, 65536, &text, &n, &e), e);
	t_eq_str(text, want);
}

T(save)
{
	static const struct dockside_env env = DOCKSIDE_ENV_DEFAULT;
	_cleanup_(dockside_freep) struct dockside *d = NULL, *next = NULL;
	_cleanup_(remove_dir) struct dir dir = make_dir();
	struct err e = { 0 };

	t_good(dockside_load(dir.network, dir.firewall, &env, &d, &e), e);
	t_good(dockside_remove_network(d, "ds-prod", &next, &e), e);
	t_good(dockside_save(next, &e), e);
	t_file(dir.network, dockside_network_text(next).p);
	t_file(dir.firewall, dockside_firewall_text(next).p);
	dockside_freep(&d);
	t_good(dockside_load(dir.network, dir.firewall, &env, &d, &e), e);
	t_eq_int(d->n_networks, 1);
}

/* The second file cannot be written: where it is, there is a directory. */
T(save_fails)
{
	static const struct dockside_env env = DOCKSIDE_ENV_DEFAULT;
	_cleanup_(dockside_freep) struct dockside *d = NULL, *next = NULL;
	_cleanup_(remove_dir) struct dir dir = make_dir();
	struct err e = { 0 };

	t_good(dockside_load(dir.network, dir.firewall, &env, &d, &e), e);
	t_good(dockside_remove_network(d, "ds-prod", &next, &e), e);
	t_ok(unlink(dir.firewall) == 0 && mkdir(dir.firewall, 0700) == 0);
	t_ok(!dockside_save(next, &e));
	t_ok(strstr(e.msg, "neither file is changed"));
	t_file(dir.network, NETWORKS);
}

T_MAIN(T_TEST(texts), T_TEST(other_layouts), T_TEST(refused), T_TEST(replace), T_TEST(save),
       T_TEST(save_fails))
