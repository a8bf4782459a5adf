/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dest_same.h"
#include "net/dest.h"
#include "t.h"

static const struct {
	const char *name;
	const char *text;
	const char *want;
	unsigned n;
} good[] = {
	{ "one", "443", "443", 1 },
	{ "range", "8000-8099", "8000-8099", 1 },
	{ "range of one", "80-80", "80", 1 },
	{ "list", "80,443", "80,443", 2 },
	{ "all", "*", "*", 1 },
	{ "all but 0 is another thing", "1-65535", "1-65535", 1 },
	{ "sorted", "443,80,22", "22,80,443", 3 },
	{ "the same twice", "80,80", "80", 1 },
	{ "touching ports merge", "81,80", "80-81", 1 },
	{ "touching ranges merge", "10-19,30-39,20-29", "10-39", 1 },
	{ "overlapping ranges merge", "10-25,20-39", "10-39", 1 },
	{ "one inside another", "10-39,20-29", "10-39", 1 },
	{ "one swallows three", "10,20,30,5-40", "5-40", 1 },
	{ "a gap of one stays", "80,82", "80,82", 2 },
	{ "top of the range", "65535,65534", "65534-65535", 1 },
	{ "fifteen", "1,3,5,7,9,11,13,15,17,19,21,23,25,27,29",
	  "1,3,5,7,9,11,13,15,17,19,21,23,25,27,29", 15 },
};

T(parse)
{
	T_EACH(row, good)
	{
		_cleanup_(arena_done) struct arena arena = { 0 };
		struct ports p, again;
		struct err e = { 0 };
		struct buf out;

		buf_init(&out, 200);
		t_good(ports_parse(span_of(row->text), &arena, &p, &e), e);
		t_eq_int(p.n, row->n);
		ports_str(&p, &out);
		t_eq_str(buf_cstr(&out), row->want);
		t_good(ports_parse(buf_view(&out), &arena, &again, &e), e);
		t_ok(ports_same(&p, &again));
		buf_done(&out);
	}
}

static const struct {
	const char *name;
	const char *text;
	enum err_kind kind;
	const char *message;
} refused[] = {
	{ "empty", "", ERR_INVALID, "\"\" is not a port" },
	{ "zero", "0", ERR_INVALID,
	  "\"0\" is not a port: expected a whole number from 1 to 65535" },
	{ "zero in a range", "0-80", ERR_INVALID, "\"0\" is not a port" },
	{ "too high", "65536", ERR_INVALID, "\"65536\" is not a port" },
	{ "a name", "https", ERR_INVALID, "\"https\" is not a port" },
	{ "reversed", "90-80", ERR_INVALID, "\"90-80\" is not a range of ports: write \"80-90\"" },
	{ "open range", "80-", ERR_INVALID, "\"\" is not a port" },
	{ "open at the front", "-80", ERR_INVALID, "\"\" is not a port" },
	{ "two dashes", "80-90-99", ERR_INVALID, "\"90-99\" is not a port" },
	{ "empty part", "80,,443", ERR_INVALID, "\"\" is not a port" },
	{ "comma at the end", "80,", ERR_INVALID, "\"\" is not a port" },
	{ "blank", "80, 443", ERR_INVALID, "\" 443\" is not a port" },
	{ "leading zero", "080", ERR_INVALID, "\"080\" is not a port" },
	{ "star in a list", "*,80", ERR_INVALID, "\"*\" is not a port" },
	{ "sixteen", "1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31", ERR_LIMIT,
	  "more than 15 ports and ranges" },
};

T(refuse)
{
	T_EACH(row, refused)
	{
		_cleanup_(arena_done) struct arena arena = { 0 };
		struct ports p;
		struct err e = { 0 };

		t_bad(ports_parse(span_of(row->text), &arena, &p, &e), e, row->kind, row->message);
	}
}

T(contain)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct ports p, all = PORTS_ALL, none = { 0 };
	struct err e = { 0 };

	t_good(ports_parse(SPAN_LIT("80,8000-8099"), &arena, &p, &e), e);
	t_ok(ports_contain(&p, 80));
	t_ok(ports_contain(&p, 8000));
	t_ok(ports_contain(&p, 8099));
	t_ok(!ports_contain(&p, 79));
	t_ok(!ports_contain(&p, 81));
	t_ok(!ports_contain(&p, 7999));
	t_ok(!ports_contain(&p, 8100));
	t_ok(ports_contain(&all, 0));
	t_ok(ports_contain(&all, 65535));
	t_ok(!ports_contain(&none, 0));
	t_ok(!ports_contain(&none, 443));
}

T_MAIN(T_TEST(parse), T_TEST(refuse), T_TEST(contain))
