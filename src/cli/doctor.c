/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport doctor: what this machine lets this user do, and what to change where it does not. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "cli/policy_source.h"
#include "cli/show.h"
#include "daemon/kernel_probe.h"
#include "jail/hostdns.h"
#include "jail/jail.h"

#define ENGINE_SOCKET "/var/run/docker.sock"
#define SYSCTL_MAX    64 /* bytes of one number */

enum { OPT_JSON, OPT_COUNT };

static const struct cli_option options[OPT_COUNT] = {
	[OPT_JSON] = { "json", 0, NULL, "print the findings as JSON" },
};

enum level { LEVEL_OK, LEVEL_WARN, LEVEL_FAIL };

static const char *const levels[] = { "ok", "warn", "fail" };

struct finding {
	enum level level;
	char text[640];
};

typedef void check_fn(struct finding *f);

static void say(struct finding *f, enum level level, const char *fmt, ...) _printf_(3, 4);

static void say(struct finding *f, enum level level, const char *fmt, ...)
{
	va_list ap;

	f->level = level;
	va_start(ap, fmt);
	(void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

static void check_jail(struct finding *f)
{
	struct err e;

	if (jail_probe(&e))
		say(f, LEVEL_OK,
		    "namespaces, routes, TPROXY rules, mounts and filters can be made");
	else
		say(f, LEVEL_FAIL, "%s", e.msg);
}

static void check_ipv6(struct finding *f)
{
	if (access("/proc/net/if_inet6", F_OK) == 0)
		say(f, LEVEL_OK, "IPv6 is there");
	else
		say(f, LEVEL_WARN, "the kernel has no IPv6: a jail needs AF_INET6 sockets");
}

static void check_landlock(struct finding *f)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi >= 6)
		say(f, LEVEL_OK,
		    "Landlock version %ld: the gate has no file system, and the command "
		    "cannot signal processes outside",
		    abi);
	else if (abi > 0)
		say(f, LEVEL_WARN,
		    "Landlock version %ld: the gate has no file system; before version "
		    "6 the command can signal, but not trace, its user's other processes",
		    abi);
	else
		say(f, LEVEL_WARN,
		    "no Landlock: seccomp alone keeps the gate from files (boot with "
		    "lsm=landlock,... to add it)");
}

static void check_vsock(struct finding *f)
{
	_cleanup_(fd_closep) int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		say(f, LEVEL_OK, "no vsock transport");
	else
		say(f, LEVEL_OK,
		    "vsock sockets exist; a seccomp filter keeps them from the command");
}

static void check_root(struct finding *f)
{
	if (geteuid() != 0)
		say(f, LEVEL_OK, "running as a plain user");
	else
		say(f, LEVEL_WARN,
		    "running as root: the command cannot get out, but it can write root's "
		    "files, which other programs obey; run it as a plain user");
}

static void check_sockets(struct finding *f)
{
	say(f, LEVEL_OK,
	    "Unix sockets under /run are hidden, and those found in HOME, /tmp and where others "
	    "are bound when a command starts; one made later, or elsewhere, can be reached");
}

static void check_dns(struct finding *f)
{
	struct gate_upstream servers[GATE_UPSTREAMS_MAX];
	size_t n = hostdns_servers("/etc/resolv.conf", servers, GATE_UPSTREAMS_MAX);
	char text[ADDR_STR_MAX];

	say(f, LEVEL_OK, "names are asked at %s%s", addr_str(&servers[0].addr, text),
	    n > 1 ? " and others (/etc/resolv.conf)" : " (/etc/resolv.conf)");
}

/* ---- the daemon's: none of them is in the way of a jail, so none fails */

/* The kernel is asked by transactions that end with what has to fail: nothing is changed. */
static bool probe_tables(struct kernel_lacks *out, struct err *e)
{
	struct tables *t;
	bool ok;

	if (!tables_open(TABLES_FREE, &t, e))
		return false;
	ok = kernel_probe(t, out, e);
	tables_close(t);
	return ok;
}

static void check_tables(struct finding *f)
{
	struct kernel_lacks lacks;
	struct err e;

	if (geteuid() != 0)
		say(f, LEVEL_OK,
		    "networks are confined by root: as root, doctor asks the kernel about it");
	else if (!probe_tables(&lacks, &e))
		say(f, LEVEL_WARN, "sallyport daemon cannot load rules: %s", e.msg);
	else
		say(f, LEVEL_OK,
		    "nf_tables can be used; whether other programs are kept from the tables "
		    "(Linux 6.9) is told by sallyport status, as \"owned\"");
}

static void check_bridge(struct finding *f)
{
	struct kernel_lacks lacks;
	struct err e;

	if (geteuid() != 0 || !probe_tables(&lacks, &e))
		say(f, LEVEL_OK, "not asked");
	else if (lacks.bridge_name)
		say(f, LEVEL_WARN,
		    "no CONFIG_NFT_BRIDGE_META: a port of a bridge is closed once the daemon has "
		    "heard of it, not before; until then its frames reach no known container, and "
		    "neither the host nor the internet%s",
		    lacks.bridge_reject ? "; nor CONFIG_NFT_BRIDGE_REJECT: containers that are "
					  "denied to one another wait for a time-out" :
					  "");
	else if (lacks.bridge_reject)
		say(f, LEVEL_WARN,
		    "no CONFIG_NFT_BRIDGE_REJECT: containers that are denied to one another wait "
		    "for a time-out");
	else
		say(f, LEVEL_OK,
		    "ports of bridges are closed until they are known, and what is "
		    "denied between them fails at once");
}

/* -1: there is none. */
static int sysctl(const char *path)
{
	_cleanup_(freep) char *text = NULL;
	struct err ignored;
	size_t n;

	return fd_read_file(path, SYSCTL_MAX, &text, &n, &ignored) && n > 0 ? text[0] - '0' : -1;
}

static void check_br_netfilter(struct finding *f)
{
	int on = sysctl("/proc/sys/net/bridge/bridge-nf-call-iptables");

	if (on < 0)
		say(f, LEVEL_OK, "br_netfilter is not loaded, nor needed");
	else
		say(f, LEVEL_OK,
		    "bridge-nf-call-iptables is %d: the host's iptables rules %s frames between "
		    "containers; the daemon's do not depend on it",
		    on, on ? "see" : "do not see");
}

static void check_forwarding(struct finding *f)
{
	int v4 = sysctl("/proc/sys/net/ipv4/ip_forward");
	int v6 = sysctl("/proc/sys/net/ipv6/conf/all/forwarding");

	if (v4 != 1)
		say(f, LEVEL_WARN,
		    "net.ipv4.ip_forward is not 1: containers reach nothing beyond this host, "
		    "whatever is allowed; an engine sets it when it starts");
	else
		say(f, LEVEL_OK,
		    "IPv4 is forwarded, IPv6 is %s; the policy of iptables' FORWARD chain opens "
		    "nothing that is denied, and what is allowed has to pass it as well",
		    v6 == 1 ? "too" : "not");
}

static void check_engine(struct finding *f)
{
	_cleanup_(fd_closep) int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = ENGINE_SOCKET };

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
		say(f, LEVEL_OK, "an engine listens at " ENGINE_SOCKET);
	else if (errno == EACCES)
		say(f, LEVEL_OK, ENGINE_SOCKET " is not this user's to open");
	else
		say(f, LEVEL_OK,
		    "no engine listens at " ENGINE_SOCKET " (%s): bridges go by their names, or "
		    "daemon --docker PATH says where it is",
		    strerror(errno));
}

static void check_dockside(struct finding *f)
{
	if (access(DOCKSIDE_FIREWALL_CONFIG, F_OK) != 0)
		say(f, LEVEL_OK, "no " DOCKSIDE_FIREWALL_CONFIG);
	else
		say(f, LEVEL_OK,
		    "Dockside's files are here; what its own daemon has left are chains DOCKSIDE-* "
		    "in the output of iptables-save: they harm nothing, and its --teardown removes "
		    "them");
}

static const struct {
	const char *name;
	check_fn *check;
} checks[] = {
	{ "jail", check_jail },
	{ "ipv6", check_ipv6 },
	{ "landlock", check_landlock },
	{ "vsock", check_vsock },
	{ "sockets", check_sockets },
	{ "user", check_root },
	{ "name-servers", check_dns },
	{ "nf-tables", check_tables },
	{ "bridges", check_bridge },
	{ "br-netfilter", check_br_netfilter },
	{ "forwarding", check_forwarding },
	{ "engine", check_engine },
	{ "dockside", check_dockside },
};

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	(void)option;
	(void)arg;
	(void)e;
	*(bool *)ctx = true;
	return true;
}

static void print(const struct finding *found, bool json)
{
	json_t *list;

	if (!json) {
		for (size_t i = 0; i < ARRAY_LEN(checks); i++)
			(void)printf("%-5s %-12s  %s\n", levels[found[i].level], checks[i].name,
				     found[i].text);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		json_array_append_new(list,
				      json_pack("{ssssss}", "check", checks[i].name, "level",
						levels[found[i].level], "text", found[i].text));
	show_json_print(list);
}

static int run(int argc, char **argv)
{
	struct finding found[ARRAY_LEN(checks)];
	enum level worst = LEVEL_OK;
	bool json = false;
	int status;

	if (!cli_parse(&cli_doctor, argc, argv, take, &json, NULL, &status))
		return status;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		checks[i].check(&found[i]);
		worst = MAX(worst, found[i].level);
	}
	print(found, json);
	return worst == LEVEL_FAIL ? CLI_NOT_ENFORCING : CLI_OK;
}

const struct cli_command cli_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "tell what this machine lets this user confine",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
};
