/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unit tests' own words over cmocka. A test file is tables of named rows, tests that walk
 * them, and one T_MAIN:
 *
 *	static const struct {
 *		const char *name;
 *		const char *text;
 *		bool good;
 *	} rows[] = {
 *		{ "plain", "443", true },
 *	};
 *
 *	T(ports)
 *	{
 *		T_EACH(row, rows) {
 *			struct err e = { 0 };
 *			...
 *			t_ok(parse(row->text, &e) == row->good);
 *		}
 *	}
 *
 *	T_MAIN(T_TEST(ports))
 *
 * A failed check says which row it was in and ends its test; the other tests go on.
 */
#ifndef SALLYPORT_TESTS_UNIT_T_H
#define SALLYPORT_TESTS_UNIT_T_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/macros.h"
#include "base/span.h"

/* What main() returns when the whole program has to be skipped. */
#define T_SKIP_PROGRAM 77

static const char *t_row;

/* Starts the test of that name. */
#define T(test)                               \
	static void test_##test##_body(void); \
	static void test_##test(void **state) \
	{                                     \
		(void)state;                  \
		t_row = NULL;                 \
		test_##test##_body();         \
	}                                     \
	static void test_##test##_body(void)

/* clang-format off */
#define T_TEST(test) { #test, test_##test, NULL, NULL, NULL }
/* clang-format on */

#define T_MAIN(...)                                                    \
	int main(void)                                                 \
	{                                                              \
		const struct CMUnitTest tests[] = { __VA_ARGS__ };     \
		return cmocka_run_group_tests(tests, NULL, NULL) != 0; \
	}

/* Walks a table; checks inside name the row by its member `name`. */
#define T_EACH(row, rows)                               \
	for (const __typeof__((rows)[0]) *row = (rows); \
	     (t_row = row < (rows) + ARRAY_LEN(rows) ? row->name : NULL) != NULL; row++)

/* Fails the test with a message and the row. */
#define t_fail(...)                                             \
	do {                                                    \
		if (t_row)                                      \
			print_error("in row \"%s\":\n", t_row); \
		print_error(__VA_ARGS__);                       \
		print_error("\n");                              \
		_fail(__FILE__, __LINE__);                      \
	} while (0)

#define t_ok(condition)                                  \
	do {                                             \
		if (!(condition))                        \
			t_fail("false: %s", #condition); \
	} while (0)

/* Integers of any type that fits 64 bits. */
#define t_eq_int(got, want)                                                                 \
	do {                                                                                \
		long long got_ = (long long)(got), want_ = (long long)(want);               \
		if (got_ != want_)                                                          \
			t_fail("%s: got %lld (0x%llx), expected %lld (0x%llx)", #got, got_, \
			       (unsigned long long)got_, want_, (unsigned long long)want_); \
	} while (0)

/* A span against a C string; bytes that do not print are escaped in the message. */
#define t_eq_span(got, want)                                                                       \
	do {                                                                                       \
		struct span got_ = (got), want_ = span_of(want);                                   \
		char a_[512], b_[512];                                                             \
		if (!span_eq(got_, want_))                                                         \
			t_fail("%s:\n  got      \"%s\"\n  expected \"%s\"", #got,                  \
			       span_show(got_, a_, sizeof(a_)), span_show(want_, b_, sizeof(b_))); \
	} while (0)

#define t_eq_str(got, want) t_eq_span(span_of(got), want)

#define t_eq_mem(got, want, size) t_ok(memcmp((got), (want), (size)) == 0)

/* A call that takes `&e` last and has to succeed. */
#define t_good(call, e)                                           \
	do {                                                      \
		if (!(call))                                      \
			t_fail("%s: failed: %s", #call, (e).msg); \
	} while (0)

/* A call that has to fail with this kind and with `part` somewhere in its message. */
#define t_bad(call, e, want_kind, part)                                                      \
	do {                                                                                 \
		if (call)                                                                    \
			t_fail("%s: succeeded, expected an error with \"%s\"", #call, part); \
		t_err(e, want_kind, part);                                                   \
	} while (0)

#define t_err(e, want_kind, part)                                                           \
	do {                                                                                \
		if ((e).kind != (want_kind))                                                \
			t_fail("error kind %d, expected %s: %s", (int)(e).kind, #want_kind, \
			       (e).msg);                                                    \
		if (!strstr((e).msg, (part)))                                               \
			t_fail("message:\n  got      %s\n  expected %s", (e).msg, (part));  \
	} while (0)

/* The same with a place in the text. */
#define t_err_at(e, want_kind, want_line, want_column, part) \
	do {                                                 \
		t_err(e, want_kind, part);                   \
		t_eq_int((e).at.line, want_line);            \
		t_eq_int((e).at.column, want_column);        \
	} while (0)

#endif
