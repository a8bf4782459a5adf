/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a SOCKS client sends. The first byte says which message the rest is: 'g' the greeting, 'l'
 * the login, 'r' the request.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "wire/socks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 513 /* a login with 255 bytes of each; no message is longer */

/* What a reader says of some bytes. */
struct result {
	ptrdiff_t n;
	struct socks_greeting greeting;
	struct socks_login login;
	struct socks_request request;
	struct socks_bad bad;
};

static struct result read_message(uint8_t kind, struct span bytes)
{
	struct result r = { 0 };

	if (kind == 'g')
		r.n = socks_greeting_read(bytes, &r.greeting, &r.bad.why);
	else if (kind == 'l')
		r.n = socks_login_read(bytes, &r.login, &r.bad.why);
	else
		r.n = socks_request_read(bytes, &r.request, &r.bad);
	assert(r.n >= -1 && r.n <= MESSAGE_MAX && r.n <= (ptrdiff_t)bytes.n);
	assert((r.n < 0) == (r.bad.why != NULL));
	return r;
}

static bool within(struct span part, struct span whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_login(const struct socks_login *l, struct span message)
{
	assert(l->user.n > 0 && l->secret.n > 0);
	assert(within(l->user, message) && within(l->secret, message));
	assert(3 + l->user.n + l->secret.n == message.n);
}

static void check_request(const struct socks_request *r)
{
	assert(r->command >= SOCKS_CONNECT && r->command <= SOCKS_UDP_ASSOCIATE);
	assert((r->host.name.len > 0) != (r->host.addr.family != 0));
	assert(r->host.port > 0 || r->command != SOCKS_CONNECT);
}

/* The first result that longer and longer pieces give, each a block of exactly its size. */
static void check_trickle(uint8_t kind, struct span bytes, const struct result *whole)
{
	struct result part = { 0 };

	for (size_t n = 0; n <= bytes.n && n <= MESSAGE_MAX && part.n == 0; n++) {
		char *exact = xmalloc(n);

		memcpy(exact, bytes.p, n);
		part = read_message(kind, (struct span){ exact, n });
		assert(part.n <= 0 || (size_t)part.n == n);
		free(exact);
	}
	assert(part.n == whole->n && part.bad.why == whole->bad.why &&
	       part.bad.code == whole->bad.code);
	assert(part.greeting.no_auth == whole->greeting.no_auth &&
	       part.greeting.login == whole->greeting.login);
	assert(part.login.user.n == whole->login.user.n);
	assert(part.request.command == whole->request.command &&
	       part.request.host.port == whole->request.host.port &&
	       name_eq(&part.request.host.name, &whole->request.host.name) &&
	       addr_eq(&part.request.host.addr, &whole->request.host.addr));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result r;
	struct span rest;

	if (size < 1 || (data[0] != 'g' && data[0] != 'l' && data[0] != 'r'))
		return 0;
	rest = span_bytes(data + 1, size - 1);
	r = read_message(data[0], rest);
	check_trickle(data[0], rest, &r);
	if (r.n > 0 && data[0] == 'l')
		check_login(&r.login, span_first(rest, (size_t)r.n));
	if (r.n > 0 && data[0] == 'r')
		check_request(&r.request);
	return 0;
}
