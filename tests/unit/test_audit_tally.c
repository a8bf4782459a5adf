/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/tally.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "gate_help.h"
#include "policy/decide.h"
#include "policy_help.h"

/* One event of a row; verdict, kind and remedy as in struct event. */
struct seen {
	enum event_verdict verdict;
	enum event_kind kind;
	const char *host, *addr;
	int16_t proto;
	uint16_t port; /* of a question: its type */
	const char *reason;
	enum event_remedy remedy;
	uint32_t count; /* 0: 1 */
};

#define A	 1
#define AAAA	 28
#define TCP	 IPPROTO_TCP
#define UDP	 IPPROTO_UDP
#define NO	 "no rule allows it"
#define SEEN_MAX 8

static struct event event_from(const struct seen *s)
{
	struct event ev = { .kind = s->kind,
			    .verdict = s->verdict,
			    .remedy = s->remedy,
			    .proto = s->proto,
			    .icmp_type = -1,
			    .rule = -1,
			    .count = s->count ? s->count : 1 };

	if (s->host)
		ev.name = name_of(s->host);
	if (s->addr)
		ev.addr = addr_of(s->addr);
	if (s->kind == EVENT_DNS)
		ev.qtype = s->port;
	else
		ev.port = s->port;
	(void)snprintf(ev.reason, sizeof(ev.reason), "%s", s->reason ? s->reason : "");
	return ev;
}

static struct tally *tally_of(const struct seen *seen, size_t max)
{
	struct tally *t = tally_new();

	for (size_t i = 0; i < max && (seen[i].host || seen[i].addr || seen[i].reason); i++) {
		struct event ev = event_from(&seen[i]);

		t_ok(event_valid(&ev));
		tally_add(t, &ev);
	}
	return t;
}

static const struct {
	const char *name;
	struct seen seen[SEEN_MAX];
	const char *report;
} reports[] = {
	{ "nothing", { { 0 } }, "" },
	{ "all allowed",
	  { { EVENT_ALLOW, EVENT_CONNECT, "a.test", NULL, TCP, 443, "", 0, 0 } },
	  "" },
	{ "one",
	  { { EVENT_DENY, EVENT_CONNECT, "bad.test", NULL, TCP, 443, NO, REMEDY_DEST, 0 } },
	  "sallyport: denied 1 attempt to reach 1 destination:\n"
	  "       1 x  bad.test  no rule allows it\n"
	  "            to allow it: --allow bad.test\n" },
	{ "counted",
	  { { EVENT_DENY, EVENT_CONNECT, "bad.test", NULL, TCP, 443, NO, REMEDY_DEST, 0 },
	    { EVENT_DENY, EVENT_CONNECT, NULL, "203.0.113.7", TCP, 22, NO, REMEDY_DEST, 3 },
	    { EVENT_DENY, EVENT_CONNECT, "bad.test", NULL, TCP, 443, NO, REMEDY_DEST, 10 } },
	  "sallyport: denied 14 attempts to reach 2 destinations:\n"
	  "      11 x  bad.test        no rule allows it\n"
	  "            to allow it: --allow bad.test\n"
	  "       3 x  203.0.113.7:22  no rule allows it\n"
	  "            to allow it: --allow 203.0.113.7:22\n" },
	{ "A and AAAA are one try",
	  { { EVENT_DENY, EVENT_DNS, "bad.test", NULL, UDP, A, NO, REMEDY_DEST, 0 },
	    { EVENT_DENY, EVENT_DNS, "bad.test", NULL, UDP, AAAA, NO, REMEDY_DEST, 0 },
	    { EVENT_DENY, EVENT_DNS, "bad.test", NULL, UDP, A, NO, REMEDY_DEST, 0 },
	    { EVENT_DENY, EVENT_DNS, "bad.test", NULL, UDP, AAAA, NO, REMEDY_DEST, 0 } },
	  "sallyport: denied 2 attempts to reach 1 destination:\n"
	  "       2 x  bad.test  no rule allows it\n"
	  "            to allow it: --allow bad.test\n" },
	{ "AAAA alone",
	  { { EVENT_DENY, EVENT_DNS, "bad.test", NULL, UDP, AAAA, NO, REMEDY_DEST, 2 } },
	  "sallyport: denied 2 attempts to reach 1 destination:\n"
	  "       2 x  bad.test  no rule allows it\n"
	  "            to allow it: --allow bad.test\n" },
	{ "for two reasons",
	  { { EVENT_DENY, EVENT_CONNECT, "bad.test", NULL, TCP, 443, "SNI says evil.test",
	      REMEDY_NONE, 0 },
	    { EVENT_DENY, EVENT_CONNECT, "bad.test", NULL, TCP, 443, NO, REMEDY_DEST, 0 } },
	  "sallyport: denied 2 attempts to reach 2 destinations:\n"
	  "       1 x  bad.test  SNI says evil.test\n"
	  "       1 x  bad.test  no rule allows it\n"
	  "            to allow it: --allow bad.test\n" },
	{ "the address has to be allowed",
	  { { EVENT_DENY, EVENT_CONNECT, "in.test", "10.0.0.7", TCP, 443, "it is private",
	      REMEDY_ADDR, 0 } },
	  "sallyport: denied 1 attempt to reach 1 destination:\n"
	  "       1 x  in.test  it is private\n"
	  "            to allow it: --allow 10.0.0.7:443\n" },
	{ "no destination",
	  { { EVENT_DENY, EVENT_DNS, NULL, NULL, UDP, A, "not a host name", REMEDY_DEST, 0 } },
	  "sallyport: denied 1 attempt to reach 1 destination:\n"
	  "       1 x  -  not a host name\n" },
	{ "not reached",
	  { { EVENT_ERROR, EVENT_CONNECT, "down.test", NULL, TCP, 443, "Connection refused",
	      REMEDY_NONE, 0 } },
	  "sallyport: allowed, but not reached:\n"
	  "       1 x  down.test  Connection refused\n" },
	{ "both",
	  { { EVENT_ERROR, EVENT_CONNECT, "down.test", NULL, TCP, 443, "Connection refused",
	      REMEDY_NONE, 0 },
	    { EVENT_DENY, EVENT_CONNECT, NULL, "2001:db8::7", UDP, 53, NO, REMEDY_DEST, 0 },
	    { EVENT_ALLOW, EVENT_CONNECT, "a.test", NULL, TCP, 443, "", 0, 0 } },
	  "sallyport: denied 1 attempt to reach 1 destination:\n"
	  "       1 x  udp/[2001:db8::7]:53  no rule allows it\n"
	  "            to allow it: --allow udp/[2001:db8::7]:53\n"
	  "sallyport: allowed, but not reached:\n"
	  "       1 x  down.test  Connection refused\n" },
	{ "bytes for a terminal",
	  { { EVENT_DENY, EVENT_CONNECT, "bad.test", NULL, TCP, 443, "Host says \x1b[2J\n\"x\"",
	      REMEDY_NONE, 0 } },
	  "sallyport: denied 1 attempt to reach 1 destination:\n"
	  "       1 x  bad.test  Host says \\x1b[2J\\x0a\\x22x\\x22\n" },
};

T(reports)
{
	T_EACH(row, reports)
	{
		struct tally *t = tally_of(row->seen, SEEN_MAX);
		_cleanup_(buf_done) struct buf out = { 0 };

		buf_init(&out, 65536);
		tally_report(t, &out);
		t_eq_str(buf_cstr(&out), row->report);
		tally_free(t);
	}
	tally_free(NULL);
}

/* Destinations in the order of their names, each denied once. */
static struct tally *many(enum event_verdict verdict, unsigned n)
{
	struct tally *t = tally_new();

	for (unsigned i = 0; i < n; i++) {
		_cleanup_(freep) char *host = xasprintf("n%u.test", i);
		struct seen s = {
			verdict, EVENT_CONNECT, host, NULL, TCP, 443, NO, REMEDY_DEST, 1
		};
		struct event ev = event_from(&s);

		tally_add(t, &ev);
	}
	return t;
}

static size_t lines(const struct buf *b, const char *with)
{
	size_t n = 0;

	for (const char *p = buf_cstr(b); (p = strstr(p, with)); p += strlen(with))
		n++;
	return n;
}

/* What finds no room, in the tally or on the screen, is counted. */
T(too_many)
{
	struct tally *t = many(EVENT_DENY, LIMIT_DENIALS + 10);
	struct seen again = { EVENT_DENY, EVENT_CONNECT, "n7.test", NULL, TCP, 443,
			      NO,	  REMEDY_DEST,	 4 };
	struct event ev = event_from(&again);
	struct buf out;

	tally_add(t, &ev);
	buf_init(&out, 1 << 20);
	tally_report(t, &out);
	t_ok(span_starts(
		buf_view(&out),
		SPAN_LIT("sallyport: denied 270 attempts to reach 256 and more destinations:\n"
			 "       5 x  n7.test ")));
	t_eq_int(lines(&out, "to allow it:"), 20);
	t_eq_int(lines(&out, "     246 other attempts, at further destinations"), 1);
	buf_done(&out);
	tally_free(t);
}

/* Those that were not reached have a list of their own. */
T(too_many_errors)
{
	struct tally *t = many(EVENT_ERROR, LIMIT_DENIALS + 10);
	struct seen denied = { EVENT_DENY, EVENT_CONNECT, "bad.test", NULL, TCP, 443,
			       NO,	   REMEDY_DEST,	  1 };
	struct event ev = event_from(&denied);
	struct buf out;

	tally_add(t, &ev);
	buf_init(&out, 1 << 20);
	tally_report(t, &out);
	t_ok(span_starts(buf_view(&out),
			 SPAN_LIT("sallyport: denied 1 attempt to reach 1 destination:\n"
				  "       1 x  bad.test  no rule allows it\n"
				  "            to allow it: --allow bad.test\n"
				  "sallyport: allowed, but not reached:\n")));
	t_eq_int(lines(&out, "other attempts"), 1);
	t_eq_int(lines(&out, "     246 other attempts, at further destinations"), 1);
	buf_done(&out);
	tally_free(t);
}

/* Those that were allowed take no room from those that are listed. */
T(many_allowed)
{
	struct tally *t = many(EVENT_ALLOW, LIMIT_DENIALS + 10);
	struct seen denied = { EVENT_DENY, EVENT_CONNECT, "bad.test", NULL, TCP, 443,
			       NO,	   REMEDY_DEST,	  1 };
	struct event ev = event_from(&denied);
	struct buf out;

	buf_init(&out, 1 << 20);
	tally_report(t, &out);
	t_eq_str(buf_cstr(&out), "");
	tally_add(t, &ev);
	tally_report(t, &out);
	t_eq_str(buf_cstr(&out), "sallyport: denied 1 attempt to reach 1 destination:\n"
				 "       1 x  bad.test  no rule allows it\n"
				 "            to allow it: --allow bad.test\n");
	buf_done(&out);
	tally_free(t);
}

/* What was seen in audit mode, and what the policy made of it says. */
static const struct {
	const char *name;
	struct seen seen[SEEN_MAX];
	const char *rules; /* the file from behind "rules:" */
} policies[] = {
	{ "nothing", { { 0 } }, "      []\n" },
	{ "one",
	  { { EVENT_AUDIT, EVENT_CONNECT, "a.test", NULL, TCP, 443, NO, REMEDY_DEST, 0 } },
	  "      - allow:\n"
	  "          - \"a.test\"\n" },
	{ "several",
	  { { EVENT_AUDIT, EVENT_CONNECT, "a.test", NULL, TCP, 443, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, "a.test", NULL, TCP, 80, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, NULL, "203.0.113.7", TCP, 22, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, NULL, "2001:db8::7", TCP, 22, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, "ntp.test", NULL, UDP, 123, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, "host.sallyport.internal", NULL, TCP, 5432, NO,
	      REMEDY_DEST, 0 } },
	  "      - allow:\n"
	  "          - \"a.test\"\n"
	  "          - \"a.test:80\"\n"
	  "          - \"203.0.113.7:22\"\n"
	  "          - \"[2001:db8::7]:22\"\n"
	  "          - \"udp/ntp.test:123\"\n"
	  "          - \"host:5432\"\n" },
	{ "allowed, would have been denied, and not reached",
	  { { EVENT_ALLOW, EVENT_CONNECT, "a.test", NULL, TCP, 443, "", 0, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, "b.test", NULL, TCP, 443, NO, REMEDY_DEST, 0 },
	    { EVENT_ERROR, EVENT_CONNECT, "c.test", NULL, TCP, 443, "refused", 0, 0 },
	    { EVENT_ERROR, EVENT_CONNECT, "b.test", NULL, TCP, 443, "refused", 0, 0 } },
	  "      - allow:\n"
	  "          - \"a.test\"\n"
	  "          - \"b.test\"\n"
	  "          - \"c.test\"\n" },
	{ "what stayed denied is not in it",
	  { { EVENT_DENY, EVENT_CONNECT, "a.test", NULL, TCP, 443, "loopback", REMEDY_NONE, 0 } },
	  "      []\n" },
	{ "denied once, passed once",
	  { { EVENT_DENY, EVENT_CONNECT, "a.test", NULL, TCP, 443, "loopback", REMEDY_NONE, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, "a.test", NULL, TCP, 443, NO, REMEDY_DEST, 0 } },
	  "      - allow:\n"
	  "          - \"a.test\"\n" },
	{ "the same for two reasons",
	  { { EVENT_AUDIT, EVENT_CONNECT, "a.test", NULL, TCP, 443, "one", REMEDY_NONE, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, "a.test", NULL, TCP, 443, "two", REMEDY_NONE, 0 } },
	  "      - allow:\n"
	  "          - \"a.test\"\n" },
	{ "questions",
	  { { EVENT_AUDIT, EVENT_DNS, "a.test", NULL, UDP, A, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_DNS, "a.test", NULL, UDP, AAAA, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_DNS, "only.test", NULL, UDP, A, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_DNS, "only.test", NULL, UDP, AAAA, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, "a.test", NULL, TCP, 443, NO, REMEDY_DEST, 0 } },
	  "      - allow:\n"
	  "          - \"a.test\"\n"
	  "# asked for, and not connected to: only.test\n" },
	{ "questions for what is reached otherwise",
	  { { EVENT_AUDIT, EVENT_DNS, "ntp.test", NULL, UDP, A, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_DNS, "a.test", NULL, UDP, A, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_DNS, "a.tes", NULL, UDP, A, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, "ntp.test", NULL, UDP, 123, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, "a.test", NULL, TCP, 8443, NO, REMEDY_DEST, 0 } },
	  "      - allow:\n"
	  "          - \"udp/ntp.test:123\"\n"
	  "          - \"a.test:8443\"\n"
	  "# asked for, and not connected to: a.tes\n" },
	{ "only questions",
	  { { EVENT_AUDIT, EVENT_DNS, "a.test", NULL, UDP, A, NO, REMEDY_DEST, 0 } },
	  "      []\n"
	  "# asked for, and not connected to: a.test\n" },
	{ "names like words of YAML and of the grammar",
	  { { EVENT_AUDIT, EVENT_CONNECT, "null", NULL, TCP, 443, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, "gre", NULL, TCP, 80, NO, REMEDY_DEST, 0 },
	    { EVENT_AUDIT, EVENT_CONNECT, "group", NULL, TCP, 443, NO, REMEDY_DEST, 0 } },
	  "      - allow:\n"
	  "          - \"null\"\n"
	  "          - \"tcp/gre:80\"\n"
	  "          - \"group\"\n" },
};

/* Names that cannot be written: what they look like would open all addresses, and the host. */
T(words_for_names)
{
	static const struct seen seen[] = {
		{ EVENT_AUDIT, EVENT_CONNECT, "any", NULL, TCP, 443, NO, REMEDY_DEST, 0 },
		{ EVENT_AUDIT, EVENT_CONNECT, "any", NULL, UDP, 53, NO, REMEDY_DEST, 0 },
		{ EVENT_AUDIT, EVENT_CONNECT, "host", NULL, TCP, 5432, NO, REMEDY_DEST, 0 },
		{ EVENT_DENY, EVENT_DNS, "any", NULL, UDP, A, NO, REMEDY_DEST, 0 },
		{ EVENT_DENY, EVENT_CONNECT, "host", NULL, TCP, 22, NO, REMEDY_DEST, 0 },
	};
	struct tally *t = tally_of(seen, ARRAY_LEN(seen));
	struct buf out;

	buf_init(&out, 65536);
	tally_policy(t, &out);
	t_eq_str(buf_cstr(&out), "version: 1\npolicies:\n  audited:\n    rules:\n      []\n"
				 "# no rule can name this destination: tcp/any:443\n"
				 "# no rule can name this destination: udp/any:53\n"
				 "# no rule can name this destination: host:5432\n");
	buf_clear(&out);
	tally_report(t, &out);
	t_eq_int(lines(&out, "to allow it"), 0);
	t_eq_int(lines(&out, "no rule allows it"), 2);
	buf_done(&out);
	tally_free(t);
}

/* A connection that was seen is one that the policy allows. */
static void check_allows(const struct plan_policy *p, const struct seen *s, bool neighbours)
{
	struct event ev = event_from(s);
	struct flow f = { .proto = s->proto,
			  .icmp_type = -1,
			  .port = s->port,
			  .name = s->host ? &ev.name : NULL,
			  .addr = s->host ? NULL : &ev.addr };
	struct addr other = ev.addr;

	t_eq_int(decide(p, &f).kind, VERDICT_ALLOW);
	if (!neighbours)
		return;
	f.port = (uint16_t)(s->port + 1);
	t_eq_int(decide(p, &f).kind, VERDICT_DENY);
	f.port = s->port;
	f.proto = s->proto == TCP ? UDP : TCP;
	t_eq_int(decide(p, &f).kind, VERDICT_DENY);
	f.proto = s->proto;
	other.bytes[3] ^= 1;
	if (!s->host) {
		f.addr = &other;
		t_eq_int(decide(p, &f).kind, VERDICT_DENY);
	}
}

static size_t count_dests(const struct plan_policy *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_rules; i++)
		n += p->rules[i].n_dests;
	return n;
}

T(policies)
{
	T_EACH(row, policies)
	{
		static const char head[] = "version: 1\npolicies:\n  audited:\n    rules:\n";
		struct tally *t = tally_of(row->seen, SEEN_MAX);
		_cleanup_(plan_freep) struct plan *plan = NULL;
		struct buf out;

		buf_init(&out, 65536);
		tally_policy(t, &out);
		t_ok(span_starts(buf_view(&out), SPAN_LIT(head)));
		t_eq_span(span_from(buf_view(&out), strlen(head)), row->rules);

		plan = load_text(buf_cstr(&out));
		t_eq_int(plan->n_policies, 1);
		t_eq_str(plan->policies[0]->name, "audited");
		t_eq_int(count_dests(plan->policies[0]), lines(&out, "          - "));
		for (size_t i = 0; i < SEEN_MAX; i++)
			if (row->seen[i].port && row->seen[i].kind == EVENT_CONNECT &&
			    row->seen[i].verdict != EVENT_DENY)
				check_allows(plan->policies[0], &row->seen[i], true);
		buf_done(&out);
		tally_free(t);
	}
}

/* All that was reached is in the policy; past its limit the file says that something is missing. */
T(large_policy)
{
	unsigned n = LIMIT_REACHED;
	struct tally *t = many(EVENT_AUDIT, n);
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct buf out;

	buf_init(&out, 1 << 20);
	tally_policy(t, &out);
	t_eq_int(lines(&out, "#"), 0);
	plan = load_text(buf_cstr(&out));
	for (unsigned i = 0; i < n; i += 37) {
		_cleanup_(freep) char *host = xasprintf("n%u.test", i);
		struct seen s = { EVENT_AUDIT, EVENT_CONNECT, host, NULL, TCP, 443,
				  NO,	       REMEDY_DEST,   1 };

		check_allows(plan->policies[0], &s, false);
	}
	t_eq_int(count_dests(plan->policies[0]), n);
	tally_free(t);

	t = many(EVENT_AUDIT, LIMIT_REACHED + 7);
	buf_clear(&out);
	tally_policy(t, &out);
	t_ok(span_ends(
		buf_view(&out),
		SPAN_LIT("# 7 more attempts went to destinations that are not listed here\n")));
	buf_done(&out);
	tally_free(t);
}

T_MAIN(T_TEST(reports), T_TEST(too_many), T_TEST(too_many_errors), T_TEST(many_allowed),
       T_TEST(policies), T_TEST(words_for_names), T_TEST(large_policy))
