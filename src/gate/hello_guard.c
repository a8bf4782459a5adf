/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/hello_guard.h"

#include <stdio.h>

#include "base/alloc.h"
#include "wire/tls.h"

#define TLS_HANDSHAKE 0x16

struct hello_guard {
	struct name host;
	bool required, allow_ech;
	bool over;
	struct pump *up;
	struct buf held;
	char why[600];
};

static bool refuse(struct hello_guard *g, const char *why)
{
	(void)snprintf(g->why, sizeof(g->why), "%s", why);
	return false;
}

static bool pass(struct hello_guard *g, struct buf *out)
{
	buf_span(out, buf_view(&g->held));
	g->up->filter = NULL;
	g->over = true;
	return true;
}

static bool judge(struct hello_guard *g, const struct client_hello *hello, struct buf *out)
{
	if (!hello->has_sni && g->required)
		return refuse(g, "no SNI, so it cannot be told which name it is for");
	if (hello->has_sni && !name_eq(&hello->sni, &g->host)) {
		(void)snprintf(g->why, sizeof(g->why),
			       "SNI says %.100s, and the tunnel is to %.253s", hello->sni.s,
			       g->host.s);
		return false;
	}
	if (hello->ech && !g->allow_ech)
		return refuse(g, "Encrypted Client Hello hides the name (the policy can say ech: "
				 "allow)");
	return pass(g, out);
}

static bool watch_hello(void *ctx, struct span in, struct buf *out)
{
	struct hello_guard *g = ctx;
	struct client_hello hello;
	const char *why;
	ptrdiff_t n;

	buf_span(&g->held, in);
	if (!g->required && (uint8_t)g->held.p[0] != TLS_HANDSHAKE)
		return pass(g, out);
	n = tls_hello_read(buf_view(&g->held), &hello, &why);
	if (n == TLS_MORE)
		return true;
	if (n == TLS_NOT_TLS && !g->required)
		return pass(g, out);
	return n > 0 ? judge(g, &hello, out) : refuse(g, why);
}

struct hello_guard *hello_guard_new(const struct hello_rules *rules, struct pump *up)
{
	struct hello_guard *g = xcalloc(1, sizeof(*g));

	*g = (struct hello_guard){ .host = *rules->host,
				   .required = rules->required,
				   .allow_ech = rules->allow_ech,
				   .up = up };
	/* The reader gives up at LIMIT_CLIENT_HELLO; what lies behind is one read. */
	buf_init(&g->held, 2 * LIMIT_CLIENT_HELLO);
	up->filter = watch_hello;
	up->filter_ctx = g;
	return g;
}

void hello_guard_free(struct hello_guard *g)
{
	if (!g)
		return;
	buf_done(&g->held);
	free(g);
}

bool hello_guard_over(const struct hello_guard *g)
{
	return g->over;
}

bool hello_guard_required(const struct hello_guard *g)
{
	return g->required && !g->over;
}

const char *hello_guard_why(const struct hello_guard *g)
{
	return g->why[0] ? g->why : NULL;
}
