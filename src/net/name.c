/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/name.h"

#include <idn2.h>
#include <libpsl.h>

#include "base/macros.h"

/* A name of 253 bytes in A-labels is never longer than this in UTF-8. */
#define UTF8_NAME_MAX 1024

#define SHOWN_MAX 160

static bool bad(struct span s, struct err *e, const char *why)
{
	char shown[SHOWN_MAX];

	return err_set(e, ERR_INVALID, "\"%s\" is not a host name: %s",
		       span_show(s, shown, sizeof(shown)), why);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Lower case, for the bytes that a name may hold; 0 for all others. */
static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + ('a' - 'A'));
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_' ? c : '\0';
}

static bool check_label(struct span label, struct span name, struct err *e)
{
	if (label.n == 0)
		return bad(name, e, "it has an empty label: expected one dot between labels");
	if (label.n > LIMIT_LABEL)
		return bad(name, e, "a label is longer than 63 bytes");
	if (label.p[0] == '-' || label.p[label.n - 1] == '-')
		return bad(name, e, "a label begins or ends with \"-\"");
	return true;
}

/* All digits, or 0x and hex digits: a name that ends so is an IPv4 address to inet_aton() and to
 * every browser (WHATWG URL, "ends in a number"). */
static bool is_number(struct span label)
{
	bool hex = label.n >= 2 && label.p[0] == '0' && label.p[1] == 'x';

	for (size_t i = hex ? 2 : 0; i < label.n; i++)
		if (!is_digit(label.p[i]) && !(hex && label.p[i] >= 'a' && label.p[i] <= 'f'))
			return false;
	return true;
}

bool name_parse(struct span s, struct name *out, struct err *e)
{
	struct name n = { 0 };
	struct span text = s, rest, label = { 0 };

	if (text.n && text.p[text.n - 1] == '.')
		text.n--;
	if (text.n == 0)
		return bad(s, e, "it is empty");
	if (text.n > LIMIT_NAME)
		return bad(s, e, "it is longer than 253 bytes");
	for (size_t i = 0; i < text.n; i++) {
		n.s[i] = text.p[i] == '.' ? '.' : fold(text.p[i]);
		if (n.s[i] == '\0')
			return bad(s, e, "expected letters, digits, \"-\", \"_\" and dots only");
	}
	n.len = (uint8_t)text.n;
	rest = name_span(&n);
	while (span_next(&rest, '.', &label))
		if (!check_label(label, s, e))
			return false;
	if (is_number(label))
		return bad(s, e,
			   "it ends in a number, which programs read as an IP address: expected "
			   "four decimal numbers, or a name");
	*out = n;
	return true;
}

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7f)
			return false;
	return true;
}

bool name_parse_idna(struct span s, struct name *out, struct err *e)
{
	_cleanup_(freep) uint8_t *ascii = NULL;
	uint8_t utf8[UTF8_NAME_MAX];
	char shown[SHOWN_MAX];
	int rc;

	if (is_ascii(s))
		return name_parse(s, out, e);
	if (s.n >= sizeof(utf8))
		return bad(s, e, "it is longer than 253 bytes");
	if (span_find(s, '\0') >= 0)
		return bad(s, e, "it holds a NUL byte");
	memcpy(utf8, s.p, s.n);
	utf8[s.n] = '\0';
	rc = idn2_lookup_u8(utf8, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK)
		return bad(s, e, idn2_strerror(rc));
	return name_parse(span_of((const char *)ascii), out, e) ||
	       err_wrap(e, "\"%s\" in ASCII", span_show(s, shown, sizeof(shown)));
}

bool name_below(const struct name *sub, const struct name *parent)
{
	size_t at;

	if (sub->len <= parent->len + 1)
		return false;
	at = (size_t)sub->len - parent->len;
	return sub->s[at - 1] == '.' && memcmp(sub->s + at, parent->s, parent->len) == 0;
}

bool name_is_public_suffix(const struct name *n)
{
	const psl_ctx_t *list = psl_builtin();

	/* Only what is on the list: without the star rule, which takes every single label for a
	 * suffix, "*.internal" can be written. A libpsl built without a list has just that rule. */
	if (!list)
		return span_find(name_span(n), '.') < 0;
	return psl_is_public_suffix2(list, n->s, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE);
}

bool name_is_local(const struct name *n)
{
	struct span last = name_span(n);
	struct name label = { 0 };

	last = span_from(last, (size_t)(span_rfind(last, '.') + 1));
	/* Without a list nothing is known to be local. */
	if (!psl_builtin() || last.n == 0)
		return false;
	label.len = (uint8_t)last.n;
	memcpy(label.s, last.p, last.n);
	return !name_is_public_suffix(&label);
}

const struct name *name_keep(const struct name *n, struct arena *a)
{
	struct name *kept = arena_alloc(a, NAME_SIZE(n->len), alignof(struct name));

	name_copy(kept, n);
	return kept;
}
