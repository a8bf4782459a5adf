/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport doctor: what this machine lets this user do, and what to change where it does not. */
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "jail/hostdns.h"
#include "jail/jail.h"

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

static const struct {
	const char *name;
	check_fn *check;
} checks[] = {
	{ "jail", check_jail },	       { "ipv6", check_ipv6 },	     { "landlock", check_landlock },
	{ "vsock", check_vsock },      { "sockets", check_sockets }, { "user", check_root },
	{ "name-servers", check_dns },
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
	int operands, status;
	bool json = false;
	struct err e;

	if (!cli_parse(&cli_doctor, argc, argv, take, &json, &operands, &status))
		return status;
	if (operands != argc) {
		(void)err_set(&e, ERR_INVALID, "doctor: expected no arguments");
		return cli_usage_error(&e);
	}
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
	.summary = "tell whether this machine lets this user confine a command",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
};
