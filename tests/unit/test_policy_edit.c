/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rule more in a policy's text, and not a byte else. */
#include "t.h"

#include "base/limits.h"
#include "policy/edit.h"

#define TOP "version: 1\npolicies:\n"

static const struct {
	const char *name;
	const char *text;
	enum rule_action action;
	const char *dest;
	const char *want;
} added[] = {
	{ "before the others, comments stay with their rules",
	  TOP "  p: # mine\n    rules: # in order\n      # code\n      - allow: github.com # yes\n",
	  RULE_ALLOW, "a.example",
	  TOP
	  "  p: # mine\n    rules: # in order\n      - allow: a.example\n      # code\n      - allow: "
	  "github.com # yes\n" },
	{ "a list that is not indented", TOP "  p:\n    rules:\n    - deny: x.example\n", RULE_DENY,
	  "10.0.0.0/8", TOP "  p:\n    rules:\n    - deny: 10.0.0.0/8\n    - deny: x.example\n" },
	{ "with quotes where YAML needs them", TOP "  p:\n    rules:\n      - deny: x.example\n",
	  RULE_ALLOW, "*.a.example",
	  TOP "  p:\n    rules:\n      - allow: \"*.a.example\"\n      - deny: x.example\n" },
	{ "IPv6", TOP "  p:\n    rules:\n      - deny: x.example\n", RULE_ALLOW,
	  "[2001:db8::1]:443",
	  TOP "  p:\n    rules:\n      - allow: \"[2001:db8::1]:443\"\n      - deny: x.example\n" },
	{ "an empty list", TOP "  p:\n    rules: [] # none\n", RULE_ALLOW, "a.example",
	  TOP "  p:\n    rules: [{allow: \"a.example\"}] # none\n" },
	{ "a list in brackets", TOP "  p:\n    rules: [{deny: x.example}]\n", RULE_ALLOW,
	  "a.example", TOP "  p:\n    rules: [{allow: \"a.example\"}, {deny: x.example}]\n" },
	{ "brackets over lines", TOP "  p:\n    rules: [ # all\n      {deny: x.example},\n    ]\n",
	  RULE_ALLOW, "a.example",
	  TOP
	  "  p:\n    rules: [{allow: \"a.example\"},  # all\n      {deny: x.example},\n    ]\n" },
	{ "rules of which nothing is written", TOP "  p:\n    rules:\n    dns: real\n", RULE_ALLOW,
	  "a.example", TOP "  p:\n    rules:\n      - allow: a.example\n    dns: real\n" },
	{ "rules that are null", TOP "  p:\n    rules: null # none\n", RULE_ALLOW, "a.example",
	  TOP "  p:\n    rules: [{allow: \"a.example\"}] # none\n" },
	{ "no rules", TOP "  p:\n    # real\n    dns: real\n", RULE_ALLOW, "a.example",
	  TOP "  p:\n    rules:\n      - allow: a.example\n    # real\n    dns: real\n" },
	{ "a policy of which nothing is written", TOP "  p:\n  q: {}\n", RULE_ALLOW, "a.example",
	  TOP "  p:\n    rules:\n      - allow: a.example\n  q: {}\n" },
	{ "a policy in brackets", TOP "  p: {dns: real}\n", RULE_DENY, "a.example",
	  TOP "  p: {rules: [{deny: \"a.example\"}], dns: real}\n" },
	{ "an empty policy in brackets", "version: 1\npolicies: {p: {}}\n", RULE_ALLOW, "a.example",
	  "version: 1\npolicies: {p: {rules: [{allow: \"a.example\"}]}}\n" },
	{ "no newline at the end", TOP "  p:\n    rules:", RULE_ALLOW, "a.example",
	  TOP "  p:\n    rules:\n      - allow: a.example\n" },
	{ "JSON", "{\"version\": 1, \"policies\": {\"p\": {\"rules\": []}}}", RULE_ALLOW,
	  "a.example",
	  "{\"version\": 1, \"policies\": {\"p\": {\"rules\": [{\"allow\": \"a.example\"}]}}}" },
	{ "lines that end in CRLF",
	  "version: 1\r\npolicies:\r\n  p:\r\n    rules:\r\n      - deny: x\r\n", RULE_ALLOW,
	  "a.example",
	  "version: 1\r\npolicies:\r\n  p:\r\n    rules:\r\n      - allow: a.example\r\n      - deny: "
	  "x\r\n" },
	{ "a byte order mark", "\xef\xbb\xbf" TOP "  p:\n    rules:\n      - deny: x\n", RULE_ALLOW,
	  "a.example",
	  "\xef\xbb\xbf" TOP "  p:\n    rules:\n      - allow: a.example\n      - deny: x\n" },
	{ "the second policy",
	  TOP "  q:\n    rules:\n      - deny: x\n  \"p\":\n    rules:\n      - deny: y\n",
	  RULE_ALLOW, "a.example",
	  TOP
	  "  q:\n    rules:\n      - deny: x\n  \"p\":\n    rules:\n      - allow: a.example\n      - "
	  "deny: y\n" },
	{ "rules that run over lines",
	  TOP
	  "  p:\n    rules:\n      - allow:\n          - a.example\n          - b.example\n        "
	  "comment: >-\n          two\n          lines\n",
	  RULE_DENY, "c.example",
	  TOP
	  "  p:\n    rules:\n      - deny: c.example\n      - allow:\n          - a.example\n          - "
	  "b.example\n        comment: >-\n          two\n          lines\n" },
	/* What the first rule says already. */
	{ "the same", TOP "  p:\n    rules:\n      - allow: a.example # yes\n      - deny: x\n",
	  RULE_ALLOW, "a.example",
	  TOP "  p:\n    rules:\n      - allow: a.example # yes\n      - deny: x\n" },
	{ "the same, written otherwise",
	  TOP "  p:\n    rules:\n      - allow: [tcp/A.example:443]\n        comment: c\n",
	  RULE_ALLOW, "a.example",
	  TOP "  p:\n    rules:\n      - allow: [tcp/A.example:443]\n        comment: c\n" },
	{ "the same behind a byte order mark", "\xef\xbb\xbf" TOP "  p: {rules: [{deny: x}]}\n",
	  RULE_DENY, "x", "\xef\xbb\xbf" TOP "  p: {rules: [{deny: x}]}\n" },
	{ "the same, but not first", TOP "  p: {rules: [{deny: x}, {allow: a.example}]}\n",
	  RULE_ALLOW, "a.example",
	  TOP "  p: {rules: [{allow: \"a.example\"}, {deny: x}, {allow: a.example}]}\n" },
	{ "the opposite", TOP "  p: {rules: [{deny: a.example}]}\n", RULE_ALLOW, "a.example",
	  TOP "  p: {rules: [{allow: \"a.example\"}, {deny: a.example}]}\n" },
	{ "a rule for more", TOP "  p: {rules: [{allow: [a.example, b.example]}]}\n", RULE_ALLOW,
	  "a.example",
	  TOP "  p: {rules: [{allow: \"a.example\"}, {allow: [a.example, b.example]}]}\n" },
	{ "a rule with a condition", TOP "  p: {rules: [{allow: a.example, types: [MX]}]}\n",
	  RULE_ALLOW, "a.example",
	  TOP "  p: {rules: [{allow: \"a.example\"}, {allow: a.example, types: [MX]}]}\n" },
};

static const struct {
	const char *name;
	const char *text;
	const char *policy, *dest;
	const char *want;
} refused[] = {
	{ "no such policy", TOP "  p: {}\n", "q", "a.example", "there is no policy \"q\"" },
	{ "no destination", TOP "  p: {}\n", "p", "http://x/", "http://x/" },
	{ "a file that is not right", TOP "  p: {rulez: []}\n", "p", "a.example",
	  "did you mean \"rules\"" },
	{ "a key over two lines", TOP "  ? p\n  : rules:\n      - deny: x\n    dns: real\n", "p",
	  "a.example", NULL },
};

static bool run(const char *text, const struct edit_rule *edit, struct buf *out, struct err *e)
{
	buf_init(out, LIMIT_POLICY_BYTES);
	return policy_edit_add("p.yaml", span_of(text), edit, out, e);
}

T(adding)
{
	T_EACH(row, added)
	{
		const struct edit_rule edit = { "p", row->action, row->dest };
		_cleanup_(buf_done) struct buf out = { 0 };
		struct err e = { 0 };

		t_good(run(row->text, &edit, &out, &e), e);
		t_eq_str(buf_cstr(&out), row->want);
	}
}

/* Asked for twice, it stands there once. */
T(adding_again)
{
	T_EACH(row, added)
	{
		const struct edit_rule edit = { "p", row->action, row->dest };
		_cleanup_(buf_done) struct buf out = { 0 }, again = { 0 };
		struct err e = { 0 };

		t_good(run(row->text, &edit, &out, &e), e);
		t_good(run(buf_cstr(&out), &edit, &again, &e), e);
		t_eq_str(buf_cstr(&again), buf_cstr(&out));
	}
}

T(refusing)
{
	T_EACH(row, refused)
	{
		const struct edit_rule edit = { row->policy, RULE_ALLOW, row->dest };
		_cleanup_(buf_done) struct buf out = { 0 };
		struct err e = { 0 };
		bool ok = run(row->text, &edit, &out, &e);

		/* Without a message: either it works, or it says so. */
		t_ok(!ok || !row->want);
		if (!ok)
			t_ok(strstr(e.msg, row->want ? row->want : "by hand"));
	}
}

T_MAIN(T_TEST(adding), T_TEST(adding_again), T_TEST(refusing))
