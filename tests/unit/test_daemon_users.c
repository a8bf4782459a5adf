/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may log in at a proxy; no message shows what stands in the file. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "daemon/users.h"
#include "t.h"

/* A file of this text. */
static bool read_text(struct span text, struct users *out, struct err *e)
{
	_cleanup_(fd_closep) int fd = memfd_create("users", MFD_CLOEXEC);
	char path[32];

	t_ok(fd >= 0);
	t_good(fd_write_all(fd, text, e), *e);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return users_read(path, out, e);
}

static const struct {
	const char *name;
	struct span text;
	const char *users; /* "NAME=TOKEN ..." */
} good[] = {
	{ "empty", SPAN_LIT(""), "" },
	{ "one", SPAN_LIT("ada:secret\n"), "ada=YWRhOnNlY3JldA==" },
	{ "no line end", SPAN_LIT("ada:secret"), "ada=YWRhOnNlY3JldA==" },
	{ "CR LF", SPAN_LIT("ada:secret\r\nbob:x\r\n"), "ada=YWRhOnNlY3JldA== bob=Ym9iOng=" },
	{ "comments and empty lines", SPAN_LIT("# ada:secret\n\n\r\n#\nbob:x\n\n"),
	  "bob=Ym9iOng=" },
	{ "a secret with a colon", SPAN_LIT("a:b:c\n"), "a=YTpiOmM=" },
	{ "a secret that begins with a colon", SPAN_LIT("a::\n"), "a=YTo6" },
	{ "a secret with a number sign", SPAN_LIT("a:#b\n"), "a=YTojYg==" },
	{ "blanks count", SPAN_LIT(" a : b \n"), " a =IGEgOiBiIA==" },
	{ "UTF-8", SPAN_LIT("b\xc3\xbc:\xe2\x82\xac\n"), "b\xc3\xbc=YsO8OuKCrA==" },
	{ "the same secret for two", SPAN_LIT("a:x\nb:x\n"), "a=YTp4 b=Yjp4" },
	{ "names that differ in case", SPAN_LIT("a:x\nA:y\n"), "a=YTp4 A=QTp5" },
};

T(read)
{
	T_EACH(row, good)
	{
		struct users u;
		struct err e = { 0 };
		struct buf got;

		buf_init(&got, 4096);
		t_good(read_text(row->text, &u, &e), e);
		for (size_t i = 0; i < u.n; i++) {
			buf_fmt(&got, "%s%s=%s", i ? " " : "", u.items[i].name, u.items[i].token);
			t_ok(users_find(&u, u.items[i].name) == &u.items[i]);
		}
		t_eq_str(buf_cstr(&got), row->users);
		t_ok(!users_find(&u, "nobody"));
		t_ok(!users_find(&u, ""));
		buf_done(&got);
		users_done(&u);
		t_ok(!u.items && u.n == 0);
	}
}

static const struct {
	const char *name;
	struct span text;
	const char *line; /* "" where there is none */
	const char *why;
} bad[] = {
	{ "no colon", SPAN_LIT("hush\n"), "line 1: ", "expected NAME:SECRET" },
	{ "the third line", SPAN_LIT("# x\na:b\nhush\n"), "line 3: ", "expected NAME:SECRET" },
	{ "behind CR LF", SPAN_LIT("a:b\r\n\r\nhush\r\n"), "line 3: ", "expected NAME:SECRET" },
	{ "no name", SPAN_LIT(":hush\n"), "line 1: ", "each of 1 to 255 bytes" },
	{ "no secret", SPAN_LIT("hush:\n"), "line 1: ", "each of 1 to 255 bytes" },
	{ "no secret before CR LF", SPAN_LIT("hush:\r\n"), "line 1: ", "each of 1 to 255 bytes" },
	{ "a NUL", SPAN_LIT("hush:hu\0sh\n"), "line 1: ", "without control bytes" },
	{ "a NUL in the name", SPAN_LIT("hu\0sh:hush\n"), "line 1: ", "without control bytes" },
	{ "a tab", SPAN_LIT("hush:hu\tsh\n"), "line 1: ", "without control bytes" },
	{ "a CR", SPAN_LIT("hush:hu\rsh\n"), "line 1: ", "without control bytes" },
	{ "a DEL", SPAN_LIT("hush:hu\x7fsh\n"), "line 1: ", "without control bytes" },
	{ "an indented comment", SPAN_LIT("  # hush\n"), "line 1: ", "expected NAME:SECRET" },
	{ "a name twice", SPAN_LIT("hush:a\nb:c\nhush:d\n"),
	  "line 3: ", "a second secret for the same name" },
};

T(refused)
{
	T_EACH(row, bad)
	{
		struct users u = { .n = 7 };
		struct err e = { 0 };

		t_bad(read_text(row->text, &u, &e), e, ERR_INVALID, row->why);
		t_ok(strstr(e.msg, row->line) != NULL);
		t_ok(strncmp(e.msg, "/proc/self/fd/", 14) == 0);
		t_ok(!strstr(e.msg, "hush") && !strstr(e.msg, "hu"));
		t_eq_int(u.n, 7);
	}
}

static void put(struct buf *out, char c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_char(out, c);
}

static const struct {
	const char *name;
	size_t name_len, secret_len;
	bool good;
} lengths[] = {
	{ "the longest", 255, 255, true },
	{ "a longer name", 256, 1, false },
	{ "a longer secret", 1, 256, false },
};

T(lengths)
{
	T_EACH(row, lengths)
	{
		struct users u = { 0 };
		struct err e = { 0 };
		struct buf text;

		buf_init(&text, 4096);
		put(&text, 'n', row->name_len);
		buf_char(&text, ':');
		put(&text, 's', row->secret_len);
		if (row->good) {
			t_good(read_text(buf_view(&text), &u, &e), e);
			t_eq_int(strlen(u.items[0].name), 255);
			t_eq_int(strlen(u.items[0].token), 684);
		} else {
			t_bad(read_text(buf_view(&text), &u, &e), e, ERR_INVALID, "1 to 255 bytes");
		}
		users_done(&u);
		buf_done(&text);
	}
}

T(how_many)
{
	for (int n = LIMIT_SUBJECTS; n <= LIMIT_SUBJECTS + 1; n++) {
		struct users u = { 0 };
		struct err e = { 0 };
		struct buf text;

		buf_init(&text, LIMIT_USERS_BYTES);
		for (int i = 0; i < n; i++)
			buf_fmt(&text, "user%d:hush\n", i);
		if (n == LIMIT_SUBJECTS) {
			t_good(read_text(buf_view(&text), &u, &e), e);
			t_eq_int(u.n, n);
		} else {
			t_bad(read_text(buf_view(&text), &u, &e), e, ERR_LIMIT,
			      "line 257: more than 256 users");
		}
		users_done(&u);
		buf_done(&text);
	}
}

T(files)
{
	struct users u = { 0 };
	struct err e = { 0 };
	struct buf large;

	t_bad(users_read("/nonexistent/users", &u, &e), e, ERR_SYSTEM, "/nonexistent/users: ");
	t_bad(users_read("/", &u, &e), e, ERR_INVALID, "is a directory");
	buf_init(&large, 1 << 20);
	buf_char(&large, '#');
	put(&large, 'x', LIMIT_USERS_BYTES);
	t_bad(read_text(buf_view(&large), &u, &e), e, ERR_LIMIT, "larger than 65536 bytes");
	buf_done(&large);
	users_done(&(struct users){ 0 });
}

T_MAIN(T_TEST(read), T_TEST(refused), T_TEST(lengths), T_TEST(how_many), T_TEST(files))
