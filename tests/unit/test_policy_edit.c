/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rule more or less in a policy's text, and not a byte else. */
#include "t.h"

#include "base/limits.h"
#include "policy/edit.h"

#define TOP "version: 1\npolicies:\n"

static const struct {
	const char *name;
	const char *text;
	enum rule_action action;
	const char *dest, *comment;
	const char *want;
} added[] = {
	{ "before the others, comments stay with their rules",
	  TOP "  p: # mine\n    rules: # in order\n      # code\n      - allow: github.com # yes\n",
	  RULE_ALLOW, "a.example", NULL,
	  TOP
	  "  p: # mine\n    rules: # in order\n      - allow: a.example\n      # code\n      - allow: "
	  "github.com # yes\n" },
	{ "with a comment", TOP "  p:\n    rules:\n    - deny: x.example\n", RULE_DENY,
	  "10.0.0.0/8", "asked for: \"lan\"",
	  TOP
	  "  p:\n    rules:\n    - deny: 10.0.0.0/8\n      comment: \"asked for: \\\"lan\\\"\"\n    - "
	  "deny: x.example\n" },
	{ "with quotes where YAML needs them", TOP "  p:\n    rules:\n      - deny: x.example\n",
	  RULE_ALLOW, "*.a.example", NULL,
	  TOP "  p:\n    rules:\n      - allow: \"*.a.example\"\n      - deny: x.example\n" },
	{ "IPv6", TOP "  p:\n    rules:\n      - deny: x.example\n", RULE_ALLOW,
	  "[2001:db8::1]:443", NULL,
	  TOP "  p:\n    rules:\n      - allow: \"[2001:db8::1]:443\"\n      - deny: x.example\n" },
	{ "an empty list", TOP "  p:\n    rules: [] # none\n", RULE_ALLOW, "a.example", NULL,
	  TOP "  p:\n    rules: [{allow: \"a.example\"}] # none\n" },
	{ "a list in brackets", TOP "  p:\n    rules: [{deny: x.example}]\n", RULE_ALLOW,
	  "a.example", "c",
	  TOP "  p:\n    rules: [{allow: \"a.example\", comment: \"c\"}, {deny: x.example}]\n" },
	{ "brackets over lines", TOP "  p:\n    rules: [ # all\n      {deny: x.example},\n    ]\n",
	  RULE_ALLOW, "a.example", NULL,
	  TOP
	  "  p:\n    rules: [{allow: \"a.example\"},  # all\n      {deny: x.example},\n    ]\n" },
	{ "rules of which nothing is written", TOP "  p:\n    rules:\n    dns: real\n", RULE_ALLOW,
	  "a.example", NULL, TOP "  p:\n    rules:\n      - allow: a.example\n    dns: real\n" },
	{ "rules that are null", TOP "  p:\n    rules: null # none\n", RULE_ALLOW, "a.example",
	  NULL, TOP "  p:\n    rules: [{allow: \"a.example\"}] # none\n" },
	{ "no rules", TOP "  p:\n    # real\n    dns: real\n", RULE_ALLOW, "a.example", NULL,
	  TOP "  p:\n    rules:\n      - allow: a.example\n    # real\n    dns: real\n" },
	{ "a policy of which nothing is written", TOP "  p:\n  q: {}\n", RULE_ALLOW, "a.example",
	  NULL, TOP "  p:\n    rules:\n      - allow: a.example\n  q: {}\n" },
	{ "a policy in brackets", TOP "  p: {dns: real}\n", RULE_DENY, "a.example", NULL,
	  TOP "  p: {rules: [{deny: \"a.example\"}], dns: real}\n" },
	{ "an empty policy in brackets", "version: 1\npolicies: {p: {}}\n", RULE_ALLOW, "a.example",
	  NULL, "version: 1\npolicies: {p: {rules: [{allow: \"a.example\"}]}}\n" },
	{ "no newline at the end", TOP "  p:\n    rules:", RULE_ALLOW, "a.example", NULL,
	  TOP "  p:\n    rules:\n      - allow: a.example\n" },
	{ "JSON", "{\"version\": 1, \"policies\": {\"p\": {\"rules\": []}}}", RULE_ALLOW,
	  "a.example", "c",
	  "{\"version\": 1, \"policies\": {\"p\": {\"rules\": [{\"allow\": \"a.example\", \"comment\": "
	  "\"c\"}]}}}" },
	{ "lines that end in CRLF",
	  "version: 1\r\npolicies:\r\n  p:\r\n    rules:\r\n      - deny: x\r\n", RULE_ALLOW,
	  "a.example", NULL,
	  "version: 1\r\npolicies:\r\n  p:\r\n    rules:\r\n      - allow: a.example\r\n      - deny: "
	  "x\r\n" },
	{ "a byte order mark", "\xef\xbb\xbf" TOP "  p:\n    rules:\n      - deny: x\n", RULE_ALLOW,
	  "a.example", NULL,
	  "\xef\xbb\xbf" TOP "  p:\n    rules:\n      - allow: a.example\n      - deny: x\n" },
	{ "the second policy",
	  TOP "  q:\n    rules:\n      - deny: x\n  \"p\":\n    rules:\n      - deny: y\n",
	  RULE_ALLOW, "a.example", NULL,
	  TOP
	  "  q:\n    rules:\n      - deny: x\n  \"p\":\n    rules:\n      - allow: a.example\n      - "
	  "deny: y\n" },
	{ "rules that run over lines",
	  TOP
	  "  p:\n    rules:\n      - allow:\n          - a.example\n          - b.example\n        "
	  "comment: >-\n          two\n          lines\n",
	  RULE_DENY, "c.example", NULL,
	  TOP
	  "  p:\n    rules:\n      - deny: c.example\n      - allow:\n          - a.example\n          - "
	  "b.example\n        comment: >-\n          two\n          lines\n" },
};

static const struct {
	const char *name;
	const char *text;
	enum rule_action action;
	const char *dest;
	const char *want;
} removed[] = {
	{ "one of several, its comment stays",
	  TOP
	  "  p:\n    rules:\n      # code\n      - allow: a.example # yes\n      # more\n      - allow: "
	  "b.example\n",
	  RULE_ALLOW, "a.example",
	  TOP "  p:\n    rules:\n      # code\n      # more\n      - allow: b.example\n" },
	{ "with its lines",
	  TOP
	  "  p:\n    rules:\n      - deny: x\n      - allow: [a.example]\n        comment: c\n    dns: "
	  "real\n",
	  RULE_ALLOW, "a.example:443", TOP "  p:\n    rules:\n      - deny: x\n    dns: real\n" },
	{ "the only one", TOP "  p:\n    rules:\n      - allow: a.example\n", RULE_ALLOW,
	  "a.example", TOP "  p:\n    rules:\n" },
	{ "written otherwise",
	  TOP "  p:\n    rules:\n      - allow: tcp/A.example:443\n      - deny: x\n", RULE_ALLOW,
	  "a.example", TOP "  p:\n    rules:\n      - deny: x\n" },
	{ "the first of two",
	  TOP "  p:\n    rules:\n      - deny: x\n        comment: one\n      - deny: x\n",
	  RULE_DENY, "x", TOP "  p:\n    rules:\n      - deny: x\n" },
	{ "in brackets", TOP "  p:\n    rules: [{allow: a.example}, {deny: x}]\n", RULE_ALLOW,
	  "a.example", TOP "  p:\n    rules: [{deny: x}]\n" },
	{ "the last in brackets",
	  TOP "  p:\n    rules: [{deny: x}, {allow: \"a.example\", comment: \"}]\"}]\n", RULE_ALLOW,
	  "a.example", TOP "  p:\n    rules: [{deny: x}]\n" },
	{ "the only one in brackets", TOP "  p:\n    rules: [{allow: a.example}]\n", RULE_ALLOW,
	  "a.example", TOP "  p:\n    rules: []\n" },
};

static const struct {
	const char *name;
	bool remove;
	const char *text;
	const char *policy, *dest, *comment;
	const char *want;
} refused[] = {
	{ "no such policy", false, TOP "  p: {}\n", "q", "a.example", NULL,
	  "there is no policy \"q\"" },
	{ "no destination", false, TOP "  p: {}\n", "p", "http://x/", NULL, "http://x/" },
	{ "a comment of two lines", false, TOP "  p: {}\n", "p", "a.example", "a\nb",
	  "expected a comment of one line" },
	{ "a comment that turns", false, TOP "  p: {}\n", "p", "a.example", "a\xe2\x80\xae",
	  "expected a comment of one line" },
	{ "a file that is not right", false, TOP "  p: {rulez: []}\n", "p", "a.example", NULL,
	  "did you mean \"rules\"" },
	{ "no such rule", true, TOP "  p: {rules: [{deny: a.example}]}\n", "p", "a.example", NULL,
	  "has no rule that is \"allow\" for \"a.example\" alone" },
	{ "a rule for more", true, TOP "  p: {rules: [{allow: [a.example, b.example]}]}\n", "p",
	  "a.example", NULL, "alone" },
	{ "a rule of a base", true,
	  TOP "  q: {rules: [{allow: a.example}]}\n  p: {extends: q, rules: [{deny: x}]}\n", "p",
	  "a.example", NULL, "alone" },
	{ "a blank line inside", true,
	  TOP "  p:\n    rules:\n      - allow: a.example\n\n        comment: c\n      - deny: x\n",
	  "p", "a.example", NULL, "change it by hand" },
	{ "a key over two lines", false, TOP "  ? p\n  : rules:\n      - deny: x\n    dns: real\n",
	  "p", "a.example", NULL, NULL },
};

static bool run(bool remove, const char *text, const struct edit_rule *edit, struct buf *out,
		struct err *e)
{
	buf_init(out, LIMIT_POLICY_BYTES);
	return remove ? policy_edit_remove("p.yaml", span_of(text), edit, out, e) :
			policy_edit_add("p.yaml", span_of(text), edit, out, e);
}

T(adding)
{
	T_EACH(row, added)
	{
		const struct edit_rule edit = { "p", row->action, row->dest, row->comment };
		_cleanup_(buf_done) struct buf out = { 0 };
		struct err e = { 0 };

		t_good(run(false, row->text, &edit, &out, &e), e);
		t_eq_str(buf_cstr(&out), row->want);
	}
}

T(removing)
{
	T_EACH(row, removed)
	{
		const struct edit_rule edit = { "p", row->action, row->dest, NULL };
		_cleanup_(buf_done) struct buf out = { 0 };
		struct err e = { 0 };

		t_good(run(true, row->text, &edit, &out, &e), e);
		t_eq_str(buf_cstr(&out), row->want);
	}
}

/* What was added can be removed again. */
T(there_and_back)
{
	T_EACH(row, added)
	{
		const struct edit_rule edit = { "p", row->action, row->dest, row->comment };
		_cleanup_(buf_done) struct buf out = { 0 }, back = { 0 };
		struct err e = { 0 };

		t_good(run(false, row->text, &edit, &out, &e), e);
		t_good(run(true, buf_cstr(&out), &edit, &back, &e), e);
	}
}

T(refusing)
{
	T_EACH(row, refused)
	{
		const struct edit_rule edit = { row->policy, RULE_ALLOW, row->dest, row->comment };
		_cleanup_(buf_done) struct buf out = { 0 };
		struct err e = { 0 };
		bool ok = run(row->remove, row->text, &edit, &out, &e);

		/* Without a message: either it works, or it says so. */
		t_ok(!ok || !row->want);
		if (!ok)
			t_ok(strstr(e.msg, row->want ? row->want : "by hand"));
	}
}

T_MAIN(T_TEST(adding), T_TEST(removing), T_TEST(there_and_back), T_TEST(refusing))
