/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/socks.h"

#include "base/cursor.h"

enum {
	VERSION = 5,
	LOGIN_VERSION = 1, /* RFC 1929 counts its own */
	ADDRESS_V4 = 1,
	ADDRESS_DOMAIN = 3,
	ADDRESS_V6 = 4,
};

static ptrdiff_t bad_message(const char **why, const char *reason)
{
	*why = reason;
	return -1;
}

ptrdiff_t socks_greeting_read(struct span bytes, struct socks_greeting *out, const char **why)
{
	struct cursor c = cursor(bytes.p, bytes.n);
	uint8_t version = cur_u8(&c), n_methods = cur_u8(&c);
	struct span methods = cur_take(&c, n_methods);

	if (bytes.n > 0 && version != VERSION)
		return bad_message(why, "a version other than SOCKS 5");
	if (bytes.n > 1 && n_methods == 0)
		return bad_message(why, "a greeting without a method");
	if (!cur_ok(&c))
		return 0;
	*out = (struct socks_greeting){
		.no_auth = span_find(methods, SOCKS_NO_AUTH) >= 0,
		.login = span_find(methods, SOCKS_LOGIN) >= 0,
	};
	return (ptrdiff_t)c.at;
}

ptrdiff_t socks_login_read(struct span bytes, struct socks_login *out, const char **why)
{
	struct cursor c = cursor(bytes.p, bytes.n);
	uint8_t version = cur_u8(&c), n_user = cur_u8(&c), n_secret;
	struct socks_login login;

	if (bytes.n > 0 && version != LOGIN_VERSION)
		return bad_message(why, "a version of the login other than 1");
	if (bytes.n > 1 && n_user == 0)
		return bad_message(why, "a login without a user");
	login.user = cur_take(&c, n_user);
	n_secret = cur_u8(&c);
	if (cur_ok(&c) && n_secret == 0)
		return bad_message(why, "a login without a secret");
	login.secret = cur_take(&c, n_secret);
	if (!cur_ok(&c))
		return 0;
	*out = login;
	return (ptrdiff_t)c.at;
}

static ptrdiff_t refuse(struct socks_bad *bad, enum socks_code code, const char *why)
{
	*bad = (struct socks_bad){ code, why };
	return -1;
}

/* The four bytes in front of the address, as many as are there: 0, or -1 for one that is bad. */
static ptrdiff_t check_fixed(struct span s, struct socks_bad *bad)
{
	struct cursor c = cursor(s.p, s.n);
	uint8_t version = cur_u8(&c), command = cur_u8(&c), reserved = cur_u8(&c),
		type = cur_u8(&c);

	if (s.n > 0 && version != VERSION)
		return refuse(bad, SOCKS_FAILURE, "a version other than SOCKS 5");
	if (s.n > 1 && (command < SOCKS_CONNECT || command > SOCKS_UDP_ASSOCIATE))
		return refuse(bad, SOCKS_NO_COMMAND, "an unknown command");
	if (s.n > 2 && reserved != 0)
		return refuse(bad, SOCKS_FAILURE, "a reserved byte that is not 0");
	if (s.n > 3 && type != ADDRESS_V4 && type != ADDRESS_DOMAIN && type != ADDRESS_V6)
		return refuse(bad, SOCKS_NO_ADDRESS_TYPE, "an unknown type of address");
	return 0;
}

/* The part behind `type`. False when it is whole but the host is none; else ask the cursor. */
static bool read_host(struct cursor *c, uint8_t type, struct http_host *out)
{
	size_t size = type == ADDRESS_V4 ? 4 : type == ADDRESS_V6 ? 16 : cur_u8(c);
	struct span address = cur_take(c, size);
	uint16_t port = cur_u16(c);

	if (!cur_ok(c))
		return true;
	if (type == ADDRESS_V4)
		out->addr = addr_from_v4(address.p);
	else if (type == ADDRESS_V6)
		out->addr = addr_from_v6(address.p);
	else if (!http_host_parse(address, out) || out->port != 0)
		return false;
	out->port = port;
	return true;
}

ptrdiff_t socks_request_read(struct span bytes, struct socks_request *out, struct socks_bad *bad)
{
	struct cursor c = cursor(bytes.p, bytes.n);
	struct socks_request r = { 0 };
	uint8_t type;

	if (check_fixed(bytes, bad) < 0)
		return -1;
	cur_skip(&c, 1);
	r.command = cur_u8(&c);
	cur_skip(&c, 1);
	type = cur_u8(&c);
	if (!read_host(&c, type, &r.host))
		return refuse(bad, SOCKS_FAILURE, "a malformed host");
	if (!cur_ok(&c))
		return 0;
	if (r.command == SOCKS_CONNECT && r.host.port == 0)
		return refuse(bad, SOCKS_FAILURE, "CONNECT to port 0");
	*out = r;
	return (ptrdiff_t)c.at;
}

void socks_method_build(enum socks_method method, struct buf *out)
{
	buf_u8(out, VERSION);
	buf_u8(out, (uint8_t)method);
}

void socks_login_reply_build(bool good, struct buf *out)
{
	buf_u8(out, LOGIN_VERSION);
	buf_u8(out, good ? 0 : 1);
}

void socks_reply_build(enum socks_code code, struct buf *out)
{
	buf_u8(out, VERSION);
	buf_u8(out, (uint8_t)code);
	buf_u8(out, 0);
	buf_u8(out, ADDRESS_V4);
	buf_u32(out, 0);
	buf_u16(out, 0);
}
