/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "control/control.h"
#include "t.h"

/* ---- Requests ---- */

static const struct {
	const char *name;
	struct span line;
	const char *why; /* NULL: it is one */
} requests[] = {
	{ "an action", SPAN_LIT("{\"action\":\"status\"}"), NULL },
	{ "more", SPAN_LIT(" {\"action\" : \"x\", \"n\" : [1, {\"a\": null}]} "), NULL },
	{ "an empty action", SPAN_LIT("{\"action\":\"\"}"), NULL },

	{ "nothing", SPAN_LIT(""), "no JSON" },
	{ "a word", SPAN_LIT("status"), "no JSON" },
	{ "cut", SPAN_LIT("{\"action\":\"status\""), "no JSON" },
	{ "two", SPAN_LIT("{\"action\":\"a\"}{\"action\":\"b\"}"), "no JSON" },
	{ "an action twice", SPAN_LIT("{\"action\":\"a\",\"action\":\"b\"}"), "no JSON" },
	{ "no UTF-8", SPAN_LIT("{\"action\":\"\xff\"}"), "no JSON" },
	{ "a NUL", SPAN_LIT("{\"action\":\"a\0b\"}"), "no JSON" },
	{ "an escaped NUL", SPAN_LIT("{\"action\":\"a\\u0000b\"}"), "no JSON" },
	{ "a NUL behind it", SPAN_LIT("{\"action\":\"a\"}\0"), "no JSON" },
	{ "a list", SPAN_LIT("[\"action\"]"), "expected an object with an action" },
	{ "no action", SPAN_LIT("{\"Action\":\"a\"}"), "expected an object with an action" },
	{ "an action that is no text", SPAN_LIT("{\"action\":1}"),
	  "expected an object with an action" },
	{ "no object", SPAN_LIT("\"action\""), "no JSON" },
};

T(parse)
{
	T_EACH(row, requests)
	{
		_cleanup_(freep) char *exact = xmalloc(row->line.n);
		json_t *o = NULL;
		struct err e = { 0 };

		memcpy(exact, row->line.p, row->line.n);
		if (row->why) {
			t_bad(control_parse(span_bytes(exact, row->line.n), &o, &e), e, ERR_INVALID,
			      row->why);
			t_ok(!o);
		} else {
			t_good(control_parse(span_bytes(exact, row->line.n), &o, &e), e);
			t_ok(json_is_string(json_object_get(o, "action")));
			json_decref(o);
		}
	}
}

/* A peer that nests cannot make the reader recurse for ever. */
T(nested)
{
	struct buf b;
	json_t *o;
	struct err e = { 0 };

	buf_init(&b, LIMIT_CONTROL_BYTES);
	for (unsigned i = 0; i < LIMIT_CONTROL_BYTES; i++)
		buf_char(&b, '[');
	t_bad(control_parse(buf_view(&b), &o, &e), e, ERR_INVALID, "no JSON");
	buf_done(&b);
}

/* ---- Replies ---- */

T(ok_lines)
{
	struct buf b;

	buf_init(&b, 1024);
	control_ok(NULL, &b);
	t_eq_str(buf_cstr(&b), "{\"status\":\"ok\"}\n");
	control_ok(json_pack("{s:i,s:s}", "generation", 2, "text", "\xc3\xbc\n"), &b);
	t_eq_str(buf_cstr(&b), "{\"status\":\"ok\"}\n"
			       "{\"status\":\"ok\",\"generation\":2,\"text\":\"\\u00FC\\n\"}\n");
	buf_done(&b);
}

/* A reply that has no room is an error, and what there was before it stays. */
static const struct {
	const char *name;
	size_t n; /* bytes of a text in the reply; it is 26 bytes with none, behind 16 */
	bool fits;
} sizes[] = {
	{ "as long as there is room", 1024 - 16 - 26, true },
	{ "a byte more", 1024 - 16 - 26 + 1, false },
	{ "far more", 5000, false },
};

T(too_long)
{
	T_EACH(row, sizes)
	{
		_cleanup_(freep) char *text = xmalloc(row->n + 1);
		struct buf b;

		memset(text, 'x', row->n);
		text[row->n] = '\0';
		buf_init(&b, 1024);
		control_ok(NULL, &b);
		control_ok(json_pack("{s:s}", "text", text), &b);
		t_ok(buf_ok(&b));
		t_eq_int(b.n == 1024, row->fits);
		t_ok(row->fits ||
		     strstr(buf_cstr(&b),
			    "{\"status\":\"ok\"}\n{\"status\":\"error\",\"message\":\"the reply is longer"));
		buf_done(&b);
	}
}

static const struct {
	const char *name;
	const char *message;
	const char *shown; /* within the JSON text */
} messages[] = {
	{ "plain", "p.yaml:3:5: no", "p.yaml:3:5: no" },
	{ "nothing", "", "" },
	{ "quotes", "read \"x\\y\"", "read \\\"x\\\\y\\\"" },
	{ "a line end", "a\nb", "a\\nb" },
	{ "UTF-8", "b\xc3\xbc\xe2\x82\xac", "b\\u00FC\\u20AC" },
	{ "no UTF-8", "a\xff\xc3z", "a\\\\xff\\\\xc3z" },
	{ "cut within a character", "a\xe2\x82", "a\\\\xe2\\\\x82" },
};

T(error_lines)
{
	T_EACH(row, messages)
	{
		struct err e = { 0 };
		struct buf got, want;

		(void)err_set(&e, ERR_INVALID, "%s", row->message);
		buf_init(&got, 1024);
		buf_init(&want, 1024);
		control_error(&e, &got);
		buf_fmt(&want, "{\"status\":\"error\",\"message\":\"%s\"}\n", row->shown);
		t_eq_str(buf_cstr(&got), buf_cstr(&want));
		buf_done(&got);
		buf_done(&want);
	}
}

/* The longest message of the worst bytes is a line all the same. */
T(long_error)
{
	struct err e = { .kind = ERR_INVALID };
	struct buf got;

	memset(e.msg, 0xff, sizeof(e.msg) - 1);
	buf_init(&got, LIMIT_CONTROL_BYTES);
	control_error(&e, &got);
	t_ok(span_starts(buf_view(&got), SPAN_LIT("{\"status\":\"error\",\"message\":\"\\\\xff")));
	t_eq_int(span_find(buf_view(&got), '\n'), got.n - 1);
	buf_done(&got);
}

/* ---- Places ---- */

static char dir[] = "/tmp/sallyport-test-XXXXXX";
static char place[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(place, sizeof(place), "%s/control.sock", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	return sa;
}

static int dial(const char *path, int flags)
{
	struct sockaddr_un sa = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0)
		fd_closep(&fd);
	return fd;
}

static const struct {
	const char *name;
	mode_t umask;
} umasks[] = { { "none", 0 }, { "common", 022 }, { "strict", 077 }, { "all", 0777 } };

T(mode)
{
	T_EACH(row, umasks)
	{
		mode_t before = umask(row->umask);
		struct stat st;
		struct err e = { 0 };
		int fd = -1;

		t_good(control_listen(place, &fd, &e), e);
		t_eq_int(umask(before), row->umask);
		t_eq_int(lstat(place, &st), 0);
		t_ok(S_ISSOCK(st.st_mode));
		t_eq_int(st.st_mode & 07777, 0660);
		t_ok(fcntl(fd, F_GETFL) & O_NONBLOCK);
		t_ok(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		fd_closep(&fd);
		t_eq_int(unlink(place), 0);
	}
}

T(stale)
{
	struct err e = { 0 };
	int fd = -1, client;

	t_good(control_listen(place, &fd, &e), e);
	fd_closep(&fd);
	t_good(control_listen(place, &fd, &e), e);
	client = dial(place, 0);
	t_ok(client >= 0);
	fd_closep(&client);
	fd_closep(&fd);
	t_eq_int(unlink(place), 0);
}

T(in_use)
{
	struct err e = { 0 };
	int fd = -1, second = -1, client;

	t_good(control_listen(place, &fd, &e), e);
	t_bad(control_listen(place, &second, &e), e, ERR_SYSTEM, "is in use: another sallyport");
	t_eq_int(second, -1);
	client = dial(place, 0);
	t_ok(client >= 0);
	fd_closep(&client);
	fd_closep(&fd);
	t_eq_int(unlink(place), 0);
}

/* As many as the kernel lets wait for a process that serves nobody. */
static size_t fill(int clients[], size_t max)
{
	size_t n = 0;

	while (n < max && (clients[n] = dial(place, SOCK_NONBLOCK)) >= 0)
		n++;
	t_ok(n < max);
	return n;
}

/* It is in use all the same, and nobody waits for ever to be told so. */
T(busy)
{
	int fd = -1, second = -1, clients[256];
	json_t *reply = NULL;
	bool reachable = true;
	struct err e = { 0 };
	size_t n;

	t_good(control_listen(place, &fd, &e), e);
	n = fill(clients, ARRAY_LEN(clients));
	t_bad(control_listen(place, &second, &e), e, ERR_SYSTEM, "is in use: another sallyport");
	t_ok(!control_call(place, json_pack("{s:s}", "action", "x"), 50, &reply, &reachable, &e));
	t_ok(!reachable && !reply);
	while (n > 0)
		fd_closep(&clients[--n]);
	fd_closep(&fd);
	t_eq_int(unlink(place), 0);
}

T(no_socket)
{
	struct err e = { 0 };
	struct stat st;
	int fd = open(place, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), none = -1;

	t_good(fd_write_all(fd, SPAN_LIT("data"), &e), e);
	fd_closep(&fd);
	t_bad(control_listen(place, &none, &e), e, ERR_INVALID, "is there and is no socket");
	t_eq_int(lstat(place, &st), 0);
	t_eq_int(st.st_size, 4);
	t_eq_int(unlink(place), 0);

	/* Not even where a link leads to one. */
	t_eq_int(symlink("nowhere", place), 0);
	t_bad(control_listen(place, &none, &e), e, ERR_INVALID, "is there and is no socket");
	t_eq_int(unlink(place), 0);
	t_bad(control_listen(dir, &none, &e), e, ERR_INVALID, "is there and is no socket");
	t_eq_int(none, -1);
}

T(paths)
{
	char path[200];
	struct err e = { 0 };
	int fd = -1;

	t_bad(control_listen("", &fd, &e), e, ERR_INVALID, "is 0 bytes long: expected 1 to 107");
	memset(path, 'x', sizeof(path));
	(void)memcpy(path, dir, strlen(dir));
	path[strlen(dir)] = '/';
	path[108] = '\0';
	t_bad(control_listen(path, &fd, &e), e, ERR_INVALID, "is 108 bytes long");
	path[107] = '\0';
	t_good(control_listen(path, &fd, &e), e);
	fd_closep(&fd);
	t_eq_int(unlink(path), 0);
	t_bad(control_listen("/nonexistent/control.sock", &fd, &e), e, ERR_SYSTEM,
	      "/nonexistent/control.sock");
}

T(peer)
{
	struct control_peer p;
	struct err e = { 0 };
	int pair[2], file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	t_eq_int(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	t_good(control_peer_of(pair[0], &p, &e), e);
	t_ok(p.pid == getpid() && p.uid == geteuid() && p.gid == getegid());
	t_bad(control_peer_of(file, &p, &e), e, ERR_SYSTEM, "who is at the other end");
	fd_closep(&pair[0]);
	fd_closep(&pair[1]);
	fd_closep(&file);
}

/* ---- Calls ---- */

#define OK_REPLY "{\"status\":\"ok\",\"generation\":2}\n"

/* What a server does with one client. */
struct server {
	int fd;
	bool deaf; /* it does not read the request */
	struct span reply;
	size_t piece;  /* bytes at a time; 0: all at once */
	int wait_ms;   /* before each of them */
	bool hang;     /* it keeps the connection until the client goes */
	char got[128]; /* the beginning of the request */
};

static void wait_for(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)poll(&p, 1, timeout_ms);
}

static void *serve(void *arg)
{
	struct server *s = arg;
	struct span rest = s->reply;
	int fd;

	wait_for(s->fd, 10000);
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	if (!s->deaf && recv(fd, s->got, sizeof(s->got) - 1, 0) < 0)
		s->got[0] = '\0';
	while (rest.n) {
		struct span piece = s->piece ? span_first(rest, s->piece) : rest;

		if (s->wait_ms)
			(void)poll(NULL, 0, s->wait_ms);
		if (send(fd, piece.p, piece.n, MSG_NOSIGNAL) < 0)
			break;
		rest = span_from(rest, piece.n);
	}
	if (s->hang) {
		char c;

		(void)recv(fd, &c, 1, 0);
	}
	fd_closep(&fd);
	return NULL;
}

/* Calls such a server. Whether there is a reply. */
static bool call(struct server *s, json_t *take_request, int timeout_ms, json_t **reply,
		 struct err *e)
{
	bool reachable = false, ok;
	pthread_t thread;

	t_good(control_listen(place, &s->fd, e), *e);
	t_eq_int(pthread_create(&thread, NULL, serve, s), 0);
	ok = control_call(place, take_request, timeout_ms, reply, &reachable, e);
	t_eq_int(pthread_join(thread, NULL), 0);
	fd_closep(&s->fd);
	t_eq_int(unlink(place), 0);
	t_ok(reachable);
	return ok;
}

static const struct {
	const char *name;
	struct span reply;
	size_t piece;
	enum err_kind kind;
	const char *why; /* NULL: it is a reply */
} replies[] = {
	{ "ok", SPAN_LIT(OK_REPLY), 0, ERR_NONE, NULL },
	{ "byte by byte", SPAN_LIT(OK_REPLY), 1, ERR_NONE, NULL },
	{ "an error", SPAN_LIT("{\"status\":\"error\",\"message\":\"p.yaml:3:5: no\"}\n"), 0,
	  ERR_INVALID, "p.yaml:3:5: no" },
	{ "an error without a message", SPAN_LIT("{\"status\":\"error\"}\n"), 0, ERR_INVALID,
	  "the reply cannot be read" },
	{ "another status", SPAN_LIT("{\"status\":\"OK\"}\n"), 0, ERR_INVALID,
	  "the reply cannot be read" },
	{ "a status that is no text", SPAN_LIT("{\"status\":1}\n"), 0, ERR_INVALID,
	  "the reply cannot be read" },
	{ "no status", SPAN_LIT("{}\n"), 0, ERR_INVALID, "the reply cannot be read" },
	{ "a list", SPAN_LIT("[]\n"), 0, ERR_INVALID, "the reply cannot be read" },
	{ "no JSON", SPAN_LIT("ok\n"), 0, ERR_INVALID, "the reply cannot be read" },
	{ "no UTF-8", SPAN_LIT("{\"status\":\"\xff\"}\n"), 0, ERR_INVALID,
	  "the reply cannot be read" },
	{ "an empty line", SPAN_LIT("\n"), 0, ERR_INVALID, "the reply cannot be read" },
	{ "nothing", SPAN_LIT(""), 0, ERR_SYSTEM, "it closed the connection unasked" },
	{ "half a line", SPAN_LIT("{\"status\":\"ok\"}"), 0, ERR_SYSTEM,
	  "it closed the connection unasked" },
};

T(calls)
{
	T_EACH(row, replies)
	{
		struct server s = { .reply = row->reply, .piece = row->piece };
		json_t *reply = NULL, *request = json_pack("{s:s}", "action", "status");
		struct err e = { 0 };

		if (row->why) {
			t_bad(call(&s, request, 10000, &reply, &e), e, row->kind, row->why);
			t_ok(!reply);
		} else {
			t_good(call(&s, request, 10000, &reply, &e), e);
			t_eq_int(json_integer_value(json_object_get(reply, "generation")), 2);
			json_decref(reply);
		}
		t_eq_str(s.got, "{\"action\":\"status\"}\n");
	}
}

static const struct {
	const char *name;
	struct span reply;
	int wait_ms;
} slow[] = {
	{ "silent", SPAN_LIT(""), 0 },
	{ "half a reply", SPAN_LIT("{\"status\""), 0 },
	/* Each byte is in time, and the line never is. */
	{ "a byte now and then", SPAN_LIT("{\"status\":\"ok\",\"and\":\"so on and so on\""), 20 },
};

T(slow_peers)
{
	T_EACH(row, slow)
	{
		struct server s = {
			.reply = row->reply, .piece = 1, .wait_ms = row->wait_ms, .hang = true
		};
		json_t *reply = NULL;
		struct err e = { 0 };
		uint64_t before = clock_ms();

		t_bad(call(&s, json_pack("{s:s}", "action", "x"), 100, &reply, &e), e, ERR_SYSTEM,
		      "no reply within");
		t_ok(clock_ms() - before >= 100);
		t_ok(!reply);
	}
}

T(long_reply)
{
	struct server s = { 0 };
	json_t *reply = NULL;
	struct err e = { 0 };
	struct buf b;

	buf_init(&b, 2 * LIMIT_CONTROL_BYTES);
	for (unsigned i = 0; i < LIMIT_CONTROL_BYTES + 1; i++)
		buf_char(&b, ' ');
	s.reply = buf_view(&b);
	t_bad(call(&s, json_pack("{s:s}", "action", "x"), 10000, &reply, &e), e, ERR_LIMIT,
	      "the reply is too long");
	buf_done(&b);
}

/* A request that is longer than what a socket holds. */
static json_t *large_request(void)
{
	_cleanup_(freep) char *text = xcalloc(900000, 1);

	memset(text, 'x', 900000 - 1);
	return json_pack("{s:s,s:s}", "action", "x", "text", text);
}

/* Neither a signal ends the program, nor does it wait for longer than it was told. */
T(peer_that_does_not_read)
{
	struct server gone = { .deaf = true },
		      deaf = { .deaf = true, .wait_ms = 300, .reply = SPAN_LIT("x") };
	json_t *reply = NULL;
	struct err e = { 0 };

	t_bad(call(&gone, large_request(), 10000, &reply, &e), e, ERR_SYSTEM, "writing");
	t_bad(call(&deaf, large_request(), 50, &reply, &e), e, ERR_SYSTEM, "writing");
	t_ok(!reply);
}

static const struct {
	const char *name;
	const char *path; /* NULL: a socket at which nobody listens */
	enum err_kind kind;
	const char *why;
} unreachable[] = {
	{ "nothing there", "/nonexistent/control.sock", ERR_SYSTEM, "/nonexistent/control.sock: " },
	{ "nobody listens", NULL, ERR_SYSTEM, "control.sock: Connection refused" },
	{ "no socket", "/dev/null", ERR_SYSTEM, "/dev/null: " },
	{ "no path", "", ERR_INVALID, "0 bytes long" },
};

T(nobody_there)
{
	struct err e = { 0 };
	int fd = -1;

	t_good(control_listen(place, &fd, &e), e);
	fd_closep(&fd);
	T_EACH(row, unreachable)
	{
		json_t *reply = NULL;
		bool reachable = true;

		t_bad(control_call(row->path ? row->path : place, json_pack("{s:s}", "action", "x"),
				   1000, &reply, &reachable, &e),
		      e, row->kind, row->why);
		t_ok(!reachable && !reply);
	}
	t_eq_int(unlink(place), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T_TEST(parse),
		T_TEST(nested),
		T_TEST(ok_lines),
		T_TEST(too_long),
		T_TEST(error_lines),
		T_TEST(long_error),
		T_TEST(mode),
		T_TEST(stale),
		T_TEST(in_use),
		T_TEST(busy),
		T_TEST(no_socket),
		T_TEST(paths),
		T_TEST(peer),
		T_TEST(calls),
		T_TEST(slow_peers),
		T_TEST(long_reply),
		T_TEST(peer_that_does_not_read),
		T_TEST(nobody_there),
	};

	return cmocka_run_group_tests(tests, setup, teardown) != 0;
}
