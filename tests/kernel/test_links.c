/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bridges and the far ends of their ports, as rtnetlink tells them. */
#include "base/clock.h"
#include "kernel/links.h"
#include "net.h"

static struct links *open_links(void)
{
	struct links *l = NULL;
	struct err e = { 0 };

	t_good(links_open(&l, &e), e);
	return l;
}

static bool look(struct links_bridge *b)
{
	struct links *l = open_links();
	struct err e = { 0 };
	bool found = false;

	t_good(links_bridge(l, "br7", &found, b, &e), e);
	links_close(l);
	return found;
}

/* The one port of br7 with that name; index 0: there is none. */
static struct links_port port_of(const char *name)
{
	struct links *l = open_links();
	_cleanup_(freep) struct links_port *ports = NULL;
	struct links_port found = { 0 };
	struct links_bridge b = { 0 };
	struct err e = { 0 };
	size_t n = 0;

	t_ok(look(&b));
	t_good(links_ports(l, b.index, &ports, &n, &e), e);
	for (size_t i = 0; i < n; i++)
		if (strcmp(ports[i].name, name) == 0)
			found = ports[i];
	links_close(l);
	return found;
}

static bool has(const struct links_port *p, const char *text)
{
	char out[ADDR_STR_MAX];

	for (size_t i = 0; i < p->n_addrs; i++)
		if (strcmp(addr_str(&p->addrs[i], out), text) == 0)
			return true;
	return false;
}

/* What an earlier test left, when it failed too. */
static void clean(void)
{
	sh("for l in br7 br8 p1 p2 d1 d2; do ip link del $l; done 2>/dev/null;"
	   "for n in box inner; do ip netns del $n; done 2>/dev/null; true");
	/* A namespace, and what is in it, ends in the background. */
	net_until(system("ip link show type veth | grep -q .") != 0);
}

/* No address becomes another one a second later, which would be heard in the wrong row. */
#define NO_DAD "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad"

/* br7 with the port p1, whose other end is eth0 of the namespace box, up but without addresses. */
static void make(void)
{
	clean();
	sh(NO_DAD " && ip netns add box && nsenter --net=/run/netns/box sh -c '" NO_DAD "'");
	sh("ip link add br7 type bridge && ip addr add 10.77.0.1/24 dev br7 &&"
	   "ip addr add fd77::1/64 dev br7 nodad && ip link set br7 up &&"
	   "ip link add p1 type veth peer name eth0 netns box address 02:00:00:00:00:05 &&"
	   "ip link set p1 master br7 up && ip -n box link set eth0 up");
}

T(bridge)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	char out[PREFIX_STR_MAX];
	struct links_bridge b = { 0 };

	clean();
	t_ok(!look(&b));
	sh("ip link add br7 type bridge && ip link set br7 address 02:00:00:00:00:01 &&"
	   "ip addr add 10.77.0.1/24 dev br7");
	t_ok(look(&b));
	t_ok(!b.up);
	t_eq_mem(b.mac, mac, 6);
	t_eq_int(b.n_addrs, 1);
	t_eq_str(addr_str(&b.addrs[0], out), "10.77.0.1");
	t_eq_str(prefix_str(&b.subnets[0], out), "10.77.0.0/24");
	sh("ip link set br7 up && ip addr add fd77::1/64 dev br7 nodad");
	t_ok(look(&b));
	t_ok(b.up);
	t_eq_int(b.n_addrs, 2);
	t_eq_str(prefix_str(&b.subnets[1], out), "fd77::/64");
	sh("ip link add p1 type veth peer name p2 && ip link set p2 up &&"
	   "ip link set p1 master br7 up");
	net_until(look(&b) && b.n_addrs == 3);
	t_eq_str(prefix_str(&b.subnets[2], out), "fe80::/64");
}

static const struct {
	const char *name;
	const char *command;
} no_bridge[] = {
	{ "a link of another kind", "ip tuntap add br7 mode tap" },
	{ "a further name of a bridge",
	  "ip link add br8 type bridge && ip link property add dev br8 altname br7" },
};

T(bridge_not)
{
	struct links *l = open_links();
	struct links_bridge b = { 0 };
	struct err e = { 0 };
	bool found = true;

	T_EACH(row, no_bridge)
	{
		clean();
		sh(row->command);
		t_ok(!look(&b));
	}
	t_good(links_bridge(l, "", &found, &b, &e), e);
	t_ok(!found);
	t_good(links_bridge(l, "longer-than-any-name", &found, &b, &e), e);
	t_ok(!found);
	links_close(l);
}

T(bridge_with_too_many_addresses)
{
	struct links *l = open_links();
	struct links_bridge b = { 0 };
	struct err e = { 0 };
	bool found;

	clean();
	sh("ip link add br7 type bridge; for i in $(seq 1 16); do ip addr add 10.77.$i.1/24 dev br7;"
	   "done");
	t_good(links_bridge(l, "br7", &found, &b, &e), e);
	t_eq_int(b.n_addrs, 16);
	sh("ip addr add 10.77.17.1/24 dev br7");
	t_bad(links_bridge(l, "br7", &found, &b, &e), e, ERR_LIMIT, "too many addresses");
	links_close(l);
}

/* A veth's other end in a namespace that has no id in this one. */
T(far_end)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 5 };
	struct links_port p;

	make();
	p = port_of("p1");
	t_ok(p.index > 0 && p.veth && p.running);
	t_eq_mem(p.mac, mac, 6);
	t_eq_int(system("test -n \"$(ip netns list-id)\""), 0);
	sh("ip -n box addr add 10.77.0.5/24 dev eth0 && ip -n box addr add fd77::5/64 dev eth0 nodad");
	p = port_of("p1");
	t_ok(has(&p, "10.77.0.5") && has(&p, "fd77::5") && has(&p, "fe80::ff:fe00:5"));
	t_eq_int(p.n_addrs, 3);
	sh("ip -n box addr del 10.77.0.5/24 dev eth0");
	p = port_of("p1");
	t_ok(!has(&p, "10.77.0.5"));
	sh("ip -n box link set eth0 down");
	net_until(!port_of("p1").running);
}

T(port_renamed_and_deleted)
{
	struct links_port p, q;

	make();
	p = port_of("p1");
	sh("ip link set p1 down && ip link set p1 name p2 && ip link set p2 up");
	t_eq_int(port_of("p1").index, 0);
	q = port_of("p2");
	t_eq_int(q.index, p.index);
	sh("ip link set p2 nomaster");
	t_eq_int(port_of("p2").index, 0);
	sh("ip link set p2 master br7 && ip -n box link del eth0");
	t_eq_int(port_of("p2").index, 0);
}

T(far_end_in_this_namespace)
{
	struct links_port p;

	make();
	sh("ip link add p2 type veth peer name q2 && ip link set p2 master br7 up &&"
	   "ip link set q2 up && ip addr add 10.77.0.6/24 dev q2");
	p = port_of("p2");
	t_ok(p.veth && has(&p, "10.77.0.6"));
	t_ok(!port_of("q2").index);
}

/* The other end moved on, by whoever is root in the box. */
T(far_end_moves)
{
	struct links_port p;

	make();
	sh("ip netns add inner && ip -n box link set eth0 netns inner &&"
	   "ip -n inner link set eth0 up && ip -n inner addr add 10.77.0.9/24 dev eth0");
	p = port_of("p1");
	t_ok(p.veth && has(&p, "10.77.0.9"));
	sh("ip netns del inner");
	net_until(!port_of("p1").index);
}

T(no_veth)
{
	struct links_port p;

	make();
	sh("ip tuntap add d1 mode tap && ip link set d1 master br7 up");
	p = port_of("d1");
	t_ok(p.index > 0 && !p.veth && p.n_addrs == 0);
	/* The link that a macvlan stands on is no other end. */
	sh("ip tuntap add d2 mode tap && ip link add v1 link d2 type macvlan &&"
	   "ip link set v1 master br7 up");
	p = port_of("v1");
	t_ok(p.index > 0 && !p.veth);
}

/* What a container can make long stays short, and does not take long. */
T(many_addresses)
{
	struct links_port p;
	uint64_t before_ms;

	make();
	sh("for a in 1 2 3 4 5 6 7 8; do for i in $(seq 1 250); do"
	   " echo addr add 10.77.$a.$i/32 dev eth0; echo addr add fd77::$a:$i/128 dev eth0 nodad;"
	   "done; done | ip -n box -batch -");
	before_ms = clock_ms();
	p = port_of("p1");
	t_ok(clock_ms() - before_ms < 2000);
	t_ok(p.veth && has(&p, "10.77.1.1") && has(&p, "10.77.1.3") && !has(&p, "10.77.1.4"));
	t_eq_int(p.n_addrs, LINKS_V4_MAX + LINKS_V6_MAX);
	p = port_of("p1");
	t_ok(p.veth);
}

T(many_ports)
{
	struct links *l = open_links();
	_cleanup_(freep) struct links_port *ports = NULL;
	struct links_bridge b = { 0 };
	struct err e = { 0 };
	size_t n, veths = 0;
	uint64_t before_ms;

	make();
	sh("for i in $(seq 1 200); do echo link add q$i type veth peer name e$i netns box;"
	   "echo link set q$i master br7 up; done | ip -batch -");
	sh("for i in $(seq 1 200); do echo link set e$i up; echo addr add 10.77.1.$i/24 dev e$i;"
	   "done | ip -n box -batch -");
	t_ok(look(&b));
	before_ms = clock_ms();
	t_good(links_ports(l, b.index, &ports, &n, &e), e);
	print_message("%zu ports: %llu ms\n", n, (unsigned long long)(clock_ms() - before_ms));
	t_ok(clock_ms() - before_ms < 2000);
	t_eq_int(n, 201);
	for (size_t i = 0; i < n; i++)
		veths += ports[i].veth && (ports[i].n_addrs > 0);
	t_eq_int(veths, 201);
	links_close(l);
}

static bool heard(int fd)
{
	struct err e = { 0 };
	bool changed = false;

	for (int i = 0; i < 20 && !changed; i++) {
		net_sleep_ms(10);
		t_good(links_monitor_read(fd, &changed, &e), e);
	}
	return changed;
}

/* One after the other, in one world. */
static const struct {
	const char *name;
	const char *command;
	bool heard;
} events[] = {
	{ "a link that is no bridge's", "ip tuntap add d1 mode tap", false },
	{ "and comes up", "ip link set d1 up", false },
	{ "and goes", "ip link del d1", false },
	{ "an address of a bridge", "ip addr add 10.77.0.2/24 dev br7", true },
	{ "an address of a far end", "ip -n box addr add 10.77.0.5/24 dev eth0", true },
	{ "goes", "ip -n box addr del 10.77.0.5/24 dev eth0", true },
	{ "a far end's MAC", "ip -n box link set eth0 address 02:00:00:00:00:06", true },
	{ "a far end goes down", "ip -n box link set eth0 down", true },
	{ "and comes up", "ip -n box link set eth0 up", true },
	{ "a new port", "ip tuntap add d2 mode tap && ip link set d2 master br7", true },
	{ "a port leaves", "ip link set d2 nomaster", true },
	{ "the same link alone", "ip link set d2 mtu 1400", false },
	{ "a port is renamed", "ip link set p1 down && ip link set p1 name p2", true },
	{ "a new bridge", "ip link add br8 type bridge", true },
	{ "goes ", "ip link del br8", true },
};

T(monitor)
{
	struct err e = { 0 };
	int fd;

	make();
	(void)port_of("p1");
	t_good(links_monitor_open(&fd, &e), e);
	T_EACH(row, events)
	{
		while (heard(fd))
			;
		sh(row->command);
		t_ok(heard(fd) == row->heard);
	}
	(void)close(fd);
}

static bool is_own(const char *text)
{
	struct links *l = open_links();
	_cleanup_(freep) struct addr *own = NULL;
	struct addr wanted;
	struct err e = { 0 };
	bool found = false;
	size_t n = 0;

	t_good(addr_parse(span_of(text), &wanted, &e), e);
	t_good(links_own(l, &own, &n, &e), e);
	for (size_t i = 0; i < n; i++)
		found = found || addr_eq(&own[i], &wanted);
	links_close(l);
	return found;
}

/* Of all links, and of this namespace alone. */
T(own)
{
	clean();
	sh("ip link set lo up; ip tuntap add d1 mode tap; ip link set d1 up;"
	   "ip addr add 10.77.40.1/24 dev d1; ip addr add 10.77.41.1/24 dev d1;"
	   "ip addr add fd77:40::1/64 dev d1 nodad; ip addr add 198.51.100.7/32 dev lo;"
	   "ip netns add box; ip -n box link set lo up; ip -n box addr add 10.77.42.1/24 dev lo");
	t_ok(is_own("10.77.40.1") && is_own("10.77.41.1") && is_own("fd77:40::1"));
	t_ok(is_own("198.51.100.7") && is_own("127.0.0.1") && is_own("::1"));
	t_ok(!is_own("10.77.42.1"));
	sh("ip addr del 198.51.100.7/32 dev lo; ip link del d1");
	t_ok(!is_own("10.77.40.1"));
	clean();
}

NET_MAIN(T_TEST(bridge), T_TEST(bridge_not), T_TEST(bridge_with_too_many_addresses),
	 T_TEST(far_end), T_TEST(port_renamed_and_deleted), T_TEST(far_end_in_this_namespace),
	 T_TEST(far_end_moves), T_TEST(no_veth), T_TEST(many_addresses), T_TEST(many_ports),
	 T_TEST(monitor), T_TEST(own))
