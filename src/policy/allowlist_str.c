/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists written: as allow-list files, and as what a tinyproxy filter can say of them. */
#include "policy/allowlist.h"
#include "policy/doc.h"

void allowlist_str(const struct allowlist *l, struct buf *out)
{
	const char *file = NULL;
	char shown[512];

	for (size_t i = 0; i < l->n; i++) {
		const struct allow_entry *en = &l->items[i];

		if (en->file != file) {
			buf_fmt(out, "%s# from %s\n", file ? "\n" : "",
				span_show(span_of(en->file), shown, sizeof(shown)));
			file = en->file;
		}
		buf_fmt(out, "%s%s%s\n", en->text, en->comment ? "  # " : "",
			en->comment ? en->comment : "");
	}
}

/* What a filter would open more than the entry does; NULL: nothing. */
static const char *widened(const struct dest *d)
{
	if (d->proto != IPPROTO_TCP && d->proto != DEST_PROTO_ANY)
		return "it would open TCP to it";
	switch (d->target) {
	case DEST_NAME:
	case DEST_WILDCARD:
		return NULL;
	case DEST_ANY_NAME:
	case DEST_ANY:
		return "it would open everything";
	case DEST_PREFIX:
		if (d->prefix.len == addr_size(&d->prefix.addr) * 8)
			return NULL;
		return "it compares names, and a prefix is not one: write each address";
	case DEST_HOST:
		return "it knows no host that a jail could mean";
	case DEST_GROUP:
	case DEST_TARGET_COUNT:
		break;
	}
	return "it has no groups";
}

static bool has_other_ports(const struct dest *d)
{
	for (size_t i = 0; i < d->ports.n; i++)
		if (ports_at(&d->ports, i).lo != ports_at(&d->ports, i).hi ||
		    (ports_at(&d->ports, i).lo != 80 && ports_at(&d->ports, i).lo != 443))
			return true;
	return false;
}

bool allow_entry_filter(const struct allow_entry *en, struct buf *out, bool *any_port,
			struct err *e)
{
	const struct doc d = { .file = (char *)(uintptr_t)en->file };
	const char *wrong = widened(&en->dest);
	char address[PREFIX_STR_MAX];
	struct span text;

	if (wrong)
		return doc_err(&d, en->at, e, ERR_INVALID,
			       "a tinyproxy filter cannot say \"%s\": %s", en->text, wrong);
	text = en->dest.target == DEST_PREFIX ? span_of(prefix_str(&en->dest.prefix, address)) :
						name_span(en->dest.name);
	buf_str(out, en->dest.target == DEST_WILDCARD ? "^.+\\." : "^");
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '.')
			buf_char(out, '\\');
		buf_char(out, text.p[i]);
	}
	buf_str(out, "$\n");
	*any_port = has_other_ports(&en->dest);
	return true;
}
