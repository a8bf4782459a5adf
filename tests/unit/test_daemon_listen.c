/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "daemon/listen.h"
#include "t.h"

static const struct {
	const char *name;
	struct span text;
	const char *shown; /* NULL: it is no place */
} rows[] = {
	{ "IPv4", SPAN_LIT("127.0.0.1:8888"), "127.0.0.1:8888" },
	{ "every IPv4 address", SPAN_LIT("0.0.0.0:1"), "0.0.0.0:1" },
	{ "IPv6", SPAN_LIT("[::1]:8888"), "[::1]:8888" },
	{ "every IPv6 address", SPAN_LIT("[::]:65535"), "[::]:65535" },
	{ "IPv6 in another form", SPAN_LIT("[2001:DB8:0:0::1]:80"), "[2001:db8::1]:80" },

	{ "nothing", SPAN_LIT(""), NULL },
	{ "no port", SPAN_LIT("127.0.0.1"), NULL },
	{ "an empty port", SPAN_LIT("127.0.0.1:"), NULL },
	{ "a port alone", SPAN_LIT(":8888"), NULL },
	{ "a number alone", SPAN_LIT("8888"), NULL },
	{ "port 0", SPAN_LIT("127.0.0.1:0"), NULL },
	{ "a port out of range", SPAN_LIT("127.0.0.1:65536"), NULL },
	{ "a port with a sign", SPAN_LIT("127.0.0.1:+80"), NULL },
	{ "a port with a zero before it", SPAN_LIT("127.0.0.1:080"), NULL },
	{ "a service", SPAN_LIT("127.0.0.1:http"), NULL },
	{ "a name", SPAN_LIT("localhost:8888"), NULL },
	{ "every address", SPAN_LIT("*:8888"), NULL },
	{ "a short address", SPAN_LIT("127.1:8888"), NULL },
	{ "an octal address", SPAN_LIT("127.0.0.01:8888"), NULL },
	{ "IPv6 without brackets", SPAN_LIT("::1:8888"), NULL },
	{ "IPv6 without a port", SPAN_LIT("[::1]"), NULL },
	{ "empty brackets", SPAN_LIT("[]:8888"), NULL },
	{ "half a bracket", SPAN_LIT("[::1:8888"), NULL },
	{ "the other half", SPAN_LIT("::1]:8888"), NULL },
	{ "a zone", SPAN_LIT("[fe80::1%lo]:8888"), NULL },
	{ "a blank", SPAN_LIT(" 127.0.0.1:8888"), NULL },
	{ "a blank behind", SPAN_LIT("127.0.0.1:8888 "), NULL },
	{ "a scheme", SPAN_LIT("http://127.0.0.1:8888"), NULL },
	{ "a NUL", SPAN_LIT("127.0.0.1\0:8888"), NULL },
};

T(parse)
{
	T_EACH(row, rows)
	{
		struct gate_listener l = { .fd = 7 }, again;
		struct err e = { 0 };
		char text[LISTEN_STR_MAX];

		if (!row->shown) {
			t_bad(listen_parse(row->text, &l, &e), e, ERR_INVALID,
			      "is no place to listen at: expected ADDRESS:PORT");
			t_eq_int(l.fd, 7);
			continue;
		}
		t_good(listen_parse(row->text, &l, &e), e);
		t_eq_int(l.fd, -1);
		t_eq_str(listen_str(&l, text), row->shown);
		t_good(listen_parse(span_of(text), &again, &e), e);
		t_ok(addr_eq(&l.addr, &again.addr) && l.port == again.port);
	}
}

/* What a person typed may be long, or no text. */
T(message)
{
	struct gate_listener l;
	struct err e = { 0 };
	char text[300];

	memset(text, 'x', sizeof(text));
	text[0] = '\x1b';
	t_bad(listen_parse(span_bytes(text, sizeof(text)), &l, &e), e, ERR_INVALID,
	      "or [::1]:8888");
	t_ok(!strchr(e.msg, '\x1b'));
}

/* A port of 127.0.0.1 that nobody else has. */
static struct gate_listener somewhere(void)
{
	_cleanup_(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct gate_listener l = { .fd = -1 };
	union sockaddr_any sa = { .in = { .sin_family = AF_INET,
					  .sin_addr = { htonl(INADDR_LOOPBACK) } } };
	socklen_t len = sizeof(sa);

	t_eq_int(bind(fd, &sa.sa, sizeof(sa.in)), 0);
	t_eq_int(getsockname(fd, &sa.sa, &len), 0);
	t_ok(addr_from_sockaddr(&sa, &l.addr, &l.port));
	return l;
}

T(open)
{
	struct gate_listener l = somewhere(), second = l, elsewhere = l;
	_cleanup_(fd_closep) int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_(fd_closep) int served = -1;
	union sockaddr_any sa;
	socklen_t len = addr_to_sockaddr(&l.addr, l.port, &sa);
	struct err e = { 0 };

	t_good(listen_open(&l, &e), e);
	t_ok(fcntl(l.fd, F_GETFL) & O_NONBLOCK);
	t_ok(fcntl(l.fd, F_GETFD) & FD_CLOEXEC);
	t_eq_int(connect(client, &sa.sa, len), 0);
	served = accept4(l.fd, NULL, NULL, SOCK_CLOEXEC);
	t_ok(served >= 0);

	t_bad(listen_open(&second, &e), e, ERR_SYSTEM, "listening at 127.0.0.1:");
	t_eq_int(second.fd, -1);
	elsewhere.addr = addr_from_v4("\xcb\0\x71\5");
	t_bad(listen_open(&elsewhere, &e), e, ERR_SYSTEM, "listening at 203.0.113.5:");

	/* Connections that the last process had do not keep the next one waiting. */
	fd_closep(&served);
	fd_closep(&l.fd);
	t_good(listen_open(&l, &e), e);
	fd_closep(&l.fd);
}

T_MAIN(T_TEST(parse), T_TEST(message), T_TEST(open))
