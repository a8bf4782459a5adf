/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan allows, or tries to deny, that is probably not meant. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "policy/resolve.h"

/* Anyone can have a name below these. */
static const char *const shared[] = {
	"amazonaws.com",
	"appspot.com",
	"azureedge.net",
	"azurewebsites.net",
	"blob.core.windows.net",
	"cloudfront.net",
	"firebaseapp.com",
	"github.io",
	"githubusercontent.com",
	"gitlab.io",
	"googleapis.com",
	"googleusercontent.com",
	"herokuapp.com",
	"netlify.app",
	"ngrok.io",
	"pages.dev",
	"r2.dev",
	"run.app",
	"s3.amazonaws.com",
	"vercel.app",
	"web.app",
	"workers.dev",
};

struct linter {
	struct resolver *r;
	const struct plan_policy *policy;
	const struct pos *places; /* of its rules */
	const struct plan_rule *rule;
};

static _printf_(4, 0) void vnote(struct resolver *r, const char *file, struct pos at,
				 const char *fmt, va_list ap)
{
	char text[512];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	vec_push(r->plan->lints, r->plan->n_lints, r->cap_lints,
		 ((struct lint){ file ? xstrdup(file) : NULL, at, xstrdup(text) }));
}

void resolve_note(struct resolver *r, const char *file, struct pos at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vnote(r, file, at, fmt, ap);
	va_end(ap);
}

/* At a place of the plan's own file. */
static _printf_(3, 4) void note(struct resolver *r, struct pos at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vnote(r, NULL, at, fmt, ap);
	va_end(ap);
}

static struct pos place(const struct linter *l, const struct plan_rule *rule)
{
	return l->places[rule - l->policy->rules];
}

/* Where the rule stands. */
static _printf_(2, 3) void note_rule(const struct linter *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vnote(l->r, l->rule->file, place(l, l->rule), fmt, ap);
	va_end(ap);
}

static bool has_port(const struct dest *d, int proto, uint16_t port)
{
	return (d->proto == proto || d->proto == DEST_PROTO_ANY) &&
	       (d->ports.n == 0 || ports_contain(&d->ports, port));
}

static bool is_one_port(const struct dest *d, int proto, uint16_t port)
{
	return d->proto == proto && d->ports.n == 1 && d->ports.one.lo == port &&
	       d->ports.one.hi == port;
}

static bool is_every_port(const struct dest *d)
{
	return d->ports.n == 0 ||
	       (ports_at(&d->ports, 0).lo == 0 && ports_at(&d->ports, 0).hi == UINT16_MAX);
}

static bool is_by_name(const struct dest *d)
{
	return d->target == DEST_NAME || d->target == DEST_WILDCARD || d->target == DEST_ANY_NAME;
}

/* ---- One destination of an allow. Each test says what is wrong, or nothing. ---- */

static bool lint_any(const struct dest *d)
{
	return d->target == DEST_ANY && is_every_port(d) && d->proto != IPPROTO_ICMP &&
	       d->proto != IPPROTO_ICMPV6;
}

static bool lint_quic(const struct dest *d)
{
	return is_by_name(d) && d->proto == IPPROTO_UDP && has_port(d, IPPROTO_UDP, 443);
}

static bool lint_http(const struct dest *d)
{
	return is_by_name(d) && is_one_port(d, IPPROTO_TCP, 80);
}

static bool lint_shared(const struct dest *d)
{
	for (size_t i = 0; d->target == DEST_WILDCARD && i < ARRAY_LEN(shared); i++)
		if (span_eq(name_span(d->name), span_of(shared[i])))
			return true;
	return false;
}

static bool lint_label(const struct dest *d)
{
	return d->target == DEST_NAME && span_find(name_span(d->name), '.') < 0;
}

static bool lint_forbidden(const struct dest *d)
{
	return d->target == DEST_PREFIX && addr_forbidden(&d->prefix.addr);
}

static const struct {
	bool (*found)(const struct dest *d);
	const char *text;
} lints[] = {
	{ lint_any, "opens every port of every address: name the ports or the destinations" },
	{ lint_quic, "is QUIC, in which the name cannot be checked: tcp 443 can" },
	{ lint_http, "is plain HTTP, which anyone on the way can read and change: prefer 443" },
	{ lint_shared, "is shared by strangers, who can have names of their own there: write the "
		       "names that are meant" },
	{ lint_label, "is a host name without a dot, which seldom is one" },
	{ lint_forbidden, "is in a range that no name opens unless this rule is there: any allowed "
			  "name may lead into it" },
};

static void lint_allow(const struct linter *l)
{
	char shown[DEST_STR_MAX];

	for (size_t i = 0; i < l->rule->n_dests; i++)
		for (size_t j = 0; j < ARRAY_LEN(lints); j++)
			if (lints[j].found(&l->rule->dests[i]))
				note_rule(l, "\"%s\" %s",
					  dest_show(&l->rule->dests[i], DEST_FOR_ALLOW, shown),
					  lints[j].text);
}

/* With real addresses a name has to be resolved, wherever it is then led to. */
static void lint_names(const struct linter *l)
{
	char shown[DEST_STR_MAX];

	for (size_t i = 0; i < l->rule->n_dests; i++) {
		const struct dest *d = &l->rule->dests[i];

		if ((d->target == DEST_ANY || d->target == DEST_ANY_NAME) &&
		    (d->proto == DEST_PROTO_ANY || proto_has_ports(d->proto)))
			note_rule(l,
				  "\"%s\" lets every name be asked for in DNS, whatever it spells",
				  dest_show(d, DEST_FOR_ALLOW, shown));
	}
}

/* ---- One destination behind another ---- */

static bool ports_cover(const struct ports *a, const struct ports *b)
{
	size_t i = 0;

	if (a->n == 0)
		return true;
	if (b->n == 0)
		return ports_at(a, 0).lo == 0 && ports_at(a, 0).hi == UINT16_MAX;
	/* Both are sorted and merged, so each range of b lies in one of a or in none. */
	for (size_t j = 0; j < b->n; j++) {
		while (i < a->n && ports_at(a, i).hi < ports_at(b, j).hi)
			i++;
		if (i == a->n || ports_at(a, i).lo > ports_at(b, j).lo)
			return false;
	}
	return true;
}

static bool target_covers(const struct dest *a, const struct dest *b)
{
	bool name = b->target == DEST_NAME || b->target == DEST_WILDCARD;

	switch (a->target) {
	case DEST_NAME:
		return b->target == DEST_NAME && name_eq(a->name, b->name);
	case DEST_WILDCARD:
		return name && (name_below(b->name, a->name) ||
				(b->target == DEST_WILDCARD && name_eq(a->name, b->name)));
	case DEST_ANY_NAME:
		return name || b->target == DEST_ANY_NAME;
	case DEST_PREFIX:
		return b->target == DEST_PREFIX && prefix_covers(&a->prefix, &b->prefix);
	case DEST_ANY:
		return b->target != DEST_HOST;
	case DEST_HOST:
		return b->target == DEST_HOST;
	case DEST_GROUP:
	case DEST_TARGET_COUNT:
		break; /* never in a plan */
	}
	return false;
}

/* Whatever b matches, a matches. */
static bool dest_covers(const struct dest *a, const struct dest *b)
{
	return (a->proto == DEST_PROTO_ANY || a->proto == b->proto) &&
	       (a->icmp_type < 0 || a->icmp_type == b->icmp_type) &&
	       ports_cover(&a->ports, &b->ports) && target_covers(a, b);
}

/* The earlier rule that leaves nothing of the destination, or NULL. */
static const struct plan_rule *find_cover(const struct linter *l, const struct dest *d)
{
	for (const struct plan_rule *r = l->policy->rules; r < l->rule; r++) {
		/* What the command line adds for once does not make the file wrong. */
		if (place(l, r).line == 0 && place(l, l->rule).line != 0)
			continue;
		for (size_t i = 0; i < r->n_dests; i++) {
			/* Behind `any`, an allowed range is still what opens the range to names. */
			if (r->dests[i].target == DEST_ANY && d->target == DEST_PREFIX &&
			    l->rule->action == RULE_ALLOW && r->action != RULE_DENY)
				continue;
			if (dest_covers(&r->dests[i], d))
				return r;
		}
	}
	return NULL;
}

/* A denial that comes too late: an earlier rule opens all of it. */
static bool lint_late_deny(const struct linter *l)
{
	const struct plan_rule *rule = l->rule;
	char shown[DEST_STR_MAX];

	for (size_t i = 0; rule->action == RULE_DENY && i < rule->n_dests; i++) {
		const struct plan_rule *cover = find_cover(l, &rule->dests[i]);

		if (!cover || cover->action == RULE_DENY)
			continue;
		note_rule(l, "\"%s\" is not denied here: %s:%u, which comes first, is \"%s\"",
			  dest_show(&rule->dests[i], DEST_FOR_DENY, shown), cover->policy,
			  cover->index, rule_action_str(cover->action));
		return true;
	}
	return false;
}

static void lint_shadowed(const struct linter *l)
{
	const struct plan_rule *cover;

	/* Further types count even where an earlier rule has the name. */
	if (l->rule->n_dests == 0 || l->rule->n_qtypes > 0 || lint_late_deny(l))
		return;
	for (size_t i = 0; i < l->rule->n_dests; i++) {
		cover = find_cover(l, &l->rule->dests[i]);
		if (!cover)
			return;
		if (i + 1 == l->rule->n_dests)
			note_rule(l, "the rule has no effect: %s:%u, which comes first, covers it",
				  cover->policy, cover->index);
	}
}

/* ---- Policies ---- */

/* What is inherited is noted once, where it stands; what a list adds, in the first policy that it
 * adds to. */
static bool is_own(const struct resolver *r, const struct plan_policy *p,
		   const struct plan_rule *rule)
{
	struct plan_policy *const *first = r->plan->policies;

	if (!rule->file)
		return strcmp(rule->policy, p->name) == 0;
	while (!resolve_takes_extras(r, *first))
		first++;
	return *first == p;
}

static void lint_policy(struct resolver *r, size_t number)
{
	const struct plan_policy *p = r->plan->policies[number];
	size_t n_dests = 0;

	for (size_t i = 0; i < p->n_rules; i++) {
		struct linter l = {
			.r = r, .policy = p, .places = r->plan->places[number], .rule = &p->rules[i]
		};

		n_dests += p->rules[i].n_dests;
		if (!is_own(r, p, &p->rules[i]))
			continue;
		if (p->rules[i].n_dests == 0)
			note_rule(&l, "the rule has no effect: its groups are empty");
		if (p->rules[i].action == RULE_ALLOW)
			lint_allow(&l);
		else if (p->rules[i].action == RULE_REDIRECT && p->dns == DNS_REAL)
			lint_names(&l);
		if (n_dests <= LIMIT_POLICY_LINTS)
			lint_shadowed(&l);
	}
}

void resolve_lint(struct resolver *r)
{
	const struct model *m = r->model;
	bool alone = m->n_policies == 0; /* the command line's */

	if (alone && r->plan->policies[0]->n_rules == 0)
		note(r, (struct pos){ m->doc.file ? 1 : 0, m->doc.file ? 1 : 0 },
		     m->doc.file ? "there is no policy: everything is denied" :
				   "there is no policy and no rule: everything is denied");
	for (size_t i = 0; i < r->plan->n_policies; i++) {
		const struct plan_policy *p = r->plan->policies[i];

		if (!alone && p->n_rules == 0)
			note(r, m->policies[i].at,
			     "the policy \"%s\" has no rules: everything is denied", p->name);
		lint_policy(r, i);
	}
	resolve_lint_networks(r);
}
