/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allow-list files: what is read, what is refused and with which words, and the rules they make. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "policy/allowlist.h"
#include "policy/decide.h"
#include "policy_help.h"

/* "TEXT@LINE:COLUMN ..." of all entries. */
static const char *entries(const struct allowlist *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++)
		buf_fmt(out, "%s%s@%u:%u", i ? " " : "", l->items[i].text, l->items[i].at.line,
			l->items[i].at.column);
	return buf_cstr(out);
}

#define t_entries(l, want)                         \
	do {                                       \
		struct buf out_;                   \
		buf_init(&out_, 4096);             \
		t_eq_str(entries(l, &out_), want); \
		buf_done(&out_);                   \
	} while (0)

static const struct {
	const char *name;
	struct span text;
	const char *want;
} good[] = {
	{ "empty", SPAN_LIT(""), "" },
	{ "one", SPAN_LIT("api.github.com"), "api.github.com@1:1" },
	{ "comments and blanks", SPAN_LIT("# head\n\n \t\na.example\n\t# more\n  b.example\t \n"),
	  "a.example@4:1 b.example@6:3" },
	{ "comment behind", SPAN_LIT("a.example # why\nb.example\t#why\n"),
	  "a.example@1:1 b.example@2:1" },
	{ "CRLF", SPAN_LIT("a.example\r\n\r\nb.example # x\r\n"), "a.example@1:1 b.example@3:1" },
	{ "byte order mark",
	  SPAN_LIT("\xef\xbb\xbf"
		   "a.example\n"),
	  "a.example@1:1" },
	{ "canonical",
	  SPAN_LIT("API.GitHub.com.\ntcp/b.example:443\nb\xc3\xbc"
		   "cher.example\n"),
	  "api.github.com@1:1 b.example@2:1 xn--bcher-kva.example@3:1" },
	{ "every kind",
	  SPAN_LIT("*.npmjs.org\ndb.example:5432,5433\nudp/ntp.example:123\n"
		   "203.0.113.0/24:22\n[2001:db8::1]:443\nany/10.77.0.1\n"
		   "icmp/echo-request\nhost:3000\ngroup/github\n*\nany:443\n"),
	  "*.npmjs.org@1:1 db.example:5432-5433@2:1 udp/ntp.example:123@3:1 203.0.113.0/24:22@4:1 "
	  "[2001:db8::1]:443@5:1 any/10.77.0.1@6:1 icmp/echo-request@7:1 host:3000@8:1 "
	  "group/github@9:1 *@10:1 any:443@11:1" },
	{ "duplicates fold into the first",
	  SPAN_LIT("a.example\nb.example\nA.Example:443\na.example:80\ntcp/b.example:443\n"),
	  "a.example@1:1 b.example@2:1 a.example:80@4:1" },
	{ "words within names",
	  SPAN_LIT("allow.example\ndeny-x.example\ntcp/deny:80\ntcp/ask:443\n"),
	  "allow.example@1:1 deny-x.example@2:1 tcp/deny:80@3:1 tcp/ask:443@4:1" },
};

T(reading)
{
	T_EACH(row, good)
	{
		struct allowlist l = { 0 };
		struct err e = { 0 };

		t_good(allowlist_read_text(&l, "p.allow", row->text, &e), e);
		t_entries(&l, row->want);
		allowlist_done(&l);
	}
}

T(comments)
{
	struct allowlist l = { 0 };
	struct err e = { 0 };
	struct buf out;

	t_good(allowlist_read_text(&l, "a",
				   SPAN_LIT("# own line\na.example #\nb.example  # # why  \n"), &e),
	       e);
	t_good(allowlist_read_text(&l, "b\n", SPAN_LIT("b.example # other\nc.example # \xc3\xbc\n"),
				   &e),
	       e);
	t_ok(!l.items[0].comment);
	t_eq_str(l.items[1].comment, "# why");
	t_eq_str(l.items[2].file, "b\n");
	buf_init(&out, 4096);
	allowlist_str(&l, &out);
	t_eq_str(buf_cstr(&out), "# from a\na.example\nb.example  # # why\n\n# from b\\x0a\n"
				 "c.example  # \xc3\xbc\n");
	buf_done(&out);
	allowlist_done(&l);
}

/* The whole message behind "p.allow:LINE:COLUMN: ". */
static const struct {
	const char *name;
	const char *text;
	const char *msg;
} refused[] = {
	/* what takes away, or goes without saying */
	{ "negated", "!github.com",
	  "\"!github.com\" would take something away: a list only adds: a deny is written in a "
	  "policy or as --deny" },
	{ "minus", "-github.com", "\"-github.com\" would take something away" },
	{ "tilde", "~github.com", "\"~github.com\" would take something away" },
	{ "deny", "deny github.com", "\"deny github.com\" would take something away" },
	{ "deny with a colon", "deny: github.com", "\"deny: github.com\" would take" },
	{ "deny without a blank", "Deny:github.com", "\"Deny:github.com\" would take" },
	{ "deny alone", "deny", "\"deny\" would take" },
	{ "block", "block\tgithub.com", "would take something away" },
	{ "allow", "allow github.com",
	  "\"allow github.com\" is more than a destination: write \"github.com\"" },
	{ "allow with a colon", "allow: github.com", "write \"github.com\"" },
	{ "allow alone", "allow", "\"allow\" goes without saying: expected a destination" },
	{ "plus", "+github.com", "write \"github.com\"" },
	{ "YAML", "- github.com",
	  "\"- github.com\" is more than a destination: write "
	  "\"github.com\"" },
	{ "redirect", "redirect db.example:3306", "is a rule of a policy" },
	/* what no list can be */
	{ "two on a line", "github.com gitlab.com",
	  "read \"gitlab.com\" behind a destination: expected one a line" },
	{ "bare address", "203.0.113.5",
	  "\"203.0.113.5\" needs a port in an allow: write \"203.0.113.5:8080\", or "
	  "\"any/203.0.113.5\" for everything" },
	{ "URL", "https://github.com/x", "write \"github.com\"" },
	{ "comment without a blank", "github.com#x", "\"github.com#x\"" },
	/* patterns of other programs */
	{ "anchored", "^api\\.github\\.com$",
	  "\"^api\\.github\\.com$\" is a pattern: write \"api.github.com\"" },
	{ "anchored, dots not escaped", "^api.github.com$",
	  "\"^api.github.com$\" is a pattern: write \"api.github.com\"" },
	{ "dots in brackets", "^api[.]github[.]com$", "is a pattern: write \"api.github.com\"" },
	{ "below, escaped", "\\.github\\.com$",
	  "\"\\.github\\.com$\" is a pattern: write \"*.github.com\"" },
	{ "below, with a dot", ".github.com",
	  "\".github.com\" is a pattern: write \"*.github.com\"" },
	{ "below, .*", ".*\\.github\\.com$",
	  "\".*\\.github\\.com$\" is a pattern: write \"*.github.com\"" },
	{ "below, ^.+", "^.+\\.github\\.com$", "is a pattern: write \"*.github.com\"" },
	{ "one label below", "^[^.]+\\.github\\.com$", "is a pattern: write \"*.github.com\"" },
	{ "letters below", "^[a-z0-9-]+\\.github\\.com$", "is a pattern: write \"*.github.com\"" },
	{ "apex and below", "(^|\\.)github\\.com$",
	  "\"(^|\\.)github\\.com$\" is a pattern: write \"github.com\" and \"*.github.com\"" },
	{ "apex and below, optional", "^(.*\\.)?github\\.com$",
	  "is a pattern: write \"github.com\" and \"*.github.com\"" },
	{ "not anchored", "github\\.com",
	  "\"github\\.com\" is a pattern that also matches \"github.com.evil.test\": write "
	  "\"github.com\"" },
	{ "no end", "^github\\.com",
	  "is a pattern that also matches \"github.com.evil.test\": write \"github.com\"" },
	{ "no start", "github\\.com$",
	  "is a pattern that also matches \"evil-github.com\": write \"github.com\"" },
	{ "below, no end", "\\.github\\.com",
	  "is a pattern that also matches \"x.github.com.evil.test\": write \"*.github.com\"" },
	{ "no label boundary", ".*github\\.com$",
	  "is a pattern that also matches \"evil-github.com\": write \"github.com\" and "
	  "\"*.github.com\"" },
	{ "anything behind", "^github\\.com.*",
	  "is a pattern that also matches \"github.com.evil.test\": write \"github.com\"" },
	{ "with a port", "^github\\.com:8443$", "is a pattern: write \"github.com:8443\"" },
	{ "an address", "^203\\.0\\.113\\.5$", "is a pattern: write \"203.0.113.5:443\"" },
	{ "a list", "^(github\\.com|gitlab\\.com)$",
	  "is a pattern: write \"github.com\" and \"gitlab.com\"" },
	{ "a list, each anchored", "^github\\.com$|\\.gitlab\\.com$",
	  "is a pattern: write \"github.com\" and \"*.gitlab.com\"" },
	{ "a list, not anchored", "github.com|gitlab.com",
	  "is a pattern that also matches \"github.com.evil.test\": write \"github.com\" and "
	  "\"gitlab.com\"" },
	{ "any ending", "*.example.*",
	  "\"*.example.*\" is a pattern: expected a destination, like \"api.github.com\" or "
	  "\"*.github.com\", for each name that is meant" },
	{ "below a public suffix", "\\.com$", "is a pattern: expected a destination" },
	{ "below a long public suffix", "\\.co\\.uk$", "is a pattern: expected a destination" },
	{ "a class", "[a-z]", "\"[a-z]\" is a pattern: expected a destination" },
	{ "anything", ".*", "\".*\" is a pattern: expected a destination" },
	{ "a dot", ".", "is a pattern: expected a destination" },
	{ "a group in the middle", "^api\\.(eu|us)\\.example\\.com$", "expected a destination" },
	{ "an empty alternative", "github\\.com|", "expected a destination" },
	{ "glob without a boundary", "*github.com",
	  "a wildcard is a leading \"*.\" at a label boundary: write \"*.github.com\"" },
	{ "bytes that are no text", "^f\xc3\xbcr\\.example$",
	  "\"^f\\xc3\\xbcr\\x5c.example$\" is a pattern: expected a destination" },
};

T(refusing)
{
	T_EACH(row, refused)
	{
		_cleanup_(freep) char *text = xasprintf("# head\n  %s # why\n", row->text);
		struct allowlist l = { 0 };
		struct err e = { 0 };

		t_bad(allowlist_read_text(&l, "p.allow", span_of(text), &e), e, ERR_INVALID,
		      row->msg);
		t_err_at(e, ERR_INVALID, 2, 3, "p.allow:2:3: ");
		t_eq_int(strncmp(e.msg, "p.allow:2:3: ", 13), 0);
		allowlist_done(&l);
	}
}

/* Whatever a pattern is answered with can be written. */
T(suggestions)
{
	T_EACH(row, refused)
	{
		const char *at = strstr(row->msg, ": write \"");
		struct span rest = span_of(at ? at + 9 : ""), word;

		while (span_next(&rest, '"', &word) && word.n) {
			_cleanup_(arena_done) struct arena arena = { 0 };
			struct dest d;
			struct err e = { 0 };

			t_good(dest_parse(word, DEST_FOR_ALLOW, &arena, &d, &e), e);
			if (!span_next(&rest, '"', &word))
				break;
		}
	}
}

static const struct {
	const char *name;
	struct span text;
	unsigned line, column;
	const char *msg;
} unseen[] = {
	{ "NUL", SPAN_LIT("a.example\nb\0.example\n"), 2, 2, "invisible character \\x00" },
	{ "line separator", SPAN_LIT("a.example # x\xe2\x80\xa8y\n"), 1, 14, "\\xe2\\x80\\xa8" },
	{ "direction", SPAN_LIT("\n# \xe2\x80\xae\n"), 2, 3, "invisible character" },
	{ "carriage return", SPAN_LIT("a.example\rb.example\n"), 1, 10, "\\x0d" },
	{ "Latin-1 in a comment", SPAN_LIT("a.example\nb.example # f\xfcr\n"), 2, 14, "not UTF-8" },
	{ "mark inside",
	  SPAN_LIT("a.example\n\xef\xbb\xbf"
		   "b.example\n"),
	  2, 1, "invisible character" },
	{ "UTF-16",
	  SPAN_LIT("\xff\xfe"
		   "a\0"),
	  1, 1, "not UTF-8" },
};

T(invisible)
{
	T_EACH(row, unseen)
	{
		struct allowlist l = { 0 };
		struct err e = { 0 };

		t_ok(!allowlist_read_text(&l, "p.allow", row->text, &e));
		t_err_at(e, ERR_INVALID, row->line, row->column, row->msg);
		allowlist_done(&l);
	}
}

T(limits)
{
	struct allowlist l = { 0 };
	struct err e = { 0 };
	struct buf text;

	buf_init(&text, 2 * LIMIT_POLICY_BYTES);
	for (unsigned i = 0; i < LIMIT_ALLOW_ENTRIES; i++)
		buf_fmt(&text, "n%u.example\n", i);
	t_good(allowlist_read_text(&l, "many", buf_view(&text), &e), e);
	t_eq_int(l.n, LIMIT_ALLOW_ENTRIES);
	/* All of them once more fold; one more is too many. */
	buf_str(&text, "\none.more.example\n");
	t_bad(allowlist_read_text(&l, "again", buf_view(&text), &e), e, ERR_LIMIT,
	      "again:20002:1: more than 20000 destinations");
	allowlist_done(&l);

	buf_clear(&text);
	while (text.n <= LIMIT_POLICY_BYTES)
		buf_str(&text, "# nothing but comments, and far too many of them\n");
	t_bad(allowlist_read_text(&l, "large", buf_view(&text), &e), e, ERR_LIMIT,
	      "large: larger than 16777216 bytes");
	allowlist_done(&l);
	buf_done(&text);
}

/* ---- files ---- */

T(files)
{
	char path[] = "/tmp/sallyport-test-XXXXXX";
	int fd = mkstemp(path);
	struct allowlist l = { 0 };
	struct err e = { 0 };
	bool absent = true;

	t_ok(fd >= 0 && write(fd, "a.example\n", 10) == 10);
	t_good(allowlist_read(&l, path, false, &absent, &e), e);
	t_ok(!absent);
	t_eq_str(l.items[0].file, path);
	t_good(allowlist_read(&l, "/nonexistent/x.allow", true, &absent, &e), e);
	t_ok(absent);
	t_eq_int(l.n, 1);
	allowlist_done(&l);

	t_bad(allowlist_read(&l, "/nonexistent/x.allow", false, &absent, &e), e, ERR_SYSTEM,
	      "/nonexistent/x.allow: cannot open it: No such file");
	allowlist_done(&l);
	t_bad(allowlist_read(&l, "/tmp", true, &absent, &e), e, ERR_INVALID,
	      "/tmp: is a directory");
	t_ok(!absent);
	allowlist_done(&l);

	/* What is there and cannot be read is no absent file. */
	t_eq_int(fchmod(fd, 0), 0);
	if (geteuid() == 0 && seteuid(65534) < 0)
		skip(); /* a namespace in which there is nobody else */
	fd = allowlist_read(&l, path, true, &absent, &e) ? -1 : fd;
	if (getuid() == 0)
		t_eq_int(seteuid(0), 0);
	t_ok(fd >= 0 && !absent);
	t_err(e, ERR_DENIED, "cannot open it: Permission denied");
	t_ok(strstr(e.msg, path));
	(void)close(fd);
	(void)unlink(path);
	allowlist_done(&l);
}

/* ---- the rules of a plan ---- */

static const char policies[] = "version: 1\n"
			       "groups: {web: [a.example, w.example]}\n"
			       "policies:\n"
			       "  base: {rules: [{deny: evil.example}, {deny: 10.0.0.0/8}]}\n"
			       "  agent: {extends: [base], rules: [{allow: a.example}]}\n"
			       "  other: {rules: [{allow: o.example}]}\n";

static void make_lists(struct allowlist *l)
{
	struct err e = { 0 };

	t_good(allowlist_read_text(l, "etc/base line.allow",
				   SPAN_LIT("# ours\n  b.example # needed\n*\n"), &e),
	       e);
	t_good(allowlist_read_text(l, "project/p.allow",
				   SPAN_LIT("b.example\nevil.example\ngroup/web\n10.1.2.3:22\n"),
				   &e),
	       e);
}

/* "allowed by RULE", or why not, for TCP. */
static const char *asked(const struct plan *plan, const struct plan_policy *p, const char *dest,
			 struct buf *out)
{
	struct flow f = { .proto = IPPROTO_TCP, .icmp_type = -1 };
	struct verdict v;
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct dest d;
	struct err e = { 0 };

	t_good(dest_parse(span_of(dest), DEST_FOR_ALLOW, &arena, &d, &e), e);
	f.port = ports_at(&d.ports, 0).lo;
	f.name = d.target == DEST_NAME ? d.name : NULL;
	f.addr = d.target == DEST_PREFIX ? &d.prefix.addr : NULL;
	v = decide(p, &f);
	buf_clear(out);
	verdict_why(plan, p, &f, &v, out);
	return buf_cstr(out);
}

T(rules)
{
	struct allowlist l = { 0 };
	struct policy_options o = { .lists = &l, .policy = "agent" };
	const struct plan_policy *agent;
	struct plan *plan = NULL;
	struct err e = { 0 };
	struct buf why;

	make_lists(&l);
	t_good(policy_load_text("p.yaml", span_of(policies), &o, &plan, &e), e);
	allowlist_done(&l); /* the plan borrows nothing of it */
	agent = plan_policy_find(plan, SPAN_LIT("agent"));
	t_eq_int(agent->n_rules, 3 + 5);
	t_eq_int(plan_policy_find(plan, SPAN_LIT("other"))->n_rules, 1);
	t_eq_str(agent->rules[3].comment, "needed");
	t_eq_int(agent->rules[6].n_dests, 2); /* group/web */
	buf_init(&why, 1024);
	t_eq_str(asked(plan, agent, "b.example", &why),
		 "allowed by base_line.allow:2 (etc/base line.allow:2:3)");
	t_eq_str(asked(plan, agent, "a.example", &why), "allowed by agent:1 (p.yaml:5:36)");
	t_eq_str(asked(plan, agent, "c.example:443", &why),
		 "allowed by base_line.allow:3 (etc/base line.allow:3:1)");
	/* What the policy denies stays denied, whatever a list says. */
	t_eq_str(asked(plan, agent, "evil.example", &why), "denied by base:1 (p.yaml:4:18)");
	t_eq_str(asked(plan, agent, "10.1.2.3:22", &why), "denied by base:2 (p.yaml:4:40)");
	buf_done(&why);
	plan_free(plan);
}

T(every_policy)
{
	struct allowlist l = { 0 };
	struct policy_options o = { .lists = &l };
	struct plan *plan = NULL;
	struct err e = { 0 };
	char where[64];

	make_lists(&l);
	t_good(policy_load_text("p.yaml", span_of(policies), &o, &plan, &e), e);
	t_eq_int(plan->policies[0]->n_rules, 2 + 5);
	t_eq_int(plan->policies[1]->n_rules, 3 + 5);
	t_eq_int(plan->policies[2]->n_rules, 1 + 5);
	plan_free(plan);

	/* Without a file the lists are all there is, and names of groups are unknown. */
	t_bad(policy_load(NULL, &o, &plan, &e), e, ERR_INVALID,
	      "project/p.allow:3:1: there is no group \"web\"");
	allowlist_done(&l);
	t_good(allowlist_read_text(&l, "x/", SPAN_LIT("a.example\n"), &e), e);
	t_good(policy_load(NULL, &o, &plan, &e), e);
	t_eq_int(plan->policies[0]->n_rules, 1);
	t_eq_int(plan->n_lints, 0);
	t_eq_str(plan->policies[0]->rules[0].policy, "list");
	t_eq_str(plan_rule_where(plan, &plan->policies[0]->rules[0], where, sizeof(where)),
		 "x/:1:1");
	plan_free(plan);
	allowlist_done(&l);
}

/* The policy is full: the error is about it. */
T(full_policy)
{
	struct policy_extra extra = { RULE_ALLOW, "a.example" };
	struct allowlist l = { 0 };
	struct policy_options o = { .lists = &l, .extras = &extra, .n_extras = 1 };
	struct plan *plan = NULL;
	struct err e = { 0 };
	struct buf text;

	buf_init(&text, LIMIT_POLICY_BYTES);
	for (unsigned i = 0; i < LIMIT_ALLOW_ENTRIES; i++)
		buf_fmt(&text, "n%u.example\n", i);
	t_good(allowlist_read_text(&l, "many", buf_view(&text), &e), e);
	buf_done(&text);
	t_bad(policy_load(NULL, &o, &plan, &e), e, ERR_LIMIT,
	      "the policy \"command-line\" has 20001 rules");
	t_eq_int(e.at.line, 0);
	t_bad(policy_load_text(
		      "p.yaml",
		      SPAN_LIT("version: 1\npolicies:\n  p: {rules: [{allow: x.example}]}\n"), &o,
		      &plan, &e),
	      e, ERR_LIMIT, "p.yaml:3:3: the policy \"p\" has 20002 rules");
	allowlist_done(&l);
}

/* "FILE:LINE TEXT" of each, in order. */
static const char *const want_lints[] = {
	"project/p.allow:3 the rule has no effect: base_line.allow:3, which comes first, covers it",
	"project/p.allow:2 the rule has no effect: base:1, which comes first, covers it",
	"project/p.allow:4 the rule has no effect: base:2, which comes first, covers it",
	"etc/base line.allow:3 \"*\" lets every name",
};

static bool has_lint(const struct plan *plan, const char *want)
{
	for (size_t i = 0; i < plan->n_lints; i++) {
		const struct lint *l = &plan->lints[i];
		_cleanup_(freep) char *text =
			xasprintf("%s:%u %s", l->file ? l->file : "", l->at.line, l->text);

		if (strncmp(text, want, strlen(want)) == 0)
			return true;
	}
	return false;
}

T(lints)
{
	struct allowlist l = { 0 };
	struct policy_options o = { .lists = &l };
	struct plan *plan = NULL;
	struct err e = { 0 };

	make_lists(&l);
	t_good(policy_load_text("p.yaml", span_of(policies), &o, &plan, &e), e);
	for (size_t i = 0; i < 3; i++)
		if (!has_lint(plan, want_lints[i]))
			t_fail("not noted: %s", want_lints[i]);
	t_ok(!has_lint(plan, want_lints[3])); /* dns is virtual, and it is no redirect */
	/* Once, in the first of the three policies. */
	t_eq_int(plan->n_lints, 4);
	plan_free(plan);
	allowlist_done(&l);
}

/* ---- tinyproxy ---- */

static const struct {
	const char *name;
	const char *text;
	const char *want; /* the pattern, or of the error */
	bool good;
	bool any_port;
	const char *matches[2];
	const char *misses[4];
} filters[] = {
	{ "name",
	  "api.github.com",
	  "^api\\.github\\.com$\n",
	  true,
	  false,
	  { "api.github.com" },
	  { "apixgithub.com", "x.api.github.com", "api.github.com.evil.test",
	    "evil-api.github.com" } },
	{ "wildcard",
	  "*.github.com",
	  "^.+\\.github\\.com$\n",
	  true,
	  false,
	  { "api.github.com", "a.b.github.com" },
	  { "github.com", "evilgithub.com", "a.github.com.evil.test", ".github.com" } },
	{ "address",
	  "203.0.113.5:443",
	  "^203\\.0\\.113\\.5$\n",
	  true,
	  false,
	  { "203.0.113.5" },
	  { "203.0.113.50", "203.0.11345", "1203.0.113.5" } },
	{ "IPv6",
	  "[2001:db8::1]:80",
	  "^2001:db8::1$\n",
	  true,
	  false,
	  { "2001:db8::1" },
	  { "2001:db8::11", "[2001:db8::1]" } },
	{ "another port",
	  "db.example:5432",
	  "^db\\.example$\n",
	  true,
	  true,
	  { "db.example" },
	  { 0 } },
	{ "80 and 443",
	  "a.example:80,443",
	  "^a\\.example$\n",
	  true,
	  false,
	  { "a.example" },
	  { 0 } },
	{ "every protocol",
	  "any/a.example",
	  "^a\\.example$\n",
	  true,
	  true,
	  { "a.example" },
	  { 0 } },
	{ "udp",
	  "udp/ntp.example:123",
	  "p.allow:1:1: a tinyproxy filter cannot say \"udp/ntp.example:123\": it would open TCP",
	  false,
	  false,
	  { 0 },
	  { 0 } },
	{ "icmp", "icmp/echo-request", "it would open TCP", false, false, { 0 }, { 0 } },
	{ "icmp to a name", "icmp/a.example", "it would open TCP", false, false, { 0 }, { 0 } },
	{ "prefix", "203.0.113.0/24:443", "write each address", false, false, { 0 }, { 0 } },
	{ "any", "any:443", "it would open everything", false, false, { 0 }, { 0 } },
	{ "any name", "*", "it would open everything", false, false, { 0 }, { 0 } },
	{ "host", "host:3000", "it knows no host", false, false, { 0 }, { 0 } },
	{ "group", "group/web", "it has no groups", false, false, { 0 }, { 0 } },
};

static bool matches(const char *pattern, const char *host)
{
	_cleanup_(freep) char *line = xstrndup(pattern, strlen(pattern) - 1);
	regex_t re;
	bool found;

	t_eq_int(regcomp(&re, line, REG_EXTENDED | REG_NOSUB), 0);
	found = regexec(&re, host, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

T(tinyproxy)
{
	T_EACH(row, filters)
	{
		struct allowlist l = { 0 };
		struct err e = { 0 };
		bool any_port = false;
		struct buf out;

		buf_init(&out, 1024);
		t_good(allowlist_read_text(&l, "p.allow", span_of(row->text), &e), e);
		if (row->good) {
			t_good(allow_entry_filter(&l.items[0], &out, &any_port, &e), e);
			t_eq_str(buf_cstr(&out), row->want);
			t_ok(any_port == row->any_port);
		} else {
			t_bad(allow_entry_filter(&l.items[0], &out, &any_port, &e), e, ERR_INVALID,
			      row->want);
			t_eq_int(out.n, 0);
		}
		for (size_t i = 0; i < 2 && row->matches[i]; i++)
			t_ok(matches(row->want, row->matches[i]));
		for (size_t i = 0; i < 4 && row->misses[i]; i++)
			t_ok(!matches(row->want, row->misses[i]));
		buf_done(&out);
		allowlist_done(&l);
	}
}

T_MAIN(T_TEST(reading), T_TEST(comments), T_TEST(refusing), T_TEST(suggestions), T_TEST(invisible),
       T_TEST(limits), T_TEST(files), T_TEST(rules), T_TEST(every_policy), T_TEST(full_policy),
       T_TEST(lints), T_TEST(tinyproxy))
