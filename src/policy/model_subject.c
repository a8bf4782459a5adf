/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `subjects: [{network | container | cgroup | proxy, policy}]`; model_network.c has the rest */
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "policy/model.h"
#include "policy/schema.h"

static bool set_subject(const struct doc *d, const struct node *v, enum subject_kind kind,
			const struct node *id, struct model_subject *s, struct err *e)
{
	if (s->id)
		return doc_err(
			d, v->key_at, e, ERR_INVALID,
			"read \"%s\" in a subject that already has one: expected one a subject",
			v->key);
	s->kind = kind;
	s->id = id;
	return true;
}

static bool read_network(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	if (v->kind != NODE_TEXT || v->text[0] == '\0' || node_is_null(v) ||
	    strlen(v->text) > LIMIT_NETWORK_NAME)
		return schema_err(d, v, v->key, "the name of a network, of 1 to 128 bytes", e);
	return set_subject(d, v, SUBJECT_NETWORK, v, into, e);
}

static bool read_container_name(const struct doc *d, const struct node *v, void *into,
				struct err *e)
{
	if (v->kind != NODE_TEXT || v->text[0] == '\0' || node_is_null(v))
		return schema_err(d, v, v->key, "a container's name, or {label: KEY=VALUE}", e);
	return set_subject(d, v, SUBJECT_CONTAINER, v, into, e);
}

static bool read_label(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	if (v->kind != NODE_TEXT || v->text[0] == '=' || !strchr(v->text, '='))
		return schema_err(d, v, v->key, "KEY=VALUE", e);
	return set_subject(d, v, SUBJECT_LABEL, v, into, e);
}

static const struct schema_key container_keys[] = {
	{ "name", read_container_name, false },
	{ "label", read_label, false },
};

static bool read_container(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	if (v->kind != NODE_MAP)
		return read_container_name(d, v, into, e);
	if (v->n == 0)
		return schema_err(d, v, v->key, "{label: KEY=VALUE} or a name", e);
	return schema_map(d, v, "a container", container_keys, ARRAY_LEN(container_keys), into, e);
}

/* A path below the root of the cgroup tree, without "..", "." or empty parts. */
static bool is_cgroup_path(const char *path)
{
	struct span rest = span_of(path), part;

	if (rest.n == 0 || rest.p[rest.n - 1] == '/')
		return false;
	while (span_next(&rest, '/', &part))
		if (part.n == 0 || span_eq(part, SPAN_LIT(".")) || span_eq(part, SPAN_LIT("..")))
			return false;
	return true;
}

static bool read_cgroup(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	if (v->kind != NODE_TEXT || node_is_null(v) || !is_cgroup_path(v->text))
		return schema_err(d, v, v->key,
				  "a path below /sys/fs/cgroup, like system.slice/tool.service", e);
	return set_subject(d, v, SUBJECT_CGROUP, v, into, e);
}

/* ADDR:PORT or [ADDR]:PORT. */
static bool is_listener(struct span s)
{
	struct err ignored = { 0 };
	ptrdiff_t colon = span_rfind(s, ':');
	struct span host;
	struct addr addr;
	uint64_t port;

	if (colon < 0)
		return false;
	host = span_first(s, (size_t)colon);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct span){ host.p + 1, host.n - 2 };
	else if (span_find(host, ':') >= 0)
		return false;
	return addr_parse(host, &addr, &ignored) &&
	       num_parse(span_from(s, (size_t)colon + 1), "port", 1, 65535, &port, &ignored);
}

static bool read_proxy(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	if (v->kind != NODE_TEXT || !is_listener(node_span(v)))
		return schema_err(d, v, v->key, "ADDRESS:PORT, like 127.0.0.1:8888", e);
	return set_subject(d, v, SUBJECT_PROXY, v, into, e);
}

static bool read_user(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model_subject *s = into;

	if (v->kind != NODE_TEXT || node_is_null(v) || v->text[0] == '\0' ||
	    strlen(v->text) > 255 || strchr(v->text, ':'))
		return schema_err(d, v, v->key, "the name of a user, 1 to 255 bytes without \":\"",
				  e);
	s->user = v;
	return true;
}

static bool read_subject_policy(const struct doc *d, const struct node *v, void *into,
				struct err *e)
{
	struct model_subject *s = into;

	if (v->kind != NODE_TEXT || node_is_null(v))
		return schema_err(d, v, v->key, "the name of a policy", e);
	s->policy = v;
	return true;
}

static const struct schema_key subject_keys[] = {
	{ "network", read_network, false },
	{ "container", read_container, false },
	{ "cgroup", read_cgroup, false },
	{ "proxy", read_proxy, false },
	{ "user", read_user, false },
	{ "policy", read_subject_policy, false },
	{ "bridge", model_bridge_read, false },
	{ "subnet", model_subnet_read, false },
	{ "gateway", model_gateway_read, false },
	{ "lateral", model_lateral_read, false },
	{ "create", model_create_read, false },
	{ "controller", model_controller_read, false },
};

/* What the keys of one subject say together. */
static bool finish_subject(const struct doc *d, struct model_subject *s, struct err *e)
{
	if (!s->id)
		return doc_err(d, s->at, e, ERR_INVALID,
			       "a subject without network, container, cgroup or proxy");
	if (s->user && s->kind != SUBJECT_PROXY)
		return doc_err(d, s->user->key_at, e, ERR_INVALID,
			       "\"user\" in a subject that is no proxy: only clients of a "
			       "proxy log in");
	if (!s->policy)
		return doc_err(d, s->at, e, ERR_INVALID,
			       "a subject without a policy: expected \"policy: NAME\"");
	if (s->kind == SUBJECT_NETWORK)
		return model_network_finish(d, s, e);
	if (s->network.any)
		return doc_err(d, s->network.any->key_at, e, ERR_INVALID,
			       "\"%s\" in a subject that is no network", s->network.any->key);
	return true;
}

bool model_subjects_read(const struct doc *d, const struct node *v, void *into, struct err *e)
{
	struct model *m = into;

	if (v->kind != NODE_LIST)
		return schema_err(d, v, v->key, "a list of subjects, each after \"- \"", e);
	m->subjects = xcalloc(v->n, sizeof(*m->subjects));
	for (const struct node *c = v->first; c; c = c->next) {
		struct model_subject *s = &m->subjects[m->n_subjects++];

		s->at = c->at;
		if (!schema_map(d, c, "a subject", subject_keys, ARRAY_LEN(subject_keys), s, e) ||
		    !finish_subject(d, s, e))
			return false;
	}
	return true;
}
