/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport explain: what happens to one destination, and which rule says so. */
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "policy/decide.h"

enum {
	OPT_POLICY,
	OPT_ALLOW,
	OPT_DENY,
	OPT_BASELINE,
	OPT_ALLOW_FILE,
	OPT_SUBJECT,
	OPT_JSON,
	OPT_COUNT
};

static const struct cli_option options[OPT_COUNT] = {
	[OPT_POLICY] = { "policy", 'p', "FILE", "the policy file" },
	[OPT_ALLOW] = { "allow", 'a', "DEST", "as if run with it; may be repeated" },
	[OPT_DENY] = { "deny", 'd', "DEST", "as if run with it; may be repeated" },
	[OPT_BASELINE] = { "baseline", 'b', "FILE", "as if run with it" },
	[OPT_ALLOW_FILE] = { "allow-file", 'f', "FILE", "as if run with it; may be repeated" },
	[OPT_SUBJECT] = { "subject", 's', "SUBJECT", "for whom (default: jail)" },
	[OPT_JSON] = { "json", 0, NULL, "print the answer as JSON" },
};

struct args {
	const char *subject;
	struct cli_rules rules;
	bool json;
};

/* The verdict on one port of the destination. */
struct answer {
	struct flow flow;
	struct verdict verdict;
};

/* What was asked: the first and last port of each range. */
struct inquiry {
	const struct plan *plan;
	const struct plan_policy *policy;
	struct arena arena; /* has what dest points to */
	struct dest dest;
	struct name name; /* with answers' flow.name */
	struct answer answers[2 * LIMIT_PORT_RANGES];
	size_t n_answers;
	bool allowed; /* on each of them */
	bool resolves;
	const struct plan_rule *dns_rule; /* that opens or denies the name, or NULL */
};

static const char *const kind_names[] = {
	[VERDICT_DENY] = "deny",
	[VERDICT_ALLOW] = "allow",
	[VERDICT_REDIRECT] = "redirect",
	[VERDICT_ASK] = "ask",
};

static const char *const reason_names[REASON_COUNT] = {
	[REASON_RULE] = "rule",
	[REASON_NO_RULE] = "no-rule",
	[REASON_FORBIDDEN] = "forbidden-range",
};

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	struct args *a = ctx;

	(void)e;
	if (cli_rules_take(&a->rules, &options[option], arg))
		return true;
	switch (option) {
	case OPT_SUBJECT:
		a->subject = arg;
		break;
	case OPT_JSON:
		a->json = true;
		break;
	}
	return true;
}

/* ---- for whom ---- */

static bool find_subject(const struct plan *p, const char *text, const struct plan_policy **out,
			 struct err *e)
{
	struct span id = span_of(text), kind;
	char shown[128], subject[SHOW_SUBJECT_MAX];

	if (!span_next(&id, ':', &kind))
		kind = id;
	for (size_t i = 0; i < p->n_subjects; i++) {
		if (!span_eq(kind, span_of(subject_kind_str(p->subjects[i].kind))) ||
		    !span_eq(id, span_of(show_subject(&p->subjects[i], subject))))
			continue;
		*out = p->subjects[i].policy;
		return true;
	}
	return err_set(
		e, ERR_INVALID,
		"there is no subject \"%s\": expected jail, policy:NAME, or one of the file as "
		"network:ID, container:NAME, label:KEY=VALUE, cgroup:PATH, proxy:ADDRESS or proxy:USER@ADDRESS",
		span_show(span_of(text), shown, sizeof(shown)));
}

static bool find_policy(const struct plan *p, const char *subject, const struct plan_policy **out,
			struct err *e)
{
	static const char prefix[] = "policy:";

	if (!subject || strcmp(subject, "jail") == 0)
		return plan_policy_pick(p, NULL, out, e);
	if (strncmp(subject, prefix, sizeof(prefix) - 1) == 0)
		return plan_policy_pick(p, subject + sizeof(prefix) - 1, out, e);
	return find_subject(p, subject, out, e);
}

/* ---- what ---- */

/* One name or address and one protocol; the flow without its port. */
static bool make_flow(struct inquiry *q, struct flow *out, struct err *e)
{
	const struct dest *d = &q->dest;
	bool one = d->target == DEST_NAME || d->target == DEST_HOST ||
		   (d->target == DEST_PREFIX && d->prefix.len == addr_size(&d->prefix.addr) * 8);
	char shown[DEST_STR_MAX];

	dest_show(d, DEST_FOR_ALLOW, shown);
	if (!one)
		return err_set(e, ERR_INVALID,
			       "\"%s\" is more than one place: expected a name or an address",
			       shown);
	if (d->proto == DEST_PROTO_ANY)
		return err_set(e, ERR_INVALID, "\"%s\" is more than one protocol: expected one",
			       shown);
	*out = (struct flow){ .proto = d->proto, .icmp_type = d->icmp_type };
	if (d->target == DEST_PREFIX) {
		out->addr = &d->prefix.addr;
		return true;
	}
	out->name = &q->name;
	if (d->target != DEST_NAME)
		return name_parse(SPAN_LIT(HOST_LOOPBACK_NAME), &q->name, e);
	name_copy(&q->name, d->name);
	return true;
}

static void ask(struct inquiry *q, struct flow f, uint16_t port)
{
	struct answer *a = &q->answers[q->n_answers++];

	f.port = port;
	a->flow = f;
	a->verdict = decide(q->policy, &f);
	if (a->verdict.kind == VERDICT_DENY || a->verdict.kind == VERDICT_ASK)
		q->allowed = false;
}

static bool inquire(struct inquiry *q, const char *text, struct err *e)
{
	const struct ports *ports = &q->dest.ports;
	struct flow f;

	if (!dest_parse(span_of(text), DEST_FOR_ALLOW, &q->arena, &q->dest, e) ||
	    !make_flow(q, &f, e))
		return false;
	q->allowed = true;
	if (ports->n == 0)
		ask(q, f, 0);
	for (size_t i = 0; i < ports->n; i++) {
		struct port_range r = ports_at(ports, i);
		uint16_t first = r.lo ? r.lo : 1;

		ask(q, f, first);
		if (r.hi != first)
			ask(q, f, r.hi);
	}
	if (f.name)
		q->resolves = decide_name(q->policy, f.name, 0, &q->dns_rule);
	return true;
}

/* ---- for people ---- */

static void print_answer(const struct inquiry *q, const struct answer *a)
{
	static const char *const words[] = {
		[VERDICT_DENY] = "denied",
		[VERDICT_ALLOW] = "allowed",
		[VERDICT_REDIRECT] = "redirected",
		[VERDICT_ASK] = "to be asked for",
	};
	char text[DEST_STR_MAX], id[SHOW_ID_MAX];
	const struct verdict *v = &a->verdict;
	struct dest d;
	struct buf why;

	flow_dest(&a->flow, &d);
	printf("%s: %s\n", words[v->kind], dest_show(&d, DEST_FOR_ALLOW, text));
	buf_init(&why, 2048);
	verdict_why(q->plan, q->policy, &a->flow, v, &why);
	printf("  why     %s\n", buf_cstr(&why));
	buf_done(&why);
	if (v->rule)
		printf("  rule    %s %s %s\n", show_rule_id(v->rule, id),
		       rule_action_str(v->rule->action),
		       dest_show(v->dest, show_use(v->rule->action), text));
	if (v->rule && v->rule->comment)
		printf("  comment %s\n", v->rule->comment);
	if (v->kind == VERDICT_DENY)
		printf("  allow   --allow %s\n", dest_show(&d, DEST_FOR_ALLOW, text));
}

static void print_dns(const struct inquiry *q)
{
	char id[SHOW_ID_MAX];

	if (q->policy->dns == DNS_OFF)
		printf("  dns     %s is not resolved: dns is off\n", q->name.s);
	else if (q->dns_rule)
		printf("  dns     %s %s, by %s\n", q->name.s,
		       q->resolves ? "may be resolved" : "is not resolved",
		       show_rule_id(q->dns_rule, id));
	else
		printf("  dns     %s is not resolved: no rule opens it\n", q->name.s);
}

static void print_inquiry(const struct inquiry *q)
{
	for (size_t i = 0; i < q->n_answers; i++)
		print_answer(q, &q->answers[i]);
	if (q->dest.target == DEST_NAME)
		print_dns(q);
	printf("  policy  %s\n", q->policy->name);
	if (q->policy->mode == MODE_AUDIT && !q->allowed)
		printf("  note    the mode is audit: what is denied passes, and is logged\n");
	if (q->dest.target == DEST_NAME && q->allowed)
		printf("  note    whatever the service behind a name can do is allowed with it\n");
}

/* ---- for programs ---- */

static json_t *answer_json(const struct inquiry *q, const struct answer *a)
{
	const struct verdict *v = &a->verdict;
	json_t *o = json_object();
	char text[DEST_STR_MAX];
	struct dest d;
	struct buf why;

	flow_dest(&a->flow, &d);
	buf_init(&why, 2048);
	verdict_why(q->plan, q->policy, &a->flow, v, &why);
	json_object_set_new(o, "destination", show_json(dest_show(&d, DEST_FOR_ALLOW, text)));
	json_object_set_new(o, "verdict", show_json(kind_names[v->kind]));
	json_object_set_new(o, "reason", show_json(reason_names[v->reason]));
	json_object_set_new(o, "why", show_json(buf_cstr(&why)));
	buf_done(&why);
	if (!v->rule)
		return o;
	show_rule_json(o, q->plan, v->rule);
	json_object_set_new(o, "matched",
			    show_json(dest_show(v->dest, show_use(v->rule->action), text)));
	if (v->kind == VERDICT_REDIRECT)
		json_object_set_new(o, "to",
				    show_json(dest_show(v->rule->to, DEST_FOR_ALLOW, text)));
	return o;
}

static json_t *inquiry_json(const struct inquiry *q)
{
	json_t *o = json_object(), *answers = json_array(), *dns;

	json_object_set_new(o, "policy", show_json(q->policy->name));
	json_object_set_new(o, "mode", show_json(policy_mode_str(q->policy->mode)));
	json_object_set_new(o, "allowed", json_boolean(q->allowed));
	for (size_t i = 0; i < q->n_answers; i++)
		json_array_append_new(answers, answer_json(q, &q->answers[i]));
	json_object_set_new(o, "answers", answers);
	if (q->dest.target != DEST_NAME)
		return o;
	dns = json_object();
	json_object_set_new(dns, "name", show_json(q->name.s));
	json_object_set_new(dns, "resolves", json_boolean(q->resolves));
	if (q->dns_rule)
		show_rule_json(dns, q->plan, q->dns_rule);
	json_object_set_new(o, "dns", dns);
	return o;
}

static bool explain(struct args *a, const char *text, bool *allowed, struct err *e)
{
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct inquiry q = { 0 };
	bool ok;

	if (!cli_rules_load(&a->rules, false, &plan, e))
		return false;
	q.plan = plan;
	ok = find_policy(plan, a->subject, &q.policy, e) && inquire(&q, text, e);
	if (ok && a->json)
		show_json_print(inquiry_json(&q));
	else if (ok)
		print_inquiry(&q);
	*allowed = q.allowed;
	arena_done(&q.arena);
	return ok;
}

static int run(int argc, char **argv)
{
	struct args args = { 0 };
	struct err e = { 0 };
	int operands, status;
	bool allowed = false;

	if (cli_parse(&cli_explain, argc, argv, take, &args, &operands, &status)) {
		bool ok = argc - operands == 1 ?
				  explain(&args, argv[operands], &allowed, &e) :
				  err_set(&e, ERR_INVALID, "explain: expected one DEST");

		status = !ok ? cli_usage_error(&e) : allowed ? CLI_OK : CLI_DENIED;
	}
	cli_rules_done(&args.rules);
	return status;
}

static const char *const notes[] = {
	"DEST is one name or address: github.com, github.com:22, udp/ntp.example:123, 203.0.113.5:22. "
	"Of a range of ports the first and the last are asked about.",
	"SUBJECT is jail (what \"run\" confines), policy:NAME, or one of the file's subjects: "
	"network:ID, container:NAME, label:KEY=VALUE, cgroup:PATH, proxy:ADDRESS.",
	"Ends with 0 when it is allowed, 1 when it is denied or has to be asked for, 2 on an error.",
	NULL,
};

const struct cli_command cli_explain = {
	.name = "explain",
	.args = "DEST",
	.summary = "tell whether a destination is allowed, and by which rule",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = notes,
};
