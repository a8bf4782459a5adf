/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Worlds are written in words: ports as "NAME/INDEX m05 ADDRESS...", where m05 is the far end's MAC
 * 02:00:00:00:00:05, with "down" or "tap" for what they are; what the engine says as "CONTAINER m05
 * ADDRESS..."; what comes of it as "NAME m05 ADDRESS... (CONTAINER)", or "NAME closed". ';' is between two.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/num.h"
#include "daemon/pins.h"
#include "t.h"

#define THINGS_MAX 4
#define STEPS_MAX  3

struct step {
	const char *ports, *facts;
	const char *
		bridge; /* its addresses; NULL: 10.77.0.1 fd77::1 fe80::1, "none": there is no bridge */
	bool no_controller; /* the policy no longer has it */
};

/* In all: /24 and /64, the bridge's MAC is m01. */
static const struct row {
	const char *name;
	struct step steps[STEPS_MAX]; /* one after the other, up to one without ports */
	const char *want;
	const char *problem;	/* of the last port that has one; NULL: none has */
	const char *controller; /* "m09 10.77.0.9", "m09" or "10.77.0.9" */
	bool engine;		/* it is followed */
	const char *seeds;	/* "NAME m05 ADDRESS...", of the first step */
} rows[] = {
	{ .name = "a far end with everything",
	  .steps = { { "p1/3 m05 10.77.0.5 fd77::5 fe80::5" } },
	  .want = "p1 m05 10.77.0.5 fd77::5 fe80::5" },
	{ .name = "a port is closed until its far end is up",
	  .steps = { { "p1/3 m05 10.77.0.5 down" } },
	  .want = "p1 closed" },
	{ .name = "what it had before it was up is not counted",
	  .steps = { { "p1/3 m04 10.77.0.4 down" }, { "p1/3 m05 10.77.0.5" } },
	  .want = "p1 m05 10.77.0.5" },
	{ .name = "and goes down",
	  .steps = { { "p1/3 m05 10.77.0.5" }, { "p1/3 m05 down" } },
	  .want = "p1 m05 10.77.0.5" },
	{ .name = "addresses that come later",
	  .steps = { { "p1/3 m05" }, { "p1/3 m05 10.77.0.5" }, { "p1/3 m05 10.77.0.5 fd77::5" } },
	  .want = "p1 m05 10.77.0.5 fd77::5" },
	{ .name = "a further one of a family is not taken",
	  .steps = { { "p1/3 m05 10.77.0.5 fe80::5" },
		     { "p1/3 m05 10.77.0.5 10.77.0.66 fe80::5 fe80::66" } },
	  .want = "p1 m05 10.77.0.5 fe80::5" },
	{ .name = "nor one instead of it",
	  .steps = { { "p1/3 m05 10.77.0.5" }, { "p1/3 m05 10.77.0.66" } },
	  .want = "p1 m05 10.77.0.5" },
	{ .name = "another MAC afterwards, and what comes with it",
	  .steps = { { "p1/3 m05 10.77.0.5" }, { "p1/3 m66 10.77.0.5 fd77::66" } },
	  .want = "p1 m05 10.77.0.5",
	  .problem = "p1 has another MAC than when it came" },
	{ .name = "a name that is used again",
	  .steps = { { "p1/3 m05 10.77.0.5" }, { "p1/4 m06 10.77.0.6" } },
	  .want = "p1 m06 10.77.0.6" },
	{ .name = "a port that is renamed",
	  .steps = { { "p1/3 m05 10.77.0.5" }, { "p2/3 m06 10.77.0.6" } },
	  .want = "p2 m06 10.77.0.6" },
	{ .name = "an index that is used again",
	  .steps = { { "p1/3 m05 10.77.0.5" }, { "p2/3 m06" }, { "p1/3 m06" } },
	  .want = "p1 m06" },
	{ .name = "no veth",
	  .steps = { { "p1/3 tap" } },
	  .want = "p1 closed",
	  .problem = "is no veth" },
	{ .name = "no bridge",
	  .steps = { { "p1/3 m05 10.77.0.5" }, { "p1/3 m05", NULL, "none" } },
	  .want = "" },

	/* What is not its own. */
	{ .name = "outside the bridge's networks",
	  .steps = { { "p1/3 m05 203.0.113.5 10.78.0.5 2001:db8::5" } },
	  .want = "p1 m05",
	  .problem = "203.0.113.5 is in none of the bridge's networks" },
	{ .name = "the bridge's addresses",
	  .steps = { { "p1/3 m05 10.77.0.1 fd77::1 fe80::1" } },
	  .want = "p1 m05",
	  .problem = "10.77.0.1 is the bridge's own address" },
	{ .name = "the gateway, where it is not the bridge",
	  .steps = { { "p1/3 m05 10.77.0.254" } },
	  .want = "p1 m05",
	  .problem = "10.77.0.254 is the network's gateway" },
	{ .name = "the bridge's MAC",
	  .steps = { { "p1/3 m01 10.77.0.5" } },
	  .want = "p1 closed",
	  .problem = "p1 has the bridge's own MAC" },
	{ .name = "the bridge's own afterwards",
	  .steps = { { "p1/3 m05 10.77.0.5" },
		     { "p1/3 m05 10.77.0.5", NULL, "10.77.0.1 10.77.0.5" } },
	  .want = "p1 m05",
	  .problem = "10.77.0.5 is the bridge's own address" },
	{ .name = "another port's address: the first one keeps it",
	  .steps = { { "p1/3 m05 10.77.0.5 fe80::5" },
		     { "p2/2 m06 10.77.0.5 fe80::5 fd77::6; p1/3 m05 10.77.0.5 fe80::5" } },
	  .want = "p2 m06 fd77::6; p1 m05 10.77.0.5 fe80::5",
	  .problem = "10.77.0.5 is another port's address" },
	{ .name = "another port's MAC",
	  .steps = { { "p1/3 m05 10.77.0.5" }, { "p2/2 m05 10.77.0.6; p1/3 m05 10.77.0.5" } },
	  .want = "p2 closed; p1 m05 10.77.0.5",
	  .problem = "p2 has another port's MAC" },
	{ .name = "it is free when that one has gone",
	  .steps = { { "p1/3 m05 10.77.0.5; p2/4 m05 10.77.0.5" }, { "p2/4 m05 10.77.0.5" } },
	  .want = "p2 m05 10.77.0.5" },

	/* What an earlier daemon knew. */
	{ .name = "as before, whoever claims it by now",
	  .seeds = "p1 m05 10.77.0.5 fe80::5",
	  .steps = { { "p2/2 m06 10.77.0.6 10.77.0.5 fe80::5; p1/3 m05 10.77.0.5 fe80::5" } },
	  .want = "p2 m06 10.77.0.6; p1 m05 10.77.0.5 fe80::5",
	  .problem = "10.77.0.5 is another port's address" },
	{ .name = "as before, and not what it has taken since",
	  .seeds = "p1 m05 10.77.0.5; p2 m06 10.77.0.6",
	  .steps = { { "p1/3 m05 10.77.0.66; p2/4 m06 10.77.0.5" } },
	  .want = "p1 m05 10.77.0.5; p2 m06 10.77.0.6" },
	{ .name = "another one by the port's name",
	  .seeds = "p1 m05 10.77.0.5",
	  .steps = { { "p1/3 m07 10.77.0.7" } },
	  .want = "p1 m07 10.77.0.7" },
	{ .name = "what the bridge's networks no longer have is not kept",
	  .seeds = "p1 m05 10.78.0.5 10.77.0.1",
	  .steps = { { "p1/3 m05" } },
	  .want = "p1 m05" },

	/* The engine's word. */
	{ .name = "a container",
	  .steps = { { "p1/3 m05 fe80::5", "web m05 10.77.0.5 fd77::5" } },
	  .want = "p1 m05 10.77.0.5 fd77::5 fe80::5 (web)" },
	{ .name = "its addresses and not the far end's",
	  .steps = { { "p1/3 m05 10.77.0.66", "web m05 10.77.0.5" } },
	  .want = "p1 m05 10.77.0.5 (web)" },
	{ .name = "also when it comes later",
	  .steps = { { "p1/3 m05 10.77.0.66 fd77::5" },
		     { "p1/3 m05 10.77.0.66 fd77::5", "web m05 10.77.0.5" } },
	  .want = "p1 m05 fd77::5 10.77.0.5 (web)" },
	{ .name = "another address than before",
	  .steps = { { "p1/3 m05", "web m05 10.77.0.5" }, { "p1/3 m05", "web m05 10.77.0.6" } },
	  .want = "p1 m05 10.77.0.6 (web)" },
	{ .name = "it is away",
	  .steps = { { "p1/3 m05", "web m05 10.77.0.5" }, { "p1/3 m05 10.77.0.66" } },
	  .want = "p1 m05 10.77.0.5 (web)" },
	{ .name = "a new name",
	  .steps = { { "p1/3 m05", "web m05 10.77.0.5" }, { "p1/3 m05", "db m05 10.77.0.5" } },
	  .want = "p1 m05 10.77.0.5 (db)" },
	{ .name = "another container's address, taken before that one came",
	  .steps = { { "p1/3 m05 10.77.0.6" },
		     { "p1/3 m05 10.77.0.6; p2/4 m06 10.77.0.6",
		       "web m05 10.77.0.5; db m06 10.77.0.6" } },
	  .want = "p1 m05 10.77.0.5 (web); p2 m06 10.77.0.6 (db)" },
	{ .name = "by one that the engine does not know",
	  .steps = { { "p1/3 m05 10.77.0.6" },
		     { "p1/3 m05 10.77.0.6; p2/4 m06 10.77.0.6", "db m06 10.77.0.6" } },
	  .want = "p1 m05; p2 m06 10.77.0.6 (db)",
	  .problem = "10.77.0.6 is another container's, as the engine has it" },
	{ .name = "of one whose port is not there yet",
	  .steps = { { "p1/3 m05 10.77.0.6", "db m06 10.77.0.6" } },
	  .want = "p1 m05",
	  .problem = "10.77.0.6 is another container's" },
	{ .name = "the bridge's address from the engine",
	  .steps = { { "p1/3 m05", "web m05 10.77.0.1" } },
	  .want = "p1 m05 (web)",
	  .problem = "10.77.0.1 is the bridge's own address" },
	{ .name = "one of no network of the bridge from the engine",
	  .steps = { { "p1/3 m05", "web m05 203.0.113.5" } },
	  .want = "p1 m05 (web)",
	  .problem = "203.0.113.5 is in none of the bridge's networks" },

	/* The controller's. */
	{ .name = "the controller by both",
	  .controller = "m09 10.77.0.9",
	  .steps = { { "p1/3 m09 10.77.0.9" } },
	  .want = "p1 m09 10.77.0.9" },
	{ .name = "its address comes later",
	  .controller = "m09 10.77.0.9",
	  .steps = { { "p1/3 m09" }, { "p1/3 m09 10.77.0.9" } },
	  .want = "p1 m09 10.77.0.9" },
	{ .name = "its MAC without its address",
	  .controller = "m09 10.77.0.9",
	  .steps = { { "p1/3 m09 10.77.0.5" } },
	  .want = "p1 closed",
	  .problem = "p1 has the controller's MAC without its address" },
	{ .name = "its MAC, and its address against the engine's word",
	  .controller = "m09 10.77.0.9",
	  .steps = { { "p1/3 m09 10.77.0.9", "web m09 10.77.0.5" } },
	  .want = "p1 closed (web)",
	  .problem = "p1 has the controller's MAC without its address" },
	{ .name = "its address without its MAC",
	  .controller = "m09 10.77.0.9",
	  .steps = { { "p1/3 m05 10.77.0.9 fd77::5" } },
	  .want = "p1 m05 fd77::5",
	  .problem = "10.77.0.9 is the controller's, and the MAC is not" },
	{ .name = "the same from the engine",
	  .controller = "m09 10.77.0.9",
	  .steps = { { "p1/3 m05", "web m05 10.77.0.9" } },
	  .want = "p1 m05 (web)",
	  .problem = "10.77.0.9 is the controller's, and the MAC is not" },
	{ .name = "known by its MAC alone",
	  .controller = "m09",
	  .steps = { { "p1/3 m09 10.77.0.5; p2/4 m05 10.77.0.9" } },
	  .want = "p1 m09 10.77.0.5; p2 m05 10.77.0.9" },
	{ .name = "known by its address alone: the first one",
	  .controller = "10.77.0.9",
	  .steps = { { "p1/3 m05 10.77.0.9; p2/4 m06 10.77.0.9" } },
	  .want = "p1 m05 10.77.0.9; p2 m06",
	  .problem = "10.77.0.9 is another port's address" },
	{ .name = "by its address alone, with an engine: the container that the engine has it for",
	  .controller = "10.77.0.9",
	  .engine = true,
	  .steps = { { "p1/3 m05 10.77.0.9" },
		     { "p1/3 m05 10.77.0.9; p2/4 m06 10.77.0.9", "c m06 10.77.0.9" } },
	  .want = "p1 m05; p2 m06 10.77.0.9 (c)",
	  .problem = "10.77.0.9 is another container's, as the engine has it" },
	{ .name = "and before that one comes nobody",
	  .controller = "10.77.0.9",
	  .engine = true,
	  .steps = { { "p1/3 m05 10.77.0.9 fd77::5" } },
	  .want = "p1 m05 fd77::5",
	  .problem =
		  "10.77.0.9 is the controller's, and the engine does not have it for this one" },
	{ .name = "one that the engine knows without an address",
	  .controller = "10.77.0.9",
	  .engine = true,
	  .steps = { { "p1/3 m05 10.77.0.9", "web m05 fd77::5" } },
	  .want = "p1 m05 fd77::5 (web)",
	  .problem =
		  "10.77.0.9 is the controller's, and the engine does not have it for this one" },
	{ .name = "what it was given is taken back when the engine has it no longer",
	  .controller = "10.77.0.9",
	  .engine = true,
	  .steps = { { "p1/3 m05 10.77.0.9", "c m05 10.77.0.9" },
		     { "p1/3 m05 10.77.0.9", "c m05 10.77.0.8" } },
	  .want = "p1 m05 10.77.0.8 (c)" },
	{ .name = "configured afterwards by its address alone, with an engine",
	  .controller = "10.77.0.9",
	  .engine = true,
	  .steps = { { "p1/3 m05 10.77.0.9", .no_controller = true }, { "p1/3 m05 10.77.0.9" } },
	  .want = "p1 m05",
	  .problem =
		  "10.77.0.9 is the controller's, and the engine does not have it for this one" },
	{ .name = "configured afterwards, and another port has its address",
	  .controller = "m09 10.77.0.9",
	  .steps = { { "p1/3 m05 10.77.0.9", .no_controller = true }, { "p1/3 m05 10.77.0.9" } },
	  .want = "p1 m05",
	  .problem = "10.77.0.9 is the controller's, and the MAC is not" },
	{ .name = "or its MAC",
	  .controller = "m09 10.77.0.9",
	  .steps = { { "p1/3 m09 10.77.0.5", .no_controller = true }, { "p1/3 m09 10.77.0.5" } },
	  .want = "p1 closed",
	  .problem = "p1 has the controller's MAC without its address" },
};

/* The parts of a text, without blanks around them. */
static bool part(struct span *rest, char sep, struct span *out)
{
	if (!span_next(rest, sep, out))
		return false;
	*out = span_trim(*out);
	return true;
}

static struct addr addr_of(struct span s)
{
	struct addr a = { 0 };
	struct err e = { 0 };

	t_good(addr_parse(s, &a, &e), e);
	return a;
}

/* "m05" */
static bool mac_of(struct span s, uint8_t mac[6])
{
	if (s.n != 3 || s.p[0] != 'm')
		return false;
	memset(mac, 0, 6);
	mac[0] = 2;
	mac[5] = (uint8_t)((s.p[1] - '0') * 16 + (s.p[2] - '0'));
	return true;
}

/* "NAME/INDEX" */
static void port_name(struct span s, struct links_port *p)
{
	ptrdiff_t slash = span_find(s, '/');
	uint64_t index = 0;
	struct err e = { 0 };

	t_ok(slash > 0 && slash < LINKS_NAME_MAX);
	memcpy(p->name, s.p, (size_t)slash);
	t_good(num_parse(span_from(s, (size_t)slash + 1), "index", 1, 99, &index, &e), e);
	p->index = (int)index;
}

static size_t read_ports(const char *text, struct links_port *out)
{
	struct span rest = span_of(text), one, word;
	size_t n = 0;

	while (part(&rest, ';', &one)) {
		struct links_port *p = &out[n++];

		*p = (struct links_port){ .veth = true, .running = true, .bridge = 7 };
		t_ok(part(&one, ' ', &word));
		port_name(word, p);
		while (part(&one, ' ', &word))
			if (span_eq(word, SPAN_LIT("down")))
				p->running = false;
			else if (span_eq(word, SPAN_LIT("tap")))
				p->veth = false;
			else if (!mac_of(word, p->mac))
				p->addrs[p->n_addrs++] = addr_of(word);
	}
	return n;
}

static size_t read_facts(const char *text, struct ctl_fact *out)
{
	struct span rest = span_of(text ? text : ""), one, word;
	size_t n = 0;

	while (text && part(&rest, ';', &one)) {
		struct ctl_fact *f = &out[n++];

		*f = (struct ctl_fact){ .bridge = "br7" };
		t_ok(part(&one, ' ', &word));
		memcpy(f->container, word.p, word.n);
		while (part(&one, ' ', &word))
			if (mac_of(word, f->mac))
				f->has_mac = true;
			else if (span_find(word, ':') >= 0)
				f->v6 = addr_of(word);
			else
				f->v4 = addr_of(word);
	}
	return n;
}

static size_t read_seeds(const char *text, struct pins_seed *out)
{
	struct span rest = span_of(text ? text : ""), one, word;
	size_t n = 0;

	while (text && part(&rest, ';', &one)) {
		struct pins_seed *seed = &out[n++];

		*seed = (struct pins_seed){ 0 };
		t_ok(part(&one, ' ', &word));
		memcpy(seed->port, word.p, word.n);
		while (part(&one, ' ', &word))
			if (!mac_of(word, seed->mac))
				seed->addrs[seed->n_addrs++] = addr_of(word);
	}
	return n;
}

static void read_bridge(const char *text, struct links_bridge *b)
{
	struct span rest = span_of(text ? text : "10.77.0.1 fd77::1 fe80::1"), word;

	*b = (struct links_bridge){ .name = "br7", .index = 7, .mac = { 2, 0, 0, 0, 0, 1 } };
	while (part(&rest, ' ', &word)) {
		struct addr a = addr_of(word);

		b->addrs[b->n_addrs] = a;
		b->subnets[b->n_addrs++] = addr_prefix(&a, a.family == AF_INET ? 24 : 64);
	}
}

static void read_controller(const char *text, struct plan_network *n)
{
	struct span rest = span_of(text), word;

	n->has_controller = true;
	while (part(&rest, ' ', &word))
		if (mac_of(word, n->controller.mac))
			n->controller.has_mac = true;
		else
			n->controller.addr = addr_of(word);
}

static void take(struct pins *p, const struct row *row, const struct step *step)
{
	struct plan_network network = { .v4.gateway = addr_of(SPAN_LIT("10.77.0.254")) };
	struct links_port ports[THINGS_MAX];
	struct ctl_fact facts[THINGS_MAX];
	struct pins_seed seeds[THINGS_MAX];
	struct links_bridge bridge = { 0 };
	bool there = !step->bridge || strcmp(step->bridge, "none") != 0;
	struct pins_seen s = {
		.network = &network, .ports = ports, .facts = facts, .engine = row->engine
	};

	s.seeds = seeds;
	s.n_seeds = step == row->steps ? read_seeds(row->seeds, seeds) : 0;
	s.n_ports = read_ports(step->ports, ports);
	s.n_facts = read_facts(step->facts, facts);
	if (there) {
		read_bridge(step->bridge, &bridge);
		s.bridge = &bridge;
	}
	if (row->controller && !step->no_controller)
		read_controller(row->controller, &network);
	pins_update(p, &s);
}

static const char *show(const struct pins *p, struct buf *out)
{
	char text[ADDR_STR_MAX];

	for (size_t i = 0; i < p->n; i++) {
		const struct pin *pin = &p->items[i];

		buf_fmt(out, "%s%s ", i ? "; " : "", pin->port);
		if (pin->open)
			buf_fmt(out, "m%02x", pin->mac[5]);
		else
			buf_str(out, "closed");
		for (size_t j = 0; j < pin->n_addrs; j++)
			buf_fmt(out, " %s", addr_str(&pin->addrs[j], text));
		if (pin->container[0])
			buf_fmt(out, " (%s)", pin->container);
	}
	return buf_cstr(out);
}

static const char *problem_of(const struct pins *p)
{
	const char *problem = "";

	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].problem[0])
			problem = p->items[i].problem;
	return problem;
}

T(worlds)
{
	T_EACH(row, rows)
	{
		_cleanup_(pins_done) struct pins p = { 0 };
		_cleanup_(buf_done) struct buf shown = { 0 };

		buf_init(&shown, 4096);
		for (size_t i = 0; i < STEPS_MAX && row->steps[i].ports; i++)
			take(&p, row, &row->steps[i]);
		t_eq_str(show(&p, &shown), row->want);
		if (row->problem && !strstr(problem_of(&p), row->problem))
			t_fail("problem: got \"%s\", expected \"%s\"", problem_of(&p),
			       row->problem);
		if (!row->problem)
			t_eq_str(problem_of(&p), "");
	}
}

/* The same world again changes nothing. */
T(again)
{
	T_EACH(row, rows)
	{
		_cleanup_(pins_done) struct pins p = { 0 };
		_cleanup_(buf_done) struct buf once = { 0 }, twice = { 0 };
		size_t last = 0;

		buf_init(&once, 4096);
		buf_init(&twice, 4096);
		for (size_t i = 0; i < STEPS_MAX && row->steps[i].ports; i++)
			take(&p, row, &row->steps[last = i]);
		(void)show(&p, &once);
		take(&p, row, &row->steps[last]);
		t_eq_str(show(&p, &twice), buf_cstr(&once));
	}
}

/* What the sets get: sorted, each once, the name of the port padded. */
T(elements)
{
	static const struct row row = { .name = "" };
	static const struct step step = {
		.ports = "p1/3 m05 10.77.0.5 fd77::5; p2/4 m06; p3/5 m07 down"
	};
	static const uint8_t arp[20] = { 'p', '1', [16] = 10, 77, 0, 5 },
			     mac[24] = { 'p', '2', [16] = 2, 0, 0, 0, 0, 6 },
			     peer[8] = { 2, 0, 0, 0, 0, 5 };
	_cleanup_(pins_done) struct pins p = { 0 };
	_cleanup_(freep) struct pins_element *el = NULL;
	size_t n, of[PINS_SET_COUNT] = { 0 };

	take(&p, &row, &step);
	pins_elements(&p, false, &el, &n);
	for (size_t i = 0; i < n; i++) {
		t_ok(i == 0 || pins_element_compare(&el[i - 1], &el[i]) < 0);
		of[el[i].set]++;
	}
	t_eq_int(of[PINS_MACS], 2);
	t_eq_int(of[PINS_ARP], 1);
	t_eq_int(of[PINS_IP4], 1);
	t_eq_int(of[PINS_IP6], 1);
	t_eq_int(of[PINS_PEERS], 2);
	t_eq_int(el[1].set, PINS_MACS);
	t_eq_mem(el[1].key, mac, sizeof(mac));
	t_eq_int(el[2].set, PINS_ARP);
	t_eq_mem(el[2].key, arp, sizeof(arp));
	t_eq_mem(el[n - 2].key, peer, sizeof(peer));
}

T_MAIN(T_TEST(worlds), T_TEST(again), T_TEST(elements))
