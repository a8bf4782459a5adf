/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cursor.h"
#include "t.h"
#include "wire/dns.h"

#define ID   "\x12\x34"
#define RD   "\x01\x00"
#define ONE  "\0\1\0\0\0\0\0\0" /* section counts: one question */
#define EDNS "\0\1\0\0\0\0\0\1" /* and one record behind it */
#define GOOD "\4GoOd\4test\0"
#define A_IN "\0\1\0\1"
#define OPT  "\0\0\x29\x10\x00\0\0\0\0" /* 4096 bytes, up to its RDLENGTH */
#define Q    ID RD ONE GOOD A_IN	/* the plain query */
#define QE   ID RD EDNS GOOD A_IN

#define LABEL63                            \
	"\x3f"                             \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct {
	const char *name;
	struct span msg;
	enum dns_query_status status;
	unsigned rcode;
	bool echo; /* the question was read */
} rows[] = {
	{ "plain", SPAN_LIT(Q), DNS_QUERY_OK, DNS_NOERROR, true },
	{ "no RD", SPAN_LIT(ID "\0\0" ONE GOOD A_IN), DNS_QUERY_OK, DNS_NOERROR, true },
	{ "AD and CD", SPAN_LIT(ID "\x01\x30" ONE GOOD A_IN), DNS_QUERY_OK, DNS_NOERROR, true },
	{ "EDNS", SPAN_LIT(QE OPT "\0\0"), DNS_QUERY_OK, DNS_NOERROR, true },
	{ "EDNS cookie",
	  SPAN_LIT(QE OPT "\0\x0c\0\x0a\0\x08"
			  "12345678"),
	  DNS_QUERY_OK, DNS_NOERROR, true },
	{ "unknown type", SPAN_LIT(ID RD ONE GOOD "\xff\x01\0\1"), DNS_QUERY_OK, DNS_NOERROR,
	  true },

	{ "empty", SPAN_LIT(""), DNS_QUERY_DROP, 0, false },
	{ "one byte", SPAN_LIT("\x12"), DNS_QUERY_DROP, 0, false },
	{ "eleven bytes", SPAN_LIT(ID RD "\0\1\0\0\0\0\0"), DNS_QUERY_DROP, 0, false },
	{ "a response", SPAN_LIT(ID "\x81\x80" ONE GOOD A_IN), DNS_QUERY_DROP, 0, false },
	{ "a response of junk", SPAN_LIT(ID "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
	  DNS_QUERY_DROP, 0, false },

	{ "opcode STATUS", SPAN_LIT(ID "\x10\x00" ONE GOOD A_IN), DNS_QUERY_REJECT, DNS_NOTIMP,
	  false },
	{ "opcode UPDATE", SPAN_LIT(ID "\x28\x00" ONE GOOD A_IN), DNS_QUERY_REJECT, DNS_NOTIMP,
	  false },
	{ "opcode 15", SPAN_LIT(ID "\x78\x00" ONE), DNS_QUERY_REJECT, DNS_NOTIMP, false },

	{ "header only", SPAN_LIT(ID RD "\0\0\0\0\0\0\0\0"), DNS_QUERY_REJECT, DNS_FORMERR, false },
	{ "no question", SPAN_LIT(ID RD "\0\0\0\0\0\0\0\1" OPT "\0\0"), DNS_QUERY_REJECT,
	  DNS_FORMERR, false },
	{ "two questions", SPAN_LIT(ID RD "\0\2\0\0\0\0\0\0" GOOD A_IN GOOD A_IN), DNS_QUERY_REJECT,
	  DNS_FORMERR, false },
	{ "65535 questions", SPAN_LIT(ID RD "\xff\xff\0\0\0\0\0\0" GOOD A_IN), DNS_QUERY_REJECT,
	  DNS_FORMERR, false },
	{ "an answer in a query",
	  SPAN_LIT(ID RD "\0\1\0\1\0\0\0\0" GOOD A_IN "\xc0\x0c" A_IN "\0\0\0\1\0\4\1\2\3\4"),
	  DNS_QUERY_REJECT, DNS_FORMERR, false },
	{ "an authority in a query", SPAN_LIT(ID RD "\0\1\0\0\0\1\0\0" GOOD A_IN), DNS_QUERY_REJECT,
	  DNS_FORMERR, false },
	{ "two additional records",
	  SPAN_LIT(ID RD "\0\1\0\0\0\0\0\2" GOOD A_IN OPT "\0\0" OPT "\0\0"), DNS_QUERY_REJECT,
	  DNS_FORMERR, false },
	{ "question missing", SPAN_LIT(ID RD ONE), DNS_QUERY_REJECT, DNS_FORMERR, false },
	{ "name cut", SPAN_LIT(ID RD ONE "\4goo"), DNS_QUERY_REJECT, DNS_FORMERR, false },
	{ "type missing", SPAN_LIT(ID RD ONE GOOD), DNS_QUERY_REJECT, DNS_FORMERR, false },
	{ "class cut", SPAN_LIT(ID RD ONE GOOD "\0\1\0"), DNS_QUERY_REJECT, DNS_FORMERR, false },
	{ "pointer to itself", SPAN_LIT(ID RD ONE "\xc0\x0c" A_IN), DNS_QUERY_REJECT, DNS_FORMERR,
	  false },
	{ "pointer into the header", SPAN_LIT(ID RD ONE "\4good\xc0\x00" A_IN), DNS_QUERY_REJECT,
	  DNS_FORMERR, false },
	{ "pointer loop", SPAN_LIT(ID RD ONE "\4good\xc0\x0c" A_IN), DNS_QUERY_REJECT, DNS_FORMERR,
	  false },
	{ "label of 64", SPAN_LIT(ID RD ONE "\x40" LABEL63 "\0" A_IN), DNS_QUERY_REJECT,
	  DNS_FORMERR, false },
	{ "name of 257", SPAN_LIT(ID RD ONE LABEL63 LABEL63 LABEL63 LABEL63 "\0" A_IN),
	  DNS_QUERY_REJECT, DNS_FORMERR, false },
	{ "junk behind the question", SPAN_LIT(Q "x"), DNS_QUERY_REJECT, DNS_FORMERR, true },
	{ "junk behind OPT", SPAN_LIT(QE OPT "\0\0x"), DNS_QUERY_REJECT, DNS_FORMERR, true },
	{ "OPT missing", SPAN_LIT(QE), DNS_QUERY_REJECT, DNS_FORMERR, true },
	{ "OPT cut", SPAN_LIT(QE OPT "\0"), DNS_QUERY_REJECT, DNS_FORMERR, true },
	{ "OPT of a name", SPAN_LIT(QE "\1x" OPT "\0\0"), DNS_QUERY_REJECT, DNS_FORMERR, true },
	{ "OPT shorter than it says", SPAN_LIT(QE OPT "\0\4\0\0"), DNS_QUERY_REJECT, DNS_FORMERR,
	  true },
	{ "option longer than OPT", SPAN_LIT(QE OPT "\0\4\0\x0c\0\1"), DNS_QUERY_REJECT,
	  DNS_FORMERR, true },
	{ "half an option", SPAN_LIT(QE OPT "\0\2\0\x0c"), DNS_QUERY_REJECT, DNS_FORMERR, true },
	{ "another record than OPT", SPAN_LIT(QE "\0\0\x01\0\1\0\0\0\1\0\4\1\2\3\4"),
	  DNS_QUERY_REJECT, DNS_FORMERR, true },
	{ "EDNS version 1", SPAN_LIT(QE "\0\0\x29\x10\x00\0\1\0\0\0\0"), DNS_QUERY_REJECT,
	  DNS_BADVERS, true },
	{ "class CH", SPAN_LIT(ID RD ONE GOOD "\0\x10\0\3"), DNS_QUERY_REJECT, DNS_REFUSED, true },
	{ "class ANY", SPAN_LIT(ID RD ONE GOOD "\0\1\0\xff"), DNS_QUERY_REJECT, DNS_REFUSED, true },

	{ "root", SPAN_LIT(ID RD ONE "\0" A_IN), DNS_QUERY_BAD_NAME, DNS_NXDOMAIN, true },
	{ "dot in a label", SPAN_LIT(ID RD ONE "\x09good.test\0" A_IN), DNS_QUERY_BAD_NAME,
	  DNS_NXDOMAIN, true },
	{ "NUL in a label", SPAN_LIT(ID RD ONE "\5go\0od\4test\0" A_IN), DNS_QUERY_BAD_NAME,
	  DNS_NXDOMAIN, true },
	{ "blank in a label", SPAN_LIT(ID RD ONE "\4go d\0" A_IN), DNS_QUERY_BAD_NAME, DNS_NXDOMAIN,
	  true },
	{ "8 bits in a label", SPAN_LIT(ID RD ONE "\2\xc3\xa4\0" A_IN), DNS_QUERY_BAD_NAME,
	  DNS_NXDOMAIN, true },
	{ "an address",
	  SPAN_LIT(ID RD ONE "\3"
			     "127\1"
			     "0\1"
			     "0\1"
			     "1\0" A_IN),
	  DNS_QUERY_BAD_NAME, DNS_NXDOMAIN, true },
};

T(parse)
{
	T_EACH(row, rows)
	{
		struct dns_question q;
		unsigned rcode = 0;

		t_eq_int(dns_query_parse(row->msg, &q, &rcode), row->status);
		if (row->status == DNS_QUERY_DROP)
			continue;
		t_eq_int(rcode, row->rcode);
		t_eq_int(q.id, 0x1234);
		t_ok((q.raw_len != 0) == row->echo);
		if (row->status == DNS_QUERY_OK)
			t_eq_span(name_span(&q.name), "good.test");
	}
}

/* Cut anywhere, no query is taken. */
T(cut)
{
	const struct span whole = SPAN_LIT(QE OPT "\0\0");

	for (size_t n = 0; n < whole.n; n++) {
		struct dns_question q;
		unsigned rcode;

		t_ok(dns_query_parse(span_first(whole, n), &q, &rcode) ==
		     (n < DNS_HEADER ? DNS_QUERY_DROP : DNS_QUERY_REJECT));
	}
}

T(fields)
{
	struct dns_question q;
	unsigned rcode;

	t_ok(dns_query_parse(SPAN_LIT(QE "\0\0\x29\x04\xd0\0\0\x80\0\0\0"), &q, &rcode) ==
	     DNS_QUERY_OK);
	t_ok(q.edns && q.dnssec_ok);
	t_eq_int(q.udp_size, 1232);
	t_eq_int(q.flags, DNS_FLAG_RD);
	t_eq_int(q.qtype, DNS_TYPE_A);
	t_eq_int(q.qclass, DNS_CLASS_IN);
	t_eq_int(q.raw_len, 11);
	t_eq_mem(q.raw_name, GOOD, 11);
}

static const struct {
	const char *name;
	struct span msg;
	const char *want;
} shows[] = {
	{ "as asked", SPAN_LIT(Q), "GoOd.test" },
	{ "not read", SPAN_LIT(ID RD "\0\0\0\0\0\0\0\0"), "" },
	{ "root", SPAN_LIT(ID RD ONE "\0" A_IN), "" },
	{ "other bytes", SPAN_LIT(ID RD ONE "\7a\0\n.\"\\ \1b\0" A_IN),
	  "a\\x00\\x0a\\x2e\\x22\\x5c\\x20.b" },
	{ "terminal escape", SPAN_LIT(ID RD ONE "\4\x1b[2J\2\xff\x7f\0" A_IN),
	  "\\x1b[2J.\\xff\\x7f" },
};

T(show)
{
	char out[1024];

	T_EACH(row, shows)
	{
		struct dns_question q;
		unsigned rcode;

		(void)!dns_query_parse(row->msg, &q, &rcode);
		t_eq_str(dns_question_show(&q, out, sizeof(out)), row->want);
	}
}

T(show_longest)
{
	struct dns_question q = { .raw_len = DNS_NAME_MAX };
	char out[4 * DNS_NAME_MAX], small[8];

	for (size_t i = 0; i < 4; i++) {
		memset(q.raw_name + 64 * i, 0xff, 64);
		q.raw_name[64 * i] = i < 3 ? 63 : 61;
	}
	q.raw_name[254] = 0;
	t_eq_int(strlen(dns_question_show(&q, out, sizeof(out))), 4 * (3 * 63 + 61) + 3);
	t_eq_str(dns_question_show(&q, small, sizeof(small)), "\\xff\\xf");
}

static struct addr addr(const char *text)
{
	struct err e = { 0 };
	struct addr a = { 0 };

	t_good(addr_parse(span_of(text), &a, &e), e);
	return a;
}

static struct dns_question question(struct span msg)
{
	struct dns_question q;
	unsigned rcode;

	t_ok(dns_query_parse(msg, &q, &rcode) != DNS_QUERY_DROP);
	return q;
}

#define SOA \
	"\xc0\x0c\0\6\0\1\0\0\0\x3c\0\x16\0\0\0\0\0\1\0\0\x0e\x10\0\0\2\x58\0\1\x51\x80\0\0\0\x3c"

/* Replies to a query with the addresses 203.0.113.7 and 2001:db8::7, TTL 60. */
static const struct {
	const char *name;
	struct span query;
	unsigned rcode;
	bool truncated;
	struct span want;
} replies[] = {
	{ "A", SPAN_LIT(Q), DNS_NOERROR, false,
	  SPAN_LIT(ID "\x81\x80\0\1\0\1\0\0\0\0" GOOD A_IN
		      "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\7") },
	{ "AAAA", SPAN_LIT(ID RD ONE GOOD "\0\x1c\0\1"), DNS_NOERROR, false,
	  SPAN_LIT(ID "\x81\x80\0\1\0\1\0\0\0\0" GOOD "\0\x1c\0\1\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10"
		      "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7") },
	{ "EDNS with DO", SPAN_LIT(QE "\0\0\x29\x10\0\0\0\x80\0\0\0"), DNS_NOERROR, false,
	  SPAN_LIT(ID "\x81\x80\0\1\0\1\0\0\0\1" GOOD A_IN
		      "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\7"
		      "\0\0\x29\x04\xd0\0\0\x80\0\0\0") },
	{ "no RD, CD copied", SPAN_LIT(ID "\0\x10" ONE GOOD A_IN), DNS_REFUSED, false,
	  SPAN_LIT(ID "\x80\x95\0\1\0\0\0\0\0\0" GOOD A_IN) },
	{ "NXDOMAIN", SPAN_LIT(Q), DNS_NXDOMAIN, false,
	  SPAN_LIT(ID "\x81\x83\0\1\0\0\0\1\0\0" GOOD A_IN SOA) },
	{ "no data", SPAN_LIT(ID RD ONE GOOD "\0\x10\0\1"), DNS_NOERROR, false,
	  SPAN_LIT(ID "\x81\x80\0\1\0\0\0\1\0\0" GOOD "\0\x10\0\1" SOA) },
	{ "SERVFAIL", SPAN_LIT(Q), DNS_SERVFAIL, false,
	  SPAN_LIT(ID "\x81\x82\0\1\0\0\0\0\0\0" GOOD A_IN) },
	{ "truncated", SPAN_LIT(QE OPT "\0\0"), DNS_NOERROR, true,
	  SPAN_LIT(ID "\x83\x80\0\1\0\0\0\0\0\1" GOOD A_IN "\0\0\x29\x04\xd0\0\0\0\0\0\0") },
	{ "BADVERS", SPAN_LIT(QE "\0\0\x29\x10\x00\0\1\0\0\0\0"), DNS_BADVERS, false,
	  SPAN_LIT(ID "\x81\x80\0\1\0\0\0\0\0\1" GOOD A_IN "\0\0\x29\x04\xd0\1\0\0\0\0\0") },
	{ "question not read", SPAN_LIT(ID RD ONE "\xc0\x0c" A_IN), DNS_FORMERR, false,
	  SPAN_LIT(ID "\x81\x81\0\0\0\0\0\0\0\0") },
	{ "question not read, no error", SPAN_LIT(ID RD ONE "\xc0\x0c" A_IN), DNS_NOERROR, false,
	  SPAN_LIT(ID "\x81\x80\0\0\0\0\0\0\0\0") },
	{ "opcode kept", SPAN_LIT(ID "\x29\x00" ONE GOOD A_IN), DNS_NOTIMP, false,
	  SPAN_LIT(ID "\xa9\x84\0\0\0\0\0\0\0\0") },
	{ "bad name", SPAN_LIT(ID RD ONE "\3a.b\0" A_IN), DNS_REFUSED, false,
	  SPAN_LIT(ID "\x81\x85\0\1\0\0\0\0\0\0\3a.b\0" A_IN) },
};

T(reply)
{
	T_EACH(row, replies)
	{
		_cleanup_(buf_done) struct buf out = { 0 };
		const struct addr addrs[] = { addr("203.0.113.7"), addr("2001:db8::7") };
		const struct dns_question q = question(row->query);
		const struct dns_reply r = {
			.rcode = row->rcode,
			.addrs = addrs,
			.n_addrs = ARRAY_LEN(addrs),
			.ttl_s = 60,
			.truncated = row->truncated,
		};

		buf_init(&out, LIMIT_DNS_MESSAGE);
		dns_reply_build(&q, &r, &out);
		t_ok(buf_ok(&out));
		t_eq_int(out.n, row->want.n);
		t_eq_mem(out.p, row->want.p, out.n);
	}
}

/* So many A records; how long the reply is, or TC. */
static const struct {
	const char *name;
	struct span query;
	size_t n_addrs;
	bool tcp;
	bool fits;
} sizes[] = {
	{ "512: 30 records", SPAN_LIT(Q), 30, false, true },
	{ "512: 31 records", SPAN_LIT(Q), 31, false, false },
	{ "TCP: 31 records", SPAN_LIT(Q), 31, true, true },
	{ "TCP: 4000 records", SPAN_LIT(Q), 4000, true, true },
	{ "TCP: 4096 records", SPAN_LIT(Q), 4096, true, false },
	{ "EDNS 4096, cut to 1232: 74", SPAN_LIT(QE OPT "\0\0"), 74, false, true },
	{ "EDNS 4096, cut to 1232: 75", SPAN_LIT(QE OPT "\0\0"), 75, false, false },
	{ "EDNS 600: 35", SPAN_LIT(QE "\0\0\x29\x02\x58\0\0\0\0\0\0"), 35, false, true },
	{ "EDNS 600: 36", SPAN_LIT(QE "\0\0\x29\x02\x58\0\0\0\0\0\0"), 36, false, false },
	{ "EDNS 0 means 512: 29", SPAN_LIT(QE "\0\0\x29\0\0\0\0\0\0\0\0"), 29, false, true },
	{ "EDNS 0 means 512: 30", SPAN_LIT(QE "\0\0\x29\0\0\0\0\0\0\0\0"), 30, false, false },
};

T(reply_size)
{
	static struct addr many[4096];

	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = addr("203.0.113.7");
	T_EACH(row, sizes)
	{
		_cleanup_(buf_done) struct buf out = { 0 };
		const struct dns_question q = question(row->query);
		const struct dns_reply r = { .addrs = many,
					     .n_addrs = row->n_addrs,
					     .tcp = row->tcp };
		struct cursor c;

		buf_init(&out, LIMIT_DNS_MESSAGE);
		dns_reply_build(&q, &r, &out);
		t_ok(buf_ok(&out) && out.n <= dns_reply_max(&q, row->tcp));
		c = cursor(out.p, out.n);
		cur_skip(&c, 2);
		t_ok(!(cur_u16(&c) & DNS_FLAG_TC) == row->fits);
		cur_skip(&c, 2);
		t_eq_int(cur_u16(&c), row->fits ? row->n_addrs : 0);
	}
}

/* The longest name still leaves room for all that a denial says. */
T(reply_longest_name)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	const struct dns_question q = question(SPAN_LIT(ID RD EDNS LABEL63 LABEL63 LABEL63
							"\x3d"
							"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
							"bbbbbbbbbbbbbbbbbbbbbbbbbbbbb\0" A_IN
							"\0\0\x29\0\0\0\0\0\0\0\0"));

	t_eq_int(q.raw_len, DNS_NAME_MAX);
	buf_init(&out, 512);
	dns_reply_build(&q, &(struct dns_reply){ .rcode = DNS_NXDOMAIN, .ttl_s = 60 }, &out);
	t_ok(buf_ok(&out));
	t_eq_int(out.n, 12 + 255 + 4 + 34 + 11);
}

T_MAIN(T_TEST(parse), T_TEST(cut), T_TEST(fields), T_TEST(show), T_TEST(show_longest),
       T_TEST(reply), T_TEST(reply_size), T_TEST(reply_longest_name))
