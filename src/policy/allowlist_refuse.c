/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines that people bring to an allow-list from elsewhere: rules that deny, and the regular
 * expressions and globs of proxies. A pattern is never taken for what it means, which is seldom
 * what was meant: unanchored, "github\.com" also opens github.com.evil.test. Instead the message
 * names the destination that its author probably had in mind.
 */
#include <stdio.h>

#include "base/limits.h"
#include "base/macros.h"
#include "policy/allowlist_impl.h"

/* Of a line that a message quotes. */
#define SHOWN_MAX 100

/* Alternatives of one pattern for which there is something to write instead. */
#define ALTERNATIVES_MAX 8

/* A line for a message. Its backslashes stay as they are where nothing else has to be escaped. */
static const char *show(struct span s, char out[static SHOWN_MAX])
{
	bool plain = s.n < SHOWN_MAX;

	for (size_t i = 0; i < s.n && plain; i++)
		plain = s.p[i] >= 0x20 && s.p[i] <= 0x7e && s.p[i] != '"';
	if (!plain)
		return span_show(s, out, SHOWN_MAX);
	(void)snprintf(out, SHOWN_MAX, SPAN_FMT, SPAN_ARG(s));
	return out;
}

static bool has_any(struct span s, const char *bytes)
{
	for (const char *c = bytes; *c; c++)
		if (span_find(s, *c) >= 0)
			return true;
	return false;
}

/* The position of the first of these bytes, or the end. */
static size_t length_before(struct span s, const char *bytes)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == '\0' || !strchr(bytes, s.p[n])))
		n++;
	return n;
}

/* ---- words ---- */

enum effect { ADDS, TAKES, OTHER };

static const struct {
	const char *word;
	enum effect effect;
} words[] = {
	{ "allow", ADDS },     { "permit", ADDS }, { "accept", ADDS },	  { "pass", ADDS },
	{ "deny", TAKES },     { "block", TAKES }, { "reject", TAKES },	  { "drop", TAKES },
	{ "except", TAKES },   { "not", TAKES },   { "exclude", TAKES },  { "remove", TAKES },
	{ "disallow", TAKES }, { "ask", OTHER },   { "redirect", OTHER },
};

static bool refuse_effect(struct span line, enum effect effect, struct span rest, struct err *e)
{
	char shown[SHOWN_MAX], meant[SHOWN_MAX];

	show(line, shown);
	show(rest, meant);
	if (effect == TAKES)
		return err_set(e, ERR_INVALID,
			       "\"%s\" would take something away: a list only adds: a deny is "
			       "written in a policy or as --deny",
			       shown);
	if (effect == OTHER)
		return err_set(e, ERR_INVALID,
			       "\"%s\" is a rule of a policy: a list only adds destinations that "
			       "are allowed",
			       shown);
	if (rest.n == 0)
		return err_set(e, ERR_INVALID, "\"%s\" goes without saying: expected a destination",
			       shown);
	return err_set(e, ERR_INVALID, "\"%s\" is more than a destination: write \"%s\"", shown,
		       meant);
}

bool allow_check_word(struct span line, struct err *e)
{
	size_t n = length_before(line, " \t:=");
	struct span word = span_first(line, n), rest = span_trim(span_from(line, n + 1));

	if (line.n > 1 && line.p[0] == '-' && (line.p[1] == ' ' || line.p[1] == '\t'))
		return refuse_effect(line, ADDS, span_trim(span_from(line, 1)), e);
	if (line.p[0] == '!' || line.p[0] == '-' || line.p[0] == '~')
		return refuse_effect(line, TAKES, rest, e);
	if (line.p[0] == '+')
		return refuse_effect(line, ADDS, span_trim(span_from(line, 1)), e);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_eq_nocase(word, span_of(words[i].word)))
			return refuse_effect(line, words[i].effect, rest, e);
	return true;
}

/* ---- patterns ---- */

static bool is_pattern(struct span s)
{
	bool ipv6 = span_find(s, '[') >= 0 && span_find(s, ':') >= 0 && !has_any(s, "\\^$");

	if (has_any(s, "\\^$()|+?{}") || (has_any(s, "[]") && !ipv6))
		return true;
	if (s.p[0] == '.')
		return true;
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '.' && s.p[i + 1] == '*')
			return true;
	return false;
}

/* What patterns begin with before the name, the longer first. */
static const struct {
	const char *text;
	bool apex;  /* matches the name itself */
	bool below; /* matches what is below it */
	bool loose; /* and what only ends like it */
} leads[] = {
	{ "(^|\\.)", true, true, false },
	{ "(\\.|^)", true, true, false },
	{ "(.*\\.)?", true, true, false },
	{ "(.+\\.)?", true, true, false },
	{ "(.*\\.)*", true, true, false },
	{ "([^.]+\\.)?", true, true, false },
	{ "([^.]+\\.)*", true, true, false },
	{ "(?:.*\\.)?", true, true, false },
	{ "(.*)\\.", false, true, false },
	{ "(.+)\\.", false, true, false },
	{ "[^.]+\\.", false, true, false },
	{ "[^.]*\\.", false, true, false },
	{ "[a-z0-9-]+\\.", false, true, false },
	{ "[a-z0-9-]*\\.", false, true, false },
	{ "[a-zA-Z0-9-]+\\.", false, true, false },
	{ "[a-z]+\\.", false, true, false },
	{ ".*\\.", false, true, false },
	{ ".+\\.", false, true, false },
	{ "*\\.", false, true, false },
	{ "\\.", false, true, false },
	{ ".*.", false, true, false },
	{ ".+.", false, true, false },
	{ "*.", false, true, false },
	{ ".*", true, true, true },
	{ ".+", true, true, true },
	{ "*", true, true, true },
	{ ".", false, true, false },
	{ "", true, false, true },
};

/* What one alternative of a pattern was probably meant to match. */
struct guess {
	bool apex, below;
	bool loose_front, loose_end; /* it also matches what only ends, or begins, like it */
	char name[LIMIT_NAME + 1];
	struct span ports; /* with the colon, or empty */
};

/* "api\.github\.com", "api.github.com", "api[.]github[.]com" */
static bool read_literal(struct span s, char out[static LIMIT_NAME + 1])
{
	size_t n = 0;
	bool dot = false;

	while (s.n && n < LIMIT_NAME) {
		struct span one = SPAN_LIT("[.]"), escaped = SPAN_LIT("\\."),
			    minus = SPAN_LIT("\\-");
		size_t used = span_starts(s, one)			       ? 3 :
			      span_starts(s, escaped) || span_starts(s, minus) ? 2 :
										 1;
		char c = used == 3 ? '.' : s.p[used - 1];

		if (has_any((struct span){ &c, 1 }, "\\^$()|+?{}[]*:/") || c <= ' ' || c > '~')
			return false;
		dot |= c == '.';
		out[n++] = c;
		s = span_from(s, used);
	}
	out[n] = '\0';
	return s.n == 0 && dot && n > 0;
}

static bool drop_end(struct span *s, const char *end)
{
	if (!span_ends(*s, span_of(end)))
		return false;
	s->n -= strlen(end);
	return true;
}

static struct span take_ports(struct span *s)
{
	ptrdiff_t colon = span_rfind(*s, ':');
	struct span ports = { "", 0 };

	if (colon < 0)
		return ports;
	for (size_t i = (size_t)colon + 1; i < s->n; i++)
		if (s->p[i] < '0' || s->p[i] > '9')
			return ports;
	ports = span_from(*s, (size_t)colon);
	s->n = (size_t)colon;
	return ports;
}

/* anchored: the pattern that this is an alternative of is anchored at both ends. */
static bool guess(struct span s, bool anchored, struct guess *g)
{
	bool front = anchored, end = anchored;
	size_t i = 0;

	if (span_starts(s, SPAN_LIT("^"))) {
		front = true;
		s = span_from(s, 1);
	}
	end |= drop_end(&s, "$");
	if (drop_end(&s, ".*") || drop_end(&s, "*"))
		end = false;
	while (!span_starts(s, span_of(leads[i].text)))
		i++; /* the last one is empty */
	s = span_from(s, strlen(leads[i].text));
	g->ports = take_ports(&s);
	g->apex = leads[i].apex;
	g->below = leads[i].below;
	g->loose_front = leads[i].loose && (g->below || !front);
	g->loose_end = !end;
	return read_literal(s, g->name);
}

/* Appends "TEXT" in quotes, if it is a destination. */
static bool offer(const char *before, const struct guess *g, struct buf *out)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct dest d;
	struct err ignored;
	struct buf text;
	bool ok;

	buf_init(&text, 2U * LIMIT_NAME);
	buf_fmt(&text, "%s%s" SPAN_FMT, before, g->name, SPAN_ARG(g->ports));
	ok = dest_parse(buf_view(&text), DEST_FOR_ALLOW, &arena, &d, &ignored);
	if (!ok) { /* an address needs a port */
		buf_str(&text, ":443");
		ok = dest_parse(buf_view(&text), DEST_FOR_ALLOW, &arena, &d, &ignored);
	}
	if (ok)
		buf_fmt(out, "%s\"%s\"", out->n ? " and " : "", buf_cstr(&text));
	buf_done(&text);
	return ok;
}

/* The alternatives of a pattern: what is between its "|", where no parenthesis makes it hard. */
static struct span alternatives(struct span s, bool *anchored)
{
	struct span inside = span_from(s, 2);

	*anchored = span_starts(s, SPAN_LIT("^(")) && drop_end(&inside, ")$") &&
		    !has_any(inside, "()");
	return *anchored ? inside : s;
}

/* Fills in the first guess, and what to write instead of all of them. */
static bool guess_all(struct span line, struct guess *first, struct buf *out)
{
	bool anchored, ok = true;
	struct span rest = alternatives(line, &anchored), part;
	/* "(^|\.)" is no list. */
	char between = has_any(rest, "()") ? '\n' : '|';

	for (size_t n = 0; ok && span_next(&rest, between, &part); n++) {
		struct guess g = { 0 };

		ok = n < ALTERNATIVES_MAX && part.n && guess(part, anchored, &g) &&
		     (!g.apex || offer("", &g, out)) && (!g.below || offer("*.", &g, out));
		if (n == 0)
			*first = g;
	}
	return ok;
}

/* A name that the pattern matches and its author had not in mind. */
static void add_stranger(const struct guess *g, struct buf *out)
{
	buf_fmt(out, " that also matches \"%s%s%s\"", g->loose_end ? g->apex ? "" : "x." : "evil-",
		g->name, g->loose_end ? ".evil.test" : "");
}

bool allow_refuse(struct span line, struct err *e)
{
	struct guess first = { 0 };
	struct buf instead, why;
	char shown[SHOWN_MAX];
	bool dotted;

	if (!is_pattern(line))
		return false;
	buf_init(&instead, sizeof(e->msg));
	buf_init(&why, sizeof(e->msg));
	show(line, shown);
	/* ".github.com" is the way of NO_PROXY and others to write what is below a name. */
	dotted = line.p[0] == '.' && !has_any(line, "\\^$()|+?{}[]*");
	if (!guess_all(line, &first, &instead)) {
		(void)err_set(e, ERR_INVALID,
			      "\"%s\" is a pattern: expected a destination, like "
			      "\"api.github.com\" or \"*.github.com\", for each name that is meant",
			      shown);
	} else {
		if (!dotted && (first.loose_front || first.loose_end))
			add_stranger(&first, &why);
		(void)err_set(e, ERR_INVALID, "\"%s\" is a pattern%s: write %s", shown,
			      buf_cstr(&why), buf_cstr(&instead));
	}
	buf_done(&instead);
	buf_done(&why);
	return false;
}
