/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel/tables.h against the kernel, in a network namespace for each test. */
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nftables/libnftables.h>

#include "kernel/nft.h"
#include "tables_cases.h"

static struct tables *open_tables(enum tables_owner owner)
{
	struct tables *t = NULL;
	struct err e;

	t_ok(fresh());
	t_good(tables_open(owner, &t, &e), e);
	return t;
}

static void same(struct tables *t, const struct ruleset *r)
{
	char differs[256];
	struct err e;

	t_good(tables_compare(t, r, NULL, differs, sizeof(differs), &e), e);
	t_eq_str(differs, "");
}

static void load(struct tables *t, const struct ruleset *was, const struct ruleset *next)
{
	struct err e;

	t_good(tables_load(t, was, next, &e), e);
	same(t, next);
}

T(load_and_remove)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);
	_cleanup_(ruleset_freep) struct ruleset *r = case_ruleset(3, 100), *none = ruleset_new();
	bool had = true;
	struct err e;

	t_good(tables_remove(t, &had, &e), e);
	t_ok(!had);
	load(t, NULL, r);
	t_ok(tables_owned(t));
	load(t, NULL, r);
	load(t, r, r);
	load(t, r, none);
	load(t, none, r);
	t_good(tables_remove(t, &had, &e), e);
	t_ok(had);
	t_good(tables_remove(t, &had, &e), e);
	t_ok(!had);
}

/* What nft lists. */
static void list(struct buf *out)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);

	t_ok(ctx && nft_ctx_buffer_output(ctx) == 0);
	t_ok(nft_run_cmd_from_buffer(ctx, "list ruleset") == 0);
	buf_init(out, 1 << 20);
	buf_str(out, nft_ctx_get_output_buffer(ctx));
	nft_ctx_free(ctx);
}

/* The text of a ruleset and its messages are the same to the kernel. */
T(listed_as_its_text)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_FREE);
	_cleanup_(ruleset_freep) struct ruleset *r = case_every();
	_cleanup_(buf_done) struct buf ours = { 0 }, theirs = { 0 }, text = { 0 };
	struct err e;

	load(t, NULL, r);
	t_ok(!tables_owned(t));
	list(&ours);
	buf_init(&text, 1 << 20);
	ruleset_text(r, &text);
	t_ok(fresh());
	t_good(nft_load(buf_cstr(&text), &e), e);
	list(&theirs);
	if (strcmp(buf_cstr(&ours), buf_cstr(&theirs)) != 0)
		t_fail("by messages:\n%s\nby text:\n%s", buf_cstr(&ours), buf_cstr(&theirs));
}

static void one_element_more(struct ruleset *r)
{
	case_add4(rs_set_find(&r->tables[RS_INET], "net1-1-4"), 0x01010101, 1, "new");
}

static void one_element_less(struct ruleset *r)
{
	struct rs_set *s = rs_set_find(&r->tables[RS_INET], "net1-1-4");

	s->elements.items[0] = s->elements.items[--s->elements.n];
}

static void one_comment(struct ruleset *r)
{
	rs_set_find(&r->tables[RS_INET], "net1-1-4")->elements.items[3].comment = "other";
}

static void one_range(struct ruleset *r)
{
	static uint8_t end[RULESET_KEY_MAX];

	case_key(end, 0xc6336463U, 0xffff);
	rs_set_find(&r->tables[RS_INET], "net1-1-4r")->elements.items[0].end = end;
}

static void another_verdict(struct ruleset *r)
{
	rs_set_find(&r->tables[RS_INET], "forward")->elements.items[0].verdict.kind = RS_DROP;
}

static void another_network(struct ruleset *r)
{
	case_network(r, 7, 5);
}

static void another_rule(struct ruleset *r)
{
	rs_chain_find(&r->tables[RS_INET], "net1")->rules[0].exprs[1].verdict.kind = RS_DROP;
}

static void another_size(struct ruleset *r)
{
	rs_set_find(&r->tables[RS_INET], "net1-1-4")->size = 500;
}

static void another_map_size(struct ruleset *r)
{
	rs_set_find(&r->tables[RS_INET], "forward")->size = 50;
}

static void another_priority(struct ruleset *r)
{
	rs_chain_find(&r->tables[RS_INET], "forward")->priority = -20;
}

static void another_name(struct ruleset *r)
{
	struct rs_table *t = &r->tables[RS_INET];

	rs_chain_find(t, "net1")->name = "net9";
	rs_set_find(t, "forward")->elements.items[1].verdict.chain = "net9";
}

static void drop_rules(struct rs_chain *c)
{
	while (c->n_rules > 0)
		free(c->rules[--c->n_rules].exprs);
}

static void no_rules(struct ruleset *r)
{
	drop_rules(rs_chain_find(&r->tables[RS_INET], "net1"));
}

static void no_bridge(struct ruleset *r)
{
	struct rs_chain *c = r->tables[RS_BRIDGE].chains[0];

	drop_rules(c);
	free(c->rules);
	r->tables[RS_BRIDGE].n_chains = r->parts[0]->tables[RS_BRIDGE].n_chains = 0;
}

static void nothing(struct ruleset *r)
{
	(void)r;
}

/* messages: of the way there, with the batch's begin and end; 0: not counted. */
static const struct {
	const char *name;
	void (*edit)(struct ruleset *r);
	size_t messages;
} edits[] = {
	{ "nothing", nothing, 1 },
	{ "an element more", one_element_more, 3 },
	{ "an element less", one_element_less, 3 },
	{ "an element's comment", one_comment, 4 },
	{ "an element's end", one_range, 4 },
	{ "an element's verdict", another_verdict, 4 },
	{ "a network more", another_network, 0 },
	{ "a rule of a chain", another_rule, 9 },
	{ "no rules in a chain", no_rules, 3 },
	{ "a set's size", another_size, 0 },
	{ "a map's size", another_map_size, 0 },
	{ "a base chain's priority", another_priority, 0 },
	{ "a chain's name", another_name, 0 },
	{ "no bridge", no_bridge, 3 },
};

T(difference)
{
	T_EACH(row, edits)
	{
		_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);
		_cleanup_(ruleset_freep) struct ruleset *was = case_ruleset(3, 20);
		_cleanup_(ruleset_freep) struct ruleset *next = case_ruleset(3, 20);
		struct batch b;

		row->edit(next);
		batch_init(&b, 1);
		tables_diff(&b, was, next, 0, true);
		if (!batch_empty(&b))
			batch_end(&b);
		if (row->messages)
			t_eq_int(b.n_items, row->messages);
		batch_done(&b);
		load(t, NULL, was);
		load(t, was, next);
		load(t, next, was);
	}
}

static struct rs_set *learned_set(struct ruleset *r)
{
	return rs_set_find(&r->tables[RS_INET], "net1-1-4n");
}

static struct tables_change change_of(struct ruleset *r, uint32_t addr, bool add, uint64_t ms)
{
	static uint8_t keys[8192][RULESET_KEY_MAX];
	static unsigned used;
	uint8_t *key = keys[used++ % ARRAY_LEN(keys)];
	struct tables_change c = { .add = add, .family = RS_INET, .set = learned_set(r) };

	case_key(key, addr, 443);
	c.element = (struct rs_element){
		.key = key, .end = key, .comment = "agent:3 example.com", .timeout_ms = ms
	};
	return c;
}

static size_t learned(struct tables *t, struct ruleset *r, uint64_t *ms)
{
	_cleanup_(rs_elements_done) struct rs_elements els = { 0 };
	struct err e;

	t_good(tables_elements(t, RS_INET, learned_set(r), &els, &e), e);
	if (els.n > 0) {
		t_eq_str(els.items[0].comment, "agent:3 example.com");
		*ms = els.items[0].timeout_ms;
	}
	return els.n;
}

static void change_elements(struct tables *t)
{
	_cleanup_(ruleset_freep) struct ruleset *r = case_ruleset(2, 5), *next = case_ruleset(2, 6);
	struct tables_change c[2] = { change_of(r, 1, true, 100000),
				      change_of(r, 1, true, 900000) };
	uint64_t ms = 0;
	struct err e;

	load(t, NULL, r);
	t_good(tables_change(t, c, 1, &e), e);
	t_eq_int(learned(t, r, &ms), 1);
	t_ok(ms > 90000 && ms <= 100000);
	t_good(tables_change(t, c + 1, 1, &e), e);
	t_eq_int(learned(t, r, &ms), 1);
	t_ok(ms > 890000 && ms <= 900000);
	load(t, r, next);
	t_eq_int(learned(t, r, &ms), 1);
	c[0] = change_of(r, 2, false, 0);
	c[1] = change_of(r, 1, false, 0);
	t_good(tables_change(t, c, 2, &e), e);
	t_eq_int(learned(t, r, &ms), 0);
	t_good(tables_change(t, c, 2, &e), e);
	c[1] = change_of(r, 2, true, 0);
	t_good(tables_change(t, c, 2, &e), e);
	t_eq_int(learned(t, r, &ms), 1);
	t_eq_int(ms, 0);
}

T(change)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);

	change_elements(t);
	t->destroy = false;
	change_elements(t);
}

T(change_many)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);
	_cleanup_(ruleset_freep) struct ruleset *r = case_ruleset(2, 5);
	_cleanup_(freep) struct tables_change *c = calloc(5000, sizeof(*c));
	uint64_t ms;
	struct err e;

	learned_set(r)->size = 0;
	load(t, NULL, r);
	for (uint32_t i = 0; i < 5000; i++)
		c[i] = change_of(r, i, true, 60000);
	t_good(tables_change(t, c, 5000, &e), e);
	t_eq_int(learned(t, r, &ms), 5000);
}

T(full)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);
	_cleanup_(ruleset_freep) struct ruleset *r = case_ruleset(2, 5);
	struct tables_change c;
	struct err e;

	learned_set(r)->size = 3;
	load(t, NULL, r);
	for (uint32_t i = 0; i < 3; i++) {
		c = change_of(r, i, true, 60000);
		t_good(tables_change(t, &c, 1, &e), e);
	}
	t_good(tables_change(t, &c, 1, &e), e);
	c = change_of(r, 0xcb007101U, true, 60000);
	t_bad(tables_change(t, &c, 1, &e), e, ERR_SYSTEM,
	      "the kernel refused element 203.0.113.1 . tcp . 443 of set net1-1-4n (inet sallyport): the "
	      "set is full");
}

static void overlap(struct ruleset *r)
{
	case_range4(rs_set_find(&r->tables[RS_INET], "net1-1-4r"), 0xc6336480U, 256, "");
}

static void no_set(struct ruleset *r)
{
	struct rs_expr *x = &rs_chain_find(&r->tables[RS_INET], "net1")->rules[1].exprs[1];

	x->lookup.set = "gone";
}

static void no_chain(struct ruleset *r)
{
	rs_set_find(&r->tables[RS_INET], "forward")->elements.items[1].verdict.chain = "gone";
}

static void no_counter(struct ruleset *r)
{
	r->parts[0]->tables[RS_INET].n_counters--;
}

static void too_many(struct ruleset *r)
{
	rs_set_find(&r->tables[RS_INET], "net2-1-4")->size = 19;
}

static void twice(struct ruleset *r)
{
	rs_chain_add(&r->tables[RS_INET], "net1");
}

static void loop(struct ruleset *r)
{
	rs_verdict(rs_rule_add(rs_chain_find(&r->tables[RS_INET], "net1"), ""), RS_JUMP, "net1");
}

static const struct {
	const char *name;
	void (*edit)(struct ruleset *r);
	const char *said;
} refusals[] = {
	{ "overlapping ranges", overlap,
	  "element 198.51.100.128-198.51.101.127 . tcp . 0-65535 of set net1-1-4r (inet sallyport): it "
	  "overlaps" },
	{ "a set that is not there", no_set,
	  "rule 2 of chain net1 (inet sallyport), at its \"lookup\": not there, or" },
	{ "a chain that is not there", no_chain,
	  "element br1 of set forward (inet sallyport): No such file or directory" },
	{ "a counter that is not there", no_counter,
	  "rule 5 of chain net2 (inet sallyport), at its \"objref\"" },
	{ "a set that is full", too_many, "of set net2-1-4 (inet sallyport): the set is full" },
	{ "a chain that is there twice", twice, "chain net1 (inet sallyport): File exists" },
	{ "a loop", loop, "the kernel refused " },
};

/* The error names what is meant, and the kernel keeps what it had. */
static void differs(struct tables *t, const struct ruleset *r, const char *how)
{
	char said[256];
	struct err e;

	t_good(tables_compare(t, r, NULL, said, sizeof(said), &e), e);
	t_ok(strstr(said, how) != NULL);
}

/* Under what a table is replaced: as it is made, made again, taken away, and gone with the table. */
T(twins)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);
	_cleanup_(ruleset_freep) struct ruleset *was = case_ruleset(3, 20);
	_cleanup_(ruleset_freep) struct ruleset *next = case_ruleset(4, 20);

	load(t, NULL, was);
	for (int i = 0; i < 2; i++) {
		tables_twins(t, RS_INET);
		differs(t, was, ".old of inet sallyport is not ours");
	}
	tables_twins_remove(t, RS_INET);
	same(t, was);
	tables_twins_remove(t, RS_INET);
	same(t, was);
	tables_twins(t, RS_INET);
	tables_twins(t, RS_BRIDGE);
	load(t, NULL, next);
}

T(refused)
{
	T_EACH(row, refusals)
	{
		_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);
		_cleanup_(ruleset_freep) struct ruleset *was = case_ruleset(3, 20);
		_cleanup_(ruleset_freep) struct ruleset *next = case_ruleset(3, 20);
		struct err e;

		row->edit(next);
		load(t, NULL, was);
		t_bad(tables_load(t, NULL, next, &e), e, ERR_SYSTEM, row->said);
		same(t, was);
	}
}

static const struct {
	const char *name;
	const char *text;
	const char *differs;
} meddling[] = {
	{ "a rule more", "add rule inet sallyport net1 accept",
	  "chain net1 of inet sallyport has more" },
	{ "a rule before", "insert rule inet sallyport net1 accept", "rule 1 of chain net1" },
	{ "rules flushed", "flush chain inet sallyport net1",
	  "chain net1 of inet sallyport lacks rules" },
	{ "an element more", "add element inet sallyport net1-1-4 { 1.2.3.4 . 6 . 80 }",
	  "element 1.2.3.4 . tcp . 80 of set net1-1-4 of inet sallyport is not ours" },
	{ "an element less", "delete element inet sallyport net1-1-4 { 203.0.113.0 . 6 . 443 }",
	  "set net1-1-4 of inet sallyport lacks 1 elements" },
	{ "another verdict",
	  "delete element inet sallyport forward { br1 }; "
	  "add element inet sallyport forward { br1 : accept }",
	  "element br1 of set forward of inet sallyport is another" },
	{ "a chain more", "add chain inet sallyport mine",
	  "chain mine of inet sallyport is not ours" },
	{ "a set more", "add set inet sallyport mine { type ipv4_addr; }", "set mine of inet" },
	{ "a counter more", "add counter inet sallyport mine", "object mine of inet" },
	{ "another policy", "chain inet sallyport forward { policy drop; }",
	  "chain forward of inet sallyport has another hook, priority or policy" },
	{ "dormant", "add table inet sallyport { flags dormant; }",
	  "table inet sallyport is dormant" },
	{ "a table less", "delete table bridge sallyport", "table bridge sallyport is missing" },
	{ "flushed", "flush ruleset", "table inet sallyport is missing" },
	{ "a chain less",
	  "delete rule bridge sallyport prerouting handle 2; "
	  "delete chain bridge sallyport prerouting",
	  "1 chains of bridge sallyport are missing" },
};

T(compare)
{
	T_EACH(row, meddling)
	{
		_cleanup_(case_close) struct tables *t = open_tables(TABLES_FREE);
		_cleanup_(ruleset_freep) struct ruleset *r = case_ruleset(3, 20);
		char differs[256];
		struct err e;

		load(t, NULL, r);
		t_good(nft_load(row->text, &e), e);
		t_good(tables_compare(t, r, NULL, differs, sizeof(differs), &e), e);
		if (!strstr(differs, row->differs))
			t_fail("got: %s\nexpected: %s", differs, row->differs);
		load(t, NULL, r);
	}
}

T(owner)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED), *other = NULL;
	_cleanup_(ruleset_freep) struct ruleset *r = case_ruleset(2, 5), *next = case_ruleset(3, 5);
	char ours[64];
	struct err e;
	bool had;

	load(t, NULL, r);
	if (!tables_owned(t)) {
		print_message("skipped: this kernel has no tables that are owned and persist\n");
		return;
	}
	t_good(tables_open(TABLES_OWNED, &other, &e), e);
	(void)snprintf(ours, sizeof(ours), "another sallyport daemon, process %d, owns", getpid());
	t_bad(tables_load(other, NULL, next, &e), e, ERR_DENIED, ours);
	t_bad(tables_remove(other, &had, &e), e, ERR_DENIED, ours);
	t_bad(tables_load(other, r, next, &e), e, ERR_DENIED,
	      "no other process may own the tables");
	t_good(nft_load("flush ruleset", &e), e);
	same(t, r);
	t_ok(!nft_load("flush chain inet sallyport net1", &e));
	same(other, r);
	tables_close(steal(&t));
	same(other, r);
	load(other, NULL, next);
	t_ok(tables_owned(other));
	t_good(tables_remove(other, &had, &e), e);
	t_ok(had);
}

/* As a kernel that does not know PERSIST: it refuses a flag that none knows. */
static ssize_t send_unknown_flag(int fd, const void *p, size_t n, int flags)
{
	_cleanup_(freep) uint8_t *copy = malloc(n);
	const struct nlattr *tb[NFTA_TABLE_FLAGS + 1];
	int left = (int)n;

	memcpy(copy, p, n);
	for (struct nlmsghdr *nlh = (struct nlmsghdr *)copy; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		tables_attrs(nlh, tb, ARRAY_LEN(tb));
		if (nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE) &&
		    tables_u32(tb[NFTA_TABLE_FLAGS]) != 0)
			*(uint32_t *)mnl_attr_get_payload(tb[NFTA_TABLE_FLAGS]) = htonl(0x80);
	}
	return tables_io_system.send(fd, copy, n, flags);
}

T(no_persist)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);
	_cleanup_(ruleset_freep) struct ruleset *r = case_ruleset(2, 5), *none = ruleset_new();
	const struct tables_io old = { send_unknown_flag, tables_io_system.recv };

	t->io = &old;
	load(t, NULL, r);
	t_ok(!tables_owned(t));
	t->plain = false;
	load(t, r, none);
	load(t, none, r);
	t_ok(!tables_owned(t));
}

static bool touched(struct tables *t, int fd)
{
	struct err e;
	bool is;

	t_good(tables_monitor_read(t, fd, &is, &e), e);
	return is;
}

T(monitor)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_FREE);
	_cleanup_(ruleset_freep) struct ruleset *r = case_ruleset(20, 1250),
						*next = case_ruleset(3, 5);
	const char *name;
	struct err e;
	int fd = -1;

	t_good(tables_monitor_open(&fd, &e), e);
	t_ok(!touched(t, fd));
	load(t, NULL, r);
	t_ok(!touched(t, fd));
	load(t, r, next);
	t_ok(!touched(t, fd));
	t_good(nft_load("add table inet other", &e), e);
	t_good(nft_load("add table ip sallyport", &e), e);
	t_ok(!touched(t, fd));
	t_good(nft_load("add element inet sallyport net1-1-4 { 1.2.3.4 . 6 . 80 }", &e), e);
	t_ok(touched(t, fd));
	t_eq_int(tables_touched_by(t, &name), getpid());
	t_eq_str(name, "test_kernel_tab");
	t_ok(!touched(t, fd));
	(void)close(fd);
}

T(counter)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);
	_cleanup_(ruleset_freep) struct ruleset *r = case_ruleset(2, 5);
	uint64_t packets = 7;
	struct err e;

	load(t, NULL, r);
	t_good(tables_counter(t, RS_INET, "net1-denied", &packets, &e), e);
	t_eq_int(packets, 0);
	t_bad(tables_counter(t, RS_INET, "none", &packets, &e), e, ERR_SYSTEM, "counter none");
}

T(not_expressible)
{
	static const enum rs_field one[] = { RS_IP_DADDR }, flags[] = { RS_TCP_FLAGS };
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);
	_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new(), *o = ruleset_new();
	struct err e;

	rs_set_add(&r->tables[RS_INET], "s", RS_SET_INTERVAL, one, 1);
	t_bad(tables_load(t, NULL, r, &e), e, ERR_INVALID, "set s: intervals take two fields");
	rs_set_add(&o->tables[RS_INET], "s", 0, flags, 1);
	t_bad(tables_load(t, NULL, o, &e), e, ERR_INVALID, "set s: no key has \"tcp flags\"");
}

/* In a user namespace the socket's buffer cannot be made larger than net.core.wmem_max. */
static int load_large_in_user_namespace(void)
{
	struct ruleset *r = case_ruleset(40, 2500);
	struct tables *t;
	struct err e;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return 2;
	if (!tables_open(TABLES_OWNED, &t, &e))
		return 3;
	if (tables_load(t, NULL, r, &e))
		return 0;
	if (e.kind == ERR_LIMIT && strstr(e.msg, "too large for one transaction"))
		return 0;
	(void)fprintf(stderr, "%s\n", e.msg);
	return 4;
}

T(large)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);
	_cleanup_(ruleset_freep) struct ruleset *r = case_ruleset(40, 2500);
	int status = -1;
	struct err e;
	pid_t pid;

	if (tables_load(t, NULL, r, &e))
		same(t, r);
	else
		t_err(e, ERR_LIMIT, "too large for one transaction");
	pid = fork();
	if (pid == 0)
		_exit(load_large_in_user_namespace());
	t_ok(waitpid(pid, &status, 0) == pid);
	t_ok(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2));
}

T(every_expression)
{
	_cleanup_(case_close) struct tables *t = open_tables(TABLES_OWNED);
	_cleanup_(ruleset_freep) struct ruleset *r = case_every(), *none = ruleset_new();

	load(t, NULL, r);
	load(t, r, r);
	load(t, r, none);
	load(t, none, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T_TEST(load_and_remove),
		T_TEST(every_expression),
		T_TEST(listed_as_its_text),
		T_TEST(difference),
		T_TEST(change),
		T_TEST(change_many),
		T_TEST(full),
		T_TEST(twins),
		T_TEST(refused),
		T_TEST(compare),
		T_TEST(owner),
		T_TEST(no_persist),
		T_TEST(monitor),
		T_TEST(counter),
		T_TEST(not_expressible),
		T_TEST(large),
	};

	if (!namespaces()) {
		print_message("skipped: network namespaces: %s\n", strerror(errno));
		return T_SKIP_PROGRAM;
	}
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
