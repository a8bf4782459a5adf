/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side that faces clients: their questions, our replies. */
#include <assert.h>
#include <stdio.h>

#include "base/cursor.h"
#include "base/macros.h"
#include "wire/dns.h"
#include "wire/dns_name.h"

#define OPCODE_MASK 0x7800U
#define OPT_DO	    0x8000U
#define OPT_BYTES   11	/* RFC 6891 6.1.2, without options */
#define UDP_MIN	    512 /* RFC 1035 4.2.1 */

/* No pointer is in the name, for nothing stands in front of it that it could point to. */
static bool read_question(struct cursor *c, struct dns_question *q, struct dns_name *name)
{
	if (!dns_name_read(c, name))
		return false;
	q->qtype = cur_u16(c);
	q->qclass = cur_u16(c);
	if (!cur_ok(c))
		return false;
	memcpy(q->raw_name, name->b, name->len);
	q->raw_len = name->len;
	return true;
}

/* The OPT record; the options in it have to add up, none of them matters to us. */
static bool read_opt(struct cursor *c, struct dns_question *q, uint8_t *version)
{
	uint8_t owner = cur_u8(c);
	uint16_t type = cur_u16(c), size = cur_u16(c), flags;
	struct cursor options;

	cur_skip(c, 1); /* the upper bits of an rcode, which a query has none of */
	*version = cur_u8(c);
	flags = cur_u16(c);
	options = cur_sub(c, cur_u16(c));
	if (!cur_ok(c) || owner != 0 || type != DNS_TYPE_OPT)
		return false;
	while (cur_left(&options)) {
		cur_skip(&options, 2);
		cur_skip(&options, cur_u16(&options));
	}
	if (!cur_ok(&options))
		return false;
	q->edns = true;
	q->udp_size = size;
	q->dnssec_ok = flags & OPT_DO;
	return true;
}

static enum dns_query_status reject(unsigned *rcode, unsigned why)
{
	*rcode = why;
	return DNS_QUERY_REJECT;
}

enum dns_query_status dns_query_parse(struct span msg, struct dns_question *q, unsigned *rcode)
{
	struct cursor c = cursor(msg.p, msg.n);
	uint16_t questions, answers, authorities, additionals;
	struct dns_name name;
	uint8_t version = 0;

	*q = (struct dns_question){ .id = cur_u16(&c) };
	q->flags = cur_u16(&c);
	questions = cur_u16(&c);
	answers = cur_u16(&c);
	authorities = cur_u16(&c);
	additionals = cur_u16(&c);
	if (!cur_ok(&c) || q->flags & DNS_FLAG_QR)
		return DNS_QUERY_DROP;
	if (q->flags & OPCODE_MASK)
		return reject(rcode, DNS_NOTIMP);
	if (questions != 1 || answers || authorities || additionals > 1)
		return reject(rcode, DNS_FORMERR);
	if (!read_question(&c, q, &name) || (additionals && !read_opt(&c, q, &version)) ||
	    cur_left(&c))
		return reject(rcode, DNS_FORMERR);
	if (version != 0)
		return reject(rcode, DNS_BADVERS);
	if (q->qclass != DNS_CLASS_IN)
		return reject(rcode, DNS_REFUSED);
	if (!dns_name_to_text(&name, &q->name)) {
		*rcode = DNS_NXDOMAIN;
		return DNS_QUERY_BAD_NAME;
	}
	*rcode = DNS_NOERROR;
	return DNS_QUERY_OK;
}

const char *dns_question_show(const struct dns_question *q, char *out, size_t size)
{
	char text[4 * DNS_NAME_MAX];
	size_t used = 0, at = 0;

	while (at < q->raw_len && q->raw_name[at] != 0) {
		size_t end = at + 1 + q->raw_name[at];

		if (used)
			text[used++] = '.';
		for (at++; at < end; at++) {
			char ch = (char)q->raw_name[at];
			bool plain = ch > ' ' && ch <= '~' && !strchr(".\"\\", ch);

			/* One byte is four at most, and each label's length byte one dot. */
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 plain ? "%c" : "\\x%02x", (unsigned char)ch);
		}
	}
	(void)snprintf(out, size, "%.*s", (int)used, used ? text : "");
	return out;
}

size_t dns_reply_max(const struct dns_question *q, bool tcp)
{
	if (tcp)
		return LIMIT_DNS_MESSAGE;
	if (!q->edns || q->udp_size < UDP_MIN)
		return UDP_MIN;
	return MIN(q->udp_size, LIMIT_DNS_UDP);
}

struct counts {
	size_t answer, authority;
};

/* The header and the question; rcode may have the upper bits that only OPT can hold. */
static void put_head(const struct dns_question *q, unsigned rcode, bool truncated, struct counts n,
		     struct buf *out)
{
	unsigned flags = DNS_FLAG_QR | DNS_FLAG_RA | (rcode & 0xf);

	flags |= q->flags & (OPCODE_MASK | DNS_FLAG_RD | DNS_FLAG_CD);
	flags |= truncated ? DNS_FLAG_TC : 0;
	buf_u16(out, q->id);
	buf_u16(out, (uint16_t)flags);
	buf_u16(out, q->raw_len ? 1 : 0);
	buf_u16(out, (uint16_t)n.answer);
	buf_u16(out, (uint16_t)n.authority);
	buf_u16(out, q->edns ? 1 : 0);
	if (q->raw_len) {
		buf_add(out, q->raw_name, q->raw_len);
		buf_u16(out, q->qtype);
		buf_u16(out, q->qclass);
	}
}

static size_t opt_bytes(const struct dns_question *q)
{
	return q->edns ? OPT_BYTES : 0;
}

static void put_opt(const struct dns_question *q, unsigned rcode, struct buf *out)
{
	if (!q->edns)
		return;
	buf_u8(out, 0);
	buf_u16(out, DNS_TYPE_OPT);
	buf_u16(out, LIMIT_DNS_UDP);
	buf_u8(out, (uint8_t)(rcode >> 4));
	buf_u8(out, 0);
	buf_u16(out, q->dnssec_ok ? OPT_DO : 0); /* RFC 3225 3: copied */
	buf_u16(out, 0);
}

/* A record of the asked name, to its data, whose length is given. */
static void put_record(uint16_t type, uint32_t ttl_s, uint16_t len, struct buf *out)
{
	buf_u16(out, 0xc000 | DNS_HEADER); /* points to the question */
	buf_u16(out, type);
	buf_u16(out, DNS_CLASS_IN);
	buf_u32(out, ttl_s);
	buf_u16(out, len);
}

/* RFC 2308 3: how long a denial may be remembered is the lesser of the TTL and the last field. */
static void put_soa(uint32_t ttl_s, struct buf *out)
{
	put_record(DNS_TYPE_SOA, ttl_s, 2 + 5 * 4, out);
	buf_u8(out, 0); /* server and mailbox: the root, for there are none */
	buf_u8(out, 0);
	buf_u32(out, 1);    /* serial */
	buf_u32(out, 3600); /* refresh, retry, expire: nobody transfers this zone */
	buf_u32(out, 600);
	buf_u32(out, 86400);
	buf_u32(out, ttl_s);
}

static bool wanted(const struct dns_question *q, const struct addr *a)
{
	return (q->qtype == DNS_TYPE_A && a->family == AF_INET) ||
	       (q->qtype == DNS_TYPE_AAAA && a->family == AF_INET6);
}

static size_t count_wanted(const struct dns_question *q, const struct dns_reply *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_addrs; i++)
		n += wanted(q, &r->addrs[i]);
	return n;
}

void dns_reply_build(const struct dns_question *q, const struct dns_reply *r, struct buf *out)
{
	size_t head = DNS_HEADER + q->raw_len + 4 + opt_bytes(q);
	size_t record = 12 + (q->qtype == DNS_TYPE_A ? 4 : 16);
	size_t n = r->rcode == DNS_NOERROR && q->raw_len ? count_wanted(q, r) : 0;
	bool truncated = r->truncated || head + n * record > dns_reply_max(q, r->tcp);
	bool denial = !truncated && q->raw_len && n == 0 &&
		      (r->rcode == DNS_NOERROR || r->rcode == DNS_NXDOMAIN);

	if (truncated)
		n = 0;
	put_head(q, r->rcode, truncated, (struct counts){ n, denial }, out);
	for (size_t i = 0; n > 0 && i < r->n_addrs; i++) {
		const struct addr *a = &r->addrs[i];

		if (!wanted(q, a))
			continue;
		put_record(q->qtype, r->ttl_s, (uint16_t)addr_size(a), out);
		buf_add(out, a->bytes, addr_size(a));
	}
	if (denial)
		put_soa(r->ttl_s, out);
	put_opt(q, r->rcode, out);
}

void dns_relay_build(const struct dns_question *q, struct span msg, const struct dns_relay *r,
		     bool tcp, struct buf *out)
{
	/* The names inside keep their places: the question differs in its letters' case only. */
	size_t start = DNS_HEADER + q->raw_len + 4;
	bool truncated = r->truncated || r->end + opt_bytes(q) > dns_reply_max(q, tcp);
	struct counts n = { r->n_answer, r->n_authority };

	assert(truncated || (start <= r->end && r->end <= msg.n));
	put_head(q, r->rcode, truncated, truncated ? (struct counts){ 0, 0 } : n, out);
	if (!truncated)
		buf_add(out, msg.p + start, r->end - start);
	put_opt(q, r->rcode, out);
}
