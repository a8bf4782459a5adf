/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sallyport healthcheck: proves both halves of a proxy. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "daemon/listen.h"
#include "daemon/users.h"
#include "wire/http.h"

enum { OPT_PROXY, OPT_PASSES, OPT_DENIED, OPT_USERS, OPT_TIMEOUT, OPT_JSON, OPT_COUNT };

static const struct cli_option options[OPT_COUNT] = {
	[OPT_PROXY] = { "proxy", 0, "ADDR:PORT", "the proxy to ask (127.0.0.1:8888)" },
	[OPT_PASSES] = { "passes", 0, "HOST[:PORT]", "what it has to let through" },
	[OPT_DENIED] = { "denied", 0, "HOST[:PORT]", "what it must not let through" },
	[OPT_USERS] = { "users", 0, "FILE", "log in as the first of these: NAME:SECRET" },
	[OPT_TIMEOUT] = { "timeout", 0, "TIME", "how long each answer may take (5s)" },
	[OPT_JSON] = { "json", 0, NULL, "print the findings as JSON" },
};

struct args {
	struct gate_listener proxy;
	const char *passes, *denied, *users;
	uint64_t timeout_ms;
	bool json;
	struct user user;
};

static bool take(void *ctx, size_t option, const char *arg, struct err *e)
{
	struct args *a = ctx;

	switch (option) {
	case OPT_PROXY:
		return listen_parse(span_of(arg), &a->proxy, e) || err_wrap(e, "--proxy");
	case OPT_PASSES:
		a->passes = arg;
		break;
	case OPT_DENIED:
		a->denied = arg;
		break;
	case OPT_USERS:
		a->users = arg;
		break;
	case OPT_TIMEOUT:
		return num_parse_duration_ms(span_of(arg), 1, 600000, &a->timeout_ms, e) ||
		       err_wrap(e, "--timeout");
	case OPT_JSON:
		a->json = true;
		break;
	}
	return true;
}

/* Until the socket is ready for it, or the time is over. */
static bool wait_for(int fd, short events, uint64_t until, struct err *e)
{
	uint64_t now = clock_ms();
	struct pollfd p = { .fd = fd, .events = events };

	if (now < until && RETRY_EINTR(poll(&p, 1, (int)(until - now))) == 1)
		return true;
	return err_set(e, ERR_SYSTEM, "no answer in time");
}

static bool dial(const struct gate_listener *to, uint64_t until, int *out_fd, struct err *e)
{
	union sockaddr_any sa;
	socklen_t len = addr_to_sockaddr(&to->addr, to->port, &sa), size = sizeof(int);
	_cleanup_(fd_closep) int fd =
		socket(sa.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int errnum = 0;

	if (fd < 0 || (connect(fd, &sa.sa, len) != 0 && errno != EINPROGRESS))
		return err_sys(e, errno, "the proxy");
	if (!wait_for(fd, POLLOUT, until, e))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &size) != 0 || errnum)
		return err_sys(e, errnum, "the proxy");
	*out_fd = fd;
	fd = -1;
	return true;
}

static bool read_status(int fd, uint64_t until, unsigned *out, struct err *e)
{
	_cleanup_(buf_done) struct buf in;
	ptrdiff_t n = 0;

	buf_init(&in, 16384);
	while (n == 0) {
		char chunk[2048];
		ssize_t got;

		if (!wait_for(fd, POLLIN, until, e))
			return false;
		got = recv(fd, chunk, sizeof(chunk), 0);
		if (got == 0)
			return err_set(e, ERR_SYSTEM, "the proxy closed the connection");
		if (got < 0)
			return err_sys(e, errno, "reading the answer");
		buf_add(&in, chunk, (size_t)got);
		n = buf_ok(&in) ? http_status_read(buf_view(&in), out) : -1;
	}
	return n > 0 || err_set(e, ERR_SYSTEM, "the answer is no HTTP");
}

/* The status of a CONNECT to host, which may lack its port. */
static bool ask(const struct args *a, const char *host, unsigned *out, struct err *e)
{
	uint64_t until = clock_ms() + a->timeout_ms;
	_cleanup_(fd_closep) int fd = -1;
	struct http_host h;
	struct buf request;
	const char *port;
	bool ok;

	if (!http_host_parse(span_of(host), &h))
		return err_set(e, ERR_INVALID, "\"%s\" is no host: expected HOST or HOST:PORT",
			       host);
	port = h.port ? "" : ":443";
	if (!dial(&a->proxy, until, &fd, e))
		return false;
	buf_init(&request, 2048);
	buf_fmt(&request, "CONNECT %s%s HTTP/1.1\r\nHost: %s%s\r\n", host, port, host, port);
	if (a->user.token[0])
		buf_fmt(&request, "Proxy-Authorization: Basic %s\r\n", a->user.token);
	buf_str(&request, "\r\n");
	ok = send(fd, request.p, request.n, MSG_NOSIGNAL) == (ssize_t)request.n ||
	     err_sys(e, errno, "asking the proxy");
	buf_done(&request);
	return ok && read_status(fd, until, out, e);
}

struct finding {
	const char *what;
	const char *host;
	bool ok;
	char text[640];
};

static void check(const struct args *a, struct finding *f, unsigned wanted)
{
	unsigned status = 0;
	struct err e;

	if (!ask(a, f->host, &status, &e)) {
		(void)snprintf(f->text, sizeof(f->text), "%s", e.msg);
		return;
	}
	f->ok = status == wanted;
	(void)snprintf(f->text, sizeof(f->text), "the proxy answered %u %s%s", status,
		       http_status_text(status),
		       f->ok	     ? "" :
		       wanted == 200 ? ": it should pass" :
				       ": it should be denied");
}

static int print(const struct finding *f, size_t n, bool json)
{
	json_t *list = json_array();
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		ok &= f[i].ok;
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:o}", "check", f[i].what,
						      "host", f[i].host, "ok", f[i].ok, "text",
						      show_json(f[i].text)));
		if (!json)
			(void)printf("%-5s %-7s %s: %s\n", f[i].ok ? "ok" : "fail", f[i].what,
				     f[i].host, f[i].text);
	}
	if (json)
		show_json_print(list);
	else
		json_decref(list);
	return ok ? CLI_OK : CLI_DENIED;
}

static bool log_in(struct args *a, struct err *e)
{
	struct users users;

	if (!a->users)
		return true;
	if (!users_read(a->users, &users, e))
		return err_wrap(e, "--users");
	if (users.n)
		a->user = users.items[0];
	users_done(&users);
	return true;
}

static int run(int argc, char **argv)
{
	struct args a = { .timeout_ms = 5000 };
	struct finding found[] = { { .what = "passes" }, { .what = "denied" } };
	int status;
	struct err e = { 0 };

	if (!listen_parse(SPAN_LIT("127.0.0.1:8888"), &a.proxy, &e))
		return CLI_FAILED;
	if (!cli_parse(&cli_healthcheck, argc, argv, take, &a, NULL, &status))
		return status;
	if (!a.passes || !a.denied) {
		(void)err_set(
			&e, ERR_INVALID,
			"healthcheck: expected --passes HOST and --denied HOST: one half alone "
			"proves nothing");
		return cli_usage_error(&e);
	}
	if (!log_in(&a, &e))
		return cli_usage_error(&e);
	found[0].host = a.passes;
	found[1].host = a.denied;
	check(&a, &found[0], 200);
	check(&a, &found[1], 403);
	return print(found, ARRAY_LEN(found), a.json);
}

static const char *const notes[] = {
	"Asks the proxy for a tunnel to each of the two hosts. The first has to be reached, the second "
	"to be refused with 403. Ends with 0 when both are so, with 1 when not. For the health check "
	"of a container.",
	NULL,
};

const struct cli_command cli_healthcheck = {
	.name = "healthcheck",
	.args = "",
	.summary = "prove that a proxy lets through what it should, and nothing else",
	.run = run,
	.options = options,
	.n_options = OPT_COUNT,
	.notes = notes,
};
