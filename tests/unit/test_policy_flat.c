/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan comes out as it went in, and nothing that is not one does any harm. */
#include <dirent.h>

#include "base/alloc.h"
#include "plan_same.h"
#include "policy/bridge.h"
#include "policy/decide.h"
#include "policy/flat.h"
#include "policy/network.h"
#include "policy_help.h"

#define GOLDEN "tests/golden"

#define RANDOM_PLANS 2000

static uint32_t seed = 2463534242;

static uint32_t below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

static struct buf encoded(const struct plan *p)
{
	struct buf out;

	buf_init(&out, LIMIT_PLAN_FLAT);
	plan_encode(p, &out);
	t_ok(buf_ok(&out));
	return out;
}

/* The bytes as a block of exactly their size. */
static bool decode(struct span bytes, struct plan **out, struct err *e)
{
	_cleanup_(freep) char *exact = xmalloc(bytes.n);

	memcpy(exact, bytes.p, bytes.n);
	return plan_decode(span_bytes(exact, bytes.n), NULL, out, e);
}

/* From now on it is written from what was read, not from the bytes that were kept of it. */
static void forget_bytes(struct plan *p)
{
	for (size_t i = 0; i < p->n_policies; i++)
		p->policies[i]->flat = (struct span){ 0 };
}

static void round_trip(const struct plan *p)
{
	_cleanup_(plan_freep) struct plan *back = NULL;
	_cleanup_(buf_done) struct buf bytes = encoded(p), kept = { 0 }, again = { 0 };
	struct err e = { 0 };

	t_good(decode(buf_view(&bytes), &back, &e), e);
	t_ok(plan_alike(p, back));
	t_eq_int(back->n_lints, 0);
	kept = encoded(back);
	t_ok(span_eq(buf_view(&bytes), buf_view(&kept)));
	forget_bytes(back);
	again = encoded(back);
	t_ok(span_eq(buf_view(&bytes), buf_view(&again)));
}

/* ---- Plans of policy files ---- */

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* NULL: the case is one that does not load, or has no policy. */
static struct plan *golden(const char *name)
{
	_cleanup_(freep) char *path = xasprintf(GOLDEN "/%s/policy.yaml", name);
	const struct policy_options o = { .groups = policy_builtin_groups,
					  .n_groups = policy_n_builtin_groups };
	struct plan *plan = NULL;
	struct err e;

	return policy_load(path, &o, &plan, &e) ? plan : NULL;
}

T(golden_policies)
{
	struct dirent **cases = NULL;
	int n = scandir(GOLDEN, &cases, visible, alphasort), loaded = 0;

	t_ok(n > 0);
	for (int i = 0; i < n; i++) {
		_cleanup_(plan_freep) struct plan *plan = golden(cases[i]->d_name);

		t_row = cases[i]->d_name;
		if (plan) {
			loaded++;
			round_trip(plan);
		}
	}
	t_row = NULL;
	for (int i = 0; i < n; i++)
		free(cases[i]);
	free(cases);
	t_ok(loaded > 25);
}

/* What a file has that goes through: every kind of field. */
#define EVERY_FIELD                                                                        \
	"version: 1\n"                                                                     \
	"policies:\n"                                                                      \
	"  base: {mode: audit, dns: real, ech: allow,\n"                                   \
	"         limits: {connections: 7, rate: 50mbit, quota: 2GB/day}}\n"               \
	"  p:\n"                                                                           \
	"    extends: base\n"                                                              \
	"    rules:\n"                                                                     \
	"      - {allow: ['a.test:80,443,8000-8099', '*.b.test', '[2001:db8::/32]:22'],\n" \
	"         types: [MX, TXT], comment: why}\n"                                       \
	"      - {deny: [any, icmp/echo-request, 'gre/203.0.113.0/24', 'host:3000']}\n"    \
	"      - {redirect: 'c.test', to: '10.77.0.1:8080'}\n"                             \
	"      - {ask: '*'}\n"                                                             \
	"subjects:\n"                                                                      \
	"  - {network: plain, policy: base}\n"                                             \
	"  - {network: full, policy: p, bridge: br0, lateral: allow, create: yes,\n"       \
	"     subnet: [10.77.0.0/24, 'fd77::/64'], gateway: ['fd77::1', 10.77.0.1],\n"     \
	"     controller: {mac: '02:42:0a:4d:00:02', ip: 10.77.0.2, egress: policed}}\n"   \
	"  - {container: {label: a=b}, policy: p}\n"                                       \
	"  - {proxy: '127.0.0.1:8888', user: ann, policy: base}\n"

static struct plan *every_field(void)
{
	return load_text(EVERY_FIELD);
}

/* The text above says what it is meant to: a field that went lost in loading would not be missed. */
T(every_field_is_there)
{
	_cleanup_(plan_freep) struct plan *p = every_field();
	const struct plan_policy *base = p->policies[0], *own = p->policies[1];

	t_eq_str(p->file, "p.yaml");
	t_eq_int(base->mode, MODE_AUDIT);
	t_eq_int(own->dns, DNS_REAL);
	t_eq_int(base->ech, ECH_ALLOW);
	t_ok(base->extended && !own->extended);
	t_eq_int(own->limits.connections, 7);
	t_ok(own->limits.rate_bits_s && own->limits.quota_bytes && own->limits.quota_period_s);
	t_eq_int(own->n_rules, 4);
	t_eq_int(own->rules[0].n_dests, 3);
	t_eq_int(own->rules[0].n_qtypes, 2);
	t_eq_str(own->rules[0].comment, "why");
	t_eq_int(own->rules[2].to->ports.one.lo, 8080);
	round_trip(p);
}

T(every_subject_is_there)
{
	_cleanup_(plan_freep) struct plan *p = every_field();
	const struct plan_network *plain = &p->subjects[0].network, *full = &p->subjects[1].network;

	t_eq_int(p->n_subjects, 4);
	t_eq_str(plain->bridge, "plain");
	t_ok(!plain->bridge_written && !plain->create && !plain->lateral && !plain->has_controller);
	t_eq_str(full->bridge, "br0");
	t_ok(full->bridge_written && full->create && full->lateral && full->has_controller);
	t_eq_int(full->v4.prefix.len, 24);
	t_eq_int(full->v4.gateway.bytes[3], 1);
	t_eq_int(full->v6.prefix.len, 64);
	t_eq_int(full->v6.gateway.bytes[15], 1);
	t_ok(full->controller.has_mac && full->controller.mac[5] == 2);
	t_eq_int(full->controller.addr.family, AF_INET);
	t_eq_int(full->controller.egress, CONTROLLER_POLICED);
	t_ok(p->subjects[1].policy == p->policies[1]);
	t_eq_str(p->subjects[3].user, "ann");
}

/* ---- Random plans, of whatever a plan has room for ---- */

static char *random_text(bool may_be_null)
{
	size_t n = below(20);
	char *s;

	if (may_be_null && below(3) == 0)
		return NULL;
	s = xmalloc(n + 1);
	for (size_t i = 0; i < n; i++)
		s[i] = (char)(1 + below(255));
	s[n] = '\0';
	return s;
}

static uint64_t random_u64(void)
{
	uint64_t high = below(UINT32_MAX);

	return below(2) ? 0 : high << 32 | below(UINT32_MAX);
}

static void random_addr(struct addr *a)
{
	static const uint8_t families[] = { 0, AF_INET, AF_INET6 };

	a->family = families[below(3)];
	for (size_t i = 0; i < addr_size(a) && a->family; i++)
		a->bytes[i] = (uint8_t)below(256);
}

static struct ports random_ports(struct arena *a)
{
	struct port_range r[LIMIT_PORT_RANGES];
	size_t n = below(4) ? below(2) : below(LIMIT_PORT_RANGES + 1);
	uint32_t next = below(100);

	for (size_t i = 0; i < n; i++) {
		r[i].lo = (uint16_t)next;
		r[i].hi = (uint16_t)(next + below(500));
		next = r[i].hi + 2 + below(3000);
	}
	return ports_of(r, n, a);
}

static const struct name *random_name(struct arena *a)
{
	struct name n = { .len = (uint8_t)(below(4) ? 1 + below(20) : LIMIT_NAME) };

	for (size_t i = 0; i < n.len; i++)
		n.s[i] = (char)('a' + below(26));
	return name_keep(&n, a);
}

static void random_dest(struct dest *d, struct arena *a)
{
	*d = (struct dest){ .proto = (int16_t)((int)below(257) - 1),
			    .icmp_type = (int16_t)((int)below(257) - 1),
			    .target = (enum dest_target)below(DEST_GROUP),
			    .ports = random_ports(a) };
	if (d->target == DEST_NAME || d->target == DEST_WILDCARD)
		d->name = random_name(a);
	if (d->target != DEST_PREFIX)
		return;
	while (!d->prefix.addr.family)
		random_addr(&d->prefix.addr);
	d->prefix.len = (uint8_t)below((uint32_t)addr_size(&d->prefix.addr) * 8 + 1);
}

static const char *random_kept(struct arena *a, bool may_be_null)
{
	_cleanup_(freep) char *s = random_text(may_be_null);

	return s ? arena_strdup(a, s) : NULL;
}

static void random_rule(struct plan_rule *r, struct arena *a)
{
	*r = (struct plan_rule){ .action = (enum rule_action)below(RULE_ACTION_COUNT),
				 .n_dests = below(4),
				 .policy = below(2) ? random_kept(a, false) : "as before",
				 .index = below(UINT32_MAX),
				 .file = below(2) ? random_kept(a, true) : "as before",
				 .comment = random_kept(a, true),
				 .private_names = below(2),
				 .added = below(2),
				 .n_qtypes = below(4) };
	r->dests = arena_array(a, r->n_dests, struct dest);
	r->qtypes = arena_array(a, r->n_qtypes, uint16_t);
	if (r->action == RULE_REDIRECT) {
		r->to = arena_array(a, 1, struct dest);
		do
			random_dest(r->to, a);
		while (r->to->target != DEST_NAME && r->to->target != DEST_PREFIX);
		r->to->ports = ports_one((uint16_t)below(65536));
	}
	for (size_t i = 0; i < r->n_dests; i++)
		random_dest(&r->dests[i], a);
	for (size_t i = 0; i < r->n_qtypes; i++)
		r->qtypes[i] = (uint16_t)below(65536);
}

static void random_policy(struct plan *plan)
{
	_cleanup_(freep) char *name = random_text(false);
	struct plan_policy *p = plan_policy_new(name);
	struct pos *places;

	p->mode = below(MODE_COUNT);
	p->dns = below(DNS_MODE_COUNT);
	p->dns_by_rules = below(2);
	p->ech = below(ECH_MODE_COUNT);
	p->limits = (struct plan_limits){ below(UINT32_MAX), random_u64(), random_u64(),
					  below(UINT32_MAX) };
	p->n_rules = below(4);
	p->extended = below(2);
	plan_policy_reserve(p, p->n_rules);
	places = plan_policy_add(plan, p, below(3) ? p->n_rules : 0);
	for (size_t i = 0; i < p->n_rules; i++) {
		random_rule(&p->rules[i], &p->arena);
		if (places && p->rules[i].file)
			places[i] = (struct pos){ below(UINT32_MAX), below(UINT32_MAX) };
	}
}

/* What a network may have; ids and bridges are numbered, as no two are the same. */
static void random_network(struct plan_network *n, unsigned i)
{
	(void)snprintf(n->bridge, sizeof(n->bridge), "br%u", i);
	n->bridge_written = below(2);
	n->lateral = below(2);
	n->create = below(2);
	if (below(2))
		n->v4 = (struct plan_subnet){
			{ { AF_INET, { 10, 77, (uint8_t)below(256) } }, 24 },
			{ below(2) ? AF_INET : 0, { 0 } },
		};
	if (n->v4.gateway.family) {
		n->v4.gateway = n->v4.prefix.addr;
		n->v4.gateway.bytes[3] = (uint8_t)(1 + below(254));
	}
	if (below(2))
		n->v6.prefix = (struct prefix){ { AF_INET6, { 0xfd, 0x77 } }, 64 };
	n->controller.has_mac = below(2);
	for (size_t k = 0; k < sizeof(n->controller.mac); k++)
		n->controller.mac[k] = (uint8_t)below(256);
	random_addr(&n->controller.addr);
	n->controller.egress = below(CONTROLLER_EGRESS_COUNT);
	n->has_controller = n->controller.has_mac || n->controller.addr.family;
}

static void random_subject(const struct plan *p, struct plan_subject *s, unsigned i)
{
	*s = (struct plan_subject){ .kind = below(SUBJECT_KIND_COUNT),
				    .id = xasprintf("subject %u", i),
				    .user = random_text(true),
				    .policy = p->policies[below((uint32_t)p->n_policies)],
				    .at = { below(UINT32_MAX), below(UINT32_MAX) } };
	if (s->kind == SUBJECT_NETWORK)
		random_network(&s->network, i);
}

static struct plan *random_plan(void)
{
	struct plan *p = xcalloc(1, sizeof(*p));

	p->file = random_text(true);
	for (size_t n = below(4); n > 0; n--)
		random_policy(p);
	p->n_subjects = p->n_policies ? below(4) : 0;
	p->subjects = xcalloc(p->n_subjects, sizeof(*p->subjects));
	for (size_t i = 0; i < p->n_subjects; i++)
		random_subject(p, &p->subjects[i], (unsigned)i);
	return p;
}

T(random_plans)
{
	for (int i = 0; i < RANDOM_PLANS; i++) {
		_cleanup_(plan_freep) struct plan *p = random_plan();

		round_trip(p);
	}
}

/* ---- What was not written so ---- */

static void numbers_in_range(const struct dest *d)
{
	t_ok(d->proto >= -1 && d->proto <= 255 && d->icmp_type >= -1 && d->icmp_type <= 255);
	t_ok(d->target < DEST_TARGET_COUNT && d->target != DEST_GROUP);
	t_ok(d->ports.n <= LIMIT_PORT_RANGES);
	for (size_t i = 0; i < d->ports.n; i++) {
		t_ok(ports_at(&d->ports, i).lo <= ports_at(&d->ports, i).hi);
		t_ok(i == 0 || ports_at(&d->ports, i - 1).hi + 1 < ports_at(&d->ports, i).lo);
	}
	t_ok(!dest_name(d) ||
	     (d->name->len > 0 && d->name->len <= LIMIT_NAME && d->name->s[d->name->len] == '\0'));
	t_ok(d->prefix.addr.family == 0 || d->prefix.addr.family == AF_INET ||
	     d->prefix.addr.family == AF_INET6);
	t_ok(d->prefix.len <= addr_size(&d->prefix.addr) * 8);
}

/* Looks at a policy as the gate does. */
static void use_policy(const struct plan *plan, const struct plan_policy *p)
{
	static const struct name name = { 6, "a.test" };
	static const struct addr addr = { AF_INET6, { 0x20, 0x01, 0x0d, 0xb8 } };
	static const uint8_t protos[] = { 1, 6, 17, 47 };
	const struct plan_rule *by;

	t_ok(p->mode < MODE_COUNT && p->dns < DNS_MODE_COUNT && p->ech < ECH_MODE_COUNT);
	(void)decide_name(p, &name, 15, &by);
	for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
		struct flow f = { protos[i], -1, 443, &name, i % 2 ? &addr : NULL };
		struct verdict v = decide(p, &f);
		struct buf why;

		buf_init(&why, 8192);
		verdict_why(plan, p, &f, &v, &why);
		buf_done(&why);
	}
	for (size_t i = 0; i < p->n_rules; i++) {
		char where[256], dest[DEST_STR_MAX];

		t_ok(p->rules[i].action < RULE_ACTION_COUNT);
		(void)plan_rule_where(plan, &p->rules[i], where, sizeof(where));
		t_ok((p->rules[i].to != NULL) == (p->rules[i].action == RULE_REDIRECT));
		if (p->rules[i].to) {
			numbers_in_range(p->rules[i].to);
			t_eq_int(p->rules[i].to->ports.n, 1);
		}
		for (size_t k = 0; k < p->rules[i].n_dests; k++) {
			numbers_in_range(&p->rules[i].dests[k]);
			(void)dest_show(&p->rules[i].dests[k], DEST_FOR_ALLOW, dest);
		}
	}
}

/* Looks at a subject as the enforcer does. */
static void use_subject(const struct plan *plan, const struct plan_subject *s)
{
	t_ok(s->kind < SUBJECT_KIND_COUNT && s->id);
	t_ok(plan_policy_number(plan, s->policy) < plan->n_policies);
	if (s->kind != SUBJECT_NETWORK)
		return;
	t_ok(s->id[0] && bridge_name_valid(span_of(s->network.bridge)));
	t_ok(network_addresses_ok(&s->network));
	t_ok(s->network.controller.egress < CONTROLLER_EGRESS_COUNT);
}

/* It is refused, or something that can be worked by, and is written as it is read. */
static bool survives(struct span bytes)
{
	_cleanup_(plan_freep) struct plan *p = NULL, *again = NULL;
	_cleanup_(buf_done) struct buf written = { 0 };
	struct err e = { 0 };

	if (!decode(bytes, &p, &e)) {
		t_err(e, ERR_INVALID, "the plan is cut or damaged at byte");
		t_ok(!p);
		return false;
	}
	for (size_t i = 0; i < p->n_policies; i++)
		use_policy(p, p->policies[i]);
	for (size_t i = 0; i < p->n_subjects; i++)
		use_subject(p, &p->subjects[i]);
	forget_bytes(p);
	written = encoded(p);
	t_good(decode(buf_view(&written), &again, &e), e);
	t_ok(plan_alike(p, again));
	return true;
}

T(cut_at_every_byte)
{
	_cleanup_(plan_freep) struct plan *p = every_field();
	_cleanup_(buf_done) struct buf bytes = encoded(p);

	for (size_t n = 0; n < bytes.n; n++)
		t_ok(!survives(span_first(buf_view(&bytes), n)));
	t_ok(survives(buf_view(&bytes)));
	buf_char(&bytes, '\0');
	t_ok(!survives(buf_view(&bytes)));
}

/* Numbers are bounded, whatever is made of them. */
T(one_byte_changed)
{
	static const uint8_t changes[] = { 1, 2, 4, 8, 16, 32, 64, 128, 255, 0x7f };
	_cleanup_(plan_freep) struct plan *p = every_field();
	_cleanup_(buf_done) struct buf bytes = encoded(p);
	size_t refused = 0;

	for (size_t at = 0; at < bytes.n; at++) {
		for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
			bytes.p[at] = (char)(bytes.p[at] ^ changes[i]);
			refused += !survives(buf_view(&bytes));
			bytes.p[at] = (char)(bytes.p[at] ^ changes[i]);
		}
	}
	t_ok(refused > bytes.n);
}

/* A policy's fields, in their order. */
#define NO_NAME "\0\0\0\0"
#define NAME	"\0\0\0\2p\0"
#define SETTINGS     \
	"\0\0\0\0\0" \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define COUNTS(rules, dests) rules dests "\0\0\0\0\0\0\0\0"

/* Bytes that lie about what follows: no memory is taken for what cannot be there. */
static const struct {
	const char *name;
	struct span bytes;
} lies[] = {
	{ "nothing", SPAN_LIT("") },
	{ "no number of subjects", SPAN_LIT("SPL5\0\0\0\0\0\0\0\0") },
	{ "a subject of no policy", SPAN_LIT("SPL5\0\0\0\0\0\0\0\0\0\0\0\1"
					     "\0\0\0\0\2x\0\0\0\0\0\0\0\0\0"
					     "\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "many subjects", SPAN_LIT("SPL5\0\0\0\0\0\0\0\0\xff\xff\xff\xff") },
	{ "another magic number", SPAN_LIT("SPL0\0\0\0\0\0\0\0\0") },
	{ "no number of policies", SPAN_LIT("SPL5\0\0\0\0") },
	{ "many policies", SPAN_LIT("SPL5\0\0\0\0\xff\xff\xff\xff") },
	{ "a long text", SPAN_LIT("SPL5\xff\xff\xff\xff") },
	{ "a text past the end", SPAN_LIT("SPL5\0\0\0\x09x") },
	{ "a policy of no bytes", SPAN_LIT("SPL5\0\0\0\0\0\0\0\1\0\0\0\0" SETTINGS SETTINGS) },
	{ "a policy without a name",
	  SPAN_LIT("SPL5\0\0\0\0\0\0\0\1\0\0\0\x31" NO_NAME SETTINGS COUNTS(
		  "\0\0\0\0", "\0\0\0\0") "\0\0\0\0\0") },
	{ "bytes behind a policy", SPAN_LIT("SPL5\0\0\0\0\0\0\0\1\0\0\0\x34" NAME SETTINGS COUNTS(
					   "\0\0\0\0", "\0\0\0\0") "\0"
								   "\0\0\0\0\0") },
	{ "a destination of no rule",
	  SPAN_LIT("SPL5\0\0\0\0\0\0\0\1\0\0\0\x33" NAME SETTINGS COUNTS(
		  "\0\0\0\0", "\0\0\0\1") "\0\0\0\0\0") },
	{ "many rules", SPAN_LIT("SPL5\0\0\0\0\0\0\0\1\0\0\0\x33" NAME SETTINGS COUNTS(
				"\xff\xff\xff\xff", "\0\0\0\0") "\0\0\0\0\0") },
};

T(lies_about_what_follows)
{
	T_EACH(row, lies)
	t_ok(!survives(row->bytes));
}

/* Who says where such a rule stands has nothing to print. */
T(line_of_no_file)
{
	_cleanup_(plan_freep) struct plan *p = every_field();
	_cleanup_(buf_done) struct buf bytes = { 0 };

	free(steal(&p->file));
	bytes = encoded(p);
	t_ok(!survives(buf_view(&bytes)));
}

T(a_policy_of_its_own)
{
	t_ok(survives(SPAN_LIT("SPL5\0\0\0\0\0\0\0\1\0\0\0\x33" NAME SETTINGS COUNTS(
		"\0\0\0\0", "\0\0\0\0") "\0\0\0\0\0")));
}

T(no_policies)
{
	t_ok(survives(SPAN_LIT("SPL5\0\0\0\0\0\0\0\0\0\0\0\0")));
}

/* ---- Networks that cannot be ---- */

static void edit_bridge_empty(struct plan *p)
{
	p->subjects[1].network.bridge[0] = '\0';
}

static void edit_bridge_endless(struct plan *p)
{
	memset(p->subjects[1].network.bridge, 'x', PLAN_BRIDGE_MAX);
}

static void edit_bridge_pattern(struct plan *p)
{
	p->subjects[1].network.bridge[0] = '*';
}

static void edit_bridge_same(struct plan *p)
{
	memcpy(p->subjects[1].network.bridge, p->subjects[0].network.bridge, PLAN_BRIDGE_MAX);
}

static void edit_name_same(struct plan *p)
{
	free(p->subjects[1].id);
	p->subjects[1].id = xstrdup(p->subjects[0].id);
}

static void edit_name_empty(struct plan *p)
{
	p->subjects[1].id[0] = '\0';
}

static void edit_gateway_outside(struct plan *p)
{
	p->subjects[1].network.v4.gateway.bytes[0]++;
}

static void edit_gateway_alone(struct plan *p)
{
	p->subjects[1].network.v4.prefix = (struct prefix){ 0 };
}

static void edit_subnet_family(struct plan *p)
{
	p->subjects[1].network.v6 = p->subjects[1].network.v4;
}

static void edit_controller_unknown(struct plan *p)
{
	p->subjects[1].network.controller.has_mac = false;
	p->subjects[1].network.controller.addr = (struct addr){ 0 };
}

static void edit_controller_hidden(struct plan *p)
{
	p->subjects[1].network.has_controller = false;
}

static void edit_many(struct plan *p)
{
	struct plan_subject model = p->subjects[0];
	size_t n = LIMIT_NETWORKS + 1;

	p->subjects = xrealloc(p->subjects, p->n_subjects + n, sizeof(*p->subjects));
	for (size_t i = 0; i < n; i++) {
		model.id = xasprintf("n%zu", i);
		(void)snprintf(model.network.bridge, PLAN_BRIDGE_MAX, "n%zu", i);
		p->subjects[p->n_subjects++] = model;
	}
}

static const struct {
	const char *name;
	void (*edit)(struct plan *p);
} impossible[] = {
	{ "a bridge without a name", edit_bridge_empty },
	{ "a bridge's name without an end", edit_bridge_endless },
	{ "a bridge's name that is a pattern", edit_bridge_pattern },
	{ "one bridge for two", edit_bridge_same },
	{ "one name for two", edit_name_same },
	{ "a network without a name", edit_name_empty },
	{ "a gateway outside of its subnet", edit_gateway_outside },
	{ "a gateway without a subnet", edit_gateway_alone },
	{ "an IPv4 subnet in the place of an IPv6 one", edit_subnet_family },
	{ "a controller that nothing tells from others", edit_controller_unknown },
	{ "a controller of a network without one", edit_controller_hidden },
	{ "too many networks", edit_many },
};

T(impossible_networks)
{
	T_EACH(row, impossible)
	{
		_cleanup_(plan_freep) struct plan *p = every_field();
		_cleanup_(buf_done) struct buf bytes = { 0 };

		row->edit(p);
		bytes = encoded(p);
		t_ok(!survives(buf_view(&bytes)));
	}
}

/* ---- Rules that cannot be: edits of every_field()'s second policy ---- */

static struct dest *dest_of(struct plan *p, size_t rule)
{
	return &p->policies[1]->rules[rule].dests[0];
}

static void edit_ports_reversed(struct plan *p)
{
	dest_of(p, 3)->ports.one = (struct port_range){ 2, 1 };
}

static void edit_ports(struct plan *p, struct port_range first, struct port_range second)
{
	const struct port_range r[] = { first, second };

	dest_of(p, 3)->ports = ports_of(r, 2, &p->policies[1]->arena);
}

static void edit_ports_unsorted(struct plan *p)
{
	edit_ports(p, (struct port_range){ 80, 80 }, (struct port_range){ 22, 22 });
}

static void edit_ports_touching(struct plan *p)
{
	edit_ports(p, (struct port_range){ 80, 80 }, (struct port_range){ 81, 81 });
}

static void edit_group(struct plan *p)
{
	dest_of(p, 3)->target = DEST_GROUP;
}

static void edit_no_prefix(struct plan *p)
{
	dest_of(p, 3)->target = DEST_PREFIX;
}

static void edit_empty_name(struct plan *p)
{
	const struct name none = { 0 };

	dest_of(p, 0)->name = name_keep(&none, &p->policies[1]->arena);
}

static void edit_to_no_port(struct plan *p)
{
	p->policies[1]->rules[2].to->ports = (struct ports){ 0 };
}

static void edit_to_anything(struct plan *p)
{
	p->policies[1]->rules[2].to->target = DEST_ANY;
}

static void edit_no_source(struct plan *p)
{
	p->policies[1]->rules[0].policy = NULL;
}

static const struct {
	const char *name;
	void (*edit)(struct plan *p);
} impossible_rule[] = {
	{ "ports the wrong way round", edit_ports_reversed },
	{ "ports that are not sorted", edit_ports_unsorted },
	{ "ports that are not merged", edit_ports_touching },
	{ "a group", edit_group },
	{ "a prefix of no family", edit_no_prefix },
	{ "an empty name", edit_empty_name },
	{ "a redirect to no port", edit_to_no_port },
	{ "a redirect to anything", edit_to_anything },
	{ "a rule of no policy", edit_no_source },
};

T(impossible_rules)
{
	T_EACH(row, impossible_rule)
	{
		_cleanup_(plan_freep) struct plan *p = every_field();
		_cleanup_(buf_done) struct buf bytes = { 0 };

		row->edit(p);
		bytes = encoded(p);
		t_ok(!survives(buf_view(&bytes)));
	}
}

T_MAIN(T_TEST(golden_policies), T_TEST(every_field_is_there), T_TEST(every_subject_is_there),
       T_TEST(impossible_networks), T_TEST(impossible_rules), T_TEST(random_plans),
       T_TEST(cut_at_every_byte), T_TEST(one_byte_changed), T_TEST(lies_about_what_follows),
       T_TEST(line_of_no_file), T_TEST(a_policy_of_its_own), T_TEST(no_policies))
