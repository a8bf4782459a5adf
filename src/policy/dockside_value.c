/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single values of the two files, as strict as the daemon they were written for, or stricter. */
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "policy/dockside_impl.h"

#define COMMENT_MAX 200 /* characters */

bool dockside_name_ok(const char *name)
{
	static const char marks[] = "_.:-";
	size_t n = strlen(name);

	for (const char *c = name; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') &&
		    !(*c >= '0' && *c <= '9') && !strchr(marks, *c))
			return false;
	return n > 0 && n <= DOCKSIDE_NAME_MAX;
}

bool dockside_string(const struct jsonc_at *at, const char **out, struct err *e)
{
	*out = NULL;
	if (!at->v)
		return true;
	if (!json_is_string(at->v))
		return jsonc_err(at, e, "a text");
	*out = json_string_value(at->v);
	for (const char *c = *out; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return jsonc_err(at, e, "a text without control characters");
	return true;
}

bool dockside_number(const struct jsonc_at *at, unsigned lo, unsigned hi, unsigned *out,
		     struct err *e)
{
	json_int_t v;

	if (!at->v)
		return true;
	v = json_integer_value(at->v);
	if (!json_is_integer(at->v) || v < lo || v > hi)
		return jsonc_err(at, e, "a whole number of %u to %u", lo, hi);
	*out = (unsigned)v;
	return true;
}

bool dockside_choice(const struct jsonc_at *at, const char *const *words, size_t n, size_t *out,
		     struct err *e)
{
	_cleanup_(buf_done) struct buf list = { 0 };
	const char *text = json_string_value(at->v);

	if (!at->v)
		return true;
	for (size_t i = 0; text && i < n; i++)
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return true;
		}
	buf_init(&list, 256);
	for (size_t i = 0; i < n; i++)
		buf_fmt(&list, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
	return jsonc_err(at, e, "%s", buf_cstr(&list));
}

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

bool dockside_comment(const struct jsonc_at *at, struct arena *a, const char **out, struct err *e)
{
	const char *text;

	*out = NULL;
	if (!dockside_string(at, &text, e))
		return false;
	if (text && characters(text) > COMMENT_MAX)
		return jsonc_err(at, e, "at most %d characters", COMMENT_MAX);
	if (text && *text)
		*out = arena_strdup(a, text);
	return true;
}

bool dockside_is_list(const struct jsonc_at *at, struct err *e)
{
	return !at->v || json_is_array(at->v) || jsonc_err(at, e, "a list");
}

bool dockside_is_object(const struct jsonc_at *at, struct err *e)
{
	return !at->v || json_is_object(at->v) || jsonc_err(at, e, "an object");
}

/* ---- prefixes ---- */

/* 24 for 255.255.255.0. */
static bool mask_length(const struct addr *mask, unsigned *len)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++)
		bits = bits << 8 | mask->bytes[i];
	for (*len = 0; *len < 32 && bits & 1U << 31; ++*len)
		bits <<= 1;
	return bits == 0;
}

static bool read_length(struct span s, uint8_t family, uint8_t *out)
{
	struct err ignored = { 0 };
	struct addr mask;
	uint64_t v;
	unsigned len;

	if (num_parse(s, "prefix length", 0, family == AF_INET ? 32 : 128, &v, &ignored)) {
		*out = (uint8_t)v;
		return true;
	}
	if (family != AF_INET || !addr_parse(s, &mask, &ignored) || mask.family != AF_INET ||
	    !mask_length(&mask, &len))
		return false;
	*out = (uint8_t)len;
	return true;
}

/* An address or a prefix; bits behind its length are cleared, as iptables does. */
static bool read_prefix(struct span s, struct prefix *out)
{
	ptrdiff_t slash = span_find(s, '/');
	struct err ignored = { 0 };
	struct prefix p = { 0 };

	if (!addr_parse(slash < 0 ? s : span_first(s, (size_t)slash), &p.addr, &ignored))
		return false;
	p.len = (uint8_t)(addr_size(&p.addr) * 8);
	if (slash >= 0 && !read_length(span_from(s, (size_t)slash + 1), p.addr.family, &p.len))
		return false;
	for (size_t i = 0; i < addr_size(&p.addr); i++) {
		unsigned keep = p.len > i * 8 ? MIN(p.len - 8U * (unsigned)i, 8U) : 0;

		p.addr.bytes[i] &= (uint8_t)(0xff00U >> keep);
	}
	*out = p;
	return true;
}

bool dockside_cidr(const struct jsonc_at *at, struct prefix *out, struct err *e)
{
	const char *text;

	if (!dockside_string(at, &text, e))
		return false;
	if (!text || !read_prefix(span_of(text), out) || out->addr.family != AF_INET)
		return jsonc_err(at, e, "an IPv4 prefix, like 10.0.0.0/8");
	return true;
}

bool dockside_host(const struct jsonc_at *at, struct arena *a, struct dest *out, struct err *e)
{
	struct err ignored = { 0 };
	const char *text;
	struct name name;

	if (!dockside_string(at, &text, e))
		return false;
	if (text && read_prefix(span_of(text), &out->prefix)) {
		out->prefix = prefix_canonical(&out->prefix);
		out->target = DEST_PREFIX;
		return true;
	}
	if (!text || !name_parse_idna(span_of(text), &name, &ignored))
		return jsonc_err(at, e, "a host name, an address or a prefix");
	out->target = DEST_NAME;
	out->name = name_keep(&name, a);
	return true;
}
