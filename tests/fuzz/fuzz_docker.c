/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the container engine says. The first byte tells what the rest is: 'l' a list of networks,
 * 'd' one network ('L', 'D': of Podman), 'e' an event, 'm' a refusal, 'v' a version, 's' a stream
 * of lines.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "docker/lines.h"
#include "docker/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINE_BYTES 32

/* Ends within its size, and can be shown as it is. */
static void check_text(const char *s, size_t size)
{
	assert(memchr(s, '\0', size));
	for (; *s; s++)
		assert(*s >= ' ' && *s <= '~');
}

static void check_addr(const struct addr *a, uint8_t family)
{
	assert(a->family == 0 || a->family == family);
}

static void check_network(const struct engine_network *n)
{
	check_text(n->name, sizeof(n->name));
	check_text(n->id, sizeof(n->id));
	check_text(n->driver, sizeof(n->driver));
	check_text(n->bridge, sizeof(n->bridge));
	assert(n->name[0] && n->id[0] && !strpbrk(n->id, "/?#%.") && !strchr(n->bridge, '/'));
	assert(n->n_subnets <= ENGINE_SUBNETS_MAX);
	for (size_t i = 0; i < n->n_subnets; i++) {
		assert(n->subnets[i].prefix.addr.family);
		check_addr(&n->subnets[i].gateway, n->subnets[i].prefix.addr.family);
	}
	assert(n->n_containers <= LIMIT_ENGINE_CONTAINERS && (n->detailed || !n->n_containers));
	for (size_t i = 0; i < n->n_containers; i++) {
		const struct engine_container *c = &n->containers[i];

		check_text(c->id, sizeof(c->id));
		check_text(c->name, sizeof(c->name));
		assert(c->id[0]);
		check_addr(&c->addr4, AF_INET);
		check_addr(&c->addr6, AF_INET6);
	}
}

static void check_error(const struct err *e)
{
	assert(e->kind == ERR_INVALID || e->kind == ERR_LIMIT || e->kind == ERR_UNSUPPORTED);
	check_text(e->msg, sizeof(e->msg));
}

static void run_list(struct span text, bool podman)
{
	struct engine_snapshot *s = NULL;
	struct err e = { 0 };

	if (!parse_networks(text, podman, &s, &e)) {
		assert(!s);
		check_error(&e);
		return;
	}
	assert(s->n_networks <= LIMIT_ENGINE_NETWORKS);
	for (size_t i = 0; i < s->n_networks; i++) {
		check_network(&s->networks[i]);
		assert(!s->networks[i].detailed);
		assert(engine_network_find(s, s->networks[i].name));
	}
	engine_snapshot_free(s);
}

static void run_detail(struct span text, bool podman)
{
	static const struct plan_network want = { .bridge = "net0", .bridge_written = true };
	struct engine_network n = { 0 };
	struct err e = { 0 };
	struct buf why;

	if (!parse_network(text, podman, &n, &e)) {
		assert(!n.containers);
		check_error(&e);
		return;
	}
	check_network(&n);
	assert(n.detailed);
	buf_init(&why, 4096);
	assert(engine_network_matches(&n, &want, &why) == (why.n == 0) && buf_ok(&why));
	buf_done(&why);
	engine_network_done(&n);
}

static void run_version(struct span text)
{
	char out[ENGINE_VERSION_MAX];
	struct err e = { 0 };

	if (!parse_version(text, out, &e))
		return check_error(&e);
	check_text(out, sizeof(out));
	assert(strspn(out, "0123456789.") == strlen(out));
}

/* Every line as text, in pieces of that many bytes. */
static void collect(struct span text, size_t step, struct buf *out)
{
	struct lines l;
	struct span line;

	lines_init(&l, LINE_BYTES);
	for (size_t at = 0; at < text.n; at += step) {
		struct span piece = span_first(span_from(text, at), step);

		while (lines_next(&l, &piece, &line)) {
			assert(line.n <= LINE_BYTES);
			buf_char(out, line.p ? '.' : '!');
			buf_span(out, line);
			buf_char(out, '\n');
		}
		assert(piece.n == 0);
	}
	lines_done(&l);
}

static void run_stream(struct span text)
{
	struct buf whole, pieces;

	buf_init(&whole, 1U << 24);
	buf_init(&pieces, 1U << 24);
	collect(text, text.n + 1, &whole);
	collect(text, 1, &pieces);
	assert(span_eq(buf_view(&whole), buf_view(&pieces)));
	buf_clear(&pieces);
	collect(text, 7, &pieces);
	assert(span_eq(buf_view(&whole), buf_view(&pieces)));
	buf_done(&whole);
	buf_done(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[64];
	struct span rest;

	if (size < 1)
		return 0;
	rest = span_bytes(data + 1, size - 1);
	switch (data[0]) {
	case 'l':
	case 'L':
		run_list(rest, data[0] == 'L');
		break;
	case 'd':
	case 'D':
		run_detail(rest, data[0] == 'D');
		break;
	case 'e':
		(void)parse_event(rest);
		break;
	case 'm':
		check_text(parse_message(rest, out, sizeof(out)), sizeof(out));
		break;
	case 'v':
		run_version(rest);
		break;
	case 's':
		run_stream(rest);
		break;
	default:
		break;
	}
	return 0;
}
