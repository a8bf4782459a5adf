/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DNS server of a jail, and of a daemon's networks. A question comes by datagram or in a stream
 * (dns_stream.c); the policy judges the name before anything leaves; the answer carries a virtual
 * address, or real ones, which for a network are those that the kernel lets pass (dns_network.c).
 */
#include <string.h>

#include "base/alloc.h"
#include "gate/dns_internal.h"
#include "gate/learned.h"

/* How long a client may remember a virtual address. It stays good for as long as the jail lives;
 * the time only bounds how long a name that stops resolving seems to be there. */
#define VIRTUAL_TTL_S 60

static void reply(struct dns_job *job, const struct dns_reply *r)
{
	struct dns_reply whole = *r;
	_cleanup_(buf_done) struct buf out;

	buf_init(&out, LIMIT_DNS_MESSAGE);
	whole.tcp = job->stream != NULL;
	dns_reply_build(&job->question, &whole, &out);
	dns_job_send(job, buf_view(&out));
}

static void reply_code(struct dns_job *job, unsigned rcode)
{
	reply(job, &(struct dns_reply){ .rcode = rcode, .ttl_s = LIMIT_DNS_TTL_FLOOR });
}

static struct event question_event(const struct dns_job *job, enum event_verdict verdict)
{
	struct flow f = { .proto = job->stream ? IPPROTO_TCP : IPPROTO_UDP,
			  .icmp_type = -1,
			  .name = &job->question.name };
	struct event ev = event_of(&f, EVENT_DNS, LAYER_DNS);

	ev.verdict = verdict;
	ev.qtype = job->question.qtype;
	return ev;
}

static void tell(struct dns_job *job, enum event_verdict verdict, const struct plan_rule *rule,
		 const char *why)
{
	struct verdict v = { .rule = rule };
	struct event ev = question_event(job, verdict);

	event_because(&ev, "%s", why);
	report(job->subject, &ev, &v);
}

/* The policy's rule on a name, in words. */
static void tell_denied(struct dns_job *job, enum event_verdict verdict,
			const struct plan_rule *rule)
{
	struct verdict v = { .kind = VERDICT_DENY,
			     .rule = rule,
			     .reason = rule ? REASON_RULE : REASON_NO_RULE };
	struct flow f = { .proto = IPPROTO_TCP, .icmp_type = -1, .name = &job->question.name };
	struct event ev = question_event(job, verdict);

	event_explain(job->subject, &ev, &f, &v);
	report(job->subject, &ev, &v);
}

static void reply_virtual(struct dns_job *job)
{
	struct gate *g = job->dns->gate;
	struct addr a;

	if (!vaddr_give(g->vaddrs, &job->question.name,
			job->question.qtype == DNS_TYPE_A ? AF_INET : AF_INET6, &a)) {
		tell(job, EVENT_ERROR, NULL, "all virtual addresses are given out");
		reply_code(job, DNS_SERVFAIL);
		return;
	}
	reply(job, &(struct dns_reply){ .addrs = &a, .n_addrs = 1, .ttl_s = VIRTUAL_TTL_S });
}

static void reply_real(struct dns_job *job, const struct addr *addrs, size_t n, uint32_t ttl_s)
{
	for (size_t i = 0; !job->subject->network && i < n; i++)
		learned_add(job->dns->gate->learned, &addrs[i], &job->question.name, ttl_s);
	reply(job, &(struct dns_reply){ .addrs = addrs, .n_addrs = n, .ttl_s = ttl_s });
}

static void tell_forbidden(struct dns_job *job, const struct addr *a, const char *range)
{
	struct verdict v = { .rule = job->rule };
	struct event ev = question_event(job, EVENT_DENY);
	char text[ADDR_STR_MAX];

	ev.addr = *a;
	ev.remedy = REMEDY_ADDR;
	event_because(&ev, "its address %s is %s, which a name never opens by itself",
		      addr_str(a, text), range);
	report(job->subject, &ev, &v);
}

/* Upstream knows the name: what of it may the jail see? */
static void answer_addresses(struct dns_job *job, const struct resolved *r)
{
	struct addr good[LIMIT_DNS_ADDRESSES];
	const char *range = NULL;
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (judge_may_stand(job->subject, &r->addrs[i]) || audit_mode(job->subject))
			good[n++] = r->addrs[i];
		else
			range = addr_forbidden(&r->addrs[i]);
	}
	if (n == 0 && range) {
		tell_forbidden(job, &r->addrs[0], range);
	} else if (!job->audited) {
		tell(job, EVENT_ALLOW, job->rule, "the name is allowed");
	}
	if (n == 0)
		reply_code(job, DNS_NOERROR);
	else if (job->subject->network || job->subject->policy->dns == DNS_REAL)
		reply_real(job, good, n, r->ttl_s);
	else
		reply_virtual(job);
}

static void answer_message(struct dns_job *job, const struct resolved *r)
{
	_cleanup_(buf_done) struct buf out;

	buf_init(&out, LIMIT_DNS_MESSAGE);
	dns_relay_build(&job->question, r->message, &r->relay, job->stream != NULL, &out);
	tell(job, EVENT_ALLOW, job->rule, "the rule lists this query type");
	dns_job_send(job, buf_view(&out));
}

/* What is known of the name now, which may be asked for. */
static void answer(struct dns_job *job, const struct resolved *r)
{
	if (r->rcode == DNS_SERVFAIL) {
		tell(job, EVENT_ERROR, job->rule, "no upstream resolver gave an answer");
		reply_code(job, DNS_SERVFAIL);
	} else if (r->message.n) {
		answer_message(job, r);
	} else if (r->n) {
		answer_addresses(job, r);
	} else {
		reply_code(job, r->rcode);
	}
}

static bool by_address(const struct dns_job *job)
{
	return job->question.qtype == DNS_TYPE_A || job->question.qtype == DNS_TYPE_AAAA;
}

/* RFC 6761 6.3: localhost is never asked for; inside a jail it is the jail's own. */
static bool is_localhost(const struct name *n)
{
	static const struct name localhost = { 9, "localhost" };

	return name_eq(n, &localhost) || name_below(n, &localhost);
}

static void reply_localhost(struct dns_job *job)
{
	static const uint8_t v4[4] = { 127, 0, 0, 1 };
	static const uint8_t v6[16] = { [15] = 1 };
	struct addr both[2] = { addr_from_v4(v4), addr_from_v6(v6) };

	reply(job, &(struct dns_reply){ .addrs = both, .n_addrs = 2, .ttl_s = VIRTUAL_TTL_S });
}

/* By REFUSED no one takes an address for one without a name. */
static enum dns_rcode denied_code(const struct dns_job *job)
{
	return job->subject->network && job->question.qtype == DNS_TYPE_PTR ? DNS_REFUSED :
									      DNS_NXDOMAIN;
}

/* The name is a rule's own, or a wildcard's and may be asked for. */
static bool wildcard_may_answer(struct dns_job *job)
{
	const struct plan_policy *p = job->subject->policy;
	const struct name *n = &job->question.name;

	if (job->subject->network) {
		if (wild_named(p, n) || is_host_loopback(n))
			return true;
		tell(job, EVENT_DENY, job->rule,
		     "in a network only names that a rule says in full are answered");
		return false;
	}
	if (wild_within(&job->subject->wild, p, n))
		return true;
	tell(job, EVENT_DENY, job->rule, WILD_USED_UP);
	return false;
}

static void identify(struct dns_job *job)
{
	job->subject = dns_subject(job->dns, job->ifindex);
	job->generation = job->dns->gate->generation;
}

/* Whether the question may go upstream; what may not is answered here. */
static bool judge(struct dns_job *job)
{
	const struct plan_policy *p = job->subject->policy;
	const struct name *n = &job->question.name;

	if (!decide_name(p, n, 0, &job->rule)) {
		if (is_host_loopback(n)) {
			tell(job, EVENT_DENY, NULL,
			     "the host's own loopback: --allow host:PORT opens a port of it");
			reply_code(job, DNS_NXDOMAIN);
			return false;
		}
		job->audited = audit_mode(job->subject);
		tell_denied(job, job->audited ? EVENT_AUDIT : EVENT_DENY, job->rule);
		if (!job->audited) {
			reply_code(job, denied_code(job));
			return false;
		}
	}
	if (!by_address(job) &&
	    (dns_type_refused(job->question.qtype) ||
	     (!audit_mode(job->subject) && !decide_name(p, n, job->question.qtype, &job->rule)))) {
		reply_code(job, DNS_NOERROR);
		return false;
	}
	if (!audit_mode(job->subject) && !wildcard_may_answer(job)) {
		reply_code(job, DNS_REFUSED);
		return false;
	}
	return true;
}

static void on_resolved(void *ctx, const struct resolved *r)
{
	struct dns_job *job = ctx;
	bool same = job->generation == job->dns->gate->generation;

	/* In the meantime the policy may have become another. */
	if (!same)
		identify(job);
	if (job->subject && (same || judge(job)))
		answer(job, r);
	dns_job_end(job);
}

/* Wherever a connection to this name leads, it is not to where upstream would say. */
static bool leads_elsewhere(const struct dns_job *job)
{
	if (is_host_loopback(&job->question.name))
		return true;
	return job->rule && job->rule->action == RULE_REDIRECT &&
	       job->subject->policy->dns == DNS_VIRTUAL && !job->audited;
}

/* The supervisor has asked upstream already. In audit mode the kernel lets all pass, and then
 * upstream may be asked for a name that no rule has. */
static bool answer_network(struct dns_job *job)
{
	struct resolved r;

	if (!dns_network_find(job, &r)) {
		if (audit_mode(job->subject))
			return false;
		tell(job, EVENT_ERROR, job->rule, "it has no addresses yet that are in force");
		reply_code(job, DNS_SERVFAIL);
	} else if (is_host_loopback(&job->question.name) && r.n) {
		reply_real(job, r.addrs, r.n, r.ttl_s);
	} else {
		answer(job, &r);
	}
	return true;
}

/* False: upstream has to be asked. */
static bool answer_here(struct dns_job *job)
{
	bool elsewhere = leads_elsewhere(job);

	if (job->subject->network && by_address(job))
		return answer_network(job);
	if (!elsewhere)
		return false;
	if (by_address(job))
		reply_virtual(job);
	else
		reply_code(job, DNS_NOERROR);
	return true;
}

/* A question that was read whole. */
static void ask(struct dns_job *job)
{
	struct gate *g = job->dns->gate;

	if (is_localhost(&job->question.name)) {
		reply_localhost(job);
	} else if (job->subject->policy->dns == DNS_OFF) {
		tell(job, EVENT_DENY, NULL, "the policy says dns: off");
		reply_code(job, DNS_REFUSED);
	} else if (judge(job) && !answer_here(job)) {
		resolver_ask(g->resolver, &job->wait, &job->question.name, job->question.qtype);
		return;
	}
	dns_job_end(job);
}

void dns_question(struct dns_job *job, struct span msg)
{
	unsigned rcode;

	job->wait.fn = on_resolved;
	job->wait.ctx = job;
	switch (dns_query_parse(msg, &job->question, &rcode)) {
	case DNS_QUERY_OK:
		ask(job);
		return;
	case DNS_QUERY_BAD_NAME: {
		struct event ev = question_event(job, EVENT_DENY);
		char shown[128];

		ev.name.len = 0;
		event_because(&ev, "%s is no host name",
			      dns_question_show(&job->question, shown, sizeof(shown)));
		report(job->subject, &ev, NULL);
		reply_code(job, rcode);
		break;
	}
	case DNS_QUERY_REJECT:
		reply_code(job, rcode);
		break;
	case DNS_QUERY_DROP:
		break;
	}
	dns_job_end(job);
}

struct subject *dns_subject(const struct dns *d, uint32_t ifindex)
{
	struct gate *g = d->gate;

	for (size_t i = 0; i < g->n_subjects; i++)
		if (!g->subjects[i].network || g->subjects[i].network->ifindex == ifindex)
			return &g->subjects[i];
	return NULL;
}

size_t dns_share(const struct dns *d, size_t max)
{
	return MAX(1, max / MAX(1, d->gate->n_subjects));
}

static size_t jobs_of(const struct dns *d, uint32_t ifindex)
{
	const struct dns_job *job;
	size_t n = 0;

	LIST_FOREACH(job, &d->jobs, link)
	n += job->ifindex == ifindex;
	return n;
}

struct dns_job *dns_job_new(struct dns *d, uint32_t ifindex)
{
	size_t share = dns_share(d, LIMIT_DNS_PENDING);
	struct dns_job *job;

	if (d->n_jobs >= LIMIT_DNS_PENDING || !dns_subject(d, ifindex) ||
	    (d->n_jobs >= share && jobs_of(d, ifindex) >= share))
		return NULL;
	job = xcalloc(1, sizeof(*job));
	job->dns = d;
	job->ifindex = ifindex;
	identify(job);
	d->n_jobs++;
	LIST_INSERT_HEAD(&d->jobs, job, link);
	return job;
}

void dns_job_end(struct dns_job *job)
{
	struct dns_stream *stream = job->stream;

	resolver_cancel(&job->wait);
	LIST_REMOVE(job, link);
	job->dns->n_jobs--;
	free(job);
	if (stream)
		dns_stream_job_ended(stream);
}

void dns_job_send(struct dns_job *job, struct span msg)
{
	if (job->stream)
		dns_stream_send(job->stream, msg);
	else
		dns_datagram_send(job, msg);
}

struct dns *dns_new(struct gate *g)
{
	struct dns *d = xcalloc(1, sizeof(*d));

	d->gate = g;
	dns_datagram_start(d);
	if (g->o->kind == GATE_DAEMON)
		dns_network_listen(d);
	return d;
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	while (!LIST_EMPTY(&d->streams))
		dns_stream_close(LIST_FIRST(&d->streams));
	while (!LIST_EMPTY(&d->jobs))
		dns_job_end(LIST_FIRST(&d->jobs));
	watch_close(d->udp);
	watch_close(d->listener);
	free(d);
}
