/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jail/hostdns.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/num.h"

#define DNS_PORT 53

/* The next line, whichever way lines end. */
static bool next_line(struct span *text, struct span *line)
{
	if (!span_next(text, '\n', line))
		return false;
	if (span_ends(*line, SPAN_LIT("\r")))
		line->n--;
	return true;
}

/* The next word of a line, behind blanks and before a comment. False at its end. */
static bool next_word(struct span *line, struct span *word)
{
	size_t n = 0;

	*line = span_trim(*line);
	if (!line->n || line->p[0] == '#' || line->p[0] == ';')
		return false;
	while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
		n++;
	*word = span_first(*line, n);
	*line = span_from(*line, n);
	return true;
}

size_t hostdns_servers(const char *path, struct gate_upstream *out, size_t max)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };
	_cleanup_(freep) char *text = NULL;
	struct span rest = { 0 }, line, word;
	size_t n = 0, len = 0;
	struct err ignored;

	if (fd_read_file(path, LIMIT_HOST_FILE, &text, &len, &ignored))
		rest = span_bytes(text, len);
	while (n < max && next_line(&rest, &line)) {
		out[n].port = DNS_PORT;
		if (next_word(&line, &word) && span_eq(word, SPAN_LIT("nameserver")) &&
		    next_word(&line, &word) && addr_parse(word, &out[n].addr, &ignored))
			n++;
	}
	if (n == 0)
		out[n++] = (struct gate_upstream){ addr_from_v4(loopback), DNS_PORT };
	return n;
}

static bool parse_port(struct span s, uint16_t *out, struct err *e)
{
	uint64_t v;

	if (!num_parse(s, "port", 1, 65535, &v, e))
		return false;
	*out = (uint16_t)v;
	return true;
}

bool hostdns_server_parse(const char *text, struct gate_upstream *out, struct err *e)
{
	struct span s = span_of(text);
	ptrdiff_t bracket = span_find(s, ']'), colon = span_rfind(s, ':');
	struct gate_upstream up = { .port = DNS_PORT };

	if (s.n && s.p[0] == '[' && bracket > 0) {
		struct span after = span_from(s, (size_t)bracket + 1);

		s = span_from(span_first(s, (size_t)bracket), 1);
		if (after.n && after.p[0] != ':')
			return err_set(e, ERR_INVALID,
				       "--dns %s: expected nothing or \":PORT\" behind the bracket",
				       text);
		if (after.n && !parse_port(span_from(after, 1), &up.port, e))
			return err_wrap(e, "--dns %s", text);
	} else if (colon >= 0 && colon == span_find(s, ':')) {
		if (!parse_port(span_from(s, (size_t)colon + 1), &up.port, e))
			return err_wrap(e, "--dns %s", text);
		s = span_first(s, (size_t)colon);
	}
	if (!addr_parse(s, &up.addr, e))
		return err_wrap(e, "--dns %s", text);
	*out = up;
	return true;
}

bool hostdns_server_add(struct gate_upstream *list, size_t *n, const char *text, struct err *e)
{
	if (*n == GATE_UPSTREAMS_MAX)
		return err_set(e, ERR_LIMIT, "--dns: at most %d name servers", GATE_UPSTREAMS_MAX);
	if (!hostdns_server_parse(text, &list[*n], e))
		return false;
	(*n)++;
	return true;
}

static bool is_loopback(const struct addr *a)
{
	struct addr c = addr_canonical(a);

	if (c.family == AF_INET)
		return c.bytes[0] == 127;
	return memcmp(c.bytes, &in6addr_loopback, sizeof(in6addr_loopback)) == 0;
}

/* "ADDRESS NAME..." */
static void add_names(struct span line, struct gate_host **hosts, size_t *n, size_t *cap)
{
	struct span word;
	struct err ignored;
	struct gate_host h;

	if (!next_word(&line, &word) || !addr_parse(word, &h.addr, &ignored) ||
	    is_loopback(&h.addr))
		return;
	while (*n < LIMIT_HOSTS && next_word(&line, &word))
		if (name_parse(word, &h.name, &ignored))
			vec_push(*hosts, *n, *cap, h);
}

size_t hostdns_table(const char *path, struct gate_host **out)
{
	_cleanup_(freep) char *text = NULL;
	struct span rest = { 0 }, line;
	size_t n = 0, cap = 0, len = 0;
	struct err ignored;

	*out = NULL;
	if (fd_read_file(path, LIMIT_HOST_FILE, &text, &len, &ignored))
		rest = span_bytes(text, len);
	while (next_line(&rest, &line))
		add_names(line, out, &n, &cap);
	return n;
}
