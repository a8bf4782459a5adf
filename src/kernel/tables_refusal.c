/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>

#include "kernel/tables_internal.h"
#include "net/proto.h"

#define TEXT_MAX 512

static void ether(const uint8_t *p, struct buf *out)
{
	buf_fmt(out, "%02x:%02x:%02x:%02x:%02x:%02x", p[0], p[1], p[2], p[3], p[4], p[5]);
}

static void number(const uint8_t *p, size_t n, struct buf *out)
{
	unsigned v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	buf_fmt(out, "%u", v);
}

static void field_text(enum rs_field f, const uint8_t *p, struct buf *out)
{
	const struct rs_field_info *info = rs_field_of(f);
	char text[ADDR_STR_MAX], name[4 * 16 + 1];
	struct addr a;

	switch (info->len) {
	case 4:
		a = addr_from_v4(p);
		buf_str(out, addr_str(&a, text));
		return;
	case 6:
		ether(p, out);
		return;
	case 16:
		if (f != RS_IIFNAME && f != RS_OIFNAME && f != RS_IBRNAME) {
			a = addr_from_v6(p);
			buf_str(out, addr_str(&a, text));
			return;
		}
		buf_str(out,
			span_show(span_bytes(p, strnlen((const char *)p, 16)), name, sizeof(name)));
		return;
	default:
		if (f == RS_L4PROTO && (*p == IPPROTO_TCP || *p == IPPROTO_UDP))
			buf_str(out, *p == IPPROTO_TCP ? "tcp" : "udp");
		else
			number(p, info->len, out);
	}
}

void tables_key_text(const struct rs_set *s, const uint8_t *key, const uint8_t *end,
		     struct buf *out)
{
	size_t at = 0;

	for (size_t i = 0; i < s->n_fields; i++) {
		size_t len = rs_field_of(s->fields[i])->len;

		if (i > 0)
			buf_str(out, " . ");
		field_text(s->fields[i], key + at, out);
		if (end && memcmp(key + at, end + at, len) != 0) {
			buf_char(out, '-');
			field_text(s->fields[i], end + at, out);
		}
		at += (len + 3U) & ~(size_t)3;
	}
}

/* The attribute in which the offset lies, among those of one nest; NULL: in none. */
static const struct nlattr *at_offset(const struct nlmsghdr *nlh, const struct nlattr *nest,
				      uint32_t offset)
{
	const uint8_t *place = (const uint8_t *)nlh + offset;
	const struct nlattr *a;

	TABLES_EACH_NESTED(a, nest)
	{
		if (place >= (const uint8_t *)a && place < (const uint8_t *)mnl_attr_next(a))
			return a;
	}
	return NULL;
}

/* The element that is meant, or the only one there is. */
static void which_element(const struct batch_item *item, const struct nlmsghdr *nlh,
			  uint32_t offset, struct buf *out)
{
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *el, *list;
	struct rs_elements parsed = { 0 };

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	list = tb[NFTA_SET_ELEM_LIST_ELEMENTS];
	if (!list)
		return;
	el = at_offset(nlh, list, offset);
	if (!el) {
		el = mnl_attr_get_payload(list);
		if (mnl_attr_get_payload_len(list) > MNL_ALIGN(mnl_attr_get_len(el)))
			return; /* one of several */
	}
	if (tables_element_read(el, item->set, &parsed)) {
		buf_str(out, "element ");
		tables_key_text(item->set, parsed.items[0].key,
				item->set->flags & RS_SET_INTERVAL ? parsed.items[0].end : NULL,
				out);
		buf_str(out, " of ");
	}
	rs_elements_done(&parsed);
}

/* The word of the expression that is meant. */
static void which_expression(const struct nlmsghdr *nlh, uint32_t offset, struct buf *out)
{
	const struct nlattr *tb[NFTA_RULE_MAX + 1], *one = NULL, *x[NFTA_EXPR_MAX + 1];

	tables_attrs(nlh, tb, ARRAY_LEN(tb));
	if (tb[NFTA_RULE_EXPRESSIONS] && offset)
		one = at_offset(nlh, tb[NFTA_RULE_EXPRESSIONS], offset);
	if (!one)
		return;
	tables_nested(one, x, ARRAY_LEN(x));
	buf_fmt(out, ", at its \"%s\"", tables_str(x[NFTA_EXPR_NAME]));
}

static void which(const struct batch *b, const struct refusal *r, struct buf *out)
{
	const struct batch_item *item = &b->items[r->seq - b->seq];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(b->p + item->at);
	const char *family = tables_family_word(item->family);

	switch (item->what) {
	case BATCH_BEGIN:
	case BATCH_END:
		buf_str(out, "the rules");
		return;
	case BATCH_TABLE:
		buf_fmt(out, "table %s %s", family, RULESET_TABLE);
		return;
	case BATCH_COUNTER:
		buf_fmt(out, "counter %s", item->name);
		break;
	case BATCH_CHAIN:
		buf_fmt(out, "chain %s", item->name);
		break;
	case BATCH_SET:
		buf_fmt(out, "set %s", item->name);
		break;
	case BATCH_ELEMENTS:
		which_element(item, nlh, r->offset, out);
		buf_fmt(out, "set %s", item->name);
		break;
	case BATCH_RULE:
		if (item->rule > 0)
			buf_fmt(out, "rule %zu", item->rule);
		else
			buf_str(out, "the rules");
		buf_fmt(out, " of chain %s", item->name);
		break;
	}
	buf_fmt(out, " (%s %s)", family, RULESET_TABLE);
	if (item->what == BATCH_RULE)
		which_expression(nlh, r->offset, out);
}

/* What nf_tables means by an errno, where that is not what its text says. */
static const char *meaning(const struct batch_item *item, int errnum)
{
	switch (errnum) {
	case ENFILE:
	case ENOSPC:
		return item->what == BATCH_ELEMENTS ? "the set is full" : NULL;
	case EEXIST: /* the same once more would be none */
		return item->what == BATCH_ELEMENTS ? "it overlaps another" : NULL;
	case EBUSY:
		return "it is in use";
	case EPERM:
		return "not permitted: it takes CAP_NET_ADMIN, and no other process may own the tables";
	case EOPNOTSUPP:
		return "this kernel does not have it";
	case ENOENT:
		return item->what == BATCH_RULE ? "not there, or this kernel does not have it" :
						  NULL;
	default:
		return NULL;
	}
}

static enum err_kind kind_of(int errnum)
{
	if (errnum == EPERM || errnum == EACCES)
		return ERR_DENIED;
	return errnum == EOPNOTSUPP ? ERR_UNSUPPORTED : ERR_SYSTEM;
}

bool tables_refused(const struct batch *b, enum sent sent, const struct refusal *r, struct err *e)
{
	_cleanup_(buf_done) struct buf what = { 0 };
	const char *why;

	if (sent == SENT_UNKNOWN)
		return err_set(e, ERR_SYSTEM,
			       "the kernel's answer was lost, and nothing was changed");
	if (sent == SENT_NOT && r->errnum == EMSGSIZE)
		return err_set(
			e, ERR_LIMIT,
			"the rules are too large for one transaction (%zu KiB): larger ones "
			"than net.core.wmem_max need CAP_NET_ADMIN outside of user namespaces",
			b->n >> 10);
	if (sent == SENT_NOT)
		return err_sys(e, r->errnum, "the rules cannot be sent to the kernel");
	buf_init(&what, TEXT_MAX);
	which(b, r, &what);
	why = meaning(&b->items[r->seq - b->seq], r->errnum);
	if (*r->said)
		buf_fmt(&what, " (\"%s\")", r->said);
	return err_set(e, kind_of(r->errnum),
		       why ? "the kernel refused %s: %s (%s)" : "the kernel refused %s: %s%s",
		       buf_cstr(&what), why ? why : strerror(r->errnum),
		       why ? strerror(r->errnum) : "");
}
