/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "gate_help.h"
#include "jail/hostdns.h"

/* A file of this text, to be opened by path while fd is open. */
struct file {
	int fd;
	char path[32];
};

static struct file file_of(struct span text)
{
	struct file f = { .fd = memfd_create("host file", MFD_CLOEXEC) };
	struct err e = { 0 };

	t_ok(f.fd >= 0);
	t_good(fd_write_all(f.fd, text, &e), e);
	(void)snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", f.fd);
	return f;
}

static const struct {
	const char *name;
	const char *text;
	const char *servers; /* "ADDR ADDR" */
} resolv_confs[] = {
	{ "one", "nameserver 203.0.113.53\n", "203.0.113.53" },
	{ "several", "nameserver 203.0.113.53\nnameserver 2001:db8::53\nnameserver 127.0.0.53\n",
	  "203.0.113.53 2001:db8::53 127.0.0.53" },
	{ "no line end", "nameserver 203.0.113.53", "203.0.113.53" },
	{ "blanks", "  nameserver \t 203.0.113.53 \t \n", "203.0.113.53" },
	{ "CR LF", "nameserver 203.0.113.53\r\nnameserver 203.0.113.54\r\n",
	  "203.0.113.53 203.0.113.54" },
	{ "comments",
	  "# nameserver 203.0.113.1\n;nameserver 203.0.113.2\n"
	  "nameserver 203.0.113.3 # nameserver 203.0.113.4\n",
	  "203.0.113.3" },
	{ "other words",
	  "search example.test\noptions ndots:5 edns0\nnameserver 203.0.113.3\n"
	  "nameservers 203.0.113.4\nnameserver203.0.113.5\n",
	  "203.0.113.3" },
	{ "bad addresses",
	  "nameserver 203.0.113\nnameserver dns.example.test\nnameserver\n"
	  "nameserver 203.0.113.3:53\nnameserver 203.0.113.4\n",
	  "203.0.113.4" },
	{ "a zone", "nameserver fe80::1%eth0\nnameserver 2001:db8::53\n", "2001:db8::53" },
	{ "more than are taken",
	  "nameserver 203.0.113.1\nnameserver 203.0.113.2\nnameserver 203.0.113.3\n"
	  "nameserver 203.0.113.4\nnameserver 203.0.113.5\n",
	  "203.0.113.1 203.0.113.2 203.0.113.3 203.0.113.4" },
	{ "empty", "", "127.0.0.1" },
	{ "none of use", "search example.test\nnameserver nowhere\n", "127.0.0.1" },
};

#define SERVERS_MAX 4

static void check_servers(const char *path, const char *want)
{
	struct gate_upstream ups[SERVERS_MAX + 1];
	char got[256] = "", addr[ADDR_STR_MAX];
	size_t n, at = 0;

	memset(ups, 0xee, sizeof(ups));
	n = hostdns_servers(path, ups, SERVERS_MAX);
	for (size_t i = 0; i < n; i++) {
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s", i ? " " : "",
				       addr_str(&ups[i].addr, addr));
		t_eq_int(ups[i].port, 53);
	}
	t_eq_str(got, want);
	t_eq_int(ups[SERVERS_MAX].port, 0xeeee);
}

T(resolv_conf)
{
	T_EACH(row, resolv_confs)
	{
		struct file f = file_of(span_of(row->text));

		check_servers(f.path, row->servers);
		(void)close(f.fd);
	}
	t_row = NULL;
	check_servers("/nonexistent/resolv.conf", "127.0.0.1");
	check_servers("/", "127.0.0.1");
}

static const struct {
	const char *name; /* as typed */
	const char *addr; /* NULL: an error */
	uint16_t port;
	const char *msg;
} servers[] = {
	{ "203.0.113.53", "203.0.113.53", 53, NULL },
	{ "203.0.113.53:5353", "203.0.113.53", 5353, NULL },
	{ "203.0.113.53:65535", "203.0.113.53", 65535, NULL },
	{ "2001:db8::53", "2001:db8::53", 53, NULL },
	{ "::1", "::1", 53, NULL },
	{ "[2001:db8::53]", "2001:db8::53", 53, NULL },
	{ "[2001:db8::53]:5353", "2001:db8::53", 5353, NULL },
	{ "", NULL, 0, "--dns : " },
	{ ":53", NULL, 0, "--dns :53: " },
	{ "dns.example.test", NULL, 0, "dns.example.test" },
	{ "203.0.113.53:", NULL, 0, "port" },
	{ "203.0.113.53:0", NULL, 0, "port" },
	{ "203.0.113.53:65536", NULL, 0, "port" },
	{ "203.0.113.53:+53", NULL, 0, "port" },
	{ "203.0.113.53:53 ", NULL, 0, "port" },
	{ "203.0.113.53:dns", NULL, 0, "port" },
	{ "203.0.113.053", NULL, 0, "203.0.113.053" },
	{ "203.0.113", NULL, 0, "203.0.113" },
	{ "[2001:db8::53", NULL, 0, "--dns [2001:db8::53: " },
	{ "[2001:db8::53]5353", NULL, 0, "expected nothing or \":PORT\"" },
	{ "[2001:db8::53]:", NULL, 0, "port" },
	{ "[2001:db8::53]:0", NULL, 0, "port" },
	{ "[]:53", NULL, 0, "--dns []:53: " },
	{ "2001:db8::53]:53", NULL, 0, "--dns 2001:db8::53]:53: " },
	{ "fe80::1%eth0", NULL, 0, "--dns fe80::1%eth0: " },
	{ "udp/203.0.113.53", NULL, 0, "--dns udp/203.0.113.53: " },
};

T(server)
{
	T_EACH(row, servers)
	{
		struct gate_upstream up = { .port = 1 };
		struct err e = { 0 };

		if (row->addr) {
			t_good(hostdns_server_parse(row->name, &up, &e), e);
			t_eq_addr(&up.addr, row->addr);
			t_eq_int(up.port, row->port);
		} else {
			t_bad(hostdns_server_parse(row->name, &up, &e), e, ERR_INVALID, row->msg);
			t_ok(strlen(e.msg) > strlen("--dns : ") + strlen(row->name));
			t_eq_int(up.port, 1);
		}
	}
}

static const struct {
	const char *name;
	const char *text;
	const char *table; /* "NAME=ADDR NAME=ADDR" */
} hosts[] = {
	{ "one", "203.0.113.1 a.test\n", "a.test=203.0.113.1" },
	{ "aliases", "203.0.113.1 a.test a\tb\n",
	  "a.test=203.0.113.1 a=203.0.113.1 b=203.0.113.1" },
	{ "both families", "203.0.113.1 a.test\n2001:db8::1 a.test\n",
	  "a.test=203.0.113.1 a.test=2001:db8::1" },
	{ "case", "203.0.113.1 A.Test\n", "a.test=203.0.113.1" },
	{ "comments", "# 203.0.113.1 a.test\n203.0.113.2 b.test # c.test\n", "b.test=203.0.113.2" },
	{ "blanks", "\t203.0.113.1 \t a.test \t\n\n \n203.0.113.2\tb.test",
	  "a.test=203.0.113.1 b.test=203.0.113.2" },
	{ "CR LF", "203.0.113.1 a.test\r\n203.0.113.2 b.test\r\n",
	  "a.test=203.0.113.1 b.test=203.0.113.2" },
	{ "loopback",
	  "127.0.0.1 localhost\n127.0.1.1 me.test me\n::1 localhost ip6-localhost\n"
	  "::ffff:127.0.0.1 mapped.test\n0:0:0:0:0:0:0:1 long.test\n203.0.113.1 a.test\n",
	  "a.test=203.0.113.1" },
	{ "this host", "0.0.0.0 ads.test\n:: ads6.test\n", "ads.test=0.0.0.0 ads6.test=::" },
	{ "no names", "203.0.113.1\n203.0.113.2 # nothing\n", "" },
	{ "bad",
	  "a.test 203.0.113.1\n203.0.113 b.test\n203.0.113.3 -c.test d..test 1.2.3.4 e.test\n",
	  "e.test=203.0.113.3" },
	{ "zone", "fe80::1%lo0 a.test\n", "" },
	{ "empty", "", "" },
};

static void check_table(const char *path, const char *want)
{
	struct gate_host *table;
	size_t n = hostdns_table(path, &table), at = 0;
	char got[512] = "", addr[ADDR_STR_MAX];

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s=%s", i ? " " : "",
				       table[i].name.s, addr_str(&table[i].addr, addr));
	t_eq_str(got, want);
	free(table);
}

T(hosts)
{
	T_EACH(row, hosts)
	{
		struct file f = file_of(span_of(row->text));

		check_table(f.path, row->table);
		(void)close(f.fd);
	}
	t_row = NULL;
	check_table("/nonexistent/hosts", "");
}

T(many_hosts)
{
	struct gate_host *table;
	struct buf text;
	struct file f;

	buf_init(&text, LIMIT_HOST_FILE + 100);
	for (unsigned i = 0; i < LIMIT_HOSTS + 10; i++)
		buf_fmt(&text, "203.0.113.1 h%u.test\n", i);
	f = file_of(buf_view(&text));
	t_eq_int(hostdns_table(f.path, &table), LIMIT_HOSTS);
	t_eq_str(table[LIMIT_HOSTS - 1].name.s, "h65535.test");
	free(table);
	(void)close(f.fd);

	/* A file that is too large is as good as none. */
	while (text.n <= LIMIT_HOST_FILE)
		buf_str(&text, "203.0.113.1 h.test\n");
	f = file_of(buf_view(&text));
	t_eq_int(hostdns_table(f.path, &table), 0);
	t_ok(!table);
	(void)close(f.fd);
	buf_done(&text);
}

T_MAIN(T_TEST(resolv_conf), T_TEST(server), T_TEST(hosts), T_TEST(many_hosts))
