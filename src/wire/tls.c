/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls.h"

#include "base/cursor.h"
#include "base/limits.h"

enum {
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_HEADER = 5,
	RECORD_MAX = 16384, /* RFC 8446 5.1 */
	HANDSHAKE_HEADER = 4,
	CLIENT_HELLO = 1,
	FATAL = 2,
};

enum {
	EXT_SERVER_NAME = 0,
	EXT_ESNI = 0xffce,	/* what ECH was first */
	EXT_ECH_DRAFT = 0xfe08, /* the first of its drafts that clients sent, up to: */
	EXT_ECH = 0xfe0d,	/* RFC 9849 */
};

/* The hello's own header, which may be cut into records as well. */
struct outline {
	uint8_t head[HANDSHAKE_HEADER];
	size_t have; /* bytes of head */
	size_t size; /* of the records' payloads */
	size_t end;  /* of the last record */
};

static ptrdiff_t bad(const char **why, const char *reason)
{
	*why = reason;
	return TLS_BAD;
}

/*
 * Looks at as much of a record's header as is there. Returns 1 and its length, TLS_MORE or below.
 * The type and the version tell a program that does not speak TLS by its first bytes.
 */
static ptrdiff_t read_record_header(struct span s, size_t *len, const char **why)
{
	struct cursor c = cursor(s.p, s.n);
	uint8_t type = cur_u8(&c), major = cur_u8(&c), minor = cur_u8(&c);

	if ((s.n > 0 && type != RECORD_HANDSHAKE) || (s.n > 1 && major != 3) ||
	    (s.n > 2 && (minor < 1 || minor > 4))) {
		*why = "not a TLS handshake";
		return TLS_NOT_TLS;
	}
	*len = cur_u16(&c);
	if (!cur_ok(&c))
		return TLS_MORE;
	if (*len == 0 || *len > RECORD_MAX)
		return bad(why, "a record that is empty or too long");
	return 1;
}

/* The hello's length, its header included; 0: not known yet. */
static size_t hello_size(const struct outline *o)
{
	struct cursor c = cursor(o->head, o->have);

	cur_skip(&c, 1);
	return o->have < HANDSHAKE_HEADER ? 0 : HANDSHAKE_HEADER + cur_u24(&c);
}

/* Takes what is there of a record of len bytes in all. Returns 1 when it ends the hello. */
static ptrdiff_t read_payload(struct outline *o, struct span s, size_t len, const char **why)
{
	size_t size;

	for (size_t i = 0; i < s.n && i < len && o->have < HANDSHAKE_HEADER; i++)
		o->head[o->have++] = (uint8_t)s.p[i];
	size = hello_size(o);
	if (o->have > 0 && o->head[0] != CLIENT_HELLO)
		return bad(why, "a handshake that does not begin with a ClientHello");
	if (size > LIMIT_CLIENT_HELLO)
		return bad(why, "a ClientHello that is too long");
	o->size += len;
	if (size > 0 && o->size > size)
		return bad(why, "bytes behind the ClientHello in its record");
	return s.n >= len && o->size == size;
}

/*
 * Walks the records up to the end of the hello. Returns 1, TLS_MORE or below. Each check rests on
 * bytes no later than those of the check after it: that is why it does not matter how they arrive.
 */
static ptrdiff_t find_end(struct span bytes, struct outline *o, const char **why)
{
	for (unsigned n = 0; n < LIMIT_TLS_RECORDS; n++) {
		struct span rest = span_from(bytes, o->end);
		size_t len = 0;
		ptrdiff_t got = read_record_header(rest, &len, why);

		if (got == TLS_NOT_TLS && n > 0)
			return bad(why, "another record within the ClientHello");
		if (got <= 0)
			return got;
		o->end += RECORD_HEADER + len;
		if (o->end > LIMIT_CLIENT_HELLO)
			return bad(why, "a ClientHello that is too long");
		got = read_payload(o, span_from(rest, RECORD_HEADER), len, why);
		if (got != 0)
			return got;
		if (o->end > bytes.n)
			return TLS_MORE;
	}
	return bad(why, "a ClientHello in too many records");
}

/* Joins the payloads of the records that find_end() walked. */
static void join(struct span records, struct buf *out)
{
	struct cursor c = cursor(records.p, records.n);

	while (cur_left(&c)) {
		cur_skip(&c, RECORD_HEADER - 2);
		buf_span(out, cur_take(&c, cur_u16(&c)));
	}
}

/* RFC 6066 3: a list, of which there is one entry, of the one type there is. */
static bool read_server_name(struct cursor c, struct client_hello *out, const char **why)
{
	struct cursor list = cur_sub(&c, cur_u16(&c));
	uint8_t type = cur_u8(&list);
	struct span host = cur_take(&list, cur_u16(&list));
	struct err e;

	if (!cur_ok(&c) || !cur_ok(&list) || cur_left(&c) || cur_left(&list) || type != 0) {
		*why = "a server name list that is not one host name";
		return false;
	}
	if (!name_parse(host, &out->sni, &e)) {
		*why = "a server name that is no host name";
		return false;
	}
	out->has_sni = true;
	return true;
}

static bool seen_before(const uint16_t *types, size_t n, uint16_t type)
{
	for (size_t i = 0; i < n; i++)
		if (types[i] == type)
			return true;
	return false;
}

static bool read_extensions(struct cursor c, struct client_hello *out, const char **why)
{
	uint16_t types[LIMIT_TLS_EXTENSIONS];

	for (size_t n = 0; cur_left(&c); n++) {
		uint16_t type = cur_u16(&c);
		struct cursor data = cur_sub(&c, cur_u16(&c));

		if (!cur_ok(&c))
			break;
		if (n == LIMIT_TLS_EXTENSIONS || seen_before(types, n, type)) {
			*why = "an extension twice, or too many of them";
			return false;
		}
		types[n] = type;
		if (type == EXT_SERVER_NAME && !read_server_name(data, out, why))
			return false;
		out->ech |= type == EXT_ESNI || (type >= EXT_ECH_DRAFT && type <= EXT_ECH);
	}
	if (!cur_ok(&c))
		*why = "extensions that do not add up";
	return cur_ok(&c);
}

/* RFC 8446 4.1.2; extensions are missing only in TLS 1.2 and older. */
static bool read_hello(struct span hello, struct client_hello *out, const char **why)
{
	struct cursor c = cursor(hello.p, hello.n), session, ciphers, methods, extensions;
	uint16_t version;

	cur_skip(&c, HANDSHAKE_HEADER);
	version = cur_u16(&c);
	cur_skip(&c, 32); /* random */
	session = cur_sub(&c, cur_u8(&c));
	ciphers = cur_sub(&c, cur_u16(&c));
	methods = cur_sub(&c, cur_u8(&c));
	if (!cur_ok(&c) || version < 0x0301 || version > 0x0304 || session.n > 32 ||
	    ciphers.n < 2 || ciphers.n % 2 != 0 || methods.n < 1) {
		*why = "a malformed ClientHello";
		return false;
	}
	if (cur_left(&c) == 0)
		return true;
	extensions = cur_sub(&c, cur_u16(&c));
	if (!cur_ok(&c) || cur_left(&c)) {
		*why = "extensions that do not add up";
		return false;
	}
	return read_extensions(extensions, out, why);
}

ptrdiff_t tls_hello_read(struct span bytes, struct client_hello *out, const char **why)
{
	struct outline o = { 0 };
	struct client_hello hello = { 0 };
	_cleanup_(buf_done) struct buf joined = { 0 };
	ptrdiff_t got = find_end(bytes, &o, why);

	if (got <= 0)
		return got;
	buf_init(&joined, LIMIT_CLIENT_HELLO);
	join(span_first(bytes, o.end), &joined);
	if (!read_hello(buf_view(&joined), &hello, why))
		return TLS_BAD;
	*out = hello;
	return (ptrdiff_t)o.end;
}

void tls_alert_build(enum tls_alert description, struct buf *out)
{
	buf_u8(out, RECORD_ALERT);
	buf_u16(out, 0x0303); /* what every record but the first carries: RFC 8446 5.1 */
	buf_u16(out, 2);
	buf_u8(out, FATAL);
	buf_u8(out, (uint8_t)description);
}
