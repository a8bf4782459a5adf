/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "docker/engine.h"
#include "docker/lines.h"
#include "t.h"

/* "PREFIX GATEWAY", "PREFIX" or "". */
static struct plan_subnet subnet_of(const char *text)
{
	struct span rest = span_of(text), part;
	struct plan_subnet s = { 0 };
	struct err e = { 0 };

	if (span_next(&rest, ' ', &part) && part.n)
		t_good(prefix_parse(part, &s.prefix, &e), e);
	if (span_next(&rest, ' ', &part))
		t_good(addr_parse(part, &s.gateway, &e), e);
	return s;
}

static const struct {
	const char *name;
	const char *driver, *bridge, *subnets[3]; /* of the engine */
	const char *want_bridge;		  /* NULL: not written */
	const char *v4, *v6;
	const char *why;
} compared[] = {
	{ "the same",
	  "bridge",
	  "net0",
	  { "10.77.1.0/24 10.77.1.1", "fd77:1::/64 fd77:1::1" },
	  "net0",
	  "10.77.1.0/24 10.77.1.1",
	  "fd77:1::/64 fd77:1::1",
	  "" },
	{ "nothing is wanted", "bridge", "net0", { "10.77.1.0/24 10.77.1.1" }, NULL, "", "", "" },
	{ "a gateway is not wanted",
	  "bridge",
	  "net0",
	  { "10.77.1.0/24 10.77.1.1" },
	  NULL,
	  "10.77.1.0/24",
	  "",
	  "" },
	{ "the engine does not tell a gateway",
	  "bridge",
	  "net0",
	  { "10.77.1.0/24" },
	  NULL,
	  "10.77.1.0/24 10.77.1.1",
	  "",
	  "" },
	{ "the engine does not tell a bridge",
	  "bridge",
	  "",
	  { "10.77.1.0/24" },
	  "net0",
	  "10.77.1.0/24",
	  "",
	  "" },
	{ "a bridge that is not written",
	  "bridge",
	  "br-0123",
	  { "10.77.1.0/24" },
	  NULL,
	  "10.77.1.0/24",
	  "",
	  "" },
	{ "another bridge",
	  "bridge",
	  "br-0123",
	  { "10.77.1.0/24" },
	  "net0",
	  "10.77.1.0/24",
	  "",
	  "its bridge is br-0123 where the policy has net0" },
	{ "another subnet",
	  "bridge",
	  "net0",
	  { "10.77.2.0/24" },
	  "net0",
	  "10.77.1.0/24",
	  "",
	  "its subnet is 10.77.2.0/24 where the policy has 10.77.1.0/24" },
	{ "another length",
	  "bridge",
	  "net0",
	  { "10.77.0.0/16" },
	  "net0",
	  "10.77.0.0/24",
	  "",
	  "its subnet is 10.77.0.0/16 where the policy has 10.77.0.0/24" },
	{ "another gateway",
	  "bridge",
	  "net0",
	  { "10.77.1.0/24 10.77.1.254" },
	  "net0",
	  "10.77.1.0/24 10.77.1.1",
	  "",
	  "its gateway is 10.77.1.254 where the policy has 10.77.1.1" },
	{ "no IPv6",
	  "bridge",
	  "net0",
	  { "10.77.1.0/24" },
	  "net0",
	  "10.77.1.0/24",
	  "fd77:1::/64",
	  "it has no IPv6 subnet where the policy has fd77:1::/64" },
	{ "no IPv4",
	  "bridge",
	  "net0",
	  { "fd77:1::/64" },
	  "net0",
	  "10.77.1.0/24",
	  "fd77:1::/64",
	  "it has no IPv4 subnet where the policy has 10.77.1.0/24" },
	{ "two of a family",
	  "bridge",
	  "net0",
	  { "10.77.1.0/24", "10.77.2.0/24" },
	  "net0",
	  "10.77.1.0/24",
	  "",
	  "it has more than one IPv4 subnet where the policy has 10.77.1.0/24" },
	{ "another driver",
	  "macvlan",
	  "",
	  { "10.77.1.0/24" },
	  "net0",
	  "10.77.1.0/24",
	  "",
	  "its driver is macvlan, which has no bridge" },
	{ "no driver",
	  "",
	  "",
	  { "10.77.1.0/24" },
	  NULL,
	  "",
	  "",
	  "its driver is not told, which has no bridge" },
	{ "everything",
	  "bridge",
	  "net1",
	  { "10.77.2.0/24 10.77.2.1" },
	  "net0",
	  "10.77.1.0/24 10.77.1.1",
	  "",
	  "its bridge is net1 where the policy has net0, its subnet is 10.77.2.0/24 where the policy "
	  "has 10.77.1.0/24, its gateway is 10.77.2.1 where the policy has 10.77.1.1" },
};

T(matches)
{
	T_EACH(row, compared)
	{
		struct plan_network want = { .v4 = subnet_of(row->v4), .v6 = subnet_of(row->v6) };
		struct engine_network n = { 0 };
		struct buf why;

		(void)snprintf(n.driver, sizeof(n.driver), "%s", row->driver);
		(void)snprintf(n.bridge, sizeof(n.bridge), "%s", row->bridge);
		for (size_t i = 0; i < 3 && row->subnets[i]; i++)
			n.subnets[n.n_subnets++] = subnet_of(row->subnets[i]);
		want.bridge_written = row->want_bridge != NULL;
		(void)snprintf(want.bridge, sizeof(want.bridge), "%s",
			       row->want_bridge ? row->want_bridge : "net9");
		buf_init(&why, 1024);
		buf_str(&why, "net: ");
		t_eq_int(engine_network_matches(&n, &want, &why), row->why[0] == '\0');
		t_eq_span(span_from(buf_view(&why), 5), row->why);
		buf_done(&why);
	}
}

static const struct {
	const char *name;
	const char *v4, *v6;
	const char *want;
} bodies[] = {
	{ "IPv4", "10.77.1.0/24 10.77.1.1", "",
	  "{\"Name\":\"a\\\"b\",\"CheckDuplicate\":true,\"Driver\":\"bridge\",\"EnableIPv6\":false,"
	  "\"IPAM\":{\"Driver\":\"default\",\"Config\":[{\"Subnet\":\"10.77.1.0/24\",\"Gateway\":"
	  "\"10.77.1.1\"}]},\"Options\":{\"com.docker.network.bridge.name\":\"net0\","
	  "\"com.docker.network.bridge.enable_icc\":\"true\","
	  "\"com.docker.network.bridge.enable_ip_masquerade\":\"true\","
	  "\"com.docker.network.bridge.host_binding_ipv4\":\"0.0.0.0\","
	  "\"com.docker.network.driver.mtu\":\"1500\"},\"Labels\":{\"k\":\"v\"}}" },
	{ "both families, the engine's gateways", "10.77.1.0/24", "fd77:1::/64",
	  "{\"Name\":\"a\\\"b\",\"CheckDuplicate\":true,\"Driver\":\"bridge\",\"EnableIPv6\":true,"
	  "\"IPAM\":{\"Driver\":\"default\",\"Config\":[{\"Subnet\":\"10.77.1.0/24\"},"
	  "{\"Subnet\":\"fd77:1::/64\"}]},\"Options\":{\"com.docker.network.bridge.name\":\"net0\","
	  "\"com.docker.network.bridge.enable_icc\":\"true\","
	  "\"com.docker.network.bridge.enable_ip_masquerade\":\"true\","
	  "\"com.docker.network.bridge.host_binding_ipv4\":\"0.0.0.0\","
	  "\"com.docker.network.driver.mtu\":\"1500\"},\"Labels\":{\"k\":\"v\"}}" },
};

T(body)
{
	static const struct engine_label label = { "k", "v" };

	T_EACH(row, bodies)
	{
		struct plan_network want = { .bridge = "net0",
					     .v4 = subnet_of(row->v4),
					     .v6 = subnet_of(row->v6) };
		struct engine_network_spec s = engine_network_spec_of("a\"b", &want);
		struct buf out;

		s.labels = &label;
		s.n_labels = 1;
		buf_init(&out, 4096);
		engine_network_body(&s, &out);
		t_eq_str(buf_cstr(&out), row->want);
		buf_done(&out);
	}
}

/* ---- Lines */

static const struct {
	const char *name;
	const char *text;
	const char *want; /* each line in brackets; "!": one that is too long */
} streams[] = {
	{ "nothing", "", "" },
	{ "one", "a\n", "[a]" },
	{ "two", "a\nb\n", "[a][b]" },
	{ "empty ones", "\n\n", "[][]" },
	{ "not whole", "a\nb", "[a]" },
	{ "CR LF", "a\r\n\r\n", "[a][]" },
	{ "as long as may be", "12345678\nb\n", "[12345678][b]" },
	{ "too long", "123456789\nb\n", "![b]" },
	{ "far too long", "12345678901234567890\nb\n12345678901\nc\n", "![b]![c]" },
	{ "too long, not whole", "12345678901234567890", "" },
};

static void feed(struct lines *l, struct span bytes, struct buf *out)
{
	struct span line;

	while (lines_next(l, &bytes, &line)) {
		if (line.p)
			buf_fmt(out, "[" SPAN_FMT "]", SPAN_ARG(line));
		else
			buf_char(out, '!');
	}
	t_eq_int(bytes.n, 0);
}

T(lines)
{
	T_EACH(row, streams)
	for (size_t step = 1; step < 32; step++) {
		struct span text = span_of(row->text);
		struct lines l;
		struct buf out;

		lines_init(&l, 8);
		buf_init(&out, 256);
		for (size_t at = 0; at < text.n; at += step)
			feed(&l, span_first(span_from(text, at), step), &out);
		t_eq_str(buf_cstr(&out), row->want);
		buf_done(&out);
		lines_done(&l);
	}
}

T_MAIN(T_TEST(matches), T_TEST(body), T_TEST(lines))
