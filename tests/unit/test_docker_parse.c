/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/limits.h"
#include "docker/parse.h"
#include "t.h"

#define ID(c)                                              \
	c "0123456789abcdef0123456789abcdef0123456789abcd" \
	  "ef0123456789abcde"

/* As dockerd 20.10 lists them: no containers, a default bridge that says what it is called. */
static const char list_20[] = "[{\"Name\":\"bridge\",\"Id\":\"" ID(
	"a") "\",\"Created\":\"2023-01-01T00:00:00Z\",\"Scope\":"
	     "\"local\",\"Driver\":\"bridge\",\"EnableIPv6\":false,\"IPAM\":{\"Driver\":\"default\","
	     "\"Options\":null,\"Config\":[{\"Subnet\":\"172.17.0.0/16\",\"Gateway\":\"172.17.0.1\"}]},"
	     "\"Internal\":false,\"Attachable\":false,\"Ingress\":false,\"ConfigFrom\":{\"Network\":\"\"},"
	     "\"ConfigOnly\":false,\"Containers\":{},\"Options\":{"
	     "\"com.docker.network.bridge.default_bridge\":\"true\","
	     "\"com.docker.network.bridge.name\":\"docker0\"},\"Labels\":{}},"
	     "{\"Name\":\"host\",\"Id\":\"" ID(
		     "b") "\",\"Driver\":\"host\",\"IPAM\":{\"Driver\":"
			  "\"default\",\"Options\":null,\"Config\":[]},\"Internal\":false,\"Containers\":{},"
			  "\"Options\":{},\"Labels\":{}},"
			  "{\"Name\":\"ds-priv\",\"Id\":\"" ID(
				  "c") "\",\"Driver\":\"bridge\",\"IPAM\":{\"Driver\":"
				       "\"default\",\"Options\":{},\"Config\":[{\"Subnet\":\"10.77.1.0/24\"},"
				       "{\"Subnet\":\"fd77:1::/64\",\"Gateway\":\"fd77:1::1/64\"}]},\"Internal\":true,"
				       "\"Containers\":{},\"Options\":{},\"Labels\":{}}]";

/* As Docker 27 tells one network; an endpoint that has not begun has no container's id yet. */
static const char detail_27[] = "{\"Name\":\"ds-priv\",\"Id\":\"" ID(
	"c") "\",\"Created\":\"2025-01-01T00:00:00Z\",\"Scope\":"
	     "\"local\",\"Driver\":\"bridge\",\"EnableIPv4\":true,\"EnableIPv6\":true,\"IPAM\":{\"Driver\":"
	     "\"default\",\"Options\":{},\"Config\":[{\"Subnet\":\"10.77.1.0/24\",\"Gateway\":"
	     "\"10.77.1.1\"},{\"Subnet\":\"fd77:1::/64\",\"Gateway\":\"fd77:1::1\"}]},\"Internal\":false,"
	     "\"Containers\":{\"" ID("d") "\":{\"Name\":\"box\",\"EndpointID\":\"" ID(
		     "e") "\","
			  "\"MacAddress\":\"02:42:0a:4D:01:02\",\"IPv4Address\":\"10.77.1.2/24\",\"IPv6Address\":"
			  "\"fd77:1::2/64\"},\"ep-" ID(
				  "f") "\":{\"Name\":\"late\",\"MacAddress\":\"\","
				       "\"IPv4Address\":\"10.77.1.3/24\",\"IPv6Address\":\"\"}},\"Options\":{"
				       "\"com.docker.network.bridge.name\":\"ds-priv\"},\"Labels\":{},\"Status\":{}}";

/* As Podman 4 tells it. */
static const char detail_podman[] = "{\"Name\":\"ds-priv\",\"Id\":\"" ID(
	"c") "\",\"Scope\":\"local\",\"Driver\":\"bridge\","
	     "\"EnableIPv6\":false,\"IPAM\":{\"Driver\":\"default\",\"Options\":{\"driver\":\"host-local\"},"
	     "\"Config\":[{\"Subnet\":\"10.89.0.0/24\",\"Gateway\":\"10.89.0.1\"}]},\"Internal\":false,"
	     "\"Containers\":{\"" ID(
		     "d") "\":{\"Name\":\"box\",\"EndpointID\":\"\",\"MacAddress\":"
			  "\"f2:99:0b:1c:2d:3e\",\"IPv4Address\":\"10.89.0.2/24\",\"IPv6Address\":\"invalid Prefix\"}},"
			  "\"Options\":{\"isolate\":\"true\"},\"Labels\":null,\"Peers\":null}";

static const struct engine_network *listed(const struct engine_snapshot *s, const char *name)
{
	const struct engine_network *n = engine_network_find(s, name);

	t_ok(n != NULL);
	return n;
}

static void t_eq_prefix(const struct engine_network *n, size_t i, const char *prefix,
			const char *gateway)
{
	char text[PREFIX_STR_MAX];

	t_ok(i < n->n_subnets);
	t_eq_str(prefix_str(&n->subnets[i].prefix, text), prefix);
	t_eq_str(n->subnets[i].gateway.family ? addr_str(&n->subnets[i].gateway, text) : "",
		 gateway);
}

T(list)
{
	_cleanup_(engine_snapshot_freep) struct engine_snapshot *s = NULL;
	struct err e = { 0 };

	t_good(parse_networks(span_of(list_20), false, &s, &e), e);
	t_eq_int(s->n_networks, 3);
	t_eq_str(listed(s, "bridge")->bridge, "docker0");
	t_eq_prefix(listed(s, "bridge"), 0, "172.17.0.0/16", "172.17.0.1");
	t_eq_str(listed(s, "host")->bridge, "");
	t_eq_str(listed(s, "host")->driver, "host");
	t_eq_int(listed(s, "host")->n_subnets, 0);
	t_eq_str(listed(s, "ds-priv")->bridge, "br-c0123456789a");
	t_eq_str(listed(s, "ds-priv")->id, ID("c"));
	t_ok(listed(s, "ds-priv")->internal && !listed(s, "bridge")->internal);
	t_ok(!listed(s, "ds-priv")->detailed);
	t_eq_prefix(listed(s, "ds-priv"), 0, "10.77.1.0/24", "");
	t_eq_prefix(listed(s, "ds-priv"), 1, "fd77:1::/64", "fd77:1::1");
	t_ok(engine_network_find(s, "ds") == NULL);
}

T(detail)
{
	static const uint8_t mac[] = { 2, 0x42, 0x0a, 0x4d, 1, 2 };
	_cleanup_(engine_network_done) struct engine_network n = { 0 };
	const struct engine_container *box, *late;
	char text[ADDR_STR_MAX];
	struct err e = { 0 };

	t_good(parse_network(span_of(detail_27), false, &n, &e), e);
	t_ok(n.detailed);
	t_eq_str(n.bridge, "ds-priv");
	t_eq_int(n.n_containers, 2);
	box = &n.containers[n.containers[0].id[0] == 'd' ? 0 : 1];
	late = &n.containers[n.containers[0].id[0] == 'd' ? 1 : 0];
	t_eq_str(box->id, ID("d"));
	t_eq_str(box->name, "box");
	t_ok(box->has_mac);
	t_eq_mem(box->mac, mac, sizeof(mac));
	t_eq_str(addr_str(&box->addr4, text), "10.77.1.2");
	t_eq_str(addr_str(&box->addr6, text), "fd77:1::2");
	t_eq_str(late->id, "ep-" ID("f"));
	t_ok(!late->has_mac && late->addr6.family == 0);
	t_eq_str(addr_str(&late->addr4, text), "10.77.1.3");
}

T(podman)
{
	_cleanup_(engine_network_done) struct engine_network n = { 0 };
	struct err e = { 0 };

	t_good(parse_network(span_of(detail_podman), true, &n, &e), e);
	t_eq_str(n.bridge, "");
	t_eq_prefix(&n, 0, "10.89.0.0/24", "10.89.0.1");
	t_eq_int(n.n_containers, 1);
	t_ok(n.containers[0].has_mac && n.containers[0].addr6.family == 0);
}

/* What stands in a list for one network, and what becomes of it. */
static const struct {
	const char *name;
	const char *text;
	const char *bridge; /* NULL: the network is left out */
	size_t n_subnets;
} odd[] = {
	{ "bare", "{\"Name\":\"n\",\"Id\":\"1\",\"Driver\":\"bridge\"}", "br-1", 0 },
	{ "nulls",
	  "{\"Name\":\"n\",\"Id\":\"1\",\"Driver\":\"bridge\",\"IPAM\":null,\"Options\":null,"
	  "\"Containers\":null}",
	  "br-1", 0 },
	{ "wrong types",
	  "{\"Name\":\"n\",\"Id\":\"1\",\"Driver\":7,\"IPAM\":[],\"Options\":\"x\",\"Internal\":1}",
	  "", 0 },
	{ "configs that are none",
	  "{\"Name\":\"n\",\"Id\":\"1\",\"IPAM\":{\"Config\":[7,null,{},{\"Subnet\":\"x\"},"
	  "{\"Subnet\":\"10.77.1.1/24\"},{\"Subnet\":\"10.77.2.0/24\"}]}}",
	  "", 1 },
	{ "many subnets are cut",
	  "{\"Name\":\"n\",\"Id\":\"1\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.0.0.0/24\"},"
	  "{\"Subnet\":\"10.0.1.0/24\"},{\"Subnet\":\"10.0.2.0/24\"},{\"Subnet\":\"10.0.3.0/24\"},"
	  "{\"Subnet\":\"10.0.4.0/24\"},{\"Subnet\":\"10.0.5.0/24\"},{\"Subnet\":\"10.0.6.0/24\"},"
	  "{\"Subnet\":\"10.0.7.0/24\"},{\"Subnet\":\"10.0.8.0/24\"}]}}",
	  "", ENGINE_SUBNETS_MAX },
	{ "an interface with a slash",
	  "{\"Name\":\"n\",\"Id\":\"1\",\"Driver\":\"bridge\",\"Options\":{"
	  "\"com.docker.network.bridge.name\":\"a/b\"}}",
	  "", 0 },
	{ "an interface that is too long",
	  "{\"Name\":\"n\",\"Id\":\"1\",\"Driver\":\"bridge\",\"Options\":{"
	  "\"com.docker.network.bridge.name\":\"0123456789abcdef\"}}",
	  "", 0 },
	{ "an interface of a driver without a bridge",
	  "{\"Name\":\"n\",\"Id\":\"1\",\"Driver\":\"macvlan\",\"Options\":{"
	  "\"com.docker.network.bridge.name\":\"eth0\"}}",
	  "", 0 },
	{ "no name", "{\"Id\":\"1\"}", NULL, 0 },
	{ "an empty name", "{\"Name\":\"\",\"Id\":\"1\"}", NULL, 0 },
	{ "a name with a line", "{\"Name\":\"a\\nb\",\"Id\":\"1\"}", NULL, 0 },
	{ "a name that is not ASCII", "{\"Name\":\"\\u00e9\",\"Id\":\"1\"}", NULL, 0 },
};

T(odd_networks)
{
	T_EACH(row, odd)
	{
		_cleanup_(engine_snapshot_freep) struct engine_snapshot *s = NULL;
		struct err e = { 0 };
		struct buf text;

		buf_init(&text, 4096);
		buf_fmt(&text, "[%s]", row->text);
		t_good(parse_networks(buf_view(&text), false, &s, &e), e);
		buf_done(&text);
		t_eq_int(s->n_networks, row->bridge ? 1 : 0);
		if (!row->bridge)
			continue;
		t_eq_str(s->networks[0].bridge, row->bridge);
		t_eq_int(s->networks[0].n_subnets, row->n_subnets);
	}
}

static const struct {
	const char *name;
	const char *text;
	enum err_kind kind;
	const char *message;
} bad[] = {
	{ "empty", "", ERR_INVALID, "no JSON" },
	{ "cut", "[{\"Name\":", ERR_INVALID, "no JSON" },
	{ "more behind it", "[] []", ERR_INVALID, "no JSON" },
	{ "twice the same key", "[{\"Id\":\"1\",\"Id\":\"2\"}]", ERR_INVALID, "no JSON" },
	{ "an object", "{}", ERR_INVALID, "not of the shape" },
	{ "a number in it", "[7]", ERR_INVALID, "network without a valid id" },
	{ "no id", "[{\"Name\":\"n\"}]", ERR_INVALID, "network without a valid id" },
	{ "an id with a slash", "[{\"Id\":\"a/b\"}]", ERR_INVALID, "network without a valid id" },
	{ "an id that is too long", "[{\"Id\":\"" ID("a") ID("a") "\"}]", ERR_INVALID,
	  "network without a valid id" },
	{ "bytes of a terminal", "[\x1b[31m", ERR_INVALID, "\\x1b" },
};

T(bad_lists)
{
	T_EACH(row, bad)
	{
		struct engine_snapshot *s = NULL;
		struct err e = { 0 };

		t_bad(parse_networks(span_of(row->text), false, &s, &e), e, row->kind,
		      row->message);
		t_ok(!s);
	}
}

static const struct {
	const char *name;
	const char *containers; /* JSON */
	bool good;
	const char *shown; /* the name of the only container */
} containers[] = {
	{ "none", "{}", true, NULL },
	{ "null", "null", true, NULL },
	{ "a list", "[]", true, NULL },
	{ "without anything", "{\"1\":{}}", true, "" },
	{ "values of other types", "{\"1\":{\"Name\":1,\"MacAddress\":2,\"IPv4Address\":[]}}", true,
	  "" },
	{ "a name that is escaped", "{\"1\":{\"Name\":\"a\\u001bb\"}}", true, "a\\x1bb" },
	{ "an id with a slash", "{\"../1\":{}}", false, NULL },
	{ "an empty id", "{\"\":{}}", false, NULL },
	{ "no object", "{\"1\":7}", false, NULL },
};

T(odd_containers)
{
	T_EACH(row, containers)
	{
		_cleanup_(engine_network_done) struct engine_network n = { 0 };
		struct err e = { 0 };
		struct buf text;
		bool good;

		buf_init(&text, 4096);
		buf_fmt(&text, "{\"Name\":\"n\",\"Id\":\"1\",\"Containers\":%s}", row->containers);
		good = parse_network(buf_view(&text), false, &n, &e);
		buf_done(&text);
		t_eq_int(good, row->good);
		if (!good) {
			t_err(e, ERR_INVALID, "container without a valid id");
			continue;
		}
		t_eq_int(n.n_containers, row->shown ? 1 : 0);
		if (row->shown)
			t_eq_str(n.containers[0].name, row->shown);
	}
}

static const struct {
	const char *name;
	const char *text;
	bool good;
} macs[] = {
	{ "lower case", "02:42:0a:4d:01:02", true },
	{ "upper case", "02:42:0A:4D:01:02", true },
	{ "dashes", "02-42-0a-4d-01-02", false },
	{ "short", "02:42:0a:4d:01", false },
	{ "long", "02:42:0a:4d:01:02:03", false },
	{ "none: zeros", "00:00:00:00:00:00", false },
	{ "no digit", "02:42:0a:4d:01:0g", false },
	{ "a high byte", "02:42:0a:4d:01:0\xc3\xa9", false },
};

T(mac)
{
	T_EACH(row, macs)
	{
		_cleanup_(engine_network_done) struct engine_network n = { 0 };
		struct err e = { 0 };
		struct buf text;

		buf_init(&text, 4096);
		buf_fmt(&text,
			"{\"Name\":\"n\",\"Id\":\"1\",\"Containers\":{\"1\":{\"MacAddress\":\"%s\"}}}",
			row->text);
		t_good(parse_network(buf_view(&text), false, &n, &e), e);
		buf_done(&text);
		t_eq_int(n.containers[0].has_mac, row->good);
	}
}

/* n times `one`, with commas between, in `open` and `close`. */
static void repeat(struct buf *out, const char *open, size_t n, const char *fmt, const char *close)
{
	buf_str(out, open);
	for (size_t i = 0; i < n; i++) {
		buf_str(out, i ? "," : "");
		for (const char *c = fmt; *c; c++)
			if (*c == '#')
				buf_fmt(out, "%zu", i);
			else
				buf_char(out, *c);
	}
	buf_str(out, close);
}

T(limits)
{
	struct engine_network n = { 0 };
	struct engine_snapshot *s = NULL;
	struct err e = { 0 };
	struct buf text;

	buf_init(&text, LIMIT_ENGINE_BYTES + 1);
	repeat(&text, "[", LIMIT_ENGINE_NETWORKS, "{\"Name\":\"n#\",\"Id\":\"#\"}", "]");
	t_good(parse_networks(buf_view(&text), false, &s, &e), e);
	t_eq_int(s->n_networks, LIMIT_ENGINE_NETWORKS);
	engine_snapshot_free(s);
	buf_clear(&text);
	repeat(&text, "[", LIMIT_ENGINE_NETWORKS + 1, "{\"Name\":\"n#\",\"Id\":\"#\"}", "]");
	t_bad(parse_networks(buf_view(&text), false, &s, &e), e, ERR_LIMIT, "4096 networks");
	buf_clear(&text);
	repeat(&text, "{\"Name\":\"n\",\"Id\":\"1\",\"Containers\":{", LIMIT_ENGINE_CONTAINERS + 1,
	       "\"#\":{}", "}}");
	t_bad(parse_network(buf_view(&text), false, &n, &e), e, ERR_LIMIT, "4096 containers");
	buf_clear(&text);
	repeat(&text, "[", LIMIT_ENGINE_VALUES, "0", "]");
	t_bad(parse_networks(buf_view(&text), false, &s, &e), e, ERR_LIMIT, "too long to be read");
	buf_clear(&text);
	repeat(&text, "[", LIMIT_ENGINE_BYTES - 1, " ", "");
	t_bad(parse_networks(buf_view(&text), false, &s, &e), e, ERR_LIMIT, "too long to be read");
	buf_done(&text);
}

static const struct {
	const char *name;
	const char *text;
	const char *want; /* NULL: an error with */
	const char *message;
} versions[] = {
	{ "Docker 20.10", "1.41", "1.41", NULL },
	{ "Docker 29", "1.52", "1.52", NULL },
	{ "the oldest", "1.24", "1.24", NULL },
	{ "a later major", "2.0", "2.0", NULL },
	{ "too old", "1.23", NULL, "takes 1.24 or later" },
	{ "empty", "", NULL, "API version is \"\"" },
	{ "one number", "1", NULL, "API version is \"1\"" },
	{ "three numbers", "1.2.3", NULL, "API version is \"1.2.3\"" },
	{ "a path", "1.41/../x", NULL, "API version is" },
	{ "a zero in front", "1.041", NULL, "API version is" },
	{ "huge", "1.99999999999999999999", NULL, "API version is" },
	{ "a dot behind it", "1.41.", NULL, "API version is" },
};

T(version)
{
	T_EACH(row, versions)
	{
		char out[ENGINE_VERSION_MAX];
		struct err e = { 0 };

		if (row->want) {
			t_good(parse_version(span_of(row->text), out, &e), e);
			t_eq_str(out, row->want);
		} else {
			t_ok(!parse_version(span_of(row->text), out, &e));
			t_ok(strstr(e.msg, row->message));
		}
	}
}

static const struct {
	const char *name;
	const char *text;
	bool news;
} events[] = {
	{ "Docker: create", "{\"Type\":\"network\",\"Action\":\"create\"}", true },
	{ "Docker: connect",
	  "{\"Type\":\"network\",\"Action\":\"connect\",\"Actor\":{\"ID\":\"1\",\"Attributes\":{"
	  "\"container\":\"2\",\"name\":\"n\",\"type\":\"bridge\"}},\"scope\":\"local\",\"time\":1,"
	  "\"timeNano\":1000000000}",
	  true },
	{ "Docker: disconnect", "{\"Type\":\"network\",\"Action\":\"disconnect\"}", true },
	{ "Docker: destroy", "{\"Type\":\"network\",\"Action\":\"destroy\"}", true },
	{ "Podman: remove", "{\"Type\":\"network\",\"Action\":\"remove\"}", true },
	{ "start", "{\"status\":\"start\",\"Type\":\"container\",\"Action\":\"start\"}", true },
	{ "die", "{\"Type\":\"container\",\"Action\":\"die\"}", true },
	{ "rename", "{\"Type\":\"container\",\"Action\":\"rename\"}", true },
	{ "a container made", "{\"Type\":\"container\",\"Action\":\"create\"}", false },
	{ "a health check", "{\"Type\":\"container\",\"Action\":\"exec_start: x\"}", false },
	{ "a volume", "{\"Type\":\"volume\",\"Action\":\"create\"}", false },
	{ "no event", "{}", true },
	{ "no JSON", "x", true },
	{ "a list", "[]", true },
	{ "empty", "", true },
};

T(event)
{
	T_EACH(row, events)
	t_eq_int(parse_event(span_of(row->text)), row->news);
}

static const struct {
	const char *name;
	const char *text;
	const char *want;
} messages[] = {
	{ "as it is", "{\"message\":\"no such network\"}\n", "no such network" },
	{ "Podman", "{\"cause\":\"x\",\"message\":\"y\",\"response\":404}", "y" },
	{ "escaped", "{\"message\":\"a\\nb\"}", "a\\x0ab" },
	{ "cut", "{\"message\":\"0123456789012345678901234567890123456789\"}",
	  "0123456789012345678901234567..." },
	{ "none", "{}", "no reason is given" },
	{ "no JSON", "<html>", "no reason is given" },
};

T(message)
{
	char out[32];

	T_EACH(row, messages)
	t_eq_str(parse_message(span_of(row->text), out, sizeof(out)), row->want);
}

T_MAIN(T_TEST(list), T_TEST(detail), T_TEST(podman), T_TEST(odd_networks), T_TEST(bad_lists),
       T_TEST(odd_containers), T_TEST(mac), T_TEST(limits), T_TEST(version), T_TEST(event),
       T_TEST(message))
