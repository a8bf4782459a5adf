/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS messages (RFC 1035, RFC 6891), both ways: the questions of clients and the answers they get,
 * our questions to the upstream resolver and the answers it gives.
 *
 *	client --dns_query_parse()--> question --(policy)--> dns_query_build() --> upstream
 *	client <--dns_reply_build()-- addresses <--dns_answer_parse()-- upstream
 *	client <--dns_relay_build()-- message   <--dns_answer_check()-- upstream (MX, TXT, ...)
 *
 * Everything here is pure: bytes in, values out, no sockets, no clock. A message is always whole
 * and without the two length bytes of TCP. Both sides are strangers: every loop is bounded by
 * limits.h, compression pointers go backwards only, and what does not parse to its last byte is
 * refused.
 */
#ifndef SALLYPORT_WIRE_DNS_H
#define SALLYPORT_WIRE_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"
#include "net/addr.h"
#include "net/name.h"

#define DNS_HEADER   12	 /* bytes */
#define DNS_NAME_MAX 255 /* bytes on the wire, the root's included: RFC 1035 2.3.4 */

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_DNAME = 39,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_SVCB = 64,
	DNS_TYPE_HTTPS = 65,
	DNS_TYPE_IXFR = 251,
	DNS_TYPE_AXFR = 252,
	DNS_TYPE_ANY = 255,
};

#define DNS_CLASS_IN 1

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16, /* RFC 6891 6.1.3; its upper bits stand in the OPT record */
};

/* Bits of the header's second word. */
#define DNS_FLAG_QR 0x8000U
#define DNS_FLAG_AA 0x0400U
#define DNS_FLAG_TC 0x0200U
#define DNS_FLAG_RD 0x0100U
#define DNS_FLAG_RA 0x0080U
#define DNS_FLAG_CD 0x0010U

/*
 * No policy can have this type forwarded: SVCB and HTTPS, which carry addresses and the keys that
 * hide a name from the check on 443; ANY, zone transfers and the other meta types, which are not
 * the records of one name. They are answered empty or refused.
 */
bool dns_type_refused(uint16_t type);

/* What a client asks. */
struct dns_question {
	uint16_t id;
	uint16_t flags;			/* of the query's header, as they came */
	bool edns;			/* the query has an OPT record */
	bool dnssec_ok;			/* its DO bit */
	uint16_t udp_size;		/* what it says it can take; with edns only */
	struct name name;		/* canonical; with DNS_QUERY_OK only */
	size_t raw_len;			/* 0: the question was not read, a reply cannot echo it */
	uint16_t qtype;			/* with raw_len */
	uint16_t qclass;		/* with raw_len */
	uint8_t raw_name[DNS_NAME_MAX]; /* as asked: labels with their lengths, to be echoed */
};

enum dns_query_status {
	DNS_QUERY_OK,	    /* all of *q holds */
	DNS_QUERY_BAD_NAME, /* all but q->name: no host name as name_parse() has it */
	DNS_QUERY_REJECT,   /* answer *rcode with dns_reply_build(); id, flags and raw_* hold */
	DNS_QUERY_DROP,	    /* not even a header, or itself an answer: say nothing */
};

/*
 * Reads a client's query. Exactly one question of class IN, no other record but at most one OPT,
 * nothing after it. *rcode is what a reply would say: NOERROR, NXDOMAIN for a bad name, FORMERR,
 * NOTIMP (an opcode other than QUERY), REFUSED (another class), BADVERS.
 */
enum dns_query_status dns_query_parse(struct span msg, struct dns_question *q, unsigned *rcode)
	_must_use_;

/* The asked name written out, for logs: other bytes as \xNN (span_show). Returns out. */
const char *dns_question_show(const struct dns_question *q, char *out, size_t size);

/* What a client is answered. */
struct dns_reply {
	unsigned rcode;
	const struct addr *addrs; /* borrowed; those that are not of the asked type are left out */
	size_t n_addrs;
	uint32_t ttl_s; /* of the addresses; of the denial when there are none (RFC 2308) */
	bool tcp;	/* the client is on TCP: 65535 bytes fit */
	bool truncated; /* say nothing but "ask again over TCP" */
};

/* How many bytes a reply to q may have: what the client can take, at most LIMIT_DNS_UDP on UDP. */
size_t dns_reply_max(const struct dns_question *q, bool tcp);

/*
 * Appends the reply, at most dns_reply_max() bytes: the question as asked, an address record each,
 * OPT when the query had it. NXDOMAIN and an empty NOERROR carry an SOA made up from the asked
 * name, so that resolvers remember them for ttl_s. What does not fit becomes TC without addresses.
 */
void dns_reply_build(const struct dns_question *q, const struct dns_reply *r, struct buf *out);

/* What we asked upstream, kept until the answer is there. */
struct dns_asked {
	struct name name;
	uint16_t qtype;
	uint16_t id;	    /* random */
	uint32_t case_seed; /* random: bit i % 32 makes letter i of the name upper case; 0: none */
};

/* Appends the query: RD, class IN, OPT with LIMIT_DNS_UDP, letters cased by case_seed. */
void dns_query_build(const struct dns_asked *a, struct buf *out);

/*
 * Is msg an answer to a: QR, opcode, id and the one question, its letters' case included? What is
 * not may be forged: go on waiting. The two readers below check the same first.
 */
bool dns_answer_matches(const struct dns_asked *a, struct span msg);

struct dns_answer {
	unsigned rcode; /* NOERROR, NXDOMAIN, SERVFAIL, ...: the lower four bits */
	bool truncated; /* ask again over TCP; nothing else was read */
	bool nodata;	/* NOERROR, but the chain ends in a name without such addresses */
	struct addr addrs[LIMIT_DNS_ADDRESSES];
	size_t n;
	uint32_t ttl_s;		 /* the least of the chain's records; with n > 0 */
	uint32_t negative_ttl_s; /* RFC 2308 5, of the SOA; 0 when there is none */
};

/*
 * Reads the answer to a question for A or AAAA. Only the CNAME chain that starts at the asked name
 * counts, in whatever order its records come, and only the addresses at its end; a DNAME counts
 * through the CNAME made from it. Addresses elsewhere are ignored. Refused: a chain longer than
 * LIMIT_DNS_CHAIN (which a loop is), two different CNAMEs at one name, more than LIMIT_DNS_RECORDS
 * records, an RDLENGTH that is not exactly the data's, bytes after the last record.
 * Addresses past LIMIT_DNS_ADDRESSES are left out.
 */
bool dns_answer_parse(const struct dns_asked *a, struct span msg, struct dns_answer *out,
		      struct err *e) _must_use_;

/* An answer that is handed on as it is. */
struct dns_relay {
	unsigned rcode; /* the lower four bits */
	bool truncated; /* ask again over TCP; nothing else was read */
	size_t end;	/* where the additional section begins */
	uint16_t n_answer;
	uint16_t n_authority;
};

/*
 * Reads the answer to a question of another type: every record of every section has to be well
 * formed, names within the data of the common types included.
 */
bool dns_answer_check(const struct dns_asked *a, struct span msg, struct dns_relay *out,
		      struct err *e) _must_use_;

/*
 * Appends that answer as the reply to q, whose name and type it was asked for: q's id and its
 * letters' case, the answer and authority sections, and OPT when q had it. The additional section
 * is left out: its addresses are nobody's question. TC and nothing else when it does not fit.
 */
void dns_relay_build(const struct dns_question *q, struct span msg, const struct dns_relay *r,
		     bool tcp, struct buf *out);

#endif
