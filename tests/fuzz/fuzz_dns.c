/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS messages. The first byte says what the rest is: 0 a client's query; 1 an answer for A, 2 for
 * AAAA, 3 for MX: of these only flags, section counts and what follows the question, for a random
 * question would never be the one that was asked.
 */
#include <assert.h>

#include "base/cursor.h"
#include "wire/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SENT "\3WWW\4gOOd\4test" /* the question's name under SEED */
#define SEED 0x37
#define ID   0x1234

static struct dns_asked asked(uint16_t qtype)
{
	struct dns_asked a = { .qtype = qtype, .id = ID, .case_seed = SEED };
	struct err e;
	bool ok = name_parse(SPAN_LIT("www.good.test"), &a.name, &e);

	assert(ok);
	return a;
}

/* A reply is no query, echoes id and question, and is no longer than the client can take. */
static void check_reply(const struct dns_question *q, bool tcp, const struct buf *reply)
{
	struct cursor c = cursor(reply->p, reply->n);
	struct dns_question again;
	unsigned rcode;

	assert(buf_ok(reply) && reply->n <= dns_reply_max(q, tcp));
	assert(dns_query_parse(buf_view(reply), &again, &rcode) == DNS_QUERY_DROP);
	assert(cur_u16(&c) == q->id);
	cur_skip(&c, 2);
	assert(cur_u16(&c) == (q->raw_len ? 1 : 0));
	cur_skip(&c, 6);
	assert(span_eq(cur_take(&c, q->raw_len), span_bytes(q->raw_name, q->raw_len)));
}

static void reply_to(const struct dns_question *q, unsigned rcode)
{
	struct addr addrs[2 * LIMIT_DNS_ADDRESSES];

	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++)
		addrs[i] = i % 3 ? addr_from_v4("\xcb\0\x71\7") : addr_from_v6("0123456789abcdef");
	for (unsigned tcp = 0; tcp < 2; tcp++) {
		struct dns_reply r = { .rcode = rcode, .addrs = addrs, .ttl_s = 60, .tcp = tcp };
		struct buf out;

		for (r.n_addrs = 0; r.n_addrs <= 64; r.n_addrs += 32) {
			buf_init(&out, LIMIT_DNS_MESSAGE);
			dns_reply_build(q, &r, &out);
			check_reply(q, tcp, &out);
			buf_done(&out);
		}
	}
}

/* What we would ask upstream for the client reads back as the same question. */
static void ask_again(const struct dns_question *q)
{
	struct dns_asked a = { q->name, q->qtype, q->id, q->name.len * 2654435761U };
	struct dns_question again;
	struct buf out;
	unsigned rcode;

	buf_init(&out, 512);
	dns_query_build(&a, &out);
	assert(buf_ok(&out));
	assert(dns_query_parse(buf_view(&out), &again, &rcode) == DNS_QUERY_OK);
	assert(name_eq(&again.name, &q->name) && again.qtype == q->qtype && again.id == q->id);
	buf_done(&out);
}

static void run_query(struct span msg)
{
	char shown[4 * DNS_NAME_MAX];
	struct dns_question q;
	unsigned rcode = 0;
	enum dns_query_status status = dns_query_parse(msg, &q, &rcode);

	if (status == DNS_QUERY_DROP)
		return;
	assert((status == DNS_QUERY_OK) == (rcode == DNS_NOERROR));
	assert(strlen(dns_question_show(&q, shown, sizeof(shown))) < sizeof(shown));
	reply_to(&q, rcode);
	if (status != DNS_QUERY_OK)
		return;
	assert(q.raw_len == q.name.len + 2U);
	ask_again(&q);
}

/* The message, whole: header and question before the given bytes. */
static bool put_answer(const struct dns_asked *a, struct span rest, struct buf *out)
{
	struct cursor c = cursor(rest.p, rest.n);

	buf_init(out, LIMIT_DNS_MESSAGE);
	buf_u16(out, a->id);
	buf_u16(out, (cur_u16(&c) & 0x87ffU) | DNS_FLAG_QR);
	buf_u16(out, 1);
	buf_span(out, cur_take(&c, 6));
	buf_add(out, SENT, sizeof(SENT));
	buf_u16(out, a->qtype);
	buf_u16(out, DNS_CLASS_IN);
	buf_span(out, cur_take(&c, cur_left(&c)));
	return cur_ok(&c) && buf_ok(out);
}

static bool same_addresses(const struct dns_answer *a, const struct dns_answer *b)
{
	if (a->n != b->n || a->ttl_s != b->ttl_s)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!addr_eq(&a->addrs[i], &b->addrs[i]))
			return false;
	return true;
}

/* Without its additional section the answer says the same. */
static void cut_additional(const struct dns_asked *a, struct buf *msg,
			   const struct dns_answer *answer)
{
	struct dns_relay r;
	struct dns_answer less;
	struct err e;
	bool ok = dns_answer_check(a, buf_view(msg), &r, &e);

	assert(ok && r.rcode == answer->rcode && r.truncated == answer->truncated);
	if (r.truncated)
		return;
	msg->n = r.end;
	buf_put_u16(msg, 10, 0);
	ok = dns_answer_parse(a, buf_view(msg), &less, &e);
	assert(ok && same_addresses(answer, &less));
}

static void run_addresses(uint16_t qtype, struct span rest)
{
	const struct dns_asked a = asked(qtype);
	struct dns_answer answer;
	struct err e;
	struct buf msg;

	if (put_answer(&a, rest, &msg)) {
		assert(dns_answer_matches(&a, buf_view(&msg)));
		if (dns_answer_parse(&a, buf_view(&msg), &answer, &e)) {
			assert(answer.n <= LIMIT_DNS_ADDRESSES);
			assert(!answer.n || (answer.rcode == DNS_NOERROR && !answer.truncated));
			for (size_t i = 0; i < answer.n; i++)
				assert((answer.addrs[i].family == AF_INET) ==
				       (qtype == DNS_TYPE_A));
			cut_additional(&a, &msg, &answer);
		}
	}
	buf_done(&msg);
}

/* What is relayed is an answer to the client's own question. */
static void run_relay(struct span rest)
{
	const struct dns_asked a = asked(DNS_TYPE_MX), client = { a.name, a.qtype, 0x5678, 0 };
	struct dns_question q;
	struct dns_relay r, again;
	struct err e;
	struct buf msg, query, out;
	unsigned rcode;

	buf_init(&query, 512);
	buf_init(&out, LIMIT_DNS_MESSAGE);
	dns_query_build(&client, &query);
	assert(dns_query_parse(buf_view(&query), &q, &rcode) == DNS_QUERY_OK);
	if (put_answer(&a, rest, &msg) && dns_answer_check(&a, buf_view(&msg), &r, &e)) {
		dns_relay_build(&q, buf_view(&msg), &r, rest.n % 2, &out);
		check_reply(&q, rest.n % 2, &out);
		/* Our OPT can be one record more than we read ourselves. */
		assert(dns_answer_check(&client, buf_view(&out), &again, &e) ?
			       again.rcode == r.rcode :
			       e.kind == ERR_LIMIT);
	}
	buf_done(&msg);
	buf_done(&query);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest;

	if (size < 1)
		return 0;
	rest = span_bytes(data + 1, size - 1);
	switch (data[0]) {
	case 0:
		run_query(rest);
		break;
	case 1:
		run_addresses(DNS_TYPE_A, rest);
		break;
	case 2:
		run_addresses(DNS_TYPE_AAAA, rest);
		break;
	case 3:
		run_relay(rest);
		break;
	default:
		break;
	}
	return 0;
}
