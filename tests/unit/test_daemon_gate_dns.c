/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What containers of two networks are answered: two bridges and a client behind each, in network
 * namespaces of this test's own; their questions to port 53 are brought to the gate as the daemon's
 * rules do it.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "daemon/dns_sockets.h"
#include "daemon/gate_child.h"
#include "daemon/gate_process.h"
#include "daemon/process.h"
#include "fake_dns.h"
#include "policy_help.h"

#define POLICIES                                                                    \
	"version: 1\n"                                                              \
	"policies:\n"                                                               \
	"  a: {rules: [{allow: [one.test, 'udp/seven.test:7', '*.wild.test', "      \
	"'host:80']}, {allow: txt.test, types: [TXT]}, {allow: in.test}, "          \
	"{allow: '10.77.9.0/24:443'}, {redirect: old.test, to: 'new.test:443'}]}\n" \
	"  b: {rules: [{allow: two.test}]}\n"                                       \
	"  seen: {mode: audit, rules: [{allow: two.test}]}\n"                       \
	"  off: {dns: off, rules: [{allow: two.test}]}\n"

#define N_NETS 2

struct world {
	uv_loop_t loop;
	struct server server;
	struct gate_options options;
	struct gate_child child;
	struct watch *report;
	uint16_t port;
	pid_t client[N_NETS];
	int net[N_NETS]; /* their namespaces */
	struct event event;
	unsigned n_events;
	bool done;
};

static void on_event(void *ctx, const struct gate_setup *s, const struct event *ev)
{
	struct world *w = ctx;

	t_ok(ev->subject < s->n_networks);
	w->event = *ev;
	w->n_events++;
}

static void on_report(void *ctx, int events)
{
	struct world *w = ctx;

	(void)events;
	t_ok(gate_child_read(&w->child));
}

static bool run(const char *fmt, ...) _printf_(1, 2);

static bool run(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command) == 0;
}

/* A client's namespace lives as long as a process in it. */
static void client_open(struct world *w, int i)
{
	int ready[2];
	char path[64], c;

	t_ok(pipe(ready) == 0);
	w->client[i] = fork();
	if (w->client[i] == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)!(unshare(CLONE_NEWNET) == 0 && write(ready[1], "r", 1));
		for (;;)
			(void)pause();
	}
	t_ok(read(ready[0], &c, 1) == 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)w->client[i]);
	w->net[i] = open(path, O_RDONLY | O_CLOEXEC);
	t_ok(w->net[i] >= 0);
	t_ok(run("set -e; ip link add br%d type bridge; ip link set br%d up\n"
		 "ip addr add 10.77.%d.1/24 dev br%d; ip -6 addr add fd77:%d::1/64 dev br%d nodad\n"
		 "ip link add v%d type veth peer name eth0 netns %d\n"
		 "ip link set v%d master br%d up\n"
		 "nsenter -t %d -n sh -ec 'ip link set lo up; ip link set eth0 up; "
		 "ip addr add 10.77.%d.2/24 dev eth0; ip -6 addr add fd77:%d::2/64 dev eth0 nodad; "
		 "ip route add default via 10.77.%d.1; ip -6 route add default via fd77:%d::1'",
		 i, i, i, i, i, i, i, (int)w->client[i], i, i, (int)w->client[i], i, i, i, i));
}

static uint32_t ifindex(int i)
{
	_cleanup_(freep) char *path = xasprintf("/sys/class/net/br%d/ifindex", i);
	_cleanup_(freep) char *text = NULL;
	struct err e = { 0 };
	size_t n;

	/* A /sys that was mounted for another namespace does not show it. */
	if (!fd_read_file(path, 64, &text, &n, &e)) {
		FILE *p = popen(i ? "ip -o link show br1" : "ip -o link show br0", "r");
		char line[256] = "";

		t_ok(p && fgets(line, sizeof(line), p));
		(void)pclose(p);
		return (uint32_t)atoi(line);
	}
	return (uint32_t)atoi(text);
}

static void adopt(struct world *w, const char *first, const char *second)
{
	struct gate_setup *s = xcalloc(1, sizeof(*s));
	const char *names[N_NETS] = { first, second };
	struct err e = { 0 };

	s->plan = load_text(POLICIES);
	s->networks = xcalloc(N_NETS, sizeof(*s->networks));
	for (size_t i = 0; i < N_NETS && names[i]; i++) {
		const struct plan_policy *p = plan_policy_find(s->plan, span_of(names[i]));

		t_ok(p);
		s->networks[s->n_networks++] =
			(struct gate_network){ .ifindex = ifindex((int)i),
					       .policy = (uint16_t)plan_policy_number(s->plan, p),
					       .subject = (uint16_t)(i + 10) };
	}
	t_good(gate_child_setup(&w->child, s, &e), e);
}

static void world_open(struct world *w)
{
	struct err e = { 0 };

	memset(w, 0, sizeof(*w));
	t_ok(unshare(CLONE_NEWNET) == 0 && run("ip link set lo up"));
	for (int i = 0; i < N_NETS; i++)
		client_open(w, i);
	t_ok(uv_loop_init(&w->loop) == 0);
	server_open(&w->server, &w->loop);
	w->options = (struct gate_options){ .kind = GATE_DAEMON,
					    .tell_allowed = true,
					    .upstreams = { server_upstream(&w->server) },
					    .n_upstreams = 1 };
	t_good(dns_sockets_open(&w->port, &w->options.dns_fd, &w->options.dns_tcp_fd, &e), e);
	t_ok(run(
		"nft 'table inet t { chain c { type nat hook prerouting priority dstnat; "
		"iifname { br0, br1 } meta l4proto { tcp, udp } th dport 53 redirect to :%u ; } ; }'",
		w->port));
	w->child = (struct gate_child){
		.o = &w->options, .on_event = on_event, .ctx = w, .report = -1
	};
	t_good(gate_child_start(&w->child, &e), e);
	w->report = gate_child_watch(&w->child, &w->loop, on_report, w, &e);
	t_good(w->report, e);
}

static void world_close(struct world *w)
{
	gate_child_stop(&w->child);
	watch_close(w->report);
	server_close(&w->server);
	loop_end(&w->loop);
	for (size_t i = 0; i < N_NETS; i++) {
		process_end(&w->client[i]);
		(void)close(w->net[i]);
	}
	fd_closep(&w->options.dns_fd);
	fd_closep(&w->options.dns_tcp_fd);
}

/* addrs: separated by blanks; each stays for left_s. */
static void installed(struct world *w, const char *name, enum gate_outcome outcome,
		      const char *addrs, uint32_t left_s)
{
	struct gate_installed what = { .name = name_of(name), .outcome = outcome };
	struct span rest = span_of(addrs), word;
	struct err e = { 0 };

	while (span_next(&rest, ' ', &word)) {
		if (!word.n)
			continue;
		t_good(addr_parse(word, &what.addrs[what.n], &e), e);
		what.left_s[what.n++] = left_s;
	}
	t_good(gate_child_installed(&w->child, &what, &e), e);
}

/* ---- a question */

struct question {
	int net;
	const char *server;
	bool tcp;
	const char *name;
	uint16_t qtype;
};

/* The client's part: "CODE ADDRESS/TTL..." into out; TTLs below 60 are "less". */
static void client_ask(int net, const struct question *q, struct buf *out)
{
	struct dns_asked asked = { .name = name_of(q->name), .qtype = q->qtype, .id = 77 };
	struct timeval wait = { 2, 0 };
	struct addr server = addr_of(q->server);
	union sockaddr_any sa;
	socklen_t len = addr_to_sockaddr(&server, 53, &sa);
	struct dns_answer a;
	struct buf msg;
	char got[4096], text[ADDR_STR_MAX];
	struct err e = { 0 };
	size_t head = q->tcp ? 2 : 0;
	ssize_t n;
	int fd;

	buf_init(&msg, 4096);
	if (q->tcp)
		buf_u16(&msg, 0);
	dns_query_build(&asked, &msg);
	if (q->tcp)
		buf_put_u16(&msg, 0, (uint16_t)(msg.n - 2));
	if (setns(net, CLONE_NEWNET) != 0)
		return;
	fd = socket(sa.sa.sa_family, q->tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	/* Connected: an answer from another address than was asked would not arrive. */
	if (connect(fd, &sa.sa, len) != 0 || send(fd, msg.p, msg.n, MSG_NOSIGNAL) < 0)
		return;
	n = recv(fd, got, sizeof(got), 0);
	if (n <= (ssize_t)head + 4)
		return;
	buf_fmt(out, "%d", got[head + 3] & 15);
	if (!plan_qtype_is_address(q->qtype)) {
		buf_fmt(out, " %u", (uint8_t)got[head + 7]); /* records of the answer */
		return;
	}
	if (!dns_answer_parse(&asked, span_bytes(got + head, (size_t)n - head), &a, &e))
		return;
	for (size_t i = 0; i < a.n; i++)
		buf_fmt(out, " %s/%s", addr_str(&a.addrs[i], text), a.ttl_s == 60 ? "60" : "less");
}

static const char *ask(struct world *w, const struct question *q)
{
	static char text[1024];
	int back[2];
	pid_t pid;
	ssize_t n = -1;

	w->n_events = 0;
	memset(&w->event, 0, sizeof(w->event));
	t_ok(pipe2(back, O_CLOEXEC | O_NONBLOCK) == 0);
	pid = fork();
	if (pid == 0) {
		struct buf out;
		struct err e;

		buf_init(&out, sizeof(text) - 1);
		client_ask(w->net[q->net], q, &out);
		_exit(!fd_write_all(back[1], buf_view(&out), &e));
	}
	(void)close(back[1]);
	for (int i = 0; i < 1000 && n < 0; i++) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		n = read(back[0], text, sizeof(text) - 1);
		if (n < 0)
			(void)poll(NULL, 0, 3);
	}
	(void)close(back[0]);
	process_end(&pid);
	/* The gate has told before it answered, but where it has nothing to tell. */
	for (int i = 0; i < 20 && !w->n_events; i++) {
		(void)poll(NULL, 0, 1);
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	text[MAX(n, 0)] = '\0';
	return text;
}

#define A    DNS_TYPE_A
#define AAAA DNS_TYPE_AAAA

static const struct {
	const char *name;
	struct question q;
	const char *answer; /* "": none */
	enum event_verdict verdict;
	const char *reason; /* NULL: no event */
} rows[] = {
	{ "its own",
	  { 0, "10.77.0.1", false, "one.test", A },
	  "0 203.0.113.1/60 203.0.113.3/60",
	  EVENT_ALLOW,
	  "the name is allowed" },
	{ "by IPv6",
	  { 0, "fd77:0::1", false, "one.test", A },
	  "0 203.0.113.1/60 203.0.113.3/60",
	  EVENT_ALLOW,
	  "" },
	{ "its IPv6 address",
	  { 0, "10.77.0.1", false, "one.test", AAAA },
	  "0 2001:db8::1/60",
	  EVENT_ALLOW,
	  "" },
	{ "by TCP",
	  { 0, "10.77.0.1", true, "one.test", A },
	  "0 203.0.113.1/60 203.0.113.3/60",
	  EVENT_ALLOW,
	  "" },
	{ "by TCP and IPv6",
	  { 0, "fd77:0::1", true, "one.test", AAAA },
	  "0 2001:db8::1/60",
	  EVENT_ALLOW,
	  "" },
	{ "asked of a server elsewhere",
	  { 0, "198.51.100.53", false, "one.test", A },
	  "0 203.0.113.1/60 203.0.113.3/60",
	  EVENT_ALLOW,
	  "" },
	{ "the other network's bridge is the same to it",
	  { 0, "10.77.1.1", false, "one.test", A },
	  "0 203.0.113.1/60 203.0.113.3/60",
	  EVENT_ALLOW,
	  "" },
	{ "the other network's name",
	  { 0, "10.77.0.1", false, "two.test", A },
	  "3",
	  EVENT_DENY,
	  "no rule allows it" },
	{ "that by the other's address",
	  { 0, "10.77.1.1", false, "two.test", A },
	  "3",
	  EVENT_DENY,
	  "no rule allows it" },
	{ "that by TCP", { 0, "10.77.1.1", true, "two.test", A }, "3", EVENT_DENY, "" },
	{ "the other network's own",
	  { 1, "10.77.1.1", false, "two.test", A },
	  "0 203.0.113.2/less",
	  EVENT_ALLOW,
	  "" },
	{ "that by TCP and IPv6",
	  { 1, "fd77:1::1", true, "two.test", A },
	  "0 203.0.113.2/less",
	  EVENT_ALLOW,
	  "" },
	{ "the first network's name",
	  { 1, "10.77.1.1", true, "one.test", A },
	  "3",
	  EVENT_DENY,
	  "no rule allows it" },
	{ "not resolved yet",
	  { 0, "10.77.0.1", false, "seven.test", A },
	  "2",
	  EVENT_ERROR,
	  "no addresses yet" },
	{ "behind a wildcard",
	  { 0, "10.77.0.1", false, "x.wild.test", A },
	  "5",
	  EVENT_DENY,
	  "in full" },
	{ "behind a wildcard, and another's",
	  { 0, "10.77.0.1", false, "w.wild.test", A },
	  "5",
	  EVENT_DENY,
	  "in full" },
	{ "in a range that no name opens",
	  { 0, "10.77.0.1", false, "in.test", A },
	  "0 10.77.9.9/60",
	  EVENT_ALLOW,
	  "" },
	{ "redirected",
	  { 0, "10.77.0.1", false, "old.test", A },
	  "0 203.0.113.5/60",
	  EVENT_ALLOW,
	  "" },
	{ "no such name", { 0, "10.77.0.1", false, "txt.test", A }, "3", 0, NULL },
	{ "a listed type",
	  { 0, "10.77.0.1", false, "txt.test", DNS_TYPE_TXT },
	  "0 1",
	  EVENT_ALLOW,
	  "lists this query type" },
	{ "a type that is not listed",
	  { 0, "10.77.0.1", false, "one.test", DNS_TYPE_TXT },
	  "0 0",
	  0,
	  NULL },
	{ "HTTPS", { 0, "10.77.0.1", false, "one.test", DNS_TYPE_HTTPS }, "0 0", 0, NULL },
	{ "who an address is",
	  { 0, "10.77.0.1", false, "1.113.0.203.in-addr.arpa", DNS_TYPE_PTR },
	  "5 0",
	  EVENT_DENY,
	  "" },
	{ "the host",
	  { 0, "10.77.0.1", false, "host.sallyport.internal", A },
	  "0 10.77.0.1/60",
	  0,
	  NULL },
	{ "the host by IPv6 and TCP",
	  { 0, "fd77:0::1", true, "host.sallyport.internal", AAAA },
	  "0 fd77::1/60",
	  0,
	  NULL },
	{ "the host in the other family",
	  { 0, "10.77.0.1", false, "host.sallyport.internal", AAAA },
	  "0",
	  0,
	  NULL },
	{ "the host of who may not",
	  { 1, "10.77.1.1", false, "host.sallyport.internal", A },
	  "3",
	  EVENT_DENY,
	  "" },
	{ "localhost", { 0, "10.77.0.1", false, "localhost", A }, "0 127.0.0.1/60", 0, NULL },
};

static void t_row_of(struct world *w, const struct question *q, const char *answer,
		     enum event_verdict verdict, const char *reason)
{
	t_eq_str(ask(w, q), answer);
	if (!reason) {
		t_eq_int(w->n_events, 0);
		return;
	}
	t_eq_int(w->n_events, 1);
	t_eq_int(w->event.verdict, verdict);
	t_eq_int(w->event.subject, q->net);
	t_eq_str(w->event.name.s, q->name);
	if (!strstr(w->event.reason, reason))
		t_fail("the reason is \"%s\"", w->event.reason);
}

static const enum deed answers[] = { ANSWER };

T(answers)
{
	struct world w;

	world_open(&w);
	w.server.udp_deeds = answers;
	w.server.n_udp = 1;
	adopt(&w, "a", "b");
	installed(&w, "one.test", GATE_FOUND, "203.0.113.1 2001:db8::1 203.0.113.3", 3000);
	installed(&w, "two.test", GATE_FOUND, "203.0.113.2 10.77.9.9", 50);
	installed(&w, "in.test", GATE_FOUND, "10.77.9.9 10.78.0.1", 3000);
	installed(&w, "w.wild.test", GATE_FOUND, "203.0.113.4", 3000);
	installed(&w, "old.test", GATE_FOUND, "203.0.113.5", 3000);
	installed(&w, "txt.test", GATE_NO_NAME, "", 0);
	T_EACH(row, rows)
	t_row_of(&w, &row->q, row->answer, row->verdict, row->reason);
	t_eq_int(w.server.asked_udp, 1); /* the TXT */
	world_close(&w);
}

/* What is answered follows what is in force, at once. */
T(follows)
{
	static const struct question one = { 0, "10.77.0.1", false, "one.test", A },
				     two = { 0, "10.77.0.1", false, "two.test", A },
				     other = { 1, "10.77.1.1", true, "two.test", A },
				     more = { 0, "10.77.0.1", false, "more.test", A };
	struct world w;

	world_open(&w);
	w.server.udp_deeds = answers;
	w.server.n_udp = 1;
	installed(&w, "one.test", GATE_FOUND, "203.0.113.1", 3000);
	t_eq_str(ask(&w, &one), ""); /* no setup: nobody is anybody */
	adopt(&w, "a", NULL);
	t_row_of(&w, &one, "0 203.0.113.1/60", EVENT_ALLOW, "");
	t_eq_str(ask(&w, &other), "");
	installed(&w, "one.test", GATE_FOUND, "203.0.113.7", 4);
	t_row_of(&w, &one, "0 203.0.113.7/less", EVENT_ALLOW, "");
	(void)poll(NULL, 0, 3200);
	t_row_of(&w, &one, "2", EVENT_ERROR, "no addresses yet");
	installed(&w, "one.test", GATE_FOUND, "203.0.113.8", 3000);
	t_row_of(&w, &one, "0 203.0.113.8/60", EVENT_ALLOW, "");
	installed(&w, "one.test", GATE_NO_ANSWER, "", 0);
	t_row_of(&w, &one, "2", EVENT_ERROR, "no addresses yet");
	adopt(&w, "b", "a");
	t_row_of(&w, &one, "3", EVENT_DENY, "");
	installed(&w, "two.test", GATE_FOUND, "203.0.113.2", 3000);
	t_row_of(&w, &two, "0 203.0.113.2/60", EVENT_ALLOW, "");
	adopt(&w, "off", "b");
	t_row_of(&w, &two, "5", EVENT_DENY, "dns: off");
	t_row_of(&w, &other, "0 203.0.113.2/60", EVENT_ALLOW, "");
	adopt(&w, "seen", "b");
	t_row_of(&w, &two, "0 203.0.113.2/60", EVENT_ALLOW, "");
	t_row_of(&w, &more, "0 203.0.113.1/60 203.0.113.2/60", EVENT_AUDIT, "");
	world_close(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { T_TEST(answers), T_TEST(follows) };

	if (process_is(argc, argv, PROCESS_GATE))
		return gate_process_main();
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
		print_message("network namespaces are root's here\n");
		return T_SKIP_PROGRAM;
	}
	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
