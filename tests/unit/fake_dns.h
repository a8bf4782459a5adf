/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A name server inside the test's own event loop, on a port of the loopback, that does to each
 * question what the test has put down for it. */
#ifndef SALLYPORT_TESTS_UNIT_FAKE_DNS_H
#define SALLYPORT_TESTS_UNIT_FAKE_DNS_H

#include <ctype.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/fd.h"
#include "gate/gate.h"
#include "gate/watch.h"
#include "gate_help.h"
#include "wire/dns.h"

enum deed {
	ANSWER, /* A: 203.0.113.1 and .2; AAAA: 2001:db8::1; else "hi" */
	SILENT,
	NXDOMAIN,
	NODATA,
	SERVFAIL,
	REFUSED,
	TRUNCATED,
	MALFORMED, /* it says there are records, and there are none */
	OWN_CASE,  /* answers with the name in small letters */
	FORGED_ID, /* first an answer that is not from it, with other addresses, then its own */
	FORGED_CASE,
	FORGED_NAME,
	FORGED_TYPE,
	FORGED_SOURCE, /* from another port */
	FORGED_QUERY,  /* no answer but a question */
	FORGED_ONLY,
	CLOSES,	   /* TCP: no answer */
	IN_PIECES, /* TCP: with time between, the first of one byte */
};

#define DEEDS_MAX 6

struct server {
	uv_loop_t *loop;
	uint16_t port;
	const enum deed *udp_deeds, *tcp_deeds; /* one for each question; the last goes on */
	size_t n_udp, n_tcp;
	uint32_t ttl_s;
	unsigned asked_udp, asked_tcp;
	unsigned upper; /* upper case letters in all questions so far */
	struct watch *udp, *listener, *stream;
	struct timer *slow;
	struct buf in, out;
	bool first_piece;
};

static inline void flip_case(uint8_t *letter)
{
	*letter ^= 0x20;
}

static inline void put_soa(struct buf *out, uint32_t ttl_s)
{
	buf_add(out, "\xc0\x0c\0\x06\0\1", 6);
	buf_u32(out, ttl_s);
	buf_u16(out, 2 + 5 * 4);
	buf_u16(out, 0); /* two roots */
	for (int i = 0; i < 4; i++)
		buf_u32(out, 1);
	buf_u32(out, ttl_s);
}

static inline void put_record(struct buf *out, uint16_t type, uint32_t ttl_s, struct span data)
{
	buf_add(out, "\xc0\x0c", 2);
	buf_u16(out, type);
	buf_u16(out, DNS_CLASS_IN);
	buf_u32(out, ttl_s);
	buf_u16(out, (uint16_t)data.n);
	buf_span(out, data);
}

/* The records of an answer; forged ones have other addresses. How many. */
static inline uint16_t put_records(struct buf *out, uint16_t qtype, uint32_t ttl_s, bool forged)
{
	if (qtype == DNS_TYPE_A) {
		put_record(out, qtype, ttl_s,
			   forged ? SPAN_LIT("\xc6\x33\x64\x66") : SPAN_LIT("\xcb\0\x71\1"));
		put_record(out, qtype, ttl_s + 100,
			   forged ? SPAN_LIT("\xc6\x33\x64\x67") : SPAN_LIT("\xcb\0\x71\2"));
		return 2;
	}
	put_record(out, qtype, ttl_s,
		   qtype == DNS_TYPE_AAAA ? SPAN_LIT("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1") :
					    SPAN_LIT("\2hi"));
	return 1;
}

static inline unsigned deed_rcode(enum deed deed)
{
	switch (deed) {
	case NXDOMAIN:
		return DNS_NXDOMAIN;
	case SERVFAIL:
		return DNS_SERVFAIL;
	case REFUSED:
		return DNS_REFUSED;
	default:
		return DNS_NOERROR;
	}
}

static inline bool has_records(enum deed deed)
{
	return deed != NXDOMAIN && deed != NODATA && deed != SERVFAIL && deed != REFUSED &&
	       deed != TRUNCATED;
}

/* One message that does the deed. */
static inline void put_message(const struct dns_question *q, enum deed deed, uint32_t ttl_s,
			       struct buf *out)
{
	bool forged = deed >= FORGED_ID && deed <= FORGED_ONLY;
	size_t start = out->n;
	uint8_t name[DNS_NAME_MAX];

	memcpy(name, q->raw_name, q->raw_len);
	if (deed == FORGED_CASE)
		flip_case(&name[1]);
	if (deed == FORGED_NAME)
		name[1] = (uint8_t)(isupper(name[1]) ? 'Z' : 'z');
	for (size_t i = 0; deed == OWN_CASE && i < q->raw_len; i++)
		name[i] = (uint8_t)tolower(name[i]);
	buf_u16(out, deed == FORGED_ID || deed == FORGED_ONLY ? (uint16_t)(q->id + 1) : q->id);
	buf_u16(out, (uint16_t)((deed == FORGED_QUERY ? 0x0100 : 0x8180) | deed_rcode(deed) |
				(deed == TRUNCATED ? DNS_FLAG_TC : 0)));
	buf_add(out, "\0\1\0\0\0\0\0\0", 8);
	buf_add(out, name, q->raw_len);
	buf_u16(out, (uint16_t)(q->qtype ^ (deed == FORGED_TYPE ? 2 : 0)));
	buf_u16(out, q->qclass);
	if (deed == MALFORMED) {
		buf_put_u16(out, start + 6, 1);
	} else if (has_records(deed)) {
		buf_put_u16(out, start + 6, put_records(out, q->qtype, ttl_s, forged));
	} else if (deed == NXDOMAIN || deed == NODATA) {
		put_soa(out, ttl_s);
		buf_put_u16(out, start + 8, 1);
	}
}

static inline enum deed next_deed(const enum deed *deeds, size_t n, unsigned asked)
{
	return n ? deeds[MIN((size_t)asked, n - 1)] : SILENT;
}

/* The question in msg, which has to be one that our own reader takes. */
static inline struct dns_question question_of(struct server *s, struct span msg)
{
	struct dns_question q;
	unsigned rcode;

	t_eq_int(dns_query_parse(msg, &q, &rcode), DNS_QUERY_OK);
	t_ok(q.edns && q.udp_size == LIMIT_DNS_UDP && q.flags == DNS_FLAG_RD);
	for (size_t i = 0; i < q.raw_len; i++)
		s->upper += isupper(q.raw_name[i]) != 0;
	return q;
}

static inline void send_datagram(struct server *s, const struct dns_question *q, enum deed deed,
				 const union sockaddr_any *to, socklen_t len)
{
	struct buf out;
	int fd = watch_fd(s->udp);

	if (deed == SILENT || deed == CLOSES)
		return;
	if (deed == FORGED_SOURCE)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	buf_init(&out, LIMIT_DNS_UDP);
	put_message(q, deed, s->ttl_s, &out);
	t_ok(sendto(fd, out.p, out.n, 0, &to->sa, len) == (ssize_t)out.n);
	buf_done(&out);
	if (deed == FORGED_SOURCE)
		(void)close(fd);
	if (deed >= FORGED_ID && deed < FORGED_ONLY)
		send_datagram(s, q, ANSWER, to, len);
}

static inline void server_on_udp(void *ctx, int events)
{
	struct server *s = ctx;
	union sockaddr_any from;
	socklen_t len = sizeof(from);
	char msg[LIMIT_DNS_UDP];
	ssize_t n = recvfrom(watch_fd(s->udp), msg, sizeof(msg), 0, &from.sa, &len);
	struct dns_question q;

	(void)events;
	if (n < 0)
		return; /* the answer to an earlier one found nobody */
	q = question_of(s, span_bytes(msg, (size_t)n));
	send_datagram(s, &q, next_deed(s->udp_deeds, s->n_udp, s->asked_udp++), &from, len);
}

static inline void server_on_slow(void *ctx)
{
	struct server *s = ctx;
	size_t n;

	if (!s->stream || !s->out.n)
		return;
	n = s->first_piece ? 1 : MIN(s->out.n, (size_t)20);
	s->first_piece = false;
	(void)send(watch_fd(s->stream), s->out.p, n, MSG_NOSIGNAL);
	buf_drop(&s->out, n);
	timer_restart(s->slow, 10);
}

static inline void answer_stream(struct server *s, struct span msg)
{
	struct dns_question q = question_of(s, msg);
	enum deed deed = next_deed(s->tcp_deeds, s->n_tcp, s->asked_tcp++);

	if (deed == CLOSES) {
		watch_close(s->stream);
		s->stream = NULL;
		return;
	}
	if (deed == SILENT)
		return;
	buf_clear(&s->out);
	buf_u16(&s->out, 0);
	put_message(&q, deed, s->ttl_s, &s->out);
	buf_put_u16(&s->out, 0, (uint16_t)(s->out.n - 2));
	s->first_piece = deed == IN_PIECES;
	if (deed == IN_PIECES)
		timer_restart(s->slow, 10);
	else
		(void)send(watch_fd(s->stream), s->out.p, s->out.n, MSG_NOSIGNAL);
}

static inline void server_on_stream(void *ctx, int events)
{
	struct server *s = ctx;
	char chunk[1024];
	ssize_t n = recv(watch_fd(s->stream), chunk, sizeof(chunk), 0);
	size_t len;

	(void)events;
	if (n <= 0) {
		watch_close(s->stream);
		s->stream = NULL;
		return;
	}
	buf_add(&s->in, chunk, (size_t)n);
	len = s->in.n < 2 ? SIZE_MAX - 2 : (size_t)(uint8_t)s->in.p[0] << 8 | (uint8_t)s->in.p[1];
	if (s->in.n >= len + 2)
		answer_stream(s, span_bytes(s->in.p + 2, len));
}

static inline void server_on_accept(void *ctx, int events)
{
	struct server *s = ctx;
	int fd = accept4(watch_fd(s->listener), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	t_ok(fd >= 0);
	watch_close(s->stream);
	buf_clear(&s->in);
	s->stream = watch_new(s->loop, fd, server_on_stream, s);
	watch_for(s->stream, UV_READABLE);
}

static inline int server_socket(int type, uint16_t *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(*port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (bind(fd, (struct sockaddr *)&sa, len) != 0 ||
	    (type == SOCK_STREAM && listen(fd, 8) != 0))
		fd_closep(&fd);
	else
		t_ok(getsockname(fd, (struct sockaddr *)&sa, &len) == 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

/* Both protocols on one port; the deeds are put down by the caller. */
static inline void server_open(struct server *s, uv_loop_t *loop)
{
	int udp = -1, tcp = -1;

	memset(s, 0, sizeof(*s));
	s->loop = loop;
	s->ttl_s = 60;
	buf_init(&s->in, 4096);
	buf_init(&s->out, 4096);
	for (int i = 0; i < 20 && tcp < 0; i++) {
		s->port = 0;
		fd_closep(&udp);
		udp = server_socket(SOCK_DGRAM, &s->port);
		tcp = server_socket(SOCK_STREAM, &s->port);
	}
	t_ok(udp >= 0 && tcp >= 0);
	s->udp = watch_new(loop, udp, server_on_udp, s);
	s->listener = watch_new(loop, tcp, server_on_accept, s);
	s->slow = timer_new(loop, 1000000, 0, server_on_slow, s);
	watch_for(s->udp, UV_READABLE);
	watch_for(s->listener, UV_READABLE);
}

/* From here on nobody is there; the port is known still. */
static inline void server_close(struct server *s)
{
	watch_close(s->udp);
	watch_close(s->listener);
	watch_close(s->stream);
	timer_close(s->slow);
	s->udp = s->listener = s->stream = NULL;
	s->slow = NULL;
	buf_done(&s->in);
	buf_done(&s->out);
}

static inline struct gate_upstream server_upstream(const struct server *s)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };

	return (struct gate_upstream){ addr_from_v4(loopback), s->port };
}

#endif
