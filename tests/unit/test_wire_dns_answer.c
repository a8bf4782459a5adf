/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "t.h"
#include "wire/dns.h"

/* Names in an answer about www.good.test, whose question stands at byte 12. */
#define WWW  "\xc0\x0c"
#define GOOD "\xc0\x10"
#define TEST "\xc0\x15"
#define CDN  "\3cdn\3net\0"
#define EDGE "\4edge\3net\0"
#define EVIL "\4evil\3net\0"

#define TTL(s) "\0\0\0" s
#define T60    TTL("\x3c")
#define T30    TTL("\x1e")

/* Records; `last` is the last byte of an address of 203.0.113.0/24. */
#define A(owner, ttl, last) owner "\0\1\0\1" ttl "\0\4\xcb\0\x71" last
#define AAAA(owner, ttl)                    \
	owner "\0\x1c\0\1" ttl "\0\x10\x20" \
	      "\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
#define CNAME(owner, ttl, len, target) owner "\0\5\0\1" ttl "\0" len target
#define SOA(owner, ttl, minimum)                                          \
	owner "\0\6\0\1" ttl "\0\x16\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4" \
	      "\0\0\0" minimum

struct section {
	uint16_t n;
	struct span bytes;
};

#define NONE                  \
	{                     \
		0,            \
		{             \
			"", 0 \
		}             \
	}
#define RECORDS(n, lit)            \
	{                          \
		(n), SPAN_LIT(lit) \
	}

static const struct dns_asked *asked(uint16_t qtype)
{
	static struct dns_asked a;
	struct err e = { 0 };

	a = (struct dns_asked){ .qtype = qtype, .id = 0x1234 };
	t_good(name_parse(SPAN_LIT("www.good.test"), &a.name, &e), e);
	return &a;
}

static void put_answer(uint16_t qtype, unsigned flags, const struct section *sections,
		       struct buf *out)
{
	buf_init(out, LIMIT_DNS_MESSAGE);
	buf_u16(out, 0x1234);
	buf_u16(out, (uint16_t)(DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA | flags));
	buf_u16(out, 1);
	for (size_t i = 0; i < 3; i++)
		buf_u16(out, sections[i].n);
	buf_add(out, "\3www\4good\4test", 15);
	buf_u16(out, qtype);
	buf_u16(out, DNS_CLASS_IN);
	for (size_t i = 0; i < 3; i++)
		buf_span(out, sections[i].bytes);
	t_ok(buf_ok(out));
}

static const struct {
	const char *name;
	uint16_t qtype; /* 0: A */
	unsigned rcode;
	struct section answer, authority, additional;
	const char *bad;  /* part of the error; NULL: taken */
	size_t n;	  /* addresses */
	const char *last; /* of them */
	uint32_t ttl_s;
	uint32_t negative_ttl_s;
} rows[] = {
	{
		.name = "one address",
		.answer = RECORDS(1, A(WWW, T60, "\7")),
		.n = 1,
		.last = "203.0.113.7",
		.ttl_s = 60,
	},
	{
		.name = "one IPv6 address",
		.qtype = DNS_TYPE_AAAA,
		.answer = RECORDS(1, AAAA(WWW, T60)),
		.n = 1,
		.last = "2001:db8::7",
		.ttl_s = 60,
	},
	{
		.name = "the least TTL counts",
		.answer = RECORDS(2, A(WWW, T60, "\7") A(WWW, T30, "\x08")),
		.n = 2,
		.last = "203.0.113.8",
		.ttl_s = 30,
	},
	{
		.name = "owner in another case, not compressed",
		.answer = RECORDS(1, A("\3WWW\4gOOd\4TEST\0", T60, "\7")),
		.n = 1,
		.last = "203.0.113.7",
		.ttl_s = 60,
	},
	{
		.name = "chain of one",
		.answer = RECORDS(2, CNAME(WWW, T30, "\x09", CDN) A(CDN, T60, "\7")),
		.n = 1,
		.last = "203.0.113.7",
		.ttl_s = 30,
	},
	{
		.name = "chain of two, records in reverse order",
		.answer = RECORDS(3, A(EDGE, T60, "\7") CNAME(CDN, T30, "\x0a", EDGE)
					     CNAME(WWW, T60, "\x09", CDN)),
		.n = 1,
		.last = "203.0.113.7",
		.ttl_s = 30,
	},
	{
		.name = "the same CNAME twice",
		.answer = RECORDS(3, CNAME(WWW, T60, "\x09", CDN) CNAME(WWW, T60, "\x09", CDN)
					     A(CDN, T60, "\7")),
		.n = 1,
		.last = "203.0.113.7",
		.ttl_s = 60,
	},
	{
		.name = "DNAME with the CNAME made from it",
		.answer = RECORDS(3, GOOD "\0\x27\0\1" T60 "\0\x09" CDN CNAME(
					     WWW, TTL("\0"), "\x0d", "\3www\3cdn\3net\0")
					     A("\3www\3cdn\3net\0", T60, "\7")),
		.n = 1,
		.last = "203.0.113.7",
	},
	{
		.name = "DNAME alone leads nowhere",
		.answer = RECORDS(2, GOOD "\0\x27\0\1" T60
					  "\0\x09" CDN A("\3www\3cdn\3net\0", T60, "\7")),
	},
	{
		.name = "TTL with the top bit is 0",
		.answer = RECORDS(1, A(WWW, "\x80\0\0\x3c", "\7")),
		.n = 1,
		.last = "203.0.113.7",
	},

	/* Only the chain counts. */
	{
		.name = "address of another name",
		.answer = RECORDS(1, A(EVIL, T60, "\x66")),
	},
	{
		.name = "address of another name beside ours",
		.answer = RECORDS(2, A(WWW, T60, "\7") A(EVIL, T30, "\x66")),
		.n = 1,
		.last = "203.0.113.7",
		.ttl_s = 60,
	},
	{
		.name = "address of the parent",
		.answer = RECORDS(1, A(GOOD, T60, "\x66")),
	},
	{
		.name = "address in authority and additional",
		.authority = RECORDS(1, A(WWW, T60, "\x66")),
		.additional = RECORDS(1, A(WWW, T60, "\x66")),
	},
	{
		.name = "CNAME in additional",
		.answer = RECORDS(1, A(CDN, T60, "\x66")),
		.additional = RECORDS(1, CNAME(WWW, T60, "\x09", CDN)),
	},
	{
		.name = "CNAME of another name",
		.answer = RECORDS(2, CNAME(EVIL, T60, "\x09", CDN) A(CDN, T60, "\x66")),
	},
	{
		.name = "address beside a CNAME",
		.answer = RECORDS(3, A(WWW, T60, "\x66") CNAME(WWW, T60, "\x09", CDN)
					     A(CDN, T60, "\7")),
		.n = 1,
		.last = "203.0.113.7",
		.ttl_s = 60,
	},
	{
		.name = "address in the middle of the chain",
		.answer = RECORDS(4, CNAME(WWW, T60, "\x09", CDN) A(CDN, T60, "\x66")
					     CNAME(CDN, T60, "\x0a", EDGE) A(EDGE, T60, "\7")),
		.n = 1,
		.last = "203.0.113.7",
		.ttl_s = 60,
	},
	{
		.name = "address of the other family",
		.answer = RECORDS(1, AAAA(WWW, T60)),
	},
	{
		.name = "address of class CH",
		.answer = RECORDS(1, WWW "\0\1\0\3" T60 "\0\4\xcb\0\x71\x66"),
	},
	{
		.name = "addresses with NXDOMAIN",
		.rcode = DNS_NXDOMAIN,
		.answer = RECORDS(1, A(WWW, T60, "\x66")),
	},

	/* Denials. */
	{
		.name = "NXDOMAIN with SOA",
		.rcode = DNS_NXDOMAIN,
		.authority = RECORDS(1, SOA(TEST, T60, "\x1e")),
		.negative_ttl_s = 30,
	},
	{
		.name = "no data with SOA",
		.authority = RECORDS(1, SOA(TEST, T30, "\x3c")),
		.negative_ttl_s = 30,
	},
	{
		.name = "SOA of the root",
		.rcode = DNS_NXDOMAIN,
		.authority = RECORDS(1, SOA("\0", T60, "\x1e")),
		.negative_ttl_s = 30,
	},
	{
		.name = "SOA of another zone",
		.rcode = DNS_NXDOMAIN,
		.authority = RECORDS(1, SOA(CDN, T60, "\x1e")),
	},
	{
		.name = "SOA of the zone the chain ends in",
		.rcode = DNS_NXDOMAIN,
		.answer = RECORDS(1, CNAME(WWW, T60, "\x09", CDN)),
		.authority = RECORDS(1, SOA("\3net\0", T60, "\x1e")),
		.negative_ttl_s = 30,
	},
	{
		.name = "SOA in the answer",
		.answer = RECORDS(1, SOA(TEST, T60, "\x1e")),
	},
	{
		.name = "SERVFAIL",
		.rcode = DNS_SERVFAIL,
	},
	{
		.name = "OPT and an unknown type",
		.answer = RECORDS(1, A(WWW, T60, "\7")),
		.additional = RECORDS(2, "\0\0\x29\x04\xd0\0\0\0\0\0\0" EVIL "\xff\x01\0\1" T60
					 "\0\3xyz"),
		.n = 1,
		.last = "203.0.113.7",
		.ttl_s = 60,
	},

	/* Refused. */
	{
		.name = "a loop of one",
		.answer = RECORDS(1, CNAME(WWW, T60, "\2", WWW)),
		.bad = "loop",
	},
	{
		.name = "a loop of two, with an address",
		.answer = RECORDS(3, CNAME(WWW, T60, "\x09", CDN) CNAME(CDN, T60, "\2", WWW)
					     A(CDN, T60, "\x66")),
		.bad = "loop",
	},
	{
		.name = "two CNAMEs at one name",
		.answer = RECORDS(3, CNAME(WWW, T60, "\x09", CDN) CNAME(WWW, T60, "\x0a", EVIL)
					     A(EVIL, T60, "\x66")),
		.bad = "two CNAMEs",
	},
	{
		.name = "A of 3 bytes",
		.answer = RECORDS(1, WWW "\0\1\0\1" T60 "\0\3\xcb\0\x71"),
		.bad = "record 1 is malformed",
	},
	{
		.name = "A of 5 bytes",
		.answer = RECORDS(1, WWW "\0\1\0\1" T60 "\0\5\xcb\0\x71\7\7"),
		.bad = "record 1 is malformed",
	},
	{
		.name = "A of 0 bytes",
		.answer = RECORDS(1, WWW "\0\1\0\1" T60 "\0\0"),
		.bad = "record 1 is malformed",
	},
	{
		.name = "AAAA of 4 bytes",
		.qtype = DNS_TYPE_AAAA,
		.answer = RECORDS(1, WWW "\0\x1c\0\1" T60 "\0\4\0\0\0\1"),
		.bad = "record 1 is malformed",
	},
	{
		.name = "RDLENGTH past the end",
		.answer = RECORDS(1, WWW "\xff\1\0\1" T60 "\xff\xff\xcb\0\x71\7"),
		.bad = "record 1 is malformed",
	},
	{
		.name = "RDLENGTH longer than the CNAME",
		.answer = RECORDS(1, CNAME(WWW, T60, "\x0a", CDN) "\0"),
		.bad = "record 1 is malformed",
	},
	{
		.name = "RDLENGTH shorter than the CNAME",
		.answer = RECORDS(1, CNAME(WWW, T60, "\x08", CDN)),
		.bad = "record 1 is malformed",
	},
	{
		.name = "CNAME pointing at itself",
		.answer = RECORDS(1, CNAME(WWW, T60, "\2", "\xc0\x2b")),
		.bad = "record 1 is malformed",
	},
	{
		.name = "owner pointing forwards",
		.answer = RECORDS(1, A("\xc0\x30", T60, "\7")),
		.bad = "record 1 is malformed",
	},
	{
		.name = "second record cut",
		.answer = RECORDS(2, A(WWW, T60, "\7") WWW "\0\1\0\1"),
		.bad = "record 2 is malformed",
	},
	{
		.name = "fewer records than said",
		.answer = RECORDS(2, A(WWW, T60, "\7")),
		.bad = "record 2 is malformed",
	},
	{
		.name = "more records than said",
		.answer = RECORDS(1, A(WWW, T60, "\7") A(WWW, T60, "\7")),
		.bad = "16 bytes after the last record",
	},
	{
		.name = "a malformed record that nobody asked for",
		.answer = RECORDS(1, A(WWW, T60, "\7")),
		.additional = RECORDS(1, A("\xc0\xff", T60, "\7")),
		.bad = "record 2 is malformed",
	},
};

T(parse)
{
	T_EACH(row, rows)
	{
		const struct section sections[3] = { row->answer, row->authority, row->additional };
		const struct dns_asked *ask = asked(row->qtype ? row->qtype : DNS_TYPE_A);
		_cleanup_(buf_done) struct buf msg = { 0 };
		struct dns_answer a = { 0 };
		struct err e = { 0 };
		char text[ADDR_STR_MAX];

		put_answer(ask->qtype, row->rcode, sections, &msg);
		t_ok(dns_answer_matches(ask, buf_view(&msg)));
		if (row->bad) {
			t_ok(!dns_answer_parse(ask, buf_view(&msg), &a, &e));
			t_ok(strstr(e.msg, row->bad) != NULL);
			continue;
		}
		t_good(dns_answer_parse(ask, buf_view(&msg), &a, &e), e);
		t_eq_int(a.rcode, row->rcode);
		t_eq_int(a.n, row->n);
		t_ok(a.nodata == (a.rcode == DNS_NOERROR && row->n == 0));
		t_eq_int(a.ttl_s, row->ttl_s);
		t_eq_int(a.negative_ttl_s, row->negative_ttl_s);
		if (row->last)
			t_eq_str(addr_str(&a.addrs[a.n - 1], text), row->last);
	}
}

static const struct section one_address[3] = { RECORDS(1, A(WWW, T60, "\7")), NONE, NONE };

/* One bit of header or question changed: forged, or the answer to something else. */
static const struct {
	const char *name;
	size_t at;
	uint8_t flip;
	bool matches;
} forgeries[] = {
	{ "nothing", 0, 0, true },
	{ "id", 1, 1, false },
	{ "upper byte of the id", 0, 0x80, false },
	{ "a query", 2, 0x80, false },
	{ "opcode", 2, 0x08, false },
	{ "AA", 2, 0x04, true },
	{ "RA", 3, 0x80, true },
	{ "no question", 5, 1, false },
	{ "three questions", 5, 2, false },
	{ "letter", 13, 1, false },
	{ "letter's case", 13, 0x20, false },
	{ "last letter's case", 25, 0x20, false },
	{ "label length", 12, 1, false },
	{ "type", 28, 2, false },
	{ "class", 30, 2, false },
};

T(forged)
{
	T_EACH(row, forgeries)
	{
		_cleanup_(buf_done) struct buf msg = { 0 };
		struct dns_answer a;
		struct dns_relay r;
		struct err e = { 0 };

		put_answer(DNS_TYPE_A, 0, one_address, &msg);
		msg.p[row->at] = (char)((uint8_t)msg.p[row->at] ^ row->flip);
		t_ok(dns_answer_matches(asked(DNS_TYPE_A), buf_view(&msg)) == row->matches);
		t_ok(dns_answer_parse(asked(DNS_TYPE_A), buf_view(&msg), &a, &e) == row->matches);
		t_ok(dns_answer_check(asked(DNS_TYPE_A), buf_view(&msg), &r, &e) == row->matches);
	}
}

T(cut)
{
	_cleanup_(buf_done) struct buf msg = { 0 };
	struct dns_answer a;
	struct err e = { 0 };

	put_answer(DNS_TYPE_A, 0, one_address, &msg);
	for (size_t n = 0; n < msg.n; n++)
		t_ok(!dns_answer_parse(asked(DNS_TYPE_A), span_first(buf_view(&msg), n), &a, &e));
}

T(truncated)
{
	static const struct section cut[3] = { RECORDS(9, "\xc0"), NONE, NONE };
	_cleanup_(buf_done) struct buf msg = { 0 };
	struct dns_answer a = { 0 };
	struct dns_relay r = { 0 };
	struct err e = { 0 };

	put_answer(DNS_TYPE_A, DNS_FLAG_TC, cut, &msg);
	t_good(dns_answer_parse(asked(DNS_TYPE_A), buf_view(&msg), &a, &e), e);
	t_ok(a.truncated && a.n == 0 && !a.nodata);
	t_good(dns_answer_check(asked(DNS_TYPE_A), buf_view(&msg), &r, &e), e);
	t_ok(r.truncated);
}

/* A chain a.x -> b.x -> ... of so many CNAMEs, and an address at its end. */
static bool parse_chain(unsigned cnames)
{
	_cleanup_(buf_done) struct buf msg = { 0 };
	struct section sections[3] = { { (uint16_t)(cnames + 1), SPAN_LIT("") }, NONE, NONE };
	struct dns_answer a;
	struct err e = { 0 };

	put_answer(DNS_TYPE_A, 0, sections, &msg);
	for (unsigned i = 0; i < cnames; i++) {
		if (i == 0)
			buf_add(&msg, WWW, 2);
		else
			buf_fmt(&msg, "\1%c", 'a' + (int)i - 1);
		if (i > 0)
			buf_u8(&msg, 0);
		buf_add(&msg, "\0\5\0\1\0\0\0\x3c\0\3\1", 11);
		buf_u8(&msg, (uint8_t)('a' + i));
		buf_u8(&msg, 0);
	}
	buf_fmt(&msg, "\1%c", 'a' + (int)cnames - 1);
	buf_add(&msg, "\0\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\7", 15);
	return dns_answer_parse(asked(DNS_TYPE_A), buf_view(&msg), &a, &e) && a.n == 1;
}

T(chain_length)
{
	t_ok(parse_chain(1));
	t_ok(parse_chain(LIMIT_DNS_CHAIN));
	t_ok(!parse_chain(LIMIT_DNS_CHAIN + 1));
}

static bool parse_many(unsigned addresses, struct dns_answer *a, struct err *e)
{
	_cleanup_(buf_done) struct buf msg = { 0 };
	struct section sections[3] = { { (uint16_t)addresses, SPAN_LIT("") }, NONE, NONE };

	put_answer(DNS_TYPE_A, 0, sections, &msg);
	for (unsigned i = 0; i < addresses; i++)
		buf_add(&msg, A(WWW, T60, "\7"), 16);
	return dns_answer_parse(asked(DNS_TYPE_A), buf_view(&msg), a, e);
}

T(record_count)
{
	struct dns_answer a = { 0 };
	struct err e = { 0 };

	t_good(parse_many(LIMIT_DNS_ADDRESSES + 1, &a, &e), e);
	t_eq_int(a.n, LIMIT_DNS_ADDRESSES);
	t_good(parse_many(LIMIT_DNS_RECORDS, &a, &e), e);
	t_bad(parse_many(LIMIT_DNS_RECORDS + 1, &a, &e), e, ERR_LIMIT, "more than 256 records");
	t_bad(parse_many(4000, &a, &e), e, ERR_LIMIT, "more than 256 records");
}

T(query)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	struct dns_asked a = *asked(DNS_TYPE_AAAA);
	struct dns_question q;
	unsigned rcode;

	buf_init(&out, 512);
	a.case_seed = 5;
	dns_query_build(&a, &out);
	t_eq_int(out.n, 42);
	t_eq_mem(out.p,
		 "\x12\x34\1\0\0\1\0\0\0\0\0\1\3WwW\4good\4test\0\0\x1c\0\1"
		 "\0\0\x29\x04\xd0\0\0\0\0\0\0",
		 42);
	t_ok(dns_query_parse(buf_view(&out), &q, &rcode) == DNS_QUERY_OK);
	t_ok(name_eq(&q.name, &a.name) && q.qtype == a.qtype && q.id == a.id && q.edns);

	/* The server's echo matches; in other letters it does not. */
	out.p[2] = (char)0x80;
	t_ok(dns_answer_matches(&a, buf_view(&out)));
	a.case_seed = 4;
	t_ok(!dns_answer_matches(&a, buf_view(&out)));
}

/* Data of the types that are relayed. */
static const struct {
	const char *name;
	uint16_t qtype;
	struct section answer, additional;
	bool good;
} checks[] = {
	{
		.name = "MX",
		.qtype = 15,
		.answer = RECORDS(1, WWW "\0\x0f\0\1" T60 "\0\4\0\x0a\xc0\x10"),
		.good = true,
	},
	{
		.name = "MX without a name",
		.qtype = 15,
		.answer = RECORDS(1, WWW "\0\x0f\0\1" T60 "\0\2\0\x0a"),
	},
	{
		.name = "MX with a name past its end",
		.qtype = 15,
		.answer = RECORDS(1, WWW "\0\x0f\0\1" T60 "\0\5\0\x0a\3foo\0"),
	},
	{
		.name = "MX with a byte too many",
		.qtype = 15,
		.answer = RECORDS(1, WWW "\0\x0f\0\1" T60 "\0\5\0\x0a\xc0\x10\0"),
	},
	{
		.name = "TXT",
		.qtype = 16,
		.answer = RECORDS(1, WWW "\0\x10\0\1" T60 "\0\6\2ab\2cd"),
		.good = true,
	},
	{
		.name = "TXT of one empty string",
		.qtype = 16,
		.answer = RECORDS(1, WWW "\0\x10\0\1" T60 "\0\1\0"),
		.good = true,
	},
	{
		.name = "TXT of nothing",
		.qtype = 16,
		.answer = RECORDS(1, WWW "\0\x10\0\1" T60 "\0\0"),
	},
	{
		.name = "TXT string past its end",
		.qtype = 16,
		.answer = RECORDS(1, WWW "\0\x10\0\1" T60 "\0\4\2ab\2"),
	},
	{
		.name = "SRV",
		.qtype = 33,
		.answer = RECORDS(1, WWW "\0\x21\0\1" T60 "\0\x08\0\1\0\1\0\x50\xc0\x10"),
		.good = true,
	},
	{
		.name = "SRV too short",
		.qtype = 33,
		.answer = RECORDS(1, WWW "\0\x21\0\1" T60 "\0\3\0\1\0"),
	},
	{
		.name = "NS and PTR",
		.qtype = 2,
		.answer = RECORDS(2, WWW "\0\2\0\1" T60 "\0\2\xc0\x10" WWW "\0\x0c\0\1" T60
					 "\0\2\xc0\x10"),
		.good = true,
	},
	{
		.name = "SOA without its numbers",
		.qtype = 6,
		.answer = RECORDS(1, WWW "\0\6\0\1" T60 "\0\2\0\0"),
	},
	{
		.name = "an unknown type is opaque",
		.qtype = 999,
		.answer = RECORDS(1, WWW "\3\xe7\0\1" T60 "\0\3\xc0\xff\0"),
		.good = true,
	},
	{
		.name = "another class is opaque",
		.qtype = 999,
		.answer = RECORDS(1, WWW "\0\1\0\3" T60 "\0\1x"),
		.good = true,
	},
	{
		.name = "bad record in additional",
		.qtype = 15,
		.additional = RECORDS(1, WWW "\0\1\0\1" T60 "\0\1x"),
	},
};

T(check)
{
	T_EACH(row, checks)
	{
		_cleanup_(buf_done) struct buf msg = { 0 };
		const struct section sections[3] = { row->answer, NONE, row->additional };
		struct dns_relay r;
		struct err e = { 0 };

		put_answer(row->qtype, 0, sections, &msg);
		t_ok(dns_answer_check(asked(row->qtype), buf_view(&msg), &r, &e) == row->good);
	}
}

/* MX of www.good.test, asked for in mixed case by a client with another id. */
static struct dns_question mx_question(bool edns)
{
	struct dns_question q = { .id = 0x5678,
				  .flags = DNS_FLAG_RD,
				  .edns = edns,
				  .udp_size = 512,
				  .raw_len = 15,
				  .qtype = DNS_TYPE_MX,
				  .qclass = DNS_CLASS_IN };

	memcpy(q.raw_name, "\3wWw\4good\4TEST", 15);
	return q;
}

T(relay)
{
	static const struct section sections[3] = {
		RECORDS(1, WWW "\0\x0f\0\1" T60 "\0\4\0\x0a\xc0\x10"),
		RECORDS(1, GOOD "\0\2\0\1" T60 "\0\2\xc0\x10"),
		RECORDS(2, A(GOOD, T60, "\7") "\0\0\x29\x04\xd0\0\0\0\0\0\0"),
	};
	static const struct span want =
		SPAN_LIT("\x56\x78\x81\x80\0\1\0\1\0\1\0\1\3wWw\4good\4TEST\0\0\x0f\0\1" WWW
			 "\0\x0f\0\1" T60 "\0\4\0\x0a\xc0\x10" GOOD "\0\2\0\1" T60 "\0\2\xc0\x10"
			 "\0\0\x29\x04\xd0\0\0\0\0\0\0");
	_cleanup_(buf_done) struct buf msg = { 0 }, out = { 0 };
	const struct dns_question q = mx_question(true);
	struct dns_relay r = { 0 };
	struct err e = { 0 };

	put_answer(DNS_TYPE_MX, 0, sections, &msg);
	t_good(dns_answer_check(asked(DNS_TYPE_MX), buf_view(&msg), &r, &e), e);
	buf_init(&out, LIMIT_DNS_MESSAGE);
	dns_relay_build(&q, buf_view(&msg), &r, false, &out);
	t_eq_int(out.n, want.n);
	t_eq_mem(out.p, want.p, want.n);
}

T(relay_too_long)
{
	static char text[600];
	_cleanup_(buf_done) struct buf msg = { 0 }, out = { 0 }, txt = { 0 };
	const struct dns_question q = mx_question(false);
	struct section sections[3] = { { 1, { NULL, 0 } }, NONE, NONE };
	struct dns_relay r = { 0 };
	struct err e = { 0 };

	buf_init(&txt, 1024);
	buf_add(&txt, WWW "\xff\1\0\1" T60, 10);
	buf_u16(&txt, sizeof(text));
	buf_add(&txt, text, sizeof(text));
	sections[0].bytes = buf_view(&txt);
	put_answer(DNS_TYPE_MX, 0, sections, &msg);
	t_good(dns_answer_check(asked(DNS_TYPE_MX), buf_view(&msg), &r, &e), e);

	buf_init(&out, LIMIT_DNS_MESSAGE);
	dns_relay_build(&q, buf_view(&msg), &r, false, &out);
	t_eq_int(out.n, 31);
	t_eq_mem(out.p, "\x56\x78\x83\x80\0\1\0\0\0\0\0\0", 12);

	buf_clear(&out);
	dns_relay_build(&q, buf_view(&msg), &r, true, &out);
	t_eq_int(out.n, 31 + txt.n);
	t_eq_mem(out.p, "\x56\x78\x81\x80\0\1\0\1\0\0\0\0", 12);
}

T_MAIN(T_TEST(parse), T_TEST(forged), T_TEST(cut), T_TEST(truncated), T_TEST(chain_length),
       T_TEST(record_count), T_TEST(query), T_TEST(check), T_TEST(relay), T_TEST(relay_too_long))
