/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SOCKS5 (RFC 1928, RFC 1929): CONNECT alone, by the same rules as HTTP's. */
#include <sys/socket.h>

#include "base/base64.h"
#include "gate/conn_proxy.h"

/* A few bytes on a connection that has carried nothing yet. */
static void say(struct conn *c, struct buf *out)
{
	(void)send(watch_fd(c->client), out->p, out->n, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_done(out);
}

static void choose_method(struct conn *c, enum socks_method m)
{
	struct buf out;

	buf_init(&out, 16);
	socks_method_build(m, &out);
	say(c, &out);
}

/* Returns the length of what was read, 0 when there is more to come, -1 when c is closing. */
static ptrdiff_t take_greeting(struct conn *c)
{
	bool login = subject_users(c->all->gate, c->listener->index);
	struct socks_greeting greeting;
	const char *why;
	ptrdiff_t n = socks_greeting_read(buf_view(&c->first), &greeting, &why);

	if (n == 0)
		return 0;
	if (n < 0) {
		conn_rejected(c, 400, why);
		return -1;
	}
	if (login && greeting.login) {
		choose_method(c, SOCKS_LOGIN);
		c->request->phase = REQUEST_SOCKS_LOGIN;
		return n;
	}
	why = "the client offers none of this proxy's SOCKS methods";
	if (greeting.no_auth && proxy_login(c, SPAN_LIT(""), &why)) {
		choose_method(c, SOCKS_NO_AUTH);
		c->request->phase = REQUEST_SOCKS;
		return n;
	}
	choose_method(c, SOCKS_NO_METHOD);
	conn_rejected(c, 407, why);
	return -1;
}

static ptrdiff_t take_login(struct conn *c)
{
	_cleanup_(buf_done) struct buf pair, token;
	struct socks_login login;
	const char *why;
	struct buf out;
	ptrdiff_t n = socks_login_read(buf_view(&c->first), &login, &why);
	bool ok = false;

	buf_init(&pair, 512);
	buf_init(&token, GATE_TOKEN_MAX);
	if (n == 0)
		return 0;
	if (n > 0) {
		buf_span(&pair, login.user);
		buf_char(&pair, ':');
		buf_span(&pair, login.secret);
		base64_encode(buf_view(&pair), &token);
		ok = proxy_login(c, buf_view(&token), &why);
		explicit_bzero(pair.p, pair.n);
	}
	buf_init(&out, 16);
	socks_login_reply_build(ok, &out);
	say(c, &out);
	if (ok) {
		c->request->phase = REQUEST_SOCKS;
		return n;
	}
	conn_rejected(c, 407, why);
	return -1;
}

static void refuse_request(struct conn *c, enum socks_code code, const char *why)
{
	c->request->socks = code;
	conn_rejected(c, 400, why);
}

static void take_request(struct conn *c)
{
	struct socks_request want;
	struct socks_bad bad;
	ptrdiff_t n = socks_request_read(buf_view(&c->first), &want, &bad);

	if (n == 0)
		return;
	watch_for(c->client, 0);
	if (n < 0) {
		refuse_request(c, bad.code, bad.why);
		return;
	}
	if (want.command != SOCKS_CONNECT) {
		refuse_request(c, SOCKS_NO_COMMAND, "a SOCKS command other than CONNECT");
		return;
	}
	c->request->len = (size_t)n;
	proxy_want_tunnel(c, &want.host);
}

void proxy_socks_advance(struct conn *c)
{
	while (c->first.n) {
		ptrdiff_t n;

		if (c->request->phase == REQUEST_SOCKS) {
			take_request(c);
			return;
		}
		n = c->request->phase == REQUEST_FIRST ? take_greeting(c) : take_login(c);
		if (n <= 0)
			return;
		buf_drop(&c->first, (size_t)n);
	}
}

static enum socks_code code_for(unsigned status)
{
	switch (status) {
	case 403:
		return SOCKS_NOT_ALLOWED;
	case 502:
		return SOCKS_HOST_UNREACHABLE;
	default:
		return SOCKS_FAILURE;
	}
}

void proxy_socks_refuse(struct conn *c, const struct refusal *r, struct buf *out)
{
	/* Before the request there is no form for a refusal but the one that was sent. */
	if (c->request->phase == REQUEST_SOCKS)
		socks_reply_build(c->request->socks ? c->request->socks : code_for(r->status), out);
}

void proxy_socks_agree(struct buf *out)
{
	socks_reply_build(SOCKS_OK, out);
}
