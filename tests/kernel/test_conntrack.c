/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows through a router that is this namespace: from the box (10.77.0.5, fd77::5) to the world
 * (203.0.113.9, 2001:db8::9). One that the sweep ends is dead, because the router's rules take no TCP that
 * does not begin with a SYN, as ours do.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "kernel/conntrack.h"
#include "net.h"

static const char world[] =
	"for n in box net; do ip netns add $n && ip link add $n type veth peer name eth0 netns $n &&"
	" ip link set $n up && ip -n $n link set lo up && ip -n $n link set eth0 up; done;"
	"ip addr add 10.77.0.1/24 dev box && ip addr add fd77::1/64 dev box nodad &&"
	"ip addr add 203.0.113.1/24 dev net && ip addr add 2001:db8::1/64 dev net nodad &&"
	"ip -n box addr add 10.77.0.5/24 dev eth0 && ip -n box addr add fd77::5/64 dev eth0 nodad &&"
	"ip -n net addr add 203.0.113.9/24 dev eth0 &&"
	"ip -n net addr add 2001:db8::9/64 dev eth0 nodad &&"
	"for n in box net; do case $n in box) a=10.77.0.1 b=fd77::1;;"
	" net) a=203.0.113.1 b=2001:db8::1;; esac;"
	" ip -n $n route add default via $a && ip -n $n route add default via $b; done;"
	"echo 1 >/proc/sys/net/ipv4/ip_forward && echo 1 >/proc/sys/net/ipv6/conf/all/forwarding &&"
	"nft 'table inet t { chain c { type filter hook forward priority 0;"
	" ct state established accept; tcp flags & (syn|ack) != syn drop; };"
	" chain n { type nat hook prerouting priority -100;"
	" ip daddr 203.0.113.80 tcp dport 80 dnat ip to 203.0.113.9:7001; }; }'";

/* Runs in a namespace until it is ended. */
static pid_t spawn(const char *netns, const char *command)
{
	_cleanup_(freep) char *line =
		xasprintf("exec nsenter --net=/run/netns/%s %s", netns, command);
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	t_ok(pid > 0);
	return pid;
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* A line goes out by `in` every 100 ms, and what comes back is counted. */
struct client {
	const char *name;
	const char *server, *command; /* of socat */
	const char *real;	      /* destination, as the flow is listed */
	bool dnat;
	pid_t pid, server_pid;
	int in, out;
};

static void client_start(struct client *c)
{
	int in[2], out[2];
	_cleanup_(freep) char *line = NULL;

	t_ok(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC | O_NONBLOCK) == 0);
	c->server_pid = spawn("net", c->server);
	line = xasprintf("exec nsenter --net=/run/netns/box %s", c->command);
	c->pid = fork();
	if (c->pid == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	c->in = in[1];
	c->out = out[0];
}

static void client_end(struct client *c)
{
	end(c->pid);
	end(c->server_pid);
	(void)close(c->in);
	(void)close(c->out);
}

/* Lines sent for some time: does any come back? */
static bool alive(struct client *c, unsigned ms)
{
	char buf[4096];
	uint64_t until_ms = clock_ms() + ms;

	while (read(c->out, buf, sizeof(buf)) > 0)
		; /* what came before */
	while (clock_ms() < until_ms) {
		struct pollfd p = { .fd = c->out, .events = POLLIN };

		if (write(c->in, "x\n", 2) != 2)
			return false;
		if (poll(&p, 1, 100) > 0)
			return read(c->out, buf, sizeof(buf)) > 0;
	}
	return false;
}

/* Counts what goes from the box to an address and port; ends it, or not. */
struct wish {
	struct addr dst;
	uint16_t port;
	bool end;
	size_t seen;
	struct conntrack_flow last;
};

static bool keep(void *ctx, const struct conntrack_flow *f)
{
	struct wish *w = ctx;

	if (!addr_eq(&f->real_dst, &w->dst) || f->real_dport != w->port)
		return true;
	w->seen++;
	w->last = *f;
	return !w->end;
}

static struct conntrack *open_conntrack(void)
{
	struct conntrack *c = NULL;
	struct err e = { 0 };

	t_good(conntrack_open(&c, &e), e);
	return c;
}

static uint64_t sweep(conntrack_keep_fn *fn, void *ctx)
{
	struct conntrack *c = open_conntrack();
	uint64_t ended = 0;
	struct err e = { 0 };
	bool more = true;

	t_good(conntrack_sweep_begin(c, fn, ctx, &e), e);
	while (more)
		t_good(conntrack_sweep_some(c, 1000, &more, &ended, &e), e);
	conntrack_close(c);
	return ended;
}

static struct addr addr_of(const char *text)
{
	struct addr a = { 0 };
	struct err e = { 0 };

	t_good(addr_parse(span_of(text), &a, &e), e);
	return a;
}

static struct client clients[] = {
	{ .name = "TCP over IPv4",
	  .server = "socat TCP4-LISTEN:7001,reuseaddr,fork EXEC:cat",
	  .command = "socat - TCP4:203.0.113.9:7001,retry=50,interval=0.1",
	  .real = "203.0.113.9" },
	{ .name = "TCP over IPv6",
	  .server = "socat TCP6-LISTEN:7001,reuseaddr,fork EXEC:cat",
	  .command = "socat - TCP6:[2001:db8::9]:7001,retry=50,interval=0.1",
	  .real = "2001:db8::9" },
	{ .name = "TCP that is redirected",
	  .server = "socat TCP4-LISTEN:7001,reuseaddr,fork EXEC:cat",
	  .command = "socat - TCP4:203.0.113.80:80,retry=50,interval=0.1",
	  .real = "203.0.113.9",
	  .dnat = true },
};

/* The other flow, on the same port by the other family, goes on. */
T(ended_and_dead)
{
	struct client other = { .server = "socat TCP4-LISTEN:7002,reuseaddr,fork EXEC:cat",
				.command = "socat - TCP4:203.0.113.9:7002,retry=50,interval=0.1" };

	client_start(&other);
	T_EACH(row, clients)
	{
		struct client *c = &clients[row - clients];
		struct wish w = { .dst = addr_of(row->real), .port = 7001 };

		client_start(c);
		t_ok(alive(c, 10000));
		t_eq_int(sweep(keep, &w), 0);
		t_eq_int(w.seen, 1);
		t_eq_int(w.last.proto, IPPROTO_TCP);
		t_eq_int(w.last.dnat, row->dnat);
		t_eq_int(w.last.dport, row->dnat ? 80 : 7001);
		t_ok(alive(c, 10000));
		w.end = true;
		t_eq_int(sweep(keep, &w), 1);
		t_ok(!alive(c, 1000));
		t_ok(alive(&other, 10000));
		client_end(c);
	}
	client_end(&other);
}

/* One packet each, and how its flow is read. */
static const struct {
	const char *name;
	const char *command;
	int proto, icmp_type;
	const char *dst;
	uint16_t dport;
} kinds[] = {
	{ "UDP", "nsenter --net=/run/netns/box sh -c 'echo | socat -u - UDP4:203.0.113.9:5000'",
	  IPPROTO_UDP, -1, "203.0.113.9", 5000 },
	{ "UDP over IPv6",
	  "nsenter --net=/run/netns/box sh -c 'echo | socat -u - UDP6:[2001:db8::9]:5000'",
	  IPPROTO_UDP, -1, "2001:db8::9", 5000 },
	{ "ICMP",
	  "nsenter --net=/run/netns/box python3 -c 'import socket\n"
	  "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).sendto("
	  "bytes.fromhex(\"0800f7fd00010001\"), (\"203.0.113.9\", 0))'",
	  IPPROTO_ICMP, 8, "203.0.113.9", 0 },
	{ "ICMPv6",
	  "nsenter --net=/run/netns/box python3 -c 'import socket\n"
	  "socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58).sendto("
	  "bytes.fromhex(\"8000000000010001\"), (\"2001:db8::9\", 0))'",
	  IPPROTO_ICMPV6, 128, "2001:db8::9", 0 },
	{ "SCTP",
	  "nsenter --net=/run/netns/box python3 -c 'import socket,struct\n"
	  "s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)\n"
	  "h = struct.pack(\"!HHI\", 4000, 5000, 0)\n"
	  "c = struct.pack(\"!BBHIIHHI\", 1, 0, 20, 7, 65536, 1, 1, 1)\n"
	  "def crc(b):\n"
	  "  v = 0xffffffff\n"
	  "  for x in b:\n"
	  "    v ^= x\n"
	  "    for _ in range(8): v = v >> 1 ^ (0x82f63b78 if v & 1 else 0)\n"
	  "  return v ^ 0xffffffff\n"
	  "s.sendto(h + struct.pack(\"<I\", crc(h + bytes(4) + c)) + c, (\"203.0.113.9\", 0))\n'",
	  IPPROTO_SCTP, -1, "203.0.113.9", 5000 },
	{ "a protocol without ports",
	  "nsenter --net=/run/netns/box python3 -c 'import socket\n"
	  "socket.socket(socket.AF_INET, socket.SOCK_RAW, 253).sendto(b\"x\", (\"203.0.113.9\", 0))'",
	  253, -1, "203.0.113.9", 0 },
};

struct kind {
	int proto;
	size_t seen;
	struct conntrack_flow flow;
};

static bool keep_no_kind(void *ctx, const struct conntrack_flow *f)
{
	struct kind *k = ctx;

	if (f->proto != k->proto)
		return true;
	k->seen++;
	k->flow = *f;
	return false;
}

static bool end_all(void *ctx, const struct conntrack_flow *f)
{
	(void)ctx, (void)f;
	return false;
}

T(kinds)
{
	char text[ADDR_STR_MAX];

	T_EACH(row, kinds)
	{
		struct kind k = { .proto = row->proto };

		(void)sweep(end_all, NULL);
		sh(row->command);
		t_eq_int(sweep(keep_no_kind, &k), 1);
		t_eq_str(addr_str(&k.flow.dst, text), row->dst);
		t_ok(addr_eq(&k.flow.dst, &k.flow.real_dst) && !k.flow.dnat);
		t_eq_int(k.flow.dport, row->dport);
		t_eq_int(k.flow.real_dport, row->dport);
		t_eq_int(k.flow.icmp_type, row->icmp_type);
		t_eq_int(sweep(keep_no_kind, &k), 0);
	}
}

/* Flows of one tuple in two zones, by direction and by both: each is ended by its own. */
T(zones)
{
	struct kind k = { .proto = IPPROTO_UDP };

	sh("nft 'table inet z { chain c { type filter hook prerouting priority -300;"
	   " udp dport 6001 ct zone set 7; udp dport 6002 ct original zone set 8; }; }'");
	(void)sweep(end_all, NULL);
	for (int port = 6000; port < 6003; port++) {
		_cleanup_(freep) char *line = xasprintf(
			"nsenter --net=/run/netns/box sh -c 'echo | socat -u - UDP4:203.0.113.9:%d'",
			port);

		sh(line);
	}
	t_eq_int(sweep(keep_no_kind, &k), 3);
	t_eq_int(k.seen, 3);
	t_eq_int(sweep(keep_no_kind, &k), 0);
	sh("nft delete table inet z");
}

/* A tenth of a great many. */
static bool keep_nine_of_ten(void *ctx, const struct conntrack_flow *f)
{
	size_t *seen = ctx;

	if (f->proto != IPPROTO_UDP)
		return true;
	++*seen;
	return f->dport % 10 != 0;
}

static bool keep_all_counted(void *ctx, const struct conntrack_flow *f)
{
	++*(size_t *)ctx;
	return f->proto == IPPROTO_UDP;
}

/* All are seen whatever a slice holds; one that is given up is followed by a whole one. */
static void in_slices(void)
{
	struct conntrack *c = open_conntrack();
	size_t seen = 0, at_once = 0, slices = 0;
	struct err e = { 0 };
	uint64_t ended;
	bool more = true;

	(void)sweep(keep_all_counted, &at_once);
	t_good(conntrack_sweep_begin(c, keep_all_counted, &seen, &e), e);
	t_good(conntrack_sweep_some(c, 1, &more, &ended, &e), e);
	t_ok(more && seen > 0 && seen < at_once);
	seen = 0;
	t_good(conntrack_sweep_begin(c, keep_all_counted, &seen, &e), e);
	for (; more; slices++)
		t_good(conntrack_sweep_some(c, 1, &more, &ended, &e), e);
	t_ok(slices > 2);
	t_ok(seen + seen / 10 >= at_once);
	conntrack_close(c);
}

T(many)
{
	size_t seen = 0;
	uint64_t before_ms;

	(void)sweep(end_all, NULL);
	sh("nsenter --net=/run/netns/box python3 -c 'import socket\n"
	   "s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]\n"
	   "for p in range(10000, 60000):\n"
	   "  for k in s: k.sendto(b\"x\", (\"203.0.113.77\", p))\n'");
	before_ms = clock_ms();
	t_ok(sweep(keep_nine_of_ten, &seen) >= seen / 10 - 100);
	print_message("%zu flows: %llu ms\n", seen, (unsigned long long)(clock_ms() - before_ms));
	t_ok(clock_ms() - before_ms < 10000); /* some 0.5 s where nothing else runs */
	t_ok(seen > 1000);
	in_slices();
	before_ms = clock_ms();
	seen = 0;
	t_eq_int(sweep(keep_nine_of_ten, &seen), 0);
	print_message("none: %llu ms\n", (unsigned long long)(clock_ms() - before_ms));
	before_ms = clock_ms();
	(void)sweep(end_all, NULL);
	print_message("all: %llu ms\n", (unsigned long long)(clock_ms() - before_ms));
}

static int make_world(void **state)
{
	(void)state;
	return system(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T_TEST(ended_and_dead),
		T_TEST(kinds),
		T_TEST(zones),
		T_TEST(many),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	if (!net_enter()) {
		print_message("skipped: no network namespace of one's own\n");
		return T_SKIP_PROGRAM;
	}
	return cmocka_run_group_tests(tests, make_world, NULL) != 0;
}
