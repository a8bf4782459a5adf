/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dockside's files read by what was read before: the same, always, as if they were read anew. */
#include <string.h>

#include "base/alloc.h"
#include "dockside_help.h"
#include "policy/flat.h"

#define NETWORKS                                                                              \
	"{\"networks\": [\n"                                                                  \
	" {\"name\": \"one\", \"subnet\": \"10.77.1.0/24\"},\n"                               \
	" {\"name\": \"two\", \"subnet\": \"10.77.2.0/24\"},\n"                               \
	" {\"name\": \"bare\", \"subnet\": \"10.77.3.0/24\",\n"                               \
	"  \"dockside_mac\": \"02:00:00:00:00:02\"},\n"                                       \
	" {\"name\": \"loose\", \"subnet\": \"10.77.4.0/24\"},\n"                             \
	" {\"name\": \"last\", \"subnet\": \"10.77.5.0/24\", \"dockside_ip\": \"10.77.5.2\"}" \
	"\n]}\n"

/* That of the network "one". */
#define RULE "{\"action\": \"allow\", \"to\": \"all\"}"

/* In another order than that of the networks, and two in one line. */
#define FIREWALL                                                                            \
	"// rules\n"                                                                        \
	"{\"ipsets\": {\"set\": [\"a.example\", \"b.example\"], \"none\": []},\n"           \
	" \"networks\": { // \"}\"\n"                                                       \
	"  \"two\": {\"egress\": [\n"                                                       \
	"    {\"action\": \"allow\", \"to\": \"ipset\", \"ipset\": \"set\", // sets\n"      \
	"     \"proto\": \"tcp\", \"ports\": [443, 80]},\n"                                 \
	"    {\"action\": \"allow\", \"to\": \"ipset\", \"ipset\": \"none\",\n"             \
	"     \"proto\": \"tcp\", \"ports\": [22]},\n"                                      \
	"    {\"action\": \"drop\", \"proto\": \"tcp\"}],\n"                                \
	"    \"nat\": [{\"match_dport\": 80, \"to_port\": 8080, \"to_ip\": \"10.0.0.1\",\n" \
	"      \"proto\": \"tcp\", \"comment\": \"a } b // c\"}]\n"                         \
	"  }, \"one\": {\"egress\": [{\"action\": \"allow\", \"to\": \"all\"}]}, "          \
	"\"loose\": {},\n"                                                                  \
	"  \"last\": {\"egress\": [\n"                                                      \
	"    {\"action\": \"allow\", \"to\": \"host\", \"host\": \"c.example\", "           \
	"\"proto\": \"udp\"}\n"                                                             \
	"  ], \"future\": [true, null, 1.5]}\n"                                             \
	" }\n"                                                                              \
	"}\n"

/* ---- the same ---- */

static void same_lints(const struct plan *a, const struct plan *b)
{
	t_eq_int(a->n_lints, b->n_lints);
	for (size_t i = 0; i < a->n_lints; i++) {
		t_eq_str(a->lints[i].text, b->lints[i].text);
		t_eq_str(a->lints[i].file, b->lints[i].file);
		t_eq_int(a->lints[i].at.line, b->lints[i].at.line);
		t_eq_int(a->lints[i].at.column, b->lints[i].at.column);
	}
}

static void same_places(const struct plan *a, const struct plan *b)
{
	t_eq_int(a->n_policies, b->n_policies);
	for (size_t i = 0; i < a->n_policies; i++) {
		t_eq_int(a->policies[i]->n_rules, b->policies[i]->n_rules);
		for (size_t k = 0; k < a->policies[i]->n_rules; k++) {
			t_eq_int(a->places[i][k].line, b->places[i][k].line);
			t_eq_int(a->places[i][k].column, b->places[i][k].column);
		}
	}
	for (size_t i = 0; i < a->n_subjects; i++) {
		t_eq_int(a->subjects[i].at.line, b->subjects[i].at.line);
		t_eq_int(a->subjects[i].at.column, b->subjects[i].at.column);
	}
}

static void same_plan(const struct plan *a, const struct plan *b)
{
	_cleanup_(buf_done) struct buf x = { 0 }, y = { 0 };

	buf_init(&x, LIMIT_PLAN_FLAT);
	buf_init(&y, LIMIT_PLAN_FLAT);
	plan_encode(a, &x);
	plan_encode(b, &y);
	t_ok(span_eq(buf_view(&x), buf_view(&y)));
	same_lints(a, b);
	same_places(a, b);
}

static void same_parts(const struct dockside *a, const struct dockside *b)
{
	t_ok(span_eq(dockside_network_text(a), dockside_network_text(b)));
	t_ok(span_eq(dockside_firewall_text(a), dockside_firewall_text(b)));
	t_eq_int(a->n_networks, b->n_networks);
	for (size_t i = 0; i < a->n_networks; i++) {
		t_eq_str(a->networks[i].name, b->networks[i].name);
		t_eq_int(a->networks[i].managed, b->networks[i].managed);
	}
	t_eq_int(a->n_ipsets, b->n_ipsets);
	for (size_t i = 0; i < a->n_ipsets; i++) {
		t_eq_str(a->ipsets[i].name, b->ipsets[i].name);
		t_eq_int(a->ipsets[i].n, b->ipsets[i].n);
		for (size_t k = 0; k < a->ipsets[i].n; k++)
			t_eq_str(a->ipsets[i].hostnames[k], b->ipsets[i].hostnames[k]);
		t_eq_int(a->ipsets[i].tuning.max_entries, b->ipsets[i].tuning.max_entries);
	}
}

/* How many policies are those of the plan before. */
static size_t n_taken(const struct dockside *was, const struct dockside *now)
{
	size_t n = 0;

	for (size_t i = 0; i < now->plan->n_policies; i++)
		n += plan_policy_number(was->plan, now->plan->policies[i]) < was->plan->n_policies;
	return n;
}

static const struct dockside_env defaults = DOCKSIDE_ENV_DEFAULT;

/* By what was read before and anew; *out is the former, NULL when both are refused. */
static void reread(const struct dockside *was, struct span network, struct span firewall,
		   struct dockside **out)
{
	_cleanup_(dockside_freep) struct dockside *anew = NULL;
	struct err e = { 0 }, want = { 0 };
	bool ok = dockside_read("n.json", network, "f.json", firewall, &defaults, &anew, &want);

	*out = NULL;
	t_eq_int(dockside_reread(was, network, firewall, &defaults, out, &e), ok);
	t_eq_int(e.kind, want.kind);
	t_eq_str(e.msg, want.msg);
	t_eq_int(e.at.line, want.at.line);
	t_eq_int(e.at.column, want.at.column);
	if (!ok)
		return;
	same_parts(*out, anew);
	same_plan((*out)->plan, anew->plan);
}

static struct dockside *pair(const char *network, const char *firewall)
{
	struct dockside *d = NULL;
	struct err e;

	t_good(read_pair(network, firewall, &d, &e), e);
	return d;
}

/* ---- edits ---- */

#define ALLOW "{\"action\": \"allow\", \"to\": \"all\", \"proto\": \"tcp\", \"ports\": [1]}"

/* The text with its first `find` written over; the caller's. */
static char *edited(const char *text, const char *find, const char *put)
{
	const char *at = strstr(text, find);

	if (!at)
		return xstrdup(text);
	return xasprintf("%.*s%s%s", (int)(at - text), text, put, at + strlen(find));
}

static const struct {
	const char *name;
	const char *find, *put;
	size_t taken; /* policies that are not read again; three have rules */
} edits[] = {
	{ "nothing", "", "", 3 },
	{ "a port", "443", "444", 2 },
	{ "a port in the one before it in the text", "[22]", "[22, 23]", 2 },
	{ "a rule more", "{\"action\": \"drop\"", ALLOW ",{\"action\": \"drop\"", 2 },
	{ "a rule more, over lines", "{\"action\": \"drop\"",
	  "\n\n" ALLOW ",\n{\"action\": \"drop\"", 2 },
	{ "lines before one in the same line", "\n  }, \"one\"", "\n\n\n    }, \"one\"", 2 },
	{ "one line less", "},\n    {\"action\": \"drop\"", "},    {\"action\": \"drop\"", 2 },
	{ "in the midst of a line", "\"to\": \"all\"", "\"to\": \"all\", \"proto\": \"icmp\"", 2 },
	{ "a line in the midst of one", "\"to\": \"all\"}", "\"to\": \"all\"\n}", 2 },
	{ "no rules any more", "{\"egress\": [{\"action\": \"allow\", \"to\": \"all\"}]}", "{}",
	  2 },
	{ "the first rules", "\"loose\": {}", "\"loose\": {\"egress\": [" ALLOW "]}", 3 },
	{ "another set", "\"ipset\": \"none\"", "\"ipset\": \"set\"", 2 },
	{ "a comment", "// sets", "// \"sets\" }", 2 },
	{ "a comment more", "\"nat\"", "// {\n\"nat\"", 2 },
	{ "a comment less", " // sets", "", 2 },
	{ "a text that looks like an end", "a } b // c", "a }}} \\\" b // c", 2 },
	{ "a set that is not there", "\"ipset\": \"none\"", "\"ipset\": \"gone\"", 0 },
	{ "a set's hosts", "b.example", "d.example", 0 },
	{ "a comment in front of all", "// rules", "// all rules", 3 },
	{ "a comment between", "{ // \"}\"", "{ // {\"", 3 },
	{ "no object any more", "{\"egress\": [{\"action\": \"allow\", \"to\": \"all\"}]}", "[]",
	  0 },
	{ "from nothing", "\"loose\": {}", "\"loose\": null", 3 },
	{ "a network that is not there", "\"loose\"", "\"lost\"", 0 },
	{ "two networks at once", "]}, \"loose\": {}", "], \"x\": 1}, \"loose\": {\"x\": 1}", 2 },
	{ "written twice", "\"loose\": {}", "\"one\": {}", 0 },
	{ "a key written twice", "\"to\": \"all\"", "\"to\": \"all\", \"to\": \"all\"", 0 },
	{ "a comment over the end", RULE "]}", "{\"action\": \"drop\"}]} // }", 0 },
	{ "a comment over the end of a line", "1.5]}", "1.5] // }", 0 },
	{ "an end in a comment", "1.5]}", "1.5] // }\n}", 2 },
	{ "a text over the end", "\"to\": \"all\"}]}", "\"to\": \"all\"}], \"x}", 0 },
	{ "a text over the end, by an escape", "b // c\"", "b // c\\\"", 0 },
	{ "ended early, and another begun", RULE "]}",
	  "{\"action\": \"drop\"}]}, \"x\": {\"egress\": [{}]}", 0 },
	{ "ended early, and a known one begun", RULE "]}, \"loose\": {}",
	  "{\"action\": \"drop\"}]}, \"loose\": {}", 2 },
	{ "ended early twice", RULE "]}",
	  "{\"action\": \"drop\"}]}}, \"x\": {\"y\": {\"egress\": [{}]}", 0 },
	{ "one brace too many", "1.5]}", "1.5]}}", 0 },
	{ "one brace too few", "1.5]}", "1.5]", 0 },
	{ "the key of the next one moves in", "}]}, \"loose\": {}", "}], \"loose\": {}}", 2 },
	{ "a bad number", "443", "0443", 0 },
	{ "not UTF-8", "a } b", "a \xff b", 0 },
	{ "a control character", "a } b", "a \x01 b", 0 },
	{ "another policy is wrong", "\"host\": \"c.example\"", "\"host\": \"c .example\"", 0 },
	{ "emptied", FIREWALL, "{}", 0 },
	{ "cut", "\n}\n", "\n", 0 },
};

T(edits_of_the_firewall)
{
	_cleanup_(dockside_freep) struct dockside *was = pair(NETWORKS, FIREWALL);

	T_EACH(row, edits)
	{
		_cleanup_(freep) char *text = edited(FIREWALL, row->find, row->put);
		_cleanup_(dockside_freep) struct dockside *now = NULL, *back = NULL;

		t_ok(row == edits || strcmp(text, FIREWALL) != 0);
		reread(was, SPAN_LIT(NETWORKS), span_of(text), &now);
		t_eq_int(now ? n_taken(was, now) : 0, row->taken);
		if (!now)
			continue;
		reread(now, SPAN_LIT(NETWORKS), SPAN_LIT(FIREWALL), &back);
		t_ok(back);
	}
}

T(edits_of_the_networks)
{
	static const struct {
		const char *name, *find, *put;
	} rows[] = {
		{ "a subnet", "10.77.1.0", "10.78.1.0" },
		{ "no controller any more", ",\n  \"dockside_mac\": \"02:00:00:00:00:02\"", "" },
		{ "another name", "\"one\"", "\"other\"" },
		{ "a line more", "{\"networks\"", "{\n\"networks\"" },
	};
	_cleanup_(dockside_freep) struct dockside *was = pair(NETWORKS, FIREWALL);

	T_EACH(row, rows)
	{
		_cleanup_(freep) char *text = edited(NETWORKS, row->find, row->put);
		_cleanup_(dockside_freep) struct dockside *now = NULL;

		reread(was, span_of(text), SPAN_LIT(FIREWALL), &now);
	}
}

T(another_environment)
{
	_cleanup_(dockside_freep) struct dockside *was = pair(NETWORKS, FIREWALL), *now = NULL;
	struct dockside_env env = defaults;
	struct err e;

	env.tuning.stale_ttl = 7;
	t_good(dockside_reread(was, SPAN_LIT(NETWORKS), SPAN_LIT(FIREWALL), &env, &now, &e), e);
	t_eq_int(now->ipsets[0].tuning.stale_ttl, 7);
}

/* Texts with a NUL have no end that strlen() finds. */
T(nul)
{
	_cleanup_(dockside_freep) struct dockside *was = pair(NETWORKS, FIREWALL), *now = NULL;
	char text[] = FIREWALL;

	*strstr(text, "c.example") = '\0';
	reread(was, SPAN_LIT(NETWORKS), (struct span){ text, sizeof(text) - 1 }, &now);
	t_ok(!now);
}

/* ---- limits, which are those of the whole ---- */

#define TWO                                                                  \
	"{\"networks\": [{\"name\": \"one\", \"subnet\": \"10.77.1.0/24\"}," \
	" {\"name\": \"two\", \"subnet\": \"10.77.2.0/24\"}]}"

/* Two networks with so many allows each of a set of n hosts, or of everything without ports. */
static char *large(size_t hosts, const size_t rules[2], const char *rule)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_str(&b, "{\"ipsets\": {\"set\": [\"h.example\"");
	for (size_t i = 1; i < hosts; i++)
		buf_fmt(&b, ",\"h%zu.example\"", i);
	buf_str(&b, "]}, \"networks\": {");
	for (size_t k = 0; k < 2; k++) {
		buf_fmt(&b, "%s\"%s\": {\"egress\": [{\"action\": \"drop\"}", k ? "," : "",
			k ? "two" : "one");
		for (size_t i = 0; i < rules[k]; i++)
			buf_fmt(&b, ",\n%s", rule);
		buf_str(&b, "]}");
	}
	buf_str(&b, "}}");
	return buf_take(&b);
}

#define OF_SET \
	"{\"action\":\"allow\",\"to\":\"ipset\",\"ipset\":\"set\",\"proto\":\"tcp\",\"ports\":[1]}"
#define OF_NOTHING "{\"action\":\"allow\",\"to\":\"all\"}"

T(limits)
{
	static const struct {
		const char *name;
		size_t hosts;
		const char *rule;
		size_t rules[2], more[2];
		bool refused;
	} rows[] = {
		{ "lints: at the limit", 1, OF_NOTHING, { 500, 499 }, { 500, 500 }, false },
		{ "lints: beyond, in the first", 1, OF_NOTHING, { 600, 300 }, { 800, 300 }, false },
		{ "lints: less again", 1, OF_NOTHING, { 900, 300 }, { 100, 300 }, false },
		{ "lints: one network has all", 1, OF_NOTHING, { 1100, 9 }, { 1200, 9 }, false },
		{ "destinations: the first is too large",
		  2000,
		  OF_SET,
		  { 40, 50 },
		  { 60, 50 },
		  true },
		{ "destinations: the last is too large",
		  2000,
		  OF_SET,
		  { 50, 40 },
		  { 50, 60 },
		  true },
		{ "destinations: both fit", 2000, OF_SET, { 40, 50 }, { 45, 50 }, false },
	};

	T_EACH(row, rows)
	{
		_cleanup_(freep) char *a = large(row->hosts, row->rules, row->rule);
		_cleanup_(freep) char *b = large(row->hosts, row->more, row->rule);
		_cleanup_(dockside_freep) struct dockside *was = pair(TWO, a), *now = NULL;

		reread(was, SPAN_LIT(TWO), span_of(b), &now);
		t_eq_int(!now, row->refused);
		t_eq_int(now ? n_taken(was, now) : 1, 1);
	}
}

/* How deep a text may be is counted from its beginning, not from that of the network. */
T(depth)
{
	static const char begin[] = "{\"networks\": {\"one\": {\"egress\": [], \"x\": ",
			  end[] = "}, \"two\": {}}}";
	_cleanup_(freep) char *flat = xasprintf("%s0%s", begin, end);
	_cleanup_(dockside_freep) struct dockside *was = pair(TWO, flat);

	for (size_t depth = 2030; depth < 2060; depth++) {
		_cleanup_(dockside_freep) struct dockside *now = NULL;
		_cleanup_(buf_done) struct buf b = { 0 };

		buf_init(&b, SIZE_MAX);
		buf_str(&b, begin);
		for (size_t i = 0; i < 2 * depth; i++)
			buf_char(&b, i < depth ? '[' : ']');
		buf_str(&b, end);
		reread(was, SPAN_LIT(TWO), buf_view(&b), &now);
		t_ok(depth > 2030 || now);
		t_ok(depth < 2059 || !now);
	}
}

/* ---- random edits ---- */

static uint64_t seed;

static size_t below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed % n);
}

static const char *const snippets[] = {
	"{",
	"}",
	"[",
	"]",
	"\"",
	",",
	":",
	"\n",
	" ",
	"//",
	"// }\n",
	"\\",
	"0",
	"null",
	"{}",
	"]}",
	"}}",
	"\"x\": 1,",
	",\"y\": {}",
	ALLOW ",",
	"," ALLOW,
	"\n" ALLOW ",\n",
	"{\"action\": \"drop\"},",
	",\n{\"action\": \"allow\", \"to\": \"all\"}",
	"\"egress\": [" ALLOW "],",
};

/* A place where something may well be added, or any. */
static size_t some_place(struct span text)
{
	static const char likely[] = "[{,}]";
	size_t at = below(text.n + 1);

	if (below(4) == 0)
		return at;
	while (at < text.n && !memchr(likely, text.p[at], sizeof(likely) - 1))
		at++;
	return MIN(at + below(2), text.n);
}

/* The text after one random edit; the caller's. */
static char *random_edit(struct span text)
{
	size_t at = some_place(text), n = MIN(below(8) ? below(12) : below(300), text.n - at);
	size_t from = below(text.n + 1), m = MIN(below(80), text.n - from);
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_span(&b, span_first(text, at));
	switch (below(5)) {
	case 0:
		buf_char(&b, (char)(1 + below(255)));
		n = 1;
		break;
	case 1:
		break; /* n bytes less */
	case 2:
		buf_span(&b, span_first(span_from(text, from), m));
		n = 0;
		break;
	default:
		buf_str(&b, snippets[below(ARRAY_LEN(snippets))]);
		n = below(5) ? 0 : n;
		break;
	}
	buf_span(&b, span_from(text, MIN(at + n, text.n)));
	return buf_take(&b);
}

/* Each good text is what the next one is read by. */
T(random_edits)
{
	size_t taken = 0, good = 0;

	for (size_t walk = 0; walk < 30; walk++) {
		struct dockside *was = pair(NETWORKS, FIREWALL);

		seed = 0x9e3779b97f4a7c15 + walk;
		for (size_t i = 0; i < 400; i++) {
			struct span network = dockside_network_text(was),
				    firewall = dockside_firewall_text(was);
			bool other = below(8) == 0;
			_cleanup_(freep) char *text = random_edit(other ? network : firewall);
			struct dockside *now;

			reread(was, other ? span_of(text) : network,
			       other ? firewall : span_of(text), &now);
			if (!now)
				continue;
			good++;
			taken += n_taken(was, now) > 0;
			dockside_free(was);
			was = now;
		}
		dockside_free(was);
	}
	/* The test would say nothing if it seldom came to this. */
	t_ok(good > 1000 && taken > 500);
}

T_MAIN(T_TEST(edits_of_the_firewall), T_TEST(edits_of_the_networks), T_TEST(another_environment),
       T_TEST(nul), T_TEST(limits), T_TEST(depth), T_TEST(random_edits))
