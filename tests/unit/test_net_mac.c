/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/mac.h"
#include "t.h"

static const struct {
	const char *name;
	const char *text;
	const char *want; /* as it prints; NULL: refused */
} rows[] = {
	{ "lower case", "02:42:ac:11:00:0f", "02:42:ac:11:00:0f" },
	{ "upper case", "02:42:AC:11:00:0F", "02:42:ac:11:00:0f" },
	{ "a vendor's", "00:16:3e:00:00:01", "00:16:3e:00:00:01" },
	{ "nothing", "", NULL },
	{ "dashes", "02-42-ac-11-00-0f", NULL },
	{ "dots", "0242.ac11.000f", NULL },
	{ "one digit", "2:42:ac:11:00:0f0", NULL },
	{ "five pairs", "02:42:ac:11:00", NULL },
	{ "seven pairs", "02:42:ac:11:00:0f:01", NULL },
	{ "a blank before", " 02:42:ac:11:00:0f", NULL },
	{ "no hexadecimal digit", "02:42:ac:11:00:0g", NULL },
	{ "a mark at the end", "02:42:ac:11:00:0:", NULL },
	{ "a group", "01:00:5e:00:00:01", NULL },
	{ "broadcast", "ff:ff:ff:ff:ff:ff", NULL },
	{ "zero", "00:00:00:00:00:00", NULL },
};

T(mac)
{
	T_EACH(row, rows)
	{
		char text[MAC_STR_MAX];
		uint8_t mac[MAC_BYTES];
		struct err e = { 0 };

		if (!row->want) {
			t_ok(!mac_parse(span_of(row->text), mac, &e));
			t_err(e, ERR_INVALID, "is not the address of an interface");
			continue;
		}
		t_good(mac_parse(span_of(row->text), mac, &e), e);
		t_eq_str(mac_str(mac, text), row->want);
	}
}

T_MAIN(T_TEST(mac))
