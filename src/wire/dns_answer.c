/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side that faces the upstream resolver: our questions, its answers. */
#include <assert.h>

#include "base/cursor.h"
#include "base/macros.h"
#include "wire/dns.h"
#include "wire/dns_name.h"

#define OPCODE_MASK 0x7800U
#define RCODE_MASK  0x000fU

/* Places in the message, which a 16-bit offset reaches all of. */
struct record {
	uint32_t ttl_s;
	uint16_t owner;
	uint16_t type;
	uint16_t class;
	uint16_t data;
	uint16_t len;
};

/* A whole answer, read once from front to back. */
struct reading {
	struct cursor c; /* over the message; copies of it read names again */
	unsigned flags;
	uint16_t counts[3]; /* answer, authority, additional */
	size_t additional;  /* where that section begins */
	struct record answers[LIMIT_DNS_RECORDS];
	size_t n;
	struct record soa; /* the first of the authority section; type 0: none */
};

void dns_query_build(const struct dns_asked *a, struct buf *out)
{
	struct dns_name name;

	dns_name_from_text(&a->name, a->case_seed, &name);
	buf_u16(out, a->id);
	buf_u16(out, DNS_FLAG_RD);
	buf_u16(out, 1);
	buf_u16(out, 0);
	buf_u16(out, 0);
	buf_u16(out, 1);
	buf_add(out, name.b, name.len);
	buf_u16(out, a->qtype);
	buf_u16(out, DNS_CLASS_IN);
	buf_u8(out, 0); /* OPT, RFC 6891 6.1.2: size, no flags, no options */
	buf_u16(out, DNS_TYPE_OPT);
	buf_u16(out, LIMIT_DNS_UDP);
	buf_u32(out, 0);
	buf_u16(out, 0);
}

/* Reads header and question, which have to be the answer to a's. */
static bool read_head(const struct dns_asked *a, struct reading *r)
{
	struct dns_name name;
	uint16_t id = cur_u16(&r->c), questions;
	struct span asked;

	r->flags = cur_u16(&r->c);
	questions = cur_u16(&r->c);
	for (size_t i = 0; i < ARRAY_LEN(r->counts); i++)
		r->counts[i] = cur_u16(&r->c);
	if (id != a->id || !(r->flags & DNS_FLAG_QR) || r->flags & OPCODE_MASK || questions != 1)
		return false;
	dns_name_from_text(&a->name, a->case_seed, &name);
	asked = cur_take(&r->c, name.len);
	return span_eq(asked, span_bytes(name.b, name.len)) && cur_u16(&r->c) == a->qtype &&
	       cur_u16(&r->c) == DNS_CLASS_IN && cur_ok(&r->c);
}

bool dns_answer_matches(const struct dns_asked *a, struct span msg)
{
	struct reading r;

	r.c = cursor(msg.p, msg.n);
	return read_head(a, &r);
}

/* RFC 1035 3.3.14: strings, each with its length, at least one. */
static bool strings_ok(struct cursor data)
{
	do
		cur_skip(&data, cur_u8(&data));
	while (cur_left(&data));
	return cur_ok(&data);
}

/* The data of the types that have names in it, which may be compressed, or a fixed length. */
static const struct shape {
	uint16_t type;
	uint8_t before; /* bytes */
	uint8_t names;
	uint8_t after; /* bytes */
} shapes[] = {
	{ DNS_TYPE_A, 4, 0, 0 },     { DNS_TYPE_AAAA, 16, 0, 0 }, { DNS_TYPE_NS, 0, 1, 0 },
	{ DNS_TYPE_CNAME, 0, 1, 0 }, { DNS_TYPE_PTR, 0, 1, 0 },	  { DNS_TYPE_DNAME, 0, 1, 0 },
	{ DNS_TYPE_MX, 2, 1, 0 },    { DNS_TYPE_SRV, 6, 1, 0 },	  { DNS_TYPE_SOA, 0, 2, 20 },
};

/* `at` stands at the record's data. */
static bool data_ok(struct cursor at, const struct record *rec)
{
	struct dns_name name;

	if (rec->class != DNS_CLASS_IN)
		return true;
	if (rec->type == DNS_TYPE_TXT)
		return strings_ok(cur_sub(&at, rec->len));
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		if (shapes[i].type != rec->type)
			continue;
		cur_skip(&at, shapes[i].before);
		for (unsigned k = 0; k < shapes[i].names; k++)
			if (!dns_name_read(&at, &name))
				return false;
		cur_skip(&at, shapes[i].after);
		return cur_ok(&at) && at.at == (size_t)rec->data + rec->len;
	}
	return true;
}

static bool read_record(struct reading *r, struct record *rec)
{
	struct dns_name owner;

	rec->owner = (uint16_t)r->c.at;
	if (!dns_name_read(&r->c, &owner))
		return false;
	rec->type = cur_u16(&r->c);
	rec->class = cur_u16(&r->c);
	rec->ttl_s = cur_u32(&r->c);
	if (rec->ttl_s > INT32_MAX)
		rec->ttl_s = 0; /* RFC 2181 8 */
	rec->len = cur_u16(&r->c);
	rec->data = (uint16_t)r->c.at;
	if (!data_ok(r->c, rec))
		return false;
	cur_skip(&r->c, rec->len);
	return cur_ok(&r->c);
}

static void keep_record(struct reading *r, size_t section, const struct record *rec)
{
	if (rec->class != DNS_CLASS_IN)
		return;
	if (section == 0)
		r->answers[r->n++] = *rec;
	else if (section == 1 && rec->type == DNS_TYPE_SOA && r->soa.type == 0)
		r->soa = *rec;
}

static bool read_sections(struct reading *r, struct err *e)
{
	struct record rec;
	size_t total = 0;

	for (size_t s = 0; s < ARRAY_LEN(r->counts); s++) {
		if (s == 2)
			r->additional = r->c.at;
		for (size_t i = 0; i < r->counts[s]; i++) {
			if (++total > LIMIT_DNS_RECORDS)
				return err_set(e, ERR_LIMIT, "answer of more than %d records",
					       LIMIT_DNS_RECORDS);
			if (!read_record(r, &rec))
				return err_set(e, ERR_INVALID, "record %zu is malformed", total);
			keep_record(r, s, &rec);
		}
	}
	if (cur_left(&r->c))
		return err_set(e, ERR_INVALID, "%zu bytes after the last record", cur_left(&r->c));
	return true;
}

/* Reads all of it, or no more than header and question when it is truncated. */
static bool read_answer(const struct dns_asked *a, struct span msg, struct reading *r,
			struct err *e)
{
	r->c = cursor(msg.p, msg.n);
	r->n = 0;
	r->soa.type = 0;
	if (msg.n > LIMIT_DNS_MESSAGE)
		return err_set(e, ERR_LIMIT, "answer of more than %u bytes", LIMIT_DNS_MESSAGE);
	if (!read_head(a, r))
		return err_set(e, ERR_INVALID, "not the answer to our question");
	return r->flags & DNS_FLAG_TC || read_sections(r, e);
}

/* The name at a place where one was read before. */
static void name_at(const struct reading *r, uint16_t at, struct dns_name *out)
{
	struct cursor c = cursor(r->c.p, r->c.n);
	bool ok;

	c.at = at;
	ok = dns_name_read(&c, out);
	assert(ok);
	(void)ok;
}

static bool owned_by(const struct reading *r, const struct record *rec, const struct dns_name *name)
{
	struct dns_name owner;

	name_at(r, rec->owner, &owner);
	return dns_name_eq(&owner, name);
}

/* One step of the chain: *name becomes what its CNAME says. *found is false at the end. */
static bool follow(const struct reading *r, struct dns_name *name, uint32_t *ttl_s, bool *found,
		   struct err *e)
{
	struct dns_name target, next = { 0 };

	*found = false;
	for (size_t i = 0; i < r->n; i++) {
		const struct record *rec = &r->answers[i];

		if (rec->type != DNS_TYPE_CNAME || !owned_by(r, rec, name))
			continue;
		name_at(r, rec->data, &target);
		/* RFC 2181 10.1 */
		if (*found && !dns_name_eq(&target, &next))
			return err_set(e, ERR_INVALID, "two CNAMEs at one name");
		*found = true;
		*ttl_s = MIN(*ttl_s, rec->ttl_s);
		next = target;
	}
	if (*found)
		*name = next;
	return true;
}

/* *name becomes the end of its chain. */
static bool follow_all(const struct reading *r, struct dns_name *name, uint32_t *ttl_s,
		       struct err *e)
{
	bool found = true;

	for (unsigned i = 0; i <= LIMIT_DNS_CHAIN; i++) {
		if (!follow(r, name, ttl_s, &found, e))
			return false;
		if (!found)
			return true;
	}
	return err_set(e, ERR_LIMIT, "chain of more than %d CNAMEs, or a loop", LIMIT_DNS_CHAIN);
}

static void collect(const struct reading *r, uint16_t qtype, const struct dns_name *name,
		    struct dns_answer *out)
{
	for (size_t i = 0; i < r->n && out->n < LIMIT_DNS_ADDRESSES; i++) {
		const struct record *rec = &r->answers[i];
		const uint8_t *data = r->c.p + rec->data;

		if (rec->type != qtype || !owned_by(r, rec, name))
			continue;
		out->addrs[out->n++] = qtype == DNS_TYPE_A ? addr_from_v4(data) :
							     addr_from_v6(data);
		out->ttl_s = MIN(out->ttl_s, rec->ttl_s);
	}
}

/* The SOA speaks for the name only when its zone holds the name. */
static uint32_t negative_ttl(const struct reading *r, const struct dns_name *name)
{
	struct cursor last = cursor(r->c.p, r->c.n);
	struct dns_name zone;
	uint32_t minimum;

	if (r->soa.type == 0)
		return 0;
	name_at(r, r->soa.owner, &zone);
	if (!dns_name_within(name, &zone))
		return 0;
	last.at = (size_t)r->soa.data + r->soa.len - 4;
	minimum = cur_u32(&last);
	return MIN(r->soa.ttl_s, minimum);
}

bool dns_answer_parse(const struct dns_asked *a, struct span msg, struct dns_answer *out,
		      struct err *e)
{
	struct dns_answer answer = { .ttl_s = UINT32_MAX };
	struct reading r;
	struct dns_name name;

	assert(a->qtype == DNS_TYPE_A || a->qtype == DNS_TYPE_AAAA);
	if (!read_answer(a, msg, &r, e))
		return false;
	answer.rcode = r.flags & RCODE_MASK;
	answer.truncated = r.flags & DNS_FLAG_TC;
	if (!answer.truncated) {
		dns_name_from_text(&a->name, 0, &name);
		if (!follow_all(&r, &name, &answer.ttl_s, e))
			return false;
		if (answer.rcode == DNS_NOERROR)
			collect(&r, a->qtype, &name, &answer);
		answer.nodata = answer.rcode == DNS_NOERROR && answer.n == 0;
		answer.negative_ttl_s = negative_ttl(&r, &name);
	}
	if (answer.n == 0)
		answer.ttl_s = 0;
	*out = answer;
	return true;
}

bool dns_answer_check(const struct dns_asked *a, struct span msg, struct dns_relay *out,
		      struct err *e)
{
	struct reading r;

	if (!read_answer(a, msg, &r, e))
		return false;
	*out = (struct dns_relay){
		.rcode = r.flags & RCODE_MASK,
		.truncated = r.flags & DNS_FLAG_TC,
	};
	if (!out->truncated) {
		out->end = r.additional;
		out->n_answer = r.counts[0];
		out->n_authority = r.counts[1];
	}
	return true;
}
